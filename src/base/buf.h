/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Growing bytes with a ceiling set at birth. `data` always ends with a NUL
 * that `len` does not count, and is never NULL once something was added.
 * What would pass the ceiling is left out whole and `over` is set, so a
 * sequence of additions is checked once, at its end.
 */
struct buf {
	char *data;
	size_t len;
	size_t cap;
	size_t max;
	bool over;
};

#define BUF_INIT(ceiling)        \
	{                        \
		.max = (ceiling) \
	}
/* Clears at the end of the scope: `auto_buf struct buf b = BUF_INIT(4096);` */
#define auto_buf __attribute__((cleanup(buf_clear)))

void buf_add(struct buf *b, const void *data, size_t len);
void buf_puts(struct buf *b, const char *text);
void buf_putc(struct buf *b, char c);
void buf_printf(struct buf *b, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Makes room for `more` bytes; false (and `over`) when the ceiling forbids. */
bool buf_reserve(struct buf *b, size_t more);
/* Removes `len` bytes from the front. */
void buf_shift(struct buf *b, size_t len);
/* Empties it and keeps the memory. */
void buf_reset(struct buf *b);
/* Frees it; the ceiling stays, so it can be used again. */
void buf_clear(struct buf *b);
/* Hands the bytes over as a string of their own; never NULL. */
char *buf_steal(struct buf *b);
/* The text, "" when nothing was added. Lent until the next change. */
const char *buf_text(const struct buf *b);

#endif
