/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * model/conf_settings: the tables of spoolhook.json, and the rules that hold
 * between its keys. A key that is missing keeps its default, so an empty
 * object is a whole configuration. Pure: paths are joined, never looked at.
 */
#include "base/mem.h"
#include "model/conf_check.h"
#include "model/conf_part.h"

#include <stdlib.h>
#include <string.h>

enum {
	MS = 1,
	SECOND = 1000,
	MINUTE = 60 * SECOND,
	HOUR = 60 * MINUTE,
};
#define DAY	  (24 * (int64_t)HOUR)
#define TEN_YEARS (3650 * DAY)

enum { KIB = 1024, MIB = 1024 * KIB };
#define TIB ((int64_t)MIB * MIB)

enum {
	INPUTS_MAX = 64,
	PATTERNS_MAX = 32,
	IN_FLIGHT_MAX = 4096,
	TEXT_MAX = 256,
	RECIPIENTS_MAX = 64,
	SMTPS_PORT = 465,
};

static const char *const default_patterns[] = { "*.json", "*.jsonl", "*.ndjson",
	NULL };

/* ---- spool ------------------------------------------------------------- */

/* "*.json *.jsonl" as a list; NULL when one is wrong (was said). */
static char **split_patterns(struct reader *r, const char *text)
{
	char **list = mem_array(PATTERNS_MAX + 1, sizeof(*list));
	size_t count = 0;

	for (text += strspn(text, " "); *text; text += strspn(text, " ")) {
		size_t len = strcspn(text, " ");
		const char *wrong;

		if (count == PATTERNS_MAX) {
			reader_say(r, "out-of-range", NULL,
			    "holds more than %d patterns", PATTERNS_MAX);
			break;
		}
		list[count] = mem_strndup(text, len);
		wrong = check_pattern(list[count++]);
		if (wrong)
			reader_say(r, "bad-value", NULL, "%s", wrong);
		text += len;
	}
	if (!count)
		reader_say(r, "bad-value", NULL, "is empty");
	return list;
}

static void read_pattern(
    struct reader *r, const struct key *key, json_t *json, void *field)
{
	char ***patterns = field;

	if (!json_is_string(json)) {
		read_list(r, key, json, field);
		return;
	}
	list_free(*patterns);
	*patterns = split_patterns(r, json_string_value(json));
}

static const struct key input_keys[] = {
	KEY("dir", read_path, .offset = offsetof(struct input, dir)),
	KEY("pattern", read_pattern, .offset = offsetof(struct input, patterns),
	    .min = 1, .max = PATTERNS_MAX, .check = check_pattern),
	KEY_END,
};

static void check_input(struct reader *r, const struct conf *conf)
{
	const struct input *last = &conf->inputs[conf->input_count - 1];
	const struct input *other;

	for (other = conf->inputs; last->dir && other < last; other++) {
		if (other->dir && strcmp(other->dir, last->dir) == 0)
			reader_say(r, "duplicate-input", NULL,
			    "is a directory that another input names");
	}
}

static void read_inputs(
    struct reader *r, const struct key *key, json_t *json, void *field)
{
	struct conf *conf = field;
	int count = read_count(r, json, 0, INPUTS_MAX, "inputs");
	int i;

	(void)key;
	if (count < 0)
		return;
	conf->inputs = mem_array((size_t)count, sizeof(*conf->inputs));
	for (i = 0; i < count; i++) {
		size_t mark = reader_enter_index(r, (size_t)i);
		struct input *input = &conf->inputs[i];
		json_t *element = json_array_get(json, (size_t)i);

		conf->input_count = (size_t)i + 1;
		input->patterns = list_copy(default_patterns);
		if (read_members(r, input_keys, element, input) &&
		    !json_object_get(element, "dir"))
			reader_say_missing(r, "dir");
		check_input(r, conf);
		reader_leave(r, mark);
	}
}

#define FIELD(member) offsetof(struct conf, member)

static const struct key spool_keys[] = {
	KEY("dir", read_path, .offset = FIELD(spool_dir)),
	KEY("inputs", read_inputs),
	KEY("settle", read_duration, .offset = FIELD(settle_ms),
	    .min = 100 * MS, .max = DAY),
	KEY("rescan", read_duration, .offset = FIELD(rescan_ms),
	    .min = 100 * MS, .max = HOUR),
	KEY("max_event_size", read_size, .offset = FIELD(max_event_size),
	    .min = KIB, .max = 64 * MIB),
	KEY("min_free", read_size, .offset = FIELD(min_free), .min = 0,
	    .max = TIB),
	KEY_END,
};

