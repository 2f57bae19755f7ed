/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * flow/turns: a queue of endpoints, and the time of the next one to join it.
 *
 * Owns the links between targets and nothing else. Promises that nobody stands
 * in line twice and that the first to come is the first to be called up, so an
 * endpoint with much to do waits behind one with little. Costs a walk over all
 * endpoints once per due time. If we die, the store knows who has what to do.
 */
#include "flow/turns.h"

#include "base/now.h"
#include "flow/guard.h"

#include <stddef.h>

void turns_init(struct turns *turns)
{
	turns->first = NULL;
	turns->last = &turns->first;
	turns->next_ms = -1;
}

static void stand_in_line(struct turns *turns, struct target *target)
{
	if (target->listed)
		return;
	target->listed = true;
	target->next = NULL;
	*turns->last = target;
	turns->last = &target->next;
}

struct target *turns_call_up(struct turns *turns)
{
	struct target *target = turns->first;

	if (!target)
		return NULL;
	turns->first = target->next;
	if (!turns->first)
		turns->last = &turns->first;
	target->listed = false;
	return target;
}

void turns_consider(struct turns *turns, struct target *target, int64_t now_ms)
{
	int64_t ready_ms = guard_ready_ms(target);

	if (ready_ms < 0)
		return;
	if (ready_ms <= now_ms)
		stand_in_line(turns, target);
	else
		turns->next_ms = now_earlier(turns->next_ms, ready_ms);
}

void turns_move(struct turns *turns, int64_t jump_ms)
{
	if (turns->next_ms >= 0)
		turns->next_ms += jump_ms;
}

void turns_gather(struct turns *turns, struct plan *plan, int64_t now_ms)
{
	size_t i;

	if (turns->next_ms < 0 || turns->next_ms > now_ms)
		return;
	turns->next_ms = -1;
	for (i = 0; i < plan->count; i++)
		turns_consider(turns, &plan->targets[i], now_ms);
}
