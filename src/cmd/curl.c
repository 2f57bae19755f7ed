/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * cmd/curl: a request as a command that people can run, change and show to
 * others. Everything is quoted for the shell, bytes that a terminal would
 * choke on as \xNN, so pasting it does what it says and nothing else. It never
 * holds a secret.
 */
#include "cmd/curl.h"

#include "base/mem.h"
#include "base/text.h"
#include "model/mask.h"

#include <stdint.h>
#include <string.h>
#include <unistd.h>

enum { SMALL_MAX = 64 * 1024 };

/* True when the text looks on a terminal as it is, but for line ends. */
static bool is_plain(const char *text, size_t len)
{
	auto_buf struct buf visible = BUF_INIT(len * 4 + 1);
	size_t at = 0;

	while (at < len) {
		const char *end = memchr(text + at, '\n', len - at);
		size_t line = end ? (size_t)(end - text) - at : len - at;

		buf_reset(&visible);
		text_visible(&visible, text + at, line);
		if (visible.len != line)
			return false;
		at += line + 1;
	}
	return true;
}

/* 'text', with '\'' for a quote; $'…' when some bytes are not to be seen. */
static void quote(struct buf *out, const char *text, size_t len)
{
	bool plain = is_plain(text, len);
	size_t i;

	buf_puts(out, plain ? "'" : "$'");
	for (i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (plain && c == '\'')
			buf_puts(out, "'\\''");
		else if (!plain && (c == '\'' || c == '\\'))
			buf_printf(out, "\\%c", c);
		else if (!plain && (c < ' ' || c > '~'))
			buf_printf(out, "\\x%02x", c);
		else
			buf_putc(out, (char)c);
	}
	buf_putc(out, '\'');
}

static void quote_text(struct buf *out, const char *text)
{
	quote(out, text, strlen(text));
}

/* ---- secrets ----------------------------------------------------------- */

static const char *member(const json_t *origin, const char *key)
{
	const char *text = json_string_value(json_object_get(origin, key));

	return text ? text : "";
}

/* As flow/secret looks: beside the file that names it, then in the
 * configuration directory. */
static char *secret_path(const struct conf *conf, const json_t *origin)
{
	const char *name = member(origin, "file");
	char *beside;

	if (name[0] == '/')
		return mem_strdup(name);
	beside = mem_printf("%s/%s", member(origin, "base"), name);
	if (access(beside, F_OK) == 0)
		return beside;
	free(beside);
	return mem_printf("%s/%s", conf->dir, name);
}

/* A shell word that gives the secret without its last newline. */
static void put_source(
    struct buf *out, const struct conf *conf, const json_t *origin)
{
	if (*member(origin, "file")) {
		auto_free char *path = secret_path(conf, origin);

		buf_puts(out, "\"$(cat ");
		quote_text(out, path);
		buf_puts(out, ")\"");
	} else if (*member(origin, "env")) {
		buf_puts(out, "\"$(printenv ");
		quote_text(out, member(origin, "env"));
		buf_puts(out, ")\"");
	} else {
		buf_puts(out, "\"$(cat \"$CREDENTIALS_DIRECTORY\"/");
		quote_text(out, member(origin, "credential"));
		buf_puts(out, ")\"");
	}
}

/* A part of printf's format; a text from outside is to come out as it is. */
static void put_format(struct buf *format, const char *part, bool outside)
{
	for (; *part; part++) {
		if (outside && (*part == '%' || *part == '\\'))
			buf_putc(format, *part);
		buf_putc(format, *part);
	}
}

/* <(printf 'before %s after\n' "$(cat FILE)"): a builtin of the shell. */
static void put_pipe(struct buf *out, const struct conf *conf,
    const json_t *origin, const char *before, const char *after)
{
	auto_buf struct buf format = BUF_INIT(SMALL_MAX);
	const char *parts[] = { before, member(origin, "prefix"), "%s",
		member(origin, "suffix"), after };
	size_t i;

	for (i = 0; i < sizeof(parts) / sizeof(*parts); i++)
		put_format(&format, parts[i], i == 1 || i == 3);
	buf_puts(out, "<(printf ");
	quote_text(out, buf_text(&format));
	buf_putc(out, ' ');
	put_source(out, conf, origin);
	buf_putc(out, ')');
}

