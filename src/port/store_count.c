/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * port/store_count: how many deliveries of which webhook there are, how old
 * they are, and how the last ones went. Read only.
 *
 * What is final is counted as it happens, in the endpoint's row; what is open
 * is counted row by row, along its index or, when most rows are open, along
 * the table, which is eight times faster a row (a million: 0.12 s). How the
 * last day went is told by the newest attempts, of which a bounded number is
 * looked at. If we die in the middle, nobody notices.
 */
#include "port/store_own.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

/* One row of the endpoint table, and what is counted for it. */
struct tally {
	int64_t endpoint;
	char *webhook;
	char *last_code;
	struct webhook_counts counts;
	struct webhook_ages ages;
	size_t first; /* the first row of the same webhook */
};

/* By webhook, so that several rows of one lie together. */
struct tallies {
	struct tally *rows;
	size_t count;
	size_t *places; /* by number: the row's place and 1, 0 for none */
	int64_t last; /* the highest number */
};

static void push(struct tallies *list, struct sql_query *query)
{
	size_t at = list->count++;
	struct tally *row;

	if ((at & (at - 1)) == 0)
		list->rows =
		    mem_grow(list->rows, at ? at * 2 : 1, sizeof(*list->rows));
	row = &list->rows[at];
	*row = (struct tally){
		.endpoint = sql_int(query, 0),
		.webhook = sql_copy_text(query, 1),
		.last_code = sql_copy_text(query, 7),
		.first = at,
	};
	row->counts.by_state[STATE_DELIVERED] = sql_int(query, 2);
	row->counts.by_state[STATE_DEAD] = sql_int(query, 3);
	row->counts.oldest_ms = -1;
	row->counts.last_success_ms = sql_int(query, 4);
	row->counts.last_failure_ms = sql_int(query, 5);
	row->counts.last_status = (int)sql_int(query, 6);
	if (at && strcmp(list->rows[at - 1].webhook, row->webhook) == 0)
		row->first = list->rows[at - 1].first;
	if (row->endpoint > list->last)
		list->last = row->endpoint;
}

static int read_endpoints(
    struct store *store, struct tallies *list, struct why *why)
{
	auto_end struct sql_query *query = sql_query(store->sql,
	    "SELECT seq, webhook, delivered, dead, success_ms, failure_ms, "
	    "last_status, last_code FROM endpoint ORDER BY webhook, name");
	int got;

	while ((got = sql_next(query, why)) == 1)
		push(list, query);
	list->places = mem_array((size_t)list->last + 1, sizeof(*list->places));
	for (size_t i = 0; i < list->count; i++)
		list->places[list->rows[i].endpoint] = i + 1;
	return got;
}

static struct tally *find(const struct tallies *list, int64_t endpoint)
{
	if (endpoint < 0 || endpoint > list->last || !list->places[endpoint])
		return NULL;
	return &list->rows[list->places[endpoint] - 1];
}

static void clear(struct tallies *list)
{
	for (size_t i = 0; i < list->count; i++) {
		free(list->rows[i].webhook);
		free(list->rows[i].last_code);
	}
	free(list->rows);
	free(list->places);
}

/* ---- what is open ------------------------------------------------------ */

/* Numbers grow and old rows go, so the span bounds the table's rows. */
static int choose_walk(struct store *store, bool *whole, struct why *why)
{
	enum { FASTER = 8 };
	auto_end struct sql_query *query = sql_query(store->sql,
	    "SELECT (SELECT count(*) FROM delivery INDEXED BY open "
	    "WHERE " IS_OPEN "), ifnull((SELECT max(seq) FROM delivery) - "
	    "(SELECT min(seq) FROM delivery), 0)");

	if (sql_next(query, why) != 1)
		return -1;
	*whole = sql_int(query, 1) / FASTER < sql_int(query, 0);
	return 0;
}

/* Endpoint, state, whether it spent a try, acceptance. NULL: could not. */
static struct sql_query *walk_open(struct store *store, struct why *why)
{
	bool whole;

	if (choose_walk(store, &whole, why) < 0)
		return NULL;
	if (whole)
		return sql_query(store->sql,
		    "SELECT endpoint, state, tries > 0, accepted_ms "
		    "FROM delivery NOT INDEXED WHERE " IS_OPEN);
	return sql_query(store->sql,
	    "SELECT endpoint, state, tries > 0, accepted_ms "
	    "FROM delivery INDEXED BY open WHERE " IS_OPEN);
}

static void count_open(
    struct tally *tally, int64_t state, bool tried, int64_t accepted_ms)
{
	struct webhook_counts *counts = &tally->counts;

