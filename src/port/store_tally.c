/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * port/store_tally: the sums of a group. A busy group has up to 256 works of a
 * few endpoints, so a few rows are updated once where each work would update
 * three of them.
 *
 * Owns memory only; the tables are those of store_schema.c (endpoint, meter,
 * total, memory). It promises that what was counted is committed together with
 * what it was counted from, or neither; if we die, both never happened.
 */
#include "port/store_tally.h"

#include "base/mem.h"
#include "model/id.h"
#include "model/trigger.h"
#include "port/store_meter.h"

#include <stdio.h>
#include <string.h>

/* Event types come from outside: those without a row of their own are counted
 * under the last one. */
static const char *const labels[] = { "incident_triggered",
	"incident_reassigned", "incident_acknowledged", "incident_resolved",
	"other" };
enum { LABELS = sizeof(labels) / sizeof(*labels), OTHER = LABELS - 1 };

enum { OUTCOMES = 3 };

struct row {
	int64_t endpoint;
	int64_t success_ms; /* -1: none */
	int64_t failure_ms; /* -1: none */
	int status; /* of that failure … */
	const char *code;
	int64_t delivered;
	int64_t dead;
	int64_t attempts[OUTCOMES];
	int64_t sum_ms;
	int64_t within[METER_BOUNDS];
	bool has_breaker;
	struct breaker breaker;
};

struct tally {
	int64_t accepted[LABELS];
	int64_t unmatched;
	char last_id[ID_SIZE];
	struct row *rows;
	size_t count;
	size_t room;
};

struct tally *tally_new(void)
{
	return mem_zalloc(sizeof(struct tally));
}

void tally_free(struct tally *tally)
{
	if (!tally)
		return;
	free(tally->rows);
	free(tally);
}

void tally_reset(struct tally *tally)
{
	struct row *rows = tally->rows;
	size_t room = tally->room;

	*tally = (struct tally){ .rows = rows, .room = room };
}

/* ---- summing up -------------------------------------------------------- */

static size_t label_of(const char *type)
{
	size_t i;

	for (i = 0; i < OTHER; i++) {
		if (trigger_equal(labels[i], type))
			break;
	}
	return i;
}

void tally_event(
    struct tally *tally, const char *id, const char *type, bool matched)
{
	tally->accepted[label_of(type)]++;
	tally->unmatched += !matched;
	if (strcmp(id, tally->last_id) > 0)
		snprintf(tally->last_id, sizeof(tally->last_id), "%s", id);
}

static struct row *row_of(struct tally *tally, int64_t endpoint)
{
	size_t i;

	for (i = 0; i < tally->count; i++) {
		if (tally->rows[i].endpoint == endpoint)
			return &tally->rows[i];
	}
	if (tally->count == tally->room) {
		tally->room = tally->room ? tally->room * 2 : 8;
		tally->rows =
		    mem_grow(tally->rows, tally->room, sizeof(*tally->rows));
	}
	tally->rows[tally->count] = (struct row){
		.endpoint = endpoint,
		.success_ms = -1,
		.failure_ms = -1,
	};
	return &tally->rows[tally->count++];
}

static void add_attempt(struct row *row, const struct work_settle *settle)
{
	int64_t ms = (settle->answer->duration_us + 500) / 1000;
	size_t i;

	row->attempts[settle->verdict.outcome]++;
	row->sum_ms += ms;
	for (i = 0; i < METER_BOUNDS; i++)
		row->within[i] += ms <= meter_bounds_ms[i];
	if (settle->verdict.outcome == OUTCOME_DELIVERED)
		return;
	row->failure_ms = settle->now_ms;
	row->status = settle->answer->status;
	row->code = fault_word(settle->answer->fault);
}

void tally_settle(
    struct tally *tally, int64_t endpoint, const struct work_settle *settle)
{
	struct row *row = row_of(tally, endpoint);

	if (settle->answer)
		add_attempt(row, settle);
	if (settle->verdict.outcome == OUTCOME_DELIVERED) {
		row->delivered++;
		row->success_ms = settle->now_ms;
	}
	row->dead += settle->verdict.outcome == OUTCOME_DEAD;
	if (!settle->breaker)
		return;
	row->has_breaker = true;
	row->breaker = *settle->breaker;
}

/* ---- writing ----------------------------------------------------------- */

static int add_total(struct sql *sql, const char *name, const char *label,
    int64_t value, struct why *why)
{
	struct sql_query *query;

	if (!value)
		return 0;
	query = sql_query(sql,
	    "UPDATE total SET value = value + ? WHERE name = ? AND label = ?");
	sql_put_int(query, value);
	sql_put_text(query, name);
	sql_put_text(query, label);
	return sql_run(query, why);
}

