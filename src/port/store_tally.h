/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef PORT_STORE_TALLY_H
#define PORT_STORE_TALLY_H

#include "base/why.h"
#include "port/sql.h"
#include "port/store.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * What a group adds to counters and to the state of endpoints: it is summed up
 * in memory and written once at the group's end, as a part of its transaction,
 * instead of once for each event and attempt.
 */
struct tally;

struct tally *tally_new(void);
/* NULL is fine. */
void tally_free(struct tally *tally);
/* Forgets what was not written. */
void tally_reset(struct tally *tally);

/* An event was accepted; `id` is the last one that was given out so far. */
void tally_event(
    struct tally *tally, const char *id, const char *type, bool matched);
/* A delivery of this endpoint was settled. */
void tally_settle(
    struct tally *tally, int64_t endpoint, const struct work_settle *settle);

/* Writes the sums and forgets them. -1: the transaction cannot go on. */
int tally_write(struct tally *tally, struct sql *sql, struct why *why);

#endif
