/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * cmd/listen: an endpoint to point a webhook at. It prints what arrives, for
 * people or as JSON lines, each request at once and whole, and plays back the
 * statuses it was told, so that retries can be watched.
 *
 * It shows headers as they came, Authorization included: it stands where the
 * endpoint stands, and there the secret has arrived. Payloads go to a terminal
 * in visible form only. It keeps nothing; if it dies, senders try again.
 */
#include "base/jot.h"
#include "base/now.h"
#include "base/say.h"
#include "base/text.h"
#include "cmd/verb.h"
#include "port/receiver.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum { DEFAULT_PORT = 9099, PARTS_MAX = 64, SHOWN_MAX = 64 * 1024 };
/* Escapes make a JSON string up to six times as long as its bytes. */
enum { LINE_MAX_BYTES = 7 * RECEIVED_BODY_MAX };

static const struct verb_option options[] = {
	{ 'p', "port", "N", "listen here (default 9099; 0: a free one)", false,
	    false },
	{ 0, "address", "ADDRESS", "numeric, default 127.0.0.1", false, false },
	{ 0, "status", "LIST", "answer 503*3,200 in turn; the last repeats",
	    false, false },
	{ 0, "delay", "DUR", "wait before each answer", false, false },
	{ 'n', "count", "N", "end after N requests", false, false },
	{ 0, NULL, NULL, NULL, false, false },
};

/* Statuses to play back: each so many times, the last one for ever. */
struct script {
	struct {
		int status;
		int64_t times;
	} parts[PARTS_MAX];
	size_t count;
	size_t at;
	int64_t played; /* of the part at */
};

struct listening {
	const struct args *args;
	struct receiver *receiver;
	struct script script;
	int64_t delay_ms;
	int64_t left; /* requests to take; -1 without end */
	int signals;
};

/* ---- the script -------------------------------------------------------- */

/* `503` or `503*3`. */
static bool add_part(struct script *script, char *text)
{
	char *star = strchr(text, '*');
	int64_t times = 1;
	int64_t status;

	if (star) {
		*star = '\0';
		if (!text_int(star + 1, 1, 1000000000, &times))
			return false;
	}
	if (script->count == PARTS_MAX || !text_int(text, 200, 599, &status))
		return false;
	script->parts[script->count].status = (int)status;
	script->parts[script->count].times = times;
	script->count++;
	return true;
}

static bool parse_script(struct script *script, const char *list)
{
	char text[1024];
	char *rest = text;
	char *part;

	if (snprintf(text, sizeof(text), "%s", list) >= (int)sizeof(text))
		return false;
	while ((part = strsep(&rest, ","))) {
		if (!add_part(script, part))
			return false;
	}
	return true;
}

static int play(struct script *script)
{
	if (script->played == script->parts[script->at].times &&
	    script->at + 1 < script->count) {
		script->at++;
		script->played = 0;
	}
	if (script->played < script->parts[script->at].times)
		script->played++;
	return script->parts[script->at].status;
}

/* ---- printing ---------------------------------------------------------- */

/* Said by the connection, not by the sender. */
static const char *const dull[] = { "Host", "Accept", "Accept-Encoding",
	"Connection", "Content-Length", "Transfer-Encoding", "Expect", NULL };

static bool is_dull(const char *name)
{
	size_t i;

	for (i = 0; dull[i]; i++) {
		if (strcasecmp(name, dull[i]) == 0)
			return true;
	}
	return false;
}

static void add_visible(struct buf *out, const char *text)
{
	text_visible(out, text, strlen(text));
}

static void add_headers(struct buf *out, const struct received *received)
{
	size_t i;

	for (i = 0; i < received->header_count; i++) {
		const struct received_header *header = &received->headers[i];

		if (is_dull(header->name))
			continue;
		buf_puts(out, "  ");
		add_visible(out, header->name);
		buf_puts(out, ": ");
		add_visible(out, header->value);
		buf_putc(out, '\n');
	}
}

/* The payload's own lines, indented. */
static void add_body(struct buf *out, const struct received *received)
{
	size_t len = received->body_len;
	const char *at = received->body;

	if (len > SHOWN_MAX)
		len = SHOWN_MAX;
	while (len) {
		const char *end = memchr(at, '\n', len);
		size_t line = end ? (size_t)(end - at) : len;

		buf_puts(out, "    ");
		text_visible(out, at, line);
		buf_putc(out, '\n');
		line += end != NULL;
		at += line;
		len -= line;
	}
	if (received->body_len > SHOWN_MAX)
		buf_printf(out, "    (%zu bytes in all)\n", received->body_len);
}

static void print_block(const struct listening *listening,
    const struct received *received, int status)
{
	const struct args *args = listening->args;
	auto_buf struct buf out = BUF_INIT(LINE_MAX_BYTES);
	enum paint paint = status < 300 ? PAINT_GREEN : PAINT_RED;
	char time[TEXT_TIME_SIZE];

	/* Of "2026-11-23 10:05:12 +0100" the middle. */
	text_local_time(time, now_wall_ms());
	buf_printf(&out, "%.8s %s", strlen(time) > 11 ? time + 11 : time,
	    verb_paint(args, PAINT_BOLD));
	add_visible(&out, received->method);
	buf_putc(&out, ' ');
	add_visible(&out, received->target);
	buf_printf(&out, "%s -> %s%d%s\n", verb_paint(args, PAINT_OFF),
	    verb_paint(args, paint), status, verb_paint(args, PAINT_OFF));
	add_headers(&out, received);
	add_body(&out, received);
	buf_putc(&out, '\n');
	fwrite(out.data, 1, out.len, stdout);
}

