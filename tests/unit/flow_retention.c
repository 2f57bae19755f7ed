/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/* How fast history goes: gently, and faster than it grows when it has to. */
#include "flow/retention.h"

#include "tap.h"

enum { MINUTE = 60 * 1000 };
#define GIB ((int64_t)1 << 30)

static struct retention_pace pace_of(
    int64_t max_bytes, int64_t excess, int64_t walked_ms)
{
	struct work_prune last = { .max_bytes = max_bytes, .excess = excess };

	return retention_pace(&last, walked_ms);
}

static void is_gentle(struct retention_pace pace, const char *name)
{
	ok(pace.step == PRUNE_STEP && pace.breath_ms == 15, "%s", name);
}

/* A step is 25 us of work an event, and a commit of up to 6 ms. */
static int64_t events_per_second(struct retention_pace pace)
{
	return pace.step * 1000000 /
	    (pace.breath_ms * 1000 + pace.step * 25 + 6000);
}

static void paces(void)
{
	struct retention_pace fast = pace_of(GIB, GIB / 5, 0);

	is_gentle(pace_of(GIB, 0, 0), "small steps, and the store for others");
	is_gentle(pace_of(GIB, -GIB, 0), "also far below the size");
	is_gentle(pace_of(GIB, GIB / 10, 0), "and a little beyond it");
	ok(events_per_second(pace_of(GIB, 0, 0)) < 5000,
	    "which is less than a busy daemon takes in");
	ok(fast.step <= PRUNE_STEP_MAX && fast.breath_ms > 0,
	    "beyond a tenth of the size the steps are larger, and bounded");
	ok(events_per_second(fast) > 10000,
	    "... and more goes than a busy daemon takes in");
	is_gentle(pace_of(0, GIB, 0), "without a size there is no excess");
	is_gentle(pace_of(0, 0, 9 * MINUTE), "a long walk is no hurry");
	ok(events_per_second(pace_of(0, 0, 11 * MINUTE)) > 10000,
	    "one that does not come to its end is behind as well");
}

int main(void)
{
	paces();
	return done();
}
