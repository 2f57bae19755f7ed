/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * flow/gate: the lines before the endpoints, on the wire's side, so that an
 * endpoint that answers within a fraction of a millisecond never waits for the
 * clerk and the store to bring its next call.
 *
 * Owns a few numbers and the order of the lines; never starts, ends or frees a
 * call. How many may be out comes with each call. A gate without anybody in or
 * before it is forgotten. If we die in the middle, those in line are rows that
 * are active and were never tried.
 */
#include "flow/gate.h"

#include "base/mem.h"
#include "flow/wire.h"

#include <assert.h>
#include <stddef.h>

enum { SLOTS = 256 };

struct gate {
	int64_t number;
	int out;
	struct wire_call *first;
	struct wire_call **last;
	struct gate *next; /* in its slot */
};

struct gates {
	struct gate *slots[SLOTS];
};

struct gates *gates_new(void)
{
	return mem_zalloc(sizeof(struct gates));
}

void gates_free(struct gates *gates)
{
	size_t i;

	for (i = 0; gates && i < SLOTS; i++) {
		while (gates->slots[i]) {
			struct gate *gate = gates->slots[i];

			assert(!gate->first);
			gates->slots[i] = gate->next;
			free(gate);
		}
	}
	free(gates);
}

/* Where the gate of this number hangs, or would. */
static struct gate **find(struct gates *gates, int64_t number)
{
	struct gate **at = &gates->slots[(uint64_t)number % SLOTS];

	while (*at && (*at)->number != number)
		at = &(*at)->next;
	return at;
}

static struct gate *open_gate(struct gates *gates, int64_t number)
{
	struct gate **at = find(gates, number);

	if (*at)
		return *at;
	*at = mem_zalloc(sizeof(**at));
	(*at)->number = number;
	(*at)->last = &(*at)->first;
	return *at;
}

bool gate_enter(struct gates *gates, struct wire_call *call)
{
	struct gate *gate = open_gate(gates, call->gate);

	if (gate->out < call->room) {
		gate->out++;
		return true;
	}
	call->after = NULL;
	*gate->last = call;
	gate->last = &call->after;
	return false;
}

static struct wire_call *first_of(struct gate *gate)
{
	struct wire_call *call = gate->first;

	if (!call)
		return NULL;
	gate->first = call->after;
	if (!gate->first)
		gate->last = &gate->first;
	call->after = NULL;
	return call;
}

struct wire_call *gate_leave(struct gates *gates, const struct wire_call *call)
{
	struct gate **at = find(gates, call->gate);
	struct gate *gate = *at;
	struct wire_call *next;

	assert(gate && gate->out > 0);
	next = first_of(gate);
	if (next || --gate->out > 0)
		return next;
	*at = gate->next;
	free(gate);
	return NULL;
}

struct wire_call *gate_turn_away(
    struct gates *gates, const struct wire_call *call)
{
	struct gate *gate = *find(gates, call->gate);

	return gate ? first_of(gate) : NULL;
}

struct wire_call *gates_turn_away(struct gates *gates)
{
	struct gate *gate;
	size_t i;

	for (i = 0; i < SLOTS; i++) {
		for (gate = gates->slots[i]; gate; gate = gate->next) {
			if (gate->first)
				return first_of(gate);
		}
	}
	return NULL;
}
