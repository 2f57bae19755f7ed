/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef CMD_RESTS_H
#define CMD_RESTS_H

#include "base/why.h"
#include "model/conf.h"
#include "port/store.h"

#include <stddef.h>
#include <stdint.h>

/* The endpoints that rest (model/breaker.h), by what was settled last. */
struct rest {
	char *webhook;
	char *endpoint;
	int64_t until_ms; /* nothing is sent to it before */
};
struct rests {
	struct rest *all;
	size_t count;
};

/* Adds those of a webhook, or of all (NULL), that rest beyond `now_ms`.
 * Endpoints that are not configured do not rest. -1 could not. */
int rests_read(struct rests *rests, struct store *store,
    const struct conf *conf, const char *webhook, int64_t now_ms,
    struct why *why);
/* Until when this one rests, 0 when it does not. */
int64_t rests_until(
    const struct rests *rests, const char *webhook, const char *endpoint);
void rests_clear(struct rests *rests);

#endif
