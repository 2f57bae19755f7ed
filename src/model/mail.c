/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * model/mail: what daemon and mail child say to one another, and what an
 * address and a message must be. It owns the form of both lines, so that
 * jansson stays out of flow/ and port/. Both readers take bytes of another
 * process: a wrong type, a missing member or an address with a line break is
 * refused with a sentence, and never half taken. Passwords are wiped when a job
 * is cleared. Pure; if either side dies, the other sees a line that ends too
 * early and treats it as no line at all.
 */
#include "model/mail.h"

#include "base/jot.h"
#include "base/mem.h"

#include <stdio.h>
#include <string.h>

/* Settings, a hundred addresses: far below. */
enum { LIST_MAX = (MAIL_ADDRESS_MAX + 1) * MAIL_RECIPIENTS_MAX };
enum { TIMEOUT_MS_MAX = 24 * 3600 * 1000 };

/* ---- addresses and messages --------------------------------------------- */

static bool address_valid(const char *address, size_t len)
{
	const char *at = memrchr(address, '@', len);
	size_t i;

	if (!at || at == address || at + 1 == address + len ||
	    len > MAIL_ADDRESS_MAX)
		return false;
	for (i = 0; i < len; i++) {
		unsigned char c = (unsigned char)address[i];

		if (c <= 0x20 || c >= 0x7f || strchr("<>(),;:\\\"[]", c))
			return false;
	}
	return !memchr(address, '@', (size_t)(at - address));
}

