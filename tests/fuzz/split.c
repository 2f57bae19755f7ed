/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * The splitter: the first byte gives the form, the bound and the window's
 * step; the rest is the file. In one window and in steps it must cut the same.
 */
#include "model/split.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* A sum over all that a reader is told. */
static uint64_t mix(uint64_t sum, uint64_t value)
{
	return (sum ^ value) * 0x100000001b3;
}

static uint64_t digest(uint64_t sum, enum split_answer answer,
    const char *window, const struct split_piece *piece)
{
	size_t i;

	sum = mix(sum, answer);
	sum = mix(sum, piece->line * 65536 + piece->column);
	for (i = piece->start; answer == SPLIT_EVENT && i < piece->end; i++)
		sum = mix(sum, (unsigned char)window[i]);
	return sum;
}

static uint64_t read_in_steps(
    const char *text, size_t len, bool lines, size_t size_max, size_t step)
{
	struct split split;
	size_t from = 0;
	size_t to = 0;
	bool whole = false;
	uint64_t sum = 0;

	split_init(&split, lines, size_max);
	for (;;) {
		char *window = malloc(to - from + 1);
		struct split_piece piece;
		enum split_answer answer;

		assert(window);
		memcpy(window, text + from, to - from);
		answer = split_next(&split, window, to - from, whole, &piece);
		assert(piece.next <= to - from);
		assert(piece.start <= piece.end && piece.end <= to - from);
		if (answer != SPLIT_MORE)
			sum = digest(sum, answer, window, &piece);
		free(window);
		from += piece.next;
		if (answer == SPLIT_MORE) {
			assert(!whole || split.skipping);
			whole = to == len;
			to = len - to < step ? len : to + step;
			continue;
		}
		if (answer != SPLIT_EVENT && answer != SPLIT_BAD_LINE &&
		    !(answer == SPLIT_TOO_LARGE && split.form == SPLIT_LINES))
			return sum;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const char *text = (const char *)data + 1;
	bool lines;
	size_t size_max;
	size_t step;

	if (!len)
		return 0;
	lines = data[0] & 1;
	size_max = data[0] & 2 ? 12 : 4096;
	step = 1 + (data[0] >> 2);
	assert(read_in_steps(text, len - 1, lines, size_max, len) ==
	    read_in_steps(text, len - 1, lines, size_max, step));
	return 0;
}
