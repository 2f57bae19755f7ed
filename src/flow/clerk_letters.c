/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * flow/clerk_letters: whose letter is this? Each answer of another thread
 * goes to the part that asked.
 *
 * Owns the count of commits that failed in a row: a store that cannot be written
 * for another reason than a full disk ends the daemon, for nobody shall rely on
 * one that accepts nothing. Decides nothing else. If we die in the middle,
 * letters are lost, and the store knows what they would have said.
 */
#include "flow/clerk_own.h"

#include "base/say.h"

/* A commit that fails for another reason than space this often in a row means
 * that the store cannot be written. */
enum { STORE_FAILURES_MAX = 20 };

static void count_failure(struct clerk *c, const struct work *work)
{
	if (committer_wrote(work))
		c->store_failures = 0;
	/* A full disk is waited for, unless cron waits for us. */
	if (!work->failed || (work->full && (c->ready || !c->from->once)))
		return;
	/* While it starts nobody relies on it: then it fails at once. */
	if (c->ready && ++c->store_failures < STORE_FAILURES_MAX)
		return;
	if (c->stopping)
		return;
	say_error("the store cannot be written; ending, so that nobody relies "
		  "on a daemon that accepts nothing");
	c->end = CLERK_FAILED;
	c->stopping = true;
	ev_break(c->loop, EVBREAK_ALL);
}

static void work_came(struct clerk *c, struct work *work)
{
	struct parts *p = &c->parts;

	count_failure(c, work);
	switch (work->kind) {
	case WORK_ACCEPT:
		intake_accepted(p->intake, work);
		return;
	case WORK_FORGET:
		intake_forgotten(p->intake, work);
		return;
	case WORK_NOTE:
		if (!notes_answered(p->notes, work))
			intake_noted(p->intake, work);
		return;
	case WORK_COUNT:
	case WORK_LOGGED:
		notes_answered(p->notes, work);
		return;
	case WORK_CLAIM:
		dispatch_claimed(p->dispatch, work);
		return;
	case WORK_SETTLE:
		dispatch_settled(p->dispatch, work);
		return;
	case WORK_DIGEST:
	case WORK_REST_NEXT:
	case WORK_MAIL_ADD:
	case WORK_MAIL_NEXT:
	case WORK_MAIL_DONE:
		notice_answered(p->notice, work);
		return;
	case WORK_ENDPOINTS:
		reload_numbered(c->reload, work);
		return;
	case WORK_FLUSH:
		dispatch_flushed(p->dispatch, work);
		return;
	case WORK_CLOCK:
		dispatch_clocked(p->dispatch, work);
		notice_ring(p->notice);
		warden_ring(p->warden);
		return;
	case WORK_TEND:
		warden_tended(p->warden, work);
		return;
	case WORK_PRUNE:
		retention_pruned(p->retention, work);
		return;
	case WORK_RECEIPTS:
		return;
	}
}

static bool is_claim(const struct letter *l)
{
	return ((const struct work *)l)->kind == WORK_CLAIM;
}

/* Takes those out of the list that are claims, or those that are not. */
static void take_some(struct clerk *c, struct letter **list, bool claims)
{
	while (*list) {
		struct letter *l = *list;

		if (is_claim(l) != claims) {
			list = &l->next;
			continue;
		}
		*list = l->next;
		work_came(c, (struct work *)l);
	}
}

/* Claims first: they go out to the network, while the files of what was
 * accepted with them are still being removed. */
void clerk_take_works(struct clerk *c, struct letter *l)
{
	take_some(c, &l, true);
	take_some(c, &l, false);
}

static void take_removals(struct clerk *c)
{
	struct letter *l = mailbox_take(&c->parts.removals);

	while (l) {
		struct letter *next = l->next;

		intake_removed(c->parts.intake, (struct removal *)l);
		l = next;
	}
}

void clerk_take_letters(struct clerk *c)
{
	struct letter *l = mailbox_take(&c->parts.calls);

	while (l) {
		struct letter *next = l->next;

		dispatch_called(c->parts.dispatch, (struct wire_call *)l);
		l = next;
	}
	clerk_take_works(c, mailbox_take(&c->parts.works));
	take_removals(c);
}
