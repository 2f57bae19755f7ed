/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * port/store_past: walks over deliveries and attempts, by their numbers, STEP
 * at a time. Each step is a statement of its own: a walk over millions holds
 * no snapshot that would let SQLite's log grow, and what is written meanwhile
 * is seen or not. Read only.
 */
#include "port/store_past.h"

#include "port/store_own.h"

enum { STEP = 4096 };

/* The numbers there are: from *first on, and up to *last. */
static int ends(struct store *store, const char *text, int64_t *first,
    int64_t *last, struct why *why)
{
	auto_end struct sql_query *query = sql_query(store->sql, text);

	if (sql_next(query, why) != 1)
		return -1;
	*first = sql_int(query, 0);
	*last = sql_int(query, 1);
	return 0;
}

static void put_step(struct sql_query *query, int64_t at, int64_t last,
    int64_t since_ms, int64_t until_ms)
{
	sql_put_int(query, at);
	sql_put_int(query, at + STEP - 1 < last ? at + STEP - 1 : last);
	sql_put_int(query, since_ms);
	sql_put_int(query, until_ms);
}

static void tell_delivery(struct sql_query *query,
    void (*each)(void *arg, const struct past_delivery *row), void *arg)
{
	int64_t state = sql_int(query, 3);

	each(arg,
	    &(struct past_delivery){
		.endpoint = sql_int(query, 0),
		.webhook = sql_text(query, 1),
		.name = sql_text(query, 2),
		.state = state >= STATE_CHAINED && state <= STATE_DEAD
		    ? (enum state)state
		    : STATE_HELD,
		.tries = (int)sql_int(query, 4),
		.changed_ms = sql_int(query, 5),
	    });
}

int store_past_deliveries(struct store *store, int64_t since_ms,
    int64_t until_ms, void (*each)(void *arg, const struct past_delivery *row),
    void *arg, struct why *why)
{
	int64_t last;
	int64_t at;
	int got = 0;

	if (ends(store,
		"SELECT ifnull((SELECT min(seq) FROM delivery), 1), "
		"ifnull((SELECT max(seq) FROM delivery), 0)",
		&at, &last, why) < 0)
		return -1;
	for (; at <= last && got == 0; at += STEP) {
		auto_end struct sql_query *query = sql_query(store->sql,
		    "SELECT d.endpoint, p.webhook, p.name, d.state, d.tries, "
		    "d.changed_ms FROM delivery d "
		    "CROSS JOIN endpoint p ON p.seq = d.endpoint "
		    "WHERE d.seq BETWEEN ? AND ? "
		    "AND d.changed_ms BETWEEN ? AND ? ORDER BY d.seq");

		put_step(query, at, last, since_ms, until_ms);
		while ((got = sql_next(query, why)) == 1)
			tell_delivery(query, each, arg);
	}
	return got;
}

static void tell_attempt(struct sql_query *query,
    void (*each)(void *arg, const struct past_attempt *row), void *arg)
{
	each(arg,
	    &(struct past_attempt){
		.endpoint = sql_int(query, 0),
		.webhook = sql_text(query, 1),
		.name = sql_text(query, 2),
		.started_ms = sql_int(query, 3),
		.duration_ms = sql_int(query, 4),
		.status = (int)sql_int(query, 5),
		.code = sql_text(query, 6),
		.outcome = sql_text(query, 7),
	    });
}

/* The answer is the row's last column: its pages are not read. */
int store_past_attempts(struct store *store, int64_t since_ms, int64_t until_ms,
    void (*each)(void *arg, const struct past_attempt *row), void *arg,
    struct why *why)
{
	int64_t last;
	int64_t at;
	int got = 0;

	if (ends(store,
		"SELECT ifnull((SELECT min(seq) FROM attempt), 1), "
		"ifnull((SELECT max(seq) FROM attempt), 0)",
		&at, &last, why) < 0)
		return -1;
	for (; at <= last && got == 0; at += STEP) {
		auto_end struct sql_query *query = sql_query(store->sql,
		    "SELECT d.endpoint, p.webhook, p.name, a.started_ms, "
		    "a.duration_ms, a.status, a.code, a.outcome FROM attempt a "
		    "CROSS JOIN delivery d ON d.seq = a.delivery "
		    "CROSS JOIN endpoint p ON p.seq = d.endpoint "
		    "WHERE a.seq BETWEEN ? AND ? "
		    "AND a.started_ms BETWEEN ? AND ? ORDER BY a.seq");

		put_step(query, at, last, since_ms, until_ms);
		while ((got = sql_next(query, why)) == 1)
			tell_attempt(query, each, arg);
	}
	return got;
}
