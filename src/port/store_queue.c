/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * port/store_queue: the way of a delivery through the store: accepted,
 * settled, and the lane that it goes in (store_claim.c hands it out; counters
 * and the state of endpoints are store_tally.c's). This is the hot path: five
 * inserts, two updates and three reads per delivery, each by a key, so it
 * grows neither with the backlog nor with the history. (An update with
 * RETURNING costs as much as all of settle_run without it, hence the reads.)
 *
 * Everything here runs inside a group's transaction; if we die, the group
 * never happened. State changes of the daemon: chained > waiting > active >
 * delivered | dead, and active > waiting when deferred.
 */
#include "port/store_own.h"

#include "base/mem.h"

#include <stdio.h>
#include <string.h>

/* ---- lanes ------------------------------------------------------------- */

/* The chained one that may go, 0 for none, -1 could not. */
static int64_t find_next(struct store *store, int64_t endpoint,
    const char *lane, bool vacant, struct why *why)
{
	auto_end struct sql_query *query = sql_query(store->sql,
	    "SELECT seq, state FROM delivery "
	    "WHERE " IS_OPEN " AND endpoint = ? AND lane = ? ORDER BY seq");
	int64_t head = 0;
	int got;

	sql_put_int(query, endpoint);
	sql_put_text(query, lane);
	while ((got = sql_next(query, why)) == 1) {
		int64_t state = sql_int(query, 1);

		if (state == STATE_WAITING || state == STATE_ACTIVE)
			return 0;
		if (!head && state == STATE_HELD)
			return 0;
		if (!head)
			head = sql_int(query, 0);
		if (vacant)
			return head;
	}
	return got < 0 ? -1 : head;
}

int lane_advance(struct store *store, int64_t endpoint, const char *lane,
    bool vacant, int64_t now_ms, struct why *why)
{
	int64_t head = find_next(store, endpoint, lane, vacant, why);
	struct sql_query *query;

	if (head <= 0)
		return (int)head;
	/* One that was queued for a later time (a paced resend) keeps it, but
	 * not when the clock has gone back since. */
	query = sql_query(store->sql,
	    "UPDATE delivery SET state = 1, changed_ms = ?1, due_ms = "
	    "CASE WHEN due_ms > ?1 AND changed_ms <= ?1 THEN due_ms ELSE ?1 "
	    "END WHERE seq = ?2");
	sql_put_int(query, now_ms);
	sql_put_int(query, head);
	return sql_run(query, why) < 0 ? -1 : 1;
}

/* ---- accept ------------------------------------------------------------ */

static int add_event(struct store *store, const struct work_accept *accept,
    const struct accepted_event *event, struct why *why)
{
	struct sql_query *query = sql_query(store->sql,
	    "INSERT INTO event (id, type, incident, service, alert_source, "
	    "message, source, accepted_ms, bytes, routes) "
	    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");

	sql_put_text(query, event->id);
	sql_put_text(query, event->type);
	sql_put_text(query, event->incident);
	sql_put_text(query, event->service);
	sql_put_text(query, event->alert_source);
	sql_put_text(query, event->message);
	sql_put_text(query, accept->source);
	sql_put_int(query, accept->now_ms);
	sql_put_int(query, (int64_t)event->body_len);
	sql_put_int(query, (int64_t)event->route_count);
	return sql_run(query, why);
}

static int add_payload(struct store *store, int64_t seq,
    const struct accepted_event *event, struct why *why)
{
	struct sql_query *query = sql_query(
	    store->sql, "INSERT INTO payload (event, body) VALUES (?, ?)");

	sql_put_int(query, seq);
	sql_put_bytes(query, event->body, event->body_len);
	return sql_run(query, why);
}

/* Chained when something of its lane is open; without a lane nothing is. */
static int add_delivery(struct store *store, int64_t seq, const char *lane,
    const struct route_row *route, int64_t now_ms, struct why *why)
{
	struct sql_query *query = sql_query(store->sql,
	    "INSERT INTO delivery (event, endpoint, lane, state, accepted_ms, "
	    "queued_ms, due_ms, changed_ms) VALUES (?1, ?2, ?3, NOT EXISTS ("
	    "SELECT 1 FROM delivery "
	    "WHERE " IS_OPEN " AND endpoint = ?2 AND lane = ?3), "
	    "?4, ?4, ?4, ?4)");

	sql_put_int(query, seq);
	sql_put_int(query, route->endpoint);
	sql_put_text(query, route->ordered && *lane ? lane : NULL);
	sql_put_int(query, now_ms);
	return sql_run(query, why);
}

static int accept(struct store *store, const struct work_accept *accept,
    const struct accepted_event *event, struct why *why)
{
	int64_t seq;

	if (add_event(store, accept, event, why) < 0)
		return -1;
	seq = sql_last_row(store->sql);
	if (add_payload(store, seq, event, why) < 0)
		return -1;
	for (size_t i = 0; i < event->route_count; i++) {
		if (add_delivery(store, seq, event->incident, &event->routes[i],
			accept->now_ms, why) < 0)
			return -1;
	}
	return 0;
}

static int put_receipt(
    struct store *store, const struct receipt *receipt, struct why *why)
{
	struct sql_query *query = sql_query(store->sql,
	    "INSERT OR REPLACE INTO receipt (device, inode, birth_ns, "
	    "mtime_ns, size, done, hash) VALUES (?, ?, ?, ?, ?, ?, ?)");

	sql_put_int(query, (int64_t)receipt->device);
	sql_put_int(query, (int64_t)receipt->inode);
	sql_put_int(query, receipt->birth_ns);
	sql_put_int(query, receipt->mtime_ns);
	sql_put_int(query, receipt->size);
	sql_put_int(query, receipt->done);
	sql_put_int(query, receipt->hash);
	return sql_run(query, why);
}

static int check_order(
    struct store *store, const struct work_accept *group, struct why *why)
{
	auto_end struct sql_query *query = sql_query(store->sql,
	    "SELECT 1 FROM receipt WHERE device = ? AND inode = ? "
	    "AND birth_ns = ? AND done = ?");
	int got;

	sql_put_int(query, (int64_t)group->receipt.device);
	sql_put_int(query, (int64_t)group->receipt.inode);
	sql_put_int(query, group->receipt.birth_ns);
	sql_put_int(query, group->behind);
	got = sql_next(query, why);
	if (got == 0)
		fail(why, "%s: what stands before it was not accepted",
		    group->source);
	return got == 1 ? 0 : -1;
}

int accept_run(struct store *store, struct work *work, struct why *why)
{
	const struct work_accept *group = (const struct work_accept *)work;

	if (group->follows && check_order(store, group, why) < 0)
		return -1;
	for (size_t i = 0; i < group->count; i++) {
		const struct accepted_event *event = &group->events[i];

		if (accept(store, group, event, why) < 0)
			return -1;
		tally_event(store->tally, event->id, event->type,
		    event->route_count > 0);
	}
	if (!group->has_receipt)
		return 0;
	return put_receipt(store, &group->receipt, why);
}

/* ---- settle ------------------------------------------------------------ */

static const enum state state_of[] = {
	[OUTCOME_DELIVERED] = STATE_DELIVERED,
	[OUTCOME_DEFERRED] = STATE_WAITING,
	[OUTCOME_DEAD] = STATE_DEAD,
};

/* 1 and where it belongs; 0 it is not active any more. */
static int find_active(struct store *store, int64_t delivery, int64_t *endpoint,
    char **lane, struct why *why)
{
	auto_end struct sql_query *query = sql_query(store->sql,
	    "SELECT endpoint, lane FROM delivery WHERE seq = ? AND state = 2");
	int got;

	sql_put_int(query, delivery);
	got = sql_next(query, why);
	if (got != 1)
		return got;
	*endpoint = sql_int(query, 0);
	*lane = sql_is_null(query, 1) ? NULL : sql_copy_text(query, 1);
	return 1;
}

static int move(
    struct store *store, const struct work_settle *settle, struct why *why)
{
	enum state state = state_of[settle->verdict.outcome];
	struct sql_query *query = sql_query(store->sql,
	    "UPDATE delivery SET state = ?, tries = ?, changed_ms = ?, "
	    "due_ms = ? WHERE seq = ?");

	sql_put_int(query, state);
	sql_put_int(query, settle->verdict.tries);
	sql_put_int(query, settle->now_ms);
	sql_put_int(
	    query, state == STATE_WAITING ? settle->verdict.due_ms : DUE_NEVER);
	sql_put_int(query, settle->delivery);
	return sql_run(query, why);
}

static int add_attempt(
    struct store *store, const struct work_settle *settle, struct why *why)
{
	const struct answer *answer = settle->answer;
	struct sql_query *query;

	if (!answer)
		return 0;
	query = sql_query(store->sql,
	    "INSERT INTO attempt (delivery, attempt, started_ms, duration_ms, "
	    "status, code, error, remote, outcome, answer) "
	    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");

	sql_put_int(query, settle->delivery);
	sql_put_int(query, settle->attempt);
	sql_put_int(query, answer->started_ms);
	sql_put_int(query, (answer->duration_us + 500) / 1000);
	sql_put_int(query, answer->status);
	sql_put_text(query, fault_word(answer->fault));
	sql_put_text(query, answer->error);
	sql_put_text(query, answer->remote);
	sql_put_text(query, outcome_word(settle->verdict.outcome));
	sql_put_bytes(query, answer->body, answer->body_len);
	return sql_run(query, why);
}

static int add_death(
    struct store *store, const struct work_settle *settle, struct why *why)
{
	struct sql_query *query = sql_query(store->sql,
	    "INSERT OR REPLACE INTO death (webhook, delivery, died_ms) "
	    "SELECT endpoint.webhook, delivery.seq, ? FROM delivery "
	    "JOIN endpoint ON endpoint.seq = delivery.endpoint "
	    "WHERE delivery.seq = ?");

	sql_put_int(query, settle->now_ms);
	sql_put_int(query, settle->delivery);
	return sql_run(query, why);
}

int settle_run(struct store *store, struct work *work, struct why *why)
{
	struct work_settle *settle = (struct work_settle *)work;
	enum outcome outcome = settle->verdict.outcome;
	auto_free char *lane = NULL;
	int64_t endpoint = 0;
	int got = find_active(store, settle->delivery, &endpoint, &lane, why);

	settle->unlocked = false;
	if (got != 1)
		return got;
	if (move(store, settle, why) < 0)
		return -1;
	if (!settle->answer && outcome == OUTCOME_DEFERRED)
		return 0;
	if (add_attempt(store, settle, why) < 0)
		return -1;
	tally_settle(store->tally, endpoint, settle);
	if (outcome == OUTCOME_DEAD && settle->notice &&
	    add_death(store, settle, why) < 0)
		return -1;
	if (outcome == OUTCOME_DEFERRED || !lane)
		return 0;
	got = lane_advance(store, endpoint, lane, true, settle->now_ms, why);
	settle->unlocked = got == 1;
	return got < 0 ? -1 : 0;
}
