/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * model/notice: composes the mail that tells people that webhooks failed. It
 * owns the words and their order, written for somebody who was woken up: what
 * failed, why, and the commands to type. It promises that nothing from an event
 * or an answer reaches a header raw or a terminal unseen, that all lines are
 * short and 7-bit, and that no payload and no secret is in it: URLs come
 * masked. It knows no clock and sends nothing; composed twice from the same
 * values it is the same mail.
 */
#include "model/notice.h"

#include "base/mem.h"
#include "base/text.h"
#include "base/version.h"
#include "model/id.h"
#include "model/mail.h"
#include "model/mime.h"

#include <assert.h>
#include <ctype.h>
#include <stdbool.h>
#include <string.h>

/* How much of a text is shown, in bytes; a mail is no archive. */
enum {
	NAME_MAX_SHOWN = 80,
	FIELD_MAX = 200,
	ERROR_MAX = 300,
	ANSWER_MAX = 500,
	HOST_MAX = 200,
	BODY_MAX = 256 * 1024,
};

/* Adds at most `max` bytes of a text from outside, whole characters, on one
 * line. */
static void show(struct buf *out, const char *text, size_t max)
{
	auto_free char *line = mem_strdup(text ? text : "");
	size_t len = strlen(line);
	size_t i = 0;
	char *c;

	for (c = line; *c; c++) {
		if (*c == '\n' || *c == '\r' || *c == '\t')
			*c = ' ';
	}
	if (len <= max) {
		text_visible(out, line, len);
		return;
	}
	while (i < max) {
		size_t width = text_utf8_width(line + i, len - i);

		if (i + (width ? width : 1) > max)
			break;
		i += width ? width : 1;
	}
	text_visible(out, line, i);
	buf_puts(out, "\xe2\x80\xa6");
}

static const char *title(const struct notice *notice)
{
	return notice->name && *notice->name ? notice->name : notice->webhook;
}

/* What went wrong last, in the fewest words: "HTTP 503", "timeout". */
static void reason_of(struct buf *out, int status, const char *code)
{
	if (status)
		buf_printf(out, "HTTP %d", status);
	else if (code && *code)
		show(out, code, FIELD_MAX);
	else
		buf_puts(out, "no answer");
}

static void reason(struct buf *out, const struct notice_death *death)
{
	reason_of(out, death->last_status, death->last_code);
}

static bool same_reason(const struct notice *notice)
{
	auto_buf struct buf first = BUF_INIT(FIELD_MAX * 4);
	auto_buf struct buf other = BUF_INIT(FIELD_MAX * 4);
	size_t i;

	reason(&first, &notice->deaths[0]);
	for (i = 1; i < notice->death_count; i++) {
		buf_reset(&other);
		reason(&other, &notice->deaths[i]);
		if (strcmp(buf_text(&first), buf_text(&other)) != 0)
			return false;
	}
	return true;
}

static void subject(struct buf *out, const struct notice *notice)
{
	buf_puts(out, "[spoolhook] ");
	show(out, title(notice), NAME_MAX_SHOWN);
	if (notice->total > 1)
		buf_printf(out, ": %lld deliveries failed (",
		    (long long)notice->total);
	else
		buf_puts(out, ": delivery failed (");
	reason(out, &notice->deaths[0]);
	buf_puts(out, same_reason(notice) ? ")" : " and others)");
}

/* ---- headers ------------------------------------------------------------ */

/* The host's name as a domain, for Message-ID and the default sender. */
static char *domain(const char *host)
{
	auto_buf struct buf out = BUF_INIT(HOST_MAX);

	for (; host && *host; host++) {
		if (isalnum((unsigned char)*host) || *host == '-' ||
		    *host == '.')
			buf_putc(&out, *host);
	}
	return mem_strdup(out.len ? buf_text(&out) : "localhost");
}

static char *sender(const struct notice *notice)
{
	auto_free char *host = domain(notice->host);
	char *from = notice->from ? mail_address(notice->from) : NULL;

	return from ? from : mem_printf("spoolhook@%s", host);
}

