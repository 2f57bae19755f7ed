/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef FLOW_NOTICE_H
#define FLOW_NOTICE_H

#include "flow/committer.h"
#include "flow/dispatch.h"
#include "flow/record.h"

#include <stdbool.h>
#include <stdint.h>

struct ev_loop;

/*
 * Who is told of what, and how often: deaths are gathered
 * in the store, the first of a webhook is told at once, then one digest every
 * 15 minutes. Mails wait in the store until the mail child has brought them
 * away; a mail server that is down delays mails and nothing else.
 */
struct notice_desk;

struct notice_sides {
	struct committer *committer;
	struct dispatch *dispatch; /* for the plan in use */
	struct record *record;
	struct ev_loop *loop;
	const char *program; /* our own path, for the mail child */
	const char *mail_folder; /* for .eml files */
};

struct notice_desk *notice_open(const struct notice_sides *sides);
void notice_close(struct notice_desk *desk);

/* There are deaths to tell of, or mails that may be due. */
void notice_ring(struct notice_desk *desk);
/* The wall clock was set by so much. */
void notice_clock(struct notice_desk *desk, int64_t jump_ms);
/* Asks the store what is to be done; called when its time has come. */
void notice_turn(struct notice_desk *desk, int64_t now_ms);
/* When to call notice_turn at the latest (wall clock), -1 for never. */
int64_t notice_next_ms(const struct notice_desk *desk);

/* Answers of WORK_DIGEST, WORK_MAIL_ADD, WORK_MAIL_NEXT, WORK_MAIL_DONE. */
void notice_answered(struct notice_desk *desk, struct work *work);

/* Sends no more; a mail that is being sent is broken off and sent later. */
void notice_stop(struct notice_desk *desk);
/* True when nothing is asked, sent or due now. */
bool notice_idle(const struct notice_desk *desk);
/* True when nothing is under way in the committer. */
bool notice_quiet(const struct notice_desk *desk);

#endif
