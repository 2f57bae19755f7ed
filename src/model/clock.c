/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * model/clock: compares the two clocks. Whatever the wall clock gains on the
 * steady one between two looks was not waited for by anybody: somebody set it.
 *
 * Pure: both clocks are arguments. Nothing to lose if we die.
 */
#include "model/clock.h"

int64_t clock_jump(
    struct clock_watch *watch, int64_t wall_ms, int64_t steady_ms)
{
	int64_t apart_ms = wall_ms - steady_ms;
	int64_t jump_ms = apart_ms - watch->apart_ms;
	bool first = !watch->looked;

	watch->looked = true;
	watch->apart_ms = apart_ms;
	if (first || (jump_ms < CLOCK_JUMP_MS && jump_ms > -CLOCK_JUMP_MS))
		return 0;
	return jump_ms;
}
