/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * model/mime: text into the 7-bit forms of mail. It owns the rule that nothing
 * from outside adds a header or a command: every writer for headers passes its
 * input through text_visible, so no CR, LF or NUL survives. Pure; nothing here
 * depends on the locale, which would translate the names in a date.
 */
#include "model/mime.h"

#include "base/text.h"

#include <stdbool.h>
#include <string.h>
#include <time.h>

/* Well under the 998 of RFC 5322 section 2.1.1. */
enum { PLAIN_LINE_MAX = 900 };

/* RFC 2047 section 2: an encoded word has at most 75 characters, a line that
 * holds one at most 76. */
enum { WORD_MAX = 75, LINE_MAX = 76 };
/* Headers are made of names and reasons; what is longer was made to hurt. */
enum { TEXT_MAX = 4096 };

static const char word_start[] = "=?UTF-8?Q?";
static const char word_end[] = "?=";

static bool plain(const char *text)
{
	const unsigned char *u = (const unsigned char *)text;

	for (; *u; u++) {
		if (*u < 0x20 || *u > 0x7e)
			return false;
	}
	return !strstr(text, "=?");
}

/* Characters that stand for themselves in an encoded word, also in a phrase
 * (RFC 2047 section 5, rule 3). */
static bool literal(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || (c && strchr("!*+-/", c));
}

static size_t encoded_size(const char *s, size_t width)
{
	if (width == 1 && (literal((unsigned char)*s) || *s == ' '))
		return 1;
	return 3 * width;
}

static void encode(struct buf *out, const char *s, size_t width)
{
	size_t i;

	for (i = 0; i < width; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c == ' ')
			buf_putc(out, '_');
		else if (literal(c))
			buf_putc(out, (char)c);
		else
			buf_printf(out, "=%02X", c);
	}
}

/* Encoded words, each of whole characters; the lines are folded between
 * them. */
static void words(struct buf *out, const char *text, size_t column)
{
	const size_t frame = sizeof(word_start) + sizeof(word_end) - 2;
	size_t len = strlen(text);
	size_t used = column + frame;
	size_t i = 0;

	buf_puts(out, word_start);
	while (i < len) {
		size_t width = text_utf8_width(text + i, len - i);
		size_t size = encoded_size(text + i, width);

		if (used + size > WORD_MAX) {
			buf_printf(out, "%s\r\n %s", word_end, word_start);
			used = 1 + frame;
		}
		encode(out, text + i, width);
		used += size;
		i += width;
	}
	buf_puts(out, word_end);
}

void mime_text(struct buf *out, const char *text, size_t column)
{
	auto_buf struct buf shown = BUF_INIT(TEXT_MAX);

	text_visible(&shown, text, strlen(text));
	if (plain(buf_text(&shown)))
		buf_puts(out, buf_text(&shown));
	else
		words(out, buf_text(&shown), column);
}

void mime_phrase(struct buf *out, const char *name)
{
	auto_buf struct buf shown = BUF_INIT(TEXT_MAX);
	const char *s;

	text_visible(&shown, name, strlen(name));
	if (!plain(buf_text(&shown))) {
		words(out, buf_text(&shown), sizeof("From: ") - 1);
		return;
	}
	buf_putc(out, '"');
	for (s = buf_text(&shown); *s; s++) {
		if (*s == '"' || *s == '\\')
			buf_putc(out, '\\');
		buf_putc(out, *s);
	}
	buf_putc(out, '"');
}

void mime_date(struct buf *out, int64_t wall_ms)
{
	static const char days[] = "SunMonTueWedThuFriSat";
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	time_t seconds = (time_t)(wall_ms / 1000);
	struct tm tm;

	gmtime_r(&seconds, &tm);
	buf_printf(out, "%.3s, %d %.3s %d %02d:%02d:%02d +0000",
	    days + 3 * tm.tm_wday, tm.tm_mday, months + 3 * tm.tm_mon,
	    tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

/* One line without its end; a soft break never splits an encoded byte, and no
 * line ends in a blank, which a relay may remove. */
static void quote_line(struct buf *out, const char *line, size_t len)
{
	size_t column = 0;
	size_t i;

	for (i = 0; i < len; i++) {
		unsigned char c = (unsigned char)line[i];
		bool blank = c == ' ' || c == '\t';
		bool bare = (c > 0x20 && c < 0x7f && c != '=') ||
		    (blank && i + 1 < len);
		size_t size = bare ? 1 : 3;

		if (column + size > LINE_MAX - 1) {
			buf_puts(out, "=\r\n");
			column = 0;
		}
		if (bare)
			buf_putc(out, (char)c);
		else
			buf_printf(out, "=%02X", c);
		column += size;
	}
	buf_puts(out, "\r\n");
}

void mime_quoted_printable(struct buf *out, const char *text, size_t len)
{
	const char *end = text + len;

	while (text < end) {
		const char *stop = memchr(text, '\n', (size_t)(end - text));
		const char *next = stop ? stop + 1 : end;

		if (!stop)
			stop = end;
		quote_line(out, text, (size_t)(stop - text));
		text = next;
	}
}

bool mime_is_plain(const char *text, size_t len)
{
	size_t column = 0;
	size_t i;

	for (i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		column = c == '\n' ? 0 : column + 1;
		if (column > PLAIN_LINE_MAX || c > 0x7e ||
		    (c < 0x20 && c != '\n' && c != '\t'))
			return false;
	}
	return true;
}

void mime_plain(struct buf *out, const char *text, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		if (text[i] == '\n')
			buf_putc(out, '\r');
		buf_putc(out, text[i]);
	}
}
