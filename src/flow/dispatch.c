/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * flow/dispatch: from a due row to a settled one.
 *
 * Owns the room of each endpoint and the calls under way. Promises: a delivery
 * is handed to the wire only after its event was committed; an endpoint that
 * hangs holds its own room and no other's; every answer is settled or, when the
 * store cannot take it, kept and settled later. What becomes of one delivery is
 * flow/call's. If we die in the middle, rows that were claimed are waiting
 * again at the next start, and only attempts whose answer was not committed
 * are repeated.
 */
#include "flow/dispatch_own.h"

#include "base/crash.h"
#include "base/mem.h"
#include "base/now.h"
#include "flow/claim.h"
#include "flow/expiry.h"
#include "flow/guard.h"
#include "flow/names.h"

#include <assert.h>
#include <string.h>

struct dispatch *dispatch_open(const struct dispatch_sides *sides)
{
	struct dispatch *d = mem_zalloc(sizeof(*d));

	d->sides = *sides;
	d->guard = guard_open(sides->notes, sides->record);
	turns_init(&d->turns);
	d->next_expiry_ms = -1;
	return d;
}

static void link_call(struct call **list, struct call *call)
{
	call->before = NULL;
	call->after = *list;
	if (call->after)
		call->after->before = call;
	*list = call;
}

static void unlink_call(struct call **list, struct call *call)
{
	if (call->before)
		call->before->after = call->after;
	else
		*list = call->after;
	if (call->after)
		call->after->before = call->before;
}

void dispatch_close(struct dispatch *d)
{
	if (!d)
		return;
	while (d->unsettled) {
		struct call *call = d->unsettled;

		unlink_call(&d->unsettled, call);
		call_free(call);
	}
	guard_close(d->guard);
	plan_drop(d->plan);
	free(d);
}

struct plan *dispatch_plan(const struct dispatch *d)
{
	return d->plan;
}

/* ---- whose turn it is ---------------------------------------------------- */

/* What is under way goes on under the new plan, also for an endpoint that was
 * taken out and is back. */
static void take_stock(struct dispatch *d)
{
	const struct call *call;
	const struct claim *claim;
	struct target *target;
	size_t i;

	for (call = d->calls; call; call = call->after) {
		target = plan_target(d->plan, call->from.endpoint);
		if (target)
			target->in_flight++;
	}
	for (claim = d->claims; claim; claim = claim->after) {
		for (i = 0; i < claim->work.wish_count; i++) {
			const struct claim_wish *wish = &claim->work.wishes[i];

			target = plan_target(d->plan, wish->endpoint);
			if (!target)
				continue;
			target->claiming = true;
			if (!wish->expiry)
				target->in_flight += wish->room;
		}
	}
	room_count(d);
}

/* Breakers go on: from the old plan, else from what the store knew. */
static void take_breakers(
    struct plan *plan, const struct plan *old, int64_t now_ms)
{
	size_t i;

	for (i = 0; i < plan->count; i++) {
		struct target *target = &plan->targets[i];
		const struct target *was =
		    old ? plan_target(old, target->number) : NULL;

		if (was)
			guard_inherit(target, was, now_ms);
		else
			breaker_resume(&target->breaker,
			    &target->webhook->breaker, now_ms);
		if (guard_rests(target))
			expiry_expect(target, now_ms);
	}
}

void dispatch_use(struct dispatch *d, struct plan *plan)
{
	int64_t now_ms = now_wall_ms();

	take_breakers(plan, d->plan, now_ms);
	plan_drop(d->plan);
	d->plan = plan_hold(plan);
	turns_init(&d->turns);
	d->next_expiry_ms = now_ms;
	take_stock(d);
	/* What came due while the plan was being numbered, too. */
	dispatch_touch_all(d, now_ms);
}

void dispatch_tell(struct dispatch *d)
{
	guard_use(d->guard, d->plan);
}

/* The change may come between a claim and its answer, which does not know of
 * it: then the answer does not have the last word. */
void dispatch_touch(struct dispatch *d, struct target *target, int64_t due_ms)
{
	target->touched = target->touched || target->claiming;
	target->next_due_ms = now_earlier(target->next_due_ms, due_ms);
	turns_consider(&d->turns, target, now_wall_ms());
}