static const struct key retention_keys[] = {
	KEY("delivered", read_duration, .offset = FIELD(retention.delivered_ms),
	    .min = 0, .max = TEN_YEARS),
	KEY("dead", read_duration, .offset = FIELD(retention.dead_ms), .min = 0,
	    .max = TEN_YEARS),
	KEY("unmatched", read_duration, .offset = FIELD(retention.unmatched_ms),
	    .min = 0, .max = TEN_YEARS),
	KEY("rejected", read_duration, .offset = FIELD(retention.rejected_ms),
	    .min = 0, .max = TEN_YEARS),
	KEY("max_size", read_size, .offset = FIELD(retention.max_size),
	    .min = 0, .max = TIB),
	KEY_END,
};

/* ---- log, delivery ----------------------------------------------------- */

/* In the order of enum say_level. */
static const char *const levels[] = { "error", "warning", "info", "debug",
	NULL };
enum { LEVEL_INFO = 2 };

static const struct key log_keys[] = {
	KEY("file", read_path, .offset = FIELD(log_file)),
	KEY("level", read_choice, .offset = FIELD(log_level), .words = levels),
	KEY_END,
};

static void read_proxy(
    struct reader *r, const struct key *key, json_t *json, void *field)
{
	struct conf *conf = field;
	bool secret;

	(void)key;
	free(conf->proxy);
	json_decref(conf->proxy_origin);
	conf->proxy_origin = secret_origin(r, json);
	conf->proxy = url_read(r, json, &secret);
}

static const struct key delivery_keys[] = {
	KEY("max_in_flight", read_int, .offset = FIELD(max_in_flight), .min = 1,
	    .max = IN_FLIGHT_MAX),
	KEY("user_agent", read_text, .offset = FIELD(user_agent),
	    .max = TEXT_MAX, .check = check_word),
	KEY("ca_file", read_path, .offset = FIELD(ca_file)),
	KEY("proxy", read_proxy),
	KEY_END,
};

static const struct key metrics_keys[] = {
	KEY("textfile", read_path, .offset = FIELD(metrics_textfile)),
	KEY("interval", read_duration, .offset = FIELD(metrics_interval_ms),
	    .min = SECOND, .max = HOUR),
	KEY_END,
};

/* ---- mail -------------------------------------------------------------- */

static void read_server(
    struct reader *r, const struct key *key, json_t *json, void *field)
{
	const char *server = read_element(r, check_server, json);
	char **place = field;
	int port;

	(void)key;
	if (!server)
		return;
	port = server_port(server);
	if (port == SMTPS_PORT) {
		reader_say(r, "smtps",
		    "use port 587 with \"starttls\": \"required\", or a relay "
		    "on this host",
		    "names port 465, whose TLS from the first byte is not "
		    "spoken here");
		return;
	}
	free(*place);
	*place = port ? mem_strdup(server) : mem_printf("%s:25", server);
}

static void read_starttls(
    struct reader *r, const struct key *key, json_t *json, void *field)
{
	static const char *const words[] = { "off", "required", NULL };
	struct key choice = { .words = words };
	struct mail_settings *mail = field;
	int word = (int)mail->starttls;

	(void)key;
	read_choice(r, &choice, json, &word);
	mail->starttls = (enum starttls)word;
}

static void read_password(
    struct reader *r, const struct key *key, json_t *json, void *field)
{
	struct mail_settings *mail = field;
	auto_free char *password = NULL;
	const char *wrong;
	bool secret;

	(void)key;
	password = read_secret(r, json, &secret);
	if (!password)
		return;
	wrong = secret && !*password ? NULL : check_word(password);
	if (wrong) {
		reader_say(r, "bad-value", NULL, "%s", wrong);
		return;
	}
	free(mail->password);
	json_decref(mail->password_origin);
	mail->password = take(&password);
	mail->password_origin = secret_origin(r, json);
}

#define MAIL(member) offsetof(struct mail_settings, member)

static const struct key auth_keys[] = {
	KEY("user", read_text, .offset = MAIL(user), .max = TEXT_MAX,
	    .check = check_word),
	KEY("password", read_password),
	KEY_END,
};

static void read_auth(
    struct reader *r, const struct key *key, json_t *json, void *field)
{
	(void)key;
	if (!read_members(r, auth_keys, json, field))
		return;
	if (!json_object_get(json, "user"))
		reader_say_missing(r, "user");
	if (!json_object_get(json, "password"))
		reader_say_missing(r, "password");
}

static const struct key mail_keys[] = {
	KEY("server", read_server, .offset = MAIL(server)),
	KEY("starttls", read_starttls),
	KEY("ca_file", read_path, .offset = MAIL(ca_file)),
	KEY("auth", read_auth),
	KEY("from", read_text, .offset = MAIL(from), .max = ADDRESS_MAX,
	    .check = check_sender),
	KEY("hello", read_text, .offset = MAIL(hello), .max = TEXT_MAX,
	    .check = check_host),
	KEY("timeout", read_duration, .offset = MAIL(timeout_ms),
	    .min = 100 * MS, .max = HOUR),
	KEY("to", read_list, .offset = MAIL(to), .max = RECIPIENTS_MAX,
	    .check = check_address),
	KEY_END,
};

