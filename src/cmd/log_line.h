/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef CMD_LOG_LINE_H
#define CMD_LOG_LINE_H

#include "base/buf.h"
#include "cmd/verb.h"

#include <jansson.h>
#include <stdint.h>

/* One line of delivery.jsonl, as parsed, and how people read it. */

/* Its `ts` in milliseconds, -1 when it has none. */
int64_t log_line_ms(const json_t *line);
/* The same from its bytes, when they begin as those that we write: for a fraction
 * of the work of parsing. -1 says nothing. */
int64_t log_line_early_ms(const char *text);
/* A member's text, "" when it is none. Lent. */
const char *log_line_text(const json_t *line, const char *key);
/* Adds the short form, without a newline; everything in it is made visible. */
void log_line_short(
    struct buf *out, const struct args *args, const json_t *line);

#endif
