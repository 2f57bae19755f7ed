/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef FLOW_RECEIPTS_H
#define FLOW_RECEIPTS_H

#include "flow/committer.h"
#include "port/drop.h"
#include "port/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Receipts of files that were accepted, wholly or in part, and may still be
 * there: because we were killed before the file was removed, because somebody
 * still writes to it, or because it was given another name. They are what
 * makes a file be accepted once. The store has them all; this is what the
 * intake asks, and it tells the store which have served.
 */
struct receipts;

/* A receipt whose file was seen in no drop box for so long has served. Long,
 * for a drop box that was moved away may come back with its files. */
enum { RECEIPTS_UNSEEN_MS = 3600 * 1000 };

/* Takes over `left`, which an earlier process left in the store. Times are of
 * the steady clock. */
struct receipts *receipts_open(struct committer *committer,
    struct receipt *left, size_t count, int64_t now_ms);
/* Nothing of it may be under way any more. NULL is fine. */
void receipts_close(struct receipts *receipts);

/* The receipt of this very file (device, inode, birth), whatever its content
 * is by now; NULL for none. Of what an earlier process left, the device is not
 * asked for, as a reboot may have renumbered it; the caller compares the bytes.
 * Lent until the next change. */
const struct receipt *receipts_find(
    const struct receipts *receipts, const struct drop_mark *mark);
/* True when all of the file was accepted and nothing was written to it since.
 * NULL covers nothing. */
bool receipts_cover(
    const struct receipt *receipt, const struct drop_mark *mark);
/* Keeps a copy of what was committed; the last one of a file counts. */
void receipts_keep(
    struct receipts *receipts, const struct receipt *receipt, int64_t now_ms);
/* The file was removed from that box; NULL: long ago. */
void receipts_forget(struct receipts *receipts, const struct receipt *receipt,
    const struct drop *from);

/* A sweep saw a file with this inode, so its receipt is still wanted. */
void receipts_see(struct receipts *receipts, uint64_t inode, int64_t now_ms);
/* Forgets those that no sweep saw for RECEIPTS_UNSEEN_MS; to be called when
 * all drop boxes could be swept. */
void receipts_prune(struct receipts *receipts, int64_t now_ms);

/* Forgotten ones go to the store many at a time: sends what has gathered. */
void receipts_flush(struct receipts *receipts);
/* The store's answer. */
void receipts_forgotten(struct receipts *receipts, struct work *work);
/* True when nothing is under way in the committer. */
bool receipts_quiet(const struct receipts *receipts);

#endif
