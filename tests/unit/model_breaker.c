/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * The breaker: when an endpoint is left in peace, how it is probed, how it
 * comes back, and what does not count.
 */
#include "model/breaker.h"

#include "tap.h"

#include <stdint.h>

static const int64_t T0 = 1700000000000;
enum { SECOND = 1000, MINUTE = 60 * SECOND, WIDE = 8 };

static const struct breaker_policy policy = { 3, 5 * MINUTE };

static enum breaker_change note(struct breaker *b, enum breaker_news news,
    bool probe, int64_t now_ms, uint64_t dice)
{
	return breaker_note(b, &policy,
	    &(struct breaker_case){
		.news = news,
		.probe = probe,
		.concurrency = WIDE,
		.asked_ms = -1,
		.now_ms = now_ms,
		.dice = dice,
	    });
}

static int room(const struct breaker *b, int in_flight, int64_t now_ms)
{
	return breaker_room(b, &policy, WIDE, in_flight, now_ms);
}

static struct breaker opened(int64_t now_ms)
{
	struct breaker b = { 0 };
	int i;

	for (i = 0; i < policy.failures; i++)
		note(&b, BREAKER_FAILURE, false, now_ms, 0);
	return b;
}

static void opening(void)
{
	struct breaker b = { 0 };

	is_int(room(&b, 0, T0), WIDE, "at first there is room for all");
	note(&b, BREAKER_FAILURE, false, T0, 0);
	note(&b, BREAKER_FAILURE, false, T0, 0);
	note(&b, BREAKER_SUCCESS, false, T0, 0);
	is_int(note(&b, BREAKER_FAILURE, false, T0, 0), BREAKER_SAME,
	    "a success begins the row anew");
	note(&b, BREAKER_FAILURE, false, T0, 0);
	is_int(room(&b, 0, T0), WIDE, "one failure less than the row is none");
	is_int(note(&b, BREAKER_FAILURE, false, T0, 0), BREAKER_OPENED,
	    "failures in a row open it");
	is_int(room(&b, 0, T0), 0, "then nothing is sent");
	is_int(b.until_ms - T0, 5 * SECOND, "for five seconds");
	is_int(b.since_ms, T0, "and it is known since when");
	ok(breaker_rests(&b, &policy), "it rests");
}

static void stragglers(void)
{
	struct breaker b = opened(T0);
	int i;

	for (i = 0; i < WIDE; i++)
		is_int(note(&b, BREAKER_FAILURE, false, T0 + SECOND, 0),
		    BREAKER_SAME,
		    "an answer to an earlier call changes nothing");
	is_int(b.until_ms, T0 + 5 * SECOND, "and does not lengthen the rest");
	is_int(note(&b, BREAKER_SUCCESS, false, T0 + SECOND, 0), BREAKER_CLOSED,
	    "but a success among them closes it");
}

static void probing(void)
{
	struct breaker b = opened(T0);
	int64_t now = T0;
	int64_t rests[8];
	int i;

	is_int(room(&b, 0, b.until_ms - 1), 0, "no probe before its time");
	is_int(room(&b, 0, b.until_ms), 1, "one probe when it has come");
	is_int(room(&b, 1, b.until_ms), 0, "and no second one beside it");
	is_int(room(&b, 5, b.until_ms), 0,
	    "nor beside calls that were made before");
	for (i = 0; i < 8; i++) {
		now = b.until_ms;
		note(&b, BREAKER_FAILURE, true, now, 0);
		rests[i] = b.until_ms - now;
	}
	is_int(rests[0], 10 * SECOND, "a failed probe doubles the rest");
	is_int(rests[1], 20 * SECOND, "and the next one again");
	is_int(rests[7], policy.rest_ms, "up to the longest");
	now = b.until_ms;
	note(&b, BREAKER_FAILURE, true, now, UINT64_MAX);
	ok(b.until_ms - now > policy.rest_ms, "chance only makes it longer");
	ok(b.until_ms - now <= policy.rest_ms * 6 / 5, "by a fifth at most");
}

static void reviving(void)
{
	struct breaker b = opened(T0);
	int64_t now = b.until_ms;

	is_int(note(&b, BREAKER_SUCCESS, true, now, 0), BREAKER_CLOSED,
	    "a good probe closes it");
	ok(!breaker_rests(&b, &policy), "the rest is over");
	is_int(room(&b, 0, now), 1, "one call at a time first");
	note(&b, BREAKER_SUCCESS, false, now, 0);
	is_int(room(&b, 0, now), 2, "then two");
	note(&b, BREAKER_SUCCESS, false, now, 0);
	is_int(room(&b, 0, now), 4, "then four");
	note(&b, BREAKER_FAILURE, false, now, 0);
	is_int(room(&b, 0, now), 1, "a failure begins that anew");
	note(&b, BREAKER_SUCCESS, false, now, 0);
	note(&b, BREAKER_SUCCESS, false, now, 0);
	note(&b, BREAKER_SUCCESS, false, now, 0);
	is_int(room(&b, 0, now), WIDE, "until there is room for all");
	is_int(b.room, 0, "and no bound is left");
	b = opened(T0);
	is_int(b.until_ms - T0, 5 * SECOND, "the next rest is short again");
}

