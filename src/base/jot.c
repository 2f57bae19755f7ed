/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * base/jot: the writer of log lines, `.why.json` files and `--json` output.
 * It builds no tree: a log line costs one pass over its members.
 */
#include "base/jot.h"

#include "base/text.h"

#include <string.h>

/* Nearly all that a line holds. */
static bool is_plain(unsigned char c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

static void quote(struct buf *b, const char *s, size_t len)
{
	size_t from = 0;
	size_t i = 0;

	buf_putc(b, '"');
	while (i < len) {
		unsigned char c = (unsigned char)s[i];
		size_t width;

		if (is_plain(c)) {
			i++;
			continue;
		}
		width = c < 0x80 ? 1 : text_utf8_width(s + i, len - i);
		if (width && c >= 0x80) {
			i += width;
			continue;
		}
		buf_add(b, s + from, i - from);
		if (!width)
			buf_puts(b, "\xef\xbf\xbd");
		else if (c == '"' || c == '\\')
			buf_printf(b, "\\%c", c);
		else if (c == '\n')
			buf_puts(b, "\\n");
		else if (c == '\t')
			buf_puts(b, "\\t");
		else
			buf_printf(b, "\\u%04x", c);
		i++;
		from = i;
	}
	buf_add(b, s + from, len - from);
	buf_putc(b, '"');
}

static void begin(struct buf *b, const char *key)
{
	char last = b->len ? b->data[b->len - 1] : '\0';

	if (last && last != '{' && last != '[' && last != '\n')
		buf_putc(b, ',');
	if (!key)
		return;
	quote(b, key, strlen(key));
	buf_putc(b, ':');
}

void jot_open(struct buf *b, const char *key, char bracket)
{
	begin(b, key);
	buf_putc(b, bracket);
}

void jot_close(struct buf *b, char bracket)
{
	buf_putc(b, bracket);
}

void jot_str(struct buf *b, const char *key, const char *value)
{
	if (!value) {
		jot_null(b, key);
		return;
	}
	jot_bytes(b, key, value, strlen(value));
}

void jot_bytes(struct buf *b, const char *key, const char *value, size_t len)
{
	begin(b, key);
	quote(b, value, len);
}

void jot_int(struct buf *b, const char *key, int64_t value)
{
	char digits[24];
	char *end = digits + sizeof(digits);
	char *at = end;
	uint64_t left = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;

	do
		*--at = (char)('0' + left % 10);
	while (left /= 10);
	if (value < 0)
		*--at = '-';
	begin(b, key);
	buf_add(b, at, (size_t)(end - at));
}

void jot_bool(struct buf *b, const char *key, bool value)
{
	begin(b, key);
	buf_puts(b, value ? "true" : "false");
}

void jot_null(struct buf *b, const char *key)
{
	begin(b, key);
	buf_puts(b, "null");
}

void jot_time(struct buf *b, const char *key, int64_t wall_ms)
{
	char text[TEXT_TIME_SIZE];

	if (wall_ms < 0) {
		jot_null(b, key);
		return;
	}
	text_time(text, wall_ms);
	jot_str(b, key, text);
}

void jot_raw(struct buf *b, const char *key, const char *json, size_t len)
{
	begin(b, key);
	buf_add(b, json, len);
}
