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
#include "flow/dispatch.h"

#include "base/mem.h"
#include "base/now.h"
#include "flow/call.h"
#include "flow/rest.h"

#include <assert.h>

/* Wishes of one claim: enough for everybody's turn, few enough that the claim
 * does not hold up the group it stands in. */
enum { WISHES_MAX = 64 };
/* After the store refused something, it is asked again this much later. */
enum { STORE_PAUSE_MS = 1000 };

/* A claim, with the plan that it was made for: an endpoint that a reload took
 * out meanwhile still gets what was claimed for it. */
struct claim {
	struct work_claim work; /* first */
	struct plan *plan;
	struct claim *before, *after; /* among those under way */
};

struct dispatch {
	struct dispatch_sides sides;
	struct plan *plan;
	struct target *ready;
	struct target **ready_end;
	struct call *calls; /* on the wire */
	struct call *unsettled; /* the store could not take their outcome */
	struct claim *claims;
	int64_t next_due_ms; /* the earliest of targets not in the ready list */
	int64_t pause_until_ms; /* the store is given time */
	int in_flight; /* calls, and room that claims have asked for */
	int settles, flushes;
	bool stopping;
	bool deaths;
	bool news; /* of a breaker */
	struct dispatch_totals totals;
};

struct dispatch *dispatch_open(const struct dispatch_sides *sides)
{
	struct dispatch *d = mem_zalloc(sizeof(*d));

	d->sides = *sides;
	d->ready_end = &d->ready;
	d->next_due_ms = -1;
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
	plan_drop(d->plan);
	free(d);
}

struct plan *dispatch_plan(const struct dispatch *d)
{
	return d->plan;
}

/* ---- whose turn it is ---------------------------------------------------- */

static void list_ready(struct dispatch *d, struct target *target)
{
	if (target->listed)
		return;
	target->listed = true;
	target->next = NULL;
	*d->ready_end = target;
	d->ready_end = &target->next;
}

static struct target *next_ready(struct dispatch *d)
{
	struct target *target = d->ready;

	if (!target)
		return NULL;
	d->ready = target->next;
	if (!d->ready)
		d->ready_end = &d->ready;
	target->listed = false;
	return target;
}

static void expect(struct dispatch *d, int64_t due_ms)
{
	d->next_due_ms = now_earlier(d->next_due_ms, due_ms);
}

/* Lists the target when its time has come, else remembers when it comes. A
 * resting endpoint's time is its next probe. */
static void consider(struct dispatch *d, struct target *target, int64_t now_ms)
{
	int64_t due_ms = target->next_due_ms;

	if (due_ms < 0)
		return;
	if (due_ms < target->breaker.until_ms)
		due_ms = target->breaker.until_ms;
	if (due_ms <= now_ms)
		list_ready(d, target);
	else
		expect(d, due_ms);
}

/* ---- breakers ------------------------------------------------------------ */

static void tell_change(
    struct dispatch *d, struct target *target, const struct call *call)
{
	if (call->change == BREAKER_SAME)
		return;
	record_breaker(
	    d->sides.record, call->webhook, call->endpoint, &call->breaker);
	rest_note(d->sides.notes, target);
	target->news = true;
	d->news = true;
}

bool dispatch_news(struct dispatch *d, const struct target **target)
{
	size_t i;

	for (i = 0; d->news && i < d->plan->count; i++) {
		if (!d->plan->targets[i].news)
			continue;
		d->plan->targets[i].news = false;
		*target = &d->plan->targets[i];
		return true;
	}
	d->news = false;
	return false;
}

/* What the store knows of a breaker may be older than what we know. */
static void keep_breakers(
    struct dispatch *d, const struct plan *old, int64_t now_ms)
{
	size_t i;

	for (i = 0; i < d->plan->count; i++) {
		struct target *target = &d->plan->targets[i];
		const struct target *was =
		    old ? plan_target(old, target->number) : NULL;

		if (was) {
			target->breaker = was->breaker;
			target->news = was->news;
		}
		breaker_clamp(
		    &target->breaker, &target->webhook->breaker, now_ms);
		if (!was && breaker_is_open(&target->breaker))
			rest_note(d->sides.notes, target);
	}
}

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
			target->in_flight += wish->room;
		}
	}
}

