/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * flow/intake: the drop boxes' side of the clerk.
 *
 * Owns the file being read and the batches under way; drop boxes and what lies
 * in them are the porter's. It judges files: what is read, what is accepted,
 * what is refused. Promises: an event and its deliveries are
 * committed before its file is removed; a file is accepted once, for a receipt
 * is committed with its events and outlives us; what is not accepted stays or
 * is kept in rejected/ with its reason. If we die in the middle: before the
 * commit the file is still there and nobody knows it; after the commit the
 * receipt is there and the next start only removes the file.
 */
#include "flow/intake.h"

#include "base/crash.h"
#include "base/dice.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/now.h"
#include "flow/naming.h"
#include "flow/porter.h"
#include "flow/reader.h"
#include "flow/space.h"
#include "port/drop.h"

#include <string.h>
#include <unistd.h>

enum {
	/* Works under way: two groups of the store, and what is being removed. */
	UNDER_WAY_MAX = 512,
	/* Batches of one file: while some are committed, the next is read. */
	SENT_MAX = 8,
	/* From so many files that are being taken out on they are many. */
	CLEARS_MANY = 8,
	/* Files of them that stay open until they are taken out. */
	OPEN_MAX = 48,
	/* What one turn does before other work gets its chance. */
	TURN_FILES_MAX = 32,
	/* JSON lines wait until nothing changed for so long. */
	QUIET_MS = 1000,
	/* After the store could not. */
	LATER_MS = 1000,
};

struct intake {
	struct intake_sides sides;
	struct plan *plan;
	struct naming naming;
	struct porter porter;
	struct reader *reader; /* the file being read */
	struct batch *batch; /* of it, being filled */
	bool checking; /* an array over one batch: the first pass */
	bool checked; /* that pass is over, or under way */
	bool at_end; /* all was read, but a batch is still under way */
	unsigned serial; /* of the file being read */
	int sent; /* batches of it, under way */
	int stranded; /* batches under way, of files that were given up */
	int64_t
	    behind; /* the next batch follows what was accepted up to there */
	int under_way; /* batches, with the store */
	struct space space;
	int64_t pause_ms; /* steady: the store is given time until then, 0 no */
	bool stale; /* another plan is in use: the boxes are to be changed */
	bool stopping;
};

struct intake *intake_open(
    const struct intake_sides *sides, struct receipt *receipts, size_t count)
{
	struct intake *in = mem_zalloc(sizeof(*in));

	in->sides = *sides;
	porter_init(&in->porter,
	    &(struct porter_sides){
		sides->spool, sides->committer, sides->remover, sides->record },
	    receipts, count);
	naming_init(&in->naming, sides->last_id);
	return in;
}

void intake_close(struct intake *in)
{
	if (!in)
		return;
	reader_free(in->reader);
	batch_free(in->batch);
	porter_clear(&in->porter);
	plan_drop(in->plan);
	free(in);
}

/* With the store or the remover. */
static int under_way(const struct intake *in)
{
	return in->under_way + in->porter.removing;
}

/* ---- boxes --------------------------------------------------------------- */

void intake_use(struct intake *in)
{
	/* Files under way know their box by its number, so they end first. */
	in->stale = true;
}

static void change_boxes(struct intake *in)
{
	struct plan *old = in->plan;

	in->stale = false;
	in->plan = plan_hold(dispatch_plan(in->sides.dispatch));
	boxes_use(in->porter.boxes, in->plan->conf, now_steady_ms());
	plan_drop(old);
}

const char *intake_path(const struct intake *in, size_t n)
{
	return boxes_path(in->porter.boxes, n);
}

bool intake_rewatch(struct intake *in)
{
	return boxes_rewatch(in->porter.boxes);
}

void intake_ring(struct intake *in)
{
	boxes_ring(in->porter.boxes);
}

void intake_moved_in(struct intake *in, const char *path, const char *name)
{
	boxes_moved_in(in->porter.boxes, path, name, now_wall_ms());
}

/* ---- opening ------------------------------------------------------------- */

static bool named_as_lines(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot &&
	    (strcmp(dot, ".jsonl") == 0 || strcmp(dot, ".ndjson") == 0);
}

/* How much of the file was accepted before, by us or an earlier process: what
 * the receipt says, if the file still begins with those bytes. */
static int64_t accepted_before(
    const struct receipt *receipt, int fd, const struct drop_mark *mark)
{
	if (!receipt || mark->size < receipt->done ||
	    !reader_same_start(fd, receipt->done, receipt->hash))
		return 0;
	return receipt->done;
}

