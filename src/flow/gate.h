/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef FLOW_GATE_H
#define FLOW_GATE_H

#include <stdbool.h>
#include <stdint.h>

struct wire_call;

/*
 * A gate for each endpoint: so many calls are out at a time, the others stand
 * in line, and the next goes the moment that one comes back. The wire asks; the
 * calls stay their owner's. One thread only.
 */
struct gates;

struct gates *gates_new(void);
/* Nobody may stand in a line any more. */
void gates_free(struct gates *gates);

/* True when the call may go out now; else it stands in the line of its gate. */
bool gate_enter(struct gates *gates, struct wire_call *call);
/* One came back. The next in its line may go out now, NULL when there is none. */
struct wire_call *gate_leave(struct gates *gates, const struct wire_call *call);
/* Takes somebody out of the line of this call's gate, NULL when it is empty. */
struct wire_call *gate_turn_away(
    struct gates *gates, const struct wire_call *call);
/* Takes somebody out of any line, NULL when all are empty. */
struct wire_call *gates_turn_away(struct gates *gates);

#endif
