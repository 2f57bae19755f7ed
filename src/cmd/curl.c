/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * cmd/curl: a request as a command that people can run, change and show to
 * others, in any POSIX shell with a /dev/fd. Everything is quoted for it, bytes
 * that a terminal would choke on as octal numbers, so pasting it does what it
 * says and nothing else. It never holds a secret: it fetches those when it
 * runs, and hands them to curl by a here-document.
 */
#include "cmd/curl.h"

#include "base/mem.h"
#include "base/text.h"
#include "model/mask.h"

#include <stdint.h>
#include <string.h>
#include <unistd.h>

enum { SMALL_MAX = 64 * 1024 };

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
/* They mean nothing to a shell's here-document, nor to curl. */
#define SCHEME_BYTES LETTERS "0123456789-"
#define URL_BYTES    SCHEME_BYTES "._~:/%+,;="

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

/* printf 'text', byte for byte. */
static void put_printf(struct buf *out, const char *text, size_t len)
{
	size_t i;

	buf_puts(out, "printf '");
	for (i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c == '%')
			buf_puts(out, "%%");
		else if ((c < ' ' && c != '\n') || c > '~' || c == '\\' ||
		    c == '\'' || c == '!')
			buf_printf(out, "\\%03o", c);
		else
			buf_putc(out, (char)c);
	}
	buf_putc(out, '\'');
}

/* 'text', with '\'' for a quote. When some bytes are not to be seen, printf
 * makes them of their octal numbers: all shells know those. */
