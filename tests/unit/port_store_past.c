/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * Tests of port/store_past, and of the listing that shows the newest first:
 * all of a period is told, once, and nothing else.
 */
#include "port/store_past.h"

#include "store_kit.h"

enum { STORY = 5000 }; /* more than one step of the walk */

struct told {
	int deliveries, dead, attempts, deferred;
	int64_t status_sum;
	bool ordered;
	int64_t last_ms;
};

static void add_delivery(void *arg, const struct past_delivery *row)
{
	struct told *told = arg;

	told->deliveries++;
	told->dead += row->state == STATE_DEAD;
	told->ordered &= strcmp(row->webhook, "pager") == 0 &&
	    strcmp(row->name, "0") == 0 && row->endpoint > 0;
}

static void add_attempt(void *arg, const struct past_attempt *row)
{
	struct told *told = arg;

	told->attempts++;
	told->deferred += strcmp(row->outcome, "deferred") == 0;
	told->status_sum += row->status;
	told->ordered &= strcmp(row->webhook, "pager") == 0;
}

static struct told ask(struct store *store, int64_t since_ms, int64_t until_ms)
{
	struct told told = { .ordered = true };

	if (store_past_deliveries(
		store, since_ms, until_ms, add_delivery, &told, &kit_why) < 0 ||
	    store_past_attempts(
		store, since_ms, until_ms, add_attempt, &told, &kit_why) < 0)
		kit_die("cannot walk");
	return told;
}

static void test_empty(void)
{
	struct store *store = kit_open(STORE_DAEMON);
	struct told told = ask(store, 0, INT64_MAX);

	is_int(
	    told.deliveries + told.attempts, 0, "an empty store has no past");
	store_close(store);
	kit_wipe();
}

static int by_number(void *arg, const struct delivery_row *row)
{
	struct told *told = arg;

	told->ordered &= row->accepted_ms < told->last_ms;
	told->last_ms = row->accepted_ms;
	return 0;
}

static void test_newest(struct store *store)
{
	struct delivery_query query = {
		.all_states = true, .newest_first = true, .limit = 3
	};
	struct told told = { .ordered = true, .last_ms = INT64_MAX };

	is_int(store_deliveries(store, &query, by_number, &told, &kit_why), 3,
	    "a limit holds");
	ok(told.ordered, "the newest comes first");
	is_int(told.last_ms, 1002, "... of all there are");
	query.changed_since_ms = 7000;
	query.limit = 0;
	is_int(store_deliveries(store, &query, by_number, &told, &kit_why), 1,
	    "a change since then is asked for");
}

static void test_period(void)
{
	struct store *store = kit_open(STORE_DAEMON);
	int64_t pager = kit_endpoint(store, "pager", "0");
	struct told told;
	int64_t rows[4];

	for (int n = 1; n <= 4; n++)
		kit_accept(store, n, "", pager, 1000 + n);
	kit_claim(store, pager, 4, 5000, rows, NULL);
	kit_settle(store, rows[0], OUTCOME_DELIVERED, 1, 0, 6000);
	kit_settle(store, rows[1], OUTCOME_DEFERRED, 1, 6500, 6001);
	kit_claim(store, pager, 1, 6500, rows, NULL);
	kit_settle(store, rows[0], OUTCOME_DEAD, 2, 0, 7000);
	told = ask(store, 0, INT64_MAX);
	is_int(told.deliveries, 4, "every delivery is told");
	is_int(told.dead, 1, "... with its state");
	is_int(told.attempts, 3, "every attempt is told");
	is_int(told.deferred, 1, "... with its outcome");
	is_int(told.status_sum, 200 + 503 + 503, "... and status");
	ok(told.ordered, "... each with its endpoint");
	told = ask(store, 7000, 7000);
	is_int(told.deliveries, 1, "a delivery is there by its last change");
	told = ask(store, 7001, INT64_MAX);
	is_int(told.deliveries + told.attempts, 0, "later there is nothing");
	test_newest(store);
	store_close(store);
	kit_wipe();
}

static void test_many(void)
{
	struct store *store = kit_open(STORE_DAEMON);
	struct route_row route = { kit_endpoint(store, "pager", "0"), false };
	struct accepted_event *events = mem_array(STORY, sizeof(*events));
	struct work_accept work = {
		.now_ms = 1, .source = "s", .events = events, .count = STORY
	};

	for (int n = 0; n < STORY; n++)
		events[n] = kit_event(n, "", &route);
	kit_must(store, &work, WORK_ACCEPT);
	is_int(ask(store, 0, 2).deliveries, STORY,
	    "a walk of several steps tells each once");
	free(events);
	store_close(store);
	kit_wipe();
}

int main(void)
{
	kit_start();
	test_empty();
	test_period();
	test_many();
	kit_end();
	return done();
}
