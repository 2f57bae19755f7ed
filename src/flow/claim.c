/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * flow/claim: a claim on its way to the store and back. Owns its wishes, and
 * what the store handed out until somebody takes it over. If we die in the
 * middle, what was claimed is found active at the next start.
 */
#include "flow/claim.h"

#include "base/mem.h"

struct claim *claim_new(struct plan *plan, int64_t now_ms)
{
	struct claim *claim = mem_zalloc(sizeof(*claim));

	claim->work.work.kind = WORK_CLAIM;
	claim->work.now_ms = now_ms;
	claim->work.wishes =
	    mem_array(CLAIM_WISHES_MAX, sizeof(*claim->work.wishes));
	claim->plan = plan_hold(plan);
	return claim;
}

void claim_free(struct claim *claim)
{
	work_claim_clear(&claim->work);
	free(claim->work.wishes);
	plan_drop(claim->plan);
	free(claim);
}

bool claim_add(struct claim *claim, struct target *target, int count)
{
	struct claim_wish *wish = &claim->work.wishes[claim->work.wish_count++];

	wish->endpoint = target->number;
	wish->room = count;
	wish->tried_first = target->tried_first;
	target->claiming = true;
	target->touched = false;
	return claim->work.wish_count == CLAIM_WISHES_MAX;
}

void claim_settle_clock(struct claim *claim)
{
	struct work_claim *work = &claim->work;
	size_t i;

	for (i = 0; i < work->claimed_count; i++)
		work->claimed[i].queued_ms += claim->jump_ms;
	for (i = 0; i < work->wish_count; i++) {
		if (work->wishes[i].next_due_ms > 0)
			work->wishes[i].next_due_ms += claim->jump_ms;
	}
	claim->jump_ms = 0;
}

void claim_link(struct claim **list, struct claim *claim)
{
	claim->before = NULL;
	claim->after = *list;
	if (claim->after)
		claim->after->before = claim;
	*list = claim;
}

void claim_unlink(struct claim **list, struct claim *claim)
{
	if (claim->before)
		claim->before->after = claim->after;
	else
		*list = claim->after;
	if (claim->after)
		claim->after->before = claim->before;
}