static void own_faults(void)
{
	struct breaker b = { 0 };
	int i;

	for (i = 0; i < 100; i++)
		is_int(note(&b, BREAKER_OWN_FAULT, false, T0, 0), BREAKER_SAME,
		    "own faults never open it");
	is_int(b.failures, 0, "nor count");
	is_int(room(&b, 0, T0), 0, "but nothing is sent for a while");
	is_int(room(&b, 0, T0 + BREAKER_OWN_REST_MS), 1, "then one call");
	is_int(room(&b, 1, T0 + BREAKER_OWN_REST_MS), 0, "at a time");
	note(&b, BREAKER_SUCCESS, false, T0, 0);
	is_int(room(&b, 0, T0), 1, "when it is over, room grows from one");
	b = opened(T0);
	note(&b, BREAKER_OWN_FAULT, true, T0 + 5 * SECOND, 0);
	ok(b.open && b.rest_ms == 5 * SECOND,
	    "an own fault of a probe tells nothing of the endpoint");
	ok(room(&b, 0, T0 + 5 * SECOND) == 0, "which is probed a little later");
	note(&b, BREAKER_FAILURE, true, T0 + 10 * SECOND, 0);
	ok(!b.own, "an answer of any kind ends the own fault");
}

static void asked(void)
{
	struct breaker b = opened(T0);
	struct breaker_case at = {
		.news = BREAKER_FAILURE,
		.probe = true,
		.concurrency = WIDE,
		.asked_ms = MINUTE,
		.now_ms = T0,
	};

	breaker_note(&b, &policy, &at);
	is_int(b.until_ms - T0, MINUTE, "Retry-After makes the rest longer");
	at.asked_ms = 1000 * MINUTE;
	breaker_note(&b, &policy, &at);
	is_int(b.until_ms - T0, policy.rest_ms, "up to the longest");
	at.asked_ms = 1;
	breaker_note(&b, &policy, &at);
	ok(b.until_ms - T0 >= 20 * SECOND, "and never shorter");
}

static void off(void)
{
	struct breaker_policy none = { 0, MINUTE };
	struct breaker b = { 0 };
	struct breaker_case at = { .news = BREAKER_FAILURE,
		.concurrency = WIDE,
		.asked_ms = -1,
		.now_ms = T0 };
	int i;

	for (i = 0; i < 1000; i++)
		breaker_note(&b, &none, &at);
	ok(!b.open, "0 failures turns it off");
	b = opened(T0);
	is_int(breaker_room(&b, &none, WIDE, 3, T0), WIDE,
	    "one that was open when it was turned off is in nobody's way");
	at.news = BREAKER_SUCCESS;
	is_int(breaker_note(&b, &none, &at), BREAKER_CLOSED,
	    "and closes with the next success");
}

static void moving(void)
{
	struct breaker b = opened(T0);
	int i;

	for (i = 0; i < 5; i++)
		note(&b, BREAKER_FAILURE, true, b.until_ms, 0);
	breaker_move(&b, T0 + SECOND);
	is_int(room(&b, 0, T0 + SECOND), 1, "at another URL a probe goes out");
	is_int(room(&b, 1, T0 + SECOND), 0, "and it alone");
	note(&b, BREAKER_FAILURE, true, T0 + SECOND, 0);
	is_int(b.until_ms - T0, 6 * SECOND, "the rests begin anew");
	breaker_move(&b, T0 + 2 * SECOND);
	is_int(note(&b, BREAKER_SUCCESS, true, T0 + 2 * SECOND, 0),
	    BREAKER_CLOSED, "and end with its first success");
	b = (struct breaker){ .failures = 2 };
	breaker_move(&b, T0);
	is_int(room(&b, 0, T0), WIDE, "one that is closed stays so");
	is_int(note(&b, BREAKER_FAILURE, false, T0, 0), BREAKER_SAME,
	    "and begins to count anew");
}

static void resuming(void)
{
	static const int64_t YEAR = 366LL * 24 * 60 * MINUTE;
	struct breaker b = opened(T0);

	b.room = 4;
	breaker_resume(&b, &policy, T0 + SECOND);
	ok(b.open && b.until_ms == T0 + 5 * SECOND, "a rest goes on");
	is_int(b.room, 0, "a slow start does not");
	breaker_resume(&b, &policy, T0 - YEAR);
	is_int(b.until_ms - (T0 - YEAR), 5 * SECOND,
	    "a clock that went back a year does not lengthen it");
	b = opened(T0);
	breaker_resume(&b, &policy, T0 + YEAR);
	is_int(room(&b, 0, T0 + YEAR), 1, "one that went ahead ends it");
	b = opened(T0);
	breaker_hurry(&b, T0 + SECOND);
	is_int(room(&b, 0, T0 + SECOND), 1, "an operator's hurry ends it, too");
	b = (struct breaker){ .until_ms = T0 + YEAR };
	breaker_resume(&b, &policy, T0);
	is_int(room(&b, 0, T0), WIDE, "a closed one has nothing to resume");
}

int main(void)
{
	opening();
	stragglers();
	probing();
	reviving();
	own_faults();
	asked();
	off();
	moving();
	resuming();
	return done();
}
