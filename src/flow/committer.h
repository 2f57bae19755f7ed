/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef FLOW_COMMITTER_H
#define FLOW_COMMITTER_H

#include "base/mailbox.h"
#include "base/why.h"
#include "port/store.h"

/*
 * The store's side: a thread that takes works, commits them in groups, and
 * answers each by putting it into the clerk's mailbox. A group is what has
 * gathered while the last one was being synced, so an idle store commits at
 * once and a busy one many at a time.
 */
struct committer;

/* True when this work was committed and cannot have been without a write. A
 * group that only looked proves nothing: it succeeds on a failing disk. */
bool committer_wrote(const struct work *work);

/* Takes the store over for as long as it runs. Answers come in the order of
 * the works. */
struct committer *committer_open(
    struct store *store, struct mailbox *answers, struct why *why);
void committer_send(struct committer *committer, struct work *work);
/* From now on what is sent waits for committer_flush, so that it stands in one
 * group: an event and the claim for its delivery are one commit. The sender
 * flushes before it waits for anything. */
void committer_gather(struct committer *committer);
void committer_flush(struct committer *committer);
/* Commits what was sent, answers it, and ends the thread. */
void committer_close(struct committer *committer);

#endif
