/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * flow/notice: from deaths to mails, and from mails to the mail child.
 *
 * One question at a time: digest (who is to be told?), mail-add (queue it and
 * strike the deaths off, in one transaction), mail-next (which mail is due?),
 * mail-done. If we die in the middle, the deaths or the mail are still in the
 * store; at worst a mail that was just sent is sent once more.
 */
#include "flow/notice.h"

#include "base/dice.h"
#include "base/mem.h"
#include "base/now.h"
#include "base/say.h"
#include "flow/mailer.h"
#include "model/mask.h"
#include "model/notice.h"

#include <ev.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
	DIGEST_MS = 15 * 60 * 1000, /* contract section 9 */
	STORE_PAUSE_MS = 5000,
};

/* A mail is tried again after these; the last one repeats, for five days, as
 * mail servers do. */
static const int64_t mail_delays_ms[] = { 60000, 300000, 900000, 3600000 };
static const int64_t mail_give_up_ms = 5 * 86400000LL;

/* What a breaker did, in words that stay true when the plan changes. */
struct news {
	char *webhook;
	char *endpoint;
	char *url; /* masked */
	struct notice_rest rest;
	struct news *next;
};

struct notice_desk {
	struct notice_sides sides;
	struct mailer *mailer;
	struct work_mail_next *mail; /* being sent */
	struct notice_mail composed; /* lent to the store while it is queued */
	struct news *news; /* of breakers, to be queued as mails */
	bool ringing;
	int asking; /* questions that are with the store */
	bool stopping;
	int64_t due_ms; /* the next time something may be due, -1 never */
};

struct notice_desk *notice_open(const struct notice_sides *sides)
{
	struct notice_desk *desk = mem_zalloc(sizeof(*desk));

	desk->sides = *sides;
	desk->mailer = mailer_open(sides->loop, sides->program);
	desk->due_ms = -1;
	return desk;
}

static void free_mail(struct work_mail_next *mail)
{
	if (!mail)
		return;
	work_mail_next_clear(mail);
	free(mail);
}

static void free_news(struct news *news)
{
	free(news->webhook);
	free(news->endpoint);
	free(news->url);
	free(news);
}

void notice_close(struct notice_desk *desk)
{
	if (!desk)
		return;
	while (desk->news) {
		struct news *news = desk->news;

		desk->news = news->next;
		free_news(news);
	}
	mailer_close(desk->mailer);
	free_mail(desk->mail);
	notice_mail_clear(&desk->composed);
	free(desk);
}

static void send(struct notice_desk *desk, struct work *work)
{
	desk->asking++;
	committer_send(desk->sides.committer, work);
}

static void ask_digest(struct notice_desk *desk, int64_t now_ms)
{
	struct work_digest *work = mem_zalloc(sizeof(*work));

	work->work.kind = WORK_DIGEST;
	work->ready_before_ms = now_ms - DIGEST_MS;
	send(desk, &work->work);
}

static void ask_mail(struct notice_desk *desk, int64_t now_ms)
{
	struct work_mail_next *work = mem_zalloc(sizeof(*work));

	work->work.kind = WORK_MAIL_NEXT;
	work->now_ms = now_ms;
	send(desk, &work->work);
}

void notice_ring(struct notice_desk *desk)
{
	desk->ringing = true;
}

static void queue_news(struct notice_desk *desk);

void notice_turn(struct notice_desk *desk, int64_t now_ms)
{
	bool due = desk->due_ms >= 0 && desk->due_ms <= now_ms;

	if (desk->asking || desk->stopping)
		return;
	if (desk->news) {
		queue_news(desk);
		return;
	}
	if (!desk->ringing && !due)
		return;
	desk->ringing = false;
	desk->due_ms = -1;
	ask_digest(desk, now_ms);
}

int64_t notice_next_ms(const struct notice_desk *desk)
{
	return desk->asking || desk->stopping ? -1 : desk->due_ms;
}

static void expect(struct notice_desk *desk, int64_t due_ms)
{
	if (due_ms >= 0 && (desk->due_ms < 0 || due_ms < desk->due_ms))
		desk->due_ms = due_ms;
}

/* ---- deaths become a mail ------------------------------------------------ */

/* Whoever this webhook names, else whoever the configuration names. */
static char *const *recipients(
    const struct conf *conf, const struct webhook *webhook)
{
	if (webhook && webhook->failure_email)
		return webhook->failure_email;
	return conf->mail.to;
}

static void describe(const struct webhook *webhook,
    const struct work_digest *digest, struct notice_death *deaths,
    struct buf *urls)
{
	size_t i;

	for (i = 0; i < digest->row_count; i++) {
		const struct death_row *row = &digest->rows[i];
		const struct endpoint *endpoint =
		    webhook ? webhook_endpoint(webhook, row->endpoint) : NULL;

		deaths[i] = (struct notice_death){
			.endpoint = row->endpoint,
			.event_id = row->event_id,
			.event_type = row->event_type,
			.incident = row->incident,
			.message = row->message,
			.tries = row->tries,
			.died_ms = row->died_ms,
			.last_status = row->last_status,
			.last_code = row->last_code,
			.last_error = row->last_error,
			.last_answer = row->last_answer,
		};
		if (!endpoint)
			continue;
		mask_url(&urls[i], endpoint->url, endpoint->url_secret);
		deaths[i].url = buf_text(&urls[i]);
	}
}

