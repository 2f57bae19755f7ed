/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Numbers, durations, sizes and times as people write them, and back. The
 * readers take the whole string or nothing and never change `out` on false. */

/* Decimal digits only, within `min` and `max`. */
bool text_int(const char *s, int64_t min, int64_t max, int64_t *out);

/* `500ms 90s 5m 1h30m 7d`, and `0`; in milliseconds, at most ten years. */
bool text_duration(const char *s, int64_t *out_ms);
/* `64K 1M 1G` or plain bytes (powers of 1024). */
bool text_size(const char *s, int64_t *out);

enum { TEXT_TIME_SIZE = 32, TEXT_DURATION_SIZE = 32 };
/* RFC 3339, UTC, milliseconds: 2026-11-23T10:05:12.123Z. Returns `out`. */
char *text_time(char out[TEXT_TIME_SIZE], int64_t wall_ms);
/* Local time with offset for people: 2026-11-23 10:05:12 +0100. */
char *text_local_time(char out[TEXT_TIME_SIZE], int64_t wall_ms);
/* Two largest units: 312ms, 48s, 4m12s, 1h30m, 3d4h. */
char *text_short_duration(char out[TEXT_DURATION_SIZE], int64_t ms);
/* As text_duration reads it, exact: 90000 gives 1m30s. */
char *text_exact_duration(char out[TEXT_DURATION_SIZE], int64_t ms);

/* Moments as journalctl takes them, in local time: `YYYY-MM-DD[ HH:MM[:SS]]`,
 * RFC 3339, now, today, yesterday, `-2h`, `2h ago`, `@1640002987`. */
bool text_moment(const char *s, int64_t now_ms, int64_t *out_ms);

/* How many characters begin in these bytes: all but UTF-8's continuation
 * bytes. */
size_t text_characters(const char *s, size_t len);
/* The length of the UTF-8 character at `s` (1 to 4), 0 when there is none
 * (RFC 3629: no surrogates, no overlong forms, up to U+10FFFF). */
size_t text_utf8_width(const char *s, size_t len);

/* Adds bytes from outside so that a terminal and a log stay whole: control
 * characters, DEL, C1, bidirectional marks and invalid UTF-8 as \xNN. */
void text_visible(struct buf *b, const char *s, size_t len);

/* Adds one word that a POSIX shell reads back as `s`, quoted when it has to
 * be. */
void text_shell(struct buf *b, const char *s);

/* The member of the NULL-ended `words` nearest to `word`: at most two edits,
 * and fewer than half of its length; NULL when none is near. */
const char *text_nearest(const char *word, const char *const *words);

bool text_starts(const char *s, const char *prefix);

#endif
