/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef FLOW_RETENTION_H
#define FLOW_RETENTION_H

#include "flow/attic.h"
#include "flow/committer.h"
#include "flow/dispatch.h"
#include "flow/notes.h"
#include "flow/record.h"
#include "model/conf.h"
#include "port/spool.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * History that is past its time goes: events that are delivered, dead or
 * unmatched, and files in rejected/, failed/ and mail/, as `retention` in the
 * configuration says. Once an hour, events every minute by size, in small steps
 * with breathing space between them, so nobody waits for it.
 */
struct retention_desk;

struct retention_sides {
	const struct spool *spool;
	struct committer *committer;
	struct dispatch *dispatch; /* for the configuration in use */
	struct notes *notes;
	struct record *record;
	int64_t last_ms; /* wall clock of the last walk by age, 0: none */
	bool once; /* one walk when it is due, without pauses */
};

/* The note that holds when the last walk by age ended. */
#define RETENTION_NOTE "daemon/pruned"

/* Removes scraps that a killed process left. */
struct retention_desk *retention_open(const struct retention_sides *sides);
/* Nothing of it may be under way in the committer any more. */
void retention_close(struct retention_desk *desk);

/* Takes the next step when its time has come. */
void retention_turn(struct retention_desk *desk, int64_t steady_ms);
/* When to call retention_turn at the latest (steady clock), -1 for never. */
int64_t retention_next_ms(const struct retention_desk *desk);
/* The answer to WORK_PRUNE. */
void retention_pruned(struct retention_desk *desk, struct work *work);

void retention_stop(struct retention_desk *desk);
/* True when no walk is under way or due at once. */
bool retention_idle(const struct retention_desk *desk);
/* True when nothing is under way in the committer. */
bool retention_quiet(const struct retention_desk *desk);

/*
 * How a walk goes on: how many events the next step looks at, and how long the
 * others have the store before it. A walk that is far behind, by the excess that
 * its last step left or by the time since it began, takes larger steps sooner:
 * more goes then than the daemon can take in.
 */
struct retention_pace {
	int64_t step;
	int64_t breath_ms;
};
struct retention_pace retention_pace(
    const struct work_prune *last, int64_t walked_ms);

/* The limits that hold at `now_ms`, for the daemon and for `prune`. */
void retention_limits(
    const struct retention *kept, int64_t now_ms, struct work_prune *out);
void retention_files(
    const struct retention *kept, int64_t now_ms, struct attic_case *out);

#endif