	counts->by_state[state]++;
	if (state == STATE_WAITING && tried)
		counts->deferred++;
	if (counts->oldest_ms < 0 || accepted_ms < counts->oldest_ms)
		counts->oldest_ms = accepted_ms;
}

static int read_open(struct store *store, struct tallies *list, struct why *why)
{
	auto_end struct sql_query *query = walk_open(store, why);
	int got = -1;

	while (query && (got = sql_next(query, why)) == 1) {
		struct tally *tally = find(list, sql_int(query, 0));
		int64_t state = sql_int(query, 1);

		if (tally && state >= STATE_CHAINED && state <= STATE_HELD)
			count_open(
			    tally, state, sql_int(query, 2), sql_int(query, 3));
	}
	return got;
}

static void merge(struct webhook_counts *a, const struct webhook_counts *b)
{
	for (int i = 0; i <= STATE_DEAD; i++)
		a->by_state[i] += b->by_state[i];
	a->deferred += b->deferred;
	if (b->oldest_ms >= 0 &&
	    (a->oldest_ms < 0 || b->oldest_ms < a->oldest_ms))
		a->oldest_ms = b->oldest_ms;
	if (b->last_success_ms > a->last_success_ms)
		a->last_success_ms = b->last_success_ms;
	if (b->last_failure_ms <= a->last_failure_ms)
		return;
	a->last_failure_ms = b->last_failure_ms;
	a->last_status = b->last_status;
	a->last_code = b->last_code;
}

static int64_t hand_out(struct tallies *list,
    int (*each)(void *arg, const struct webhook_counts *counts), void *arg)
{
	int64_t calls = 0;

	for (size_t i = 0; i < list->count; i++) {
		struct tally *row = &list->rows[i];

		row->counts.webhook = row->webhook;
		row->counts.last_code = row->last_code;
		if (row->first != i)
			merge(&list->rows[row->first].counts, &row->counts);
	}
	for (size_t i = 0; i < list->count; i++) {
		if (list->rows[i].first != i)
			continue;
		calls++;
		if (each(arg, &list->rows[i].counts))
			break;
	}
	return calls;
}

/* Both answers of one moment. */
static int count(struct store *store, struct tallies *list,
    int (*read)(struct store *store, struct tallies *list, struct why *why),
    struct why *why)
{
	if (sql_begin_reading(store->sql, why) < 0)
		return -1;
	if (read_endpoints(store, list, why) == 0 &&
	    read(store, list, why) == 0)
		return sql_commit(store->sql, why);
	sql_rollback(store->sql);
	return -1;
}

int64_t store_counts(struct store *store,
    int (*each)(void *arg, const struct webhook_counts *counts), void *arg,
    struct why *why)
{
	struct tallies list = { 0 };
	int64_t calls = -1;

	if (count(store, &list, read_open, why) == 0)
		calls = hand_out(&list, each, arg);
	clear(&list);
	return calls;
}

/* ---- how old it is ----------------------------------------------------- */

int store_age_bucket(int64_t age_ms)
{
	int64_t limit_ms = AGE_FIRST_MS;
	int bucket = 0;

	for (; bucket < AGE_BUCKETS - 1 && age_ms >= limit_ms; bucket++)
		limit_ms *= 2;
	return bucket;
}

static bool is_asked(const struct age_query *asked, int64_t state, bool tried)
{
	if (state < STATE_CHAINED || state > STATE_HELD)
		return false;
	if (state == STATE_WAITING && tried)
		return asked->deferred;
	return asked->states & 1u << state;
}

static int read_ages(struct store *store, struct tallies *list,
    const struct age_query *asked, struct why *why)
{
	auto_end struct sql_query *query = walk_open(store, why);
	int got = -1;

	while (query && (got = sql_next(query, why)) == 1) {
		struct tally *tally = find(list, sql_int(query, 0));
		int64_t age_ms = asked->now_ms - sql_int(query, 3);

		if (!tally ||
		    !is_asked(asked, sql_int(query, 1), sql_int(query, 2)))
			continue;
		tally = &list->rows[tally->first];
		tally->ages.by_age[store_age_bucket(age_ms)]++;
		tally->ages.total++;
	}
	return got;
}

int64_t store_ages(struct store *store, const struct age_query *asked,
    int (*each)(void *arg, const struct webhook_ages *ages), void *arg,
    struct why *why)
{
	struct tallies list = { 0 };
	int64_t calls = 0;

