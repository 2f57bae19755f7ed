/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * port/store_ask: the short answers: one event, endpoints, notes, totals. Read
 * only; long answers are in store_list.c, counts of deliveries in
 * store_count.c.
 *
 * Nothing here walks over the history but the number of events, which is one
 * pass over their ids. If we die in the middle, nobody notices.
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

/* ---- endpoints --------------------------------------------------------- */

struct numbers {
	struct endpoint_row *rows;
	size_t count;
};

static int read_numbers(struct store *store, const char *webhook,
    struct numbers *list, struct why *why)
{
	auto_end struct sql_query *query = sql_query(store->sql,
	    "SELECT seq, webhook, name, resting, failures, rest_ms, until_ms, "
	    "opened_ms FROM endpoint "
	    "WHERE ?1 IS NULL OR webhook = ?1 ORDER BY webhook, name");
	int got;

	sql_put_text(query, webhook);
	while ((got = sql_next(query, why)) == 1) {
		size_t at = list->count++;

		if ((at & (at - 1)) == 0)
			list->rows = mem_grow(
			    list->rows, at ? at * 2 : 1, sizeof(*list->rows));
		list->rows[at] = (struct endpoint_row){
			.number = sql_int(query, 0),
			.webhook = sql_copy_text(query, 1),
			.endpoint = sql_copy_text(query, 2),
			.next_due_ms = -1,
			.breaker = {
				.open = sql_int(query, 3) != 0,
				.failures = (int)sql_int(query, 4),
				.rest_ms = sql_int(query, 5),
				.until_ms = sql_int(query, 6),
				.since_ms = sql_int(query, 7),
			},
		};
	}
	return got;
}

/* Copied first: `each` may write to the store. */
int64_t store_endpoints(struct store *store, const char *webhook,
    int (*each)(void *arg, const struct endpoint_row *row), void *arg,
    struct why *why)
{
	struct numbers list = { NULL, 0 };
	bool enough = read_numbers(store, webhook, &list, why) < 0;
	int64_t calls = enough ? -1 : 0;

	for (size_t i = 0; i < list.count; i++) {
		if (!enough) {
			calls++;
			enough = each(arg, &list.rows[i]);
		}
		free((void *)(uintptr_t)list.rows[i].webhook);
		free((void *)(uintptr_t)list.rows[i].endpoint);
	}
	free(list.rows);
	return calls;
}

/* 1 some are, 0 none is. */
int store_any_dead(struct store *store, const char *event_id,
    const char *webhook, struct why *why)
{
	auto_end struct sql_query *query = sql_query(store->sql,
	    "SELECT 1 FROM event e JOIN delivery d ON d.event = e.seq "
	    "JOIN endpoint p ON p.seq = d.endpoint "
	    "WHERE e.id = ? AND p.webhook = ? AND d.state = 5 LIMIT 1");

	sql_put_text(query, event_id);
	sql_put_text(query, webhook);
	return sql_next(query, why);
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
