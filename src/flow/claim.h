/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef FLOW_CLAIM_H
#define FLOW_CLAIM_H

#include "flow/plan.h"
#include "port/store.h"

#include <stdbool.h>
#include <stdint.h>

/* Wishes of one claim: enough for everybody's turn, few enough that the claim
 * does not hold up the group it stands in. */
enum { CLAIM_WISHES_MAX = 64 };

/* A claim, with the plan that it was made for: an endpoint that a reload took
 * out meanwhile still gets what was claimed for it. */
struct claim {
	struct work_claim work; /* first */
	struct plan *plan; /* held */
	int64_t jump_ms; /* the clock was set while it was under way */
	struct expiry expiry; /* of a claim that looks for what is too old */
	struct claim *before, *after; /* among those under way */
};

struct claim *claim_new(struct plan *plan, int64_t now_ms);
void claim_free(struct claim *claim);
/* Adds a wish and marks the target; true when the claim is full. */
bool claim_add(struct claim *claim, struct target *target, int count);

/* Moves the times of what came back along with the clock. */
void claim_settle_clock(struct claim *claim);

/* The list of those under way. */
void claim_link(struct claim **list, struct claim *claim);
void claim_unlink(struct claim **list, struct claim *claim);

#endif