static void begin_file(struct intake *in, const struct dropped *file, int fd)
{
	const struct conf *conf = in->plan->conf;
	const struct receipt *receipt =
	    receipts_find(in->porter.receipts, &file->mark);
	const struct reader_case from = {
		.file = *file,
		.fd = fd,
		.size_max = conf->max_event_size,
		.skim = !conf->looks_deeper,
		.lines = named_as_lines(file->name),
		.renamed = boxes_renamed(in->porter.boxes, file),
		.still = porter_unchanged(&in->porter, file, QUIET_MS),
		.settled = porter_unchanged(&in->porter, file, conf->settle_ms),
		.skip = accepted_before(receipt, fd, &file->mark),
		.skip_done = receipt && receipt->size >= 0,
		.spool = in->sides.spool,
	};
	struct guest *guest = porter_stay(&in->porter, file, STAY_BUSY, 0);

	if (guest->told && guest->told_of == STAY_UNREADABLE)
		lobby_untell(in->porter.lobby, guest);
	in->reader = reader_open(&from);
	in->batch = batch_new(in->plan, file);
	in->checking = false;
	in->checked = false;
	in->at_end = false;
	in->behind = from.skip;
	in->serial++;
}

static void end_file(struct intake *in)
{
	reader_free(take(&in->reader));
	batch_free(take(&in->batch));
	in->stranded += in->sent;
	in->sent = 0;
	in->at_end = false;
}

/* It could be opened, and the descriptor is ours. */
static void consider(struct intake *in, const struct dropped *file, int fd)
{
	const struct receipt *receipt =
	    receipts_find(in->porter.receipts, &file->mark);
	struct receipt held;

	/* Times tell files apart in steps of some ms: its bytes must be those
	 * that were accepted. */
	if (!receipts_cover(receipt, &file->mark) ||
	    !reader_same_start(fd, receipt->done, receipt->hash)) {
		begin_file(in, file, fd);
		return;
	}
	held = *receipt;
	porter_remove(&in->porter, file, fd, &held);
}

/* Its name changed since the sweep, or it got another one, and under the first
 * it is under way already. */
static bool is_under_way(const struct intake *in, const struct dropped *file)
{
	struct guest *guest = porter_guest(&in->porter, file);

	if (!guest || guest->stay != STAY_BUSY)
		return false;
	guest->missed = true;
	return true;
}

static void open_file(struct intake *in, struct dropped *file)
{
	struct refusal refusal = { "not_regular", NULL, 0, 0 };
	enum drop_answer answer;
	struct why why;
	int fd;

	/* The box failed since it was listed. */
	if (!porter_drop(&in->porter, file))
		return;
	if (drop_take(porter_drop(&in->porter, file), file->name, &answer, &fd,
		&file->mark, &why) < 0) {
		porter_trouble(&in->porter, file, &why);
		return;
	}
	if (is_under_way(in, file)) {
		file_cleanup(&fd);
		return;
	}
	switch (answer) {
	case DROP_OPENED:
		consider(in, file, fd);
		return;
	case DROP_GONE:
		porter_leave(&in->porter, file);
		return;
	case DROP_UNREADABLE:
		porter_unreadable(&in->porter, file, &why);
		return;
	case DROP_IRREGULAR:
		refusal.message = why.text;
		porter_reject(&in->porter, file, &refusal);
		return;
	case DROP_LINKED:
		porter_linked(&in->porter, file);
		return;
	}
}

/* ---- reading ------------------------------------------------------------- */

/* Claims that follow stand behind the events in the same group. */
static void touch(struct intake *in, const struct batch *batch)
{
	const struct plan *plan = dispatch_plan(in->sides.dispatch);
	size_t i;
	size_t r;

	for (i = 0; i < batch->count; i++) {
		for (r = 0; r < batch->items[i].route_count; r++) {
			struct target *target = plan_target(
			    plan, batch->items[i].routes[r].endpoint);

			if (target)
				dispatch_touch(in->sides.dispatch, target,
				    batch->accept.now_ms);
		}
	}
}

static void send_batch(struct intake *in, bool last)
{
	struct receipt receipt;
	struct batch *batch = in->batch;

	reader_receipt(in->reader, last, &receipt);
	batch->last = last;
	if (last && under_way(in) < OPEN_MAX)
		batch->fd = reader_take_fd(in->reader);
	batch->serial = in->serial;
	batch->accept.follows = in->sent > 0;
	batch->accept.behind = in->behind;
	batch_seal(batch, &receipt, now_wall_ms());
	in->behind = receipt.done;
	in->batch = last ? NULL : batch_new(in->plan, reader_file(in->reader));
	in->sent += !last;
	in->under_way++;
	committer_send(in->sides.committer, &batch->accept.work);
	touch(in, batch);
}

