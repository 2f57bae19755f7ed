/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef CMD_CHANGE_H
#define CMD_CHANGE_H

#include "cmd/select.h"
#include "cmd/verb.h"
#include "port/store.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * One change to many deliveries, as `queue hold` and its like and `resend` do
 * it: asked for on a terminal, in short transactions beside a running daemon,
 * each delivery told of and logged.
 */

/* The options that go with it. */
#define CHANGE_OPTIONS                                                   \
	{ 0, "all", NULL, "all of them, without other selectors", false, \
		false },                                                 \
	    { 0, "dry-run", NULL, "only tell what would be done", false, \
		    false },                                             \
	{                                                                \
		'y', "yes", NULL, "do not ask", false, false             \
	}

struct change_job {
	enum change change;
	const char *verb; /* "hold": for questions */
	const char *done; /* "held": for people, and the log's kind */
	const char *shown; /* what a line says, NULL: `done` */
	unsigned from; /* states in which it makes sense, 1u << enum state */
	unsigned states; /* those that selectors mean without --state */
	bool asks; /* on a terminal however few they are */
	int64_t every_us; /* pace: so much later each, 0: all at once */
};

/* Does it to what the operands behind `first_operand` and the options select;
 * returns the exit code. */
int change_deliveries(const struct args *args, size_t first_operand,
    const struct change_job *job);

#endif
