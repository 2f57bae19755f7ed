/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef MODEL_HTML_H
#define MODEL_HTML_H

#include "base/buf.h"

#include <stddef.h>

/*
 * Writes HTML. Markup is only what a literal format holds; every text that
 * goes in is escaped (& < > " ') and made visible as for a terminal
 * (text_visible: controls, bidirectional marks, invalid UTF-8), so that no
 * byte from outside is ever more than text, in an element or in a quoted
 * attribute.
 */

/* As printf, for %s (escaped), %d, %zu and %lld; with %'lld thousands are set
 * apart by commas, whatever the locale. No other conversion, no widths. */
void html_put(struct buf *out, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Bytes as text of one line: a line's end shows as \x0a. */
void html_bytes(struct buf *out, const char *bytes, size_t len);
/* The same where lines are kept, for <pre>. */
void html_lines(struct buf *out, const char *bytes, size_t len);

#endif