/* The first pass over a large array found nothing wrong. */
static void begin_second_pass(struct intake *in)
{
	struct why why;

	in->checking = false;
	if (reader_rewind(in->reader, &why) == 0)
		return;
	porter_trouble(&in->porter, reader_file(in->reader), &why);
	end_file(in);
}

static void finish(struct intake *in)
{
	const struct dropped *file = reader_file(in->reader);
	auto_free char *path = porter_path(&in->porter, file);
	struct why why;

	/* A file that was written to meanwhile may be half of one content and
	 * half of another; lines that were added are for the next look. */
	if (!reader_by_parts(in->reader) && !reader_unchanged(in->reader)) {
		porter_look_again(&in->porter, file);
		end_file(in);
		return;
	}
	if (in->checking) {
		begin_second_pass(in);
		return;
	}
	if (reader_keep_scraps(
		in->reader, path, now_wall_ms(), in->sides.record, &why) < 0)
		porter_trouble(&in->porter, file, &why);
	else
		send_batch(in, true);
	end_file(in);
}

/* The file ends too early: it is looked at again when it changes, or when it
 * did not for so long that it never will. */
static void wait_for_more(struct intake *in)
{
	const struct dropped *file = reader_file(in->reader);
	int64_t left = in->plan->conf->settle_ms - porter_age_ms(file);

	if (left > in->plan->conf->settle_ms || left < 0)
		left = in->plan->conf->settle_ms;
	porter_wait(&in->porter, file, STAY_EARLY, left);
}

static void add_event(
    struct intake *in, struct event *event, const char *bytes, size_t len)
{
	const struct dropped *file = reader_file(in->reader);
	const struct guest *guest = porter_guest(&in->porter, file);
	char id[ID_SIZE];

	if (in->checking) {
		event_clear(event);
		return;
	}
	naming_pick(&in->naming, file->name, reader_index(in->reader),
	    guest ? guest->failures : 0, now_wall_ms(), (uint32_t)dice_roll(),
	    id);
	batch_add(in->batch, event, bytes, len, id);
}

/* Makes room in a full batch; false when the store must answer first. */
static bool make_room(struct intake *in)
{
	if (!batch_full(in->batch))
		return true;
	if (!reader_by_parts(in->reader) && !in->checked) {
		in->checking = true;
		in->checked = true;
		batch_reset(in->batch);
		return true;
	}
	if (in->sent == SENT_MAX)
		return false;
	send_batch(in, false);
	return true;
}

/* Reads one event on; false when the store must answer first. */
static bool read_on(struct intake *in)
{
	const struct dropped *file = reader_file(in->reader);
	struct event event = { 0 };
	const char *bytes;
	struct why why;
	size_t len;

	if (!make_room(in))
		return false;
	switch (reader_next(in->reader, &event, &bytes, &len, &why)) {
	case READ_EVENT:
		add_event(in, &event, bytes, len);
		return true;
	case READ_END:
		in->at_end = in->sent > 0;
		if (!in->at_end)
			finish(in);
		return !in->at_end;
	case READ_EARLY:
		wait_for_more(in);
		break;
	case READ_WAIT:
		porter_stay(&in->porter, file, STAY_QUIET, QUIET_MS);
		break;
	case READ_WRITTEN:
		porter_wait(&in->porter, file, STAY_WRITTEN, QUIET_MS);
		break;
	case READ_REFUSED:
		porter_reject(&in->porter, file, reader_refusal(in->reader));
		break;
	case READ_FAILED:
		porter_trouble(&in->porter, file, &why);
		break;
	}
	end_file(in);
	return true;
}

/* ---- turns --------------------------------------------------------------- */

/* Asked before each file; the disk is asked now and then. */
static bool space_left(struct intake *in)
{
	const struct conf *conf = in->plan->conf;

	return space_look(&in->space, conf->spool_dir, conf->min_free,
	    now_steady_ms(), in->porter.trouble);
}

/* While the store cannot take what lay there first, nothing may overtake it;
 * afterwards it is found first again. */
static bool paused(struct intake *in, int64_t now_ms)
{
	if (now_ms < in->pause_ms)
		return true;
	if (in->pause_ms)
		boxes_restart(in->porter.boxes);
	in->pause_ms = 0;
	return false;
}