/* Ids never repeat, also after the event that had the last one was pruned. */
static int write_id(struct sql *sql, const char *id, struct why *why)
{
	struct sql_query *query;

	if (!*id)
		return 0;
	query = sql_query(sql, "UPDATE memory SET last_id = max(last_id, ?)");
	sql_put_text(query, id);
	return sql_run(query, why);
}

/* When it last took something, and what the last failure was. */
static int write_endpoint(
    struct sql *sql, const struct row *row, struct why *why)
{
	struct sql_query *query = sql_query(sql,
	    "UPDATE endpoint SET delivered = delivered + ?2, dead = dead + ?3, "
	    "success_ms = iif(?4 < 0, success_ms, ?4), "
	    "last_status = iif(?5 < 0, last_status, ?6), "
	    "last_code = iif(?5 < 0, last_code, ?7), "
	    "failure_ms = iif(?5 < 0, failure_ms, ?5) WHERE seq = ?1");

	sql_put_int(query, row->endpoint);
	sql_put_int(query, row->delivered);
	sql_put_int(query, row->dead);
	sql_put_int(query, row->success_ms);
	sql_put_int(query, row->failure_ms);
	sql_put_int(query, row->status);
	sql_put_text(query, row->code);
	return sql_run(query, why);
}

static int write_meter(struct sql *sql, const struct row *row, struct why *why)
{
	struct sql_query *query = sql_query(sql,
	    "UPDATE meter SET attempts_delivered = attempts_delivered + ?, "
	    "attempts_deferred = attempts_deferred + ?, "
	    "attempts_dead = attempts_dead + ?, delivered = delivered + ?, "
	    "dead = dead + ?, sum_ms = sum_ms + ?, le_50 = le_50 + ?, "
	    "le_100 = le_100 + ?, le_250 = le_250 + ?, le_500 = le_500 + ?, "
	    "le_1000 = le_1000 + ?, le_2500 = le_2500 + ?, "
	    "le_5000 = le_5000 + ?, le_15000 = le_15000 + ? "
	    "WHERE endpoint = ?");
	size_t i;

	sql_put_int(query, row->attempts[OUTCOME_DELIVERED]);
	sql_put_int(query, row->attempts[OUTCOME_DEFERRED]);
	sql_put_int(query, row->attempts[OUTCOME_DEAD]);
	sql_put_int(query, row->delivered);
	sql_put_int(query, row->dead);
	sql_put_int(query, row->sum_ms);
	for (i = 0; i < METER_BOUNDS; i++)
		sql_put_int(query, row->within[i]);
	sql_put_int(query, row->endpoint);
	return sql_run(query, why);
}

/* Most of the time it is closed and stays so: then nothing is written. */
static int write_breaker(
    struct sql *sql, const struct row *row, struct why *why)
{
	const struct breaker *breaker = &row->breaker;
	struct sql_query *query;

	if (!row->has_breaker)
		return 0;
	query = sql_query(sql,
	    "UPDATE endpoint SET resting = ?1, opened_ms = ?2, failures = ?3, "
	    "rest_ms = ?4, until_ms = ?5 "
	    "WHERE seq = ?6 AND (resting <> ?1 OR failures <> ?3 OR "
	    "rest_ms <> ?4 OR until_ms <> ?5)");
	sql_put_int(query, breaker->open);
	sql_put_int(query, breaker->since_ms);
	sql_put_int(query, breaker->failures);
	sql_put_int(query, breaker->rest_ms);
	sql_put_int(query, breaker->open ? breaker->until_ms : 0);
	sql_put_int(query, row->endpoint);
	return sql_run(query, why);
}

static int write_events(
    const struct tally *tally, struct sql *sql, struct why *why)
{
	size_t i;

	for (i = 0; i < LABELS; i++) {
		if (add_total(sql, "accepted", labels[i], tally->accepted[i],
			why) < 0)
			return -1;
	}
	if (add_total(sql, "unmatched", "", tally->unmatched, why) < 0)
		return -1;
	return write_id(sql, tally->last_id, why);
}

int tally_write(struct tally *tally, struct sql *sql, struct why *why)
{
	size_t i;

	if (write_events(tally, sql, why) < 0)
		return -1;
	for (i = 0; i < tally->count; i++) {
		const struct row *row = &tally->rows[i];

		if (write_endpoint(sql, row, why) < 0 ||
		    write_meter(sql, row, why) < 0 ||
		    write_breaker(sql, row, why) < 0)
			return -1;
	}
	tally_reset(tally);
	return 0;
}
