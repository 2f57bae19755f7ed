/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef FLOW_TROUBLE_H
#define FLOW_TROUBLE_H

#include "flow/committer.h"

#include <stdbool.h>

/*
 * What `status` shows of drop boxes and files that cannot be taken in: one
 * sentence for each path, kept in the store, so it is shown with the daemon
 * down, too. A sentence that the disk had no room for is lost; the message on
 * stderr was said.
 */
struct trouble;

struct trouble *trouble_open(struct committer *committer);
/* Nothing of it may be under way any more. NULL is fine. */
void trouble_close(struct trouble *trouble);

/* Notes the sentence for a path; NULL: it is over. Both are copied. */
void trouble_note(
    struct trouble *trouble, const char *path, const char *sentence);
/* Strikes out what an earlier process had noted: what still stands is found
 * and noted anew. */
void trouble_strike(struct trouble *trouble);
/* Takes the answer to one of its own; false for somebody else's. */
bool trouble_noted(struct trouble *trouble, struct work *work);
/* True when nothing is under way in the committer. */
bool trouble_quiet(const struct trouble *trouble);

#endif
