/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef FLOW_INTAKE_H
#define FLOW_INTAKE_H

#include "base/why.h"
#include "flow/committer.h"
#include "flow/dispatch.h"
#include "flow/record.h"
#include "flow/remover.h"
#include "port/spool.h"
#include "port/store.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * From the drop boxes into the store: sweeps, reads, matches, has events
 * committed, and only then removes the file. The directories are the truth; a
 * ring only means that it is worth looking.
 */
struct intake;

struct intake_sides {
	const struct spool *spool;
	struct committer *committer;
	struct remover *remover;
	struct dispatch *dispatch;
	struct record *record;
	const char *last_id; /* the last event id ever given out, or "" */
};

/* Takes over `receipts` of files that an earlier process accepted and may not
 * have removed. */
struct intake *intake_open(
    const struct intake_sides *sides, struct receipt *receipts, size_t count);
/* Nothing of it may be under way in the committer or the remover any more. */
void intake_close(struct intake *intake);

/* Opens the drop boxes of the configuration in use (dispatch_plan), once the
 * files under way have ended; what is known of boxes that stay is kept. What cannot be opened is said, shown by `status`, and tried
 * again every second. */
void intake_use(struct intake *intake);
/* Which directories to watch: the n-th input's path, NULL behind the last. */
const char *intake_path(const struct intake *intake, size_t n);
/* True once after directories were opened that nobody watches yet. */
bool intake_rewatch(struct intake *intake);

/* Look at everything. */
void intake_ring(struct intake *intake);
/* A file of this name was renamed into the drop box at this path. */
void intake_moved_in(struct intake *intake, const char *path, const char *name);
/* Does a bounded piece of work; true when there is more to do at once. */
bool intake_turn(struct intake *intake);
/* When to ring at the latest (steady clock), -1 for never. */
int64_t intake_next_ms(const struct intake *intake);

void intake_accepted(struct intake *intake, struct work *work);
void intake_removed(struct intake *intake, struct removal *removal);
void intake_forgotten(struct intake *intake, struct work *work);
void intake_noted(struct intake *intake, struct work *work);

/* Takes no more files; what is under way still ends. */
void intake_stop(struct intake *intake);
/* True when nothing is being read or committed, and no file that could be
 * taken within a moment is waiting. */
bool intake_idle(const struct intake *intake);
/* True when files wait that would have been taken, but for trouble of ours or
 * a full disk. */
bool intake_waiting(const struct intake *intake);
/* True while many files are being taken out. */
bool intake_clears(const struct intake *intake);
/* True when nothing is under way in the committer or the remover. */
bool intake_quiet(const struct intake *intake);

#endif