char *mail_address(const char *text)
{
	const char *open = strrchr(text, '<');
	const char *start = open ? open + 1 : text;
	const char *end;

	/* Also in the name: it would stand in a header. */
	if (text[strcspn(text, "\r\n")])
		return NULL;
	start += strspn(start, " \t");
	end = open ? strchr(start, '>') : start + strlen(start);
	if (!end || (open && end[1 + strspn(end + 1, " \t")]))
		return NULL;
	while (end > start && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	if (!address_valid(start, (size_t)(end - start)))
		return NULL;
	return mem_strndup(start, (size_t)(end - start));
}

/* True when the line begins a header field: `Name:`. */
static bool is_field(const char *line, size_t len)
{
	size_t i;

	for (i = 0; i < len && line[i] > ' ' && line[i] < 0x7f; i++) {
		if (line[i] == ':')
			return i > 0;
	}
	return false;
}

/* The length of the line at `s` without its end; *next is behind it. A lone
 * CR ends a line too: on its way to the server it would anyway. */
static size_t line_at(const char *s, size_t len, size_t *next)
{
	size_t i = 0;

	while (i < len && s[i] != '\n' && s[i] != '\r')
		i++;
	*next = i;
	if (*next < len && s[*next] == '\r')
		++*next;
	if (*next < len && s[*next] == '\n')
		++*next;
	return i;
}

int mail_normalise(
    struct buf *out, const char *message, size_t len, struct why *why)
{
	size_t number = 0;
	size_t next;

	if (!len)
		return fail(why, "the message is empty");
	if (memchr(message, '\0', len))
		return fail(why, "the message holds a NUL byte");
	if (!is_field(message, line_at(message, len, &next)))
		buf_puts(out, "\r\n");
	while (len) {
		size_t width = line_at(message, len, &next);

		number++;
		if (width > MAIL_LINE_MAX)
			return fail(why,
			    "line %zu of the message has %zu bytes, "
			    "at most %d are allowed",
			    number, width, MAIL_LINE_MAX);
		buf_add(out, message, width);
		buf_puts(out, "\r\n");
		message += next;
		len -= next;
	}
	if (out->over)
		return fail(
		    why, "the message is larger than %zu bytes", out->max);
	return 0;
}

/* ---- lists, one item a line --------------------------------------------- */

static void print_list(struct buf *out, const char *key, const char *lines)
{
	jot_open(out, key, '[');
	while (lines && *lines) {
		size_t len = strcspn(lines, "\n");

		if (len)
			jot_bytes(out, NULL, lines, len);
		lines += len + (lines[len] == '\n');
	}
	jot_close(out, ']');
}

/* Joins an array of addresses; NULL when something else is in it. */
static char *join_list(const json_t *array)
{
	auto_buf struct buf lines = BUF_INIT(LIST_MAX);
	size_t i;

	for (i = 0; i < json_array_size(array); i++) {
		const json_t *item = json_array_get(array, i);
		const char *text = json_string_value(item);

		if (!text || !address_valid(text, strlen(text)))
			return NULL;
		buf_printf(&lines, "%s%s", i ? "\n" : "", text);
	}
	return json_is_array(array) && !lines.over ? buf_steal(&lines) : NULL;
}

/* ---- the job ------------------------------------------------------------ */

void mail_job_print(struct buf *out, const struct mail_settings *settings,
    const char *from, const char *recipients)
{
	jot_open(out, NULL, '{');
	jot_str(out, "server", settings->server);
	jot_bool(out, "starttls", settings->starttls == STARTTLS_REQUIRED);
	jot_str(out, "ca_file", settings->ca_file);
	jot_str(out, "user", settings->user);
	jot_str(out, "password", settings->password);
	jot_str(out, "hello", settings->hello);
	jot_int(out, "timeout_ms", settings->timeout_ms);
	jot_str(out, "from", from);
	print_list(out, "recipients", recipients);
	jot_close(out, '}');
	buf_putc(out, '\n');
}

/* A string without control characters, or null; the caller's. */
static int get_text(
    const json_t *json, const char *key, char **out, struct why *why)
{
	const json_t *value = json_object_get(json, key);
	const char *c = json_string_value(value);

	if (!value || json_is_null(value))
		return 0;
	if (!c)
		return fail(why, "mail job: \"%s\" is no string", key);
	for (; *c; c++) {
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			return fail(why,
			    "mail job: \"%s\" holds a control character", key);
	}
	*out = mem_strdup(json_string_value(value));
	return 0;
}

static int get_settings(
    const json_t *json, struct mail_settings *settings, struct why *why)
{
	const json_t *tls = json_object_get(json, "starttls");
	const json_t *timeout = json_object_get(json, "timeout_ms");

	if (get_text(json, "server", &settings->server, why) < 0 ||
	    get_text(json, "ca_file", &settings->ca_file, why) < 0 ||
	    get_text(json, "user", &settings->user, why) < 0 ||
	    get_text(json, "password", &settings->password, why) < 0 ||
	    get_text(json, "hello", &settings->hello, why) < 0)
		return -1;
	if (!settings->server)
		return fail(why, "mail job: no \"server\"");
	if (!json_is_boolean(tls))
		return fail(why, "mail job: \"starttls\" is no boolean");
	if (json_integer_value(timeout) <= 0 ||
	    json_integer_value(timeout) > TIMEOUT_MS_MAX)
		return fail(why, "mail job: \"timeout_ms\" is out of range");
	settings->starttls =
	    json_is_true(tls) ? STARTTLS_REQUIRED : STARTTLS_OFF;
	settings->timeout_ms = json_integer_value(timeout);
	return 0;
}

static int get_envelope(
    const json_t *json, struct mail_job *job, struct why *why)
{
	const json_t *list = json_object_get(json, "recipients");
	size_t count = json_array_size(list);
	size_t i;

	if (get_text(json, "from", &job->from, why) < 0)
		return -1;
	if (!job->from || !address_valid(job->from, strlen(job->from)))
		return fail(why, "mail job: \"from\" is no address");
	if (!count || count > MAIL_RECIPIENTS_MAX)
		return fail(why, "mail job: %zu recipients", count);
	job->recipients = mem_array(count + 1, sizeof(*job->recipients));
	for (i = 0; i < count; i++) {
		const char *text = json_string_value(json_array_get(list, i));

		if (!text || !address_valid(text, strlen(text)))
			return fail(
			    why, "mail job: recipient %zu is no address", i);
		job->recipients[job->recipient_count++] = mem_strdup(text);
	}
	return 0;
}

static json_t *load_object(
    const char *what, const char *line, size_t len, struct why *why)
{
	json_error_t error;
	json_t *json = json_loadb(line, len, JSON_REJECT_DUPLICATES, &error);

	if (json && json_is_object(json))
		return json;
	json_decref(json);
	fail(why, "%s: not a line of JSON", what);
	return NULL;
}

int mail_job_parse(
    struct mail_job *job, const char *line, size_t len, struct why *why)
{
	json_auto_t *json = load_object("mail job", line, len, why);

	*job = (struct mail_job){ 0 };
	if (!json)
		return -1;
	if (get_settings(json, &job->settings, why) == 0 &&
	    get_envelope(json, job, why) == 0)
		return 0;
	mail_job_clear(job);
	return -1;
}

void mail_job_clear(struct mail_job *job)
{
	struct mail_settings *settings = &job->settings;
	size_t i;

	if (settings->password)
		explicit_bzero(settings->password, strlen(settings->password));
	free(settings->server);
	free(settings->ca_file);
	free(settings->user);
	free(settings->password);
	free(settings->hello);
	free(job->from);
	for (i = 0; i < job->recipient_count; i++)
		free(job->recipients[i]);
	free(job->recipients);
	*job = (struct mail_job){ 0 };
}

/* ---- the result --------------------------------------------------------- */

void mail_result_clear(struct mail_result *result)
{
	free(result->sent);
	free(result->left);
	free(result->refused);
	*result = (struct mail_result){ 0 };
}

void mail_result_print(struct buf *out, const struct mail_result *result)
{
	jot_open(out, NULL, '{');
	print_list(out, "sent", result->sent);
	print_list(out, "left", result->left);
	print_list(out, "refused", result->refused);
	jot_bool(out, "permanent", result->permanent);
	jot_int(out, "code", result->code);
	jot_str(out, "error", result->error);
	jot_close(out, '}');
	buf_putc(out, '\n');
}

int mail_result_parse(
    struct mail_result *result, const char *line, size_t len, struct why *why)
{
	json_auto_t *json = load_object("mail result", line, len, why);
	auto_free char *sent = join_list(json_object_get(json, "sent"));
	auto_free char *left = join_list(json_object_get(json, "left"));
	auto_free char *refused = join_list(json_object_get(json, "refused"));
	const json_t *permanent = json_object_get(json, "permanent");
	const json_t *code = json_object_get(json, "code");
	const char *error = json_string_value(json_object_get(json, "error"));

	*result = (struct mail_result){ 0 };
	if (!json)
		return -1;
	if (!sent || !left || !refused || !json_is_boolean(permanent) ||
	    json_integer_value(code) < 0 || json_integer_value(code) > 999 ||
	    !json_is_integer(code) || !error)
		return fail(why, "mail result: a member is missing or wrong");
	result->sent = take(&sent);
	result->left = take(&left);
	result->refused = take(&refused);
	result->permanent = json_is_true(permanent);
	result->code = (int)json_integer_value(code);
	snprintf(result->error, sizeof(result->error), "%s", error);
	return 0;
}

void mail_result_failed(
    struct mail_result *result, const char *recipients, const char *error)
{
	*result = (struct mail_result){
		.sent = mem_strdup(""),
		.left = mem_strdup(recipients),
		.refused = mem_strdup(""),
	};
	snprintf(result->error, sizeof(result->error), "%s", error);
}
