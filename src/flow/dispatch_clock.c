/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * flow/dispatch_clock: the wall clock was set, and what waits moves along: in
 * the store, in the dispatcher's memory, and what is on its way between them.
 *
 * Promises that a jump makes nobody's wait longer, shorter or too long: no storm
 * of retries, no deaths of age, nothing stuck. Until the store has moved its
 * times, nothing is claimed. What the clock did while no daemon ran is only
 * known when it went back; a jump ahead is then like a long rest, and each
 * delivery still gets its attempt. If we die between the jump and its commit,
 * the next start sees a clock that went back, or such a long rest; if we die
 * while the store moves its times step by step, the next start goes on.
 */
#include "flow/dispatch_own.h"

#include "base/mem.h"
#include "base/now.h"
#include "base/say.h"
#include "base/text.h"
#include "flow/claim.h"
#include "flow/expiry.h"
#include "flow/guard.h"
#include "model/clock.h"

static void move_calls(struct dispatch *d, int64_t jump_ms)
{
	struct call *call;

	for (call = d->calls; call; call = call->after)
		call->from.queued_ms += jump_ms;
	for (call = d->unsettled; call; call = call->after) {
		call->settle.now_ms += jump_ms;
		call->settle.verdict.due_ms += jump_ms;
	}
}

static void move_target(struct target *target, int64_t jump_ms, int64_t now_ms)
{
	if (target->next_due_ms > 0)
		target->next_due_ms += jump_ms;
	if (target->breaker.until_ms > 0)
		target->breaker.until_ms += jump_ms;
	if (target->breaker.since_ms > 0)
		target->breaker.since_ms += jump_ms;
	target->expiry = (struct expiry_plan){ 0 };
	if (guard_rests(target))
		expiry_expect(target, now_ms);
}

static void move_times(struct dispatch *d, int64_t jump_ms, int64_t now_ms)
{
	struct claim *claim;
	size_t i;

	for (claim = d->claims; claim; claim = claim->after)
		claim->jump_ms += jump_ms;
	move_calls(d, jump_ms);
	for (i = 0; d->plan && i < d->plan->count; i++)
		move_target(&d->plan->targets[i], jump_ms, now_ms);
	turns_move(&d->turns, jump_ms);
	if (d->pause_until_ms)
		d->pause_until_ms += jump_ms;
	d->next_expiry_ms = now_ms;
}

static void send_clock(struct dispatch *d, int64_t jump_ms, int64_t now_ms)
{
	struct work_clock *clock = mem_zalloc(sizeof(*clock));

	clock->work.kind = WORK_CLOCK;
	clock->now_ms = now_ms;
	clock->jump_ms = jump_ms;
	clock->slack_ms = CLOCK_JUMP_MS;
	d->clocks++;
	committer_send(d->sides.committer, &clock->work);
}

void dispatch_clock(struct dispatch *d, int64_t jump_ms, int64_t now_ms)
{
	if (jump_ms)
		move_times(d, jump_ms, now_ms);
	send_clock(d, jump_ms, now_ms);
}

void clock_again(struct dispatch *d, int64_t now_ms)
{
	if (!d->unmoved)
		return;
	send_clock(d, d->unmoved_ms, now_ms);
	d->unmoved = false;
	d->unmoved_ms = 0;
}

void dispatch_clocked(struct dispatch *d, struct work *work)
{
	struct work_clock *clock = (struct work_clock *)work;
	int64_t now_ms = now_wall_ms();
	char span[TEXT_DURATION_SIZE];

	if (clock->more && !work->failed && !d->stopping) {
		clock->now_ms = now_ms;
		committer_send(d->sides.committer, work);
		return;
	}
	d->clocks--;
	if (work->failed) {
		/* What was begun is in the store, which goes on with it. */
		d->unmoved = true;
		d->unmoved_ms += clock->begun ? 0 : clock->jump_ms;
		d->pause_until_ms = now_ms + STORE_PAUSE_MS;
		free(work);
		return;
	}
	if (clock->behind_ms)
		say_warning(
		    "the clock is %s behind what was written last; what "
		    "waits is due as if it had gone on",
		    text_short_duration(span, clock->behind_ms));
	if (d->plan)
		dispatch_touch_all(d, now_ms);
	free(work);
}
