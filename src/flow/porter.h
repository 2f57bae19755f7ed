/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef FLOW_PORTER_H
#define FLOW_PORTER_H

#include "base/why.h"
#include "flow/batch.h"
#include "flow/box.h"
#include "flow/committer.h"
#include "flow/lobby.h"
#include "flow/receipts.h"
#include "flow/record.h"
#include "flow/remover.h"
#include "flow/trouble.h"
#include "port/spool.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * What becomes of a dropped file: it stays for a while, goes to rejected/, or
 * is removed because it was accepted. Who judges it is flow/intake; the porter
 * carries it out, remembers it, and tells of it once. A file is known by its
 * box and its mark, so whatever a producer puts under the same name meanwhile
 * is left alone and looked at anew.
 */
/* All lent. */
struct porter_sides {
	const struct spool *spool;
	struct committer *committer;
	struct remover *remover;
	struct record *record;
};

struct porter {
	struct boxes *boxes;
	struct lobby *lobby;
	struct receipts *receipts;
	struct trouble *trouble;
	int removing; /* files that are with the remover */
	struct porter_sides sides;
};

/* Takes over `left`, the receipts of an earlier process. */
void porter_init(struct porter *porter, const struct porter_sides *sides,
    struct receipt *left, size_t count);
/* Nothing of it may be under way in the committer or the remover any more. */
void porter_clear(struct porter *porter);
bool porter_quiet(const struct porter *porter);

/* Its box's directory, NULL while that cannot be used. Lent. */
struct drop *porter_drop(
    const struct porter *porter, const struct dropped *file);
/* Where it lies. Caller's string. */
char *porter_path(const struct porter *porter, const struct dropped *file);
/* What is remembered of it, NULL for nothing. Lent. */
struct guest *porter_guest(
    const struct porter *porter, const struct dropped *file);

/* Since its last change, by the wall clock; below 0 when that was set back. */
int64_t porter_age_ms(const struct dropped *file);
/* Unchanged for `ms`, by its own change time or by what was seen: a change time
 * in the future does not count. */
bool porter_unchanged(
    const struct porter *porter, const struct dropped *file, int64_t ms);

/* Leaves it where it is; it is looked at again after `after_ms`, or when it
 * changes. */
struct guest *porter_stay(struct porter *porter, const struct dropped *file,
    enum stay why, int64_t after_ms);
/* The same for a state that may pass at any moment, and at most `most_ms`: it
 * is looked at soon, and then after twice the time each. For the change time
 * alone does not tell: a write(2) sets it first and makes the file longer
 * after, and older kernels set it in steps of 4 ms. */
struct guest *porter_wait(struct porter *porter, const struct dropped *file,
    enum stay why, int64_t most_ms);
/* It is gone, and nothing needs to be remembered. */
void porter_leave(struct porter *porter, const struct dropped *file);
/* Other content is under the name than was looked at. */
void porter_look_again(struct porter *porter, const struct dropped *file);
/* It stays because of trouble of ours: told once, tried again. */
void porter_trouble(
    struct porter *porter, const struct dropped *file, const struct why *why);
/* It stays because we may not read it: told once, until its mode changes. */
void porter_unreadable(
    struct porter *porter, const struct dropped *file, const struct why *why);
/* It has several names: looked at again soon, and refused if that lasts. */
void porter_linked(struct porter *porter, const struct dropped *file);
/* Moves it to rejected/. */
void porter_reject(struct porter *porter, const struct dropped *file,
    const struct refusal *refusal);
/* It was accepted, as the receipt says: has it taken out of its box, or keeps
 * the receipt as long as that cannot be. `fd` as for drop_remove. */
void porter_remove(struct porter *porter, const struct dropped *file, int fd,
    const struct receipt *receipt);
/* The remover's answer. */
void porter_removed(struct porter *porter, struct removal *removal);

#endif
