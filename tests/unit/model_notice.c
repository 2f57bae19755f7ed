/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * The failure mail, read as a mail program and a person read it: hostile names
 * and answers first, then what somebody needs at three in the morning. The
 * helper `plain` undoes quoted-printable by its own rules, so the encoder is
 * not its own judge.
 */
#include "base/mem.h"
#include "base/text.h"
#include "model/mail.h"
#include "model/mime.h"
#include "model/notice.h"
#include "tap.h"

#include <ctype.h>

static const struct notice_death one_death = {
	.endpoint = "0",
	.url = "https://pager.example.org/v1/incidents",
	.event_id = "01HF3V9K2M4N6P8Q",
	.event_type = "incident_triggered",
	.incident = "61c075f78589dca75fdb2f44",
	.message = "CPU Throttling: Over 90% of cpu is being utilized",
	.tries = 4,
	.died_ms = 1640003063110,
	.last_status = 503,
	.last_code = "http_5xx",
	.last_error = "HTTP status 503",
	.last_answer = "{\"error\":\"overloaded\"}",
};

static char *both[] = { (char[]){ "oncall@example.org" },
	(char[]){ "Ops Team <ops@example.org>" }, NULL };

static struct notice sample(const struct notice_death *deaths, size_t count)
{
	return (struct notice){
		.webhook = "pager",
		.name = "Pager bridge",
		.deaths = deaths,
		.death_count = count,
		.total = (int64_t)count,
		.from = "Webhook dispatcher <hooks@example.org>",
		.to = both,
		.host = "mon1.example.org",
		.now_ms = 1640003063110,
		.token = "01HF3V9K2M4N6P8Q.1",
	};
}

static char *plain(const char *message)
{
	const char *s = strstr(message, "\r\n\r\n");
	const char *as_it_is = strstr(message, "Transfer-Encoding: 7bit\r\n");
	auto_buf struct buf out = BUF_INIT(1 << 20);

	for (s = s ? s + 4 : ""; *s; s++) {
		unsigned int byte;

		if (as_it_is) {
			if (*s != '\r')
				buf_putc(&out, *s);
			continue;
		}
		if (*s == '=' && s[1] == '\r') {
			s += 2;
			continue;
		}
		if (*s == '=' && sscanf(s + 1, "%2X", &byte) == 1) {
			buf_putc(&out, (char)byte);
			s += 2;
			continue;
		}
		if (*s != '\r')
			buf_putc(&out, *s);
	}
	return buf_steal(&out);
}

/* The header's value, unfolded; NULL when it is not there exactly once. */
static char *header(const char *message, const char *name)
{
	const char *end = strstr(message, "\r\n\r\n");
	char *value = NULL;
	const char *s;
	int count = 0;

	for (s = message; s && s < end; s = strstr(s, "\r\n") + 2) {
		size_t len = strlen(name);
		auto_buf struct buf out = BUF_INIT(65536);

		if (strncasecmp(s, name, len) != 0 || s[len] != ':')
			continue;
		count++;
		for (s += len + 2; s[0] != '\r' || isblank(s[2]); s++) {
			if (*s != '\r' && *s != '\n')
				buf_putc(&out, *s);
		}
		free(value);
		value = buf_steal(&out);
	}
	if (count == 1)
		return value;
	free(value);
	return NULL;
}

static void check_form(const struct notice_mail *mail, const char *what)
{
	size_t widest = 0;
	size_t column = 0;
	int bad = 0;
	size_t i;

	for (i = 0; i < mail->message_len; i++) {
		unsigned char c = (unsigned char)mail->message[i];

		column = c == '\n' ? 0 : column + 1;
		if (column > widest)
			widest = column;
		if (c == '\n' && (i == 0 || mail->message[i - 1] != '\r'))
			bad++;
		if (c == '\r' && mail->message[i + 1] != '\n')
			bad++;
		if (c > 0x7e || (c < 0x20 && !strchr("\r\n\t", c)) || !c)
			bad++;
	}
	ok(bad == 0 && widest <= 300 && strlen(mail->message) == i,
	    "%s: only CRLF, printable ASCII and short lines (widest %zu)", what,
	    widest);
}

