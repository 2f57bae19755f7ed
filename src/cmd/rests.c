/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * cmd/rests: which endpoints their breaker keeps from being tried. Read from
 * the store, so it is known with the daemon down, too; a daemon that was told
 * to end all rests has ended those as well that are still listed here, until
 * their next attempt is settled.
 */
#include "cmd/rests.h"

#include "base/mem.h"

#include <string.h>

struct reading {
	struct rests *rests;
	const struct conf *conf;
	int64_t now_ms;
};

static int keep(void *arg, const struct endpoint_row *row)
{
	struct reading *r = arg;
	const struct webhook *webhook = conf_webhook(r->conf, row->webhook);
	size_t n = r->rests->count;

	if (!webhook || !breaker_rests(&row->breaker, &webhook->breaker) ||
	    row->breaker.until_ms <= r->now_ms ||
	    !webhook_endpoint(webhook, row->endpoint))
		return 0;
	r->rests->all = mem_grow(r->rests->all, n + 1, sizeof(*r->rests->all));
	r->rests->all[n] = (struct rest){
		.webhook = mem_strdup(row->webhook),
		.endpoint = mem_strdup(row->endpoint),
		.until_ms = row->breaker.until_ms,
	};
	r->rests->count++;
	return 0;
}

int rests_read(struct rests *rests, struct store *store,
    const struct conf *conf, const char *webhook, int64_t now_ms,
    struct why *why)
{
	struct reading r = { .rests = rests, .conf = conf, .now_ms = now_ms };

	return store_endpoints(store, webhook, keep, &r, why) < 0 ? -1 : 0;
}

int64_t rests_until(
    const struct rests *rests, const char *webhook, const char *endpoint)
{
	size_t i;

	for (i = 0; i < rests->count; i++) {
		if (strcmp(rests->all[i].webhook, webhook) == 0 &&
		    strcmp(rests->all[i].endpoint, endpoint) == 0)
			return rests->all[i].until_ms;
	}
	return 0;
}

void rests_clear(struct rests *rests)
{
	size_t i;

	for (i = 0; i < rests->count; i++) {
		free(rests->all[i].webhook);
		free(rests->all[i].endpoint);
	}
	free(rests->all);
	*rests = (struct rests){ 0 };
}
