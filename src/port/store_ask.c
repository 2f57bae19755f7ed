/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * port/store_ask: the short answers: one event, the counts of each webhook,
 * notes, totals. Read only; long answers are in store_list.c.
 *
 * What is final is counted as it happens, in the endpoint's row, and what is
 * open has an index: no answer here walks over the history but the number of
 * events, which is one pass over their ids.
 */
#include "port/store_own.h"

#include "base/mem.h"

#include <stdio.h>
#include <string.h>

/* ---- one event --------------------------------------------------------- */

int store_event(
    struct store *store, const char *id, struct event_row *out, struct why *why)
{
	auto_end struct sql_query *query = sql_query(store->sql,
	    "SELECT id, type, incident, service, alert_source, message, "
	    "source, accepted_ms, body FROM event "
	    "JOIN payload ON payload.event = event.seq WHERE id = ?");
	int got;

	memset(out, 0, sizeof(*out));
	sql_put_text(query, id);
	got = sql_next(query, why);
	if (got != 1)
		return got;
	snprintf(out->id, sizeof(out->id), "%s", sql_text(query, 0));
	out->type = sql_copy_text(query, 1);
	out->incident = sql_copy_text(query, 2);
	out->service = sql_copy_text(query, 3);
	out->alert_source = sql_copy_text(query, 4);
	out->message = sql_copy_text(query, 5);
	out->source = sql_copy_text(query, 6);
	out->accepted_ms = sql_int(query, 7);
	out->body = sql_copy_bytes(query, 8, &out->body_len);
	return 1;
}

void event_row_clear(struct event_row *row)
{
	free(row->type);
	free(row->incident);
	free(row->service);
	free(row->alert_source);
	free(row->message);
	free(row->source);
	free(row->body);
	memset(row, 0, sizeof(*row));
}

/* ---- counts ------------------------------------------------------------ */

/* The endpoints by webhook; several rows of one webhook lie together. */
struct tally {
	int64_t endpoint;
	int64_t last_ms; /* when last_status was seen */
	char *webhook;
	char *last_code;
	struct webhook_counts counts;
};

struct tallies {
	struct tally *rows;
	size_t count;
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
	};
	row->counts.by_state[STATE_DELIVERED] = sql_int(query, 2);
	row->counts.by_state[STATE_DEAD] = sql_int(query, 3);
	row->counts.oldest_ms = -1;
	row->counts.last_success_ms = sql_int(query, 4);
	row->counts.last_failure_ms = sql_int(query, 5);
	row->counts.last_status = (int)sql_int(query, 6);
	row->last_ms = sql_int(query, 4) > sql_int(query, 5)
	    ? sql_int(query, 4)
	    : sql_int(query, 5);
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
	return got;
}

static struct tally *find(struct tallies *list, int64_t endpoint)
{
	for (size_t i = 0; i < list->count; i++) {
		if (list->rows[i].endpoint == endpoint)
			return &list->rows[i];
	}
	return NULL;
}

static void count_open(
    struct tally *tally, int64_t state, bool tried, int64_t accepted_ms)
{
	struct webhook_counts *counts = &tally->counts;

	if (state < STATE_CHAINED || state > STATE_HELD)
		return;
	counts->by_state[state]++;
	if (state == STATE_WAITING && tried)
		counts->deferred++;
	if (counts->oldest_ms < 0 || accepted_ms < counts->oldest_ms)
		counts->oldest_ms = accepted_ms;
}

/* Comes ordered by endpoint, as the index is. */
static int read_open(struct store *store, struct tallies *list, struct why *why)
{
	auto_end struct sql_query *query = sql_query(store->sql,
	    "SELECT endpoint, state, tries > 0, accepted_ms "
	    "FROM delivery INDEXED BY open WHERE state < 4");
	struct tally *tally = NULL;
	int got;

	while ((got = sql_next(query, why)) == 1) {
		int64_t endpoint = sql_int(query, 0);

		if (!tally || tally->endpoint != endpoint)
			tally = find(list, endpoint);
		if (tally)
			count_open(tally, sql_int(query, 1), sql_int(query, 2),
			    sql_int(query, 3));
	}
	return got;
}