static void hostile(void)
{
	struct notice_death evil = one_death;
	struct notice_mail mail;
	struct notice notice;
	char name[] = "Evil\r\nBcc: all@example.org\r\n\r\nhello \x1b[2J\xff";

	evil.message = "x\r\n.\r\nQUIT\r\n\x1b]0;owned\x07\xe2\x80\xae";
	evil.event_type = "incident\r\nX-Evil: 1";
	evil.last_answer = "\xff\xfe<script>\0hidden";
	evil.last_error = "a\nb";
	notice = sample(&evil, 1);
	notice.name = name;
	notice.token = "t\r\nX-Evil: 2";
	notice.host = "h>\r\nX-Evil: 3";
	notice_compose(&notice, &mail);
	check_form(&mail, "a hostile event");
	{
		auto_free char *bcc = header(mail.message, "Bcc");
		auto_free char *x = header(mail.message, "X-Evil");
		auto_free char *body = plain(mail.message);

		ok(!bcc && !x, "a line break in a name adds no header");
		has_str(body, "\\x1b]0;owned\\x07",
		    "escape sequences are shown, not obeyed");
		ok(!strchr(body, '\x1b'), "no escape character is left");
		has_str(body, "\\xff\\xfe<script>",
		    "bytes that are no UTF-8 are shown in hex");
	}
	notice_mail_clear(&mail);
}

static void hostile_addresses(void)
{
	char *to[] = { (char[]){ "a@b\r\nRCPT TO:<c@d>" },
		(char[]){ "no-at-sign" },
		(char[]){ "m\xc3\xbcller@example.org" },
		(char[]){ "fine@example.org" }, NULL };
	struct notice notice = sample(&one_death, 1);
	struct notice_mail mail;

	notice.to = to;
	notice.from = "bad\r\nsender";
	notice_compose(&notice, &mail);
	is_str(mail.recipients, "fine@example.org",
	    "what is no address is left out, the others are told");
	is_str(mail.from, "spoolhook@mon1.example.org",
	    "a sender that is none is replaced by spoolhook@host");
	notice_mail_clear(&mail);
	to[3] = NULL;
	notice_compose(&notice, &mail);
	ok(!mail.recipients && !mail.message,
	    "with nobody to tell there is no message");
	notice_mail_clear(&mail);
}

static void long_things(void)
{
	struct notice_death death = one_death;
	struct notice_mail mail;
	struct notice notice;
	auto_free char *huge = mem_zalloc(100001);
	auto_free char *body = NULL;

	memset(huge, 'a', 100000);
	memcpy(huge + 199, "\xc3\xa4", 2);
	death.message = death.last_answer = death.incident = huge;
	notice = sample(&death, 1);
	notice.name = huge;
	notice_compose(&notice, &mail);
	check_form(&mail, "fields of 100,000 bytes");
	ok(mail.message_len < 4096, "long fields are cut");
	body = plain(mail.message);
	has_str(body, "aaa\xe2\x80\xa6", "and the cut is shown");
	ok(!strstr(body, "\\xc3"), "a character is not cut in two");
	notice_mail_clear(&mail);
}

static void first_notice(void)
{
	struct notice notice = sample(&one_death, 1);
	struct notice_mail mail;
	static const char *const wanted[][2] = {
		{ "From", "\"Webhook dispatcher\" <hooks@example.org>" },
		{ "To", "oncall@example.org,\t\"Ops Team\" <ops@example.org>" },
		{ "Subject",
		    "[spoolhook] Pager bridge: delivery failed (HTTP 503)" },
		{ "Date", "Mon, 20 Dec 2021 12:24:23 +0000" },
		{ "Message-ID", "<01HF3V9K2M4N6P8Q.1@mon1.example.org>" },
		{ "Auto-Submitted", "auto-generated" },
		{ "Precedence", "bulk" },
		{ "X-Spoolhook-Webhook", "pager" },
		{ "MIME-Version", "1.0" },
		{ "Content-Type", "text/plain; charset=UTF-8" },
		{ "Content-Transfer-Encoding", "7bit" },
	};
	static const char *const told[] = {
		"Pager bridge",
		"https://pager.example.org/v1/incidents",
		"incident_triggered 01HF3V9K2M4N6P8Q",
		"61c075f78589dca75fdb2f44",
		"CPU Throttling: Over 90% of cpu is being utilized",
		"4, the last one with HTTP 503",
		"{\"error\":\"overloaded\"}",
		"2021-12-20 12:24:23 UTC",
		"spoolhook show 01HF3V9K2M4N6P8Q-pager-0\n",
		"spoolhook resend 01HF3V9K2M4N6P8Q-pager-0\n",
	};
	auto_free char *body = NULL;
	size_t i;

	notice.now_ms = 1640003063110 - 1640003063110 % 1000;
	notice_compose(&notice, &mail);
	check_form(&mail, "a first notice");
	for (i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		auto_free char *value = header(mail.message, wanted[i][0]);

		is_str(value, wanted[i][1], wanted[i][0]);
	}
	is_str(mail.from, "hooks@example.org",
	    "the envelope has the sender's bare address");
	is_str(mail.recipients, "oncall@example.org\nops@example.org",
	    "and the recipients' bare addresses");
	body = plain(mail.message);
	for (i = 0; i < sizeof(told) / sizeof(told[0]); i++)
		has_str(body, told[i], told[i]);
	notice_mail_clear(&mail);
}

