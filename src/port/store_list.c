/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * port/store_list: the long answers: deliveries that fit a query, attempts of
 * one. Read only.
 *
 * Rows are copied, in batches, before they are handed out. A reader that is
 * slow (a pager over lunch) so holds no snapshot, and SQLite's log, which
 * cannot be cut behind a snapshot, does not grow meanwhile. The price: rows
 * are as they are when their batch comes, and one deleted by then is left out.
 */
#include "port/store_own.h"

#include "base/mem.h"

#include <assert.h>
#include <stdio.h>

enum { BATCH = 256, QUERY_TEXT_MAX = 4096, VALUES_MAX = 10 };

/* ---- which deliveries -------------------------------------------------- */

/* The condition under construction, and its values in their order. */
struct search {
	struct buf where;
	struct {
		const char *text; /* NULL: the number */
		int64_t number;
	} values[VALUES_MAX];
	size_t count;
};

static void and_text(struct search *search, const char *test, const char *value)
{
	if (!value)
		return;
	assert(search->count < VALUES_MAX);
	buf_puts(&search->where, test);
	search->values[search->count++].text = value;
}

static void and_number(struct search *search, const char *test, int64_t value)
{
	assert(search->count < VALUES_MAX);
	buf_puts(&search->where, test);
	search->values[search->count].text = NULL;
	search->values[search->count++].number = value;
}

/* `event` holds the event's part of a delivery id. False: fits nothing. */
static bool and_id(struct search *search, const char *id, char event[ID_SIZE])
{
	const char *rest = NULL;

	if (!id)
		return true;
	if (!id_is_event(id) && !id_is_delivery(id, &rest))
		return false;
	snprintf(event, ID_SIZE, "%.*s", ID_LEN, id);
	and_text(search, " AND e.id = ?", event);
	and_text(search, " AND p.webhook || '-' || p.name = ?", rest);
	return true;
}

static const unsigned open_states = 1u << STATE_CHAINED | 1u << STATE_WAITING |
    1u << STATE_ACTIVE | 1u << STATE_HELD;

/* What is open has an index of its own, which history does not lengthen. */
static void and_states(
    struct search *search, const struct delivery_query *query)
{
	unsigned states = query->states ? query->states : open_states;

	if (query->all_states)
		return;
	and_number(search, " AND ? >> d.state & 1", states);
	if (!(states & ~open_states) && !query->id)
		buf_puts(&search->where,
		    " AND d.seq IN (SELECT seq FROM delivery INDEXED BY open "
		    "WHERE " IS_OPEN ")");
}

static bool build(struct search *search, const struct delivery_query *query,
    char event[ID_SIZE])
{
	if (!and_id(search, query->id, event))
		return false;
	and_states(search, query);
	if (query->since_ms)
		and_number(search, " AND d.accepted_ms >= ?", query->since_ms);
	if (query->until_ms)
		and_number(search, " AND d.accepted_ms <= ?", query->until_ms);
	if (query->changed_since_ms)
		and_number(
		    search, " AND d.changed_ms >= ?", query->changed_since_ms);
	and_text(search, " AND p.webhook = ?", query->webhook);
	and_text(search, " AND p.name = ?", query->endpoint);
	and_text(search, " AND e.type = ?", query->event_type);
	and_text(search, " AND e.incident = ?", query->incident);
	return true;
}

/* An id leads from the event to its deliveries; all else goes along the
 * deliveries, and to their events only when the condition speaks of them. */
static struct sql_query *ask(struct store *store, const struct search *search,
    const struct delivery_query *query)
{
	auto_buf struct buf text = BUF_INIT(QUERY_TEXT_MAX);
	bool events = query->id || query->event_type || query->incident;
	struct sql_query *made;

	buf_printf(&text,
	    "SELECT d.seq FROM delivery d %s JOIN endpoint p "
	    "ON p.seq = d.endpoint%s WHERE 1%s ORDER BY d.seq%s LIMIT %lld",
	    query->id ? "" : "CROSS",
	    events ? " JOIN event e ON e.seq = d.event" : "",
	    buf_text(&search->where), query->newest_first ? " DESC" : "",
	    query->limit > 0 ? (long long)query->limit : -1);
	made = sql_query_once(store->sql, buf_text(&text));
	for (size_t i = 0; i < search->count; i++) {
		if (search->values[i].text)
			sql_put_text(made, search->values[i].text);
		else
			sql_put_int(made, search->values[i].number);
	}
	return made;
}

