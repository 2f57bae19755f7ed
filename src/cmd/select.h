/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef CMD_SELECT_H
#define CMD_SELECT_H

#include "cmd/verb.h"
#include "port/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Which deliveries a queue verb is about: ids on the command line, `-` for ids
 * on standard input (one a line, or the JSON lines of `queue --json`), or
 * selectors; ids and selectors together must both fit.
 */

/* The selectors' rows in a verb's table of options. */
#define SELECT_OPTIONS                                                      \
	{ 0, "webhook", "ID", "only this webhook's", false, false },        \
	    { 0, "endpoint", "ID", "only this endpoint's", false, false },  \
	    { 0, "event-type", "TYPE", "only events of this type", false,   \
		    false },                                                \
	    { 0, "incident", "ID", "only this incident's", false, false },  \
	    { 0, "state", "STATE",                                          \
		    "queued, deferred, active, held, delivered, dead, all", \
		    false, false },                                         \
	    { 0, "status", "CODE", "last answered so: 503, 5xx, 429,5xx",   \
		    false, false },                                         \
	    { 'S', "since", "TIME", "accepted at or after", false, false }, \
	{                                                                   \
		'U', "until", "TIME", "accepted before", false, false       \
	}

enum { SELECT_STATUSES_MAX = 16 };

struct selection {
	const struct args *args;
	char *const *ids; /* operands, lent */
	size_t id_count;
	struct delivery_query query;
	const char *word; /* the state asked for, NULL for any */
	struct {
		int low, high;
	} statuses[SELECT_STATUSES_MAX];
	size_t status_count; /* 0: whatever was answered */
	bool narrowed; /* some selector was given */
	bool silent; /* unknown ids were told of already */
	int64_t unknown; /* ids that found nothing */
	bool over; /* the reader had enough */
};

/* Reads the selectors that were given; without --state those of `states`
 * (1u << enum state) are meant, with ids all of them. EXIT_OK, or EXIT_USAGE
 * after saying why. */
int selection_read(struct selection *selection, const struct args *args,
    size_t first_operand, unsigned states);
/* True when ids are read from standard input. */
bool selection_uses_stdin(const struct selection *selection);

/* Says that nothing matched, and what follows from it (`end`); and when the
 * webhook that was asked for is none, which is near. */
void selection_say_none(const struct selection *selection,
    const struct conf *conf, const char *end);

/* Calls `each` for every delivery that fits, until it returns non-zero. Ids
 * that are none, or find nothing, are said and counted. -1 could not. */
int selection_walk(struct selection *selection, struct store *store,
    int (*each)(void *arg, const struct delivery_row *row), void *arg,
    struct why *why);

#endif
