/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * flow/dispatch: from a due row to a settled one.
 *
 * Owns the room of each endpoint and the calls under way. Promises: a delivery
 * is handed to the wire only after its event was committed; an endpoint that
 * hangs holds its own room and no other's; every answer is settled or, when the
 * store cannot take it, kept and settled later. If we die in the middle, rows
 * that were claimed are waiting again at the next start, and only attempts
 * whose answer was not committed are repeated.
 */
#include "flow/dispatch.h"

#include "base/dice.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/now.h"
#include "base/say.h"
#include "flow/wire.h"
#include "model/request.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Wishes of one claim: enough for everybody's turn, few enough that the claim
 * does not hold up the group it stands in. */
enum { WISHES_MAX = 64 };
/* After the store refused something, it is asked again this much later. */
enum { STORE_PAUSE_MS = 1000 };

/* A delivery on its way from its claim to its settlement. */
struct call {
	struct wire_call wire; /* first: the wire's letter is ours */
	struct work_settle settle;
	struct plan *plan; /* keeps webhook and endpoint alive */
	const struct webhook *webhook;
	const struct endpoint *endpoint;
	struct claimed from;
	char delivery[ID_DELIVERY_SIZE];
	struct call *next; /* among those that could not be settled */
};

/* A claim, with the plan that it was made for: an endpoint that a reload took
 * out meanwhile still gets what was claimed for it. */
struct claim {
	struct work_claim work; /* first */
	struct plan *plan;
};

struct dispatch {
	struct dispatch_sides sides;
	struct plan *plan;
	struct target *ready;
	struct target **ready_end;
	struct call *unsettled;
	int64_t next_due_ms; /* the earliest of targets not in the ready list */
	int64_t pause_until_ms; /* the store is given time */
	int in_flight; /* calls, and room that claims have asked for */
	int claims, settles;
	bool stopping;
	bool deaths;
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

static void free_call(struct call *call)
{
	request_clear(&call->wire.request);
	free(call->from.event_type);
	free(call->from.incident);
	free(call->from.body);
	plan_drop(call->plan);
	free(call);
}

void dispatch_close(struct dispatch *d)
{
	if (!d)
		return;
	while (d->unsettled) {
		struct call *call = d->unsettled;

		d->unsettled = call->next;
		free_call(call);
	}
	plan_drop(d->plan);
	free(d);
}

struct plan *dispatch_plan(const struct dispatch *d)
{
	return d->plan;
}

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
	if (due_ms >= 0 && (d->next_due_ms < 0 || due_ms < d->next_due_ms))
		d->next_due_ms = due_ms;
}

void dispatch_use(struct dispatch *d, struct plan *plan)
{
	struct plan *old = d->plan;
	size_t i;

	d->ready = NULL;
	d->ready_end = &d->ready;
	d->next_due_ms = -1;
	d->plan = plan_hold(plan);
	for (i = 0; i < plan->count; i++) {
		struct target *target = &plan->targets[i];
		const struct target *was =
		    old ? plan_target(old, target->number) : NULL;

		if (was) {
			target->in_flight = was->in_flight;
			target->claiming = was->claiming;
		}
		expect(d, target->next_due_ms);
	}
	plan_drop(old);
}

void dispatch_touch(struct dispatch *d, struct target *target, int64_t due_ms)
{
	if (target->next_due_ms < 0 || due_ms < target->next_due_ms)
		target->next_due_ms = due_ms;
	if (due_ms <= now_wall_ms())
		list_ready(d, target);
	else
		expect(d, due_ms);
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
	for (i = 0; i < d->plan->count; i++) {
		struct target *target = &d->plan->targets[i];

		if (target->next_due_ms < 0 || target->listed)
			continue;
		if (target->next_due_ms <= now_ms)
			list_ready(d, target);
		else
			expect(d, target->next_due_ms);
	}
}

/* How many more this endpoint may have under way. The bound over all never
 * takes an endpoint's first place: a hundred hanging ones must not hold up one
 * that is well. */
static int room(const struct dispatch *d, const struct target *target)
{
	int own = target->webhook->concurrency - target->in_flight;
	int all = d->plan->conf->max_in_flight - d->in_flight;

	if (target->claiming || own <= 0)
		return 0;
	if (all < 1 && target->in_flight == 0)
		return 1;
	return own < all ? own : all;
}

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

