/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * Addresses, messages, and the two lines between daemon and mail child: what
 * must be refused first, then that what is written can be read.
 */
#include "base/mem.h"
#include "model/mail.h"
#include "tap.h"

static void addresses(void)
{
	static const char *const bad[] = { "", "a", "@", "a@", "@b", "a@b c",
		"a b@c", "a@b\n", "x\r\nRCPT TO:<a@b>", "a\r\nb@c", "a@b@c",
		"<a@b", "a@b>", "<>", "x <a@b> y", "a@b,c@d", "a(x)@b",
		"m\xc3\xbc@b", "a@b\x7f", "\"a b\"@c" };
	static const char *const good[][2] = {
		{ "a@example.org", "a@example.org" },
		{ "  a@b ", "a@b" },
		{ "root@localhost", "root@localhost" },
		{ "On Call <on+call@example.org>", "on+call@example.org" },
		{ "\"x <y>\" <a@b> ", "a@b" },
	};
	char longest[300];
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		auto_free char *got = mail_address(bad[i]);

		ok(!got, "no address: case %zu", i);
	}
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		auto_free char *got = mail_address(good[i][0]);

		is_str(got, good[i][1], good[i][0]);
	}
	memset(longest, 'a', sizeof(longest));
	memcpy(longest + 290, "@b", 3);
	ok(!mail_address(longest), "an address over 254 bytes is none");
}

static void messages(void)
{
	auto_buf struct buf out = BUF_INIT(4096);
	struct why why = { "" };
	char line[MAIL_LINE_MAX + 2];

	is_int(mail_normalise(&out, "", 0, &why), -1, "an empty message fails");
	is_int(mail_normalise(&out, "a: b\n\n\0", 7, &why), -1,
	    "a NUL in a message fails");
	memset(line, 'x', sizeof(line));
	buf_reset(&out);
	is_int(mail_normalise(&out, line, MAIL_LINE_MAX + 1, &why), -1,
	    "a line that a server would refuse fails");
	has_str(why.text, "line 1 of the message has 999 bytes",
	    "and is named with its length");
	buf_reset(&out);
	is_int(mail_normalise(&out, line, MAIL_LINE_MAX, &why), 0,
	    "998 bytes are fine");
	buf_reset(&out);
	mail_normalise(&out, "A: b\nC: d\r\n\nx\ry\n", 16, &why);
	is_str(buf_text(&out), "A: b\r\nC: d\r\n\r\nx\r\ny\r\n",
	    "all line ends become CRLF");
	buf_reset(&out);
	mail_normalise(&out, "hello there: you", 16, &why);
	is_str(buf_text(&out), "\r\nhello there: you\r\n",
	    "text without headers gets an empty header block");
}

static void bad_jobs(void)
{
#define REST "\"starttls\":true,\"timeout_ms\":1,"
	static const char *const bad[] = {
		"",
		"[]",
		"{",
		"nonsense",
		"{\"server\":null," REST
		"\"from\":\"a@b\",\"recipients\":[\"c@d\"]}",
		"{\"server\":\"x\\ny\"," REST
		"\"from\":\"a@b\",\"recipients\":[\"c@d\"]}",
		"{\"server\":7," REST
		"\"from\":\"a@b\",\"recipients\":[\"c@d\"]}",
		"{\"server\":\"x\",\"starttls\":1,\"timeout_ms\":1,"
		"\"from\":\"a@b\",\"recipients\":[\"c@d\"]}",
		"{\"server\":\"x\",\"starttls\":true,\"timeout_ms\":0,"
		"\"from\":\"a@b\",\"recipients\":[\"c@d\"]}",
		"{\"server\":\"x\"," REST "\"recipients\":[\"c@d\"]}",
		"{\"server\":\"x\"," REST "\"from\":\"a@b\",\"recipients\":[]}",
		"{\"server\":\"x\"," REST
		"\"from\":\"a@b\",\"recipients\":[\"c@d\",7]}",
		"{\"server\":\"x\"," REST
		"\"from\":\"a@b\",\"recipients\":[\"c@d\\r\\nDATA\"]}",
	};
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct mail_job job;
		struct why why = { "" };

		ok(mail_job_parse(&job, bad[i], strlen(bad[i]), &why) < 0 &&
			why.text[0] && !job.recipients,
		    "a job that is none is refused with a sentence: %s",
		    bad[i]);
	}
}

static void job_and_back(void)
{
	struct mail_settings settings = {
		.server = (char[]){ "smtp.example.org:587" },
		.starttls = STARTTLS_REQUIRED,
		.user = (char[]){ "hooks" },
		.password = (char[]){ "p\"\\\xc3\xa4 " },
		.timeout_ms = 60000,
	};
	auto_buf struct buf line = BUF_INIT(65536);
	struct mail_job job;
	struct why why = { "" };

	mail_job_print(&line, &settings, "a@b", "c@d\ne@f\n");
	ok(strcspn(buf_text(&line), "\n") == line.len - 1, "a job is one line");
	ok(mail_job_parse(&job, buf_text(&line), line.len, &why) == 0,
	    "a job that was written can be read");
	is_str(job.settings.password, settings.password,
	    "the password comes over byte by byte");
	ok(job.settings.starttls == STARTTLS_REQUIRED && !job.settings.ca_file,
	    "STARTTLS and what is not set stay as they are");
	ok(job.recipient_count == 2 && !strcmp(job.recipients[1], "e@f") &&
		!job.recipients[2],
	    "every recipient arrives");
	mail_job_clear(&job);
	ok(!job.settings.password && !job.recipients,
	    "a cleared job can be cleared again");
	mail_job_clear(&job);
}

static void results(void)
{
	struct mail_result result;
	struct why why = { "" };
	auto_buf struct buf line = BUF_INIT(65536);
	static const char *const bad[] = { "", "{}", "{\"sent\":[]}",
		"{\"sent\":[\"x\"],\"left\":[],\"refused\":[],"
		"\"permanent\":false,\"code\":0,\"error\":\"\"}",
		"{\"sent\":[],\"left\":[],\"refused\":[],"
		"\"permanent\":false,\"code\":1000,\"error\":\"\"}",
		"{\"sent\":[],\"left\":{},\"refused\":[],"
		"\"permanent\":false,\"code\":0,\"error\":\"\"}" };
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ok(mail_result_parse(&result, bad[i], strlen(bad[i]), &why) <
			    0 &&
			!result.sent,
		    "a result that is none is refused: %s", bad[i]);
	mail_result_failed(&result, "a@b\nc@d", "server \"down\"\n");
	result.permanent = true;
	result.code = 451;
	mail_result_print(&line, &result);
	mail_result_clear(&result);
	ok(mail_result_parse(&result, buf_text(&line), line.len, &why) == 0,
	    "a result that was written can be read");
	is_str(result.left, "a@b\nc@d", "who is left, one a line");
	is_str(result.sent, "", "nobody was served");
	ok(result.permanent && result.code == 451, "code and permanence");
	is_str(result.error, "server \"down\"\n", "and the sentence");
	mail_result_clear(&result);
}

int main(void)
{
	addresses();
	messages();
	bad_jobs();
	job_and_back();
	results();
	return done();
}
