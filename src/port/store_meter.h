/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef PORT_STORE_METER_H
#define PORT_STORE_METER_H

#include "port/store.h"

#include <stdint.h>

/*
 * The store's counters: they only grow, over restarts and pruning, as long as
 * the database lives. Part of the store's treaty; apart, because only `metrics`
 * asks.
 */

/* Upper bounds of the classes of durations, in milliseconds. */
enum { METER_BOUNDS = 8 };
extern const int64_t meter_bounds_ms[METER_BOUNDS];

struct meter {
	const char *webhook; /* text is lent for the call of `each` */
	const char *endpoint;
	int64_t attempts[OUTCOME_DEAD + 1]; /* by enum outcome */
	int64_t delivered, dead; /* deliveries that ended so */
	int64_t within[METER_BOUNDS]; /* attempts of at most that bound */
	int64_t sum_ms; /* of all attempts' durations */
	int64_t last_success_ms; /* a moment, -1 for none */
};
/* By webhook and endpoint. Returns the number of calls, -1 could not. */
int64_t store_meters(struct store *store,
    int (*each)(void *arg, const struct meter *meter), void *arg,
    struct why *why);

/* Counters of the whole spool: "accepted" with the event's type as label
 * ("other" for all but the four of incidents), "unmatched", "mails" (that were
 * queued), and what the daemon adds by WORK_COUNT: "rejected" by code,
 * "mail" by what came of it. */
int64_t store_sums(struct store *store,
    int (*each)(void *arg, const char *name, const char *label, int64_t value),
    void *arg, struct why *why);

#endif