static void no_answer(void)
{
	struct notice_death death = one_death;
	struct notice notice;
	struct notice_mail mail;
	auto_free char *subject = NULL;
	auto_free char *body = NULL;

	death.last_status = 0;
	death.last_code = "timeout";
	death.url = NULL;
	death.incident = "";
	death.last_answer = "";
	notice = sample(&death, 1);
	notice.name = NULL;
	notice_compose(&notice, &mail);
	subject = header(mail.message, "Subject");
	is_str(subject, "[spoolhook] pager: delivery failed (timeout)",
	    "without an answer the subject has the error, without a name "
	    "the id");
	body = plain(mail.message);
	has_str(body, "of the webhook\n\"pager\". The events are kept;",
	    "... which the text says once");
	notice_mail_clear(&mail);
}

static void digest(void)
{
	struct notice_death deaths[NOTICE_LISTED_MAX + 5];
	struct notice notice = sample(deaths, NOTICE_LISTED_MAX + 5);
	struct notice_mail mail;
	auto_free char *subject = NULL;
	auto_free char *body = NULL;
	const char *at;
	int listed = 0;
	size_t i;

	for (i = 0; i < notice.death_count; i++)
		deaths[i] = one_death;
	notice.total = 1000;
	notice_compose(&notice, &mail);
	subject = header(mail.message, "Subject");
	is_str(subject,
	    "[spoolhook] Pager bridge: 1000 deliveries failed (HTTP 503)",
	    "a digest counts in its subject");
	body = plain(mail.message);
	for (at = body; (at = strstr(at, "resend:")); at++)
		listed++;
	is_int(listed, NOTICE_LISTED_MAX, "it lists at most twenty");
	has_str(body, "980 more are not listed here", "and counts the rest");
	check_form(&mail, "a digest");
	notice_mail_clear(&mail);
	free(subject);
	deaths[1].last_status = 500;
	notice_compose(&notice, &mail);
	subject = header(mail.message, "Subject");
	has_str(subject, "(HTTP 503 and others)",
	    "different reasons are not hidden behind the first");
	notice_mail_clear(&mail);
}

static void foreign_names(void)
{
	struct notice notice = sample(&one_death, 1);
	struct notice_mail mail;
	auto_free char *subject = NULL;

	notice.name = "St\xc3\xb6rungs-Melder \xe2\x98\x8e f\xc3\xbcr alle";
	notice.from = "M\xc3\xbcller <m@example.org>";
	notice_compose(&notice, &mail);
	check_form(&mail, "names that are not ASCII");
	subject = header(mail.message, "Subject");
	is_str(subject,
	    "=?UTF-8?Q?=5Bspoolhook=5D_St=C3=B6rungs-Melder_=E2=98=8E_f=C3=BC?="
	    " =?UTF-8?Q?r_alle=3A_delivery_failed_=28HTTP_503=29?=",
	    "a subject that is not ASCII comes in encoded words of 75 at most");
	has_str(mail.message, "From: =?UTF-8?Q?M=C3=BCller?= <m@example.org>",
	    "a sender's name likewise");
	notice_mail_clear(&mail);
}

static void commands(void)
{
	struct notice notice = sample(&one_death, 1);
	struct notice_mail mail;
	auto_free char *body = NULL;

	notice.config_dir = "/srv/it's here";
	notice_compose(&notice, &mail);
	body = plain(mail.message);
	has_str(body,
	    "spoolhook resend -c '/srv/it'\\''s here' "
	    "01HF3V9K2M4N6P8Q-pager-0\n",
	    "another configuration is named in the commands, quoted for "
	    "a shell");
	notice_mail_clear(&mail);
}

static void quoted_printable(void)
{
	auto_buf struct buf out = BUF_INIT(65536);
	static const char text[] = "a=b \n\ttab\t\nend";

	mime_quoted_printable(&out, text, sizeof(text) - 1);
	is_str(buf_text(&out), "a=3Db=20\r\n\ttab=09\r\nend\r\n",
	    "blanks at a line's end and equal signs are encoded");
	buf_reset(&out);
	mime_quoted_printable(&out, "", 0);
	is_str(buf_text(&out), "", "nothing gives nothing");
	buf_reset(&out);
	mime_text(&out, "=?UTF-8?Q?fake?=", 0);
	ok(!strstr(buf_text(&out), "fake?= ") &&
		text_starts(buf_text(&out), "=?UTF-8?Q?=3D=3F"),
	    "text that looks like an encoded word is encoded itself");
}

int main(void)
{
	hostile();
	hostile_addresses();
	long_things();
	first_notice();
	no_answer();
	digest();
	foreign_names();
	commands();
	quoted_printable();
	return done();
}
