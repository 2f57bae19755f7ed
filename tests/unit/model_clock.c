/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * The wall clock: what is a jump, and what is not.
 */
#include "model/clock.h"

#include "tap.h"

static const int64_t WALL = 1700000000000;
static const int64_t STEADY = 5000;
static const int64_t HOUR = 3600 * 1000;
static const int64_t YEAR = 366LL * 24 * 3600 * 1000;

int main(void)
{
	struct clock_watch watch = { 0 };
	int64_t wall = WALL;
	int64_t steady = STEADY;
	int64_t sum = 0;
	int i;

	is_int(clock_jump(&watch, wall, steady), 0,
	    "the first look tells nothing");
	is_int(clock_jump(&watch, wall + HOUR, steady + HOUR), 0,
	    "an hour that both clocks saw is no jump, suspended or not");
	is_int(clock_jump(&watch, wall + HOUR + YEAR, steady + HOUR), YEAR,
	    "a year ahead is");
	is_int(
	    clock_jump(&watch, wall + HOUR + YEAR, steady + HOUR), 0, "once");
	is_int(clock_jump(&watch, wall + HOUR, steady + HOUR), -YEAR,
	    "and so is a year back");
	is_int(clock_jump(&watch, wall + 3 * HOUR, steady + 2 * HOUR), HOUR,
	    "what passed meanwhile does not count");
	watch = (struct clock_watch){ 0 };
	clock_jump(&watch, wall, steady);
	for (i = 0; i < 1000; i++) {
		wall += 1009;
		steady += 1000;
		sum += clock_jump(&watch, wall, steady);
	}
	is_int(sum, 0, "slow corrections never add up to a jump");
	is_int(clock_jump(&watch, wall + CLOCK_JUMP_MS - 1, steady), 0,
	    "a step of some seconds is let pass");
	return done();
}
