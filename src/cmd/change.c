/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * cmd/change: from a selection to changed rows.
 *
 * Owns the batch under way. Promises that a transaction holds a few hundred
 * rows, so that the daemon waits for none; that a line on stdout or in the log
 * means that its change is on the disk; and that nobody is asked off a
 * terminal. If we die in the middle, whole batches are done and the rest is as
 * it was.
 */
#include "cmd/change.h"

#include "base/jot.h"
#include "base/mem.h"
#include "base/now.h"
#include "base/say.h"
#include "cmd/desk.h"
#include "cmd/progress.h"
#include "flow/record.h"
#include "model/id.h"
#include "port/spool.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { BATCH = 256, ASK_ABOVE = 10 };

/* What is told of a delivery once it is changed. */
struct subject_row {
	char delivery[ID_DELIVERY_SIZE];
	char event_id[ID_SIZE];
	char *webhook, *endpoint, *event_type, *incident;
	enum state state;
	int tries;
};

struct changer {
	const struct args *args;
	const struct conf *conf;
	const struct change_job *job;
	struct selection selection;
	struct store *store;
	struct record *record;
	struct actor by;
	struct spool spool; /* for failed/ */
	struct subject_row batch[BATCH];
	int64_t rows[BATCH];
	int64_t due_ms[BATCH];
	enum changed answers[BATCH];
	size_t count;
	int64_t start_ms;
	int64_t paced; /* how many got a due time so far */
	int64_t done, left, busy, gone;
	bool dry;
	char *stray; /* an endpoint that is not configured, of a delivery that
			was put into the queue; NULL: none */
	struct progress progress;
	struct why why;
};

static const char *shown(const struct changer *c)
{
	return c->job->shown ? c->job->shown : c->job->done;
}

/* ---- telling ----------------------------------------------------------- */

static const char *const result_words[] = {
	[CHANGED_NOT] = "unchanged",
	[CHANGED_BUSY] = "active",
	[CHANGED_GONE] = "gone",
};

static void print_json(
    const struct changer *c, const struct subject_row *row, enum changed answer)
{
	auto_buf struct buf line = BUF_INIT(64 * 1024);

	jot_open(&line, NULL, '{');
	jot_str(&line, "delivery", row->delivery);
	jot_str(&line, "event_id", row->event_id);
	jot_str(&line, "webhook", row->webhook);
	jot_str(&line, "endpoint", row->endpoint);
	jot_str(&line, "was", state_word(row->state, row->tries));
	jot_str(&line, "result",
	    answer == CHANGED ? c->job->done : result_words[answer]);
	if (c->dry)
		jot_bool(&line, "dry_run", true);
	jot_close(&line, '}');
	puts(buf_text(&line));
}

static void print_text(
    const struct changer *c, const struct subject_row *row, enum changed answer)
{
	switch (answer) {
	case CHANGED:
		printf("%s: %s%s\n", row->delivery, c->dry ? "would be " : "",
		    shown(c));
		return;
	case CHANGED_NOT:
		printf("%s: left as it is, %s\n", row->delivery,
		    state_word(row->state, row->tries));
		return;
	case CHANGED_BUSY:
		printf(
		    "%s: is being tried right now; try again\n", row->delivery);
		return;
	case CHANGED_GONE:
		printf("%s: is gone\n", row->delivery);
		return;
	}
}

static bool queues(const struct changer *c)
{
	return c->job->change != CHANGE_HOLD && c->job->change != CHANGE_DELETE;
}

/* What belongs to nobody does not leave, whatever we say to it. */
static void look_for_stray(struct changer *c, const struct subject_row *row)
{
	const struct webhook *webhook = conf_webhook(c->conf, row->webhook);

	if (queues(c) && !c->stray &&
	    (!webhook || !webhook_endpoint(webhook, row->endpoint)))
		c->stray = mem_printf("%s/%s", row->webhook, row->endpoint);
}

static void tell_of_stray(const struct changer *c)
{
	if (c->stray && !c->args->common.quiet)
		say_warning("%s is not configured: its deliveries are held "
			    "until it is put back, and sent then",
		    c->stray);
}