static void add_wish(struct dispatch *d, struct work_claim *claim,
    struct target *target, int count)
{
	struct claim_wish *wish = &claim->wishes[claim->wish_count++];

	wish->endpoint = target->number;
	wish->room = count;
	target->claiming = true;
	target->in_flight += count;
	d->in_flight += count;
}

static void send_claim(struct dispatch *d, struct claim *claim)
{
	d->claims++;
	committer_send(d->sides.committer, &claim->work.work);
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

static void send_settle(struct dispatch *d, struct call *call)
{
	d->settles++;
	committer_send(d->sides.committer, &call->settle.work);
}

static void settle_again(struct dispatch *d)
{
	while (d->unsettled) {
		struct call *call = d->unsettled;

		d->unsettled = call->next;
		send_settle(d, call);
	}
}

void dispatch_turn(struct dispatch *d, int64_t now_ms)
{
	if (!d->plan)
		return;
	if (d->pause_until_ms) {
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

/* Gives room back to the endpoint, and lists it when it has use for it. */
static void give_back(struct dispatch *d, int64_t number, int count)
{
	struct target *target = plan_target(d->plan, number);

	d->in_flight -= count;
	if (!target)
		return;
	target->in_flight -= count;
	if (target->next_due_ms >= 0 && target->next_due_ms <= now_wall_ms())
		list_ready(d, target);
	else
		expect(d, target->next_due_ms);
}

static void build(struct call *call)
{
	struct request_case from = {
		.conf = call->plan->conf,
		.webhook = call->webhook,
		.endpoint = call->endpoint,
		.event_id = call->from.event_id,
		.event_type = call->from.event_type,
		.attempt = call->from.tries + 1,
		.now_ms = now_wall_ms(),
	};

	id_delivery(call->delivery, call->from.event_id, call->webhook->id,
	    call->endpoint->id);
	request_build(
	    &call->wire.request, &from, &call->from.body, call->from.body_len);
}

static void start_call(struct dispatch *d, struct plan *plan,
    struct target *target, struct claimed *claimed)
{
	struct call *call = mem_zalloc(sizeof(*call));

	call->plan = plan_hold(plan);
	call->webhook = target->webhook;
	call->endpoint = target->endpoint;
	call->from = *claimed;
	claimed->event_type = NULL;
	claimed->incident = NULL;
	claimed->body = NULL;
	build(call);
	wire_send(d->sides.wire, &call->wire);
}

/* The claim did not happen: its room is free, and all is as it was. */
static void claim_failed(struct dispatch *d, struct work_claim *claim)
{
	size_t i;

	for (i = 0; i < claim->wish_count; i++)
		give_back(d, claim->wishes[i].endpoint, claim->wishes[i].room);
	d->pause_until_ms = now_wall_ms() + STORE_PAUSE_MS;
}

static void take_wish(
    struct dispatch *d, const struct claim_wish *wish, int claimed)
{
	struct target *target = plan_target(d->plan, wish->endpoint);

	if (target)
		target->next_due_ms = wish->next_due_ms;
	give_back(d, wish->endpoint, wish->room - claimed);
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

static void end_claiming(struct dispatch *d, const struct work_claim *work)
{
	size_t i;

	for (i = 0; i < work->wish_count; i++) {
		struct target *target =
		    plan_target(d->plan, work->wishes[i].endpoint);

		if (target)
			target->claiming = false;
	}
}

void dispatch_claimed(struct dispatch *d, struct work *work)
{
	struct claim *claim = (struct claim *)work;
	size_t at = 0;
	size_t i;

	d->claims--;
	end_claiming(d, &claim->work);
	if (work->failed) {
		claim_failed(d, &claim->work);
		free_claim(claim);
		return;
	}
	/* What was claimed comes in the order of the wishes. */
	for (i = 0; i < claim->work.wish_count; i++) {
		const struct claim_wish *wish = &claim->work.wishes[i];

		take_wish(d, wish, start_wish(d, claim, wish, &at));
	}
	assert(at == claim->work.claimed_count);
	free_claim(claim);
}

/* Legacy tools look into failed/ for what was given up. Written before the
 * death is committed, so that no dead delivery lacks its file. */
static void write_failed(struct dispatch *d, const struct call *call)
{
	auto_free char *name =
	    mem_printf("%s/%s.json", call->webhook->id, call->from.event_id);
	struct why why;

	if (mkdirat(d->sides.failed_dir, call->webhook->id, 0750) < 0 &&
	    errno != EEXIST) {
		say_error("failed/%s: cannot make directory: %m; the delivery "
			  "is in the store",
		    call->webhook->id);
		return;
	}
	if (file_write(d->sides.failed_dir, name, call->wire.request.body,
		call->wire.request.body_len, 0640, &why) < 0)
		say_error("failed/%s; the delivery is in the store", why.text);
}

/* A delivery that came through after all (a crash came between its file and
 * its death) leaves no file behind. */
static void remove_failed(struct dispatch *d, const struct call *call)
{
	auto_free char *name =
	    mem_printf("%s/%s.json", call->webhook->id, call->from.event_id);

	unlinkat(d->sides.failed_dir, name, 0);
}

static bool anybody_to_tell(const struct call *call)
{
	const struct mail_settings *mail = &call->plan->conf->mail;
	char *const *own = call->webhook->failure_email;

	return own ? own[0] != NULL : mail->to && mail->to[0];
}

static void settle(struct dispatch *d, struct call *call)
{
	const struct retry_policy *policy = &call->webhook->retry;
	struct work_settle *work = &call->settle;
	struct retry_case at = {
		.answer = &call->wire.answer,
		.tries = call->from.tries,
		.queued_ms = call->from.queued_ms,
		.now_ms = now_wall_ms(),
		.dice = dice_roll(),
	};

	work->work.kind = WORK_SETTLE;
	work->now_ms = at.now_ms;
	work->delivery = call->from.delivery;
	work->attempt = call->from.tries + 1;
	work->answer = &call->wire.answer;
	work->verdict = retry_decide(policy, &at);
	work->notice = anybody_to_tell(call);
	if (work->verdict.outcome == OUTCOME_DEAD)
		write_failed(d, call);
	else if (work->verdict.outcome == OUTCOME_DELIVERED &&
	    call->from.tries > 0)
		remove_failed(d, call);
	send_settle(d, call);
}

void dispatch_called(struct dispatch *d, struct wire_call *wire)
{
	struct call *call = (struct call *)wire;

	give_back(d, call->from.endpoint, 1);
	/* Cut off by our own end: the row is found active at the next start
	 * and tried again. */
	if (wire->abandoned) {
		free_call(call);
		return;
	}
	settle(d, call);
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

static void write_down(struct dispatch *d, const struct call *call)
{
	const struct work_settle *settled = &call->settle;
	struct subject subject = {
		.delivery = call->delivery,
		.event_id = call->from.event_id,
		.event_type = call->from.event_type,
		.incident = call->from.incident,
		.webhook = call->webhook,
		.endpoint = call->endpoint,
	};

	record_attempt(d->sides.record, &subject, settled->attempt,
	    settled->answer, &settled->verdict);
	if (settled->verdict.outcome == OUTCOME_DEFERRED)
		return;
	record_end(d->sides.record, &subject, settled->attempt,
	    settled->now_ms - call->from.queued_ms, settled->answer,
	    &settled->verdict);
}

void dispatch_settled(struct dispatch *d, struct work *work)
{
	struct work_settle *settled = (struct work_settle *)work;
	struct call *call =
	    (struct call *)((char *)work - offsetof(struct call, settle));
	struct target *target;

	d->settles--;
	if (work->failed) {
		call->next = d->unsettled;
		d->unsettled = call;
		d->pause_until_ms = now_wall_ms() + STORE_PAUSE_MS;
		return;
	}
	count(d, settled);
	write_down(d, call);
	target = plan_target(d->plan, call->from.endpoint);
	if (target && settled->verdict.outcome == OUTCOME_DEFERRED)
		dispatch_touch(d, target, settled->verdict.due_ms);
	else if (target && settled->unlocked)
		dispatch_touch(d, target, settled->now_ms);
	free_call(call);
}

void dispatch_stop(struct dispatch *d)
{
	d->stopping = true;
}

bool dispatch_quiet(const struct dispatch *d)
{
	return !d->claims && !d->settles && !d->in_flight && !d->unsettled;
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
