/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef FLOW_PLAN_H
#define FLOW_PLAN_H

#include "base/why.h"
#include "model/conf.h"
#include "port/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A configuration in use: every endpoint with its number in the store and what
 * is under way for it. A reload makes a new plan; the old one stays until the
 * calls that were built from it are back.
 */
struct target {
	int64_t number; /* in the store, the same for ever */
	const struct webhook *webhook;
	const struct endpoint *endpoint;
	int in_flight;
	int ahead; /* so many are claimed beyond its room */
	int64_t next_due_ms; /* of its next waiting delivery, -1 for none */
	struct breaker breaker;
	struct expiry_plan {
		int64_t next_ms; /* the next walk for what waits too long */
		int64_t walked_ms; /* the end of the last one */
		int steps; /* that this one took so far, or the last one */
		bool walking; /* at `at` */
		struct expiry at;
	} expiry;
	bool listed; /* it stands in the dispatcher's ready list */
	bool claiming; /* a claim for it is under way */
	bool tried_first; /* whose turn it is next: of retries, or fresh ones */
	bool touched; /* … and the store changed meanwhile */
	struct target *next; /* in the ready list */
};

struct plan {
	struct conf *conf;
	struct target *targets;
	size_t count;
	struct target **by_number; /* sorted */
	int64_t generation;
	int users;
};

/* Takes the configuration over. The numbers are 0 until they are filled in
 * (WORK_ENDPOINTS); call plan_index then. */
struct plan *plan_new(struct conf *conf, int64_t generation);
/* Orders the look-up by number. */
void plan_index(struct plan *plan);
/* NULL when the number belongs to no endpoint of this configuration. */
struct target *plan_target(const struct plan *plan, int64_t number);
/* The target of a webhook's n-th endpoint. */
struct target *plan_of(
    const struct plan *plan, const struct webhook *webhook, size_t n);

/* One more, one less user; the last one frees it. */
struct plan *plan_hold(struct plan *plan);
void plan_drop(struct plan *plan);

#endif
