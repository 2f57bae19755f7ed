/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * port/store_prune: history that is past its time, or too much of it, goes;
 * and the space that it had goes back to the disk.
 *
 * It goes by whole events, the oldest first, and never touches one with an open
 * delivery. Each step is a small part of a group's transaction, so a walk over
 * years holds nobody up; if we die, the step never happened and the next walk
 * finds the same events.
 */
#include "port/store_own.h"

#include <stdio.h>

/* Space goes back to the disk when this many pages (16 MiB), and a quarter of the
 * file, are free; at most so many in a step. */
enum { SPARE_PAGES = 2048, SHRINK_PAGES = 32 };
/* What an event takes besides its bytes: rows, indexes, an attempt. */
enum { EVENT_OVERHEAD = 1024 };
/* No event stands there: a walk that only gives space back. */
#define BEHIND_ALL INT64_MAX

/* Every delivery is final; with ages, and long enough. */
#define FINAL                                                             \
	"NOT EXISTS (SELECT 1 FROM delivery d WHERE d.event = event.seq " \
	"AND d.state < 4)"
#define OLD                                                            \
	"seq > ?1 AND seq <= ?2 AND (accepted_ms < ?3 OR EXISTS ("     \
	"SELECT 1 FROM delivery d WHERE d.event = event.seq)) "        \
	"AND NOT EXISTS ("                                             \
	"SELECT 1 FROM delivery d WHERE d.event = event.seq AND NOT (" \
	"(d.state = 4 AND d.changed_ms < ?4) OR "                      \
	"(d.state = 5 AND d.changed_ms < ?5)))"
/* The oldest of the step whose sizes, added up, are within the excess. */
#define TOO_MUCH                                                                \
	"seq IN (SELECT seq FROM (SELECT seq, bytes + ?4 AS size, sum(bytes + " \
	"?4) OVER (ORDER BY seq) AS total FROM event WHERE seq > ?1 AND "       \
	"seq <= ?2 AND " FINAL ") WHERE total - size < ?3)"

struct step {
	int64_t last; /* 0 when no event is left */
	int64_t oldest_ms;
	bool more;
};

static int look(struct store *store, const struct work_prune *prune,
    struct step *step, struct why *why)
{
	int64_t limit = prune->step ? prune->step : PRUNE_STEP;
	auto_end struct sql_query *query = sql_query(store->sql,
	    "SELECT ifnull(max(seq), 0), min(accepted_ms), count(*) FROM ("
	    "SELECT seq, accepted_ms FROM event WHERE seq > ? "
	    "ORDER BY seq LIMIT ?)");

	sql_put_int(query, prune->cursor);
	sql_put_int(query, limit);
	if (sql_next(query, why) != 1)
		return -1;
	step->last = sql_int(query, 0);
	step->oldest_ms = sql_int(query, 1);
	step->more = sql_int(query, 2) == limit;
	return 0;
}

/* ---- by age ------------------------------------------------------------ */

/* What a dry run counts, the other removes. */
static int age_out(struct store *store, struct work_prune *prune,
    const struct step *step, struct why *why)
{
	auto_end struct sql_query *query = sql_query(store->sql,
	    prune->dry ? "SELECT count(*) FROM event WHERE " OLD
		       : "DELETE FROM event WHERE " OLD);
	int got;

	sql_put_int(query, prune->cursor);
	sql_put_int(query, step->last);
	sql_put_int(query, prune->unmatched_before_ms);
	sql_put_int(query, prune->delivered_before_ms);
	sql_put_int(query, prune->dead_before_ms);
	got = sql_next(query, why);
	if (got < 0)
		return -1;
	prune->events = got ? sql_int(query, 0) : sql_changes(store->sql);
	return 0;
}

/* ---- by size ----------------------------------------------------------- */

static int measure(struct store *store, int64_t *used, int64_t *spare,
    int64_t *page, struct why *why)
{
	if (sql_number(store->sql, "PRAGMA freelist_count", spare, why) < 0 ||
	    sql_number(store->sql, "PRAGMA page_count", used, why) < 0 ||
	    sql_number(store->sql, "PRAGMA page_size", page, why) < 0)
		return -1;
	*used -= *spare;
	return 0;
}

/* Measured once for a dry walk, for nothing gets free in it. */
static int find_excess(
    struct store *store, struct work_prune *prune, struct why *why)
{
	int64_t used;
	int64_t spare;
	int64_t page;

