/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef FLOW_REMOVER_H
#define FLOW_REMOVER_H

#include "base/mailbox.h"
#include "base/why.h"
#include "flow/batch.h"
#include "port/drop.h"
#include "port/store.h"

/*
 * The clerk's second hand: takes accepted files out of their drop boxes. That
 * is a third of what a file costs, and nearly all of it the kernel's, so it is
 * done beside the reading of the next files.
 */
struct remover;

/* One file on its way out and back. */
struct removal {
	struct letter letter;
	struct drop *drop; /* held (drop_hold) until the answer */
	struct dropped file; /* its name is the removal's own */
	int fd; /* as for drop_remove */
	struct receipt receipt; /* under which it was accepted */
	enum drop_removal answer; /* out */
	bool failed; /* out: it could not, and why tells */
	struct why why;
};

/* `answers` is lent until remover_close returns. */
struct remover *remover_open(struct mailbox *answers, struct why *why);
/* What was sent waits for remover_flush, so that a turn's files go as one. */
void remover_send(struct remover *remover, struct removal *removal);
void remover_flush(struct remover *remover);
/* Removes what was sent, answers it, and ends the thread. NULL is fine. */
void remover_close(struct remover *remover);

#endif