void dispatch_use(struct dispatch *d, struct plan *plan)
{
	struct plan *old = d->plan;

	d->plan = plan_hold(plan);
	keep_breakers(d, old, now_wall_ms());
	plan_drop(old);
	d->ready = NULL;
	d->ready_end = &d->ready;
	d->next_due_ms = -1;
	take_stock(d);
	/* What came due while the plan was being numbered, too. */
	dispatch_touch_all(d, now_wall_ms());
}

/* The change may come between a claim and its answer, which does not know of
 * it: then the answer does not have the last word. */
void dispatch_touch(struct dispatch *d, struct target *target, int64_t due_ms)
{
	target->touched = target->touched || target->claiming;
	target->next_due_ms = now_earlier(target->next_due_ms, due_ms);
	consider(d, target, now_wall_ms());
}

void dispatch_touch_all(struct dispatch *d, int64_t now_ms)
{
	size_t i;

	for (i = 0; i < d->plan->count; i++)
		dispatch_touch(d, &d->plan->targets[i], now_ms);
}

/* Lists everybody whose time has come; the rest tells the next time. */
static void gather(struct dispatch *d, int64_t now_ms)
{
	size_t i;

	if (d->next_due_ms < 0 || d->next_due_ms > now_ms)
		return;
	d->next_due_ms = -1;
	for (i = 0; i < d->plan->count; i++)
		consider(d, &d->plan->targets[i], now_ms);
}

/* How many more this endpoint may have under way. The bound over all never
 * takes an endpoint's first place: a hundred hanging ones must not hold up one
 * that is well. */
static int room(const struct dispatch *d, const struct target *target)
{
	int own = breaker_room(&target->breaker, target->webhook->concurrency,
		      now_wall_ms()) -
	    target->in_flight;
	int all = d->plan->conf->max_in_flight - d->in_flight;

	if (target->claiming || own <= 0)
		return 0;
	if (all < 1)
		return target->in_flight == 0;
	return own < all ? own : all;
}

/* ---- claims -------------------------------------------------------------- */

static struct claim *new_claim(struct dispatch *d, int64_t now_ms)
{
	struct claim *claim = mem_zalloc(sizeof(*claim));

	claim->work.work.kind = WORK_CLAIM;
	claim->work.now_ms = now_ms;
	claim->work.wishes = mem_array(WISHES_MAX, sizeof(*claim->work.wishes));
	claim->plan = plan_hold(d->plan);
	return claim;
}

static void free_claim(struct claim *claim)
{
	work_claim_clear(&claim->work);
	free(claim->work.wishes);
	plan_drop(claim->plan);
	free(claim);
}

static void send_claim(struct dispatch *d, struct claim *claim)
{
	claim->after = d->claims;
	if (claim->after)
		claim->after->before = claim;
	d->claims = claim;
	committer_send(d->sides.committer, &claim->work.work);
}

static void strike_claim(struct dispatch *d, struct claim *claim)
{
	if (claim->before)
		claim->before->after = claim->after;
	else
		d->claims = claim->after;
	if (claim->after)
		claim->after->before = claim->before;
}

static void add_wish(struct dispatch *d, struct work_claim *claim,
    struct target *target, int count)
{
	struct claim_wish *wish = &claim->wishes[claim->wish_count++];

	wish->endpoint = target->number;
	wish->room = count;
	target->claiming = true;
	target->touched = false;
	target->in_flight += count;
	d->in_flight += count;
}

