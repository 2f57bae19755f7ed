/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * flow/mailer: one mail child at a time, watched by the loop. It owns the
 * child, its pipes and its time limit, and promises one `done` for every mail
 * that was started, whatever the child does: answers, answers nonsense, dies,
 * or hangs until it is killed. A result line counts even when its writer was
 * killed after it, for it is written once the server has answered. It never
 * blocks, but for writing an .eml file, and never decides about another try.
 *
 * If we die in the middle the child goes on and nobody hears its answer: the
 * mail is still in the store and is sent again, so people may get it twice and
 * never not at all.
 */
#include "flow/mailer.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"
#include "port/child.h"

#include <assert.h>
#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* The child ends itself when its time is up; this much later it is killed. */
enum { GRACE_MS = 3000 };
/* The job's line and the message; the result's line, which names at most
 * MAIL_RECIPIENTS_MAX addresses. */
enum { JOB_MAX = 64 * 1024, ANSWER_MAX = 64 * 1024 };

struct mailer {
	struct ev_loop *loop;
	const char *program;
	ev_io in;
	ev_io out;
	ev_child exit;
	ev_timer limit; /* of the child; without one, brings `done` */
	struct child child;
	struct buf input;
	size_t written;
	struct buf output;
	char *server;
	char *recipients;
	int64_t timeout_ms;
	bool busy;
	bool late; /* killed because its time was up */
	struct mail_result result; /* of a mail that became a file */
	void (*done)(void *arg, const struct mail_result *result);
	void *arg;
};

/* Stops everything and forgets the mail; a password was in the input. */
static void rest(struct mailer *mailer)
{
	ev_io_stop(mailer->loop, &mailer->in);
	ev_io_stop(mailer->loop, &mailer->out);
	ev_child_stop(mailer->loop, &mailer->exit);
	ev_timer_stop(mailer->loop, &mailer->limit);
	child_clear(&mailer->child);
	if (mailer->input.data)
		explicit_bzero(mailer->input.data, mailer->input.cap);
	buf_clear(&mailer->input);
	buf_clear(&mailer->output);
	free(take(&mailer->server));
	free(take(&mailer->recipients));
	mailer->busy = false;
}

static void tell(struct mailer *mailer, struct mail_result *result)
{
	rest(mailer);
	mailer->done(mailer->arg, result);
	mail_result_clear(result);
}

/* ---- the child's input and output --------------------------------------- */

static void stop_input(struct mailer *mailer)
{
	ev_io_stop(mailer->loop, &mailer->in);
	child_close_in(&mailer->child);
}

