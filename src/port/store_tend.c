/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * port/store_tend: keeps what waits in line with the configuration and the
 * clock: pauses end, and deliveries whose endpoint is not configured are
 * parked, that is held with a mark, until it is configured again.
 *
 * Only what is waiting is parked, so each lane stands behind its head and what
 * is on the wire ends as it would. The mark is a due time of -1, which an
 * operator's hold never leaves; the index `parked` finds it. A step moves a
 * bounded number of rows; if we die, it never happened.
 */
#include "port/store_own.h"

#include "base/mem.h"

enum { TEND_STEP = 500 };

/* ---- pauses ------------------------------------------------------------ */

static char **push(char **names, size_t *count, const char *name)
{
	size_t at = (*count)++;

	if ((at & (at - 1)) == 0)
		names = mem_grow(names, at ? at * 2 : 1, sizeof(*names));
	names[at] = mem_strdup(name);
	return names;
}

static int find_over(
    struct store *store, struct work_tend *tend, struct why *why)
{
	auto_end struct sql_query *query = sql_query(store->sql,
	    "SELECT substr(name, 8), CAST(value AS INTEGER) FROM note "
	    "WHERE name > 'paused/' AND name < 'paused0'");
	int got;

	tend->next_ms = -1;
	while ((got = sql_next(query, why)) == 1) {
		int64_t until_ms = sql_int(query, 1);

		if (until_ms <= 0)
			continue;
		if (until_ms <= tend->now_ms)
			tend->resumed = push(tend->resumed,
			    &tend->resumed_count, sql_text(query, 0));
		else if (tend->next_ms < 0 || until_ms < tend->next_ms)
			tend->next_ms = until_ms;
	}
	return got;
}

static int end_pauses(
    struct store *store, struct work_tend *tend, struct why *why)
{
	if (find_over(store, tend, why) < 0)
		return -1;
	for (size_t i = 0; i < tend->resumed_count; i++) {
		struct sql_query *query = sql_query(
		    store->sql, "DELETE FROM note WHERE name = 'paused/' || ?");

		sql_put_text(query, tend->resumed[i]);
		if (sql_run(query, why) < 0)
			return -1;
	}
	return 0;
}

/* ---- rests ------------------------------------------------------------- */

static int find_hurried(
    struct store *store, struct work_tend *tend, struct why *why)
{
	auto_end struct sql_query *query = sql_query(store->sql,
	    "SELECT substr(name, 7) FROM note "
	    "WHERE name > 'hurry/' AND name < 'hurry0'");
	int got;

	while ((got = sql_next(query, why)) == 1)
		tend->hurried = push(
		    tend->hurried, &tend->hurried_count, sql_text(query, 0));
	return got;
}

/* In the rows, too: whoever starts next knows of it. */
static int end_rest(
    struct store *store, const char *webhook, int64_t now_ms, struct why *why)
{
	struct sql_query *query = sql_query(store->sql,
	    "UPDATE endpoint SET until_ms = ?1 "
	    "WHERE webhook = ?2 AND until_ms > ?1");

	sql_put_int(query, now_ms);
	sql_put_text(query, webhook);
	return sql_run(query, why);
}

static int end_rests(
    struct store *store, struct work_tend *tend, struct why *why)
{
	if (find_hurried(store, tend, why) < 0)
		return -1;
	for (size_t i = 0; i < tend->hurried_count; i++) {
		if (end_rest(store, tend->hurried[i], tend->now_ms, why) < 0)
			return -1;
	}
	if (!tend->hurried_count)
		return 0;
	return sql_exec(store->sql,
	    "DELETE FROM note WHERE name > 'hurry/' AND name < 'hurry0'", why);
}

/* ---- parking ----------------------------------------------------------- */

