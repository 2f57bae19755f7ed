/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef MODEL_SOURCE_HIDE_H
#define MODEL_SOURCE_HIDE_H

#include "model/source.h"

#include <stddef.h>

/* What of a source may not be shown; for model/source.c. Each adds spans. */

/* Comments, which may be old headers, are shown as blanks. */
void source_hide_comments(struct source *source);
/* Of a text that parsed, by its map. */
void source_hide_values(struct source *source);
/* All values within a part of such a text. */
void source_hide_within(struct source *source, size_t start, size_t end);
/* Of a text that did not parse, by its tokens. */
void source_hide_tokens(struct source *source);

/* The offset behind the token at `at`: a string (it ends with its quote or
 * its line), a comment with the white space behind it, a run of other
 * characters of a word, or one character. */
size_t source_skip(const char *text, size_t len, size_t at);

#endif
