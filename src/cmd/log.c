/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * cmd/log: `spoolhook log`, with journalctl's habits. It reads the log that the
 * configuration names, with the files that rotation has made of it, in the
 * order of time; picks lines, prints them for people or as they are, and with
 * -f goes on with what is appended, through rotation.
 *
 * It changes nothing, needs no daemon and no store, and keeps one line in
 * memory. A line that is no JSON, left by a full disk, is shown to people and
 * left out for programs; a damaged file is told of, and read as far as it goes.
 */
#include "base/mem.h"
#include "base/say.h"
#include "base/text.h"
#include "cmd/log_files.h"
#include "cmd/log_heap.h"
#include "cmd/log_line.h"
#include "cmd/log_pick.h"
#include "cmd/progress.h"
#include "cmd/verb.h"

#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
	LOOK_EVERY_MS = 200,
	TAIL_DEFAULT = 10,
	LINES_MAX = 1000 * 1000 * 1000,
	/* A line whose every byte is shown as \xNN, and colours. */
	SHORT_MAX = 4 * JOURNAL_LINE_MAX + 256,
};

static const struct verb_option options[] = {
	{ .letter = 'f', .name = "follow", .help = "go on with new lines" },
	{ .letter = 'n',
	    .name = "lines",
	    .argument = "N",
	    .help = "only the last N (with -f: 10)" },
	{ .letter = 'r', .name = "reverse", .help = "the newest first" },
	{ .letter = 'S',
	    .name = "since",
	    .argument = "TIME",
	    .help = "not before TIME: \"2026-11-23 10:05\", today, -2h" },
	{ .letter = 'U',
	    .name = "until",
	    .argument = "TIME",
	    .help = "not after TIME" },
	{ .letter = 'g',
	    .name = "grep",
	    .argument = "ERE",
	    .help = "lines that match the expression" },
	{ .letter = 'o',
	    .name = "output",
	    .argument = "FORM",
	    .help = "short (for people) or json (the lines as they are)" },
	{ .name = "webhook",
	    .argument = "ID",
	    .help = "lines about this webhook",
	    .repeats = true },
	{ .name = "endpoint",
	    .argument = "ID",
	    .help = "lines about this endpoint",
	    .repeats = true },
	{ .name = "event-type",
	    .argument = "TYPE",
	    .help = "lines about events of this type",
	    .repeats = true },
	{ .name = "incident",
	    .argument = "ID",
	    .help = "lines about events of this incident",
	    .repeats = true },
	{ .letter = 'k',
	    .name = "kind",
	    .argument = "KIND",
	    .help = "lines of this kind: dead, or attempt,rejected",
	    .repeats = true },
	{ .name = "status",
	    .argument = "CODE",
	    .help = "attempts with this status: 503, 5xx or 429,5xx",
	    .repeats = true },
	{ .name = "failed",
	    .help = "what was lost: dead, rejected, mail_failed" },
	{ .name = NULL },
};

struct query {
	const struct args *args;
	const char *path;
	struct pick pick;
	struct log_files files;
	bool json;
	bool follow;
	long lines; /* -1: all */
	int64_t skip; /* matches to pass over, so that `lines` are left */
	int64_t found;
	int64_t broken;
	struct log_heap *heap; /* where lines go, to be shown backwards */
	int64_t done; /* bytes of the files that were read to their end */
	struct progress progress;
};

static volatile sig_atomic_t stopped;

static void stop(int number)
{
	(void)number;
	stopped = 1;
}

/* ---- printing ----------------------------------------------------------- */

static void print_raw(const char *text, size_t len)
{
	/* JSON leaves C1 and bidirectional marks as they are: good for
	 * programs, not for terminals. */
	if (isatty(STDOUT_FILENO))
		verb_print_visible(text, len);
	else
		fwrite(text, 1, len, stdout);
	putchar('\n');
}

static void print_short(
    const struct query *q, const char *text, size_t len, const json_t *json)
{
	auto_buf struct buf out = BUF_INIT(SHORT_MAX);

	if (json)
		log_line_short(&out, q->args, json);
	else
		text_visible(&out, text, len);
	puts(buf_text(&out));
}

static void print(
    struct query *q, const char *text, size_t len, const json_t *json)
{
	progress_hide(&q->progress);
	if (q->json)
		print_raw(text, len);
	else
		print_short(q, text, len, json);
}