	if (read_endpoints(store, &list, why) < 0 ||
	    read_ages(store, &list, asked, why) < 0)
		calls = -1;
	for (size_t i = 0; calls >= 0 && i < list.count; i++) {
		if (!list.rows[i].ages.total)
			continue;
		list.rows[i].ages.webhook = list.rows[i].webhook;
		calls++;
		if (each(arg, &list.rows[i].ages))
			break;
	}
	clear(&list);
	return calls;
}

/* ---- how the last ones went -------------------------------------------- */

struct
try {
	size_t webhook; /* its first row */
	int64_t duration_ms;
	char outcome; /* the word's first letters tell them apart */
};

struct tries {
	struct try *all;
	size_t count;
	int64_t reached_ms;
};

static void push_try(
    struct tries *tries, size_t webhook, int64_t duration_ms, char outcome)
{
	size_t at = tries->count++;

	if ((at & (at - 1)) == 0)
		tries->all =
		    mem_grow(tries->all, at ? at * 2 : 1, sizeof(*tries->all));
	tries->all[at] = (struct try){ webhook, duration_ms, outcome };
}

/* "delivered", "dead", "deferred". */
static char outcome_letter(const char *word)
{
	return strcmp(word, "delivered") == 0 ? 'd'
	    : strcmp(word, "dead") == 0	      ? 'x'
					      : '-';
}

/* Attempts are numbered as they end, the newest last. */
static int read_tries(struct store *store, const struct tallies *list,
    int64_t since_ms, struct tries *tries, struct why *why)
{
	auto_end struct sql_query *query = sql_query(store->sql,
	    "SELECT d.endpoint, a.started_ms + a.duration_ms, a.duration_ms, "
	    "a.outcome FROM attempt a CROSS JOIN delivery d "
	    "ON d.seq = a.delivery ORDER BY a.seq DESC");
	int got;

	while ((got = sql_next(query, why)) == 1) {
		const struct tally *tally = find(list, sql_int(query, 0));
		int64_t ended_ms = sql_int(query, 1);

		if (ended_ms < since_ms)
			return 0;
		if (tries->count == RECENT_MAX) {
			tries->reached_ms = ended_ms;
			return 0;
		}
		if (tally)
			push_try(tries, tally->first, sql_int(query, 2),
			    outcome_letter(sql_text(query, 3)));
	}
	return got;
}

static int compare_tries(const void *a, const void *b)
{
	const struct try *x = a;
	const struct try *y = b;

	if (x->webhook != y->webhook)
		return x->webhook < y->webhook ? -1 : 1;
	return (x->duration_ms > y->duration_ms) -
	    (x->duration_ms < y->duration_ms);
}

/* Of `count` tries of one webhook, the shortest first. The p95 is the
 * duration that 95 of 100 do not pass (nearest rank). */
static struct recent sum_up(const struct try *tries, size_t count)
{
	struct recent recent = { .attempts = (int64_t)count };

	for (size_t i = 0; i < count; i++) {
		recent.delivered += tries[i].outcome == 'd';
		recent.dead += tries[i].outcome == 'x';
	}
	recent.p95_ms = tries[(count * 95 + 99) / 100 - 1].duration_ms;
	return recent;
}

static int64_t hand_out_recent(const struct tallies *list,
    const struct tries *tries,
    int (*each)(void *arg, const struct recent *recent), void *arg)
{
	int64_t calls = 0;
	size_t next;

	for (size_t at = 0; at < tries->count; at = next) {
		size_t webhook = tries->all[at].webhook;
		struct recent recent;

		next = at + 1;
		while (
		    next < tries->count && tries->all[next].webhook == webhook)
			next++;
		recent = sum_up(&tries->all[at], next - at);
		recent.webhook = list->rows[webhook].webhook;
		calls++;
		if (each(arg, &recent))
			break;
	}
	return calls;
}

int64_t store_recent(struct store *store, int64_t since_ms, int64_t *reached_ms,
    int (*each)(void *arg, const struct recent *recent), void *arg,
    struct why *why)
{
	struct tries tries = { .reached_ms = since_ms };
	struct tallies list = { 0 };
	int64_t calls = -1;

	if (read_endpoints(store, &list, why) == 0 &&
	    read_tries(store, &list, since_ms, &tries, why) == 0) {
		if (tries.count)
			qsort(tries.all, tries.count, sizeof(*tries.all),
			    compare_tries);
		*reached_ms = tries.reached_ms;
		calls = hand_out_recent(&list, &tries, each, arg);
	}
	free(tries.all);
	clear(&list);
	return calls;
}