void dispatch_touch_all(struct dispatch *d, int64_t now_ms)
{
	size_t i;

	for (i = 0; i < d->plan->count; i++)
		dispatch_touch(d, &d->plan->targets[i], now_ms);
}

/* ---- claims -------------------------------------------------------------- */

static void send_claim(struct dispatch *d, struct claim *claim)
{
	claim_link(&d->claims, claim);
	committer_send(d->sides.committer, &claim->work.work);
}

/* One that rests stands in line again when its time has come, one without
 * room when it gets some. */
static void claim_ready(struct dispatch *d, int64_t now_ms)
{
	struct claim *claim = NULL;
	struct target *target;

	while ((target = turns_call_up(&d->turns))) {
		int count = room_for(d, target, now_ms);

		if (guard_ready_ms(target) > now_ms) {
			turns_consider(&d->turns, target, now_ms);
			continue;
		}
		if (count < 1)
			continue;
		if (!claim)
			claim = claim_new(d->plan, now_ms);
		room_take(d, target, count);
		d->in_flight += count;
		if (claim_add(claim, target, count))
			send_claim(d, take(&claim));
	}
	if (claim)
		send_claim(d, claim);
}

/* Gives room back to the endpoint, and lists it when it has use for it. */
static void give_back(struct dispatch *d, int64_t number, int count)
{
	struct target *target = plan_target(d->plan, number);

	d->in_flight -= count;
	if (!target)
		return;
	room_take(d, target, -count);
	turns_consider(&d->turns, target, now_wall_ms());
}

static void start_call(struct dispatch *d, struct plan *plan,
    const struct target *target, struct claimed *claimed)
{
	struct call *call = call_new(plan, target, claimed, now_wall_ms());

	call->probe = target->breaker.open;
	call->wire.gate = target->number;
	call->wire.room = target->webhook->concurrency;
	link_call(&d->calls, call);
	wire_send(d->sides.wire, &call->wire);
	crash_point(call_started);
}

/* Starts what a wish brought, from the plan in use or, when a reload took the
 * endpoint out, from the one that it was claimed for. */
static int start_wish(struct dispatch *d, struct claim *claim,
    const struct claim_wish *wish, size_t *at)
{
	struct plan *plan = d->plan;
	struct target *target = plan_target(plan, wish->endpoint);
	int count = 0;

	if (!target) {
		plan = claim->plan;
		target = plan_target(plan, wish->endpoint);
	}
	for (; *at < claim->work.claimed_count &&
	     claim->work.claimed[*at].endpoint == wish->endpoint;
	     (*at)++) {
		start_call(d, plan, target, &claim->work.claimed[*at]);
		count++;
	}
	return count;
}

static void take_wish(
    struct dispatch *d, const struct claim_wish *wish, bool failed, int started)
{
	struct target *target = plan_target(d->plan, wish->endpoint);

	if (target) {
		target->claiming = false;
		target->tried_first = wish->tried_first;
		if (!failed && !target->touched)
			target->next_due_ms = wish->next_due_ms;
	}
	give_back(d, wish->endpoint, wish->room - started);
}

static void send_settle(struct dispatch *d, struct call *call)
{
	d->settles++;
	committer_send(d->sides.committer, &call->settle.work);
}

/* What waited too long behind a rest dies without an attempt. */
static void give_up(struct dispatch *d, struct claim *claim)
{
	struct work_claim *work = &claim->work;
	int64_t now_ms = now_wall_ms();
	struct target *target =
	    plan_target(claim->plan, work->wishes[0].endpoint);
	size_t i;

	expiry_done(d->plan, claim, now_ms);
	if (plan_target(d->plan, target->number))
		turns_consider(
		    &d->turns, plan_target(d->plan, target->number), now_ms);
	d->next_expiry_ms = now_ms;
	for (i = 0; i < work->claimed_count && !d->stopping; i++) {
		struct call *call =
		    call_new(claim->plan, target, &work->claimed[i], now_ms);

		call_expire(call, d->sides.failed_dir, now_ms);
		send_settle(d, call);
	}
	claim_free(claim);
}

