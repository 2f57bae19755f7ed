/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * base/buf: see buf.h. Growth doubles, so n additions cost O(n).
 */
#include "base/buf.h"

#include "base/mem.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

bool buf_reserve(struct buf *b, size_t more)
{
	size_t need;
	size_t cap;

	if (b->over || more > b->max || b->len > b->max - more) {
		b->over = true;
		return false;
	}
	need = b->len + more + 1;
	if (need <= b->cap)
		return true;
	cap = b->cap ? b->cap : 64;
	while (cap < need)
		cap = cap > SIZE_MAX / 2 ? need : cap * 2;
	b->data = mem_grow(b->data, cap, 1);
	b->cap = cap;
	return true;
}

void buf_add(struct buf *b, const void *data, size_t len)
{
	if (!buf_reserve(b, len))
		return;
	if (len)
		memcpy(b->data + b->len, data, len);
	b->len += len;
	b->data[b->len] = '\0';
}

void buf_puts(struct buf *b, const char *text)
{
	buf_add(b, text, strlen(text));
}

void buf_putc(struct buf *b, char c)
{
	if (!buf_reserve(b, 1))
		return;
	b->data[b->len++] = c;
	b->data[b->len] = '\0';
}

void buf_printf(struct buf *b, const char *format, ...)
{
	va_list ap;
	size_t room;
	int len;

	if (!buf_reserve(b, 0))
		return;
	room = b->cap - b->len;
	va_start(ap, format);
	len = vsnprintf(b->data + b->len, room, format, ap);
	va_end(ap);
	if (len < 0 || !buf_reserve(b, (size_t)len)) {
		b->data[b->len] = '\0';
		return;
	}
	if ((size_t)len >= room) {
		va_start(ap, format);
		vsnprintf(b->data + b->len, (size_t)len + 1, format, ap);
		va_end(ap);
	}
	b->len += (size_t)len;
}

void buf_shift(struct buf *b, size_t len)
{
	if (!len)
		return;
	memmove(b->data, b->data + len, b->len - len);
	b->len -= len;
	b->data[b->len] = '\0';
}

void buf_reset(struct buf *b)
{
	b->len = 0;
	b->over = false;
	if (b->data)
		b->data[0] = '\0';
}

void buf_clear(struct buf *b)
{
	size_t max = b->max;

	free(b->data);
	*b = (struct buf){ .max = max };
}

char *buf_steal(struct buf *b)
{
	char *data = b->data ? b->data : mem_strdup("");
	size_t max = b->max;

	*b = (struct buf){ .max = max };
	return data;
}

const char *buf_text(const struct buf *b)
{
	return b->data ? b->data : "";
}
