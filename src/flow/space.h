/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef FLOW_SPACE_H
#define FLOW_SPACE_H

#include "flow/trouble.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * The low-disk rule (spool.min_free): what is accepted must have room, and
 * deliveries need some to be settled. It stops acceptance only.
 */
struct space {
	int64_t looked_ms; /* steady; 0: never */
	bool low;
};

/* True when at least `min_free` bytes are left where `dir` is. The disk is
 * asked once a second; that it is low, or no more, is said and noted once. A
 * disk that cannot be asked counts as having room. */
bool space_look(struct space *space, const char *dir, int64_t min_free,
    int64_t now_ms, struct trouble *trouble);
/* When to look again, while it is low. */
int64_t space_next_ms(const struct space *space);

#endif