static void claim_expired(struct dispatch *d, int64_t now_ms)
{
	struct claim *claim;

	if (d->next_expiry_ms < 0 || d->next_expiry_ms > now_ms)
		return;
	while ((claim = expiry_step(d->plan, now_ms, &d->next_expiry_ms)))
		send_claim(d, claim);
}

/* An endpoint that rests keeps deliveries waiting from now on. */
static void await_expiry(
    struct dispatch *d, struct target *target, int64_t now_ms)
{
	if (!target || !guard_rests(target))
		return;
	expiry_expect(target, now_ms);
	d->next_expiry_ms =
	    now_earlier(d->next_expiry_ms, target->expiry.next_ms);
}

/* What was claimed comes in the order of the wishes. After the stop nothing is
 * started: the wire may be gone. Such rows are found active at the next start. */
void dispatch_claimed(struct dispatch *d, struct work *work)
{
	struct claim *claim = (struct claim *)work;
	size_t at = 0;
	size_t i;

	claim_unlink(&d->claims, claim);
	claim_settle_clock(claim);
	if (expiry_is(claim)) {
		give_up(d, claim);
		return;
	}
	for (i = 0; i < claim->work.wish_count; i++) {
		const struct claim_wish *wish = &claim->work.wishes[i];
		int started = 0;

		if (!work->failed && !d->stopping)
			started = start_wish(d, claim, wish, &at);
		take_wish(d, wish, work->failed, started);
	}
	assert(work->failed || d->stopping || at == claim->work.claimed_count);
	if (work->failed)
		d->pause_until_ms = now_wall_ms() + STORE_PAUSE_MS;
	claim_free(claim);
}

/* ---- settlements --------------------------------------------------------- */

/* Others were settled before it: the endpoint's state is what it is now. */
static void refresh(struct dispatch *d, struct call *call)
{
	const struct target *target = plan_target(d->plan, call->from.endpoint);

	if (target && call->settle.breaker)
		call->breaker = target->breaker;
}

static void settle_again(struct dispatch *d)
{
	while (d->unsettled) {
		struct call *call = d->unsettled;

		unlink_call(&d->unsettled, call);
		refresh(d, call);
		send_settle(d, call);
	}
}

void dispatch_called(struct dispatch *d, struct wire_call *wire)
{
	struct call *call = (struct call *)wire;
	struct target *target;
	int64_t now_ms;

	if (wire->answer.fault == FAULT_DNS && !call->looked) {
		call->looked = true;
		names_look(d->sides.names, wire);
		return;
	}
	unlink_call(&d->calls, call);
	/* Broken off by our own end: the row is found active at the next start
	 * and tried again. */
	if (wire->abandoned) {
		give_back(d, call->from.endpoint, 1);
		call_free(call);
		return;
	}
	crash_point(answer_came);
	now_ms = now_wall_ms();
	if (wire->unsent) {
		call_put_back(call, now_ms);
		give_back(d, call->from.endpoint, 1);
		send_settle(d, call);
		return;
	}
	target = plan_target(d->plan, call->from.endpoint);
	if (target)
		room_learn(target, &wire->answer);
	call_judge(call, d->sides.failed_dir, now_ms);
	guard_called(d->guard, target, call, now_ms);
	await_expiry(d, target, now_ms);
	give_back(d, call->from.endpoint, 1);
	send_settle(d, call);
}

static void count(struct dispatch *d, const struct work_settle *settled)
{
	switch (settled->verdict.outcome) {
	case OUTCOME_DELIVERED:
		d->totals.delivered++;
		return;
	case OUTCOME_DEFERRED:
		d->totals.deferred++;
		return;
	case OUTCOME_DEAD:
		d->totals.dead++;
		d->news |= settled->notice;
		return;
	}
}

/* What the outcome means for others of the endpoint. */
static void go_on(struct dispatch *d, struct target *target,
    const struct work_settle *settled)
{
	if (settled->verdict.outcome == OUTCOME_DEFERRED) {
		dispatch_touch(d, target, settled->verdict.due_ms);
		return;
	}
	if (!settled->unlocked)
		return;
	dispatch_touch(d, target, settled->now_ms);
	if (!guard_rests(target))
		return;
	expiry_hurry(target, settled->now_ms);
	d->next_expiry_ms =
	    now_earlier(d->next_expiry_ms, target->expiry.next_ms);
}

