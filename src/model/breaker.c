/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * model/breaker: closed, resting, probing, starting slowly; four numbers tell
 * which. What counts as a failure is the caller's: trouble of our own does not.
 */
#include "model/breaker.h"

/* Rests are longer by up to a fifth, so that many endpoints behind one dead
 * router do not all probe at once. */
static const double JITTER = 0.2;

bool breaker_is_open(const struct breaker *b)
{
	return b->until_ms != 0;
}

int breaker_room(const struct breaker *b, int concurrency, int64_t now_ms)
{
	if (breaker_is_open(b))
		return now_ms >= b->until_ms;
	if (b->room && b->room < concurrency)
		return b->room;
	return concurrency;
}

static void rest(struct breaker *b, int64_t now_ms, uint64_t dice)
{
	double chance = (double)(dice >> 11) / (double)((uint64_t)1 << 53);

	b->until_ms = now_ms + b->rest_ms +
	    (int64_t)((double)b->rest_ms * JITTER * chance);
}

static int64_t first_rest(const struct breaker_policy *policy)
{
	return policy->rest_ms < BREAKER_REST_MS ? policy->rest_ms
						 : BREAKER_REST_MS;
}

static enum breaker_change succeed(struct breaker *b)
{
	bool was_open = breaker_is_open(b);

	b->failures = 0;
	if (was_open) {
		*b = (struct breaker){ .room = 1 };
		return BREAKER_CLOSED;
	}
	/* Beyond any concurrency there is no limit to keep in mind. */
	if (b->room)
		b->room = b->room < 512 ? b->room * 2 : 0;
	return BREAKER_SAME;
}

enum breaker_change breaker_note(struct breaker *b,
    const struct breaker_policy *policy, bool good, int64_t started_ms,
    int64_t now_ms, uint64_t dice)
{
	if (good)
		return succeed(b);
	if (b->failures < INT32_MAX)
		b->failures++;
	if (breaker_is_open(b)) {
		if (started_ms < b->until_ms)
			return BREAKER_SAME;
		b->rest_ms *= 2;
		if (b->rest_ms > policy->rest_ms)
			b->rest_ms = policy->rest_ms;
		rest(b, now_ms, dice);
		return BREAKER_SAME;
	}
	if (!policy->failures || b->failures < policy->failures)
		return BREAKER_SAME;
	b->rest_ms = first_rest(policy);
	b->room = 0;
	rest(b, now_ms, dice);
	return BREAKER_OPENED;
}

void breaker_clamp(
    struct breaker *b, const struct breaker_policy *policy, int64_t now_ms)
{
	int64_t latest = now_ms + policy->rest_ms +
	    (int64_t)((double)policy->rest_ms * JITTER);

	if (b->until_ms > latest)
		b->until_ms = latest;
}
