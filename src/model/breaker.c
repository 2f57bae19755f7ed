/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * model/breaker: when an endpoint that fails again and again is left in peace.
 *
 * Owns the rule and nothing else: rests of 5 s that double up to the policy's
 * longest, chance added so that a crowd of endpoints behind one dead host does
 * not knock at once, and room that doubles with each success after a revival.
 * Answers of calls that were made before the breaker opened neither lengthen
 * the rest nor count as its probe; a success among them closes it.
 *
 * Pure: nothing to lose if we die. Whoever keeps the value stores it.
 */
#include "model/breaker.h"

#include <stddef.h>

/* Chance adds at most this part of a rest. */
static const double JITTER = 0.2;

/* A breaker that a reload turned off does not hold anything up. */
static bool is_open(
    const struct breaker *breaker, const struct breaker_policy *policy)
{
	return breaker->open && policy->failures > 0;
}

bool breaker_rests(
    const struct breaker *breaker, const struct breaker_policy *policy)
{
	return is_open(breaker, policy) || breaker->own;
}

int breaker_room(const struct breaker *breaker,
    const struct breaker_policy *policy, int concurrency, int in_flight,
    int64_t now_ms)
{
	if (breaker_rests(breaker, policy))
		return in_flight == 0 && now_ms >= breaker->until_ms ? 1 : 0;
	if (breaker->room > 0 && breaker->room < concurrency)
		return breaker->room;
	return concurrency;
}

/* Chance in [0, 1) from the upper 53 bits, which a double holds exactly. */
static int64_t with_chance(int64_t ms, uint64_t dice)
{
	double chance = (double)(dice >> 11) * 0x1p-53;

	return ms + (int64_t)((double)ms * JITTER * chance);
}

static int64_t at_most(int64_t ms, int64_t limit)
{
	return ms < limit ? ms : limit;
}

static void rest(struct breaker *breaker, const struct breaker_policy *policy,
    const struct breaker_case *at)
{
	int64_t asked = at_most(at->asked_ms, policy->rest_ms);
	int64_t wait = with_chance(breaker->rest_ms, at->dice);

	breaker->until_ms = at->now_ms + (asked > wait ? asked : wait);
}

static enum breaker_change succeed(
    struct breaker *breaker, const struct breaker_case *at)
{
	bool was_open = breaker->open;
	bool was_narrow = breaker->room > 0 || breaker->own;

	breaker->open = false;
	breaker->own = false;
	breaker->failures = 0;
	breaker->rest_ms = 0;
	breaker->until_ms = 0;
	if (was_open)
		breaker->room = 1;
	else if (was_narrow)
		breaker->room = breaker->room ? breaker->room * 2 : 1;
	if (breaker->room >= at->concurrency)
		breaker->room = 0;
	return was_open ? BREAKER_CLOSED : BREAKER_SAME;
}

static enum breaker_change fail_again(struct breaker *breaker,
    const struct breaker_policy *policy, const struct breaker_case *at)
{
	if (!at->probe)
		return BREAKER_SAME;
	breaker->rest_ms =
	    breaker->rest_ms ? breaker->rest_ms * 2 : BREAKER_FIRST_REST_MS;
	breaker->rest_ms = at_most(breaker->rest_ms, policy->rest_ms);
	rest(breaker, policy, at);
	return BREAKER_SAME;
}

static enum breaker_change fail_closed(struct breaker *breaker,
    const struct breaker_policy *policy, const struct breaker_case *at)
{
	if (breaker->room > 1)
		breaker->room = 1;
	if (!policy->failures || breaker->failures < policy->failures)
		return BREAKER_SAME;
	breaker->open = true;
	breaker->since_ms = at->now_ms;
	breaker->room = 0;
	breaker->rest_ms = at_most(BREAKER_FIRST_REST_MS, policy->rest_ms);
	rest(breaker, policy, at);
	return BREAKER_OPENED;
}

enum breaker_change breaker_note(struct breaker *breaker,
    const struct breaker_policy *policy, const struct breaker_case *at)
{
	switch (at->news) {
	case BREAKER_SUCCESS:
		return succeed(breaker, at);
	case BREAKER_FAILURE:
		breaker->own = false;
		if (breaker->failures < INT32_MAX)
			breaker->failures++;
		if (is_open(breaker, policy))
			return fail_again(breaker, policy, at);
		return fail_closed(breaker, policy, at);
	case BREAKER_OWN_FAULT:
		breaker->own = true;
		if (breaker->until_ms < at->now_ms + BREAKER_OWN_REST_MS)
			breaker->until_ms = at->now_ms + BREAKER_OWN_REST_MS;
		return BREAKER_SAME;
	}
	return BREAKER_SAME;
}

void breaker_resume(struct breaker *breaker,
    const struct breaker_policy *policy, int64_t now_ms)
{
	int64_t longest = now_ms + with_chance(policy->rest_ms, UINT64_MAX);

	breaker->own = false;
	breaker->room = 0;
	if (!breaker->open) {
		breaker->until_ms = 0;
		return;
	}
	breaker->rest_ms = at_most(breaker->rest_ms, policy->rest_ms);
	if (breaker->until_ms > longest)
		breaker->until_ms = now_ms + breaker->rest_ms;
}

void breaker_move(struct breaker *breaker, int64_t now_ms)
{
	breaker->failures = 0;
	breaker->rest_ms = 0;
	breaker->room = breaker->open ? 0 : breaker->room;
	breaker_hurry(breaker, now_ms);
}

void breaker_hurry(struct breaker *breaker, int64_t now_ms)
{
	if (breaker->until_ms > now_ms)
		breaker->until_ms = now_ms;
}
