/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef BASE_JOT_H
#define BASE_JOT_H

#include "base/buf.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * Writes compact JSON (RFC 8259) into a buf, member after member; commas are
 * set by looking at what stands last. A key of NULL writes an array element.
 * Strings may hold any bytes: invalid UTF-8 comes out as U+FFFD, so the text is
 * always valid JSON. The caller closes what it opened.
 */
void jot_open(struct buf *b, const char *key, char bracket);
void jot_close(struct buf *b, char bracket);
/* NULL writes null. */
void jot_str(struct buf *b, const char *key, const char *value);
void jot_bytes(struct buf *b, const char *key, const char *value, size_t len);
void jot_int(struct buf *b, const char *key, int64_t value);
void jot_bool(struct buf *b, const char *key, bool value);
void jot_null(struct buf *b, const char *key);
/* Milliseconds since 1970 as RFC 3339 UTC text; null below zero. */
void jot_time(struct buf *b, const char *key, int64_t wall_ms);
/* Ready-made JSON text, taken as it is. */
void jot_raw(struct buf *b, const char *key, const char *json, size_t len);

#endif
