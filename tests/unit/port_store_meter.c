/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * The counters of the store: what was counted once stays, over restarts and
 * pruning, and nothing is counted twice.
 */
#include "store_kit.h"

#include "port/store_meter.h"

#include <sqlite3.h>

struct asked {
	const char *name, *label;
	int64_t value;
};

static int pick_sum(
    void *arg, const char *name, const char *label, int64_t value)
{
	struct asked *asked = arg;

	if (strcmp(name, asked->name) == 0 && strcmp(label, asked->label) == 0)
		asked->value = value;
	return 0;
}

static int64_t sum_of(struct store *store, const char *name, const char *label)
{
	struct asked asked = { name, label, -1 };

	if (store_sums(store, pick_sum, &asked, &kit_why) < 0)
		kit_die("no sums");
	return asked.value;
}

struct wanted {
	const char *endpoint;
	struct meter meter;
};

static int pick_meter(void *arg, const struct meter *meter)
{
	struct wanted *wanted = arg;

	if (strcmp(meter->endpoint, wanted->endpoint) == 0)
		wanted->meter = *meter;
	return 0;
}

static struct meter meter_of(struct store *store, const char *endpoint)
{
	struct wanted wanted = { .endpoint = endpoint,
		.meter = { .delivered = -1 } };

	if (store_meters(store, pick_meter, &wanted, &kit_why) < 0)
		kit_die("no meters");
	return wanted.meter;
}

static void prune_all(struct store *store, int64_t before_ms)
{
	struct work_prune work = { .delivered_before_ms = before_ms,
		.dead_before_ms = before_ms,
		.unmatched_before_ms = before_ms };

	do
		kit_must(store, &work, WORK_PRUNE);
	while (work.cursor);
}

/* One try that is deferred, a second one that ends. */
static void deliver(struct store *store, int64_t endpoint, int n,
    enum outcome end, int64_t now_ms)
{
	int64_t row;

	kit_accept(store, n, "", endpoint, now_ms);
	kit_claim(store, endpoint, 1, now_ms, &row, NULL);
	kit_settle(store, row, OUTCOME_DEFERRED, 1, now_ms + 1, now_ms);
	kit_claim(store, endpoint, 1, now_ms + 1, &row, NULL);
	kit_settle(store, row, end, 2, 0, now_ms + 1);
}

static void events(void)
{
	struct store *store = kit_open(STORE_DAEMON);
	int64_t endpoint = kit_endpoint(store, "pager", "0");

	is_int(sum_of(store, "accepted", "incident_triggered"), 0,
	    "counters are there, at 0, before anything happens");
	kit_accept(store, 1, "a", endpoint, 1000);
	kit_accept(store, 2, "a", 0, 1000);
	is_int(sum_of(store, "accepted", "incident_triggered"), 2,
	    "each accepted event counts");
	is_int(sum_of(store, "unmatched", ""), 1,
	    "and one that no webhook takes as unmatched, too");
	is_int(kit_try_accept(store, 1, "a", endpoint, 1000), -1,
	    "an event that is refused");
	is_int(sum_of(store, "accepted", "incident_triggered"), 2,
	    "does not count");
	store_close(store);
	kit_wipe();
}

static void strange_types(void)
{
	struct store *store = kit_open(STORE_DAEMON);
	const char *types[] = { "incident.resolved", "x\"}\n", "", "other" };

	for (int i = 0; i < 4; i++) {
		struct accepted_event event = kit_event(i + 1, "", NULL);
		struct work_accept work = {
			.source = "a.json", .events = &event, .count = 1
		};

		event.type = types[i];
		kit_must(store, &work, WORK_ACCEPT);
	}
	is_int(sum_of(store, "accepted", "incident_resolved"), 1,
	    "a type counts in either spelling");
	is_int(sum_of(store, "accepted", "other"), 3,
	    "types from outside make no counters of their own");
	store_close(store);
	kit_wipe();
}