void dispatch_settled(struct dispatch *d, struct work *work)
{
	struct work_settle *settled = (struct work_settle *)work;
	struct call *call = call_of(settled);
	struct target *target;

	d->settles--;
	if (work->failed) {
		link_call(&d->unsettled, call);
		d->pause_until_ms = now_wall_ms() + STORE_PAUSE_MS;
		return;
	}
	if (settled->answer || settled->verdict.outcome == OUTCOME_DEAD) {
		count(d, settled);
		call_write_down(call, d->sides.record);
	}
	crash_point(settle_logged);
	d->news |= guard_settled(d->guard, call);
	target = plan_target(d->plan, call->from.endpoint);
	if (target)
		go_on(d, target, settled);
	call_free(call);
}

/* ---- turns --------------------------------------------------------------- */

void dispatch_turn(struct dispatch *d, int64_t now_ms)
{
	if (!d->plan)
		return;
	if (d->pause_until_ms) {
		/* A clock that was set back does not make it longer. */
		if (now_ms < d->pause_until_ms &&
		    now_ms + STORE_PAUSE_MS >= d->pause_until_ms)
			return;
		d->pause_until_ms = 0;
		clock_again(d, now_ms);
		settle_again(d);
		dispatch_touch_all(d, now_ms);
	}
	/* Until the store has moved its times, it would hand out the wrong
	 * deliveries. */
	if (d->stopping || d->clocks)
		return;
	turns_gather(&d->turns, d->plan, now_ms);
	claim_ready(d, now_ms);
	claim_expired(d, now_ms);
}

int64_t dispatch_next_ms(const struct dispatch *d)
{
	if (d->pause_until_ms)
		return d->pause_until_ms;
	if (d->stopping || d->clocks)
		return -1;
	return now_earlier(d->turns.next_ms, d->next_expiry_ms);
}

void dispatch_hurry(struct dispatch *d, const char *webhook, int64_t now_ms)
{
	size_t i;

	for (i = 0; i < d->plan->count; i++) {
		struct target *target = &d->plan->targets[i];

		if (strcmp(target->webhook->id, webhook) != 0)
			continue;
		breaker_hurry(&target->breaker, now_ms);
		dispatch_touch(d, target, now_ms);
	}
}

void dispatch_flush(struct dispatch *d, int64_t now_ms)
{
	struct work_flush *flush = mem_zalloc(sizeof(*flush));
	size_t i;

	for (i = 0; d->plan && i < d->plan->count; i++)
		breaker_hurry(&d->plan->targets[i].breaker, now_ms);

	flush->work.kind = WORK_FLUSH;
	flush->now_ms = now_ms;
	d->flushes++;
	committer_send(d->sides.committer, &flush->work);
}

/* A long backlog moves in steps. */
void dispatch_flushed(struct dispatch *d, struct work *work)
{
	const struct work_flush *flush = (const struct work_flush *)work;

	if (d->plan)
		dispatch_touch_all(d, now_wall_ms());
	if (flush->more && !work->failed && !d->stopping) {
		committer_send(d->sides.committer, work);
		return;
	}
	d->flushes--;
	free(work);
}

void dispatch_stop(struct dispatch *d)
{
	d->stopping = true;
}

bool dispatch_quiet(const struct dispatch *d)
{
	return !d->claims && !d->settles && !d->flushes && !d->clocks &&
	    !d->in_flight && !d->unsettled;
}

bool dispatch_waiting(const struct dispatch *d)
{
	size_t i;

	for (i = 0; i < d->plan->count; i++) {
		if (d->plan->targets[i].next_due_ms >= 0)
			return true;
	}
	return false;
}

struct dispatch_totals dispatch_totals(const struct dispatch *d)
{
	struct dispatch_totals totals = d->totals;

	totals.in_flight = d->in_flight;
	return totals;
}

bool dispatch_news(struct dispatch *d)
{
	bool news = d->news;

	d->news = false;
	return news;
}
