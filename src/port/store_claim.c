/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * port/store_claim: hands out what is due: by endpoint, oldest due time first,
 * fresh ones and those that are tried again in turns, nothing of a paused
 * webhook; and what waited too long, so that it can be
 * given up. Owns no rule of order: chained deliveries are not due, whoever
 * leaves a lane lets the next one go.
 *
 * Everything here runs inside a group's transaction; if we die, the group
 * never happened, and what was handed out is found active at the next start.
 * Costs a read by index for each delivery and one update, whatever the backlog.
 */
#include "port/store_own.h"

#include "base/mem.h"
#include "base/now.h"

#include <stdio.h>

/* Bodies that one claim brings, give or take one: many deliveries may be wished
 * for while events are small, and memory must not depend on their size. */
enum { CLAIM_BYTES_MAX = 4 * 1024 * 1024 };

static void push(struct work_claim *claim, const struct claimed *one)
{
	size_t count = claim->claimed_count;

	if ((count & (count - 1)) == 0)
		claim->claimed = mem_grow(claim->claimed, count ? count * 2 : 1,
		    sizeof(*claim->claimed));
	claim->claimed[claim->claimed_count++] = *one;
}

/* The column `event` is kept in body_len until the event is read. */
static struct claimed read_due(
    struct sql_query *query, const struct claim_wish *wish)
{
	return (struct claimed){
		.delivery = sql_int(query, 1),
		.endpoint = wish->endpoint,
		.body_len = (size_t)sql_int(query, 2),
		.tries = (int)sql_int(query, 3),
		.queued_ms = sql_int(query, 4),
	};
}

/* One of the two lines in which deliveries wait. */
struct line {
	struct sql_query *query;
	int got; /* 1: there is a row */
	int64_t due_ms; /* of that row */
};

static void look(struct line *line, struct why *why)
{
	line->got = sql_next(line->query, why);
	line->due_ms = line->got == 1 ? sql_int(line->query, 0) : -1;
}

static struct line begin(struct store *store, const struct claim_wish *wish,
    bool tried, struct why *why)
{
	struct line line = {
		.query = sql_query(store->sql,
		    tried ? "SELECT due_ms, seq, event, tries, queued_ms "
			    "FROM delivery WHERE state IN (1, 2) AND state = 1 "
			    "AND endpoint = ? AND (tries > 0) = 1 "
			    "ORDER BY due_ms, seq"
			  : "SELECT due_ms, seq, event, tries, queued_ms "
			    "FROM delivery WHERE state IN (1, 2) AND state = 1 "
			    "AND endpoint = ? AND (tries > 0) = 0 "
			    "ORDER BY due_ms, seq"),
	};

	sql_put_int(line.query, wish->endpoint);
	look(&line, why);
	return line;
}

static bool is_due(const struct line *line, int64_t now_ms)
{
	return line->got == 1 && line->due_ms <= now_ms;
}

/* Takes from both lines in turns what is due, without its event; where they
 * end is the next due time. */
static int take_turns(struct work_claim *claim, struct claim_wish *wish,
    struct line lines[2], struct why *why)
{
	int room = wish->room;

	while (room > 0) {
		struct line *line = &lines[wish->tried_first];
		struct claimed row;

		if (!is_due(line, claim->now_ms))
			line = &lines[!wish->tried_first];
		if (!is_due(line, claim->now_ms))
			break;
		row = read_due(line->query, wish);
		push(claim, &row);
		wish->tried_first = line == &lines[0];
		look(line, why);
		room--;
	}
	wish->next_due_ms = now_earlier(lines[0].due_ms, lines[1].due_ms);
	return lines[0].got < 0 || lines[1].got < 0 ? -1 : 0;
}

static int find_due(struct store *store, struct work_claim *claim,
    struct claim_wish *wish, struct why *why)
{
	struct line lines[2] = {
		begin(store, wish, false, why),
		begin(store, wish, true, why),
	};
	int got = take_turns(claim, wish, lines, why);

