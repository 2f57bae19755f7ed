/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * cmd/mail: `spoolhook mail` sends one message from standard input to the
 * configured server and prints one line of JSON that says who was told. The
 * daemon runs it for every mail, with its own settings on the first line of the
 * input, so that no secret is on a command line; a person runs it to try the
 * settings. It promises exactly one result line and an end within
 * mail.timeout, whatever the server does: a second thread watches the clock.
 *
 * The line is written as soon as the server has answered for the message. If we
 * die before it, whoever waits for it takes the mail as not sent.
 */
#include "model/mail.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/say.h"
#include "base/text.h"
#include "base/thread.h"
#include "cmd/verb.h"
#include "port/smtp.h"

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* No other try helps: what else 69 is for. */
enum { EXIT_REFUSED = EXIT_NO_DAEMON };
enum { JOB_LINE_MAX = 64 * 1024, HOST_SIZE = 256 };

static const struct verb_option options[] = {
	{ .name = "settings-on-stdin",
	    .help = "the first line of the input is a job of the daemon" },
	{ .name = "from",
	    .argument = "ADDRESS",
	    .help = "the sender (default: mail.from)" },
	{ 0 },
};

/* One message on its way. */
struct post {
	const struct mail_settings *settings;
	const char *from;
	char **recipients;
	size_t count;
	struct buf message; /* CRLF */
	bool silent; /* the daemon says it, not we */
	/* shared by the two threads */
	pthread_mutex_t lock;
	pthread_cond_t ended;
	bool over; /* the sending one is through */
	bool told;
	int code;
	/* of the sending one */
	struct smtp_target *targets;
	struct smtp_result result;
};

/* ---- the result --------------------------------------------------------- */

static int exit_code(const struct mail_result *result)
{
	if (result->permanent)
		return EXIT_BAD_CONFIG;
	if (*result->left)
		return EXIT_TRY_AGAIN;
	return *result->refused ? EXIT_REFUSED : EXIT_OK;
}

/* Writes the line, once; the first one counts. Under the lock. */
static void tell(struct post *post, const struct mail_result *result)
{
	auto_buf struct buf line = BUF_INIT(JOB_LINE_MAX);
	struct why why;

	if (post->told)
		return;
	post->told = true;
	post->code = exit_code(result);
	mail_result_print(&line, result);
	if (file_write_fd(STDOUT_FILENO, "standard output", buf_text(&line),
		line.len, &why) < 0)
		post->code = EXIT_IO;
	if (result->error[0] && !post->silent)
		say_error("mail: %s", result->error);
}

static void add_line(struct buf *lines, const char *address)
{
	buf_printf(lines, "%s%s", lines->len ? "\n" : "", address);
}

/* Under the lock. */
static void tell_failure(struct post *post, bool permanent, const char *error)
{
	auto_buf struct buf left = BUF_INIT(JOB_LINE_MAX);
	struct mail_result result;
	size_t i;

	for (i = 0; i < post->count; i++)
		add_line(&left, post->recipients[i]);
	mail_result_failed(&result, buf_text(&left), error);
	result.permanent = permanent;
	tell(post, &result);
	mail_result_clear(&result);
}

/* Called by port/smtp when the server has answered, and once more at the end,
 * which then says nothing new. */
static void tell_answer(void *arg)
{
	struct post *post = arg;
	struct buf sent = BUF_INIT(JOB_LINE_MAX);
	struct buf left = BUF_INIT(JOB_LINE_MAX);
	struct buf refused = BUF_INIT(JOB_LINE_MAX);
	struct mail_result result = {
		.permanent = post->result.permanent,
		.code = post->result.code,
	};
	size_t i;

	for (i = 0; i < post->count; i++) {
		const struct smtp_target *target = &post->targets[i];

		if (target->sent)
			add_line(&sent, target->address);
		else
			add_line(target->permanent ? &refused : &left,
			    target->address);
	}
	result.sent = buf_steal(&sent);
	result.left = buf_steal(&left);
	result.refused = buf_steal(&refused);
	snprintf(result.error, sizeof(result.error), "%s", post->result.error);
	tell(post, &result);
	mail_result_clear(&result);
}

/* ---- sending ------------------------------------------------------------ */

static struct timespec deadline(int64_t ms)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	at.tv_sec += (time_t)(ms / 1000);
	at.tv_nsec += (long)(ms % 1000) * 1000000;
	if (at.tv_nsec >= 1000000000) {
		at.tv_sec++;
		at.tv_nsec -= 1000000000;
	}
	return at;
}

/* The second thread: neither the resolver, nor connect, nor a server that
 * drips bytes has a limit in the library. It ends the process. */
static void *watch_clock(void *arg)
{
	struct post *post = arg;
	int64_t ms = post->settings->timeout_ms;
	struct timespec end = deadline(ms);
	char span[TEXT_DURATION_SIZE];
	char error[256];

	pthread_mutex_lock(&post->lock);
	while (!post->over &&
	    pthread_cond_timedwait(&post->ended, &post->lock, &end) == 0)
		;
	if (!post->over) {
		snprintf(error, sizeof(error), "%.100s: no end within %s",
		    post->settings->server, text_short_duration(span, ms));
		tell_failure(post, false, error);
		_exit(post->code);
	}
	pthread_mutex_unlock(&post->lock);
	return NULL;
}

static int start_clock(struct post *post, pthread_t *thread, struct why *why)
{
	pthread_condattr_t attributes;

	pthread_mutex_init(&post->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&post->ended, &attributes);
	pthread_condattr_destroy(&attributes);
	return thread_start(thread, "clock", watch_clock, post, why);
}