/* The numbers of all that fit; the caller's array. */
static int find(struct store *store, const struct delivery_query *query,
    int64_t **rows, size_t *count, struct why *why)
{
	struct search search = { .where = BUF_INIT(QUERY_TEXT_MAX) };
	struct sql_query *asked;
	char event[ID_SIZE];
	int got;

	if (!build(&search, query, event)) {
		buf_clear(&search.where);
		return 0;
	}
	asked = ask(store, &search, query);
	while ((got = sql_next(asked, why)) == 1) {
		size_t at = (*count)++;

		if ((at & (at - 1)) == 0)
			*rows =
			    mem_grow(*rows, at ? at * 2 : 1, sizeof(**rows));
		(*rows)[at] = sql_int(asked, 0);
	}
	sql_end(asked);
	buf_clear(&search.where);
	return got;
}

/* ---- deliveries -------------------------------------------------------- */

struct batch {
	struct delivery_row rows[BATCH];
	char *texts[BATCH][6]; /* what the rows point to */
	size_t count;
};

static void clear(struct batch *batch)
{
	for (size_t i = 0; i < batch->count; i++) {
		for (size_t j = 0; j < 6; j++)
			free(batch->texts[i][j]);
	}
	batch->count = 0;
}

static void fill_texts(
    struct delivery_row *row, char *texts[6], struct sql_query *query)
{
	for (int i = 0; i < 6; i++)
		texts[i] = sql_copy_text(query, 11 + i);
	row->webhook = texts[0];
	row->endpoint = texts[1];
	row->event_type = texts[2];
	row->incident = texts[3];
	row->last_code = texts[4];
	row->last_error = texts[5];
	id_delivery(row->delivery, row->event_id, row->webhook, row->endpoint);
}

/* A state that we do not know shows as held. */
static void fill(struct batch *batch, struct sql_query *query)
{
	struct delivery_row *row = &batch->rows[batch->count];
	int64_t state = sql_int(query, 1);

	*row = (struct delivery_row){
		.row = sql_int(query, 0),
		.state = state >= STATE_CHAINED && state <= STATE_DEAD
		    ? (enum state)state
		    : STATE_HELD,
		.tries = (int)sql_int(query, 2),
		.queued_ms = sql_int(query, 3),
		.due_ms = sql_int(query, 4),
		.changed_ms = sql_int(query, 5),
		.accepted_ms = sql_int(query, 6),
		.bytes = sql_int(query, 7),
		.last_status = (int)sql_int(query, 8),
	};
	snprintf(
	    row->event_id, sizeof(row->event_id), "%s", sql_text(query, 9));
	fill_texts(row, batch->texts[batch->count], query);
	batch->count++;
}

static int read_row(
    struct store *store, struct batch *batch, int64_t seq, struct why *why)
{
	auto_end struct sql_query *query = sql_query(store->sql,
	    "SELECT d.seq, d.state, d.tries, d.queued_ms, d.due_ms, "
	    "d.changed_ms, d.accepted_ms, e.bytes, a.status, e.id, 0, "
	    "p.webhook, p.name, e.type, e.incident, a.code, a.error "
	    "FROM delivery d JOIN event e ON e.seq = d.event "
	    "JOIN endpoint p ON p.seq = d.endpoint "
	    "LEFT JOIN attempt a ON a.seq = "
	    "(SELECT max(seq) FROM attempt WHERE delivery = d.seq) "
	    "WHERE d.seq = ?");
	int got;