	sql_end(lines[0].query);
	sql_end(lines[1].query);
	return got;
}

/* 1 read, 0 the database has lost it. */
static int read_event(
    struct store *store, struct claimed *claimed, struct why *why)
{
	auto_end struct sql_query *query = sql_query(store->sql,
	    "SELECT id, type, incident, body FROM event "
	    "JOIN payload ON payload.event = event.seq WHERE event.seq = ?");
	int got;

	sql_put_int(query, (int64_t)claimed->body_len);
	claimed->body_len = 0;
	got = sql_next(query, why);
	if (got != 1)
		return got;
	snprintf(claimed->event_id, sizeof(claimed->event_id), "%s",
	    sql_text(query, 0));
	claimed->event_type = sql_copy_text(query, 1);
	claimed->incident = sql_copy_text(query, 2);
	claimed->body = sql_copy_bytes(query, 3, &claimed->body_len);
	return 1;
}

static int mark(struct store *store, int64_t delivery, enum state state,
    int64_t now_ms, struct why *why)
{
	struct sql_query *query = sql_query(store->sql,
	    "UPDATE delivery SET state = ?, changed_ms = ? WHERE seq = ?");

	sql_put_int(query, state);
	sql_put_int(query, now_ms);
	sql_put_int(query, delivery);
	return sql_run(query, why);
}

/* What does not fit any more stays, and is due. */
static void leave(struct work_claim *claim, const struct claimed *row)
{
	for (size_t i = 0; i < claim->wish_count; i++) {
		if (claim->wishes[i].endpoint == row->endpoint)
			claim->wishes[i].next_due_ms = claim->now_ms;
	}
}

/* A delivery without its event (somebody edited the database, or it was
 * recovered in part) is held: it must not stop the others. */
static int activate(struct store *store, struct work_claim *claim, size_t count,
    struct why *why)
{
	/* A walk for what is too old does not come by again. */
	bool walk = claim->wish_count && claim->wishes[0].expiry;
	size_t bytes = 0;

	claim->claimed_count = 0;
	for (size_t i = 0; i < count; i++) {
		struct claimed *claimed = &claim->claimed[i];
		int got;

		if (bytes >= CLAIM_BYTES_MAX && !walk) {
			leave(claim, claimed);
			continue;
		}
		got = read_event(store, claimed, why);
		bytes += claimed->body_len;
		if (got < 0 ||
		    mark(store, claimed->delivery,
			got ? STATE_ACTIVE : STATE_HELD, claim->now_ms,
			why) < 0)
			return -1;
		if (got)
			claim->claimed[claim->claimed_count++] = *claimed;
	}
	return 0;
}

/* The end of the endpoint's pause, PAUSE_LOOK_MS from now for one without,
 * 0 when it is not paused. -1 could not. */
static int64_t find_pause(
    struct store *store, int64_t endpoint, int64_t now_ms, struct why *why)
{
	auto_end struct sql_query *query = sql_query(store->sql,
	    "SELECT CAST(note.value AS INTEGER) FROM endpoint JOIN note "
	    "ON note.name = 'paused/' || endpoint.webhook "
	    "WHERE endpoint.seq = ?");
	int64_t until_ms;
	int got;

	sql_put_int(query, endpoint);
	got = sql_next(query, why);
	if (got != 1)
		return got;
	until_ms = sql_int(query, 0);
	if (!until_ms)
		return now_ms + PAUSE_LOOK_MS;
	return until_ms > now_ms ? until_ms : 0;
}