static const char *next_of_name(
    const struct received *received, size_t *at, const char *name)
{
	while (*at < received->header_count) {
		const struct received_header *header =
		    &received->headers[(*at)++];

		if (strcasecmp(header->name, name) == 0)
			return header->value;
	}
	return NULL;
}

/* Headers of one name are one member, joined as RFC 9110 section 5.3 says. */
static void jot_headers(struct buf *out, const struct received *received)
{
	size_t i;

	jot_open(out, "headers", '{');
	for (i = 0; i < received->header_count; i++) {
		auto_buf struct buf joined = BUF_INIT(SHOWN_MAX);
		const char *name = received->headers[i].name;
		const char *value;
		size_t at = 0;

		next_of_name(received, &at, name);
		if (at != i + 1)
			continue;
		buf_puts(&joined, received->headers[i].value);
		while ((value = next_of_name(received, &at, name))) {
			buf_puts(&joined, ", ");
			buf_puts(&joined, value);
		}
		jot_str(out, name, buf_text(&joined));
	}
	jot_close(out, '}');
}

static void print_json(const struct received *received, int status)
{
	auto_buf struct buf out = BUF_INIT(LINE_MAX_BYTES);

	jot_open(&out, NULL, '{');
	jot_time(&out, "ts", now_wall_ms());
	jot_str(&out, "method", received->method);
	jot_str(&out, "path", received->target);
	jot_int(&out, "status", status);
	jot_headers(&out, received);
	jot_bytes(&out, "body", received->body, received->body_len);
	jot_close(&out, '}');
	buf_putc(&out, '\n');
	fwrite(out.data, 1, out.len, stdout);
}

/* ---- the work ---------------------------------------------------------- */

static int serve(struct listening *listening, const struct received *received)
{
	int status = received->too_large ? 413 : play(&listening->script);

	if (listening->args->common.json)
		print_json(received, status);
	else
		print_block(listening, received, status);
	if (fflush(stdout) != 0)
		return -1;
	receiver_answer(
	    listening->receiver, received, status, listening->delay_ms);
	return 0;
}

/* Prints before it answers: who saw the answer finds the request printed.
 * Requests past the last wanted one stay without an answer. */
static int serve_all(struct listening *listening)
{
	struct received *received;
	int rc = 0;

	while (rc == 0 && (received = receiver_take(listening->receiver))) {
		if (listening->left)
			rc = serve(listening, received);
		received_free(received);
		if (listening->left > 0)
			listening->left--;
	}
	return rc;
}

static bool is_done(const struct listening *listening)
{
	return !listening->left && receiver_owed(listening->receiver) == 0;
}

/* Until a signal, or the last answer is sent; -1 when stdout is gone. */
static int work(struct listening *listening)
{
	struct pollfd fds[] = {
		{ .fd = listening->signals, .events = POLLIN },
		{ .fd = receiver_fd(listening->receiver), .events = POLLIN },
	};

	while (!is_done(listening)) {
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return -1;
		if (fds[0].revents)
			return 0;
		if (serve_all(listening) < 0)
			return -1;
	}
	return 0;
}

/* Before the receiver's threads begin, which inherit the mask. */
static int take_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

static int listen_and_work(struct listening *listening)
{
	const char *address = args_value(listening->args, "address");
	int64_t port =
	    args_int(listening->args, "port", 0, 65535, DEFAULT_PORT);
	struct why why;
	int rc;

	if (!address)
		address = "127.0.0.1";
	listening->receiver = receiver_open(address, (int)port, &why);
	if (!listening->receiver) {
		say_error("%s", why.text);
		return EXIT_CANNOT_CREATE;
	}
	say_info(strchr(address, ':') ? "listening on http://[%s]:%d/"
				      : "listening on http://%s:%d/",
	    address, receiver_port(listening->receiver));
	rc = work(listening);
	receiver_close(listening->receiver);
	return verb_finish(rc < 0 ? EXIT_IO : EXIT_OK);
}

static int run(const struct args *args)
{
	const char *statuses = args_value(args, "status");
	struct listening listening = {
		.args = args,
		.delay_ms = args_duration(args, "delay", 0),
		.left = args_int(args, "count", 1, INT64_MAX, -1),
	};
	int code;

	if (args->operand_count)
		return verb_usage(args, "it takes no operands");
	if (!parse_script(&listening.script, statuses ? statuses : "200"))
		return verb_usage(args,
		    "--status wants statuses from 200 to 599, as in 503*3,200");
	listening.signals = take_signals();
	if (listening.signals < 0) {
		say_error("cannot make a signalfd: %m");
		return EXIT_IO;
	}
	code = listen_and_work(&listening);
	close(listening.signals);
	return code;
}

const struct verb verb_listen = {
	.name = "listen",
	.group = "Develop",
	.operands = "",
	.summary = "receive requests, print them, answer as told",
	.options = options,
	.run = run,
};
