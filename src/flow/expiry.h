/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef FLOW_EXPIRY_H
#define FLOW_EXPIRY_H

#include "flow/claim.h"
#include "flow/plan.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * What waits behind a rest is tried by nobody, so nobody would notice that it
 * waited longer than retry.give_up_after: walks over it do, in small steps.
 */

/* The target begins to rest: a walk comes, unless one is planned. */
void expiry_expect(struct target *target, int64_t now_ms);

/* Something older than all that the last walk saw may wait now. */
void expiry_hurry(struct target *target, int64_t now_ms);

/* The next step of a walk that is due, to be sent to the store; NULL when there
 * is none, and then *next_ms is when to ask again, -1 for never. */
struct claim *expiry_step(struct plan *plan, int64_t now_ms, int64_t *next_ms);
/* The step is back: plans the next one. */
void expiry_done(struct plan *plan, const struct claim *claim, int64_t now_ms);

/* True for a claim that is a step. */
bool expiry_is(const struct claim *claim);

#endif