static void stop_clock(struct post *post, pthread_t thread)
{
	pthread_mutex_lock(&post->lock);
	post->over = true;
	pthread_cond_signal(&post->ended);
	pthread_mutex_unlock(&post->lock);
	pthread_join(thread, NULL);
}

static void send_it(struct post *post)
{
	struct smtp_job job = { .settings = post->settings,
		.from = post->from,
		.message = buf_text(&post->message),
		.len = post->message.len,
		.targets = post->targets,
		.count = post->count,
		.answered = tell_answer,
		.arg = post };
	struct why why;

	if (smtp_send(&job, &post->result, &why) == 0) {
		tell_answer(post);
		return;
	}
	pthread_mutex_lock(&post->lock);
	tell_failure(post, true, why.text);
	pthread_mutex_unlock(&post->lock);
}

static int deliver(struct post *post)
{
	pthread_t clock;
	struct why why;
	size_t i;

	post->targets = mem_array(post->count, sizeof(*post->targets));
	for (i = 0; i < post->count; i++)
		post->targets[i].address = post->recipients[i];
	if (start_clock(post, &clock, &why) == 0) {
		send_it(post);
		stop_clock(post, clock);
	} else {
		tell_failure(post, false, why.text);
	}
	free(post->targets);
	return post->code;
}

static int send_message(struct post *post, const char *message, size_t len)
{
	struct why why;
	int code = EXIT_BAD_EVENT;

	post->message = (struct buf)BUF_INIT(2 * MAIL_MESSAGE_MAX);
	if (mail_normalise(&post->message, message, len, &why) == 0)
		code = deliver(post);
	else
		say_error("mail: %s", why.text);
	buf_clear(&post->message);
	return code;
}

/* ---- for the daemon ----------------------------------------------------- */

static int send_job(const char *input, size_t len)
{
	const char *end = memchr(input, '\n', len);
	size_t line = end ? (size_t)(end - input) : len;
	struct post post = { .silent = true };
	struct mail_job job;
	struct why why;
	int code;

	if (mail_job_parse(&job, input, line, &why) < 0) {
		say_error("mail: %s", why.text);
		return EXIT_BAD_EVENT;
	}
	post.settings = &job.settings;
	post.from = job.from;
	post.recipients = job.recipients;
	post.count = job.recipient_count;
	line += end != NULL;
	code = send_message(&post, input + line, len - line);
	mail_job_clear(&job);
	return code;
}

/* ---- for a person ------------------------------------------------------- */

/* `given`, else mail.from, else spoolhook@HOST; the caller's. NULL when it is
 * no address. */
static char *sender(const char *given, const struct mail_settings *settings)
{
	char host[HOST_SIZE] = "";

	if (given)
		return mail_address(given);
	if (settings->from)
		return mail_address(settings->from);
	gethostname(host, sizeof(host) - 1);
	return mem_printf("spoolhook@%s", host[0] ? host : "localhost");
}

/* The addresses of the operands, else of mail.to; NULL after saying why. */
static char **addresses(const struct args *args,
    const struct mail_settings *settings, size_t *count)
{
	char **given = args->operand_count ? args->operands : settings->to;
	char **out;
	size_t room = 0;

	while (given && given[room])
		room++;
	if (!room) {
		verb_usage(args,
		    "nobody to send to: give a recipient, "
		    "or set mail.to");
		return NULL;
	}
	if (room > MAIL_RECIPIENTS_MAX) {
		verb_usage(args, "too many recipients");
		return NULL;
	}
	out = mem_array(room, sizeof(*out));
	for (*count = 0; *count < room; ++*count) {
		out[*count] = mail_address(given[*count]);
		if (out[*count])
			continue;
		verb_usage(args, "recipient %zu is no address", *count + 1);
		while (*count)
			free(out[--*count]);
		free(out);
		return NULL;
	}
	return out;
}

static int send_for(const struct args *args, const struct conf *conf,
    const char *message, size_t len)
{
	struct post post = { .settings = &conf->mail };
	auto_free char *from = sender(args_value(args, "from"), &conf->mail);
	int code;

	if (!conf->mail.server) {
		say_error("mail: no mail.server is configured: failure mails "
			  "become files in %s/mail",
		    conf->spool_dir);
		return EXIT_BAD_CONFIG;
	}
	if (!from)
		return verb_usage(args, "the sender is no address");
	post.from = from;
	post.recipients = addresses(args, &conf->mail, &post.count);
	if (!post.recipients)
		return EXIT_USAGE;
	code = send_message(&post, message, len);
	while (post.count)
		free(post.recipients[--post.count]);
	free(post.recipients);
	return code;
}

static int run(const struct args *args)
{
	auto_buf struct buf input = BUF_INIT(JOB_LINE_MAX + MAIL_MESSAGE_MAX);
	bool job = args_has(args, "settings-on-stdin");
	struct conf *conf;
	struct why why;
	int code;

	if (job && (args->operand_count || args_has(args, "from")))
		return verb_usage(
		    args, "with --settings-on-stdin nothing else is given");
	if (file_read_fd(STDIN_FILENO, "standard input", &input, &why) < 0) {
		say_error("mail: %s", why.text);
		return EXIT_IO;
	}
	if (job)
		return send_job(buf_text(&input), input.len);
	conf = verb_conf(args, &code);
	if (!conf)
		return code;
	code = send_for(args, conf, buf_text(&input), input.len);
	conf_free(conf);
	return code;
}

const struct verb verb_mail = {
	.name = "mail",
	.group = "service",
	.operands = "[RECIPIENT…]",
	.summary = "send a message from standard input by the mail settings",
	.options = options,
	.run = run,
	.plumbing = true,
};
