/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef CMD_PROGRESS_H
#define CMD_PROGRESS_H

#include "cmd/verb.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * A bar on standard error for work that takes long. It is seen only on a
 * terminal, not with -q, not where TERM is "dumb", and not before the work has
 * lasted PROGRESS_QUIET_MS; it leaves nothing behind. Cheap: call it for every
 * step.
 */
enum { PROGRESS_QUIET_MS = 1000, PROGRESS_EVERY_MS = 100 };

struct progress {
	const char *what; /* NULL: not to be seen */
	int64_t total; /* 0: not known */
	int64_t begun_ms;
	int64_t next_ms; /* when it is drawn next, by the steady clock */
	bool drawn; /* the line on the screen is ours */
};

/* `what` is a word or two, lent: "reading", "resending". */
void progress_start(struct progress *progress, const struct args *args,
    const char *what, int64_t total);
/* So much of the total is done. */
void progress_to(struct progress *progress, int64_t done);
/* Takes the bar away, before a line is printed; it comes back by itself. */
void progress_hide(struct progress *progress);
void progress_end(struct progress *progress);

#endif
