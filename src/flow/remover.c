/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * flow/remover: the thread that takes accepted files out of their boxes.
 *
 * Owns the removals from remover_flush until they lie in the clerk's mailbox.
 * Promises that each comes back once, in the order in which it was sent. It
 * knows neither the store nor the log, and decides nothing: what is removed,
 * and what is left alone, is drop_remove's. If we die in the middle, files are
 * still there, perhaps under a private name, and their receipts tell the next
 * start that they were accepted.
 */
#include "flow/remover.h"

#include "base/mem.h"
#include "base/thread.h"

#include <pthread.h>

struct remover {
	pthread_t thread;
	struct mailbox box;
	struct mailbox *answers;
	struct parcel out; /* sent and not yet handed over */
	struct letter stop;
};

static void carry_out(struct removal *removal)
{
	removal->failed =
	    drop_remove(removal->drop, removal->file.name, removal->fd,
		&removal->file.mark, &removal->answer, &removal->why) < 0;
	removal->fd = -1;
}

/* Those of a list together, for the clerk is woken once for all. False when the
 * thread is to end. */
static bool carry_out_all(struct remover *remover, struct letter *first)
{
	struct letter *last = NULL;
	struct letter *l;

	for (l = first; l && l != &remover->stop; l = l->next) {
		carry_out((struct removal *)l);
		last = l;
	}
	if (last)
		mailbox_put_all(remover->answers, first, last);
	return !l;
}

static void *work(void *arg)
{
	struct remover *remover = arg;

	while (carry_out_all(remover, mailbox_wait(&remover->box)))
		continue;
	return NULL;
}

struct remover *remover_open(struct mailbox *answers, struct why *why)
{
	struct remover *remover = mem_zalloc(sizeof(*remover));

	remover->answers = answers;
	mailbox_init(&remover->box, NULL, NULL);
	if (thread_start(&remover->thread, "remover", work, remover, why) == 0)
		return remover;
	mailbox_clear(&remover->box);
	free(remover);
	return NULL;
}

void remover_send(struct remover *remover, struct removal *removal)
{
	parcel_add(&remover->out, &removal->letter);
}

void remover_flush(struct remover *remover)
{
	mailbox_put_parcel(&remover->box, &remover->out);
}

void remover_close(struct remover *remover)
{
	if (!remover)
		return;
	remover_flush(remover);
	mailbox_put(&remover->box, &remover->stop);
	pthread_join(remover->thread, NULL);
	mailbox_clear(&remover->box);
	free(remover);
}
