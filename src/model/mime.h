/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef MODEL_MIME_H
#define MODEL_MIME_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The few encodings that a mail needs. Whatever goes in, what comes out is
 * printable ASCII, CRLF and nothing else: control characters, invalid UTF-8
 * and marks that hide text are made visible first (base/text.h).
 */

/* The value of an unstructured header such as Subject (RFC 5322 section 2.2.1):
 * as it is when ASCII, else as encoded words (RFC 2047), folded. `column` is
 * where the value begins on its line. */
void mime_text(struct buf *out, const char *text, size_t column);

/* A display name: a quoted string, or encoded words. */
void mime_phrase(struct buf *out, const char *name);

/* `Mon, 20 Dec 2021 12:24:23 +0000` (RFC 5322 section 3.3). */
void mime_date(struct buf *out, int64_t wall_ms);

/* True when the text may go out as it is (7bit): printable ASCII in lines that
 * no server cuts. */
bool mime_is_plain(const char *text, size_t len);
/* Such a body, its line ends made CRLF. */
void mime_plain(struct buf *out, const char *text, size_t len);

/* A body in quoted-printable (RFC 2045 section 6.7): lines that end in \n come
 * out with CRLF and at most 76 characters. The text is not made visible: it
 * may hold UTF-8, and control characters come out encoded. */
void mime_quoted_printable(struct buf *out, const char *text, size_t len);

#endif