/* A password in clear is for everybody on the way to read. */
static void check_clear_auth(
    struct reader *r, json_t *json, const struct mail_settings *mail)
{
	size_t mark;

	if (!json_object_get(json, "auth") || !mail->server ||
	    mail->starttls == STARTTLS_REQUIRED)
		return;
	mark = reader_enter(r, "auth");
	if (server_is_loopback(mail->server))
		reader_warn(r, "auth-in-clear", NULL,
		    "sends the password without encryption, though only "
		    "within this host");
	else
		reader_say(r, "auth-in-clear", "set \"starttls\": \"required\"",
		    "would send the password over the network without "
		    "encryption");
	reader_leave(r, mark);
}

static void read_mail(
    struct reader *r, const struct key *key, json_t *json, void *field)
{
	struct mail_settings *mail = field;

	(void)key;
	if (read_members(r, mail_keys, json, mail))
		check_clear_auth(r, json, mail);
}

/* ---- the file ---------------------------------------------------------- */

/* "defaults" are read by settings_read, for they are not in struct conf. */
static void pass(
    struct reader *r, const struct key *key, json_t *json, void *field)
{
	(void)r;
	(void)key;
	(void)json;
	(void)field;
}

static const struct key file_keys[] = {
	KEY("$schema", read_nothing),
	KEY("spool", read_object, .keys = spool_keys),
	KEY("retention", read_object, .keys = retention_keys),
	KEY("log", read_object, .keys = log_keys),
	KEY("delivery", read_object, .keys = delivery_keys),
	KEY("mail", read_mail, .offset = FIELD(mail)),
	KEY("metrics", read_object, .keys = metrics_keys),
	KEY("webhooks_dir", read_path, .offset = FIELD(webhooks_dir)),
	KEY("templates_dir", read_path, .offset = FIELD(templates_dir)),
	KEY("defaults", pass),
	KEY_END,
};

void settings_read(struct reader *r, json_t *json, struct settings *settings)
{
	json_t *defaults;
	size_t mark;

	if (!read_members(r, file_keys, json, settings->conf))
		return;
	defaults = json_object_get(json, "defaults");
	if (!defaults)
		return;
	mark = reader_enter(r, "defaults");
	webhook_read_defaults(r, defaults, settings->defaults);
	reader_leave(r, mark);
	if (settings->defaults->filter)
		settings->default_filter =
		    json_incref(json_object_get(defaults, "filter"));
}

void settings_init(struct conf *conf, const char *dir)
{
	*conf = (struct conf){ .dir = mem_strdup(dir),
		.spool_dir = mem_strdup("/var/spool/spoolhook"),
		.settle_ms = 60 * SECOND,
		.rescan_ms = 30 * SECOND,
		.max_event_size = MIB,
		.min_free = 64 * MIB,
		.retention = { .delivered_ms = 7 * DAY,
		    .dead_ms = 30 * DAY,
		    .unmatched_ms = DAY,
		    .rejected_ms = 30 * DAY,
		    .max_size = (int64_t)KIB * MIB },
		.log_level = LEVEL_INFO,
		.max_in_flight = 256,
		.mail = { .timeout_ms = MINUTE },
		.metrics_interval_ms = 15 * SECOND,
		.webhooks_dir = mem_printf("%s/webhooks.d", dir),
		.templates_dir = mem_printf("%s/templates", dir) };
	conf->mail.to = mem_array(1, sizeof(*conf->mail.to));
}

/* The spool's own drop box is always an input: `submit` writes there. */
static void add_incoming(struct conf *conf)
{
	auto_free char *dir = mem_printf("%s/incoming", conf->spool_dir);
	struct input *inputs;
	size_t i;

	for (i = 0; i < conf->input_count; i++) {
		if (conf->inputs[i].dir &&
		    strcmp(conf->inputs[i].dir, dir) == 0)
			return;
	}
	inputs = mem_array(conf->input_count + 1, sizeof(*inputs));
	inputs[0] = (struct input){ .dir = take(&dir),
		.patterns = list_copy(default_patterns) };
	for (i = 0; i < conf->input_count; i++)
		inputs[i + 1] = conf->inputs[i];
	free(conf->inputs);
	conf->inputs = inputs;
	conf->input_count++;
}

void settings_complete(struct conf *conf)
{
	if (!conf->log_file)
		conf->log_file =
		    mem_printf("%s/log/delivery.jsonl", conf->spool_dir);
	add_incoming(conf);
}
