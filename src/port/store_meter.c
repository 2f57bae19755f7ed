/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * port/store_meter: reads the counters that store_tally.c and the schema's
 * triggers keep, and adds to those of things that leave no row. Each answer
 * is one small table, whatever the history. If we die in the middle, the group
 * that counts never happened.
 */
#include "port/store_meter.h"

#include "port/store_own.h"

/* The columns le_N of the table. */
const int64_t meter_bounds_ms[METER_BOUNDS] = { 50, 100, 250, 500, 1000, 2500,
	5000, 15000 };

enum column {
	COLUMN_WEBHOOK,
	COLUMN_ENDPOINT,
	COLUMN_SUCCESS,
	COLUMN_ATTEMPTS_DELIVERED,
	COLUMN_ATTEMPTS_DEFERRED,
	COLUMN_ATTEMPTS_DEAD,
	COLUMN_DELIVERED,
	COLUMN_DEAD,
	COLUMN_SUM,
	COLUMN_BOUNDS,
};

static void read_row(struct sql_query *query, struct meter *meter)
{
	*meter = (struct meter){
		.webhook = sql_text(query, COLUMN_WEBHOOK),
		.endpoint = sql_text(query, COLUMN_ENDPOINT),
		.last_success_ms = sql_int(query, COLUMN_SUCCESS),
		.attempts = { [OUTCOME_DELIVERED] =
				  sql_int(query, COLUMN_ATTEMPTS_DELIVERED),
		    [OUTCOME_DEFERRED] =
			sql_int(query, COLUMN_ATTEMPTS_DEFERRED),
		    [OUTCOME_DEAD] = sql_int(query, COLUMN_ATTEMPTS_DEAD) },
		.delivered = sql_int(query, COLUMN_DELIVERED),
		.dead = sql_int(query, COLUMN_DEAD),
		.sum_ms = sql_int(query, COLUMN_SUM),
	};
	for (int i = 0; i < METER_BOUNDS; i++)
		meter->within[i] = sql_int(query, COLUMN_BOUNDS + i);
}

int64_t store_meters(struct store *store,
    int (*each)(void *arg, const struct meter *meter), void *arg,
    struct why *why)
{
	auto_end struct sql_query *query = sql_query(store->sql,
	    "SELECT webhook, name, success_ms, attempts_delivered, "
	    "attempts_deferred, attempts_dead, meter.delivered, meter.dead, "
	    "sum_ms, le_50, le_100, le_250, le_500, le_1000, le_2500, "
	    "le_5000, le_15000 FROM endpoint "
	    "JOIN meter ON meter.endpoint = endpoint.seq "
	    "ORDER BY webhook, name");
	int64_t calls = 0;
	int got;

	while ((got = sql_next(query, why)) == 1) {
		struct meter meter;

		read_row(query, &meter);
		calls++;
		if (each(arg, &meter))
			return calls;
	}
	return got < 0 ? -1 : calls;
}

int count_run(struct store *store, struct work *work, struct why *why)
{
	const struct work_count *count = (const struct work_count *)work;
	struct sql_query *query = sql_query(store->sql,
	    "INSERT INTO total (name, label, value) VALUES (?, ?, ?) "
	    "ON CONFLICT DO UPDATE SET value = value + excluded.value");

	sql_put_text(query, count->name);
	sql_put_text(query, count->label);
	sql_put_int(query, count->more);
	return sql_run(query, why);
}

int64_t store_sums(struct store *store,
    int (*each)(void *arg, const char *name, const char *label, int64_t value),
    void *arg, struct why *why)
{
	auto_end struct sql_query *query = sql_query(store->sql,
	    "SELECT name, label, value FROM total ORDER BY name, label");
	int64_t calls = 0;
	int got;

	while ((got = sql_next(query, why)) == 1) {
		calls++;
		if (each(arg, sql_text(query, 0), sql_text(query, 1),
			sql_int(query, 2)))
			return calls;
	}
	return got < 0 ? -1 : calls;
}
