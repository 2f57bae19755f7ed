/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * flow/moment: which crash point belongs to which kind of work. It only looks
 * at a group, before it is handed to the store and after it was committed, and
 * changes nothing; if a test asked for one of its moments we die in there. In a
 * build without -DCRASH_POINTS there is nothing here.
 */
#include "flow/moment.h"

#ifdef CRASH_POINTS

#include "base/crash.h"

#include <stddef.h>

enum { NONE = CRASH_POINT_COUNT };

static const struct {
	enum work_kind kind;
	int committing;
	int committed;
} moments[] = {
	{ WORK_ACCEPT, CRASH_accept_committing, CRASH_accept_committed },
	{ WORK_CLAIM, NONE, CRASH_claim_committed },
	{ WORK_SETTLE, CRASH_settle_committing, CRASH_settle_committed },
	{ WORK_FORGET, NONE, CRASH_receipt_forgotten },
	{ WORK_MAIL_ADD, NONE, CRASH_mail_queued },
	{ WORK_MAIL_DONE, NONE, CRASH_mail_settled },
	{ WORK_PRUNE, NONE, CRASH_prune_step },
};

static void look(const struct work *work, bool committed)
{
	for (size_t i = 0; i < sizeof(moments) / sizeof(*moments); i++) {
		int point =
		    committed ? moments[i].committed : moments[i].committing;

		if (moments[i].kind == work->kind && point != NONE)
			crash_at((enum crash_point)point);
	}
}

static void look_at_all(const struct work *group, bool committed)
{
	const struct letter *l;

	for (l = &group->letter; l; l = l->next)
		look((const struct work *)l, committed);
}

void moment_committing(const struct work *group)
{
	look_at_all(group, false);
}

void moment_committed(const struct work *group)
{
	look_at_all(group, true);
}

#endif
