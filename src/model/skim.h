/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef MODEL_SKIM_H
#define MODEL_SKIM_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Where in an event of the first generation its few members of interest stand,
 * found without making a tree of all the others.
 */
enum skim_member {
	SKIM_TYPE,
	SKIM_ID,
	SKIM_SERVICE,
	SKIM_SOURCE,
	SKIM_MESSAGE,
	SKIM_MEMBERS
};

struct skim_span {
	size_t start;
	size_t end; /* 0: it is not there */
};

/* Its key. */
const char *skim_key(enum skim_member member);

/* False when only a parser can tell: the text is no JSON object with a string
 * "event_type", a key is spelled with escapes, or a number may be one that the
 * parser refuses. Of the same key twice the last value counts. */
bool skim(const char *bytes, size_t len, struct skim_span spans[SKIM_MEMBERS]);

#endif
