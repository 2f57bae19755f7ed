/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * flow/intake: the drop boxes' side of the clerk.
 *
 * Owns the drop boxes, the file being read, and the batches under way.
 * Promises: an event and its deliveries are committed before its file is
 * removed; a file is accepted once, for a receipt is committed with its events
 * and outlives us; what is not accepted stays or is kept in rejected/ with its
 * reason. If we die in the middle: before the commit the file is still there
 * and nobody knows it; after the commit the receipt is there and the next
 * start only removes the file.
 */
#include "flow/intake.h"

#include "base/dice.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/now.h"
#include "base/say.h"
#include "base/text.h"
#include "flow/lobby.h"
#include "flow/reader.h"
#include "port/drop.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
	/* Files that one sweep lists; bounds memory, not the drop box. */
	SWEEP_MAX = 8192,
	/* Works under way: two groups of the store. */
	UNDER_WAY_MAX = 128,
	/* What one turn does before other work gets its chance. */
	TURN_FILES_MAX = 32,
	/* JSON lines wait until nothing changed for so long. */
	QUIET_MS = 1000,
	/* A file with several names may lose one of them within this time. */
	LINKED_MS = 2000,
	/* After trouble of our own, and while somebody still writes. */
	LATER_MS = 5000,
	WRITTEN_MS = 200,
	/* How often free space is looked at. */
	SPACE_MS = 1000,
	FORGET_MAX = 64,
	/* An id in a file's name is believed within this time. */
	ID_AGE_MAX_MS = 7 * 24 * 3600 * 1000,
};

/* A drop box that is in use. */
struct box {
	char *path;
	struct drop *drop; /* NULL: cannot be opened, tried at each sweep */
	bool told;
	struct drop_list list;
	size_t at; /* the next entry of the list */
	bool ringing;
};

struct intake {
	struct intake_sides sides;
	struct plan *plan;
	struct id_maker ids;
	struct box *boxes;
	size_t box_count;
	struct lobby *lobby;
	struct receipt *receipts; /* of files that are still there */
	size_t receipt_count;
	struct reader *reader; /* the file being read */
	struct batch *batch; /* of it, being filled */
	bool checking; /* an array over one batch: the first pass */
	bool checked; /* that pass is over, or under way */
	bool at_end; /* all was read, but a batch is still under way */
	struct batch *sent; /* of the file being read, under way */
	struct work_forget *forget; /* being filled */
	int under_way;
	int64_t space_ms; /* steady: when free space was looked at */
	bool low; /* on disk space */
	bool stale; /* another plan is in use: the boxes are to be changed */
	bool rewatch;
	bool stopping;
};

struct intake *intake_open(
    const struct intake_sides *sides, struct receipt *receipts, size_t count)
{
	struct intake *in = mem_zalloc(sizeof(*in));

	in->sides = *sides;
	in->receipts = receipts;
	in->receipt_count = count;
	in->lobby = lobby_new();
	id_maker_init(&in->ids, sides->last_id);
	return in;
}

static void clear_box(struct box *box)
{
	drop_list_clear(&box->list);
	drop_close(box->drop);
	free(box->path);
}

static void free_forget(struct work_forget *work)
{
	if (!work)
		return;
	free((void *)(uintptr_t)work->receipts);
	free(work);
}

void intake_close(struct intake *in)
{
	size_t i;

	if (!in)
		return;
	reader_free(in->reader);
	batch_free(in->batch);
	for (i = 0; i < in->box_count; i++)
		clear_box(&in->boxes[i]);
	free(in->boxes);
	lobby_free(in->lobby);
	free_forget(in->forget);
	free(in->receipts);
	plan_drop(in->plan);
	free(in);
}

/* ---- what `status` shows of files and boxes ------------------------------ */

struct note {
	struct work_note work; /* first */
	char *name;
	char *value;
};

static void send_note(struct intake *in, const char *path, const char *value)
{
	struct note *note = mem_zalloc(sizeof(*note));

	note->name = mem_printf("trouble/%s", path);
	note->value = mem_strdup(value);
	note->work.work.kind = WORK_NOTE;
	note->work.now_ms = now_wall_ms();
	note->work.name = note->name;
	note->work.value = note->value;
	in->under_way++;
	committer_send(in->sides.committer, &note->work.work);
}

