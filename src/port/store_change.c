/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * port/store_change: what operators do to deliveries: hold, release, retry,
 * delete, resend. Each call is one short transaction beside a running daemon,
 * all of it or nothing.
 *
 * What is on the wire is never touched, so the daemon can settle it in peace.
 * Whatever enters or leaves a lane ends with the one rule of order
 * (lane_advance); so a resent older delivery waits its turn, and a deleted or
 * held head never leaves a lane stuck or twice under way.
 */
#include "port/store_own.h"

#include "base/mem.h"

#include <stdio.h>

/* A delivery as it is before the change. */
struct subject {
	int64_t row;
	int64_t event;
	int64_t endpoint;
	char *lane; /* NULL for none */
	enum state state;
	int64_t due_ms; /* when it is to be due, should it be queued */
};

/* 1 read, 0 there is none. */
static int read_subject(
    struct store *store, struct subject *subject, struct why *why)
{
	auto_end struct sql_query *query = sql_query(store->sql,
	    "SELECT event, endpoint, lane, state FROM delivery WHERE seq = ?");
	int got;

	sql_put_int(query, subject->row);
	got = sql_next(query, why);
	if (got != 1)
		return got;
	subject->event = sql_int(query, 0);
	subject->endpoint = sql_int(query, 1);
	subject->lane = sql_is_null(query, 2) ? NULL : sql_copy_text(query, 2);
	subject->state = (enum state)sql_int(query, 3);
	return 1;
}

static int advance(struct store *store, const struct subject *subject,
    int64_t now_ms, struct why *why)
{
	bool vacant = subject->state == STATE_WAITING;
	int got;

	if (!subject->lane)
		return 0;
	got = lane_advance(
	    store, subject->endpoint, subject->lane, vacant, now_ms, why);
	return got < 0 ? -1 : 0;
}

static int hold(struct store *store, const struct subject *subject,
    int64_t now_ms, struct why *why)
{
	struct sql_query *query = sql_query(store->sql,
	    "UPDATE delivery SET state = 3, changed_ms = ? WHERE seq = ?");

	sql_put_int(query, now_ms);
	sql_put_int(query, subject->row);
	if (sql_run(query, why) < 0)
		return -1;
	return advance(store, subject, now_ms, why);
}

/* Without a lane it is due at once; with one it stands in line first. */
static int enqueue(struct store *store, const struct subject *subject,
    int64_t now_ms, struct why *why)
{
	struct sql_query *query = sql_query(store->sql,
	    "UPDATE delivery SET state = ?, due_ms = ?, changed_ms = ? "
	    "WHERE seq = ?");

	sql_put_int(query, subject->lane ? STATE_CHAINED : STATE_WAITING);
	sql_put_int(query, subject->due_ms);
	sql_put_int(query, now_ms);
	sql_put_int(query, subject->row);
	if (sql_run(query, why) < 0)
		return -1;
	return advance(store, subject, now_ms, why);
}

static int hurry(struct store *store, const struct subject *subject,
    int64_t now_ms, struct why *why)
{
	struct sql_query *query = sql_query(
	    store->sql, "UPDATE delivery SET due_ms = ? WHERE seq = ?");

	sql_put_int(query, now_ms);
	sql_put_int(query, subject->row);
	return sql_run(query, why);
}

/* Attempts and a death that was not told go with it; an event that has no
 * other delivery goes, too. */
static int delete (struct store *store, const struct subject *subject,
    int64_t now_ms, struct why *why)
{
	struct sql_query *query =
	    sql_query(store->sql, "DELETE FROM delivery WHERE seq = ?");

	sql_put_int(query, subject->row);
	if (sql_run(query, why) < 0)
		return -1;
	query = sql_query(store->sql,
	    "DELETE FROM event WHERE seq = ?1 AND NOT EXISTS "
	    "(SELECT 1 FROM delivery WHERE event = ?1)");
	sql_put_int(query, subject->event);
	if (sql_run(query, why) < 0)
		return -1;
	return advance(store, subject, now_ms, why);
}

/* It is not counted as final any more, and nobody is told of a death that an
 * operator is dealing with. */
static int revive(
    struct store *store, const struct subject *subject, struct why *why)
{
	struct sql_query *query = sql_query(store->sql,
	    "UPDATE endpoint SET delivered = delivered - ?, dead = dead - ? "
	    "WHERE seq = ?");

	sql_put_int(query, subject->state == STATE_DELIVERED);
	sql_put_int(query, subject->state == STATE_DEAD);
	sql_put_int(query, subject->endpoint);
	if (sql_run(query, why) < 0)
		return -1;
	query = sql_query(store->sql, "DELETE FROM death WHERE delivery = ?");
	sql_put_int(query, subject->row);
	return sql_run(query, why);
}

static int resend(struct store *store, const struct subject *subject,
    int64_t now_ms, struct why *why)
{
	struct sql_query *query;

	if (revive(store, subject, why) < 0)
		return -1;
	query = sql_query(store->sql,
	    "UPDATE delivery SET tries = 0, queued_ms = ? WHERE seq = ?");
	sql_put_int(query, now_ms);
	sql_put_int(query, subject->row);
	if (sql_run(query, why) < 0)
		return -1;
	return enqueue(store, subject, now_ms, why);
}

#define IN(state) (1u << STATE_##state)

static const struct {
	unsigned from; /* the states in which it makes sense */
	int (*run)(struct store *store, const struct subject *subject,
	    int64_t now_ms, struct why *why);
} changes[] = {
	[CHANGE_HOLD] = { IN(CHAINED) | IN(WAITING), hold },
	[CHANGE_RELEASE] = { IN(HELD), enqueue },
	[CHANGE_RETRY] = { IN(WAITING), hurry },
	[CHANGE_DELETE] = { IN(CHAINED) | IN(WAITING) | IN(HELD) |
		IN(DELIVERED) | IN(DEAD),
	    delete },
	[CHANGE_RESEND] = { IN(DELIVERED) | IN(DEAD) | IN(HELD), resend },
};

int change_row(struct store *store, enum change which, int64_t row,
    int64_t due_ms, int64_t now_ms, enum changed *answer, struct why *why)
{
	struct subject subject = { .row = row, .due_ms = due_ms };
	int got = read_subject(store, &subject, why);

	*answer = CHANGED_GONE;
	if (got == 1) {
		*answer = CHANGED_NOT;
		if (subject.state == STATE_ACTIVE)
			*answer = CHANGED_BUSY;
		if (changes[which].from & 1u << subject.state) {
			*answer = CHANGED;
			got = changes[which].run(store, &subject, now_ms, why);
		}
	}
	free(subject.lane);
	return got < 0 ? -1 : 0;
}

int store_change_at(struct store *store, enum change which, const int64_t *rows,
    const int64_t *due_ms, size_t count, int64_t now_ms, enum changed *answers,
    struct why *why)
{
	if (sql_begin(store->sql, why) < 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		if (change_row(store, which, rows[i],
			due_ms ? due_ms[i] : now_ms, now_ms, &answers[i],
			why) < 0) {
			sql_rollback(store->sql);
			return -1;
		}
	}
	if (sql_commit(store->sql, why) == 0)
		return 0;
	sql_rollback(store->sql);
	return -1;
}

int store_change(struct store *store, enum change which, const int64_t *rows,
    size_t count, int64_t now_ms, enum changed *answers, struct why *why)
{
	return store_change_at(
	    store, which, rows, NULL, count, now_ms, answers, why);
}