static void claim_ready(struct dispatch *d, int64_t now_ms)
{
	struct claim *claim = NULL;
	struct target *target;

	while ((target = next_ready(d))) {
		int count = room(d, target);

		/* One without room is listed again when it gets some. */
		if (count < 1)
			continue;
		if (!claim)
			claim = new_claim(d, now_ms);
		add_wish(d, &claim->work, target, count);
		if (claim->work.wish_count == WISHES_MAX)
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
	target->in_flight -= count;
	assert(target->in_flight >= 0);
	consider(d, target, now_wall_ms());
}

static void send_settle(struct dispatch *d, struct call *call)
{
	d->settles++;
	committer_send(d->sides.committer, &call->settle.work);
}

/* What waited behind an open breaker for too long dies where it would have
 * been the probe. Waiting costs no attempts, but it is bounded. */
static bool too_old(
    const struct target *target, const struct call *call, int64_t now_ms)
{
	return breaker_is_open(&target->breaker) &&
	    now_ms >=
	    call->from.queued_ms + call->webhook->retry.give_up_after_ms;
}

/* True when it went to the wire. */
static bool start_call(struct dispatch *d, struct plan *plan,
    const struct target *target, struct claimed *claimed)
{
	int64_t now_ms = now_wall_ms();
	struct call *call = call_new(plan, target, claimed, now_ms);

	if (too_old(target, call, now_ms)) {
		call_give_up(call, d->sides.failed_dir, now_ms);
		send_settle(d, call);
		return false;
	}
	link_call(&d->calls, call);
	wire_send(d->sides.wire, &call->wire);
	return true;
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
		count += start_call(d, plan, target, &claim->work.claimed[*at]);
	}
	return count;
}

static void take_wish(
    struct dispatch *d, const struct claim_wish *wish, bool failed, int started)
{
	struct target *target = plan_target(d->plan, wish->endpoint);

	if (target) {
		target->claiming = false;
		if (!failed && !target->touched)
			target->next_due_ms = wish->next_due_ms;
	}
	give_back(d, wish->endpoint, wish->room - started);
}

/* What was claimed comes in the order of the wishes. After the stop nothing is
 * started: the wire may be gone. Such rows are found active at the next start. */
void dispatch_claimed(struct dispatch *d, struct work *work)
{
	struct claim *claim = (struct claim *)work;
	size_t at = 0;
	size_t i;

	strike_claim(d, claim);
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
	free_claim(claim);
}

/* ---- settlements --------------------------------------------------------- */

static void settle_again(struct dispatch *d)
{
	while (d->unsettled) {
		struct call *call = d->unsettled;

		unlink_call(&d->unsettled, call);
		send_settle(d, call);
	}
}

void dispatch_called(struct dispatch *d, struct wire_call *wire)
{
	struct call *call = (struct call *)wire;
	struct target *target = plan_target(d->plan, call->from.endpoint);

	unlink_call(&d->calls, call);
	if (target && !wire->abandoned)
		rest_learn(target, call, now_wall_ms());
	give_back(d, call->from.endpoint, 1);
	/* Broken off by our own end: the row is found active at the next start
	 * and tried again. */
	if (wire->abandoned) {
		call_free(call);
		return;
	}
	call_judge(call, d->sides.failed_dir, now_wall_ms());
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
		d->deaths |= settled->notice;
		return;
	}
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
	count(d, settled);
	call_write_down(call, d->sides.record);
	target = plan_target(d->plan, call->from.endpoint);
	if (target)
		tell_change(d, target, call);
	if (target && settled->verdict.outcome == OUTCOME_DEFERRED)
		dispatch_touch(d, target, settled->verdict.due_ms);
	else if (target && settled->unlocked)
		dispatch_touch(d, target, settled->now_ms);
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
		settle_again(d);
		dispatch_touch_all(d, now_ms);
	}
	if (d->stopping)
		return;
	gather(d, now_ms);
	claim_ready(d, now_ms);
}

int64_t dispatch_next_ms(const struct dispatch *d)
{
	if (d->pause_until_ms)
		return d->pause_until_ms;
	return d->stopping ? -1 : d->next_due_ms;
}

void dispatch_flush(struct dispatch *d, int64_t now_ms)
{
	struct work_flush *flush = mem_zalloc(sizeof(*flush));

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
	return !d->claims && !d->settles && !d->flushes && !d->in_flight &&
	    !d->unsettled;
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

bool dispatch_deaths(struct dispatch *d)
{
	bool deaths = d->deaths;

	d->deaths = false;
	return deaths;
}
