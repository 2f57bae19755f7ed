/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * port/store_keep: the housekeeping works: numbers of endpoints, receipts of
 * dropped files, notes for `status`, the flush, and the pruning of what is
 * past its time.
 *
 * Pruning goes by whole events and never touches one with an open delivery.
 * All of it runs inside a group's transaction; if we die, the group never
 * happened.
 */
#include "port/store_own.h"

#include "base/mem.h"

#include <stdio.h>

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

static int read_endpoint(
    struct store *store, struct endpoint_row *row, struct why *why)
{
	auto_end struct sql_query *query = sql_query(store->sql,
	    "SELECT p.seq, ifnull((SELECT min(due_ms) FROM delivery "
	    "WHERE state IN (1, 2) AND state = 1 AND endpoint = p.seq), -1) "
	    "FROM endpoint p WHERE p.webhook = ? AND p.name = ?");
	int got;

	sql_put_text(query, row->webhook);
	sql_put_text(query, row->endpoint);
	got = sql_next(query, why);
	if (got != 1)
		return -1;
	row->number = sql_int(query, 0);
	row->next_due_ms = sql_int(query, 1);
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
	    "SELECT count(*) FROM delivery WHERE state < 4 AND endpoint = ?");

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
	    "FROM delivery WHERE state < 4 AND endpoint = p.seq) "
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

/* The time of birth keeps a later file with the same inode apart. */
static int forget(
    struct store *store, const struct receipt *receipt, struct why *why)
{
	struct sql_query *query = sql_query(store->sql,
	    "DELETE FROM receipt "
	    "WHERE device = ? AND inode = ? AND birth_ns = ?");

	sql_put_int(query, (int64_t)receipt->device);
	sql_put_int(query, (int64_t)receipt->inode);
	sql_put_int(query, receipt->birth_ns);
	return sql_run(query, why);
}

int forget_run(struct store *store, struct work *work, struct why *why)
{
	const struct work_forget *group = (const struct work_forget *)work;

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
		query =
		    sql_query(store->sql, "DELETE FROM note WHERE name = ?");
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

int flush_run(struct store *store, struct work *work, struct why *why)
{
	const struct work_flush *flush = (const struct work_flush *)work;
	struct sql_query *query = sql_query(store->sql,
	    "UPDATE delivery SET due_ms = ?1 "
	    "WHERE state IN (1, 2) AND state = 1 AND tries > 0 "
	    "AND due_ms > ?1 AND (?2 = 0 OR endpoint = ?2)");

	sql_put_int(query, flush->now_ms);
	sql_put_int(query, flush->endpoint);
	return sql_run(query, why);
}

/* ---- pruning ----------------------------------------------------------- */

/* Space goes back to the disk when this many pages, and a quarter of the
 * file, are free; at most so many at once. */
enum { SPARE_PAGES = 4096, SHRINK_PAGES = 1000 };

/* The step's last event, 0 when there is none, and its earliest acceptance. */
static int look(struct store *store, const struct work_prune *prune,
    int64_t *last, int64_t *oldest_ms, bool *more, struct why *why)
{
	auto_end struct sql_query *query = sql_query(store->sql,
	    "SELECT ifnull(max(seq), 0), min(accepted_ms), count(*) FROM ("
	    "SELECT seq, accepted_ms FROM event WHERE seq > ? "
	    "ORDER BY seq LIMIT ?)");
	int got;

	sql_put_int(query, prune->cursor);
	sql_put_int(query, PRUNE_STEP);
	got = sql_next(query, why);
	if (got != 1)
		return -1;
	*last = sql_int(query, 0);
	*oldest_ms = sql_int(query, 1);
	*more = sql_int(query, 2) == PRUNE_STEP;
	return 0;
}

static int remove_old(struct store *store, struct work_prune *prune,
    int64_t last, struct why *why)
{
	struct sql_query *query = sql_query(store->sql,
	    "DELETE FROM event WHERE seq > ?1 AND seq <= ?2 "
	    "AND (accepted_ms < ?3 OR EXISTS ("
	    "SELECT 1 FROM delivery d WHERE d.event = event.seq)) "
	    "AND NOT EXISTS ("
	    "SELECT 1 FROM delivery d WHERE d.event = event.seq AND NOT ("
	    "(d.state = 4 AND d.changed_ms < ?4) OR "
	    "(d.state = 5 AND d.changed_ms < ?5)))");

	sql_put_int(query, prune->cursor);
	sql_put_int(query, last);
	sql_put_int(query, prune->unmatched_before_ms);
	sql_put_int(query, prune->delivered_before_ms);
	sql_put_int(query, prune->dead_before_ms);
	if (sql_run(query, why) < 0)
		return -1;
	prune->events = sql_changes(store->sql);
	return 0;
}

static int shrink(struct store *store, struct why *why)
{
	int64_t spare;
	int64_t all;
	char text[64];

	if (sql_number(store->sql, "PRAGMA freelist_count", &spare, why) < 0 ||
	    sql_number(store->sql, "PRAGMA page_count", &all, why) < 0)
		return -1;
	if (spare < SPARE_PAGES || spare < all / 4)
		return 0;
	snprintf(
	    text, sizeof(text), "PRAGMA incremental_vacuum(%d)", SHRINK_PAGES);
	return sql_exec(store->sql, text, why);
}

/* Later events are younger, so the walk ends where all are too young. */
static bool is_young(const struct work_prune *prune, int64_t oldest_ms)
{
	return oldest_ms >= prune->unmatched_before_ms &&
	    oldest_ms >= prune->delivered_before_ms &&
	    oldest_ms >= prune->dead_before_ms;
}

int prune_run(struct store *store, struct work *work, struct why *why)
{
	struct work_prune *prune = (struct work_prune *)work;
	int64_t oldest_ms;
	int64_t last;
	bool more;

	prune->events = 0;
	if (look(store, prune, &last, &oldest_ms, &more, why) < 0)
		return -1;
	if (!last || is_young(prune, oldest_ms)) {
		prune->cursor = 0;
		return shrink(store, why);
	}
	if (remove_old(store, prune, last, why) < 0)
		return -1;
	prune->cursor = more ? last : 0;
	return shrink(store, why);
}
