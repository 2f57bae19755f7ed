/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * cmd/prune: applies `retention` now, as the daemon does every hour: events in
 * the store, then files in rejected/ and failed/. In small steps beside a
 * running daemon; if we die in the middle, the next walk takes the rest. What
 * is open is never touched.
 */
#include "base/crash.h"
#include "base/jot.h"
#include "base/mem.h"
#include "base/now.h"
#include "base/say.h"
#include "cmd/desk.h"
#include "cmd/progress.h"
#include "cmd/verb.h"
#include "flow/attic.h"
#include "flow/retention.h"
#include "port/spool.h"
#include "port/store.h"

#include <stdio.h>

static const struct verb_option options[] = {
	{ 0, "dry-run", NULL, "only tell what would be removed", false, false },
	{ 0, NULL, NULL, NULL, false, false },
};

struct pruning {
	const struct args *args;
	const struct conf *conf;
	struct store *store;
	struct pruned pruned;
	bool dry;
};

/* Between two steps the daemon has its turn: the store's lock is free. */
static int walk_events(
    struct pruning *p, struct progress *progress, struct why *why)
{
	struct work_prune work = { .work.kind = WORK_PRUNE, .dry = p->dry };
	int64_t seen = 0;
	bool full;

	retention_limits(&p->conf->retention, now_wall_ms(), &work);
	do {
		if (store_commit(p->store, &work.work, &full, why) < 0)
			return -1;
		crash_point(prune_step);
		p->pruned.events += work.events;
		p->pruned.squeezed += work.squeezed;
		progress_to(progress, seen += PRUNE_STEP);
	} while (work.cursor);
	return 0;
}

static int prune_events(struct pruning *p, struct why *why)
{
	struct progress progress;
	int64_t events, unmatched, mails;
	int got;

	if (store_totals(p->store, &events, &unmatched, &mails, why) < 0)
		return -1;
	progress_start(&progress, p->args, "pruning", events);
	got = walk_events(p, &progress, why);
	progress_end(&progress);
	return got;
}

static int prune_files(struct pruning *p, struct why *why)
{
	struct attic_case from = { .dry = p->dry };
	struct attic_counts counts;
	struct attic *attic;
	struct spool spool;

	if (spool_open(&spool, p->conf->spool_dir, false, why) < 0)
		return -1;
	retention_files(&p->conf->retention, now_wall_ms(), &from);
	from.spool_dir = spool.dir;
	attic = attic_open(&from);
	while (attic_step(attic))
		continue;
	counts = attic_counts(attic);
	p->pruned.rejected = counts.rejected;
	p->pruned.failed = counts.failed;
	p->pruned.mails = counts.mails;
	attic_close(attic);
	spool_close(&spool);
	return 0;
}

static void write_down(const struct pruning *p)
{
	struct actor by = desk_actor();
	struct record *record = desk_record(p->conf);

	if (record)
		record_pruned(record, &p->pruned, &by);
	record_close(record);
}

static void print(const struct pruning *p)
{
	const struct pruned *pruned = &p->pruned;
	auto_buf struct buf line = BUF_INIT(1024);

	if (!p->args->common.json) {
		printf("%s%lld event%s by age, %lld by size, %lld rejected and "
		       "%lld failed file%s, %lld mail%s\n",
		    p->dry ? "would remove " : "removed ",
		    (long long)pruned->events, pruned->events == 1 ? "" : "s",
		    (long long)pruned->squeezed, (long long)pruned->rejected,
		    (long long)pruned->failed, pruned->failed == 1 ? "" : "s",
		    (long long)pruned->mails, pruned->mails == 1 ? "" : "s");
		return;
	}
	jot_open(&line, NULL, '{');
	jot_int(&line, "events", pruned->events);
	jot_int(&line, "events_for_size", pruned->squeezed);
	jot_int(&line, "rejected", pruned->rejected);
	jot_int(&line, "failed", pruned->failed);
	jot_int(&line, "mails", pruned->mails);
	jot_bool(&line, "dry_run", p->dry);
	jot_close(&line, '}');
	puts(buf_text(&line));
}

/* A dry run, too, goes by a work, and so through the door of those who write. */
static int prune(struct pruning *p)
{
	const struct pruned *pruned = &p->pruned;
	struct why why;
	int code = EXIT_OK;

	p->store = verb_store(p->args, p->conf, true, &code);
	if (!p->store)
		return code;
	if (prune_events(p, &why) < 0 || prune_files(p, &why) < 0) {
		say_error("%s", why.text);
		code = EXIT_IO;
	}
	store_close(p->store);
	if (!p->dry &&
	    (pruned->events || pruned->squeezed || pruned->rejected ||
		pruned->failed || pruned->mails))
		write_down(p);
	print(p);
	return verb_finish(code);
}

static int run(const struct args *args)
{
	struct pruning p = { .args = args, .dry = args_has(args, "dry-run") };
	auto_conf struct conf *conf = NULL;
	int code;

	if (args->operand_count)
		return verb_usage(args,
		    "takes no operand; \"retention\" in spoolhook.json says "
		    "what goes");
	conf = verb_conf(args, &code);
	if (!conf)
		return code;
	p.conf = conf;
	return prune(&p);
}

const struct verb verb_prune = {
	.name = "prune",
	.group = "Queue",
	.operands = "",
	.summary = "remove history that is past its time",
	.options = options,
	.run = run,
};
