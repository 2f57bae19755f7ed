/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef MODEL_CLOCK_H
#define MODEL_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Notices when the wall clock was set. Due times are wall time, for they
 * outlive the process; steady time goes on while the machine sleeps, so a
 * suspension is no jump, and neither is daylight saving: wall time is UTC.
 */
enum { CLOCK_JUMP_MS = 10000 }; /* less is let pass, in either direction */

struct clock_watch {
	bool looked;
	int64_t apart_ms; /* wall less steady, when it was looked at last */
};

/* How far the wall clock was set since the last look, 0 when it was not. Small
 * corrections, as time daemons make them, never add up to a jump. */
int64_t clock_jump(
    struct clock_watch *watch, int64_t wall_ms, int64_t steady_ms);

#endif