static void feed(struct ev_loop *loop, ev_io *watcher, int events)
{
	struct mailer *mailer = watcher->data;
	ssize_t put;

	(void)loop;
	(void)events;
	put = write(mailer->child.in, mailer->input.data + mailer->written,
	    mailer->input.len - mailer->written);
	if (put < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	/* EPIPE: it ended without reading all; its exit tells the rest. */
	if (put > 0)
		mailer->written += (size_t)put;
	if (put < 0 || mailer->written == mailer->input.len)
		stop_input(mailer);
}

/* Reads what is there; false once there will be no more. */
static bool read_some(struct mailer *mailer)
{
	char block[4096];
	ssize_t got = read(mailer->child.out, block, sizeof(block));

	if (got < 0)
		return errno == EINTR || errno == EAGAIN;
	buf_add(&mailer->output, block, (size_t)got);
	return got > 0 && !mailer->output.over;
}

static void hear(struct ev_loop *loop, ev_io *watcher, int events)
{
	struct mailer *mailer = watcher->data;

	(void)events;
	if (!read_some(mailer))
		ev_io_stop(loop, &mailer->out);
	if (mailer->output.over)
		child_kill(&mailer->child);
}

/* After the exit: the pipe holds at most what it can hold. */
static void hear_rest(struct mailer *mailer)
{
	size_t before;

	do {
		before = mailer->output.len;
	} while (read_some(mailer) && mailer->output.len > before);
}

/* ---- the end ------------------------------------------------------------ */

static void explain(
    const struct mailer *mailer, int status, char *out, size_t size)
{
	char limit[TEXT_DURATION_SIZE];

	if (mailer->late)
		snprintf(out, size,
		    "%s: no end within %s, the mail process was killed",
		    mailer->server,
		    text_short_duration(limit, mailer->timeout_ms));
	else if (WIFSIGNALED(status))
		snprintf(out, size, "the mail process died of signal %d",
		    WTERMSIG(status));
	else
		snprintf(out, size,
		    "the mail process ended with status %d and without "
		    "a result",
		    WEXITSTATUS(status));
}

static void ended(struct ev_loop *loop, ev_child *watcher, int events)
{
	struct mailer *mailer = watcher->data;
	struct mail_result result;
	char error[sizeof(result.error)];

	(void)loop;
	(void)events;
	hear_rest(mailer);
	if (mail_result_parse(&result, buf_text(&mailer->output),
		mailer->output.len, NULL) < 0) {
		explain(mailer, watcher->rstatus, error, sizeof(error));
		mail_result_failed(&result, mailer->recipients, error);
	}
	tell(mailer, &result);
}

static void too_late(struct ev_loop *loop, ev_timer *watcher, int events)
{
	struct mailer *mailer = watcher->data;

	(void)loop;
	(void)events;
	mailer->late = true;
	child_kill(&mailer->child);
}

/* ---- without a server --------------------------------------------------- */

static void filed(struct ev_loop *loop, ev_timer *watcher, int events)
{
	struct mailer *mailer = watcher->data;
	struct mail_result result = mailer->result;

	(void)loop;
	(void)events;
	mailer->result = (struct mail_result){ 0 };
	tell(mailer, &result);
}

/* `20211220T122423Z-pager-17.eml`; a webhook's id needs no care, but a name
 * from elsewhere must not leave the folder. */
char *mailer_file(const struct mailer_letter *letter)
{
	char time[TEXT_TIME_SIZE];
	auto_free char *path = NULL;
	auto_free char *webhook = mem_strdup(letter->webhook);
	char *c;

	text_time(time, letter->queued_ms);
	for (c = webhook; *c; c++) {
		if (*c == '/' || *c == '.')
			*c = '_';
	}
	path = mem_printf("%.4s%.2s%.2sT%.2s%.2s%.2sZ-%.63s-%lld.eml", time,
	    time + 5, time + 8, time + 11, time + 14, time + 17, webhook,
	    (long long)letter->number);
	return file_join(letter->folder, path);
}

static void write_file(
    struct mailer *mailer, const struct mailer_letter *letter)
{
	auto_free char *path = mailer_file(letter);
	struct why why;

	if (file_write(
		AT_FDCWD, path, letter->message, letter->len, 0640, &why) < 0) {
		mail_result_failed(
		    &mailer->result, letter->recipients, why.text);
	} else {
		mail_result_failed(&mailer->result, "", "");
		free(mailer->result.sent);
		mailer->result.sent = mem_strdup(letter->recipients);
	}
	ev_timer_init(&mailer->limit, filed, 0., 0.);
	ev_timer_start(mailer->loop, &mailer->limit);
}

/* ---- with a server ------------------------------------------------------ */

static int start(struct mailer *mailer, struct why *why)
{
	auto_free char *program = mem_strdup(mailer->program);
	char verb[] = "mail";
	char option[] = "--settings-on-stdin";
	char *const argv[] = { program, verb, option, NULL };

	return child_spawn(&mailer->child, argv, why);
}

static void watch(struct mailer *mailer)
{
	ev_io_set(&mailer->in, mailer->child.in, EV_WRITE);
	ev_io_set(&mailer->out, mailer->child.out, EV_READ);
	ev_child_set(&mailer->exit, mailer->child.pid, 0);
	ev_timer_init(&mailer->limit, too_late,
	    (double)(mailer->timeout_ms + GRACE_MS) / 1000., 0.);
	ev_io_start(mailer->loop, &mailer->in);
	ev_io_start(mailer->loop, &mailer->out);
	ev_child_start(mailer->loop, &mailer->exit);
	ev_timer_start(mailer->loop, &mailer->limit);
}

static int post(
    struct mailer *mailer, const struct mailer_letter *letter, struct why *why)
{
	struct buf *input = &mailer->input;

	if (start(mailer, why) < 0)
		return -1;
	/* At once, so that no copy of a password stays behind in a block of
	 * memory that was too small. */
	buf_reserve(input, JOB_MAX + letter->len);
	mail_job_print(
	    input, letter->settings, letter->from, letter->recipients);
	buf_add(input, letter->message, letter->len);
	mailer->written = 0;
	mailer->late = false;
	mailer->server = mem_strdup(letter->settings->server);
	mailer->recipients = mem_strdup(letter->recipients);
	mailer->timeout_ms = letter->settings->timeout_ms;
	watch(mailer);
	return 0;
}

int mailer_send(struct mailer *mailer, const struct mailer_letter *letter,
    void (*done)(void *arg, const struct mail_result *result), void *arg,
    struct why *why)
{
	assert(!mailer->busy);
	mailer->done = done;
	mailer->arg = arg;
	if (!letter->settings->server)
		write_file(mailer, letter);
	else if (post(mailer, letter, why) < 0)
		return -1;
	mailer->busy = true;
	return 0;
}

bool mailer_busy(const struct mailer *mailer)
{
	return mailer->busy;
}

struct mailer *mailer_open(struct ev_loop *loop, const char *program)
{
	struct mailer *mailer = mem_zalloc(sizeof(*mailer));

	assert(ev_is_default_loop(loop));
	mailer->loop = loop;
	mailer->program = program;
	mailer->child = (struct child)CHILD_INIT;
	mailer->input = (struct buf)BUF_INIT(JOB_MAX + MAIL_MESSAGE_MAX);
	mailer->output = (struct buf)BUF_INIT(ANSWER_MAX);
	ev_init(&mailer->in, feed);
	ev_init(&mailer->out, hear);
	ev_init(&mailer->exit, ended);
	ev_init(&mailer->limit, too_late);
	mailer->in.data = mailer->out.data = mailer;
	mailer->exit.data = mailer->limit.data = mailer;
	return mailer;
}

void mailer_close(struct mailer *mailer)
{
	if (!mailer)
		return;
	child_kill(&mailer->child);
	rest(mailer);
	mail_result_clear(&mailer->result);
	free(mailer);
}
