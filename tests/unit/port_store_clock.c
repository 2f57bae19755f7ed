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

int main(void)
{
	kit_start();
	moved(YEAR, "a year ahead");
	moved(-YEAR, "a year back");
	moved(60 * MINUTE, "an hour ahead");
	behind();
	twice();
	kit_end();
	return done();
}
