/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * model/html: the one place where text becomes HTML. It promises that what
 * goes in as a text comes out as that text for whoever reads the page: no
 * element, attribute, comment or entity can begin in it, nothing in it turns
 * the order of what stands beside it, and no control byte is left.
 *
 * It knows no page: what is written is its callers' matter. It never fails but
 * by the ceiling of the buffer.
 */
#include "model/html.h"

#include "base/text.h"

#include <assert.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { NUMBER_SIZE = 32, PIECE = 4096 };

static const char *entity(char c)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	default:
		return NULL;
	}
}

static void escape(struct buf *out, const char *text, size_t len)
{
	size_t start = 0;

	for (size_t i = 0; i < len; i++) {
		const char *replacement = entity(text[i]);

		if (!replacement)
			continue;
		buf_add(out, text + start, i - start);
		buf_puts(out, replacement);
		start = i + 1;
	}
	buf_add(out, text + start, len - start);
}

/* Where a piece of at most PIECE bytes may end without cutting a character. */
static size_t piece(const char *bytes, size_t len)
{
	size_t end = PIECE;

	if (len <= PIECE)
		return len;
	while (end > PIECE - 4 && ((unsigned char)bytes[end] & 0xc0) == 0x80)
		end--;
	return end;
}

void html_bytes(struct buf *out, const char *bytes, size_t len)
{
	auto_buf struct buf visible = BUF_INIT(PIECE * 4);

	while (len) {
		size_t width = piece(bytes, len);

		buf_reset(&visible);
		text_visible(&visible, bytes, width);
		escape(out, buf_text(&visible), visible.len);
		bytes += width;
		len -= width;
	}
}

void html_lines(struct buf *out, const char *bytes, size_t len)
{
	while (len) {
		const char *end = memchr(bytes, '\n', len);
		size_t width = end ? (size_t)(end - bytes) : len;

		html_bytes(out, bytes, width);
		if (!end)
			return;
		buf_putc(out, '\n');
		bytes += width + 1;
		len -= width + 1;
	}
}

static void number(struct buf *out, int64_t value, bool apart)
{
	char digits[NUMBER_SIZE];
	int len = snprintf(digits, sizeof(digits), "%lld", (long long)value);
	int first = value < 0;

	for (int i = 0; i < len; i++) {
		if (apart && i > first && (len - i) % 3 == 0)
			buf_putc(out, ',');
		buf_putc(out, digits[i]);
	}
}

/* Takes the conversion behind a '%'; returns what follows it. */
static const char *convert(struct buf *out, const char *at, va_list *ap)
{
	const char *text;

	if (*at == '%') {
		buf_putc(out, '%');
		return at + 1;
	}
	if (*at == 's') {
		text = va_arg(*ap, const char *);
		html_bytes(out, text ? text : "", text ? strlen(text) : 0);
		return at + 1;
	}
	if (*at == 'd') {
		number(out, va_arg(*ap, int), false);
		return at + 1;
	}
	if (text_starts(at, "zu")) {
		number(out, (int64_t)va_arg(*ap, size_t), false);
		return at + 2;
	}
	if (text_starts(at, "lld") || text_starts(at, "'lld")) {
		number(out, va_arg(*ap, long long), *at == '\'');
		return at + (*at == '\'' ? 4 : 3);
	}
	assert(!"html_put knows no such conversion");
	return at;
}

void html_put(struct buf *out, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	while (*format) {
		size_t plain = strcspn(format, "%");

		buf_add(out, format, plain);
		format += plain;
		if (*format)
			format = convert(out, format + 1, &ap);
	}
	va_end(ap);
}