/* Fills in what all mails have in common; `host` and `token` are room for it. */
static struct notice frame(const struct conf *conf,
    const struct webhook *webhook, const char *id, char host[256],
    char token[32])
{
	snprintf(host, 256, "localhost");
	gethostname(host, 255);
	snprintf(token, 32, "%016llx", (unsigned long long)dice_roll());
	return (struct notice){
		.webhook = id,
		.name = webhook ? webhook->name : NULL,
		.from = conf->mail.from,
		.to = recipients(conf, webhook),
		.host = host,
		.now_ms = now_wall_ms(),
		.token = token,
		.config_dir =
		    strcmp(conf->dir, "/etc/spoolhook") == 0 ? NULL : conf->dir,
	};
}

static void compose(struct notice_desk *desk, const struct work_digest *digest)
{
	const struct conf *conf = dispatch_plan(desk->sides.dispatch)->conf;
	const struct webhook *webhook = conf_webhook(conf, digest->webhook);
	struct notice_death deaths[DIGEST_ROWS_MAX];
	struct buf urls[DIGEST_ROWS_MAX];
	char host[256];
	char token[32];
	struct notice notice =
	    frame(conf, webhook, digest->webhook, host, token);
	size_t i;

	for (i = 0; i < DIGEST_ROWS_MAX; i++)
		urls[i] = (struct buf)BUF_INIT(4096);
	describe(webhook, digest, deaths, urls);
	notice.deaths = deaths;
	notice.death_count = digest->row_count;
	notice.total = digest->total;
	notice_mail_clear(&desk->composed);
	notice_compose(&notice, &desk->composed);
	for (i = 0; i < DIGEST_ROWS_MAX; i++)
		buf_clear(&urls[i]);
}

/* The digest goes on living as the mail-add's lender of the webhook's name. */
struct add {
	struct work_mail_add work; /* first */
	struct work_digest *digest; /* NULL: it tells of a breaker */
	char *webhook; /* then: the name that is lent */
};

/* The composed mail is lent to the store until it answers. */
static void send_mail(struct notice_desk *desk, struct add *add)
{
	add->work.work.kind = WORK_MAIL_ADD;
	add->work.now_ms = now_wall_ms();
	add->work.from = desk->composed.from;
	add->work.recipients = desk->composed.recipients;
	add->work.message = desk->composed.message;
	add->work.message_len = desk->composed.message_len;
	send(desk, &add->work.work);
}

static void queue_mail(struct notice_desk *desk, struct work_digest *digest)
{
	struct add *add = mem_zalloc(sizeof(*add));

	compose(desk, digest);
	add->digest = digest;
	add->work.webhook = digest->webhook;
	add->work.upto = digest->upto;
	send_mail(desk, add);
}

void notice_breaker(struct notice_desk *desk, const struct target *target)
{
	const struct endpoint *endpoint = target->endpoint;
	struct news *news = mem_zalloc(sizeof(*news));
	struct news **last = &desk->news;
	auto_buf struct buf url = BUF_INIT(4096);

	mask_url(&url, endpoint->url, endpoint->url_secret);
	news->webhook = mem_strdup(target->webhook->id);
	news->endpoint = mem_strdup(endpoint->id);
	news->url = mem_strdup(buf_text(&url));
	news->rest = (struct notice_rest){
		.endpoint = news->endpoint,
		.url = news->url,
		.open = breaker_is_open(&target->breaker),
		.failures = target->breaker.failures,
		.until_ms = target->breaker.until_ms,
	};
	while (*last)
		last = &(*last)->next;
	*last = news;
}

static void queue_news(struct notice_desk *desk)
{
	const struct conf *conf = dispatch_plan(desk->sides.dispatch)->conf;
	struct news *news = desk->news;
	struct add *add = mem_zalloc(sizeof(*add));
	char host[256];
	char token[32];
	struct notice notice = frame(conf, conf_webhook(conf, news->webhook),
	    news->webhook, host, token);

	desk->news = news->next;
	notice.rest = &news->rest;
	notice_mail_clear(&desk->composed);
	notice_compose(&notice, &desk->composed);
	add->webhook = take(&news->webhook);
	add->work.webhook = add->webhook;
	free_news(news);
	send_mail(desk, add);
}

static void free_digest(struct work_digest *digest)
{
	if (!digest)
		return;
	work_digest_clear(digest);
	free(digest);
}

static void digest_answered(
    struct notice_desk *desk, struct work_digest *digest)
{
	if (digest->webhook) {
		queue_mail(desk, digest);
		return;
	}
	if (digest->last_notice_ms >= 0)
		expect(desk, digest->last_notice_ms + DIGEST_MS + 1);
	free_digest(digest);
	if (desk->mail || mailer_busy(desk->mailer))
		return;
	ask_mail(desk, now_wall_ms());
}

