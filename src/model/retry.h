/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef MODEL_RETRY_H
#define MODEL_RETRY_H

#include "model/answer.h"

#include <stdint.h>

/*
 * What becomes of a delivery after an attempt (seed: any non-2xx is retried,
 * at most three times; Standard Webhooks for jitter and Retry-After). Pure:
 * the clock and the dice are arguments.
 */
enum { RETRY_DELAYS_MAX = 32, RETRY_NEVER_MAX = 64 };

struct retry_policy {
	int max_retries;
	int64_t delays_ms[RETRY_DELAYS_MAX]; /* the last one repeats */
	int delay_count;
	double jitter; /* 0 to 1: added, never taken away */
	int never[RETRY_NEVER_MAX]; /* statuses that are final at once */
	int never_count;
	int64_t retry_after_max_ms;
	int64_t give_up_after_ms; /* from when the delivery was queued */
};

enum outcome { OUTCOME_DELIVERED, OUTCOME_DEFERRED, OUTCOME_DEAD };
/* "delivered", "deferred", "dead". */
const char *outcome_word(enum outcome outcome);

/* Why a delivery died. */
enum death { DEATH_NONE, DEATH_RETRIES, DEATH_NEVER, DEATH_AGE };

struct verdict {
	enum outcome outcome;
	enum death death;
	int64_t due_ms; /* when deferred: not before (wall clock) */
	int tries; /* spent so far; an own fault (FAULT_LOCAL) spends none */
};

struct retry_case {
	const struct answer *answer;
	int tries; /* finished attempts before this one */
	int64_t queued_ms; /* when the delivery entered the queue */
	int64_t now_ms;
	uint64_t dice;
};

/* An own fault is tried again after this long, without spending a try. */
enum { RETRY_OWN_FAULT_MS = 30000 };

void retry_policy_default(struct retry_policy *policy);
struct verdict retry_decide(
    const struct retry_policy *policy, const struct retry_case *now);

#endif
