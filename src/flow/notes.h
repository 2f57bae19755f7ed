/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef FLOW_NOTES_H
#define FLOW_NOTES_H

#include "flow/committer.h"

#include <stdbool.h>

/*
 * Lines in the store that `status` and `health` show, and counters that
 * `metrics` shows. Lines: "trouble/WHAT" for what
 * is in the way, "daemon/heartbeat" for life. Sent and forgotten; a note that
 * cannot be committed is said by the committer and written again by whoever
 * repeats it.
 */
struct notes;

struct notes *notes_open(struct committer *committer);
/* Nothing of it may be under way in the committer any more. */
void notes_close(struct notes *notes);

/* Sets a line, or removes it (value NULL). Both are copied. */
void notes_put(struct notes *notes, const char *name, const char *value);

/* Adds to a counter of the store; words of closed sets, copied. */
void notes_count(
    struct notes *notes, const char *name, const char *label, int64_t more);

/* Has the store remember up to where the log is whole: up to the rows that were
 * the newest when it was asked last. To be called now and then. */
void notes_logged(struct notes *notes);

/* Takes the answer to one of its own; false for somebody else's. */
bool notes_answered(struct notes *notes, struct work *work);
/* True when nothing is under way in the committer. */
bool notes_quiet(const struct notes *notes);

#endif
