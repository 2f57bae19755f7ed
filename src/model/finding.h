/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef MODEL_FINDING_H
#define MODEL_FINDING_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * What is wrong with a configuration, as compilers say it: file, line, column,
 * a stable code, the line itself with a caret, and help. Each is said once.
 */
enum severity { SEVERITY_ERROR, SEVERITY_WARNING };

struct finding {
	enum severity severity;
	char *file;
	size_t line; /* from 1; 0 when the finding is about the whole file */
	size_t column; /* from 1, in characters */
	size_t end_column; /* behind the last character, on the same line */
	const char *code; /* "unknown-key", static */
	char *pointer; /* JSON pointer (RFC 6901), "" for the root */
	char *message;
	char *help; /* or NULL */
	char *source; /* the line, or NULL */
};

/* At most this many of one file are kept; the rest is counted. */
enum { FINDINGS_PER_FILE = 20 };

struct findings {
	struct finding *all;
	size_t count;
	size_t errors;
	size_t warnings;
};

/* Takes over the strings of `finding`. */
void findings_add(struct findings *findings, struct finding *finding);
void findings_clear(struct findings *findings);
/* `file:line:col: error: message [code]`, the line, the caret, the help. */
void finding_print(const struct finding *finding, struct buf *out);
/* Its one-line form, without the source. */
void finding_print_short(const struct finding *finding, struct buf *out);
/* One JSON object without newline: file line column end_column severity code
 * pointer message help. */
void finding_print_json(const struct finding *finding, struct buf *out);

#endif
