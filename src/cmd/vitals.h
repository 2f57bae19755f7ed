/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef CMD_VITALS_H
#define CMD_VITALS_H

#include "base/why.h"
#include "model/conf.h"
#include "port/store.h"

#include <stdbool.h>
#include <stdint.h>

/* How a spool is, in numbers: what `health` judges and `metrics` prints. */
struct vitals {
	int64_t now_ms; /* when they were taken */
	int pid; /* of the daemon, 0: none runs */
	int64_t heartbeat_ms; /* its last sign of life, -1: none ever */
	int64_t started_ms; /* when it, or the last one, was ready, or -1 */
	int64_t generation; /* of its configuration, 0 unknown */
	int64_t loaded_ms; /* when that was loaded, or -1 */
	bool reload_failed; /* the last attempt was refused */
	int64_t queued, deferred, active, held; /* deliveries now */
	int64_t paused; /* webhooks, by operators */
	int64_t oldest_ms; /* acceptance of the oldest that waits to be
			      delivered (what is held does not), or -1 */
	int64_t dead; /* that died within DEAD_RECENT_MS and still are */
	int64_t rejected; /* files in rejected/ of that time */
	int64_t rejected_files; /* all files in rejected/ */
	int64_t events, unmatched, mails; /* in the store now */
	int64_t troubles; /* things in the way, as `status` lists them */
	int64_t spool_bytes; /* of the database with its log */
	int64_t free_bytes; /* on its file system, -1 unknown */
};

#define DEAD_RECENT_MS ((int64_t)24 * 60 * 60 * 1000)
/* More dead ones are not counted. */
enum { DEAD_COUNT_MAX = 100 * 1000 };
/* The daemon gives a sign of life every 10 s; three missed ones are one too
 * many. */
enum { HEARTBEAT_LATE_MS = 30 * 1000 };

int vitals_read(struct vitals *vitals, const struct conf *conf,
    struct store *store, int64_t now_ms, struct why *why);
/* True when the daemon runs and gave a sign of life in time. */
bool vitals_alive(const struct vitals *vitals);

#endif
