/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * port/store: opens the store and carries out groups. Owns the transaction
 * around a group and the table of works; what each work does is in
 * store_queue.c (events and deliveries), store_mail.c (deaths and mail),
 * store_keep.c (receipts, notes, the flush), store_tend.c and store_prune.c.
 * Questions are in store_ask.c, store_count.c and store_list.c, operators' changes in
 * store_change.c, SQLite behind port/sql.
 *
 * It promises all or nothing: a group that fails, or that we die in, left no
 * trace, and what it had handed out is taken back. It never waits for
 * anything but the disk and another process's short transaction.
 */
#include "port/store_own.h"

#include "base/mem.h"
#include "port/store_schema.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The schema's indexes and queries spell these numbers. */
_Static_assert(STATE_CHAINED == 0 && STATE_WAITING == 1 && STATE_ACTIVE == 2 &&
	STATE_HELD == 3 && STATE_DELIVERED == 4 && STATE_DEAD == 5,
    "states are stored as numbers");

static const char *const state_words[] = {
	[STATE_CHAINED] = "queued",
	[STATE_WAITING] = "queued",
	[STATE_ACTIVE] = "active",
	[STATE_HELD] = "held",
	[STATE_DELIVERED] = "delivered",
	[STATE_DEAD] = "dead",
};

const char *state_word(enum state state, int tries)
{
	if (state == STATE_WAITING && tries > 0)
		return "deferred";
	return state_words[state];
}

bool state_from_word(const char *word, enum state *out)
{
	if (strcmp(word, "deferred") == 0) {
		*out = STATE_WAITING;
		return true;
	}
	for (int state = STATE_WAITING; state <= STATE_DEAD; state++) {
		if (strcmp(word, state_words[state]) != 0)
			continue;
		*out = (enum state)state;
		return true;
	}
	return false;
}

/* What was on the wire when the last daemon ended is tried again, first. */
static int recover(struct sql *sql, struct why *why)
{
	return sql_run(sql_query(sql,
			   "UPDATE delivery SET state = 1, due_ms = 0 "
			   "WHERE state IN (1, 2) AND state = 2"),
	    why);
}

static int make_ready(struct sql *sql, enum store_use use, struct why *why)
{
	switch (use) {
	case STORE_DAEMON:
		return recover(sql, why);
	case STORE_VERB:
		return 0;
	case STORE_LOOK:
		return sql_exec(sql, "PRAGMA query_only = ON", why);
	}
	return 0;
}

struct store *store_open(const char *path, enum store_use use, struct why *why)
{
	struct store *store;
	struct sql *sql;

	if (use == STORE_LOOK && access(path, F_OK) < 0) {
		fail(why, "%s: there is no spool database: %m", path);
		return NULL;
	}
	if (store_judge_empty(path, why) < 0)
		return NULL;
	sql = sql_open(path, use != STORE_LOOK, why);
	if (!sql)
		return NULL;
	if (schema_prepare(sql, path, use != STORE_LOOK, why) < 0 ||
	    make_ready(sql, use, why) < 0) {
		sql_close(sql);
		return NULL;
	}
	store = mem_zalloc(sizeof(*store));
	store->sql = sql;
	store->tally = tally_new();
	return store;
}

void store_close(struct store *store)
{
	if (!store)
		return;
	sql_close(store->sql);
	tally_free(store->tally);
	free(store);
}

void store_last_id(struct store *store, char out[ID_SIZE])
{
	auto_end struct sql_query *query =
	    sql_query(store->sql, "SELECT last_id FROM memory");

	out[0] = '\0';
	if (sql_next(query, NULL) == 1)
		snprintf(out, ID_SIZE, "%s", sql_text(query, 0));
}

/* ---- groups ------------------------------------------------------------ */

static void undo_claim(struct work *work)
{
	work_claim_clear((struct work_claim *)work);
}

static void undo_digest(struct work *work)
{
	work_digest_clear((struct work_digest *)work);
}

static void undo_rest_next(struct work *work)
{
	work_rest_next_clear((struct work_rest_next *)work);
}

