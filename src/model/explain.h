/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef MODEL_EXPLAIN_H
#define MODEL_EXPLAIN_H

#include "model/conf.h"
#include "model/event.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * Why a webhook takes an event or does not: the questions of model/match, with
 * the clause that decided and the value that it saw.
 */
enum explain_answer {
	EXPLAIN_TAKES,
	EXPLAIN_DISABLED,
	EXPLAIN_TRIGGER, /* no trigger fits the event's type */
	EXPLAIN_FILTER,
};
/* "takes", "disabled", "trigger", "filter". */
const char *explain_word(enum explain_answer answer);

/* A single condition that decided. All texts can be shown on a terminal. */
struct clause {
	char *pointer; /* JSON pointer (RFC 6901) below the filter */
	char *text; /* as filter_print has it */
	char *saw; /* the event's values as JSON, cut to fit; NULL: none */
	bool passed; /* it said yes; within a "not" that is what decides */
};

/* So many are told; an "any" of a hundred is not worth more. */
enum { CLAUSES_MAX = 8, SAW_MAX = 120 };

struct explanation {
	enum explain_answer answer;
	struct clause clauses[CLAUSES_MAX]; /* of EXPLAIN_FILTER */
	size_t count;
	size_t more; /* that were left out */
};

/* What match_webhook says, and why. Clear the explanation in any case. */
void explain_webhook(struct explanation *explanation,
    const struct webhook *webhook, const struct event *event);
/* The same as if the webhook were enabled. */
void explain_rules(struct explanation *explanation,
    const struct webhook *webhook, const struct event *event);
void explain_clear(struct explanation *explanation);

#endif
