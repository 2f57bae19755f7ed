/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef MODEL_PATTERN_H
#define MODEL_PATTERN_H

#include "base/why.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * A POSIX extended regular expression (regex(7)) whose cost is bounded, so
 * that neither a pattern nor an event can hold the clerk up. Back-references
 * are refused: with them no bound holds.
 */
struct pattern;

enum {
	PATTERN_TEXT_MAX = 1024, /* bytes of a pattern */
	/* Its characters and brackets with all {m,n} written out: `a{200}`
	 * counts 200. */
	PATTERN_SIZE_MAX = 250,
	/* Bytes of a subject that are looked at. glibc's time grows with the
	 * squares of both: half a second at the very worst for these, next to
	 * nothing for patterns that people write. */
	PATTERN_SUBJECT_MAX = 4096,
};

/* NULL and a sentence when the text is no such expression. */
struct pattern *pattern_new(const char *text, struct why *why);
void pattern_free(struct pattern *pattern);
/* True when it is found anywhere in the subject, NUL bytes included. */
bool pattern_found(
    const struct pattern *pattern, const char *subject, size_t len);

#endif