void intake_noted(struct intake *in, struct work *work)
{
	struct note *note = (struct note *)work;

	in->under_way--;
	free(note->name);
	free(note->value);
	free(note);
}

static void gone(void *arg, const char *told)
{
	send_note(arg, told, NULL);
}

/* ---- boxes --------------------------------------------------------------- */

static void open_box(struct intake *in, struct box *box)
{
	const struct input *input = &in->plan->conf->inputs[box - in->boxes];
	struct why why;

	box->drop = drop_open(box->path, input->patterns, true, &why);
	if (box->drop && drop_recover(box->drop, &why) >= 0) {
		in->rewatch = true;
		if (box->told)
			send_note(in, box->path, NULL);
		box->told = false;
		return;
	}
	drop_close(take(&box->drop));
	if (box->told)
		return;
	say_error(
	    "%s; files there are not picked up until it is mended", why.text);
	send_note(in, box->path, why.text);
	box->told = true;
}

void intake_use(struct intake *in)
{
	/* Files under way know their box by its number, so they end first. */
	in->stale = true;
	intake_ring(in);
}

static void change_boxes(struct intake *in)
{
	const struct conf *conf;
	size_t i;

	in->stale = false;
	lobby_on_forget(in->lobby, gone, in);
	plan_drop(in->plan);
	in->plan = plan_hold(dispatch_plan(in->sides.dispatch));
	conf = in->plan->conf;
	for (i = 0; i < in->box_count; i++)
		clear_box(&in->boxes[i]);
	free(in->boxes);
	in->boxes = mem_array(conf->input_count, sizeof(*in->boxes));
	in->box_count = conf->input_count;
	for (i = 0; i < in->box_count; i++) {
		in->boxes[i].path = mem_strdup(conf->inputs[i].dir);
		open_box(in, &in->boxes[i]);
	}
	intake_ring(in);
}

const char *intake_path(const struct intake *in, size_t n)
{
	return n < in->box_count ? in->boxes[n].path : NULL;
}

bool intake_rewatch(struct intake *in)
{
	bool rewatch = in->rewatch;

	in->rewatch = false;
	return rewatch;
}

void intake_ring(struct intake *in)
{
	size_t i;

	for (i = 0; i < in->box_count; i++)
		in->boxes[i].ringing = true;
}

struct skip_case {
	struct intake *in;
	unsigned input;
	int64_t now_ms;
};

static bool skips(void *arg, uint64_t inode, int64_t ctime_ns)
{
	const struct skip_case *at = arg;

	return lobby_skips(
	    at->in->lobby, at->input, inode, ctime_ns, at->now_ms);
}

static void sweep(struct intake *in, struct box *box)
{
	struct skip_case at = { in, (unsigned)(box - in->boxes),
		now_steady_ms() };
	struct drop_skip skip;
	struct why why;

	box->ringing = false;
	drop_list_clear(&box->list);
	box->at = 0;
	if (box->drop && drop_replaced(box->drop))
		drop_close(take(&box->drop));
	if (!box->drop)
		open_box(in, box);
	if (!box->drop)
		return;
	skip = (struct drop_skip){ skips, &at };
	lobby_begin_sweep(in->lobby, at.input);
	if (drop_sweep(box->drop, SWEEP_MAX, &skip, &box->list, &why) < 0) {
		say_error("%s; it is tried again", why.text);
		drop_close(take(&box->drop));
		return;
	}
	lobby_end_sweep(in->lobby, at.input);
	/* The rest is listed when these are through. */
	box->ringing = box->list.more;
}

/* ---- files --------------------------------------------------------------- */

static struct box *box_of(struct intake *in, const struct dropped *file)
{
	return &in->boxes[file->input];
}

static char *path_of(struct intake *in, const struct dropped *file)
{
	return file_join(box_of(in, file)->path, file->name);
}

/* Leaves the file where it is until `after_ms` from now. */
static struct guest *stay(struct intake *in, const struct dropped *file,
    enum stay why, int64_t after_ms)
{
	int64_t now_ms = now_steady_ms();

