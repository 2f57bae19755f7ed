/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef CMD_LOG_PICK_H
#define CMD_LOG_PICK_H

#include "cmd/verb.h"

#include <jansson.h>
#include <regex.h>
#include <stdbool.h>
#include <stdint.h>

/* Which lines of the log are wanted: the options and operands of `log`. Those
 * of one kind are joined by "or", different ones by "and". */
struct pick {
	const struct args *args;
	int64_t since_ms; /* -1: no limit */
	int64_t until_ms;
	regex_t grep;
	bool has_grep;
	bool asks_members; /* of what a line must be JSON for */
};

/* The kinds of spoolhook-log(5), NULL-ended. More may come, so only what is
 * nearly one is a mistake. */
extern const char *const pick_kinds[];

/* Reads the command line; a mistake is said, and its exit code returned. */
int pick_read(struct pick *pick, const struct args *args);
void pick_clear(struct pick *pick);

/* True when not every line is wanted. */
bool pick_asks(const struct pick *pick);
/* What its bytes tell, before it is parsed; they end with a NUL. Only a line that
 * passes here is asked for its members. */
bool pick_may_take(const struct pick *pick, const char *text);
/* `json` is NULL for a line that is none. */
bool pick_takes(const struct pick *pick, const json_t *json);

#endif