/* `Name <a@b>` with the name encoded, or the address alone. */
static void mailbox(struct buf *out, const char *text, const char *address)
{
	const char *angle = text ? strrchr(text, '<') : NULL;
	auto_free char *name = NULL;
	char *start;
	size_t len;

	if (!angle || angle == text) {
		buf_puts(out, address);
		return;
	}
	name = mem_strndup(text, (size_t)(angle - text));
	start = name + strspn(name, " \"");
	len = strlen(start);
	while (len && strchr(" \"", start[len - 1]))
		start[--len] = '\0';
	if (len) {
		mime_phrase(out, start);
		buf_putc(out, ' ');
	}
	buf_printf(out, "<%s>", address);
}

/* Adds the To header's value and the envelope's lines; what is no address is
 * left out. */
static void recipients(
    const struct notice *notice, struct buf *header, struct buf *lines)
{
	char *const *to;
	int count = 0;

	for (to = notice->to; to && *to; to++) {
		auto_free char *address = mail_address(*to);

		if (!address || count++ >= MAIL_RECIPIENTS_MAX)
			continue;
		if (header->len)
			buf_puts(header, ",\r\n\t");
		mailbox(header, *to, address);
		buf_printf(lines, "%s%s", lines->len ? "\n" : "", address);
	}
}

static void headers(struct buf *out, const struct notice *notice,
    const struct notice_mail *mail, const char *to, struct buf *title)
{
	const char *from = mail->from;
	auto_free char *host = domain(notice->host);

	/* A sender that is no address was replaced, its name is not kept. */
	buf_puts(out, "From: ");
	mailbox(out,
	    notice->from && strstr(notice->from, from) ? notice->from : NULL,
	    from);
	buf_printf(out, "\r\nTo: %s\r\nSubject: ", to);
	mime_text(out, buf_text(title), sizeof("Subject: ") - 1);
	buf_puts(out, "\r\nDate: ");
	mime_date(out, notice->now_ms);
	buf_puts(out, "\r\nMessage-ID: <");
	mime_text(out, notice->token, 0);
	buf_printf(out, "@%s>\r\n", host);
	/* RFC 3834: no vacation answers to a machine. */
	buf_puts(out,
	    "Auto-Submitted: auto-generated\r\nPrecedence: bulk\r\n"
	    "X-Spoolhook-Webhook: ");
	mime_text(out, notice->webhook, 21);
	buf_puts(out,
	    "\r\nMIME-Version: 1.0\r\n"
	    "Content-Type: text/plain; charset=UTF-8\r\n");
}

/* ---- body --------------------------------------------------------------- */

/* `2021-12-20 12:24:23 UTC` */
static void moment(struct buf *out, int64_t wall_ms)
{
	char text[TEXT_TIME_SIZE];

	text_time(text, wall_ms);
	buf_printf(out, "%.10s %.8s UTC", text, text + 11);
}

/* A command that can be pasted: `spoolhook show -c DIR ` */
static void command(
    struct buf *out, const struct notice *notice, const char *verb)
{
	buf_printf(out, "spoolhook %s ", verb);
	if (!notice->config_dir)
		return;
	buf_puts(out, "-c ");
	text_shell(out, notice->config_dir);
	buf_putc(out, ' ');
}

static void why_dead(struct buf *out, const struct notice_death *death)
{
	if (death->tries || death->last_status) {
		buf_printf(
		    out, "  attempts:  %d, the last one with ", death->tries);
		reason(out, death);
		buf_putc(out, '\n');
	} else {
		buf_puts(out,
		    "  attempts:  none, it waited for an endpoint "
		    "that rests\n");
	}
	if (death->last_error && *death->last_error) {
		buf_puts(out, "  error:     ");
		show(out, death->last_error, ERROR_MAX);
		buf_putc(out, '\n');
	}
	if (death->last_answer && *death->last_answer) {
		buf_puts(out, "  answer:    ");
		show(out, death->last_answer, ANSWER_MAX);
		buf_putc(out, '\n');
	}
	buf_puts(out, "  gave up:   ");
	moment(out, death->died_ms);
	buf_putc(out, '\n');
}