	return lobby_keep(in->lobby, file->input, file->mark.inode,
	    file->mark.ctime_ns, why, now_ms, now_ms + after_ms);
}

static void leave(struct intake *in, const struct dropped *file)
{
	lobby_forget(in->lobby, file->input, file->mark.inode);
}

/* Our own trouble with a file: said, and tried again. */
static void trouble(
    struct intake *in, const struct dropped *file, const struct why *why)
{
	const struct guest *guest =
	    lobby_find(in->lobby, file->input, file->mark.inode);

	if (!guest || guest->stay != STAY_LATER)
		say_warning("%s; the file stays and is tried again", why->text);
	stay(in, file, STAY_LATER, LATER_MS);
}

static void reject(struct intake *in, const struct dropped *file,
    const struct refusal *refusal)
{
	struct why why;

	if (refuse_file(in->sides.spool, box_of(in, file)->drop, file->name,
		refusal, now_wall_ms(), in->sides.record, &why) < 0)
		trouble(in, file, &why);
	else
		leave(in, file);
}

static void cannot_read(
    struct intake *in, const struct dropped *file, const struct why *why)
{
	struct guest *guest = stay(in, file, STAY_UNREADABLE, INT32_MAX);
	auto_buf struct buf shown = BUF_INIT(2048);

	if (guest->told)
		return;
	guest->told = path_of(in, file);
	text_visible(&shown, why->text, strlen(why->text));
	say_warning("%s; it stays there: make it readable (chmod g+r), or drop "
		    "with \"spoolhook submit\"",
	    buf_text(&shown));
	send_note(in, guest->told, buf_text(&shown));
}

static void judge_linked(struct intake *in, const struct dropped *file)
{
	const struct guest *guest =
	    lobby_find(in->lobby, file->input, file->mark.inode);
	const struct refusal refusal = { "several_links",
		"the file has several names (hard links); drop a copy", 0, 0 };

	if (guest && guest->stay == STAY_LINKED &&
	    now_steady_ms() >= guest->since_ms + LINKED_MS)
		reject(in, file, &refusal);
	else
		stay(in, file, STAY_LINKED, LINKED_MS);
}

/* ---- receipts ------------------------------------------------------------ */

static struct receipt *receipt_of(
    struct intake *in, const struct drop_mark *mark)
{
	size_t i;

	for (i = 0; i < in->receipt_count; i++) {
		struct receipt *r = &in->receipts[i];

		if (r->device == mark->device && r->inode == mark->inode &&
		    r->birth_ns == mark->birth_ns)
			return r;
	}
	return NULL;
}

static void keep_receipt(struct intake *in, const struct receipt *receipt)
{
	const struct drop_mark mark = { .device = receipt->device,
		.inode = receipt->inode,
		.birth_ns = receipt->birth_ns };
	struct receipt *old = receipt_of(in, &mark);

	if (!old) {
		in->receipts = mem_grow(
		    in->receipts, in->receipt_count + 1, sizeof(*in->receipts));
		old = &in->receipts[in->receipt_count++];
	}
	*old = *receipt;
}

static void drop_receipt(struct intake *in, const struct receipt *receipt)
{
	const struct drop_mark mark = { .device = receipt->device,
		.inode = receipt->inode,
		.birth_ns = receipt->birth_ns };
	struct receipt *old = receipt_of(in, &mark);

	if (old)
		*old = in->receipts[--in->receipt_count];
}

static void send_forget(struct intake *in)
{
	struct work_forget *work = in->forget;

	if (!work)
		return;
	in->forget = NULL;
	in->under_way++;
	committer_send(in->sides.committer, &work->work);
}

/* The file is gone: its receipt has served. Several go at once. */
static void forget(struct intake *in, const struct receipt *receipt)
{
	struct receipt *rows;

	drop_receipt(in, receipt);
	if (!in->forget) {
		in->forget = mem_zalloc(sizeof(*in->forget));
		in->forget->work.kind = WORK_FORGET;
		in->forget->receipts = mem_array(FORGET_MAX, sizeof(*rows));
	}
	rows = (struct receipt *)(uintptr_t)in->forget->receipts;
	rows[in->forget->count++] = *receipt;
	if (in->forget->count == FORGET_MAX)
		send_forget(in);
}

