/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef CMD_ARGS_H
#define CMD_ARGS_H

#include "cmd/verb.h"

/*
 * Reads `spoolhook [COMMON…] VERB [OPTION|OPERAND]…` into `args`. Options may
 * stand anywhere, `--` ends them, `-` alone is an operand. A mistake is said on
 * stderr with the nearest right word, and the exit code is returned; 0 goes
 * on. `args->verb` is NULL when no verb was given (common options only).
 */
int args_parse(struct args *args, int argc, char **argv);
void args_clear(struct args *args);

/* The verb of that name, plumbing too; NULL when there is none, and then
 * args_unknown_verb says so, with the nearest, and returns EXIT_USAGE. */
const struct verb *args_verb(const char *word);
int args_unknown_verb(const char *word);

/* The options that every verb takes; ended by a NULL name. */
extern const struct verb_option common_options[];

/* Prints how a verb is used, with all its options. */
void args_print_help(const struct verb *verb);

#endif
