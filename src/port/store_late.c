/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * port/store_late: the mark up to which the log is whole, and what is newer.
 *
 * The mark is a note, two row numbers. It is moved by a work that also tells
 * which rows are the newest at that moment: works are answered in order, so
 * once its answer is there everything up to them was written down, and the
 * next such work says so. That costs the way of a delivery nothing. If we die,
 * the mark is somewhat old; the log's own last lines tell the rest.
 */
#include "port/store_late.h"

#include "port/store_own.h"

#include <inttypes.h>
#include <stdio.h>

#define MARK_NAME "log/whole"

static int newest(struct store *store, struct log_mark *out, struct why *why)
{
	auto_end struct sql_query *query = sql_query(store->sql,
	    "SELECT ifnull((SELECT max(seq) FROM event), 0), "
	    "ifnull((SELECT max(seq) FROM attempt), 0)");

	if (sql_next(query, why) != 1)
		return -1;
	out->event = sql_int(query, 0);
	out->attempt = sql_int(query, 1);
	return 0;
}

int logged_run(struct store *store, struct work *work, struct why *why)
{
	struct work_logged *logged = (struct work_logged *)work;
	struct sql_query *query;
	char text[64];

	if (newest(store, &logged->newest, why) < 0)
		return -1;
	if (logged->whole.event < 0)
		return 0;
	query = sql_query(store->sql,
	    "INSERT INTO note (name, value, ms) VALUES ('" MARK_NAME "', ?, ?) "
	    "ON CONFLICT (name) DO UPDATE SET value = excluded.value, "
	    "ms = excluded.ms WHERE value <> excluded.value");
	snprintf(text, sizeof(text), "%" PRId64 " %" PRId64,
	    logged->whole.event, logged->whole.attempt);
	sql_put_text(query, text);
	sql_put_int(query, logged->now_ms);
	return sql_run(query, why);
}

int store_log_mark(struct store *store, struct log_mark *mark,
    struct log_mark *last, struct why *why)
{
	auto_end struct sql_query *query = sql_query(
	    store->sql, "SELECT value FROM note WHERE name = '" MARK_NAME "'");
	int got;

	*mark = (struct log_mark){ 0, 0 };
	if (newest(store, last, why) < 0)
		return -1;
	got = sql_next(query, why);
	if (got != 1)
		return got;
	return sscanf(sql_text(query, 0), "%" SCNd64 " %" SCNd64, &mark->event,
		   &mark->attempt) == 2;
}

int store_late_events(struct store *store, int64_t after,
    void (*each)(void *arg, const struct late_event *row), void *arg,
    struct why *why)
{
	auto_end struct sql_query *query = sql_query(store->sql,
	    "SELECT id, type, incident, service, alert_source, source, "
	    "accepted_ms, bytes, ifnull((SELECT group_concat(webhook, ' ') "
	    "FROM (SELECT DISTINCT endpoint.webhook FROM delivery "
	    "JOIN endpoint ON endpoint.seq = delivery.endpoint "
	    "WHERE delivery.event = event.seq ORDER BY endpoint.webhook)), '') "
	    "FROM event WHERE seq > ? ORDER BY seq");
	int got;

	sql_put_int(query, after);
	while ((got = sql_next(query, why)) == 1)
		each(arg,
		    &(struct late_event){
			.id = sql_text(query, 0),
			.type = sql_text(query, 1),
			.incident = sql_text(query, 2),
			.service = sql_text(query, 3),
			.alert_source = sql_text(query, 4),
			.source = sql_text(query, 5),
			.accepted_ms = sql_int(query, 6),
			.bytes = sql_int(query, 7),
			.webhooks = sql_text(query, 8),
		    });
	return got;
}

/* Whether the delivery still waits as this attempt left it, is seen by its
 * time: an operator's change comes later. */
static void tell_attempt(struct sql_query *query,
    void (*each)(void *arg, const struct late_attempt *row), void *arg)
{
	each(arg,
	    &(struct late_attempt){
		.webhook = sql_text(query, 0),
		.endpoint = sql_text(query, 1),
		.event_id = sql_text(query, 2),
		.event_type = sql_text(query, 3),
		.incident = sql_text(query, 4),
		.attempt = (int)sql_int(query, 5),
		.started_ms = sql_int(query, 6),
		.duration_ms = sql_int(query, 7),
		.status = (int)sql_int(query, 8),
		.code = sql_text(query, 9),
		.error = sql_text(query, 10),
		.remote = sql_text(query, 11),
		.outcome = sql_text(query, 12),
		.queued_ms = sql_int(query, 13),
		.due_ms = sql_int(query, 14),
	    });
}

int store_late_attempts(struct store *store, int64_t after,
    void (*each)(void *arg, const struct late_attempt *row), void *arg,
    struct why *why)
{
	auto_end struct sql_query *query = sql_query(store->sql,
	    "SELECT p.webhook, p.name, e.id, e.type, e.incident, a.attempt, "
	    "a.started_ms, a.duration_ms, a.status, a.code, a.error, a.remote, "
	    "a.outcome, d.queued_ms, iif(d.state = 1 AND d.due_ms > 0 AND "
	    "NOT EXISTS (SELECT 1 FROM attempt b WHERE b.delivery = a.delivery "
	    "AND b.seq > a.seq), d.due_ms, -1) FROM attempt a "
	    "JOIN delivery d ON d.seq = a.delivery "
	    "JOIN endpoint p ON p.seq = d.endpoint "
	    "JOIN event e ON e.seq = d.event WHERE a.seq > ? ORDER BY a.seq");
	int got;

	sql_put_int(query, after);
	while ((got = sql_next(query, why)) == 1)
		tell_attempt(query, each, arg);
	return got;
}