void intake_forgotten(struct intake *in, struct work *work)
{
	in->under_way--;
	/* When it failed the receipt lies in the store until the next start,
	 * which finds that it fits no file. */
	free_forget((struct work_forget *)work);
}

/* Takes an accepted file out of its box. */
static void remove_file(struct intake *in, const struct dropped *file,
    const struct receipt *receipt)
{
	enum drop_removal removal;
	struct why why;

	if (!box_of(in, file)->drop ||
	    drop_remove(box_of(in, file)->drop, file->name, &file->mark,
		&removal, &why) < 0) {
		if (box_of(in, file)->drop)
			trouble(in, file, &why);
		else
			leave(in, file);
		keep_receipt(in, receipt);
		return;
	}
	switch (removal) {
	case DROP_REMOVED:
	case DROP_MISSING:
		leave(in, file);
		forget(in, receipt);
		return;
	case DROP_WRITTEN:
		keep_receipt(in, receipt);
		stay(in, file, STAY_LATER, WRITTEN_MS);
		return;
	case DROP_CHANGED:
		keep_receipt(in, receipt);
		leave(in, file);
		box_of(in, file)->ringing = true;
		return;
	}
}

/* ---- reading ------------------------------------------------------------- */

static int64_t age_ms(const struct drop_mark *mark)
{
	return now_wall_ms() - mark->ctime_ns / 1000000;
}

/* Unchanged for `ms`, by the file's own change time or by what was seen. A
 * change time in the future (the clock was set back) does not count. */
static bool unchanged_for(
    struct intake *in, const struct dropped *file, int64_t ms)
{
	const struct guest *guest =
	    lobby_find(in->lobby, file->input, file->mark.inode);

	if (age_ms(&file->mark) >= ms)
		return true;
	return guest && guest->ctime_ns == file->mark.ctime_ns &&
	    now_steady_ms() >= guest->since_ms + ms;
}

static bool named_as_lines(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot &&
	    (strcmp(dot, ".jsonl") == 0 || strcmp(dot, ".ndjson") == 0);
}

/* How much of the file was accepted before, by us or an earlier process. */
static int64_t accepted_before(
    struct intake *in, int fd, const struct drop_mark *mark)
{
	const struct receipt *receipt = receipt_of(in, mark);

	if (!receipt || mark->size < receipt->done)
		return 0;
	if (receipt->mtime_ns == mark->mtime_ns && receipt->size == mark->size)
		return receipt->done;
	return reader_same_start(fd, receipt->done, receipt->hash)
	    ? receipt->done
	    : 0;
}

static void begin_file(struct intake *in, const struct dropped *file, int fd)
{
	const struct conf *conf = in->plan->conf;
	struct reader_case from = {
		.file = *file,
		.fd = fd,
		.size_max = conf->max_event_size,
		.lines = named_as_lines(file->name),
		.renamed = drop_renamed(&file->mark),
		.settled = unchanged_for(in, file, conf->settle_ms),
		.skip = accepted_before(in, fd, &file->mark),
		.spool = in->sides.spool,
	};
	bool sure;

	from.quiet = unchanged_for(in, file, QUIET_MS) &&
	    (drop_unwritten(fd, &sure) || !sure);
	from.renamed = from.renamed && (drop_unwritten(fd, &sure) || !sure);
	stay(in, file, STAY_BUSY, 0);
	in->reader = reader_open(&from);
	in->batch = batch_new(in->plan, file);
	in->checking = false;
	in->checked = false;
	in->at_end = false;
}

static void end_file(struct intake *in)
{
	reader_free(take(&in->reader));
	batch_free(take(&in->batch));
}

static void open_file(
    struct intake *in, struct box *box, const struct drop_entry *entry)
{
	struct dropped file = {
		.input = (unsigned)(box - in->boxes),
		.name = entry->name,
		.mark = { .inode = entry->inode, .ctime_ns = entry->ctime_ns },
	};
	struct refusal refusal = { "not_regular", NULL, 0, 0 };
	enum drop_answer answer;
	struct why why;
	int fd;

