/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * flow/rest: from an attempt to the breaker. It owns nothing: the state is the
 * target's, and it is committed with the attempt that changed it. If we die in
 * between, neither happened.
 */
#include "flow/rest.h"

#include "base/dice.h"
#include "base/mem.h"

static bool same(const struct breaker *a, const struct breaker *b)
{
	return a->failures == b->failures && a->until_ms == b->until_ms &&
	    a->rest_ms == b->rest_ms && a->room == b->room;
}

void rest_learn(struct target *target, struct call *call, int64_t now_ms)
{
	const struct answer *answer = &call->wire.answer;
	struct breaker before = target->breaker;

	if (answer->fault == FAULT_LOCAL)
		return;
	call->change = breaker_note(&target->breaker, &call->webhook->breaker,
	    answer_delivered(answer), answer->started_ms, now_ms, dice_roll());
	call->breaker = target->breaker;
	if (!same(&before, &call->breaker))
		call->settle.breaker = &call->breaker;
}

void rest_note(struct notes *notes, const struct target *target)
{
	const struct breaker *breaker = &target->breaker;
	auto_free char *name = mem_printf(
	    "trouble/breaker/%s/%s", target->webhook->id, target->endpoint->id);
	auto_free char *text = NULL;

	if (breaker_is_open(breaker))
		text = mem_printf("%s/%s rests: %d attempts in a row failed; "
				  "its deliveries wait and spend no tries",
		    target->webhook->id, target->endpoint->id,
		    breaker->failures);
	notes_put(notes, name, text);
}