static void log_change(struct changer *c, size_t i)
{
	const struct subject_row *row = &c->batch[i];
	struct changed_line line = {
		.kind = c->job->done,
		.delivery = row->delivery,
		.event_id = row->event_id,
		.webhook = row->webhook,
		.endpoint = row->endpoint,
		.event_type = row->event_type,
		.incident = row->incident,
		.due_ms = queues(c) ? c->due_ms[i] : -1,
	};

	if (c->record)
		record_changed(c->record, &line, &c->by);
}

/* The copy for other tools goes with the last death that it stands for. */
static void clear_failed(struct changer *c, const struct subject_row *row)
{
	auto_free char *name =
	    mem_printf("failed/%s/%s.json", row->webhook, row->event_id);

	if (row->state == STATE_DEAD && c->job->change != CHANGE_HOLD &&
	    store_any_dead(c->store, row->event_id, row->webhook, NULL) == 0)
		unlinkat(c->spool.dir, name, 0);
}

static void tell(struct changer *c, size_t i, enum changed answer)
{
	const struct subject_row *row = &c->batch[i];

	c->done += answer == CHANGED;
	c->left += answer == CHANGED_NOT;
	c->busy += answer == CHANGED_BUSY;
	c->gone += answer == CHANGED_GONE;
	if (answer == CHANGED)
		look_for_stray(c, row);
	if (answer == CHANGED && !c->dry) {
		log_change(c, i);
		clear_failed(c, row);
	}
	if (c->args->common.json)
		print_json(c, row, answer);
	else
		print_text(c, row, answer);
}

/* ---- batches ----------------------------------------------------------- */

static void clear_batch(struct changer *c)
{
	size_t i;

	for (i = 0; i < c->count; i++) {
		free(c->batch[i].webhook);
		free(c->batch[i].endpoint);
		free(c->batch[i].event_type);
		free(c->batch[i].incident);
	}
	c->count = 0;
}

/* What a dry run would have been answered. */
static enum changed foresee(const struct changer *c, enum state state)
{
	if (state == STATE_ACTIVE)
		return CHANGED_BUSY;
	return c->job->from & 1u << state ? CHANGED : CHANGED_NOT;
}

static int apply(struct changer *c)
{
	size_t i;

	for (i = 0; i < c->count; i++)
		c->answers[i] = foresee(c, c->batch[i].state);
	if (!c->dry &&
	    store_change_at(c->store, c->job->change, c->rows, c->due_ms,
		c->count, now_wall_ms(), c->answers, &c->why) < 0)
		return -1;
	progress_hide(&c->progress);
	for (i = 0; i < c->count; i++)
		tell(c, i, c->answers[i]);
	clear_batch(c);
	progress_to(&c->progress, c->done + c->left + c->busy + c->gone);
	return 0;
}

/* Without a pace all are due now; with one, each that counts a bit later. */
static int64_t next_due(struct changer *c, enum state state)
{
	int64_t due_ms = now_wall_ms();

	if (!c->job->every_us || foresee(c, state) != CHANGED)
		return due_ms;
	due_ms = c->start_ms + c->paced * c->job->every_us / 1000;
	c->paced++;
	return due_ms;
}

static int add(void *arg, const struct delivery_row *row)
{
	struct changer *c = arg;
	struct subject_row *kept = &c->batch[c->count];

	*kept = (struct subject_row){
		.webhook = mem_strdup(row->webhook),
		.endpoint = mem_strdup(row->endpoint),
		.event_type = mem_strdup(row->event_type),
		.incident = mem_strdup(row->incident),
		.state = row->state,
		.tries = row->tries,
	};
	memcpy(kept->delivery, row->delivery, sizeof(kept->delivery));
	memcpy(kept->event_id, row->event_id, sizeof(kept->event_id));
	c->rows[c->count] = row->row;
	c->due_ms[c->count] = next_due(c, row->state);
	c->count++;
	return c->count == BATCH && apply(c) < 0;
}

/* How many there will be nobody knows before the walk is over. */
static int change_all(struct changer *c)
{
	int64_t walked;

	c->start_ms = now_wall_ms();
	progress_start(&c->progress, c->args, c->job->done, 0);
	walked = selection_walk(&c->selection, c->store, add, c, &c->why);
	progress_end(&c->progress);
	if (walked < 0)
		return -1;
	/* A batch that failed stays, and ended the walk. */
	if (c->selection.over)
		return -1;
	return apply(c);
}

