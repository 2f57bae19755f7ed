/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * port/store_clock: moves what waits along when the wall clock was set, so that
 * everybody waits as long as was meant: no retry storm and no mass death when
 * it went ahead, no stuck queue when it went back.
 *
 * Only what is open is moved; what happened keeps the time that it was written
 * with. One transaction, for a row moved twice, or not at all, would be wrong
 * by the whole jump: with a million waiting deliveries it takes some seconds.
 * If we die, it never happened; what a clock that went back then leaves in the
 * future is found at the next start.
 */
#include "port/store_own.h"

/* Due times of 0 and -1 are marks, not moments. What was written after the jump
 * already (the store may have refused to move it at first) waits no longer
 * than it was meant to. */
static int move_queue(
    struct store *store, const struct work_clock *clock, struct why *why)
{
	struct sql_query *query = sql_query(store->sql,
	    "UPDATE delivery INDEXED BY open SET "
	    "due_ms = iif(due_ms > 0, max(min(due_ms + ?1, "
	    "?2 + max(due_ms - changed_ms, 0)), 1), due_ms), "
	    "queued_ms = min(queued_ms + ?1, ?2), "
	    "changed_ms = min(changed_ms + ?1, ?2) WHERE state < 4");

	sql_put_int(query, clock->jump_ms);
	sql_put_int(query, clock->now_ms);
	return sql_run(query, why);
}

static int move_by(struct store *store, const char *text,
    const struct work_clock *clock, struct why *why)
{
	struct sql_query *query = sql_query(store->sql, text);

	sql_put_int(query, clock->jump_ms);
	return sql_run(query, why);
}

static const char *const moves[] = {
	"UPDATE mail SET due_ms = due_ms + ?1, queued_ms = queued_ms + ?1",
	"UPDATE notice SET last_ms = last_ms + ?1",
	"UPDATE endpoint SET until_ms = until_ms + ?1 WHERE until_ms > 0",
	"UPDATE endpoint SET opened_ms = opened_ms + ?1 WHERE opened_ms > 0",
	"UPDATE endpoint SET told_ms = told_ms + ?1 WHERE told_ms > 0",
	"UPDATE note SET value = (CAST(value AS INTEGER) + ?1) || "
	"substr(value, instr(value, ' ')) WHERE name > 'paused/' "
	"AND name < 'paused0' AND CAST(value AS INTEGER) > 0",
};

enum { MOVES = sizeof(moves) / sizeof(*moves) };

static int move_all(
    struct store *store, const struct work_clock *clock, struct why *why)
{
	if (move_queue(store, clock, why) < 0)
		return -1;
	for (int i = 0; i < MOVES; i++) {
		if (move_by(store, moves[i], clock, why) < 0)
			return -1;
	}
	return 0;
}

/* ---- at the start ------------------------------------------------------ */

/* The last moments that somebody wrote down: the daemon's sign of life, and
 * the newest event. */
static int last_moment(struct store *store, int64_t *out, struct why *why)
{
	return sql_number(store->sql,
	    "SELECT max(ifnull((SELECT ms FROM note "
	    "WHERE name = 'daemon/heartbeat'), 0), "
	    "ifnull((SELECT accepted_ms FROM event ORDER BY seq DESC "
	    "LIMIT 1), 0))",
	    out, why);
}

/* What was written in what is the future now waits as long from now on as it
 * was meant to wait then. */
static int pull_queue(
    struct store *store, const struct work_clock *clock, struct why *why)
{
	struct sql_query *query = sql_query(store->sql,
	    "UPDATE delivery INDEXED BY open SET due_ms = iif(due_ms > 0, "
	    "?1 + max(due_ms - changed_ms, 0), due_ms), "
	    "queued_ms = min(queued_ms, ?1), changed_ms = ?1 "
	    "WHERE state < 4 AND changed_ms > ?1");

	sql_put_int(query, clock->now_ms);
	return sql_run(query, why);
}

static int pull_by(struct store *store, const char *text,
    const struct work_clock *clock, struct why *why)
{
	struct sql_query *query = sql_query(store->sql, text);

	sql_put_int(query, clock->now_ms);
	return sql_run(query, why);
}

static const char *const pulls[] = {
	"UPDATE mail SET due_ms = ?1 + max(due_ms - queued_ms, 0), "
	"queued_ms = ?1 WHERE queued_ms > ?1",
	"UPDATE mail SET due_ms = ?1 + 3600000 WHERE due_ms > ?1 + 3600000",
	"UPDATE notice SET last_ms = ?1 WHERE last_ms > ?1",
	"UPDATE endpoint SET opened_ms = ?1 WHERE opened_ms > ?1",
	"UPDATE endpoint SET told_ms = ?1 WHERE told_ms > ?1",
};

enum { PULLS = sizeof(pulls) / sizeof(*pulls) };

static int pull_all(
    struct store *store, const struct work_clock *clock, struct why *why)
{
	if (pull_queue(store, clock, why) < 0)
		return -1;
	for (int i = 0; i < PULLS; i++) {
		if (pull_by(store, pulls[i], clock, why) < 0)
			return -1;
	}
	return 0;
}

int clock_run(struct store *store, struct work *work, struct why *why)
{
	struct work_clock *clock = (struct work_clock *)work;
	int64_t last_ms;

	clock->behind_ms = 0;
	if (clock->jump_ms)
		return move_all(store, clock, why);
	if (last_moment(store, &last_ms, why) < 0)
		return -1;
	if (last_ms - clock->now_ms < clock->slack_ms)
		return 0;
	clock->behind_ms = last_ms - clock->now_ms;
	return pull_all(store, clock, why);
}