/* What waits behind a pause is due at its end, if anything does. */
static int wait_for(struct store *store, struct claim_wish *wish,
    int64_t until_ms, struct why *why)
{
	struct line lines[2] = {
		begin(store, wish, false, why),
		begin(store, wish, true, why),
	};
	int64_t due_ms = now_earlier(lines[0].due_ms, lines[1].due_ms);

	sql_end(lines[0].query);
	sql_end(lines[1].query);
	if (lines[0].got < 0 || lines[1].got < 0)
		return -1;
	wish->next_due_ms = due_ms < 0 || due_ms > until_ms ? due_ms : until_ms;
	return 0;
}

/* ---- what waited too long ---------------------------------------------- */

/* Whoever stays bounds the time of the next walk. */
static void stays(struct expiry *expiry, int64_t queued_ms)
{
	if (expiry->oldest_ms < 0 || queued_ms < expiry->oldest_ms)
		expiry->oldest_ms = queued_ms;
}

static void end_line(struct expiry *expiry)
{
	expiry->over = expiry->tried;
	expiry->tried = true;
	expiry->due_ms = 0;
	expiry->seq = 0;
}

/* A step of the walk, line by line in the order of due times; it ends early
 * when the wish is full, and goes on behind the last row seen. */
static int find_expired(struct store *store, struct work_claim *claim,
    const struct claim_wish *wish, struct why *why)
{
	auto_end struct sql_query *query = sql_query(store->sql,
	    "SELECT due_ms, seq, event, tries, queued_ms FROM delivery "
	    "WHERE state IN (1, 2) AND state = 1 AND endpoint = ?1 "
	    "AND (tries > 0) = ?6 "
	    "AND due_ms >= ?2 AND due_ms <= ?4 AND (due_ms, seq) > (?2, ?3) "
	    "ORDER BY due_ms, seq LIMIT ?5");
	struct expiry *expiry = wish->expiry;
	int room = wish->room;
	int seen = 0;
	int got = 1;

	sql_put_int(query, wish->endpoint);
	sql_put_int(query, expiry->due_ms);
	sql_put_int(query, expiry->seq);
	sql_put_int(query, claim->now_ms);
	sql_put_int(query, EXPIRY_STEP);
	sql_put_int(query, expiry->tried);
	while (room > 0 && (got = sql_next(query, why)) == 1) {
		struct claimed row = read_due(query, wish);

		seen++;
		expiry->due_ms = sql_int(query, 0);
		expiry->seq = row.delivery;
		if (row.queued_ms >= expiry->queued_before_ms) {
			stays(expiry, row.queued_ms);
			continue;
		}
		push(claim, &row);
		room--;
	}
	if (got < 0)
		return -1;
	if (room > 0 && seen < EXPIRY_STEP)
		end_line(expiry);
	return 0;
}

/* A pause holds from the moment that it is committed; what it keeps waiting
 * does not grow too old by it. */
static int grant(struct store *store, struct work_claim *claim,
    struct claim_wish *wish, struct why *why)
{
	int64_t until_ms =
	    find_pause(store, wish->endpoint, claim->now_ms, why);

	if (until_ms < 0)
		return -1;
	if (wish->expiry && until_ms) {
		wish->expiry->over = true;
		return 0;
	}
	if (until_ms)
		return wait_for(store, wish, until_ms, why);
	if (wish->expiry)
		return find_expired(store, claim, wish, why);
	return find_due(store, claim, wish, why);
}

int claim_run(struct store *store, struct work *work, struct why *why)
{
	struct work_claim *claim = (struct work_claim *)work;

	claim->claimed = NULL;
	claim->claimed_count = 0;
	for (size_t i = 0; i < claim->wish_count; i++) {
		if (grant(store, claim, &claim->wishes[i], why) < 0)
			return -1;
	}
	return activate(store, claim, claim->claimed_count, why);
}

void work_claim_clear(struct work_claim *work)
{
	for (size_t i = 0; i < work->claimed_count; i++) {
		free(work->claimed[i].event_type);
		free(work->claimed[i].incident);
		free(work->claimed[i].body);
	}
	free(work->claimed);
	work->claimed = NULL;
	work->claimed_count = 0;
}