static void what_died(struct buf *out, const struct notice_death *death)
{
	buf_puts(out, "  event:     ");
	show(out, death->event_type, FIELD_MAX);
	buf_printf(out, " %s\n", death->event_id);
	if (death->incident && *death->incident) {
		buf_puts(out, "  incident:  ");
		show(out, death->incident, FIELD_MAX);
		buf_putc(out, '\n');
	}
	if (death->message && *death->message) {
		buf_puts(out, "  message:   ");
		show(out, death->message, FIELD_MAX);
		buf_putc(out, '\n');
	}
	buf_puts(out, "  endpoint:  ");
	show(out, death->endpoint, FIELD_MAX);
	if (death->url) {
		buf_puts(out, "  ");
		show(out, death->url, FIELD_MAX);
	}
	buf_putc(out, '\n');
}

static void entry(struct buf *out, const struct notice *notice,
    const struct notice_death *death)
{
	char delivery[ID_DELIVERY_SIZE];

	id_delivery(
	    delivery, death->event_id, notice->webhook, death->endpoint);
	buf_printf(out, "\n%s\n", delivery);
	what_died(out, death);
	why_dead(out, death);
	buf_puts(out, "  look:      ");
	command(out, notice, "show");
	buf_printf(out, "%s\n  resend:    ", delivery);
	command(out, notice, "resend");
	buf_printf(out, "%s\n", delivery);
}

/* `"Pager bridge" (pager)`, and `"pager"` where the id is all there is. */
static void called(struct buf *out, const struct notice *notice)
{
	buf_putc(out, '"');
	show(out, title(notice), NAME_MAX_SHOWN);
	buf_putc(out, '"');
	if (strcmp(title(notice), notice->webhook) != 0)
		buf_printf(out, " (%s)", notice->webhook);
}

static void opening(struct buf *out, const struct notice *notice)
{
	buf_puts(out, "spoolhook on ");
	show(out, notice->host, HOST_MAX);
	if (notice->total > 1)
		buf_printf(out, " gave up on %lld deliveries",
		    (long long)notice->total);
	else
		buf_puts(out, " gave up on a delivery");
	buf_puts(out, " of the webhook\n");
	called(out, notice);
	buf_puts(out,
	    ". The events are kept; nothing tries again by itself.\n"
	    "When the endpoint works, resend what is still wanted.\n");
}

static void closing(struct buf *out, const struct notice *notice, size_t listed)
{
	long long rest = (long long)notice->total - (long long)listed;

	if (rest > 0)
		buf_printf(out, "\n%lld more %s not listed here.\n", rest,
		    rest == 1 ? "is" : "are");
	buf_puts(out, "\nAll failures of this webhook:\n  ");
	command(out, notice, "log");
	buf_printf(out, "--failed --webhook %s\n", notice->webhook);
	buf_puts(out, "\n-- \nspoolhook " VERSION "\n");
}

static void body(struct buf *text, const struct notice *notice)
{
	size_t listed = notice->death_count;
	size_t i;

	if (listed > NOTICE_LISTED_MAX)
		listed = NOTICE_LISTED_MAX;
	opening(text, notice);
	for (i = 0; i < listed; i++)
		entry(text, notice, &notice->deaths[i]);
	closing(text, notice, listed);
}

/* Commands can be copied from a message that needs no encoding, also where it
 * is read as a file. */
static void encode(struct buf *out, struct buf *text)
{
	if (mime_is_plain(buf_text(text), text->len)) {
		buf_puts(out, "Content-Transfer-Encoding: 7bit\r\n\r\n");
		mime_plain(out, buf_text(text), text->len);
		return;
	}
	buf_puts(out, "Content-Transfer-Encoding: quoted-printable\r\n\r\n");
	mime_quoted_printable(out, buf_text(text), text->len);
}

/* Envelope, headers and body around a subject and a text. */
static void frame(const struct notice *notice, struct buf *title,
    struct buf *text, struct notice_mail *mail)
{
	auto_buf struct buf to = BUF_INIT(64 * 1024);
	auto_buf struct buf lines = BUF_INIT(64 * 1024);
	auto_buf struct buf out = BUF_INIT(MAIL_MESSAGE_MAX);

