/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * The wall clock was set: what waits in the store moves along, what happened
 * keeps its time, and what a clock that went back left in the future is found
 * at the start.
 */
#include "store_kit.h"

static const int64_t T0 = 1700000000000;
enum { SECOND = 1000, MINUTE = 60 * SECOND };
static const int64_t YEAR = 366LL * 24 * 60 * MINUTE;

static struct store *store;
static int64_t endpoint;

static void accept_one(int n, const char *incident, int64_t now_ms)
{
	struct route_row route = { .endpoint = endpoint, .ordered = true };
	struct accepted_event event = kit_event(n, incident, &route);
	struct work_accept work = {
		.now_ms = now_ms, .source = "x", .events = &event, .count = 1
	};

	kit_must(store, &work, WORK_ACCEPT);
}

/* Claims what is due; returns how many, and the first one's times. */
static int claim(int64_t now_ms, int64_t *queued_ms, int64_t *next_ms)
{
	struct claim_wish wish = { .endpoint = endpoint, .room = 10 };
	struct work_claim work = {
		.now_ms = now_ms, .wishes = &wish, .wish_count = 1
	};
	int count;

	kit_must(store, &work, WORK_CLAIM);
	count = (int)work.claimed_count;
	if (count)
		*queued_ms = work.claimed[0].queued_ms;
	*next_ms = wish.next_due_ms;
	work_claim_clear(&work);
	return count;
}

static void defer(int64_t row, int64_t now_ms, int64_t due_ms)
{
	struct answer answer = { .status = 500, .fault = FAULT_HTTP_5XX };
	struct work_settle work = {
		.now_ms = now_ms,
		.delivery = row,
		.attempt = 1,
		.answer = &answer,
		.verdict = { .outcome = OUTCOME_DEFERRED,
		    .due_ms = due_ms,
		    .tries = 1 },
	};

	kit_must(store, &work, WORK_SETTLE);
}

static int64_t set_clock(int64_t now_ms, int64_t jump_ms)
{
	struct work_clock work = {
		.now_ms = now_ms, .jump_ms = jump_ms, .slack_ms = 10 * SECOND
	};

	kit_must(store, &work, WORK_CLOCK);
	return work.behind_ms;
}

/* One delivery that was deferred at T0 for a minute. */
static void begin(void)
{
	int64_t queued_ms;
	int64_t next_ms;

	store = kit_open(STORE_DAEMON);
	endpoint = kit_endpoint(store, "hook", "0");
	accept_one(1, "a", T0);
	claim(T0, &queued_ms, &next_ms);
	defer(1, T0, T0 + MINUTE);
}

static void end(void)
{
	store_close(store);
	kit_wipe();
}

static void moved(int64_t jump_ms, const char *name)
{
	int64_t now = T0 + 10 * SECOND + jump_ms;
	int64_t queued_ms = 0;
	int64_t next_ms;

	begin();
	is_int(set_clock(now, jump_ms), 0, name);
	is_int(claim(now, &queued_ms, &next_ms), 0, "nothing is due at once");
	is_int(
	    next_ms - now, 50 * SECOND, "what waits waits as long as before");
	is_int(claim(now + 50 * SECOND, &queued_ms, &next_ms), 1,
	    "and is due then");
	is_int(queued_ms, T0 + jump_ms, "as old as it was");
	end();
}

static void behind(void)
{
	int64_t now = T0 - YEAR;
	int64_t queued_ms = 0;
	int64_t next_ms;

	begin();
	is_int(set_clock(now, 0), YEAR, "a clock that went back is noticed");
	claim(now, &queued_ms, &next_ms);
	is_int(next_ms - now, MINUTE, "what waits waits as it was meant to");
	is_int(claim(now + MINUTE, &queued_ms, &next_ms), 1, "and is due then");
	is_int(queued_ms, now, "and it is not from the future");
	end();
	begin();
	is_int(
	    set_clock(T0 + YEAR, 0), 0, "one that went ahead is like a rest");
	is_int(claim(T0 + YEAR, &queued_ms, &next_ms), 1, "all is due");
	end();
	begin();
	is_int(set_clock(T0 - 5 * SECOND, 0), 0, "some seconds are let pass");
	end();
}

static void twice(void)
{
	int64_t now = T0 + YEAR;
	int64_t queued_ms = 0;
	int64_t next_ms;

	begin();
	accept_one(2, "b", now);
	set_clock(now, YEAR);
	is_int(claim(now, &queued_ms, &next_ms), 1,
	    "what came after a jump ahead is due all the same");
	end();
}

/* ---- more than one step moves ------------------------------------------- */

enum { MANY = 3 * CLOCK_STEP + 100, GROUP = 512 };

