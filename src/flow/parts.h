/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef FLOW_PARTS_H
#define FLOW_PARTS_H

#include "base/mailbox.h"
#include "base/why.h"
#include "flow/committer.h"
#include "flow/dispatch.h"
#include "flow/intake.h"
#include "flow/names.h"
#include "flow/notes.h"
#include "flow/notice.h"
#include "flow/record.h"
#include "flow/remover.h"
#include "flow/retention.h"
#include "flow/textfile.h"
#include "flow/warden.h"
#include "flow/wire.h"
#include "model/conf.h"
#include "port/spool.h"

#include <stdbool.h>

struct ev_loop;
struct store;

/*
 * What a running daemon consists of, but its loop: the spool, the store, the
 * threads and the desks of the clerk. Opened in their order, closed in the
 * reverse one.
 */
struct parts {
	struct spool spool;
	struct store *store;
	struct record *record;
	struct committer *committer;
	struct remover *remover;
	struct wire *wire;
	struct names *names;
	struct dispatch *dispatch;
	struct intake *intake;
	struct notice_desk *notice;
	struct notes *notes;
	struct warden *warden;
	struct retention_desk *retention;
	struct textfile *textfile;
	struct mailbox works; /* answers of the store */
	struct mailbox calls; /* answers of the wire */
	struct mailbox removals; /* answers of the remover */
	int failed_dir;
	char *mail_folder;
};

struct parts_case {
	const struct conf *conf; /* lent until parts_open returns */
	const char *program; /* our own path, for the mail child */
	struct ev_loop *loop;
	bool once; /* deliver all that is due, then end */
	void (*wake)(void *arg); /* there are letters; from any thread */
	void *arg;
};

/* On -1 what was opened is closed by parts_close; `*busy`: another daemon has
 * the spool, and `why` names its pid. */
int parts_open(struct parts *parts, const struct parts_case *from, bool *busy,
    struct why *why);
/* The wire must have been closed and its last letters taken, and nothing of
 * the desks may be under way in the committer or the remover. */
void parts_close(struct parts *parts);

/* True when nothing is under way in another thread. */
bool parts_quiet(const struct parts *parts);

#endif