/* ---- asking ------------------------------------------------------------ */

static int count_row(void *arg, const struct delivery_row *row)
{
	struct changer *c = arg;

	c->done += foresee(c, row->state) == CHANGED;
	return 0;
}

/* 1 go on, 0 the answer was no, -1 could not count. */
static int ask(struct changer *c)
{
	auto_free char *question = NULL;
	int64_t count;

	if (c->dry || args_has(c->args, "yes") || !desk_asks() ||
	    selection_uses_stdin(&c->selection))
		return 1;
	if (selection_walk(&c->selection, c->store, count_row, c, &c->why) < 0)
		return -1;
	c->selection.silent = true;
	count = c->done;
	c->done = 0;
	if (!count || (count <= ASK_ABOVE && !c->job->asks))
		return 1;
	question = mem_printf("%s %lld deliver%s?", c->job->verb,
	    (long long)count, count == 1 ? "y" : "ies");
	if (desk_confirm(question))
		return 1;
	say_info("nothing was changed");
	return 0;
}

/* ---- the end ----------------------------------------------------------- */

static void print_end(const struct changer *c)
{
	if (!(c->done + c->left + c->busy + c->gone)) {
		if (!c->selection.unknown)
			selection_say_none(
			    &c->selection, c->conf, "; nothing was changed");
		return;
	}
	if (c->args->common.json || c->args->common.quiet)
		return;
	printf("-- %lld %s%s", (long long)c->done, c->dry ? "would be " : "",
	    shown(c));
	if (c->left)
		printf(", %lld left as they are", (long long)c->left);
	if (c->busy)
		printf(", %lld being tried", (long long)c->busy);
	if (c->gone)
		printf(", %lld gone", (long long)c->gone);
	putchar('\n');
}

/* With ids everybody of them counts, with selectors whether any was. */
static int verdict(const struct changer *c)
{
	if (c->busy)
		return EXIT_TRY_AGAIN;
	if (!c->done || c->selection.unknown)
		return EXIT_NO;
	return c->selection.id_count && (c->left || c->gone) ? EXIT_NO
							     : EXIT_OK;
}

static int carry_out(struct changer *c)
{
	int go = ask(c);
	int code;

	if (go == 0)
		return EXIT_NO;
	if (!c->dry)
		c->record = desk_record(c->conf);
	if (go < 0 || change_all(c) < 0) {
		say_error("%s", c->why.text);
		code = EXIT_IO;
	} else {
		print_end(c);
		tell_of_stray(c);
		code = verdict(c);
	}
	if (c->done && !c->dry) {
		verb_ring(c->conf);
		verb_warn_daemon(c->args, c->conf);
	}
	record_close(c->record);
	clear_batch(c);
	free(c->stray);
	return code;
}

static int on_store(struct changer *c)
{
	int code = EXIT_OK;

	c->store = verb_store(c->args, c->conf, !c->dry, &code);
	if (!c->store)
		return code;
	if (spool_open(&c->spool, c->conf->spool_dir, false, &c->why) == 0) {
		code = carry_out(c);
		spool_close(&c->spool);
	} else {
		say_error("%s", c->why.text);
		code = EXIT_NO_INPUT;
	}
	store_close(c->store);
	return verb_finish(code);
}

int change_deliveries(
    const struct args *args, size_t first_operand, const struct change_job *job)
{
	auto_free struct changer *c = mem_zalloc(sizeof(*c));
	struct conf *conf;
	int code =
	    selection_read(&c->selection, args, first_operand, job->states);

	if (code != EXIT_OK)
		return code;
	if (!c->selection.id_count && !c->selection.narrowed &&
	    !args_has(args, "all"))
		return verb_usage(args,
		    "which deliveries? Name ids, \"-\" for ids on standard "
		    "input, selectors like --webhook, or --all");
	conf = verb_conf(args, &code);
	if (!conf)
		return code;
	c->args = args;
	c->conf = conf;
	c->job = job;
	c->by = desk_actor();
	c->dry = args_has(args, "dry-run");
	code = on_store(c);
	conf_free(conf);
	return code;
}
