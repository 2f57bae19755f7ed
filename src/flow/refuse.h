/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef FLOW_REFUSE_H
#define FLOW_REFUSE_H

#include "base/why.h"
#include "flow/record.h"
#include "port/drop.h"
#include "port/spool.h"

#include <stddef.h>
#include <stdint.h>

/*
 * What is not accepted is kept with its reason: `rejected/NAME` beside
 * `rejected/NAME.why.json` (code, message, line, column, source, ts).
 */

/* Removes what a process that was killed left half written in rejected/. For
 * whoever holds the spool's lock. */
void refuse_clean(const struct spool *spool);

/* Moves the whole file that `mark` tells. The reason is on disk before the file
 * moves. Other content that is under the name by now stays there, and nothing
 * is refused: see *answer. */
int refuse_file(const struct spool *spool, struct drop *drop, const char *name,
    const struct drop_mark *mark, const struct refusal *refusal, int64_t now_ms,
    struct record *record, enum drop_removal *answer, struct why *why);

/* The bad lines of a JSON lines file whose good ones are accepted: gathered in
 * a hidden file of rejected/, so their number costs no memory. */
struct scraps;

struct scraps *scraps_open(const struct spool *spool, struct why *why);
/* Adds one line (or, without `refusal`, more of the last one). The first
 * refusal is the one that is written down; all are counted. */
int scraps_add(struct scraps *scraps, const char *bytes, size_t len,
    const struct refusal *refusal, struct why *why);
/* Syncs them and gives them their name; `path` is the file they came from.
 * Doing it again after a crash does no harm. */
int scraps_keep(struct scraps *scraps, const char *path, int64_t now_ms,
    struct record *record, struct why *why);
/* Throws away what was not kept. NULL is fine. */
void scraps_free(struct scraps *scraps);

#endif
