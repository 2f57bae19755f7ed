/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef FLOW_MOMENT_H
#define FLOW_MOMENT_H

#include "port/store.h"

/*
 * The crash points around a commit (base/crash.h), by the kinds of work in the
 * group. Nothing in a build without -DCRASH_POINTS.
 */
#ifdef CRASH_POINTS
void moment_committing(const struct work *group);
/* On the disk, and nobody was answered. */
void moment_committed(const struct work *group);
#else
static inline void moment_committing(const struct work *group)
{
	(void)group;
}

static inline void moment_committed(const struct work *group)
{
	(void)group;
}
#endif

#endif
