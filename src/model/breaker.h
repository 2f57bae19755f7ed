/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef MODEL_BREAKER_H
#define MODEL_BREAKER_H

#include "model/conf.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * The breaker of an endpoint (contract section 4): after so many failed
 * attempts in a row it opens and the endpoint rests; then one probe at a time
 * goes out, and the first success closes it. After that the endpoint starts
 * slowly: one call at a time, twice as many after each success. Waiting behind
 * it costs no attempts. Pure: the clock and the dice are arguments.
 */
struct breaker {
	int failures; /* in a row */
	int64_t until_ms; /* open: no probe before (wall clock); 0: closed */
	int64_t rest_ms; /* open: how long this rest is, without its jitter */
	int room; /* after a revival: calls at a time, 0 for no limit */
};

/* The first rest; each failed probe doubles it, up to the policy's rest. */
enum { BREAKER_REST_MS = 5000 };

enum breaker_change { BREAKER_SAME, BREAKER_OPENED, BREAKER_CLOSED };

bool breaker_is_open(const struct breaker *breaker);

/* How many calls may be under way at a time now: `concurrency`, fewer while it
 * starts slowly, none while it rests, one for a probe. */
int breaker_room(
    const struct breaker *breaker, int concurrency, int64_t now_ms);

/* Takes an attempt's outcome to heart. An attempt that failed while others of
 * the same rest were still under way does not make the rest longer: only a
 * probe, sent after until_ms, does. `started_ms` is when it was sent. */
enum breaker_change breaker_note(struct breaker *breaker,
    const struct breaker_policy *policy, bool good, int64_t started_ms,
    int64_t now_ms, uint64_t dice);

/* A clock that jumped back must not make a rest endless. */
void breaker_clamp(struct breaker *breaker, const struct breaker_policy *policy,
    int64_t now_ms);

#endif
