/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * flow/dispatch_room: how many deliveries an endpoint may have claimed at once:
 * its calls, and what is claimed ahead so that it never waits for the store.
 * Whatever is claimed ahead stands in line on the wire's side (flow/gate), so no
 * endpoint ever sees more calls at a time than its concurrency.
 *
 * Owns nothing but the rule; changes no more than what it learned of a target.
 * If we die in the middle, what was claimed ahead is found active and untried.
 */
#include "flow/dispatch_own.h"

#include "flow/guard.h"

#include <assert.h>

enum {
	/* What an endpoint answers within this time is claimed ahead, so that
	 * it never waits for the store; few enough that a delivery is on the
	 * wire, where verbs cannot touch it, for a moment only. */
	AHEAD_US = 20000,
	AHEAD_MAX = 400,
	AHEAD_STEP = 8,
	/* All endpoints together. */
	AHEAD_ALL = 2048,
};

/* Those of it that stand in line. */
static int in_line(const struct target *target)
{
	int more = target->in_flight - target->webhook->concurrency;

	return more > 0 ? more : 0;
}

void room_take(struct dispatch *d, struct target *target, int count)
{
	int before = in_line(target);

	target->in_flight += count;
	assert(target->in_flight >= 0);
	d->ahead += in_line(target) - before;
}

/* Whose concurrency was changed by a reload counts anew from here on. */
void room_count(struct dispatch *d)
{
	size_t i;

	d->ahead = 0;
	for (i = 0; i < d->plan->count; i++)
		d->ahead += in_line(&d->plan->targets[i]);
}

/* How many of it may be claimed ahead in all. */
static int room_ahead(const struct dispatch *d, const struct target *target)
{
	int all = AHEAD_ALL - d->ahead + in_line(target);

	return target->ahead < all ? target->ahead : all;
}

/* How many calls it may have in all; while it has as many as it ever may, the
 * guard has nothing to say. */
static int calls_of(const struct target *target, int64_t now_ms)
{
	int all = target->webhook->concurrency;

	return target->in_flight < all
	    ? target->in_flight + guard_room(target, now_ms)
	    : all;
}

/* The bound over all calls never takes an endpoint's first place: a hundred
 * hanging ones must not hold up one that is well. */
int room_for(
    const struct dispatch *d, const struct target *target, int64_t now_ms)
{
	int calls = calls_of(target, now_ms);
	/* Not while it starts slowly. */
	int ahead =
	    calls == target->webhook->concurrency ? room_ahead(d, target) : 0;
	int own = calls + ahead - target->in_flight;
	int all = d->plan->conf->max_in_flight - (d->in_flight - d->ahead);

	/* While there is work ahead a claim waits until it is worth a group. */
	if (target->claiming || own <= ahead / 2)
		return 0;
	if (calls - target->in_flight <= all)
		return own;
	return all > 0 ? all : target->in_flight == 0;
}

/* An answer that was good and came soon tells that more would be. */
void room_learn(struct target *target, const struct answer *answer)
{
	int64_t soon;

	if (answer->fault != FAULT_NONE) {
		target->ahead = 0;
		return;
	}
	soon = (int64_t)AHEAD_US * target->webhook->concurrency /
	    (answer->duration_us > 0 ? answer->duration_us : 1);
	if (soon > AHEAD_MAX)
		soon = AHEAD_MAX;
	target->ahead = target->ahead + AHEAD_STEP < soon
	    ? target->ahead + AHEAD_STEP
	    : (int)soon;
}
