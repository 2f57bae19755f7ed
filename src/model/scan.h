/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef MODEL_SCAN_H
#define MODEL_SCAN_H

#include <stdbool.h>
#include <stddef.h>

/*
 * A strict JSON scanner (RFC 8259) that knows what jansson cannot tell: where
 * a value begins and ends, where each member stands, and whether a text that
 * does not parse is wrong or only not finished yet.
 */
enum scan_answer {
	SCAN_WHOLE, /* a value ended at *end */
	SCAN_EARLY, /* the text ended inside the value: more may come */
	SCAN_BAD, /* no continuation can make this JSON */
};

enum scan_flag {
	/* Line and block comments and trailing commas, for configuration. */
	SCAN_RELAXED = 1,
};

/* Deeper than any event kind by far, and shallow enough for every parser. */
enum { SCAN_DEPTH_MAX = 100 };

struct scan_fault {
	size_t at; /* byte offset */
	const char *code; /* "syntax", "utf8", "too_deep", "truncated" */
	char message[160];
};

/* Where in its parent a value stands. */
struct scan_place {
	bool in_object;
	size_t index; /* position within the parent */
	size_t key_start; /* the key with its quotes, when in_object */
	size_t key_end;
};

/* Told of every value, parents around their members; NULL to be not told. */
struct scan_visitor {
	void *arg;
	void (*begin)(void *arg, const struct scan_place *place, size_t start);
	void (*end)(void *arg, size_t end);
};

/*
 * Scans one value in data[start..len), after white space. *end is set behind
 * its last byte on SCAN_WHOLE; a number at the very end of the text counts as
 * whole. On SCAN_EARLY and SCAN_BAD `fault` tells what and where.
 */
enum scan_answer scan_value(const char *data, size_t len, size_t start,
    unsigned flags, const struct scan_visitor *visitor, size_t *end,
    struct scan_fault *fault);

/* The offset of the first byte that is not white space (or, when relaxed, a
 * comment) at or after `at`. An unfinished comment ends the text. */
size_t scan_blank(const char *data, size_t len, size_t at, unsigned flags);

/* Moves a position on over `len` bytes. */
void scan_advance(const char *data, size_t len, size_t *line, size_t *column);
/* Line and column, from 1, of a byte offset; columns count characters. */
void scan_position(
    const char *data, size_t len, size_t at, size_t *line, size_t *column);

#endif
