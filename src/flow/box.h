/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef FLOW_BOX_H
#define FLOW_BOX_H

#include "flow/batch.h"
#include "flow/lobby.h"
#include "flow/receipts.h"
#include "flow/trouble.h"
#include "model/conf.h"
#include "port/drop.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * The drop boxes in use and their sweeps: which file is looked at next. A box
 * that cannot be opened or listed is said once, noted for `status`, and tried
 * again every second; one that was replaced is opened anew; one that was
 * removed is made again after a while (whoever moved it away may be about to
 * make it). Times are of the steady clock.
 */
struct boxes;

struct boxes_sides {
	struct lobby *lobby; /* asked which files to leave out */
	struct receipts *receipts; /* told which files are still there */
	struct trouble *trouble;
};

struct boxes *boxes_new(const struct boxes_sides *sides);
/* NULL is fine. */
void boxes_free(struct boxes *boxes);

/* Opens the boxes of a configuration, which is lent until the next call; the
 * lobby's guests move along to the new numbers. No file may be under way. All
 * boxes ring. */
void boxes_use(struct boxes *boxes, const struct conf *conf, int64_t now_ms);

/* The n-th box's path, NULL behind the last. */
const char *boxes_path(const struct boxes *boxes, size_t n);
/* NULL while it cannot be opened. Lent until the next call that sweeps. */
struct drop *boxes_drop(const struct boxes *boxes, unsigned input);
/* True once after directories were opened that nobody watches yet. */
bool boxes_rewatch(struct boxes *boxes);

/* Look at all of them, at one. */
void boxes_ring(struct boxes *boxes);
void boxes_ring_one(struct boxes *boxes, unsigned input);
/* Forgets what was listed and looks at all of them from the oldest on. */
void boxes_restart(struct boxes *boxes);
/* The next file: within a box the oldest first, the boxes in turn. Sweeps when
 * it must. False when there is none. The name is lent until the next call; of
 * the mark only inode and change time are known. */
bool boxes_next(struct boxes *boxes, int64_t now_ms, struct dropped *file);
/* The file of this name came by rename into the box at this path, at the
 * latest at `wall_ms`, of the wall clock. */
void boxes_moved_in(
    struct boxes *boxes, const char *path, const char *name, int64_t wall_ms);
/* True when the file came by rename, and nothing was written since. */
bool boxes_renamed(const struct boxes *boxes, const struct dropped *file);
/* True when nothing rings and nothing is listed. */
bool boxes_idle(const struct boxes *boxes);
/* When a box that could not be opened is to be rung again, -1 for none. */
int64_t boxes_next_ms(const struct boxes *boxes);

#endif