	*mail = (struct notice_mail){ .from = sender(notice) };
	recipients(notice, &to, &lines);
	if (!lines.len)
		return;
	mail->recipients = buf_steal(&lines);
	headers(&out, notice, mail, buf_text(&to), title);
	encode(&out, text);
	mail->message_len = out.len;
	mail->message = buf_steal(&out);
}

void notice_compose(const struct notice *notice, struct notice_mail *mail)
{
	auto_buf struct buf title = BUF_INIT(4096);
	auto_buf struct buf text = BUF_INIT(BODY_MAX);

	assert(notice->death_count && notice->total > 0);
	subject(&title, notice);
	body(&text, notice);
	frame(notice, &title, &text, mail);
}

/* ---- rests ---------------------------------------------------------------- */

static void rest_subject(struct buf *out, const struct notice *notice,
    const struct notice_rest *rest)
{
	buf_puts(out, "[spoolhook] ");
	show(out, title(notice), NAME_MAX_SHOWN);
	buf_puts(out, ": endpoint ");
	show(out, rest->endpoint, FIELD_MAX);
	if (!rest->resting) {
		buf_puts(out, " works again");
		return;
	}
	buf_puts(out, " rests (");
	reason_of(out, rest->last_status, rest->last_code);
	buf_putc(out, ')');
}

static void rest_facts(struct buf *out, const struct notice_rest *rest)
{
	buf_puts(out, "\n  endpoint:  ");
	show(out, rest->endpoint, FIELD_MAX);
	if (rest->url) {
		buf_puts(out, "  ");
		show(out, rest->url, FIELD_MAX);
	}
	if (rest->resting) {
		buf_printf(out,
		    "\n  attempts:  %d failed in a row, the last "
		    "one with ",
		    rest->failures);
		reason_of(out, rest->last_status, rest->last_code);
	}
	buf_puts(
	    out, rest->resting ? "\n  since:     " : "\n  rested:    since ");
	moment(out, rest->since_ms);
	buf_putc(out, '\n');
}

static void rest_meaning(struct buf *out, const struct notice_rest *rest)
{
	char span[TEXT_DURATION_SIZE];

	if (!rest->resting) {
		buf_puts(out, "\nWhat waited for it is being sent now.\n");
		return;
	}
	buf_puts(out,
	    "\nDeliveries to it wait and spend no attempts. It is "
	    "tried by itself, one call at\na time");
	if (rest->longest_ms)
		buf_printf(out, ", after rests of up to %s",
		    text_exact_duration(span, rest->longest_ms));
	buf_puts(out, "; when one succeeds, all goes on.\n");
	if (rest->give_up_ms)
		buf_printf(out, "What has waited for %s is given up.\n",
		    text_exact_duration(span, rest->give_up_ms));
}

static void rest_body(struct buf *out, const struct notice *notice,
    const struct notice_rest *rest)
{
	buf_puts(out, "spoolhook on ");
	show(out, notice->host, HOST_MAX);
	buf_puts(out,
	    rest->resting ? " lets an endpoint rest, of the webhook\n"
			  : " reaches an endpoint again, of the webhook\n");
	called(out, notice);
	buf_puts(out, ".\n");
	rest_facts(out, rest);
	rest_meaning(out, rest);
	buf_puts(out, "\nWhat waits:\n  ");
	command(out, notice, "queue");
	buf_printf(out, "--webhook %s\n", notice->webhook);
	buf_puts(out, "\n-- \nspoolhook " VERSION "\n");
}

void notice_compose_rest(const struct notice *notice,
    const struct notice_rest *rest, struct notice_mail *mail)
{
	auto_buf struct buf title = BUF_INIT(4096);
	auto_buf struct buf text = BUF_INIT(BODY_MAX);

	rest_subject(&title, notice, rest);
	rest_body(&text, notice, rest);
	frame(notice, &title, &text, mail);
}

void notice_mail_clear(struct notice_mail *mail)
{
	free(mail->from);
	free(mail->recipients);
	free(mail->message);
	*mail = (struct notice_mail){ 0 };
}