	if (drop_take(box->drop, entry->name, &answer, &fd, &file.mark, &why) <
	    0) {
		trouble(in, &file, &why);
		return;
	}
	switch (answer) {
	case DROP_OPENED:
		begin_file(in, &file, fd);
		return;
	case DROP_GONE:
		leave(in, &file);
		return;
	case DROP_UNREADABLE:
		cannot_read(in, &file, &why);
		return;
	case DROP_IRREGULAR:
		refusal.message = why.text;
		reject(in, &file, &refusal);
		return;
	case DROP_LINKED:
		judge_linked(in, &file);
		return;
	}
}

static void send_batch(struct intake *in, bool last)
{
	struct receipt receipt;
	struct batch *batch = in->batch;
	size_t i;
	size_t r;

	reader_receipt(in->reader, &receipt);
	batch->last = last;
	batch_seal(batch, &receipt, now_wall_ms());
	in->batch = last ? NULL : batch_new(in->plan, reader_file(in->reader));
	in->sent = last ? NULL : batch;
	in->under_way++;
	committer_send(in->sides.committer, &batch->accept.work);
	/* The claim that follows stands behind it in the same group. */
	for (i = 0; i < batch->count; i++) {
		for (r = 0; r < batch->items[i].route_count; r++) {
			struct target *target =
			    plan_target(dispatch_plan(in->sides.dispatch),
				batch->items[i].routes[r].endpoint);

			if (target)
				dispatch_touch(in->sides.dispatch, target,
				    batch->accept.now_ms);
		}
	}
}

static void finish(struct intake *in)
{
	auto_free char *path = path_of(in, reader_file(in->reader));
	struct why why;

	if (in->checking) {
		in->checking = false;
		if (reader_rewind(in->reader, &why) == 0)
			return;
		trouble(in, reader_file(in->reader), &why);
		end_file(in);
		return;
	}
	if (reader_keep_scraps(
		in->reader, path, now_wall_ms(), in->sides.record, &why) < 0)
		trouble(in, reader_file(in->reader), &why);
	else
		send_batch(in, true);
	end_file(in);
}

/* The file ends too early: it is looked at again when it changes, or when it
 * did not for so long that it never will. */
static void wait_for_more(struct intake *in)
{
	const struct dropped *file = reader_file(in->reader);
	int64_t left = in->plan->conf->settle_ms - age_ms(&file->mark);

	if (left > in->plan->conf->settle_ms || left < 0)
		left = in->plan->conf->settle_ms;
	stay(in, file, STAY_EARLY, left);
	end_file(in);
}

/* The id that `submit` told for this event already, by the file's name. One
 * that is far from our time, or was refused once (it is in the store), is not
 * believed. */
static bool submitted_id(struct intake *in, char id[ID_SIZE])
{
	const struct dropped *file = reader_file(in->reader);
	const struct guest *guest =
	    lobby_find(in->lobby, file->input, file->mark.inode);
	char first[ID_SIZE];
	int64_t age;

	if (!id_in_name(file->name, first) || (guest && guest->own_id))
		return false;
	age = now_wall_ms() - id_time_ms(first);
	if (age > ID_AGE_MAX_MS || age < -ID_AGE_MAX_MS)
		return false;
	id_nth(first, (uint64_t)reader_index(in->reader), id);
	return true;
}

static void add_event(
    struct intake *in, struct event *event, const char *bytes, size_t len)
{
	char id[ID_SIZE];

	if (in->checking) {
		event_clear(event);
		return;
	}
	if (!submitted_id(in, id))
		id_make(&in->ids, now_wall_ms(), (uint32_t)dice_roll(), id);
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
	if (in->sent)
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
		if (in->sent)
			in->at_end = true;
		else
			finish(in);
		return !in->sent;
	case READ_EARLY:
		wait_for_more(in);
		return true;
	case READ_WAIT:
		stay(in, file, STAY_QUIET, QUIET_MS);
		end_file(in);
		return true;
	case READ_REFUSED:
		reject(in, file, reader_refusal(in->reader));
		end_file(in);
		return true;
	case READ_FAILED:
		trouble(in, file, &why);
		end_file(in);
		return true;
	}
	return true;
}

