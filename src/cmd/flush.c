/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * cmd/flush: whatever waits for a later time is due now, of all webhooks or of
 * those named, and the daemon is told. A million rows go in short transactions,
 * so the daemon works on meanwhile; if we die in the middle, the rest keeps its
 * time. Pauses and holds stay. Endpoints of theirs that rest are tried at once,
 * too: a note in the store asks the daemon for it.
 */
#include "base/jot.h"
#include "base/mem.h"
#include "base/now.h"
#include "base/say.h"
#include "base/text.h"
#include "cmd/desk.h"
#include "cmd/rests.h"
#include "cmd/verb.h"
#include "port/store.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { WAIT_MS = 60 * 1000, LOOK_MS = 100 };

static const struct verb_option options[] = {
	{ 0, "wait", "DUR",
	    "until nothing of them is queued any more (1m at most)", true,
	    false },
	{ 0, NULL, NULL, NULL, false, false },
};

struct flushing {
	const struct args *args;
	const struct conf *conf;
	struct store *store;
	int64_t moved;
	int64_t open; /* of the named webhooks, while waiting */
	struct why *why;
};

/* ---- moving ------------------------------------------------------------ */

/* The time stays that of the first step: what is deferred anew in between is
 * not moved again. */
static int flush_endpoint(struct flushing *f, int64_t endpoint)
{
	struct work_flush work = {
		.work.kind = WORK_FLUSH,
		.now_ms = now_wall_ms(),
		.endpoint = endpoint,
	};
	bool full;

	do {
		if (store_commit(f->store, &work.work, &full, f->why) < 0)
			return -1;
		f->moved += work.moved;
	} while (work.more);
	return 0;
}

static int each_endpoint(void *arg, const struct endpoint_row *row)
{
	struct flushing *f = arg;

	return flush_endpoint(f, row->number) < 0 ? 2 : 0;
}

static int flush_webhook(struct flushing *f, const char *webhook)
{
	f->why->text[0] = '\0';
	if (store_endpoints(f->store, webhook, each_endpoint, f, f->why) < 0 ||
	    f->why->text[0])
		return -1;
	return 0;
}

static int flush_named(struct flushing *f)
{
	size_t i;

	if (!f->args->operand_count)
		return flush_endpoint(f, 0);
	for (i = 0; i < f->args->operand_count; i++) {
		if (flush_webhook(f, f->args->operands[i]) < 0)
			return -1;
	}
	return 0;
}

/* ---- waiting ----------------------------------------------------------- */

static bool is_named(const struct args *args, const char *webhook)
{
	size_t i;

	for (i = 0; i < args->operand_count; i++) {
		if (strcmp(args->operands[i], webhook) == 0)
			return true;
	}
	return args->operand_count == 0;
}

static int add_open(void *arg, const struct webhook_counts *counts)
{
	struct flushing *f = arg;

	if (is_named(f->args, counts->webhook))
		f->open += counts->by_state[STATE_CHAINED] +
		    counts->by_state[STATE_WAITING] +
		    counts->by_state[STATE_ACTIVE];
	return 0;
}

static int await(struct flushing *f)
{
	int64_t until_ms =
	    now_steady_ms() + args_duration(f->args, "wait", WAIT_MS);
	struct timespec pause = { .tv_nsec = LOOK_MS * 1000000L };

	for (;;) {
		f->open = 0;
		if (store_counts(f->store, add_open, f, f->why) < 0)
			return -1;
		if (!f->open || now_steady_ms() >= until_ms)
			return 0;
		nanosleep(&pause, NULL);
	}
}

/* ---- telling ----------------------------------------------------------- */

static void print(const struct flushing *f)
{
	auto_buf struct buf line = BUF_INIT(1024);
	bool waited = args_has(f->args, "wait");

	if (!f->args->common.json) {
		if (f->moved)
			printf("%lld deliver%s due now\n", (long long)f->moved,
			    f->moved == 1 ? "y is" : "ies are");
		else
			puts("no delivery waited for a later time");
		if (waited && f->open)
			say_warning("%lld still wait; \"spoolhook queue\" "
				    "lists them",
			    (long long)f->open);
		return;
	}
	jot_open(&line, NULL, '{');
	jot_int(&line, "flushed", f->moved);
	if (waited)
		jot_int(&line, "left", f->open);
	jot_close(&line, '}');
	puts(buf_text(&line));
}

/* ---- rests ------------------------------------------------------------- */

static int end_rest(struct flushing *f, const char *webhook)
{
	auto_free char *name = mem_printf(HURRY_NOTES "%s", webhook);

	return desk_note(f->store, name, "flush", f->why);
}

/* Of all webhooks only of those that rest by the store. */
static int end_all_rests(struct flushing *f)
{
	struct rests rests = { 0 };
	int got =
	    rests_read(&rests, f->store, f->conf, NULL, now_wall_ms(), f->why);
	size_t i;

	for (i = 0; i < rests.count && got == 0; i++)
		got = end_rest(f, rests.all[i].webhook);
	rests_clear(&rests);
	return got;
}

/* The daemon hears the bell and ends them, the next one if none runs. A signal
 * tells of rests that no store knows (trouble of the host itself), if we may
 * send it. */
static int end_rests(struct flushing *f, int pid)
{
	size_t i;

	for (i = 0; i < f->args->operand_count; i++) {
		if (end_rest(f, f->args->operands[i]) < 0)
			return -1;
	}
	if (f->args->operand_count)
		return 0;
	if (pid > 0)
		kill(pid, SIGUSR2);
	return end_all_rests(f);
}

/* ---- the verb ---------------------------------------------------------- */

static int flush(struct flushing *f)
{
	bool waits = args_has(f->args, "wait");
	int pid = desk_daemon(f->conf);
	bool runs = pid != 0;

	if (flush_named(f) < 0 || end_rests(f, pid) < 0) {
		say_error("%s", f->why->text);
		return EXIT_IO;
	}
	verb_ring(f->conf);
	if (!waits || !runs) {
		f->open = 0;
		print(f);
		verb_warn_daemon(f->args, f->conf);
		return waits ? EXIT_NO_DAEMON : EXIT_OK;
	}
	if (await(f) < 0) {
		say_error("%s", f->why->text);
		return EXIT_IO;
	}
	print(f);
	return f->open ? EXIT_TRY_AGAIN : EXIT_OK;
}

static int on_store(struct flushing *f)
{
	int code = EXIT_OK;

	if (!desk_webhooks_known(f->args, f->conf))
		return EXIT_NO;
	f->store = verb_store(f->args, f->conf, true, &code);
	if (!f->store)
		return code;
	code = flush(f);
	store_close(f->store);
	return verb_finish(code);
}

static int run(const struct args *args)
{
	struct why why = { "" };
	struct flushing f = { .args = args, .why = &why };
	auto_conf struct conf *conf = NULL;
	int code;

	args_duration(args, "wait", 0);
	conf = verb_conf(args, &code);
	if (!conf)
		return code;
	f.conf = conf;
	return on_store(&f);
}

const struct verb verb_flush = {
	.name = "flush",
	.group = "Service",
	.operands = "[WEBHOOK…]",
	.summary = "try everything that waits at once",
	.options = options,
	.run = run,
};
