/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef CMD_LOG_HEAP_H
#define CMD_LOG_HEAP_H

#include "base/buf.h"
#include "base/why.h"

#include <stddef.h>

/* Lines in a file without a name: those put on last come off first, and none of
 * them is in memory. */
struct log_heap;

struct log_heap *log_heap_open(struct why *why);
void log_heap_close(struct log_heap *heap);
/* Puts a line on. What cannot be written is told of when lines come off. */
void log_heap_put(struct log_heap *heap, const char *text, size_t len);
/* Fills `line` with the last one: 1, or 0 when there is none; -1 could not. */
int log_heap_take(struct log_heap *heap, struct buf *line, struct why *why);

#endif
