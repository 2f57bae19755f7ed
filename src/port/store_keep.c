/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * port/store_keep: the housekeeping works: numbers of endpoints, receipts of
 * dropped files, notes for `status`, and the flush. All of it runs inside a
 * group's transaction; if we die, the group never happened.
 */
#include "port/store_own.h"

#include "base/mem.h"
#include "base/now.h"

#include <stdio.h>
#include <unistd.h>

/* ---- endpoints --------------------------------------------------------- */

static int add_endpoint(
    struct store *store, const struct endpoint_row *row, struct why *why)
{
	struct sql_query *query = sql_query(store->sql,
	    "INSERT INTO endpoint (webhook, name) VALUES (?, ?) "
	    "ON CONFLICT DO NOTHING");

	sql_put_text(query, row->webhook);
	sql_put_text(query, row->endpoint);
	return sql_run(query, why);
}

/* As model/breaker moves one. A database of before knows no places: what rests
 * in it goes on to rest. */
static int move_endpoint(
    struct store *store, const struct endpoint_row *row, struct why *why)
{
	struct sql_query *query;

	if (!row->place)
		return 0;
	query = sql_query(store->sql,
	    "UPDATE endpoint SET failures = iif(place, 0, failures), "
	    "rest_ms = iif(place, 0, rest_ms), "
	    "until_ms = iif(place, 0, until_ms), place = ?1 "
	    "WHERE webhook = ?2 AND name = ?3 AND place <> ?1");
	sql_put_int(query, row->place);
	sql_put_text(query, row->webhook);
	sql_put_text(query, row->endpoint);
	return sql_run(query, why);
}

static int read_endpoint(
    struct store *store, struct endpoint_row *row, struct why *why)
{
	auto_end struct sql_query *query = sql_query(store->sql,
	    "SELECT p.seq, "
	    "ifnull((SELECT min(due_ms) FROM delivery WHERE state IN (1, 2) "
	    "AND state = 1 AND endpoint = p.seq AND (tries > 0) = 0), -1), "
	    "ifnull((SELECT min(due_ms) FROM delivery WHERE state IN (1, 2) "
	    "AND state = 1 AND endpoint = p.seq AND (tries > 0) = 1), -1), "
	    " resting, failures, rest_ms, until_ms, "
	    "opened_ms "
	    "FROM endpoint p WHERE p.webhook = ? AND p.name = ?");
	int got;

	sql_put_text(query, row->webhook);
	sql_put_text(query, row->endpoint);
	got = sql_next(query, why);
	if (got != 1)
		return -1;
	row->number = sql_int(query, 0);
	row->next_due_ms = now_earlier(sql_int(query, 1), sql_int(query, 2));
	row->breaker = (struct breaker){
		.open = sql_int(query, 3) != 0,
		.failures = (int)sql_int(query, 4),
		.rest_ms = sql_int(query, 5),
		.until_ms = sql_int(query, 6),
		.since_ms = sql_int(query, 7),
	};
	return 0;
}