static bool is_configured(const struct work_tend *tend, int64_t endpoint)
{
	size_t low = 0;
	size_t high = tend->number_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (tend->numbers[middle] == endpoint)
			return true;
		if (tend->numbers[middle] < endpoint)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

/* The next endpoint behind `after`, 0 for none. */
static int64_t next_endpoint(
    struct store *store, bool parked, int64_t after, struct why *why)
{
	auto_end struct sql_query *query = sql_query(store->sql,
	    parked ? "SELECT ifnull(min(endpoint), 0) FROM delivery "
		     "WHERE state = 3 AND due_ms = -1 AND endpoint > ?"
		   : "SELECT ifnull(min(endpoint), 0) FROM delivery "
		     "WHERE state IN (1, 2) AND state = 1 AND endpoint > ?");

	sql_put_int(query, after);
	return sql_next(query, why) == 1 ? sql_int(query, 0) : -1;
}

static int name_tended(struct store *store, struct work_tend *tend,
    int64_t endpoint, int64_t count, bool held, struct why *why)
{
	auto_end struct sql_query *query = sql_query(
	    store->sql, "SELECT webhook, name FROM endpoint WHERE seq = ?");
	size_t at = tend->moved_count;

	sql_put_int(query, endpoint);
	if (sql_next(query, why) != 1)
		return -1;
	if ((at & (at - 1)) == 0)
		tend->moved = mem_grow(
		    tend->moved, at ? at * 2 : 1, sizeof(*tend->moved));
	tend->moved[at] = (struct tended){
		.webhook = sql_copy_text(query, 0),
		.endpoint = sql_copy_text(query, 1),
		.count = count,
		.held = held,
	};
	tend->moved_count++;
	return 0;
}

static int64_t park(struct store *store, struct work_tend *tend,
    int64_t endpoint, int64_t room, struct why *why)
{
	struct sql_query *query = sql_query(store->sql,
	    "UPDATE delivery SET state = 3, due_ms = -1, changed_ms = ?1 "
	    "WHERE seq IN (SELECT seq FROM delivery WHERE state IN (1, 2) "
	    "AND state = 1 AND endpoint = ?2 LIMIT ?3)");

	sql_put_int(query, tend->now_ms);
	sql_put_int(query, endpoint);
	sql_put_int(query, room);
	return sql_run(query, why) < 0 ? -1 : sql_changes(store->sql);
}

/* The rows first: what is released leaves the index that is walked. */
static int64_t find_parked(struct store *store, int64_t endpoint, int64_t *rows,
    int64_t room, struct why *why)
{
	auto_end struct sql_query *query = sql_query(store->sql,
	    "SELECT seq FROM delivery WHERE state = 3 AND due_ms = -1 "
	    "AND endpoint = ? ORDER BY seq LIMIT ?");
	int64_t count = 0;
	int got;

	sql_put_int(query, endpoint);
	sql_put_int(query, room);
	while ((got = sql_next(query, why)) == 1)
		rows[count++] = sql_int(query, 0);
	return got < 0 ? -1 : count;
}

static int64_t unpark(struct store *store, struct work_tend *tend,
    int64_t endpoint, int64_t room, struct why *why)
{
	int64_t rows[TEND_STEP];
	int64_t count = find_parked(store, endpoint, rows, room, why);

	for (int64_t i = 0; i < count; i++) {
		enum changed answer;

		if (change_row(store, CHANGE_RELEASE, rows[i], tend->now_ms,
			tend->now_ms, &answer, why) < 0)
			return -1;
	}
	return count;
}

/* Along the endpoints that anything waits for (to park), or is parked for (to
 * release). */
static int tend_all(struct store *store, struct work_tend *tend, bool parked,
    int64_t *room, struct why *why)
{
	int64_t at = 0;

	while (*room > 0 && (at = next_endpoint(store, parked, at, why)) > 0) {
		int64_t count;

		if (is_configured(tend, at) != parked)
			continue;
		count = parked ? unpark(store, tend, at, *room, why)
			       : park(store, tend, at, *room, why);
		if (count < 0 ||
		    (count > 0 &&
			name_tended(store, tend, at, count, !parked, why) < 0))
			return -1;
		*room -= count;
	}
	return at < 0 ? -1 : 0;
}

int tend_run(struct store *store, struct work *work, struct why *why)
{
	struct work_tend *tend = (struct work_tend *)work;
	int64_t room = TEND_STEP;

	tend->resumed = NULL;
	tend->resumed_count = 0;
	tend->hurried = NULL;
	tend->hurried_count = 0;
	tend->moved = NULL;
	tend->moved_count = 0;
	if (end_pauses(store, tend, why) < 0 ||
	    end_rests(store, tend, why) < 0 ||
	    tend_all(store, tend, true, &room, why) < 0 ||
	    tend_all(store, tend, false, &room, why) < 0)
		return -1;
	tend->more = room == 0;
	return 0;
}

void work_tend_clear(struct work_tend *work)
{
	for (size_t i = 0; i < work->resumed_count; i++)
		free(work->resumed[i]);
	for (size_t i = 0; i < work->moved_count; i++) {
		free(work->moved[i].webhook);
		free(work->moved[i].endpoint);
	}
	for (size_t i = 0; i < work->hurried_count; i++)
		free(work->hurried[i]);
	free(work->resumed);
	free(work->hurried);
	free(work->moved);
	work->resumed = NULL;
	work->resumed_count = 0;
	work->hurried = NULL;
	work->hurried_count = 0;
	work->moved = NULL;
	work->moved_count = 0;
}
