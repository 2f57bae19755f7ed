/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef FLOW_TURNS_H
#define FLOW_TURNS_H

#include "flow/plan.h"

#include <stdint.h>

/*
 * Whose turn it is: endpoints that may have something due stand in a queue and
 * take turns, all others wait for a time. A turn is no promise: who is called
 * up looks whether there is room, and stands in line again when there is.
 */
struct turns {
	struct target *first;
	struct target **last;
	int64_t next_ms; /* the earliest time of those not in line, or -1 */
};

void turns_init(struct turns *turns);
/* Calls up the next in line, NULL when there is none. */
struct target *turns_call_up(struct turns *turns);
/* Puts a target in line when its time has come, else remembers its time. */
void turns_consider(struct turns *turns, struct target *target, int64_t now_ms);
/* The clock was set by so much. */
void turns_move(struct turns *turns, int64_t jump_ms);
/* Considers all of the plan once the earliest time has come. */
void turns_gather(struct turns *turns, struct plan *plan, int64_t now_ms);

#endif
