/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/* Lines before endpoints: so many out at a time, first come, first out. */
#include "flow/gate.h"

#include "flow/wire.h"
#include "tap.h"

enum { CALLS = 6, FAR = 256 }; /* FAR: numbers that share a slot */

static struct wire_call calls[CALLS];

static void deal(int room)
{
	size_t i;

	for (i = 0; i < CALLS; i++)
		calls[i] = (struct wire_call){ .gate = 1, .room = room };
}

static void in_turn(void)
{
	struct gates *gates = gates_new();

	deal(2);
	ok(gate_enter(gates, &calls[0]) && gate_enter(gates, &calls[1]),
	    "as many as there is room for go at once");
	ok(!gate_enter(gates, &calls[2]) && !gate_enter(gates, &calls[3]),
	    "the others stand in line");
	ok(gate_leave(gates, &calls[1]) == &calls[2],
	    "when one comes back, the first in line goes");
	ok(!gate_enter(gates, &calls[4]), "and takes the room of that one");
	ok(gate_leave(gates, &calls[0]) == &calls[3] &&
		gate_leave(gates, &calls[2]) == &calls[4],
	    "one after the other");
	ok(!gate_leave(gates, &calls[3]) && !gate_leave(gates, &calls[4]),
	    "until nobody waits");
	ok(gate_enter(gates, &calls[5]), "and there is room again");
	gate_leave(gates, &calls[5]);
	gates_free(gates);
}

static void apart(void)
{
	struct gates *gates = gates_new();

	deal(1);
	calls[1].gate = 1 + FAR;
	calls[2].gate = 2;
	ok(gate_enter(gates, &calls[0]) && gate_enter(gates, &calls[1]) &&
		gate_enter(gates, &calls[2]),
	    "a full gate keeps nobody from another");
	ok(!gate_enter(gates, &calls[3]), "only from itself");
	ok(!gate_leave(gates, &calls[1]) && !gate_leave(gates, &calls[2]),
	    "who leaves another gate lets nobody in here");
	ok(gate_leave(gates, &calls[0]) == &calls[3],
	    "who leaves this one does");
	gate_leave(gates, &calls[3]);
	gates_free(gates);
}

static void turned_away(void)
{
	struct gates *gates = gates_new();

	deal(1);
	gate_enter(gates, &calls[0]);
	gate_enter(gates, &calls[1]);
	gate_enter(gates, &calls[2]);
	ok(gate_turn_away(gates, &calls[0]) == &calls[1] &&
		gate_turn_away(gates, &calls[0]) == &calls[2] &&
		!gate_turn_away(gates, &calls[0]),
	    "a line is turned away from its front");
	ok(!gate_enter(gates, &calls[3]), "who is out still takes the room");
	ok(gates_turn_away(gates) == &calls[3] && !gates_turn_away(gates),
	    "at the end every line is emptied");
	ok(!gate_leave(gates, &calls[0]), "and nobody goes any more");
	gates_free(gates);
}

int main(void)
{
	in_turn();
	apart();
	turned_away();
	return done();
}