static void judge(struct query *q, const char *text, size_t len)
{
	json_auto_t *json = NULL;

	if (!pick_may_take(&q->pick, text))
		return;
	json = json_loadb(text, len, 0, NULL);
	if (!json_is_object(json)) {
		json_decref(json);
		json = NULL;
	}
	if (!pick_takes(&q->pick, json))
		return;
	if (!json && q->json) {
		q->broken++;
		return;
	}
	q->found++;
	if (q->found <= q->skip)
		return;
	if (q->heap)
		log_heap_put(q->heap, text, len);
	else
		print(q, text, len, json);
}

/* ---- the course --------------------------------------------------------- */

static void read_on(struct query *q, struct journal_reader *reader)
{
	const char *line;
	size_t len;

	while (!stopped && (line = journal_next(reader, &len)) != NULL) {
		judge(q, line, len);
		progress_to(&q->progress, q->done + journal_at(reader));
	}
}

/* A file is read to its end, where it tells whether it was whole. */
static void tell_verdict(struct query *q, struct journal_reader *reader)
{
	struct why why;

	q->done += journal_size(reader);
	if (stopped || q->skip == INT64_MAX ||
	    journal_verdict(reader, &why) == 0)
		return;
	progress_hide(&q->progress);
	say_warning("%s", why.text);
}

/* File `i`; the one that is being written is the last. */
static void read_file(struct query *q, size_t i)
{
	struct journal_reader *reader = i < q->files.count
	    ? log_files_read(&q->files, i)
	    : journal_read_again(q->files.live);

	if (!reader)
		return;
	read_on(q, reader);
	tell_verdict(q, reader);
	journal_reader_close(reader);
}

/* Counts what matches from the end on, which keeps nothing but numbers, until
 * there are enough. Returns the first file that is to be shown. */
static size_t count_back(struct query *q)
{
	size_t i = q->files.count;

	q->skip = INT64_MAX;
	progress_start(&q->progress, q->args, "looking", q->files.bytes);
	read_file(q, i);
	while (i > 0 && q->found < q->lines && !stopped)
		read_file(q, --i);
	progress_end(&q->progress);
	q->skip = q->found > q->lines ? q->found - q->lines : 0;
	q->found = q->broken = q->done = 0;
	return i;
}

/* Where the last lines begin: the file that is returned, and q->skip; or a
 * place in the one that is being written. -1 could not. */
static ssize_t find_tail(struct query *q, struct why *why)
{
	long missing;

	if (q->lines < 0)
		return 0;
	if (pick_asks(&q->pick))
		return (ssize_t)count_back(q);
	missing = journal_seek_tail(q->files.live, q->lines, why);
	if (missing <= 0)
		return missing < 0 ? -1 : (ssize_t)q->files.count;
	return (ssize_t)count_back(q);
}

/* Sleeps a little; false when nobody reads our output any more. */
static bool rest(void)
{
	struct pollfd out = { .fd = STDOUT_FILENO };

	return poll(&out, 1, LOOK_EVERY_MS) <= 0 ||
	    !(out.revents & (POLLERR | POLLHUP | POLLNVAL));
}

static void follow(struct query *q)
{
	while (!stopped && !ferror(stdout)) {
		fflush(stdout);
		if (!rest())
			return;
		read_on(q, q->files.live);
	}
}

static int cannot_read(const struct why *why, int error)
{
	bool closed = error == EACCES || error == EPERM;

	say_error("%s%s", why->text,
	    closed ? "; the log is for root, the user spoolhook and the group "
		     "hookadm"
		   : "");
	return closed ? EXIT_NOT_PERMITTED : EXIT_IO;
}

static void tell_end(const struct query *q)
{
	if (q->args->common.quiet)
		return;
	if (!q->files.count && access(q->path, F_OK) < 0 && errno == ENOENT)
		say_info("%s: nothing has been logged yet", q->path);
	if (q->broken)
		say_warning("%s: %lld broken line%s left out", q->path,
		    (long long)q->broken, q->broken == 1 ? " was" : "s were");
}

static void show_from(struct query *q, size_t start)
{
	progress_start(&q->progress, q->args, "reading", q->files.bytes);
	for (; start < q->files.count && !stopped && !ferror(stdout); start++)
		read_file(q, start);
	read_on(q, q->files.live);
	if (!q->follow)
		tell_verdict(q, q->files.live);
	progress_end(&q->progress);
}