static void deliveries(void)
{
	struct store *store = kit_open(STORE_DAEMON);
	int64_t endpoint = kit_endpoint(store, "pager", "0");
	struct meter meter;

	deliver(store, endpoint, 1, OUTCOME_DELIVERED, 1000);
	deliver(store, endpoint, 2, OUTCOME_DEAD, 1000);
	kit_endpoint(store, "pager", "1");
	meter = meter_of(store, "0");
	is_int(meter.attempts[OUTCOME_DEFERRED], 2, "attempts by outcome");
	is_int(meter.attempts[OUTCOME_DELIVERED], 1, "... delivered");
	is_int(meter.attempts[OUTCOME_DEAD], 1, "... dead");
	is_int(meter.delivered, 1, "deliveries by their end: delivered");
	is_int(meter.dead, 1, "... dead");
	is_int(meter.within[METER_BOUNDS - 1], 4, "all were short");
	is_int(meter.sum_ms, 36, "durations add up");
	is_int(meter_of(store, "1").delivered, 0,
	    "an endpoint that got nothing has its row");

	kit_change(store, 1, CHANGE_RESEND, 2000);
	is_int(
	    meter_of(store, "0").delivered, 1, "a resend takes nothing back");
	prune_all(store, INT64_MAX / 2);
	prune_all(store, INT64_MAX / 2);
	is_int(meter_of(store, "0").dead, 1, "and neither does pruning");
	store_close(store);
	store = kit_open(STORE_DAEMON);
	is_int(meter_of(store, "0").attempts[OUTCOME_DEFERRED], 2,
	    "nor a restart");
	store_close(store);
	kit_wipe();
}

static void edit(const char *sql)
{
	sqlite3 *db;
	char *error = NULL;

	if (sqlite3_open(kit_db, &db) != SQLITE_OK ||
	    sqlite3_exec(db, sql, NULL, NULL, &error) != SQLITE_OK)
		printf("Bail out! %s\n", error ? error : "cannot open");
	sqlite3_close(db);
}

/* What versions 2 to 7 added is taken away again, and what 8 changed is left. */
static void migration(void)
{
	struct store *store = kit_open(STORE_DAEMON);
	int64_t endpoint = kit_endpoint(store, "pager", "0");

	deliver(store, endpoint, 1, OUTCOME_DELIVERED, 1000);
	store_close(store);
	edit("DROP TRIGGER meter_endpoint; DROP TRIGGER total_mail;"
	     "DROP TABLE meter; DROP TABLE total;"
	     "DROP INDEX parked; DROP INDEX untold; DROP INDEX runnable;"
	     "CREATE INDEX runnable ON delivery (state, endpoint, due_ms)"
	     "  WHERE state IN (1, 2);"
	     "ALTER TABLE endpoint DROP COLUMN resting;"
	     "ALTER TABLE endpoint DROP COLUMN failures;"
	     "ALTER TABLE endpoint DROP COLUMN rest_ms;"
	     "ALTER TABLE endpoint DROP COLUMN until_ms;"
	     "ALTER TABLE endpoint DROP COLUMN opened_ms;"
	     "ALTER TABLE endpoint DROP COLUMN told;"
	     "ALTER TABLE endpoint DROP COLUMN told_ms;"
	     "ALTER TABLE endpoint DROP COLUMN place;"
	     "PRAGMA user_version = 1");
	store = kit_open(STORE_DAEMON);
	is_int(meter_of(store, "0").delivered, 1,
	    "a store of the first version keeps what it knew");
	deliver(store, endpoint, 2, OUTCOME_DELIVERED, 2000);
	is_int(meter_of(store, "0").delivered, 2, "and counts on");
	store_close(store);
	kit_wipe();
}

int main(void)
{
	kit_start();
	events();
	strange_types();
	deliveries();
	migration();
	kit_end();
	return done();
}
