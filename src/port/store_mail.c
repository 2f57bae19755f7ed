/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * port/store_mail: deaths and rests that somebody is to be told of, when a
 * webhook's people were last told, and the mails on their way.
 *
 * A death is struck off in the transaction that queues the mail which tells
 * of it, so none is lost and none told twice. A mail leaves when its last
 * recipient was served; if we die while it is being sent, it is sent again.
 */
#include "port/store_own.h"

#include "base/mem.h"

#include <stdio.h>

/* ---- digests ----------------------------------------------------------- */

/* Of the webhooks that are ready, the one whose people wait longest. */
static int choose(
    struct store *store, struct work_digest *digest, struct why *why)
{
	auto_end struct sql_query *query = sql_query(store->sql,
	    "SELECT x.webhook, x.total, x.last FROM ("
	    "SELECT webhook, count(*) AS total, max(seq) AS last, "
	    "min(seq) AS oldest FROM death GROUP BY webhook) x "
	    "LEFT JOIN notice n ON n.webhook = x.webhook "
	    "WHERE ifnull(n.last_ms <= ?, 1) ORDER BY x.oldest LIMIT 1");
	int got;

	sql_put_int(query, digest->ready_before_ms);
	got = sql_next(query, why);
	if (got != 1)
		return got;
	digest->webhook = sql_copy_text(query, 0);
	digest->total = sql_int(query, 1);
	digest->upto = sql_int(query, 2);
	return 1;
}

static int read_last_notice(
    struct store *store, struct work_digest *digest, struct why *why)
{
	auto_end struct sql_query *query = sql_query(store->sql,
	    "SELECT ifnull(min(last_ms), -1) FROM notice "
	    "WHERE webhook IN (SELECT webhook FROM death)");
	int got = sql_next(query, why);

	digest->last_notice_ms = got == 1 ? sql_int(query, 0) : -1;
	return got < 0 ? -1 : 0;
}

static void fill_death(struct sql_query *query, struct death_row *row)
{
	size_t len;

	row->endpoint = sql_copy_text(query, 0);
	snprintf(
	    row->event_id, sizeof(row->event_id), "%s", sql_text(query, 1));
	row->event_type = sql_copy_text(query, 2);
	row->incident = sql_copy_text(query, 3);
	row->message = sql_copy_text(query, 4);
	row->tries = (int)sql_int(query, 5);
	row->died_ms = sql_int(query, 6);
	row->last_status = (int)sql_int(query, 7);
	row->last_code = sql_copy_text(query, 8);
	row->last_error = sql_copy_text(query, 9);
	row->last_answer = sql_copy_bytes(query, 10, &len);
}

static int read_deaths(
    struct store *store, struct work_digest *digest, struct why *why)
{
	auto_end struct sql_query *query = sql_query(store->sql,
	    "SELECT p.name, e.id, e.type, e.incident, e.message, d.tries, "
	    "x.died_ms, a.status, a.code, a.error, a.answer "
	    "FROM death x JOIN delivery d ON d.seq = x.delivery "
	    "JOIN event e ON e.seq = d.event "
	    "JOIN endpoint p ON p.seq = d.endpoint "
	    "LEFT JOIN attempt a ON a.seq = "
	    "(SELECT max(seq) FROM attempt WHERE delivery = d.seq) "
	    "WHERE x.webhook = ? AND x.seq <= ? ORDER BY x.seq LIMIT ?");
	int got;

	sql_put_text(query, digest->webhook);
	sql_put_int(query, digest->upto);
	sql_put_int(query, DIGEST_ROWS_MAX);
	while ((got = sql_next(query, why)) == 1)
		fill_death(query, &digest->rows[digest->row_count++]);
	return got;
}

int digest_run(struct store *store, struct work *work, struct why *why)
{
	struct work_digest *digest = (struct work_digest *)work;
	int got;

	digest->webhook = NULL;
	digest->row_count = 0;
	digest->total = 0;
	digest->upto = 0;
	digest->last_notice_ms = -1;
	got = choose(store, digest, why);
	if (got < 0)
		return -1;
	if (got == 0)
		return read_last_notice(store, digest, why);
	return read_deaths(store, digest, why);
}

void work_digest_clear(struct work_digest *work)
{
	for (size_t i = 0; i < work->row_count; i++) {
		struct death_row *row = &work->rows[i];

		free(row->endpoint);
		free(row->event_type);
		free(row->incident);
		free(row->message);
		free(row->last_code);
		free(row->last_error);
		free(row->last_answer);
	}
	free(work->webhook);
	work->webhook = NULL;
	work->row_count = 0;
}

/* ---- rests ------------------------------------------------------------- */

/* An end is told at once; a beginning when its people were left in peace for
 * long enough. */
static int find_untold(
    struct store *store, struct work_rest_next *rest, struct why *why)
{
	auto_end struct sql_query *query = sql_query(store->sql,
	    "SELECT seq, webhook, name, resting, failures, opened_ms, "
	    "last_status, last_code FROM endpoint "
	    "WHERE resting <> told AND (told OR told_ms <= ?) "
	    "ORDER BY seq LIMIT 1");
	int got;

	sql_put_int(query, rest->ready_before_ms);
	got = sql_next(query, why);
	if (got != 1)
		return got;
	rest->endpoint = sql_int(query, 0);
	rest->webhook = sql_copy_text(query, 1);
	rest->name = sql_copy_text(query, 2);
	rest->resting = sql_int(query, 3) != 0;
	rest->failures = (int)sql_int(query, 4);
	rest->since_ms = sql_int(query, 5);
	rest->last_status = (int)sql_int(query, 6);
	rest->last_code = sql_copy_text(query, 7);
	return 1;
}