/* Prints what is on the heap, until there are as many as were asked for. */
static int print_heap(struct query *q, int64_t *left, struct why *why)
{
	auto_buf struct buf line = BUF_INIT(JOURNAL_LINE_MAX + 1);
	int got;

	while (*left > 0 && (got = log_heap_take(q->heap, &line, why)) != 0) {
		json_auto_t *json = NULL;

		if (got < 0)
			return -1;
		json = json_loadb(line.data, line.len, 0, NULL);
		print(q, line.data, line.len, json);
		(*left)--;
	}
	return 0;
}

/* One file after the other, the newest first, each from its end. */
static int show_backwards(struct query *q, struct why *why)
{
	int64_t left = q->lines < 0 ? INT64_MAX : q->lines;
	size_t i = q->files.count + 1;
	int got = 0;

	progress_start(&q->progress, q->args, "reading", q->files.bytes);
	while (i-- > 0 && left > 0 && got == 0 && !ferror(stdout)) {
		q->heap = log_heap_open(why);
		if (!q->heap)
			return -1;
		read_file(q, i);
		got = print_heap(q, &left, why);
		log_heap_close(take(&q->heap));
	}
	progress_end(&q->progress);
	return got;
}

static int finish(struct query *q)
{
	tell_end(q);
	return verb_finish(
	    pick_asks(&q->pick) && !q->found && !q->follow ? EXIT_NO : EXIT_OK);
}

static int show(struct query *q)
{
	struct why why = { "" };
	ssize_t start;

	if (args_has(q->args, "reverse"))
		return show_backwards(q, &why) < 0 ? cannot_read(&why, 0)
						   : finish(q);
	start = find_tail(q, &why);
	if (start < 0)
		return cannot_read(&why, 0);
	show_from(q, (size_t)start);
	if (q->follow)
		follow(q);
	return finish(q);
}

static int show_files(struct query *q)
{
	const struct sigaction action = { .sa_handler = stop };
	struct why why;
	int code;

	if (log_files_open(&q->files, q->path, q->pick.since_ms,
		q->pick.until_ms, &why) < 0)
		return cannot_read(&why, errno);
	if (q->follow) {
		sigaction(SIGINT, &action, NULL);
		sigaction(SIGTERM, &action, NULL);
	}
	code = show(q);
	log_files_close(&q->files);
	return code;
}

/* ---- the command line --------------------------------------------------- */

static int read_form(struct query *q)
{
	static const char *const forms[] = { "short", "json", NULL };
	const char *form = args_value(q->args, "output");
	const char *near;

	q->json = q->args->common.json;
	if (!form)
		return EXIT_OK;
	q->json = strcmp(form, "json") == 0;
	if (q->json || strcmp(form, "short") == 0)
		return EXIT_OK;
	near = text_nearest(form, forms);
	return verb_usage(q->args, "--output: %s%s%s",
	    near ? "did you mean \"" : "the forms are short and json",
	    near ? near : "", near ? "\"?" : "");
}

static int read_query(struct query *q)
{
	const struct args *args = q->args;
	int code = read_form(q);

	q->follow = args_has(args, "follow");
	q->lines = (long)args_int(
	    args, "lines", 0, LINES_MAX, q->follow ? TAIL_DEFAULT : -1);
	if (code == EXIT_OK)
		code = pick_read(&q->pick, args);
	if (code == EXIT_OK && q->pick.until_ms >= 0 && q->follow)
		return verb_usage(args, "--follow has no end: drop --until");
	if (code == EXIT_OK && args_has(args, "reverse") && q->follow)
		return verb_usage(
		    args, "--follow goes forwards: drop --reverse");
	return code;
}

static int run(const struct args *args)
{
	struct query q = { .args = args };
	int code = read_query(&q);
	struct conf *conf;

	conf = code == EXIT_OK ? verb_conf(args, &code) : NULL;
	if (conf) {
		q.path = conf->log_file;
		code = show_files(&q);
		conf_free(conf);
	}
	pick_clear(&q.pick);
	return code;
}

const struct verb verb_log = {
	.name = "log",
	.group = "Look back",
	.operands = "[ID…]",
	.summary = "show what was done, attempt by attempt",
	.options = options,
	.run = run,
};