static void accept_group(int from, int count, int64_t now_ms)
{
	static char incidents[GROUP][16];
	static struct accepted_event events[GROUP];
	struct route_row route = { .endpoint = endpoint, .ordered = true };
	struct work_accept work = {
		.now_ms = now_ms, .source = "x", .events = events
	};
	int i;

	for (i = 0; i < count; i++) {
		snprintf(incidents[i], sizeof(incidents[i]), "i%d", from + i);
		events[i] = kit_event(from + i, incidents[i], &route);
	}
	work.count = (size_t)count;
	kit_must(store, &work, WORK_ACCEPT);
}

/* MANY deliveries of T0. */
static void begin_many(void)
{
	int n;

	store = kit_open(STORE_DAEMON);
	endpoint = kit_endpoint(store, "hook", "0");
	for (n = 0; n < MANY; n += GROUP)
		accept_group(n, MANY - n < GROUP ? MANY - n : GROUP, T0);
}

static int run_on(struct work_clock *work)
{
	int steps = 0;

	do {
		kit_must(store, work, WORK_CLOCK);
		steps++;
	} while (work->more);
	return steps;
}

struct tally {
	int64_t ms;
	int64_t slack_ms; /* later by at most this is right, too */
	int right;
};

static int tally_row(void *arg, const struct delivery_row *row)
{
	struct tally *tally = arg;

	tally->right += row->due_ms >= tally->ms &&
	    row->due_ms <= tally->ms + tally->slack_ms &&
	    row->queued_ms >= tally->ms &&
	    row->queued_ms <= tally->ms + tally->slack_ms;
	return 0;
}

static struct tally count_near(int64_t ms, int64_t slack_ms)
{
	struct tally tally = { .ms = ms, .slack_ms = slack_ms };
	struct delivery_query query = { .all_states = true };

	if (store_deliveries(store, &query, tally_row, &tally, &kit_why) < 0)
		kit_die("cannot list");
	return tally;
}

static struct tally count_at(int64_t ms)
{
	return count_near(ms, 0);
}

static void stepwise(int64_t jump_ms, const char *name)
{
	struct work_clock work = { .now_ms = T0 + 10 * SECOND + jump_ms,
		.jump_ms = jump_ms };

	begin_many();
	ok(run_on(&work) >= 4, "%s: many are moved in steps", name);
	is_int(count_at(T0 + jump_ms).right, MANY, "each of them once");
	end();
}

/* What a daemon that died left half done is finished by the next one, and what
 * came between is left alone. */
static void resumed(int64_t jump_ms, const char *name)
{
	int64_t now = T0 + 10 * SECOND + jump_ms;
	struct work_clock work = { .now_ms = now, .jump_ms = jump_ms };
	struct work_clock next = { .now_ms = now + 2 * SECOND,
		.slack_ms = 10 * SECOND };

	begin_many();
	kit_must(store, &work, WORK_CLOCK);
	ok(work.more, "%s: one step is not all", name);
	accept_group(MANY, 10, now + SECOND);
	store_close(store);
	store = kit_open(STORE_DAEMON);
	run_on(&next);
	is_int(count_at(T0 + jump_ms).right, MANY,
	    "the next daemon finishes it, each one once");
	is_int(count_at(now + SECOND).right, 10,
	    "and what came between keeps its time");
	kit_must(store, &next, WORK_CLOCK);
	ok(!next.more, "then it is over");
	is_int(count_at(T0 + jump_ms).right, MANY, "and nothing moves again");
	end();
}

/* The clock is set again before the first move is over. */
static void two_jumps(void)
{
	struct work_clock first = { .now_ms = T0 + YEAR, .jump_ms = YEAR };
	struct work_clock second = { .now_ms = T0 + SECOND, .jump_ms = -YEAR };

	begin_many();
	kit_must(store, &first, WORK_CLOCK);
	run_on(&second);
	run_on(&first);
	is_int(count_near(T0, SECOND).right, MANY,
	    "of two jumps that cancel one another nothing is left");
	end();
}

/* A group that fails moved nothing; asked again it moves all. */
static void refused(void)
{
	struct work_clock work = {
		.work.kind = WORK_CLOCK, .now_ms = T0 + YEAR, .jump_ms = YEAR
	};
	struct work_note bad = { .work.kind = WORK_NOTE, .value = "x" };
	bool full;

	begin_many();
	work.work.letter.next = &bad.work.letter;
	is_int(store_commit(store, &work.work, &full, &kit_why), -1,
	    "a step in a group that fails");
	ok(!work.begun, "has not begun");
	is_int(count_at(T0).right, MANY, "and moved nothing");
	work.work.letter.next = NULL;
	run_on(&work);
	is_int(count_at(T0 + YEAR).right, MANY, "asked again it moves all");
	end();
}

int main(void)
{
	kit_start();
	moved(YEAR, "a year ahead");
	moved(-YEAR, "a year back");
	moved(60 * MINUTE, "an hour ahead");
	behind();
	twice();
	stepwise(YEAR, "a year ahead");
	stepwise(-YEAR, "a year back");
	resumed(YEAR, "ahead");
	resumed(-YEAR, "back");
	two_jumps();
	refused();
	kit_end();
	return done();
}
