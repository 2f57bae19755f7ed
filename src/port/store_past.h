/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef PORT_STORE_PAST_H
#define PORT_STORE_PAST_H

#include "port/store.h"

/*
 * The store's history, all of it, for whoever adds it up: every delivery and
 * every attempt of a period, however many, in the order they were written. A
 * part of the store's treaty that only looks.
 *
 * It is read in steps, so that a long walk keeps nobody's transaction open;
 * `each` is called within a step, so it only counts. Texts are lent for the
 * call. Both ends of the period are in it; a delivery is there by its last
 * change of state, an attempt by its start. -1 when it could not.
 */
struct past_delivery {
	int64_t endpoint; /* its number */
	const char *webhook, *name;
	enum state state;
	int tries;
	int64_t changed_ms;
};
int store_past_deliveries(struct store *store, int64_t since_ms,
    int64_t until_ms, void (*each)(void *arg, const struct past_delivery *row),
    void *arg, struct why *why);

struct past_attempt {
	int64_t endpoint;
	const char *webhook, *name;
	int64_t started_ms, duration_ms;
	int status;
	const char *code, *outcome;
};
int store_past_attempts(struct store *store, int64_t since_ms, int64_t until_ms,
    void (*each)(void *arg, const struct past_attempt *row), void *arg,
    struct why *why);

#endif
