/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/* What a breaker does with good and bad attempts, on an invented clock. */
#include "model/breaker.h"

#include "tap.h"

static const struct breaker_policy policy = { .failures = 3, .rest_ms = 60000 };
static int64_t now = 1000000;

static enum breaker_change bad(struct breaker *b)
{
	return breaker_note(b, &policy, false, now, now, 0);
}

static enum breaker_change good(struct breaker *b)
{
	return breaker_note(b, &policy, true, now, now, 0);
}

static void opens_and_rests(void)
{
	struct breaker b = { 0 };

	is_int(breaker_room(&b, 8, now), 8, "a closed one lets all through");
	bad(&b);
	bad(&b);
	good(&b);
	bad(&b);
	is_int(
	    bad(&b), BREAKER_SAME, "a success between starts the count anew");
	is_int(bad(&b), BREAKER_OPENED, "three failures in a row open it");
	is_int(
	    breaker_room(&b, 8, now + 4999), 0, "then it rests five seconds");
	is_int(breaker_room(&b, 8, now + 5000), 1, "and lets one probe out");
}

static void rests_longer_and_longer(void)
{
	struct breaker b = { 0 };
	int64_t rests[6];
	int i;

	for (i = 0; i < 3; i++)
		bad(&b);
	is_int(breaker_note(&b, &policy, false, now - 1, now + 10, 0),
	    BREAKER_SAME, "a call that was under way when it opened");
	is_int(b.until_ms, now + 5000, "does not make the rest longer");
	for (i = 0; i < 6; i++) {
		now = b.until_ms;
		is_int(bad(&b), BREAKER_SAME, "a failed probe is no news");
		rests[i] = b.until_ms - now;
	}
	ok(rests[0] == 10000 && rests[1] == 20000 && rests[2] == 40000,
	    "each failed probe doubles the rest");
	ok(rests[3] == 60000 && rests[5] == 60000, "up to the policy's rest");
}

static void starts_slowly(void)
{
	struct breaker b = { 0 };
	int i;

	for (i = 0; i < 3; i++)
		bad(&b);
	now = b.until_ms;
	is_int(good(&b), BREAKER_CLOSED, "a probe that succeeds closes it");
	is_int(breaker_room(&b, 8, now), 1, "then one call at a time goes out");
	good(&b);
	is_int(breaker_room(&b, 8, now), 2, "after a success two");
	good(&b);
	good(&b);
	is_int(breaker_room(&b, 8, now), 8, "and soon as many as ever");
	for (i = 0; i < 20; i++)
		good(&b);
	is_int(breaker_room(&b, 4096, now), 4096, "without any limit left");
	bad(&b);
	is_int(bad(&b), BREAKER_SAME, "the count of failures starts anew");
}

static void edges(void)
{
	const struct breaker_policy off = { .failures = 0, .rest_ms = 60000 };
	const struct breaker_policy brief = { .failures = 1, .rest_ms = 50 };
	struct breaker b = { 0 };
	int i;

	for (i = 0; i < 1000; i++)
		breaker_note(&b, &off, false, now, now, 0);
	ok(!breaker_is_open(&b), "failures 0 turns it off");
	b = (struct breaker){ 0 };
	breaker_note(&b, &brief, false, now, now, 0);
	is_int(b.until_ms, now + 50, "no rest is longer than the policy's");
	b = (struct breaker){ 0 };
	breaker_note(&b, &brief, false, now, now, UINT64_MAX);
	ok(b.until_ms > now + 50 && b.until_ms <= now + 60,
	    "jitter makes a rest longer, by a fifth at most");
	b.until_ms = now + 365 * 86400000LL;
	breaker_clamp(&b, &brief, now);
	is_int(b.until_ms, now + 60,
	    "a clock that was set back a year makes no endless rest");
}

int main(void)
{
	opens_and_rests();
	rests_longer_and_longer();
	starts_slowly();
	edges();
	return done();
}