static void undo_mail_next(struct work *work)
{
	work_mail_next_clear((struct work_mail_next *)work);
}

static void undo_receipts(struct work *work)
{
	struct work_receipts *receipts = (struct work_receipts *)work;

	free(receipts->receipts);
	receipts->receipts = NULL;
	receipts->count = 0;
}

static void undo_endpoints(struct work *work)
{
	work_endpoints_clear((struct work_endpoints *)work);
}

static void undo_tend(struct work *work)
{
	work_tend_clear((struct work_tend *)work);
}

static void undo_clock(struct work *work)
{
	struct work_clock *clock = (struct work_clock *)work;

	clock->begun = clock->begun && !clock->began;
}

static void undo_settle(struct work *work)
{
	((struct work_settle *)work)->unlocked = false;
}

static const struct {
	int (*run)(struct store *store, struct work *work, struct why *why);
	void (*undo)(struct work *work); /* takes back what was handed out */
	/* Nobody is told of it but us: after a power cut it may not have been. A
	 * claim that is lost leaves a row that waits, as one that is found active
	 * does; a receipt that comes back fits no file. */
	bool lazy;
} kinds[] = {
	[WORK_ACCEPT] = { accept_run, NULL },
	[WORK_CLAIM] = { claim_run, undo_claim, true },
	[WORK_SETTLE] = { settle_run, undo_settle },
	[WORK_FORGET] = { forget_run, NULL, true },
	[WORK_ENDPOINTS] = { endpoints_run, undo_endpoints },
	[WORK_DIGEST] = { digest_run, undo_digest },
	[WORK_REST_NEXT] = { rest_next_run, undo_rest_next },
	[WORK_MAIL_ADD] = { mail_add_run, NULL },
	[WORK_MAIL_NEXT] = { mail_next_run, undo_mail_next },
	[WORK_MAIL_DONE] = { mail_done_run, NULL },
	[WORK_FLUSH] = { flush_run, NULL },
	[WORK_NOTE] = { note_run, NULL },
	[WORK_RECEIPTS] = { receipts_run, undo_receipts },
	[WORK_PRUNE] = { prune_run, NULL },
	[WORK_TEND] = { tend_run, undo_tend },
	[WORK_CLOCK] = { clock_run, undo_clock },
	[WORK_LOGGED] = { logged_run, NULL, true },
	[WORK_COUNT] = { count_run, NULL, true },
};

static struct work *next(struct work *work)
{
	return (struct work *)work->letter.next;
}

/* A group waits for the disk when one of its works has to. */
static bool waits(struct work *first)
{
	for (struct work *work = first; work; work = next(work)) {
		if (!kinds[work->kind].lazy)
			return true;
	}
	return false;
}

/* Stops behind the first work that fails; *last is where. */
static int run(struct store *store, struct work *first, struct work **last,
    struct why *why)
{
	*last = NULL;
	tally_reset(store->tally);
	if (sql_wait(store->sql, waits(first), why) < 0 ||
	    sql_begin(store->sql, why) < 0)
		return -1;
	for (struct work *work = first; work; work = next(work)) {
		assert((size_t)work->kind < sizeof(kinds) / sizeof(*kinds));
		work->failed = false;
		*last = work;
		if (kinds[work->kind].run(store, work, why) < 0)
			return -1;
	}
	if (tally_write(store->tally, store->sql, why) < 0)
		return -1;
	return sql_commit(store->sql, why);
}

/* Only works up to `last` have run and may have handed something out. */
static void undo(struct work *first, const struct work *last)
{
	bool ran = last != NULL;

	for (struct work *work = first; work; work = next(work)) {
		work->failed = true;
		if (ran && kinds[work->kind].undo)
			kinds[work->kind].undo(work);
		if (work == last)
			ran = false;
	}
}

int store_commit(
    struct store *store, struct work *first, bool *full, struct why *why)
{
	struct work *last;

	*full = false;
	if (run(store, first, &last, why) == 0)
		return 0;
	*full = sql_trouble(store->sql) == SQL_FULL;
	sql_rollback(store->sql);
	undo(first, last);
	return -1;
}