/* ---- turns --------------------------------------------------------------- */

static bool space_left(struct intake *in)
{
	const struct conf *conf = in->plan->conf;
	int64_t now_ms = now_steady_ms();
	int64_t left;
	struct why why;

	if (in->space_ms && now_ms < in->space_ms + SPACE_MS)
		return !in->low;
	in->space_ms = now_ms;
	if (drop_free(conf->spool_dir, &left, &why) < 0 ||
	    left >= conf->min_free) {
		if (in->low) {
			say_info("there is space again; dropped files are "
				 "picked up");
			send_note(in, conf->spool_dir, NULL);
		}
		in->low = false;
		return true;
	}
	if (!in->low) {
		say_error("%s: less than spool.min_free is left on the disk; "
			  "dropped files stay where they are, deliveries go on",
		    conf->spool_dir);
		send_note(in, conf->spool_dir,
		    "less than spool.min_free is left on the disk; dropped "
		    "files are not picked up");
	}
	in->low = true;
	return false;
}

static bool next_file(struct intake *in)
{
	size_t i;

	for (i = 0; i < in->box_count; i++) {
		struct box *box = &in->boxes[i];

		if (box->at == box->list.count && box->ringing)
			sweep(in, box);
		if (box->at < box->list.count) {
			open_file(in, box, &box->list.entries[box->at++]);
			return true;
		}
	}
	return false;
}

bool intake_turn(struct intake *in)
{
	int budget = TURN_FILES_MAX;

	if (in->stopping)
		return false;
	if (in->stale && !in->reader && !in->under_way)
		change_boxes(in);
	while (budget-- > 0) {
		if (in->under_way >= UNDER_WAY_MAX)
			return false;
		if (in->reader) {
			if (in->at_end || !read_on(in))
				return false;
			continue;
		}
		if (in->stale || !space_left(in) || !next_file(in)) {
			send_forget(in);
			return false;
		}
	}
	return true;
}

int64_t intake_next_ms(const struct intake *in)
{
	int64_t next = lobby_next_ms(in->lobby, false);

	if (in->low && (next < 0 || in->space_ms + SPACE_MS < next))
		next = in->space_ms + SPACE_MS;
	return next;
}

static void write_down(struct intake *in, const struct batch *batch)
{
	auto_free char *path = path_of(in, &batch->file);
	size_t i;

	for (i = 0; i < batch->count; i++) {
		const struct batch_item *item = &batch->items[i];

		record_accepted(in->sides.record, item->id, &item->event, path,
		    item->len, item->hits, item->hit_count);
	}
}

/* The store could not: nothing of this batch was accepted. */
static void not_accepted(struct intake *in, const struct batch *batch)
{
	struct guest *guest = stay(in, &batch->file, STAY_LATER, LATER_MS);

	/* An id that a stranger chose may exist: next time it gets ours. */
	if (!batch->accept.work.full)
		guest->own_id = true;
	if (!batch->last)
		end_file(in);
}

void intake_accepted(struct intake *in, struct work *work)
{
	struct batch *batch = (struct batch *)work;

	in->under_way--;
	if (in->sent == batch)
		in->sent = NULL;
	if (work->failed) {
		in->at_end = false;
		not_accepted(in, batch);
		batch_free(batch);
		return;
	}
	write_down(in, batch);
	if (batch->last)
		remove_file(in, &batch->file, &batch->accept.receipt);
	else
		keep_receipt(in, &batch->accept.receipt);
	batch_free(batch);
	if (in->at_end && in->reader) {
		in->at_end = false;
		finish(in);
	}
}

void intake_stop(struct intake *in)
{
	in->stopping = true;
	send_forget(in);
}

bool intake_idle(const struct intake *in)
{
	size_t i;

	for (i = 0; i < in->box_count; i++) {
		if (in->boxes[i].ringing ||
		    in->boxes[i].at < in->boxes[i].list.count)
			return false;
	}
	return !in->reader && !in->under_way &&
	    lobby_next_ms(in->lobby, true) < 0;
}

bool intake_quiet(const struct intake *in)
{
	return !in->under_way;
}
