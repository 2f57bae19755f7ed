/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef FLOW_ATTIC_H
#define FLOW_ATTIC_H

#include "base/why.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Files that are kept for people: rejected/NAME beside NAME.why.json,
 * failed/WEBHOOK/EVENT.json, and mail/NAME.eml. A walk takes away those that
 * are past their time and, while they are too large together, the oldest; in
 * small steps.
 */
struct attic;

struct attic_case {
	int spool_dir; /* descriptor */
	int64_t now_ms; /* wall clock */
	int64_t rejected_before_ms; /* rejected before, by the reason's file */
	int64_t failed_before_ms; /* written before; mails, too */
	int64_t max_bytes; /* of all of them; 0: no limit */
	bool dry; /* only count */
};

struct attic_counts {
	/* With its reason a rejected file is one. */
	int64_t rejected, failed, mails;
};

/* Begins a walk. */
struct attic *attic_open(const struct attic_case *from);
/* Looks at some files; false when the walk is over. A directory that cannot be
 * read is passed over. */
bool attic_step(struct attic *attic);
struct attic_counts attic_counts(const struct attic *attic);
void attic_close(struct attic *attic);

/* Removes the hidden files that a process left in rejected/ when it was killed
 * while it kept bad lines. For whoever holds the spool's lock, before anything
 * is read. Returns how many. */
int64_t attic_sweep(int spool_dir);

#endif
