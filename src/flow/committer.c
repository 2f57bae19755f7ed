/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * flow/committer: the thread between the clerk and the store.
 *
 * Owns the calls into the store while the daemon runs. Promises: every work
 * comes back exactly once, in order, either committed or with `failed` set; one
 * work that the store refuses does not fail its neighbours, for a refused
 * group is tried again work by work. If we die in the middle, the transaction
 * was committed or it was not: nobody was answered yet.
 */
#include "flow/committer.h"

#include "base/mem.h"
#include "base/say.h"
#include "base/thread.h"
#include "flow/moment.h"

/* More than this in a transaction makes nothing faster and everybody wait. */
enum { GROUP_MAX = 256 };

struct committer {
	struct store *store;
	struct mailbox box;
	struct mailbox *answers;
	pthread_t thread;
	struct parcel out; /* sent and not yet handed over */
	bool gathers; /* the sender flushes */
	struct work last; /* the letter that ends the thread */
	bool failing; /* the trouble was said */
};

/* Cuts the first group off the list; returns what is left. The letter that
 * ends the thread never joins a group. */
static struct letter *cut_group(const struct committer *c, struct letter *first)
{
	struct letter *l = first;
	struct letter *rest;
	int count;

	for (count = 1; count < GROUP_MAX && l->next; count++) {
		if (l->next == &c->last.letter)
			break;
		l = l->next;
	}
	rest = l->next;
	l->next = NULL;
	return rest;
}

/* All of a group at once, so that one turn of the clerk sees them together. */
static void answer(struct committer *c, struct work *first, bool full)
{
	struct letter *l = &first->letter;

	for (;;) {
		((struct work *)l)->full = full;
		if (!l->next)
			break;
		l = l->next;
	}
	mailbox_put_all(c->answers, &first->letter, l);
}

static void complain(struct committer *c, const struct why *why)
{
	if (!c->failing)
		say_error("%s; what is not committed stays where it is and is "
			  "tried again",
		    why->text);
	c->failing = true;
}

bool committer_wrote(const struct work *work)
{
	if (work->failed)
		return false;
	if (work->kind == WORK_CLAIM)
		return ((const struct work_claim *)work)->claimed_count > 0;
	return work->kind == WORK_ACCEPT || work->kind == WORK_SETTLE ||
	    work->kind == WORK_MAIL_ADD;
}

static bool any_wrote(const struct work *group)
{
	const struct letter *l = &group->letter;

	while (l && !committer_wrote((const struct work *)l))
		l = l->next;
	return l != NULL;
}

static void relax(struct committer *c, const struct work *group)
{
	if (!c->failing || !any_wrote(group))
		return;
	say_info("the store can be written again");
	c->failing = false;
}

static void commit_one_by_one(struct committer *c, struct work *first)
{
	struct letter *l = &first->letter;

	while (l) {
		struct letter *next = l->next;
		struct why why;
		bool full;

		l->next = NULL;
		((struct work *)l)->failed = false;
		if (store_commit(c->store, (struct work *)l, &full, &why) < 0) {
			complain(c, &why);
			((struct work *)l)->full = full;
		}
		mailbox_put(c->answers, l);
		l = next;
	}
}

static void commit(struct committer *c, struct work *group)
{
	struct why why;
	bool full = false;

	moment_committing(group);
	if (store_commit(c->store, group, &full, &why) == 0) {
		moment_committed(group);
		relax(c, group);
		answer(c, group, false);
		return;
	}
	if (!group->letter.next || full) {
		complain(c, &why);
		answer(c, group, full);
		return;
	}
	commit_one_by_one(c, group);
}

static void *work_on(void *arg)
{
	struct committer *c = arg;

	for (;;) {
		struct letter *list = mailbox_wait(&c->box);

		while (list) {
			struct letter *rest;

			if (list == &c->last.letter)
				return NULL;
			rest = cut_group(c, list);
			commit(c, (struct work *)list);
			list = rest;
		}
	}
}

struct committer *committer_open(
    struct store *store, struct mailbox *answers, struct why *why)
{
	struct committer *c = mem_zalloc(sizeof(*c));

	c->store = store;
	c->answers = answers;
	mailbox_init(&c->box, NULL, NULL);
	if (thread_start(&c->thread, "store", work_on, c, why) == 0)
		return c;
	mailbox_clear(&c->box);
	free(c);
	return NULL;
}

void committer_send(struct committer *committer, struct work *work)
{
	work->failed = false;
	parcel_add(&committer->out, &work->letter);
	if (!committer->gathers)
		committer_flush(committer);
}

void committer_gather(struct committer *committer)
{
	committer->gathers = true;
}

void committer_flush(struct committer *committer)
{
	mailbox_put_parcel(&committer->box, &committer->out);
}

void committer_close(struct committer *committer)
{
	if (!committer)
		return;
	committer_flush(committer);
	mailbox_put(&committer->box, &committer->last.letter);
	pthread_join(committer->thread, NULL);
	mailbox_clear(&committer->box);
	free(committer);
}