	sql_put_int(query, seq);
	got = sql_next(query, why);
	if (got == 1)
		fill(batch, query);
	return got < 0 ? -1 : 0;
}

static int read_batch(struct store *store, struct batch *batch,
    const int64_t *rows, size_t count, struct why *why)
{
	batch->count = 0;
	if (sql_begin_reading(store->sql, why) < 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		if (read_row(store, batch, rows[i], why) < 0) {
			sql_rollback(store->sql);
			return -1;
		}
	}
	return sql_commit(store->sql, why);
}

/* Hands a batch out; true: `each` had enough. */
static bool hand_out(const struct batch *batch, int64_t *calls,
    int (*each)(void *arg, const struct delivery_row *row), void *arg)
{
	for (size_t i = 0; i < batch->count; i++) {
		++*calls;
		if (each(arg, &batch->rows[i]))
			return true;
	}
	return false;
}

int64_t store_deliveries(struct store *store,
    const struct delivery_query *query,
    int (*each)(void *arg, const struct delivery_row *row), void *arg,
    struct why *why)
{
	auto_free struct batch *batch = mem_zalloc(sizeof(*batch));
	auto_free int64_t *rows = NULL;
	bool enough = false;
	int64_t calls = 0;
	size_t count = 0;

	if (find(store, query, &rows, &count, why) < 0)
		return -1;
	for (size_t at = 0; at < count && !enough; at += BATCH) {
		size_t left = count - at;
		int got = read_batch(
		    store, batch, rows + at, left < BATCH ? left : BATCH, why);

		if (got == 0)
			enough = hand_out(batch, &calls, each, arg);
		clear(batch);
		if (got < 0)
			return -1;
	}
	return calls;
}

/* ---- attempts ---------------------------------------------------------- */

struct attempts {
	struct attempt_row *rows;
	size_t count;
};

static void push_attempt(struct attempts *list, struct sql_query *query)
{
	size_t at = list->count++;
	struct attempt_row *row;

	if ((at & (at - 1)) == 0)
		list->rows =
		    mem_grow(list->rows, at ? at * 2 : 1, sizeof(*list->rows));
	row = &list->rows[at];
	row->attempt = (int)sql_int(query, 0);
	row->started_ms = sql_int(query, 1);
	row->duration_ms = sql_int(query, 2);
	row->status = (int)sql_int(query, 3);
	row->code = sql_copy_text(query, 4);
	row->error = sql_copy_text(query, 5);
	row->remote = sql_copy_text(query, 6);
	row->outcome = sql_copy_text(query, 7);
	row->answer = sql_copy_bytes(query, 8, &row->answer_len);
}

static void drop(const char *text)
{
	free((void *)(uintptr_t)text);
}

static void clear_attempts(struct attempts *list)
{
	for (size_t i = 0; i < list->count; i++) {
		drop(list->rows[i].code);
		drop(list->rows[i].error);
		drop(list->rows[i].remote);
		drop(list->rows[i].outcome);
		drop(list->rows[i].answer);
	}
	free(list->rows);
}

static int read_attempts(struct store *store, int64_t delivery,
    struct attempts *list, struct why *why)
{
	auto_end struct sql_query *query = sql_query(store->sql,
	    "SELECT attempt, started_ms, duration_ms, status, code, error, "
	    "remote, outcome, answer FROM attempt WHERE delivery = ? "
	    "ORDER BY seq");
	int got;

	sql_put_int(query, delivery);
	while ((got = sql_next(query, why)) == 1)
		push_attempt(list, query);
	return got;
}

int64_t store_attempts(struct store *store, int64_t delivery,
    int (*each)(void *arg, const struct attempt_row *row), void *arg,
    struct why *why)
{
	struct attempts list = { NULL, 0 };
	int64_t calls = 0;

	if (read_attempts(store, delivery, &list, why) < 0)
		calls = -1;
	for (size_t i = 0; calls >= 0 && i < list.count; i++) {
		calls++;
		if (each(arg, &list.rows[i]))
			break;
	}
	clear_attempts(&list);
	return calls;
}
