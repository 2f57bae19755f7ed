/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * flow/expiry: plans the walks over deliveries that wait behind a rest.
 *
 * Owns each target's place in its walk. Promises that a long walk comes at most
 * once a second, and one at least once an hour while an endpoint rests; that it
 * is split into steps the store does not feel; and that nothing is given up
 * that was queued less than give_up_after ago. What becomes of those that are
 * found is the dispatcher's. If we die in the middle, the next daemon walks
 * anew.
 */
#include "flow/expiry.h"

#include "base/now.h"
#include "flow/guard.h"

#include <stddef.h>

enum {
	ROOM = 16, /* bodies of one step: up to 1 MiB each */
	WALK_MIN_MS = 1000,
	WALK_MAX_MS = 3600 * 1000,
	/* Another claim for the endpoint is under way. */
	BUSY_MS = 20,
};

void expiry_expect(struct target *target, int64_t now_ms)
{
	if (!target->expiry.next_ms)
		target->expiry.next_ms = now_ms;
}

void expiry_hurry(struct target *target, int64_t now_ms)
{
	int64_t at_ms = target->expiry.walked_ms + WALK_MIN_MS;

	/* A short walk may come at once. */
	if (at_ms < now_ms || at_ms > now_ms + WALK_MIN_MS ||
	    target->expiry.steps <= 1)
		at_ms = now_ms;
	if (!target->expiry.next_ms || at_ms < target->expiry.next_ms)
		target->expiry.next_ms = at_ms;
}

bool expiry_is(const struct claim *claim)
{
	return claim->work.wishes[0].expiry != NULL;
}

static struct claim *step(
    struct plan *plan, struct target *target, int64_t now_ms)
{
	struct claim *claim = claim_new(plan, now_ms);

	if (target->expiry.walking)
		claim->expiry = target->expiry.at;
	else
		claim->expiry = (struct expiry){ .oldest_ms = -1 };
	claim->expiry.queued_before_ms =
	    now_ms - target->webhook->retry.give_up_after_ms;
	claim_add(claim, target, ROOM);
	claim->work.wishes[0].expiry = &claim->expiry;
	return claim;
}

struct claim *expiry_step(struct plan *plan, int64_t now_ms, int64_t *next_ms)
{
	size_t i;

	*next_ms = -1;
	for (i = 0; i < plan->count; i++) {
		struct target *target = &plan->targets[i];
		int64_t at_ms = target->expiry.next_ms;

		if (!at_ms || target->next_due_ms < 0 || !guard_rests(target))
			continue;
		if (at_ms <= now_ms && !target->claiming)
			return step(plan, target, now_ms);
		if (at_ms <= now_ms)
			at_ms = now_ms + BUSY_MS;
		*next_ms = now_earlier(*next_ms, at_ms);
	}
	return NULL;
}

/* The oldest that stays tells when the next one will be too old; what comes
 * from now on is younger. */
static int64_t next_walk(
    const struct target *target, int64_t oldest_ms, int64_t now_ms)
{
	int64_t from_ms = oldest_ms < 0 ? now_ms : oldest_ms;
	int64_t at_ms = from_ms + target->webhook->retry.give_up_after_ms + 1;

	if (at_ms > now_ms + WALK_MAX_MS)
		at_ms = now_ms + WALK_MAX_MS;
	return at_ms > now_ms + WALK_MIN_MS ? at_ms : now_ms + WALK_MIN_MS;
}

void expiry_done(struct plan *plan, const struct claim *claim, int64_t now_ms)
{
	struct target *target =
	    plan_target(plan, claim->work.wishes[0].endpoint);
	struct expiry_plan *at;

	if (!target)
		return;
	at = &target->expiry;
	target->claiming = false;
	at->steps = at->walking ? at->steps + 1 : 1;
	at->walking = !claim->expiry.over && !claim->work.work.failed;
	at->at = claim->expiry;
	at->walked_ms = now_ms;
	at->next_ms = at->walking
	    ? now_ms
	    : next_walk(target, claim->expiry.oldest_ms, now_ms);
}
