/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef FLOW_WARDEN_H
#define FLOW_WARDEN_H

#include "flow/committer.h"
#include "flow/dispatch.h"
#include "flow/record.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * Looks after what must not be sent though it is due. Pauses that are over are
 * taken away and told of; deliveries whose endpoint a reload took out are held,
 * and released when it comes back. The store itself keeps paused deliveries
 * from being claimed (port/store.h).
 */
struct warden;

struct warden_sides {
	struct committer *committer;
	struct dispatch *dispatch; /* for the plan in use */
	struct record *record;
};

struct warden *warden_open(const struct warden_sides *sides);
/* Nothing of it may be under way in the committer any more. */
void warden_close(struct warden *warden);

/* Another plan is in use, a verb changed the store, or some time has passed. */
void warden_ring(struct warden *warden);
void warden_turn(struct warden *warden, int64_t now_ms);
/* When to call warden_turn at the latest (wall clock), -1 for never. */
int64_t warden_next_ms(const struct warden *warden);
/* The answer to WORK_TEND. */
void warden_tended(struct warden *warden, struct work *work);

void warden_stop(struct warden *warden);
/* True when nothing is under way in the committer. */
bool warden_quiet(const struct warden *warden);

#endif
