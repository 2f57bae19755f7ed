/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef PORT_STORE_OWN_H
#define PORT_STORE_OWN_H

#include "port/sql.h"
#include "port/store.h"
#include "port/store_tally.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The due time of what is delivered or dead. All that is open has a later one,
 * so this is how queries spell "open" to get the index of that name: a claim
 * changes the state and no due time, and so leaves that index alone.
 */
enum { DUE_NEVER = -2 };
#define IS_OPEN "due_ms > -2"

/* What the store's files share among themselves; for nobody else. */
struct store {
	struct sql *sql;
	struct tally *tally; /* of the group that runs */
};

/*
 * The one rule of order. Lets the lane's next one go: if none of it is waiting
 * or active, and its oldest open delivery is chained, that one is due now. A
 * held one that is the oldest keeps the lane locked. `vacant`: the caller just
 * took the waiting or active one out, so there is no other to look for.
 * 1 one was let go, 0 none, -1 could not.
 */
int lane_advance(struct store *store, int64_t endpoint, const char *lane,
    bool vacant, int64_t now_ms, struct why *why);

/* Fails where the database is empty, or missing beside its log, and the spool
 * tells of an earlier life; a new one is 0. */
int store_judge_empty(const char *path, struct why *why);

/* Applies one change to one row, inside a transaction (store_change.c). */
int change_row(struct store *store, enum change which, int64_t row,
    int64_t due_ms, int64_t now_ms, enum changed *answer, struct why *why);

/* The works, each inside the group's transaction: 0, or -1 and a sentence. */
int accept_run(struct store *store, struct work *work, struct why *why);
int claim_run(struct store *store, struct work *work, struct why *why);
int settle_run(struct store *store, struct work *work, struct why *why);
int forget_run(struct store *store, struct work *work, struct why *why);
int endpoints_run(struct store *store, struct work *work, struct why *why);
int digest_run(struct store *store, struct work *work, struct why *why);
int rest_next_run(struct store *store, struct work *work, struct why *why);
int mail_add_run(struct store *store, struct work *work, struct why *why);
int mail_next_run(struct store *store, struct work *work, struct why *why);
int mail_done_run(struct store *store, struct work *work, struct why *why);
int flush_run(struct store *store, struct work *work, struct why *why);
int note_run(struct store *store, struct work *work, struct why *why);
int receipts_run(struct store *store, struct work *work, struct why *why);
int prune_run(struct store *store, struct work *work, struct why *why);
int logged_run(struct store *store, struct work *work, struct why *why);
int clock_run(struct store *store, struct work *work, struct why *why);
int tend_run(struct store *store, struct work *work, struct why *why);
int count_run(struct store *store, struct work *work, struct why *why);

#endif