static void quote(struct buf *out, const char *text, size_t len)
{
	size_t i;

	if (!is_plain(text, len)) {
		buf_puts(out, "\"$(");
		put_printf(out, text, len);
		buf_puts(out, ")\"");
		return;
	}
	buf_putc(out, '\'');
	for (i = 0; i < len; i++) {
		if (text[i] == '\'')
			buf_puts(out, "'\\''");
		else
			buf_putc(out, text[i]);
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

/* What stands before and after a secret is written for people, but not always
 * harmless: "user=x&key=" may be there as well. So only the word of a scheme
 * ("Bearer ") and the beginning of a URL are shown. */
static bool is_scheme(const char *text)
{
	size_t word = strspn(text, SCHEME_BYTES);

	return word && text[word] == ' ' && !text[word + 1];
}

/* "https://", or one with a path, before which the host has ended. */
static bool is_url_start(const char *text)
{
	const char *host = strstr(text, "://");

	return host && !strpbrk(text, "@?#") &&
	    text[strspn(text, URL_BYTES)] == '\0' &&
	    (!host[3] || strchr(host + 3, '/'));
}

static bool is_path(const char *text)
{
	return *text == '/' && text[strspn(text, URL_BYTES)] == '\0';
}

/* A part of a line of curl's configuration; "***" unless it may be seen. */
static bool put_part(struct buf *out, const char *text, bool seen)
{
	if (!*text)
		return false;
	buf_puts(out, seen ? text : mask_text);
	return !seen;
}

/* $(sed … FILE): the secret, quoted for curl, without its last newline. */
static void put_source(
    struct buf *out, const struct conf *conf, const json_t *origin)
{
	static const char escape[] = "sed 's/[\"\\]/\\\\&/g'";

	if (*member(origin, "file")) {
		auto_free char *path = secret_path(conf, origin);

		buf_printf(out, "$(%s ", escape);
		quote_text(out, path);
	} else if (*member(origin, "env")) {
		buf_puts(out, "$(printenv ");
		quote_text(out, member(origin, "env"));
		buf_printf(out, " | %s", escape);
	} else {
		buf_printf(out, "$(%s \"$CREDENTIALS_DIRECTORY\"/", escape);
		quote_text(out, member(origin, "credential"));
	}
	buf_putc(out, ')');
}

/* ---- the command ------------------------------------------------------- */

/* While a command is put together. */
struct command {
	const struct trial *trial;
	const struct endpoint *endpoint;
	struct buf notes; /* comments before it */
	struct buf text;
	struct buf secrets; /* lines that curl reads from descriptor 3 */
};

static void put_secret_header(struct command *c, const struct header *header)
{
	const json_t *origin = header->origin;
	const char *prefix = member(origin, "prefix");
	bool masked;

	buf_printf(&c->secrets, "header = \"%s: ", header->name);
	masked = put_part(&c->secrets, prefix, is_scheme(prefix));
	put_source(&c->secrets, c->trial->conf, origin);
	masked |= put_part(&c->secrets, member(origin, "suffix"), false);
	buf_puts(&c->secrets, "\"\n");
	if (masked)
		buf_printf(&c->notes,
		    "# of header %s a part is masked: put in what webhook %s "
		    "has\n",
		    header->name, c->trial->webhook->id);
}

static void put_header(struct command *c, const struct header *header)
{
	auto_free char *line = NULL;

	if (header->origin) {
		put_secret_header(c, header);
		return;
	}
	if (trial_is_configured(c->trial, c->endpoint, header->name)) {
		buf_printf(&c->notes,
		    "# header %s is masked: put in its value from webhook "
		    "%s\n",
		    header->name, c->trial->webhook->id);
		line = mem_printf("%s: %s", header->name, mask_text);
	} else {
		line = mem_printf("%s: %s", header->name, header->value);
	}
	buf_puts(&c->text, " \\\n  -H ");
	quote_text(&c->text, line);
}

static bool put_secret_url(struct command *c, const json_t *origin)
{
	const char *prefix = member(origin, "prefix");
	const char *suffix = member(origin, "suffix");
	bool masked;

	buf_puts(&c->secrets, "url = \"");
	masked = put_part(&c->secrets, prefix, is_url_start(prefix));
	put_source(&c->secrets, c->trial->conf, origin);
	masked |= put_part(&c->secrets, suffix, is_path(suffix));
	buf_puts(&c->secrets, "\"\n");
	return masked;
}

static bool put_plain_url(struct command *c, const char *url)
{
	auto_buf struct buf shown = BUF_INIT(SMALL_MAX);

	mask_url(&shown, url, false);
	buf_puts(&c->text, " \\\n  ");
	quote(&c->text, buf_text(&shown), shown.len);
	return strcmp(buf_text(&shown), url) != 0;
}

static void put_url(struct command *c)
{
	const struct endpoint *endpoint = c->endpoint;
	bool masked = endpoint->url_origin
	    ? put_secret_url(c, endpoint->url_origin)
	    : put_plain_url(c, endpoint->url);

	if (masked)
		buf_printf(&c->notes,
		    "# the URL is masked: put in what webhook %s has\n",
		    c->trial->webhook->id);
}

/* Proxy and CA file, as the daemon would have them. */
static void put_way(struct command *c)
{
	const struct conf *conf = c->trial->conf;
	auto_buf struct buf shown = BUF_INIT(SMALL_MAX);

	if (conf->ca_file) {
		buf_puts(&c->text, " \\\n  --cacert ");
		quote_text(&c->text, conf->ca_file);
	}
	if (!conf->proxy) {
		buf_puts(&c->text, " \\\n  --noproxy '*'");
		return;
	}
	mask_url(&shown, conf->proxy, conf->proxy_origin != NULL);
	if (strcmp(buf_text(&shown), conf->proxy) != 0)
		buf_puts(&c->notes,
		    "# the proxy's URL is masked: put in delivery.proxy\n");
	buf_puts(&c->text, " \\\n  -x ");
	quote(&c->text, buf_text(&shown), shown.len);
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

/* The body comes by standard input: no argument can be so long. */
static void put_body(struct buf *out, const struct request *request)
{
	if (is_plain(request->body, request->body_len)) {
		buf_puts(out, "printf %s ");
		quote(out, request->body, request->body_len);
	} else {
		put_printf(out, request->body, request->body_len);
	}
	buf_puts(out, " |\n");
}

/* Secrets come by a here-document, so they never are an argument. */
static void put_secrets(struct command *c)
{
	if (!c->secrets.len)
		return;
	buf_puts(&c->text, " \\\n  -K /dev/fd/3 3<<SECRETS\n");
	buf_add(&c->text, buf_text(&c->secrets), c->secrets.len);
	buf_puts(&c->text, "SECRETS");
}

static void put_command(struct command *c, const struct request *request)
{
	size_t i;

	put_body(&c->text, request);
	put_options(&c->text, request);
	put_way(c);
	buf_puts(&c->text, " \\\n  -H 'Expect:'");
	for (i = 0; i < request->header_count; i++)
		put_header(c, &request->headers[i]);
	buf_puts(&c->text, " \\\n  --data-binary @-");
	put_url(c);
	put_secrets(c);
	buf_putc(&c->text, '\n');
}

void curl_command(struct buf *out, const struct trial *trial,
    const struct endpoint *endpoint, const struct request *request)
{
	struct command c = {
		.trial = trial,
		.endpoint = endpoint,
		.notes = BUF_INIT(SMALL_MAX),
		.text = BUF_INIT(SIZE_MAX / 8),
		.secrets = BUF_INIT(SMALL_MAX),
	};

	put_command(&c, request);
	buf_printf(out, "# webhook %s, endpoint %s\n", trial->webhook->id,
	    endpoint->id);
	buf_add(out, buf_text(&c.notes), c.notes.len);
	buf_add(out, buf_text(&c.text), c.text.len);
	buf_clear(&c.notes);
	buf_clear(&c.text);
	buf_clear(&c.secrets);
}