	if (!prune->max_bytes || (prune->dry && prune->cursor))
		return 0;
	if (measure(store, &used, &spare, &page, why) < 0)
		return -1;
	prune->excess = used * page - prune->max_bytes;
	return 0;
}

static int64_t count_excess(struct store *store, const struct work_prune *prune,
    const struct step *step, struct why *why)
{
	auto_end struct sql_query *query =
	    sql_query(store->sql, "SELECT count(*) FROM event WHERE " TOO_MUCH);

	sql_put_int(query, prune->cursor);
	sql_put_int(query, step->last);
	sql_put_int(query, prune->excess);
	sql_put_int(query, EVENT_OVERHEAD);
	return sql_next(query, why) == 1 ? sql_int(query, 0) : -1;
}

static int64_t size_of_excess(struct store *store,
    const struct work_prune *prune, const struct step *step, struct why *why)
{
	auto_end struct sql_query *query = sql_query(store->sql,
	    "SELECT ifnull(sum(bytes + ?4), 0) FROM event WHERE " TOO_MUCH);

	sql_put_int(query, prune->cursor);
	sql_put_int(query, step->last);
	sql_put_int(query, prune->excess);
	sql_put_int(query, EVENT_OVERHEAD);
	return sql_next(query, why) == 1 ? sql_int(query, 0) : -1;
}

static int remove_excess(struct store *store, const struct work_prune *prune,
    const struct step *step, struct why *why)
{
	struct sql_query *query =
	    sql_query(store->sql, "DELETE FROM event WHERE " TOO_MUCH);

	sql_put_int(query, prune->cursor);
	sql_put_int(query, step->last);
	sql_put_int(query, prune->excess);
	sql_put_int(query, EVENT_OVERHEAD);
	return sql_run(query, why);
}

static int squeeze(struct store *store, struct work_prune *prune,
    const struct step *step, struct why *why)
{
	int64_t count;
	int64_t size;

	prune->squeezed = 0;
	if (prune->excess <= 0)
		return 0;
	count = count_excess(store, prune, step, why);
	size = size_of_excess(store, prune, step, why);
	if (count < 0 || size < 0)
		return -1;
	if (!prune->dry && remove_excess(store, prune, step, why) < 0)
		return -1;
	/* A dry run meets those that are old here, too. */
	prune->squeezed = prune->dry ? count - prune->events : count;
	if (prune->squeezed < 0)
		prune->squeezed = 0;
	prune->excess -= size;
	return 0;
}

/* ---- space ------------------------------------------------------------- */

/* 1 there is more to give back, 0 not, -1 could not. */
static int shrink(
    struct store *store, const struct work_prune *prune, struct why *why)
{
	int64_t used;
	int64_t spare;
	int64_t page;
	char text[64];

	if (prune->dry)
		return 0;
	if (measure(store, &used, &spare, &page, why) < 0)
		return -1;
	if (spare < SPARE_PAGES || spare < used / 3)
		return 0;
	snprintf(
	    text, sizeof(text), "PRAGMA incremental_vacuum(%d)", SHRINK_PAGES);
	return sql_exec(store->sql, text, why) < 0 ? -1 : 1;
}

/* Later events are younger, so the walk ends where all are too young. */
static bool is_over(const struct work_prune *prune, const struct step *step)
{
	int64_t oldest_ms = step->oldest_ms;

	if (!step->last)
		return true;
	return prune->excess <= 0 && oldest_ms >= prune->unmatched_before_ms &&
	    oldest_ms >= prune->delivered_before_ms &&
	    oldest_ms >= prune->dead_before_ms;
}

int prune_run(struct store *store, struct work *work, struct why *why)
{
	struct work_prune *prune = (struct work_prune *)work;
	struct step step;
	int more;

	prune->events = 0;
	prune->squeezed = 0;
	if (find_excess(store, prune, why) < 0 ||
	    look(store, prune, &step, why) < 0)
		return -1;
	if (!is_over(prune, &step) &&
	    (age_out(store, prune, &step, why) < 0 ||
		squeeze(store, prune, &step, why) < 0))
		return -1;
	more = shrink(store, prune, why);
	if (more < 0)
		return -1;
	if (is_over(prune, &step) || !step.more)
		prune->cursor = more ? BEHIND_ALL : 0;
	else
		prune->cursor = step.last;
	return 0;
}
