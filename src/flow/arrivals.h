/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef FLOW_ARRIVALS_H
#define FLOW_ARRIVALS_H

#include "port/drop.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * Which files were seen to come by rename. A mark often cannot tell: times of
 * files go in steps of some ms, and many are renamed within the step in which
 * they were written. It is a hint, of bounded size: what is not known, or was
 * pushed out by others, costs JSON lines a second of waiting.
 */
struct arrivals;

struct arrivals *arrivals_new(void);
/* NULL is fine. */
void arrivals_free(struct arrivals *arrivals);
/* `now_ns` is of the wall clock, not before the rename. */
void arrivals_note(struct arrivals *arrivals, unsigned input, const char *name,
    int64_t now_ns);
/* True when what is marked so came by rename, and nothing was written since. */
bool arrivals_know(const struct arrivals *arrivals, unsigned input,
    const char *name, const struct drop_mark *mark);

#endif