static bool next_file(struct intake *in)
{
	struct dropped file;

	if (paused(in, now_steady_ms()))
		return false;
	if (!boxes_next(in->porter.boxes, now_steady_ms(), &file))
		return false;
	open_file(in, &file);
	return true;
}

bool intake_turn(struct intake *in)
{
	int budget = TURN_FILES_MAX;

	if (in->stopping)
		return false;
	if (in->stale && !in->reader && !under_way(in))
		change_boxes(in);
	while (budget-- > 0) {
		if (under_way(in) >= UNDER_WAY_MAX)
			return false;
		if (in->reader) {
			if (in->at_end || !read_on(in))
				return false;
			continue;
		}
		if (!in->plan || in->stale || in->stranded || !space_left(in) ||
		    !next_file(in)) {
			receipts_flush(in->porter.receipts);
			return false;
		}
	}
	return true;
}

int64_t intake_next_ms(const struct intake *in)
{
	int64_t look = lobby_next_ms(in->porter.lobby);
	int64_t retry = boxes_next_ms(in->porter.boxes);

	/* An answer of the store comes first, and asks again. */
	if (in->stopping || in->under_way)
		return -1;
	if (in->space.low)
		return space_next_ms(&in->space);
	if (in->pause_ms)
		return in->pause_ms;
	if (look < 0 || retry < 0)
		return look < 0 ? retry : look;
	return look < retry ? look : retry;
}

static void write_down(struct intake *in, const struct batch *batch)
{
	auto_free char *path = porter_path(&in->porter, &batch->file);
	size_t i;

	for (i = 0; i < batch->count; i++) {
		const struct batch_item *item = &batch->items[i];

		record_accepted(in->sides.record, item->id, &item->event, path,
		    item->len, item->hits, item->hit_count);
	}
}

/* The store could not: nothing of this batch was accepted. */
static void not_accepted(
    struct intake *in, const struct batch *batch, bool reading)
{
	struct guest *guest =
	    porter_stay(&in->porter, &batch->file, STAY_LATER, LATER_MS);

	/* An id that a stranger chose may exist: in the end it gets ours. That
	 * is the file's trouble; any other is everybody's. */
	if (batch->accept.work.full ||
	    !naming_is_told(batch->file.name, guest->failures))
		in->pause_ms = guest->look_ms;
	guest->failures += !batch->accept.work.full;
	if (reading)
		end_file(in);
}

static int take_fd(struct batch *batch)
{
	int fd = batch->fd;

	batch->fd = -1;
	return fd;
}

void intake_accepted(struct intake *in, struct work *work)
{
	struct batch *batch = (struct batch *)work;
	bool reading = in->reader && batch->serial == in->serial;

	in->under_way--;
	if (reading)
		in->sent--;
	else if (!batch->last)
		in->stranded--;
	if (work->failed) {
		not_accepted(in, batch, reading);
		batch_free(batch);
		return;
	}
	write_down(in, batch);
	crash_point(accept_logged);
	if (batch->last)
		porter_remove(&in->porter, &batch->file, take_fd(batch),
		    &batch->accept.receipt);
	else
		receipts_keep(in->porter.receipts, &batch->accept.receipt,
		    now_steady_ms());
	batch_free(batch);
	if (reading && in->at_end && !in->sent)
		finish(in);
}

void intake_removed(struct intake *in, struct removal *removal)
{
	porter_removed(&in->porter, removal);
}

void intake_forgotten(struct intake *in, struct work *work)
{
	receipts_forgotten(in->porter.receipts, work);
}

void intake_noted(struct intake *in, struct work *work)
{
	trouble_noted(in->porter.trouble, work);
}

void intake_stop(struct intake *in)
{
	in->stopping = true;
	receipts_flush(in->porter.receipts);
}

bool intake_idle(const struct intake *in)
{
	if (in->reader || in->stale || !intake_quiet(in))
		return false;
	return in->space.low || in->pause_ms ||
	    (boxes_idle(in->porter.boxes) &&
		!lobby_moment(in->porter.lobby, now_steady_ms()));
}

bool intake_waiting(const struct intake *in)
{
	return (in->space.low && !boxes_idle(in->porter.boxes)) ||
	    lobby_later(in->porter.lobby);
}

bool intake_clears(const struct intake *in)
{
	return in->porter.removing >= CLEARS_MANY;
}

bool intake_quiet(const struct intake *in)
{
	return !in->under_way && porter_quiet(&in->porter);
}
