/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/* Deaths, who was told of them when, and the mails on their way. */
#include "store_kit.h"

/* Event `n` comes, is tried once and dies at `now_ms`. */
static void die(struct store *store, int n, int64_t endpoint, int64_t now_ms)
{
	int64_t row;

	kit_accept(store, n, "", endpoint, now_ms);
	kit_claim(store, endpoint, 1, now_ms, &row, NULL);
	kit_settle(store, row, OUTCOME_DEAD, 4, 0, now_ms);
}

static struct work_digest digest(struct store *store, int64_t ready_before_ms)
{
	struct work_digest work = { .ready_before_ms = ready_before_ms };

	kit_must(store, &work, WORK_DIGEST);
	return work;
}

static void tell(struct store *store, const char *webhook, int64_t upto,
    const char *message, int64_t now_ms)
{
	struct work_mail_add work = {
		.now_ms = now_ms,
		.webhook = webhook,
		.upto = upto,
		.from = "spoolhook@host",
		.recipients = "a@b\nc@d",
		.message = message,
		.message_len = message ? strlen(message) : 0,
	};

	kit_must(store, &work, WORK_MAIL_ADD);
}

static void digests(void)
{
	struct store *store = kit_open(STORE_DAEMON);
	int64_t a = kit_endpoint(store, "a", "main");
	int64_t b = kit_endpoint(store, "b", "0");
	struct work_digest work = digest(store, INT64_MAX);

	ok(!work.webhook && work.last_notice_ms == -1,
	    "without deaths there is nothing to tell");
	die(store, 1, b, 100);
	die(store, 2, a, 200);
	die(store, 3, b, 300);
	work = digest(store, 0);
	is_str(work.webhook, "b", "who waits longest is told first, at once");
	is_int(work.total, 2, "all deaths are counted");
	is_int((int)work.row_count, 2, "and shown");
	is_str(work.rows[0].event_id, "01HF000000000001", "in their order");
	is_str(work.rows[0].last_answer, "come back later",
	    "with the last answer");
	is_str(work.rows[0].last_error, "the server is unwell", "the error");
	is_str(work.rows[0].last_code, "http_5xx", "its word");
	is_int(work.rows[0].last_status, 503, "and status");
	is_int(work.rows[0].died_ms, 100, "when it died");
	is_int(work.rows[0].tries, 4, "and after how many tries");
	is_str(work.rows[0].message, "disk full", "and what it was about");
	die(store, 4, b, 400);
	tell(store, "b", work.upto, "m", 500);
	work_digest_clear(&work);
	work = digest(store, 0);
	is_str(work.webhook, "a", "then the next webhook");
	is_str(work.rows[0].endpoint, "main", "with its endpoint");
	tell(store, "a", work.upto, NULL, 600);
	work_digest_clear(&work);
	work = digest(store, 499);
	ok(!work.webhook, "one who was told just now is not told again");
	is_int(work.last_notice_ms, 500, "and when that was is told");
	work = digest(store, 500);
	is_str(work.webhook, "b", "after its time it is");
	is_int(work.total, 1, "of what died since the mail was written");
	tell(store, "b", work.upto, "m", 700);
	work_digest_clear(&work);
	die(store, 5, a, 800);
	work = digest(store, 0);
	is_str(work.webhook, "a", "a notice that nobody wanted does not count");
	work_digest_clear(&work);
	store_close(store);
	kit_wipe();
}

static void floods(void)
{
	struct store *store = kit_open(STORE_DAEMON);
	int64_t a = kit_endpoint(store, "a", "0");
	struct work_digest work;

	for (int n = 1; n <= 50; n++)
		die(store, n, a, n);
	work = digest(store, 0);
	is_int((int)work.row_count, DIGEST_ROWS_MAX,
	    "of many deaths the first are shown");
	is_int(work.total, 50, "all are counted");
	tell(store, "a", work.upto, "m", 99);
	work_digest_clear(&work);
	work = digest(store, INT64_MAX);
	ok(!work.webhook, "and all are told by the one mail");
	store_close(store);
	kit_wipe();
}

static void unwanted(void)
{
	struct store *store = kit_open(STORE_DAEMON);
	int64_t a = kit_endpoint(store, "a", "0");
	struct work_settle quiet;
	struct work_digest work;
	int64_t row;

	kit_accept(store, 1, "", a, 1);
	kit_claim(store, a, 1, 1, &row, NULL);
	quiet = kit_outcome(row, OUTCOME_DEAD, 4, 0, 2);
	quiet.notice = false;
	kit_must(store, &quiet, WORK_SETTLE);
	work = digest(store, INT64_MAX);
	ok(!work.webhook, "a death that nobody wants to know of is not told");
	die(store, 2, a, 3);
	kit_change(store, 2, CHANGE_RESEND, 4);
	work = digest(store, INT64_MAX);
	ok(!work.webhook, "nor one that an operator resent before");
	kit_change(store, 2, CHANGE_HOLD, 4);
	die(store, 3, a, 5);
	kit_change(store, 3, CHANGE_DELETE, 6);
	work = digest(store, INT64_MAX);
	ok(!work.webhook, "nor one that was deleted");
	store_close(store);
	kit_wipe();
}

static struct work_mail_next next_mail(struct store *store, int64_t now_ms)
{
	struct work_mail_next work = { .now_ms = now_ms };

	kit_must(store, &work, WORK_MAIL_NEXT);
	return work;
}

static void done_with(
    struct store *store, int64_t mail, const char *left, int64_t due_ms)
{
	struct work_mail_done work = {
		.mail = mail, .recipients = left, .due_ms = due_ms
	};

	kit_must(store, &work, WORK_MAIL_DONE);
}

static void mails(void)
{
	struct store *store = kit_open(STORE_DAEMON);
	struct work_mail_next mail = next_mail(store, 0);
	int64_t first;

	ok(mail.mail == 0 && mail.next_due_ms == -1, "first there is no mail");
	tell(store, "a", 0, "one", 100);
	tell(store, "b", 0, "two", 200);
	mail = next_mail(store, 99);
	ok(mail.mail == 0 && mail.next_due_ms == 100,
	    "a mail that is not due tells when it is");
	store_close(store);
	store = kit_open(STORE_DAEMON);
	mail = next_mail(store, 300);
	first = mail.mail;
	is_str(mail.message, "one", "mails outlive the process, oldest first");
	is_str(mail.recipients, "a@b\nc@d", "with their recipients");
	is_int(mail.queued_ms, 100, "since when they wait");
	is_int(mail.tries, 0, "and their tries");
	work_mail_next_clear(&mail);
	mail = next_mail(store, 300);
	is_int(mail.mail, first, "asking changes nothing");
	work_mail_next_clear(&mail);
	done_with(store, first, "c@d", 900);
	mail = next_mail(store, 300);
	is_str(mail.message, "two", "one that failed in part stands back");
	done_with(store, mail.mail, NULL, 0);
	work_mail_next_clear(&mail);
	mail = next_mail(store, 300);
	is_int(mail.next_due_ms, 900, "one that is done is gone");
	mail = next_mail(store, 900);
	is_str(mail.recipients, "c@d", "only who is left is tried again");
	is_int(mail.tries, 1, "and the try is counted");
	done_with(store, mail.mail, "", 0);
	work_mail_next_clear(&mail);
	mail = next_mail(store, 99999);
	ok(mail.mail == 0 && mail.next_due_ms == -1, "in the end all are gone");
	store_close(store);
	kit_wipe();
}

int main(void)
{
	kit_start();
	digests();
	floods();
	unwanted();
	mails();
	kit_end();
	return done();
}
