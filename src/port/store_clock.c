/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * port/store_clock: moves what waits along when the wall clock was set, so that
 * everybody waits as long as was meant: no retry storm and no mass death when
 * it went ahead, no stuck queue when it went back.
 *
 * Only what is open is moved; what happened keeps the time that it was written
 * with. A row moved twice, or not at all, would be wrong by the whole jump, and
 * a million in one transaction would hold everybody up for a minute: so they
 * are moved in steps, in the order of their numbers, and each step writes down
 * how far it came (the note "clock/moving"). What is written between two steps
 * is told by its time. If we die, the next start goes on from there.
 */
#include "port/store_own.h"

#include <inttypes.h>
#include <stdio.h>

#define NOTE_NAME "clock/moving"

/* A step looks at no more ranges of CLOCK_STEP numbers than this, though most of
 * them belong to history. */
enum { RANGES_MAX = 16 };

/* A move that is not over. */
struct moving {
	int64_t jump_ms; /* 0: what lies in the future is pulled here */
	int64_t since_ms; /* what was changed from then on is in time */
	int64_t at; /* the last number that was moved, */
	int64_t last; /* and the last one to be */
};

/* 1 there is one, 0 there is none. */
static int load(struct store *store, struct moving *moving, struct why *why)
{
	auto_end struct sql_query *query = sql_query(
	    store->sql, "SELECT value FROM note WHERE name = '" NOTE_NAME "'");
	int got = sql_next(query, why);

	if (got != 1)
		return got;
	return sscanf(sql_text(query, 0),
		   "%" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64,
		   &moving->jump_ms, &moving->since_ms, &moving->at,
		   &moving->last) == 4;
}

static int save(struct store *store, const struct moving *moving,
    int64_t now_ms, struct why *why)
{
	struct sql_query *query;
	char text[96];

	if (moving->at >= moving->last)
		return sql_exec(store->sql,
		    "DELETE FROM note WHERE name = '" NOTE_NAME "'", why);
	query = sql_query(store->sql,
	    "INSERT OR REPLACE INTO note (name, value, ms) "
	    "VALUES ('" NOTE_NAME "', ?, ?)");
	snprintf(text, sizeof(text),
	    "%" PRId64 " %" PRId64 " %" PRId64 " %" PRId64, moving->jump_ms,
	    moving->since_ms, moving->at, moving->last);
	sql_put_text(query, text);
	sql_put_int(query, now_ms);
	return sql_run(query, why);
}

/* From the oldest open delivery to the newest of all. */
static int begin(struct store *store, int64_t jump_ms, int64_t now_ms,
    struct moving *moving, struct why *why)
{
	moving->jump_ms = jump_ms;
	moving->since_ms = now_ms;
	if (sql_number(store->sql,
		"SELECT ifnull(min(seq), 1) - 1 FROM delivery INDEXED BY open "
		"WHERE " IS_OPEN,
		&moving->at, why) < 0)
		return -1;
	return sql_number(store->sql,
	    "SELECT ifnull(max(seq), 0) FROM delivery", &moving->last, why);
}

/* ---- deliveries ---------------------------------------------------------- */

/* Due times of 0 and -1 are marks, not moments. What was written after the jump
 * already (the store may have refused to move it at first) waits no longer
 * than it was meant to. A clock that went back passes old times again: what was
 * changed at one of these by the old clock is taken for new, and waits from
 * there on, which is as long as it was meant to. */
static const char move_text[] =
    "UPDATE delivery NOT INDEXED SET "
    "due_ms = iif(due_ms > 0, max(min(due_ms + ?4, "
    "?3 + max(due_ms - changed_ms, 0)), 1), due_ms), "
    "queued_ms = min(queued_ms + ?4, ?3), "
    "changed_ms = min(changed_ms + ?4, ?3) "
    "WHERE seq > ?1 AND seq <= ?2 AND state < 4 "
    "AND NOT (changed_ms >= ?5 AND changed_ms <= ?3)";

/* What was written in what is the future now waits as long from now on as it
 * was meant to wait then. */
static const char pull_text[] =
    "UPDATE delivery NOT INDEXED SET due_ms = iif(due_ms > 0, "
    "?3 + max(due_ms - changed_ms, 0), due_ms), "
    "queued_ms = min(queued_ms, ?3), changed_ms = ?3 "
    "WHERE seq > ?1 AND seq <= ?2 AND state < 4 AND changed_ms > ?3";

static int move_range(struct store *store, const struct moving *moving,
    int64_t upto, int64_t now_ms, struct why *why)
{
	struct sql_query *query =
	    sql_query(store->sql, moving->jump_ms ? move_text : pull_text);

	sql_put_int(query, moving->at);
	sql_put_int(query, upto);
	sql_put_int(query, now_ms);
	if (moving->jump_ms) {
		sql_put_int(query, moving->jump_ms);
		sql_put_int(query, moving->since_ms);
	}
	return sql_run(query, why);
}

static int step(
    struct store *store, struct moving *moving, int64_t now_ms, struct why *why)
{
	int64_t moved = 0;
	int ranges;

	for (ranges = 0; ranges < RANGES_MAX; ranges++) {
		int64_t upto = moving->last - moving->at > CLOCK_STEP
		    ? moving->at + CLOCK_STEP
		    : moving->last;

		if (moving->at >= moving->last || moved >= CLOCK_STEP / 2)
			break;
		if (move_range(store, moving, upto, now_ms, why) < 0)
			return -1;
		moved += sql_changes(store->sql);
		moving->at = upto;
	}
	return save(store, moving, now_ms, why);
}

/* ---- all the rest: there is little of it --------------------------------- */

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

static int move_rest(
    struct store *store, const struct work_clock *clock, struct why *why)
{
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

static int pull_rest(
    struct store *store, const struct work_clock *clock, struct why *why)
{
	for (int i = 0; i < PULLS; i++) {
		if (pull_by(store, pulls[i], clock, why) < 0)
			return -1;
	}
	return 0;
}

/* How far the clock is behind; less than the slack is let pass. */
static int look_behind(
    struct store *store, struct work_clock *clock, struct why *why)
{
	int64_t last_ms;

	if (last_moment(store, &last_ms, why) < 0)
		return -1;
	clock->behind_ms = last_ms - clock->now_ms;
	if (clock->behind_ms < clock->slack_ms)
		clock->behind_ms = 0;
	return 0;
}

/* ---- the work ------------------------------------------------------------ */

/* The small things at once, and the first deliveries. 1 there is something to
 * move, 0 there is not. */
static int start(struct store *store, struct work_clock *clock,
    struct moving *moving, struct why *why)
{
	clock->begun = true;
	clock->began = true;
	if (!clock->jump_ms && look_behind(store, clock, why) < 0)
		return -1;
	if (!clock->jump_ms && !clock->behind_ms)
		return 0;
	if ((clock->jump_ms ? move_rest(store, clock, why)
			    : pull_rest(store, clock, why)) < 0)
		return -1;
	return begin(store, clock->jump_ms, clock->now_ms, moving, why) < 0 ? -1
									    : 1;
}

int clock_run(struct store *store, struct work *work, struct why *why)
{
	struct work_clock *clock = (struct work_clock *)work;
	struct moving moving;
	int got = load(store, &moving, why);

	clock->more = false;
	clock->began = false;
	if (got == 0 && !clock->begun)
		got = start(store, clock, &moving, why);
	if (got <= 0)
		return got;
	if (step(store, &moving, clock->now_ms, why) < 0)
		return -1;
	clock->more = !clock->begun || moving.at < moving.last;
	return 0;
}
