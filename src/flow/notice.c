/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * flow/notice: from deaths to mails, and from mails to the mail child.
 *
 * One question at a time: digest (who is to be told of deaths?), rest-next (of
 * an endpoint that rests, or works again?), mail-add (queue it and strike off
 * what it tells of, in one transaction), mail-next (which mail is due?),
 * mail-done. If we die in the middle, what is to be told or the mail are still
 * in the store; at worst a mail that was just sent is sent once more.
 */
#include "flow/notice.h"

#include "base/crash.h"
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
	DIGEST_MS = 15 * 60 * 1000, /* as spoolhook-webhook(5) says */
	STORE_PAUSE_MS = 5000,
};

/* A mail is tried again after these; the last one repeats, for five days, as
 * mail servers do. */
static const int64_t mail_delays_ms[] = { 60000, 300000, 900000, 3600000 };
static const int64_t mail_give_up_ms = 5 * 86400000LL;

struct notice_desk {
	struct notice_sides sides;
	struct mailer *mailer;
	struct work_mail_next *mail; /* being sent */
	struct notice_mail composed; /* lent to the store while it is queued */
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

void notice_close(struct notice_desk *desk)
{
	if (!desk)
		return;
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

static void ask_rest(struct notice_desk *desk, int64_t now_ms)
{
	struct work_rest_next *work = mem_zalloc(sizeof(*work));

	work->work.kind = WORK_REST_NEXT;
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

void notice_turn(struct notice_desk *desk, int64_t now_ms)
{
	bool due = desk->due_ms >= 0 && desk->due_ms <= now_ms;

	if (desk->asking || desk->stopping || (!desk->ringing && !due))
		return;
	desk->ringing = false;
	desk->due_ms = -1;
	ask_digest(desk, now_ms);
}

void notice_clock(struct notice_desk *desk, int64_t jump_ms)
{
	if (desk->due_ms >= 0)
		desk->due_ms += jump_ms;
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

/* What every mail of a webhook has; `place` holds what it points to. */
struct place {
	char token[32];
	char host[256];
};

static struct notice frame(
    const struct notice_desk *desk, const char *id, struct place *place)
{
	const struct conf *conf = dispatch_plan(desk->sides.dispatch)->conf;
	const struct webhook *webhook = conf_webhook(conf, id);

	snprintf(place->host, sizeof(place->host), "localhost");
	gethostname(place->host, sizeof(place->host) - 1);
	snprintf(place->token, sizeof(place->token), "%016llx",
	    (unsigned long long)dice_roll());
	return (struct notice){
		.webhook = id,
		.name = webhook ? webhook->name : NULL,
		.from = conf->mail.from,
		.to = recipients(conf, webhook),
		.host = place->host,
		.now_ms = now_wall_ms(),
		.token = place->token,
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
	struct place place;
	struct notice notice = frame(desk, digest->webhook, &place);
	size_t i;

	notice.deaths = deaths;
	notice.death_count = digest->row_count;
	notice.total = digest->total;
	for (i = 0; i < DIGEST_ROWS_MAX; i++)
		urls[i] = (struct buf)BUF_INIT(4096);
	describe(webhook, digest, deaths, urls);
	notice_mail_clear(&desk->composed);
	notice_compose(&notice, &desk->composed);
	for (i = 0; i < DIGEST_ROWS_MAX; i++)
		buf_clear(&urls[i]);
}

static void compose_rest(
    struct notice_desk *desk, const struct work_rest_next *asked)
{
	const struct conf *conf = dispatch_plan(desk->sides.dispatch)->conf;
	const struct webhook *webhook = conf_webhook(conf, asked->webhook);
	const struct endpoint *endpoint =
	    webhook ? webhook_endpoint(webhook, asked->name) : NULL;
	auto_buf struct buf url = BUF_INIT(4096);
	struct place place;
	struct notice notice = frame(desk, asked->webhook, &place);
	struct notice_rest rest = {
		.endpoint = asked->name,
		.resting = asked->resting,
		.failures = asked->failures,
		.since_ms = asked->since_ms,
		.last_status = asked->last_status,
		.last_code = asked->last_code,
	};

	if (endpoint) {
		mask_url(&url, endpoint->url, endpoint->url_secret);
		rest.url = buf_text(&url);
		rest.longest_ms = webhook->breaker.rest_ms;
		rest.give_up_ms = webhook->retry.give_up_after_ms;
	}
	notice_mail_clear(&desk->composed);
	notice_compose_rest(&notice, &rest, &desk->composed);
}

/* The question goes on living as the mail-add's lender of the webhook's name. */
struct add {
	struct work_mail_add work; /* first */
	struct work_digest *digest; /* one of these */
	struct work_rest_next *rest;
};

static void send_add(
    struct notice_desk *desk, struct add *add, const char *webhook)
{
	add->work.work.kind = WORK_MAIL_ADD;
	add->work.now_ms = now_wall_ms();
	add->work.webhook = webhook;
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
	add->work.upto = digest->upto;
	send_add(desk, add, digest->webhook);
}

static void queue_rest(struct notice_desk *desk, struct work_rest_next *rest)
{
	struct add *add = mem_zalloc(sizeof(*add));

	compose_rest(desk, rest);
	add->rest = rest;
	add->work.endpoint = rest->endpoint;
	add->work.resting = rest->resting;
	send_add(desk, add, rest->webhook);
}

static void free_digest(struct work_digest *digest)
{
	if (!digest)
		return;
	work_digest_clear(digest);
	free(digest);
}

static void free_rest(struct work_rest_next *rest)
{
	if (!rest)
		return;
	work_rest_next_clear(rest);
	free(rest);
}

/* No deaths to tell of: rests are next. */
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
	ask_rest(desk, now_wall_ms());
}

/* No rests either: mails are next. */
static void rest_answered(struct notice_desk *desk, struct work_rest_next *rest)
{
	if (rest->endpoint) {
		queue_rest(desk, rest);
		return;
	}
	if (rest->last_told_ms >= 0)
		expect(desk, rest->last_told_ms + DIGEST_MS + 1);
	free_rest(rest);
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

	crash_point(mail_went);
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
	if (mailer_send(desk->mailer, &letter, mail_went, desk, &why) == 0) {
		crash_point(mail_started);
		return;
	}
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
	if (work->kind == WORK_REST_NEXT) {
		free_rest((struct work_rest_next *)work);
		return;
	}
	if (work->kind == WORK_MAIL_NEXT) {
		free_mail((struct work_mail_next *)work);
		return;
	}
	if (work->kind == WORK_MAIL_ADD) {
		free_digest(((struct add *)work)->digest);
		free_rest(((struct add *)work)->rest);
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
	if (!failed && work->kind == WORK_REST_NEXT) {
		rest_answered(desk, (struct work_rest_next *)work);
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
	return !desk->asking && !desk->ringing && !desk->mail;
}

bool notice_quiet(const struct notice_desk *desk)
{
	return !desk->asking;
}
