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

/* At most this many of one file are kept; the rest is counted. An error takes
 * the place of the file's last warning when there is no room. */
enum { FINDINGS_PER_FILE = 20 };

struct findings {
	struct finding *all;
	size_t count; /* kept ones */
	size_t errors; /* all, kept or not; each once */
	size_t warnings;
	size_t files; /* how many files were looked at */
};

/* Takes over the strings of `finding`. One that was said before (same file,
 * place, code and message) is dropped. */
void findings_add(struct findings *findings, struct finding *finding);
/* A finding about a whole file, without a place; copies its strings. `help`
 * may be NULL. */
void findings_add_file(struct findings *findings, enum severity severity,
    const char *file, const char *code, const char *message, const char *help);
void findings_clear(struct findings *findings);
/* "error" or "warning". */
const char *severity_word(enum severity severity);
/* `file:line:col: error: message [code]`, the line, the caret, the help; each
 * line with its newline. */
void finding_print(const struct finding *finding, struct buf *out);
/* Its one-line form, without the source and the newline. */
void finding_print_short(const struct finding *finding, struct buf *out);
/* One JSON object without newline: file line column end_column severity code
 * pointer message help. */
void finding_print_json(const struct finding *finding, struct buf *out);

#endif