/* ---- mails are sent ------------------------------------------------------ */

struct mail_done {
	struct work_mail_done work; /* first */
	char *recipients;
};

static void settle_mail(
    struct notice_desk *desk, const char *left, int64_t due_ms)
{
	struct mail_done *settle = mem_zalloc(sizeof(*settle));

	settle->recipients = mem_strdup(left);
	settle->work.work.kind = WORK_MAIL_DONE;
	settle->work.mail = desk->mail->mail;
	settle->work.recipients = settle->recipients;
	settle->work.due_ms = due_ms;
	send(desk, &settle->work.work);
}

static int64_t next_try(const struct work_mail_next *mail, int64_t now_ms)
{
	size_t last = sizeof(mail_delays_ms) / sizeof(mail_delays_ms[0]) - 1;
	size_t at = (size_t)mail->tries < last ? (size_t)mail->tries : last;
	int64_t due_ms = now_ms + mail_delays_ms[at];

	return due_ms > mail->queued_ms + mail_give_up_ms ? -1 : due_ms;
}

static struct mailer_letter letter_of(const struct notice_desk *desk,
    const struct conf *conf, const struct work_mail_next *mail)
{
	return (struct mailer_letter){
		.settings = &conf->mail,
		.from = mail->from,
		.recipients = mail->recipients,
		.message = mail->message,
		.len = mail->message_len,
		.folder = desk->sides.mail_folder,
		.webhook = mail->webhook,
		.queued_ms = mail->queued_ms,
		.number = mail->mail,
	};
}

static void told(struct notice_desk *desk, const struct work_mail_next *mail,
    const char *recipients)
{
	const struct conf *conf = dispatch_plan(desk->sides.dispatch)->conf;
	struct mailer_letter letter = letter_of(desk, conf, mail);
	auto_free char *file = conf->mail.server ? NULL : mailer_file(&letter);

	record_mail_sent(desk->sides.record, mail->webhook, recipients, file);
}

static void mail_went(void *arg, const struct mail_result *result)
{
	struct notice_desk *desk = arg;
	struct work_mail_next *mail = desk->mail;
	int64_t now_ms = now_wall_ms();
	int64_t due_ms = next_try(mail, now_ms);
	const char *left = result->left;

	if (*result->sent)
		told(desk, mail, result->sent);
	if (*result->refused)
		record_mail_failed(desk->sides.record, mail->webhook,
		    result->refused, result->code, result->error, -1);
	if (*left)
		record_mail_failed(desk->sides.record, mail->webhook, left,
		    result->code, result->error, due_ms);
	settle_mail(desk, *left && due_ms >= 0 ? left : NULL, due_ms);
	free_mail(take(&desk->mail));
}

static void start_mail(struct notice_desk *desk, struct work_mail_next *mail)
{
	const struct conf *conf = dispatch_plan(desk->sides.dispatch)->conf;
	struct mailer_letter letter = letter_of(desk, conf, mail);
	struct why why;

	desk->mail = mail;
	if (mailer_send(desk->mailer, &letter, mail_went, desk, &why) == 0)
		return;
	say_warning("%s; the failure mail is sent later", why.text);
	free_mail(take(&desk->mail));
	expect(desk, now_wall_ms() + STORE_PAUSE_MS);
}

static void mail_answered(struct notice_desk *desk, struct work_mail_next *mail)
{
	if (mail->mail && !desk->stopping) {
		start_mail(desk, mail);
		return;
	}
	expect(desk, mail->next_due_ms);
	free_mail(mail);
}

/* ---- answers ------------------------------------------------------------- */

static void free_work(struct notice_desk *desk, struct work *work)
{
	if (work->kind == WORK_DIGEST) {
		free_digest((struct work_digest *)work);
		return;
	}
	if (work->kind == WORK_MAIL_NEXT) {
		free_mail((struct work_mail_next *)work);
		return;
	}
	if (work->kind == WORK_MAIL_ADD) {
		free_digest(((struct add *)work)->digest);
		free(((struct add *)work)->webhook);
		notice_mail_clear(&desk->composed);
	} else {
		free(((struct mail_done *)work)->recipients);
	}
	free(work);
}

void notice_answered(struct notice_desk *desk, struct work *work)
{
	bool failed = work->failed;

	desk->asking--;
	if (!failed && work->kind == WORK_DIGEST) {
		digest_answered(desk, (struct work_digest *)work);
		return;
	}
	if (!failed && work->kind == WORK_MAIL_NEXT) {
		mail_answered(desk, (struct work_mail_next *)work);
		return;
	}
	free_work(desk, work);
	if (failed)
		expect(desk, now_wall_ms() + STORE_PAUSE_MS);
	else
		desk->ringing = true;
}

void notice_stop(struct notice_desk *desk)
{
	desk->stopping = true;
}

bool notice_idle(const struct notice_desk *desk)
{
	return !desk->asking && !desk->ringing && !desk->mail && !desk->news;
}

bool notice_quiet(const struct notice_desk *desk)
{
	return !desk->asking;
}
