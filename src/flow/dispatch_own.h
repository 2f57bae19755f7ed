/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef FLOW_DISPATCH_OWN_H
#define FLOW_DISPATCH_OWN_H

#include "flow/call.h"
#include "flow/dispatch.h"
#include "flow/turns.h"

#include <stdbool.h>
#include <stdint.h>

/* What the dispatcher's files share among themselves; for nobody else. */

/* After the store refused something, it is asked again this much later. */
enum { STORE_PAUSE_MS = 1000 };

struct dispatch {
	struct dispatch_sides sides;
	struct plan *plan;
	struct guard *guard;
	struct turns turns;
	struct call *calls; /* on the wire */
	struct call *unsettled; /* the store could not take their outcome */
	struct claim *claims;
	int64_t next_expiry_ms; /* of the next walk for what waits too long */
	int64_t pause_until_ms; /* the store is given time */
	int in_flight; /* deliveries, and room that claims have asked for */
	int ahead; /* of those, what stands in line */
	int settles, flushes, clocks;
	bool stopping;
	bool unmoved; /* the store could not move its times: */
	int64_t unmoved_ms; /* by so much */
	bool news; /* that somebody is to be told of by mail */
	struct dispatch_totals totals;
};

/* Has the store move its times once more, if it could not (dispatch_clock.c). */
void clock_again(struct dispatch *d, int64_t now_ms);

/* How many more deliveries this endpoint may have claimed now, 0 for none
 * (dispatch_room.c). */
int room_for(
    const struct dispatch *d, const struct target *target, int64_t now_ms);
/* So many more (or fewer) deliveries of it are claimed. */
void room_take(struct dispatch *d, struct target *target, int count);
/* After another plan was taken into use. */
void room_count(struct dispatch *d);
/* An answer came: tells how much to claim ahead for its endpoint. */
void room_learn(struct target *target, const struct answer *answer);

#endif