static int by_number(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a;
	int64_t y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* Numbers of the rows, sorted. */
static int64_t *sort_numbers(const struct work_endpoints *group)
{
	int64_t *numbers = mem_array(group->count, sizeof(*numbers));

	for (size_t i = 0; i < group->count; i++)
		numbers[i] = group->rows[i].number;
	qsort(numbers, group->count, sizeof(*numbers), by_number);
	return numbers;
}

static void push_stray(struct work_endpoints *group, struct sql_query *query)
{
	size_t count = group->stray_count++;

	if ((count & (count - 1)) == 0)
		group->strays = mem_grow(group->strays, count ? count * 2 : 1,
		    sizeof(*group->strays));
	group->strays[count] = (struct stray){
		.webhook = sql_copy_text(query, 1),
		.endpoint = sql_copy_text(query, 2),
	};
}

static int count_open(
    struct store *store, int64_t endpoint, struct stray *stray, struct why *why)
{
	auto_end struct sql_query *query = sql_query(store->sql,
	    "SELECT count(*) FROM delivery WHERE " IS_OPEN " AND endpoint = ?");

	sql_put_int(query, endpoint);
	if (sql_next(query, why) != 1)
		return -1;
	stray->open = sql_int(query, 0);
	return 0;
}

static int find_strays(
    struct store *store, struct work_endpoints *group, struct why *why)
{
	auto_free int64_t *numbers = sort_numbers(group);
	auto_end struct sql_query *query = sql_query(store->sql,
	    "SELECT seq, webhook, name FROM endpoint p WHERE EXISTS (SELECT 1 "
	    "FROM delivery WHERE " IS_OPEN " AND endpoint = p.seq) "
	    "ORDER BY webhook, name");
	int got;

	while ((got = sql_next(query, why)) == 1) {
		int64_t number = sql_int(query, 0);

		if (bsearch(&number, numbers, group->count, sizeof(number),
			by_number))
			continue;
		push_stray(group, query);
		if (count_open(store, number,
			&group->strays[group->stray_count - 1], why) < 0)
			return -1;
	}
	return got;
}

int endpoints_run(struct store *store, struct work *work, struct why *why)
{
	struct work_endpoints *group = (struct work_endpoints *)work;

	group->strays = NULL;
	group->stray_count = 0;
	for (size_t i = 0; i < group->count; i++) {
		if (add_endpoint(store, &group->rows[i], why) < 0 ||
		    move_endpoint(store, &group->rows[i], why) < 0 ||
		    read_endpoint(store, &group->rows[i], why) < 0)
			return -1;
	}
	return find_strays(store, group, why);
}

void work_endpoints_clear(struct work_endpoints *work)
{
	for (size_t i = 0; i < work->stray_count; i++) {
		free(work->strays[i].webhook);
		free(work->strays[i].endpoint);
	}
	free(work->strays);
	work->strays = NULL;
	work->stray_count = 0;
}

/* ---- receipts ---------------------------------------------------------- */

/* The time of birth keeps a later file with the same inode apart; it goes in
 * steps of some ms, within which the content does. */
static int forget(
    struct store *store, const struct receipt *receipt, struct why *why)
{
	struct sql_query *query = sql_query(store->sql,
	    "DELETE FROM receipt "
	    "WHERE device = ? AND inode = ? AND birth_ns = ? AND hash = ?");

	sql_put_int(query, (int64_t)receipt->device);
	sql_put_int(query, (int64_t)receipt->inode);
	sql_put_int(query, receipt->birth_ns);
	sql_put_int(query, receipt->hash);
	return sql_run(query, why);
}

int forget_run(struct store *store, struct work *work, struct why *why)
{
	const struct work_forget *group = (const struct work_forget *)work;

	for (size_t i = 0; i < group->dir_count; i++) {
		if (fsync(group->dirs[i]) < 0)
			return fail(why, "cannot sync a drop box: %m");
	}
	for (size_t i = 0; i < group->count; i++) {
		if (forget(store, &group->receipts[i], why) < 0)
			return -1;
	}
	return 0;
}

static void push(struct work_receipts *list, struct sql_query *query)
{
	size_t count = list->count++;

	if ((count & (count - 1)) == 0)
		list->receipts = mem_grow(list->receipts, count ? count * 2 : 1,
		    sizeof(*list->receipts));
	list->receipts[count] = (struct receipt){
		.device = (uint64_t)sql_int(query, 0),
		.inode = (uint64_t)sql_int(query, 1),
		.birth_ns = sql_int(query, 2),
		.mtime_ns = sql_int(query, 3),
		.size = sql_int(query, 4),
		.done = sql_int(query, 5),
		.hash = sql_int(query, 6),
	};
}

int receipts_run(struct store *store, struct work *work, struct why *why)
{
	struct work_receipts *list = (struct work_receipts *)work;
	auto_end struct sql_query *query = sql_query(store->sql,
	    "SELECT device, inode, birth_ns, mtime_ns, size, done, hash "
	    "FROM receipt");
	int got;

	list->receipts = NULL;
	list->count = 0;
	while ((got = sql_next(query, why)) == 1)
		push(list, query);
	return got;
}

/* ---- notes, flush ------------------------------------------------------ */

int note_run(struct store *store, struct work *work, struct why *why)
{
	const struct work_note *note = (const struct work_note *)work;
	struct sql_query *query;

	if (!note->value) {
		query = sql_query(store->sql,
		    "DELETE FROM note WHERE name = ?1 OR (substr(?1, -1) = '/' "
		    "AND substr(name, 1, length(?1)) = ?1)");
		sql_put_text(query, note->name);
		return sql_run(query, why);
	}
	query = sql_query(store->sql,
	    "INSERT OR REPLACE INTO note (name, value, ms) VALUES (?, ?, ?)");
	sql_put_text(query, note->name);
	sql_put_text(query, note->value);
	sql_put_int(query, note->now_ms);
	return sql_run(query, why);
}

/* The next endpoint behind `after` that anything waits for, 0 for none. */
static int64_t next_waited_for(
    struct store *store, int64_t after, struct why *why)
{
	auto_end struct sql_query *query = sql_query(store->sql,
	    "SELECT ifnull(min(endpoint), 0) FROM delivery "
	    "WHERE state IN (1, 2) AND state = 1 AND endpoint > ?");

	sql_put_int(query, after);
	return sql_next(query, why) == 1 ? sql_int(query, 0) : -1;
}

/* Moves at most `room`; *moved tells how many. */
static int hurry(struct store *store, int64_t endpoint, int64_t now_ms,
    int64_t room, int64_t *moved, struct why *why)
{
	struct sql_query *query = sql_query(store->sql,
	    "UPDATE delivery SET due_ms = ?1 WHERE seq IN ("
	    "SELECT seq FROM delivery WHERE state IN (1, 2) AND state = 1 "
	    "AND endpoint = ?2 AND (tries > 0) IN (0, 1) "
	    "AND due_ms > ?1 LIMIT ?3)");

	sql_put_int(query, now_ms);
	sql_put_int(query, endpoint);
	sql_put_int(query, room);
	if (sql_run(query, why) < 0)
		return -1;
	*moved = sql_changes(store->sql);
	return 0;
}

/* An endpoint, too, counts for the step: there may be ten thousand. */
int flush_run(struct store *store, struct work *work, struct why *why)
{
	struct work_flush *flush = (struct work_flush *)work;
	int64_t room = FLUSH_STEP;
	int64_t moved;

	flush->moved = 0;
	flush->more = true;
	while (room > 0) {
		int64_t at = flush->endpoint
		    ? flush->endpoint
		    : next_waited_for(store, flush->cursor, why);

		if (at < 0 ||
		    (at &&
			hurry(store, at, flush->now_ms, room, &moved, why) < 0))
			return -1;
		flush->moved += at ? moved : 0;
		flush->more = at && (!flush->endpoint || moved == room);
		if (!flush->more || moved == room)
			return 0;
		flush->cursor = at;
		room -= moved + 1;
	}
	return 0;
}
