/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef FLOW_ONESHOT_H
#define FLOW_ONESHOT_H

#include "base/why.h"
#include "model/answer.h"
#include "model/conf.h"
#include "model/request.h"

#include <stddef.h>

/*
 * Calls outside the queue, for a person who waits for them: the wire of the
 * daemon for a moment, without store, log, order, retries or breaker.
 */
struct oneshot {
	struct request request; /* the caller's */
	struct answer answer; /* out */
};

/* At most so many at once, so that looking at thousands of endpoints needs no
 * thousands of descriptors. */
enum { ONESHOT_MAX = 64 };

/* Makes all calls and waits for the answers, each within its own time limits;
 * of the configuration it looks at ca_file and proxy. -1 when none could be
 * made. */
int oneshot_run(const struct conf *conf, struct oneshot *shots, size_t count,
    struct why *why);

#endif
