/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef MODEL_SOURCE_H
#define MODEL_SOURCE_H

#include "base/buf.h"
#include "model/finding.h"
#include "model/map.h"

#include <jansson.h>
#include <stddef.h>

/*
 * One configuration file's text while it is read: JSON that may hold line and
 * block comments and trailing commas. What is wrong is said by JSON pointer;
 * source_close turns that into findings with line, column and the line itself,
 * in the order of the text.
 *
 * Shown lines never hold a secret. Hidden, character by character: what stands
 * in "headers" and "password", the user part and the query of URLs, everything
 * below a key that is not `known` (a mistyped "headers" is still one), and
 * comments. Of a text that does not parse, everything that cannot be told to
 * be harmless.
 */
struct source_span {
	size_t start;
	size_t end;
	char cover; /* what is shown for each character */
};

struct source {
	const char *file; /* lent */
	const char *text; /* lent */
	size_t len;
	const char *const *known; /* lent; NULL-ended, keys that may be shown */
	json_t *root; /* NULL: it is not JSON, which was said */
	struct map map;
	struct source_span *hidden;
	size_t hidden_count, hidden_cap;
	struct source_fault *faults;
	size_t fault_count;
	size_t uncounted[2]; /* beyond SOURCE_FAULTS_MAX, by severity */
};

/* So many mistakes of one file are located; the others are only counted. */
enum { SOURCE_FAULTS_MAX = 200 };
/* Longer lines are not shown. */
enum { SOURCE_LINE_MAX = 400 };

enum source_part { SOURCE_VALUE, SOURCE_KEY };

/* Never fails: what cannot be parsed has no root, and says why. All arguments
 * are lent until source_close. */
void source_open(struct source *source, const char *file, const char *text,
    size_t len, const char *const *known);
/* Notes a mistake at the value or key that `pointer` names (its nearest parent
 * when there is no such value). Copies; `help` may be NULL. */
void source_say(struct source *source, enum severity severity,
    enum source_part part, const char *pointer, const char *code,
    const char *message, const char *help);
/* Covers all that stands below `pointer`, where it ought not to stand. */
void source_cover(struct source *source, const char *pointer);
/* Adds what was said to the findings and frees all but the lent. */
void source_close(struct source *source, struct findings *findings);

#endif