int rest_next_run(struct store *store, struct work *work, struct why *why)
{
	struct work_rest_next *rest = (struct work_rest_next *)work;
	struct sql_query *query;
	int got;

	rest->endpoint = 0;
	rest->webhook = NULL;
	rest->name = NULL;
	rest->last_code = NULL;
	rest->last_told_ms = -1;
	got = find_untold(store, rest, why);
	if (got != 0)
		return got < 0 ? -1 : 0;
	query = sql_query(store->sql,
	    "SELECT ifnull(min(told_ms), -1) FROM endpoint "
	    "WHERE resting <> told");
	got = sql_next(query, why);
	if (got == 1)
		rest->last_told_ms = sql_int(query, 0);
	sql_end(query);
	return got < 0 ? -1 : 0;
}

void work_rest_next_clear(struct work_rest_next *work)
{
	free(work->webhook);
	free(work->name);
	free(work->last_code);
	work->endpoint = 0;
	work->webhook = NULL;
	work->name = NULL;
	work->last_code = NULL;
}

static int mark_told(
    struct store *store, const struct work_mail_add *add, struct why *why)
{
	struct sql_query *query = sql_query(store->sql,
	    "UPDATE endpoint SET told = ?1, "
	    "told_ms = iif(?1, ?2, told_ms) WHERE seq = ?3");

	sql_put_int(query, add->resting);
	sql_put_int(query, add->now_ms);
	sql_put_int(query, add->endpoint);
	return sql_run(query, why);
}

/* ---- mails ------------------------------------------------------------- */

static int strike_deaths(
    struct store *store, const struct work_mail_add *add, struct why *why)
{
	struct sql_query *query = sql_query(
	    store->sql, "DELETE FROM death WHERE webhook = ? AND seq <= ?");

	sql_put_text(query, add->webhook);
	sql_put_int(query, add->upto);
	return sql_run(query, why);
}

static int set_notice(
    struct store *store, const struct work_mail_add *add, struct why *why)
{
	struct sql_query *query = sql_query(store->sql,
	    "INSERT OR REPLACE INTO notice (webhook, last_ms) VALUES (?, ?)");

	sql_put_text(query, add->webhook);
	sql_put_int(query, add->now_ms);
	return sql_run(query, why);
}

int mail_add_run(struct store *store, struct work *work, struct why *why)
{
	const struct work_mail_add *add = (const struct work_mail_add *)work;
	struct sql_query *query;

	if (add->upto && strike_deaths(store, add, why) < 0)
		return -1;
	if (add->endpoint && mark_told(store, add, why) < 0)
		return -1;
	if (!add->message)
		return 0;
	if (add->upto && set_notice(store, add, why) < 0)
		return -1;
	query = sql_query(store->sql,
	    "INSERT INTO mail (webhook, sender, recipients, message, "
	    "queued_ms, due_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?5)");
	sql_put_text(query, add->webhook);
	sql_put_text(query, add->from);
	sql_put_text(query, add->recipients);
	sql_put_bytes(query, add->message, add->message_len);
	sql_put_int(query, add->now_ms);
	return sql_run(query, why);
}

static void fill_mail(struct sql_query *query, struct work_mail_next *mail)
{
	mail->mail = sql_int(query, 0);
	mail->webhook = sql_copy_text(query, 2);
	mail->from = sql_copy_text(query, 3);
	mail->recipients = sql_copy_text(query, 4);
	mail->tries = (int)sql_int(query, 5);
	mail->queued_ms = sql_int(query, 6);
	mail->message = sql_copy_bytes(query, 7, &mail->message_len);
}

int mail_next_run(struct store *store, struct work *work, struct why *why)
{
	struct work_mail_next *mail = (struct work_mail_next *)work;
	auto_end struct sql_query *query = sql_query(store->sql,
	    "SELECT seq, due_ms, webhook, sender, recipients, tries, "
	    "queued_ms, message FROM mail ORDER BY due_ms, seq LIMIT 1");
	int got = sql_next(query, why);

	mail->mail = 0;
	mail->webhook = NULL;
	mail->from = NULL;
	mail->recipients = NULL;
	mail->message = NULL;
	mail->message_len = 0;
	mail->tries = 0;
	mail->queued_ms = 0;
	mail->next_due_ms = -1;
	if (got != 1)
		return got;
	if (sql_int(query, 1) > mail->now_ms)
		mail->next_due_ms = sql_int(query, 1);
	else
		fill_mail(query, mail);
	return 0;
}

void work_mail_next_clear(struct work_mail_next *work)
{
	free(work->webhook);
	free(work->from);
	free(work->recipients);
	free(work->message);
	work->mail = 0;
	work->webhook = NULL;
	work->from = NULL;
	work->recipients = NULL;
	work->message = NULL;
	work->message_len = 0;
}

int mail_done_run(struct store *store, struct work *work, struct why *why)
{
	const struct work_mail_done *done = (const struct work_mail_done *)work;
	struct sql_query *query;

	if (!done->recipients || !*done->recipients) {
		query = sql_query(store->sql, "DELETE FROM mail WHERE seq = ?");
		sql_put_int(query, done->mail);
		return sql_run(query, why);
	}
	query = sql_query(store->sql,
	    "UPDATE mail SET recipients = ?, due_ms = ?, tries = tries + 1 "
	    "WHERE seq = ?");
	sql_put_text(query, done->recipients);
	sql_put_int(query, done->due_ms);
	sql_put_int(query, done->mail);
	return sql_run(query, why);
}
