/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * cmd/log_heap: lines to be read backwards. A compressed file can only be read
 * forwards, so what is wanted of it is laid down in a temporary file, each line
 * with its length behind it, and taken up from the end. It owns the file, which
 * has no name and goes with the process, and keeps no line in memory.
 */
#include "cmd/log_heap.h"

#include "base/mem.h"

#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

struct log_heap {
	FILE *file;
	off_t end; /* of what is still on it; -1: writing goes on */
};

struct log_heap *log_heap_open(struct why *why)
{
	struct log_heap *heap = mem_zalloc(sizeof(*heap));

	heap->file = tmpfile();
	heap->end = -1;
	if (heap->file)
		return heap;
	fail(why, "cannot make a temporary file: %m");
	free(heap);
	return NULL;
}

void log_heap_close(struct log_heap *heap)
{
	if (!heap)
		return;
	fclose(heap->file);
	free(heap);
}

void log_heap_put(struct log_heap *heap, const char *text, size_t len)
{
	const uint32_t size = (uint32_t)len;

	fwrite(text, 1, len, heap->file);
	fwrite(&size, sizeof(size), 1, heap->file);
}

/* Writing is over: from now on lines come off. */
static int turn_round(struct log_heap *heap, struct why *why)
{
	if (heap->end >= 0)
		return 0;
	if (fflush(heap->file) != 0 || ferror(heap->file))
		return fail(why, "cannot write a temporary file: %m");
	heap->end = ftello(heap->file);
	return 0;
}

int log_heap_take(struct log_heap *heap, struct buf *line, struct why *why)
{
	int fd = fileno(heap->file);
	uint32_t size;

	if (turn_round(heap, why) < 0)
		return -1;
	if (heap->end == 0)
		return 0;
	heap->end -= (off_t)sizeof(size);
	if (pread(fd, &size, sizeof(size), heap->end) != sizeof(size))
		return fail(why, "cannot read a temporary file: %m");
	heap->end -= (off_t)size;
	buf_reset(line);
	if (!buf_reserve(line, size) ||
	    pread(fd, line->data, size, heap->end) != (ssize_t)size)
		return fail(why, "cannot read a temporary file: %m");
	line->len = size;
	line->data[size] = '\0';
	return 1;
}