static void merge(struct tally *into, const struct tally *from)
{
	struct webhook_counts *a = &into->counts;
	const struct webhook_counts *b = &from->counts;

	for (int i = 0; i <= STATE_DEAD; i++)
		a->by_state[i] += b->by_state[i];
	a->deferred += b->deferred;
	if (b->oldest_ms >= 0 &&
	    (a->oldest_ms < 0 || b->oldest_ms < a->oldest_ms))
		a->oldest_ms = b->oldest_ms;
	if (b->last_success_ms > a->last_success_ms)
		a->last_success_ms = b->last_success_ms;
	if (b->last_failure_ms > a->last_failure_ms)
		a->last_failure_ms = b->last_failure_ms;
	if (from->last_ms <= into->last_ms)
		return;
	into->last_ms = from->last_ms;
	a->last_status = b->last_status;
	a->last_code = b->last_code;
}

static int64_t hand_out(struct tallies *list,
    int (*each)(void *arg, const struct webhook_counts *counts), void *arg)
{
	int64_t calls = 0;

	for (size_t i = 0; i < list->count; i++) {
		list->rows[i].counts.webhook = list->rows[i].webhook;
		list->rows[i].counts.last_code = list->rows[i].last_code;
	}
	for (size_t i = 0; i < list->count;) {
		struct tally *first = &list->rows[i++];

		while (i < list->count &&
		    strcmp(list->rows[i].webhook, first->webhook) == 0)
			merge(first, &list->rows[i++]);
		calls++;
		if (each(arg, &first->counts))
			break;
	}
	return calls;
}

static void clear(struct tallies *list)
{
	for (size_t i = 0; i < list->count; i++) {
		free(list->rows[i].webhook);
		free(list->rows[i].last_code);
	}
	free(list->rows);
}

/* Both answers of one moment. */
static int count(struct store *store, struct tallies *list, struct why *why)
{
	if (sql_begin_reading(store->sql, why) < 0)
		return -1;
	if (read_endpoints(store, list, why) == 0 &&
	    read_open(store, list, why) == 0)
		return sql_commit(store->sql, why);
	sql_rollback(store->sql);
	return -1;
}

int64_t store_counts(struct store *store,
    int (*each)(void *arg, const struct webhook_counts *counts), void *arg,
    struct why *why)
{
	struct tallies list = { NULL, 0 };
	int64_t calls = -1;

	if (count(store, &list, why) == 0)
		calls = hand_out(&list, each, arg);
	clear(&list);
	return calls;
}

/* ---- notes and totals -------------------------------------------------- */

struct lines {
	struct line {
		char *name;
		char *value;
		int64_t ms;
	} * rows;
	size_t count;
};

static int read_lines(struct store *store, const char *prefix,
    struct lines *list, struct why *why)
{
	auto_end struct sql_query *query = sql_query(store->sql,
	    "SELECT name, value, ms FROM note "
	    "WHERE name >= ?1 AND substr(name, 1, length(?1)) = ?1 "
	    "ORDER BY name");
	int got;

	sql_put_text(query, prefix);
	while ((got = sql_next(query, why)) == 1) {
		size_t at = list->count++;

		if ((at & (at - 1)) == 0)
			list->rows = mem_grow(
			    list->rows, at ? at * 2 : 1, sizeof(*list->rows));
		list->rows[at] = (struct line){
			.name = sql_copy_text(query, 0),
			.value = sql_copy_text(query, 1),
			.ms = sql_int(query, 2),
		};
	}
	return got;
}

/* Copied first, as long listings are: `each` may write to a slow pager. */
int64_t store_notes(struct store *store, const char *prefix,
    int (*each)(void *arg, const char *name, const char *value, int64_t ms),
    void *arg, struct why *why)
{
	struct lines list = { NULL, 0 };
	bool enough = read_lines(store, prefix, &list, why) < 0;
	int64_t calls = enough ? -1 : 0;

	for (size_t i = 0; i < list.count; i++) {
		struct line *line = &list.rows[i];

		if (!enough) {
			calls++;
			enough = each(arg, line->name, line->value, line->ms);
		}
		free(line->name);
		free(line->value);
	}
	free(list.rows);
	return calls;
}

int store_totals(struct store *store, int64_t *events, int64_t *unmatched,
    int64_t *mails, struct why *why)
{
	auto_end struct sql_query *query = sql_query(store->sql,
	    "SELECT (SELECT count(*) FROM event), "
	    "(SELECT count(*) FROM event WHERE routes = 0), "
	    "(SELECT count(*) FROM mail)");

	if (sql_next(query, why) != 1)
		return -1;
	*events = sql_int(query, 0);
	*unmatched = sql_int(query, 1);
	*mails = sql_int(query, 2);
	return 0;
}