/* ---- the command ------------------------------------------------------- */

static void put_header(struct buf *out, struct buf *notes,
    const struct trial *trial, const struct endpoint *endpoint,
    const struct header *header)
{
	auto_free char *line = NULL;
	auto_free char *before = mem_printf("%s: ", header->name);

	buf_puts(out, " \\\n  -H ");
	if (header->origin) {
		buf_putc(out, '@');
		put_pipe(out, trial->conf, header->origin, before, "\\n");
		return;
	}
	if (trial_is_configured(trial, endpoint, header->name)) {
		buf_printf(notes,
		    "# header %s is masked: put in its value from webhook "
		    "%s\n",
		    header->name, trial->webhook->id);
		line = mem_printf("%s: %s", header->name, mask_text);
	} else {
		line = mem_printf("%s: %s", header->name, header->value);
	}
	quote_text(out, line);
}

static void put_url(struct buf *out, struct buf *notes,
    const struct trial *trial, const struct endpoint *endpoint)
{
	auto_buf struct buf shown = BUF_INIT(SMALL_MAX);

	buf_puts(out, " \\\n  ");
	if (endpoint->url_origin) {
		buf_puts(out, "-K ");
		put_pipe(out, trial->conf, endpoint->url_origin, "url = \"",
		    "\"\\n");
		return;
	}
	mask_url(&shown, endpoint->url, false);
	if (strcmp(buf_text(&shown), endpoint->url) != 0)
		buf_printf(notes,
		    "# the URL is masked: put in what webhook %s has\n",
		    trial->webhook->id);
	quote(out, buf_text(&shown), shown.len);
}

/* Proxy and CA file, as the daemon would have them. */
static void put_way(struct buf *out, struct buf *notes, const struct conf *conf)
{
	auto_buf struct buf shown = BUF_INIT(SMALL_MAX);

	if (conf->ca_file) {
		buf_puts(out, " \\\n  --cacert ");
		quote_text(out, conf->ca_file);
	}
	if (!conf->proxy) {
		buf_puts(out, " \\\n  --noproxy '*'");
		return;
	}
	mask_url(&shown, conf->proxy, conf->proxy_origin != NULL);
	if (strcmp(buf_text(&shown), conf->proxy) != 0)
		buf_puts(notes,
		    "# the proxy's URL is masked: put in delivery.proxy\n");
	buf_puts(out, " \\\n  -x ");
	quote(out, buf_text(&shown), shown.len);
}

static void put_options(struct buf *out, const struct request *request)
{
	buf_printf(out,
	    "curl -sS -i --http1.1 --path-as-is -X %s \\\n"
	    "  --connect-timeout %lld.%03lld --max-time %lld.%03lld",
	    request->method, (long long)request->connect_timeout_ms / 1000,
	    (long long)request->connect_timeout_ms % 1000,
	    (long long)request->timeout_ms / 1000,
	    (long long)request->timeout_ms % 1000);
}

void curl_command(struct buf *out, const struct trial *trial,
    const struct endpoint *endpoint, const struct request *request)
{
	auto_buf struct buf notes = BUF_INIT(SMALL_MAX);
	auto_buf struct buf command = BUF_INIT(SIZE_MAX / 8);
	size_t i;

	put_options(&command, request);
	put_way(&command, &notes, trial->conf);
	buf_puts(&command, " \\\n  -H 'Expect:'");
	for (i = 0; i < request->header_count; i++)
		put_header(
		    &command, &notes, trial, endpoint, &request->headers[i]);
	buf_puts(&command, " \\\n  --data-binary @<(printf %s ");
	quote(&command, request->body, request->body_len);
	buf_putc(&command, ')');
	put_url(&command, &notes, trial, endpoint);
	buf_printf(out, "# webhook %s, endpoint %s\n", trial->webhook->id,
	    endpoint->id);
	buf_add(out, buf_text(&notes), notes.len);
	buf_add(out, buf_text(&command), command.len);
	buf_putc(out, '\n');
}
