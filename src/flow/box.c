/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * flow/box: drop boxes and their sweeps.
 *
 * Owns the open boxes and the lists of what lies in them. Promises: a ring
 * leads to a sweep, however often it came; a box that fails keeps no other
 * from its turn; a failing box is said once and not at every try. It opens no
 * file and decides nothing about one. If we die nothing is left behind, but a
 * directory that we made.
 */
#include "flow/box.h"

#include "base/mem.h"
#include "base/say.h"
#include "flow/arrivals.h"

#include <string.h>

enum {
	/* Files that one sweep lists; bounds memory, not the drop box. */
	SWEEP_MAX = 8192,
	/* How often a box that cannot be used is tried. */
	RETRY_MS = 1000,
	/* A directory that vanished is made again after this time. */
	LOST_MS = 10 * 1000,
};

struct box {
	char *path;
	char *const *patterns; /* lent */
	struct drop *drop; /* NULL: cannot be used for now */
	bool told; /* that it cannot */
	int64_t lost_ms; /* when its directory vanished, 0: it did not */
	int64_t retry_ms; /* -1: not to be tried */
	struct drop_list list;
	size_t at; /* the next entry of the list */
	bool ringing;
};

struct boxes {
	struct boxes_sides sides;
	struct box *all;
	size_t count;
	size_t turn; /* whose turn it is */
	struct arrivals *arrivals;
	bool rewatch;
};

struct boxes *boxes_new(const struct boxes_sides *sides)
{
	struct boxes *boxes = mem_zalloc(sizeof(*boxes));

	boxes->sides = *sides;
	boxes->arrivals = arrivals_new();
	return boxes;
}

static void free_all(struct box *all, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		drop_list_clear(&all[i].list);
		drop_close(all[i].drop);
		free(all[i].path);
	}
	free(all);
}

void boxes_free(struct boxes *boxes)
{
	if (!boxes)
		return;
	free_all(boxes->all, boxes->count);
	arrivals_free(boxes->arrivals);
	free(boxes);
}

/* ---- opening ------------------------------------------------------------- */

static void fail_box(
    struct boxes *boxes, struct box *box, const struct why *why, int64_t now_ms)
{
	drop_close(take(&box->drop));
	box->retry_ms = now_ms + RETRY_MS;
	/* One that is being replaced is missing for a moment. */
	if (box->told || box->lost_ms == now_ms)
		return;
	say_error(
	    "%s; files there are not picked up until it is mended", why->text);
	trouble_note(boxes->sides.trouble, box->path, why->text);
	box->told = true;
}

static void mend_box(struct boxes *boxes, struct box *box)
{
	box->lost_ms = 0;
	if (!box->told)
		return;
	say_info("%s: files there are picked up again", box->path);
	trouble_note(boxes->sides.trouble, box->path, NULL);
	box->told = false;
}

static void open_box(struct boxes *boxes, struct box *box, int64_t now_ms)
{
	bool make = !box->lost_ms || now_ms >= box->lost_ms + LOST_MS;
	struct why why;

	box->retry_ms = -1;
	box->drop = drop_open(box->path, box->patterns, make, &why);
	if (!box->drop) {
		fail_box(boxes, box, &why, now_ms);
		return;
	}
	boxes->rewatch = true;
	/* One file that cannot have its name back stops no other. */
	if (drop_recover(box->drop, &why) < 0)
		say_warning("%s", why.text);
}

/* ---- another configuration ----------------------------------------------- */

static int number_of(const struct conf *conf, const char *path)
{
	size_t i;

	for (i = 0; i < conf->input_count; i++) {
		if (strcmp(conf->inputs[i].dir, path) == 0)
			return (int)i;
	}
	return LOBBY_NOWHERE;
}

/* What was told of a box goes with it to its new number, or is over. */
static void move_over(
    struct boxes *boxes, const struct conf *conf, struct box *fresh, int *to)
{
	size_t i;

	for (i = 0; i < boxes->count; i++) {
		const struct box *old = &boxes->all[i];

		to[i] = number_of(conf, old->path);
		if (to[i] != LOBBY_NOWHERE) {
			fresh[to[i]].told = old->told;
			fresh[to[i]].lost_ms = old->lost_ms;
		} else if (old->told) {
			trouble_note(boxes->sides.trouble, old->path, NULL);
		}
	}
}

void boxes_use(struct boxes *boxes, const struct conf *conf, int64_t now_ms)
{
	struct box *fresh = mem_array(conf->input_count, sizeof(*fresh));
	auto_free int *to = mem_array(boxes->count, sizeof(*to));
	size_t i;

	move_over(boxes, conf, fresh, to);
	lobby_renumber(boxes->sides.lobby, to, boxes->count);
	free_all(boxes->all, boxes->count);
	/* Their numbers are others now. */
	arrivals_free(boxes->arrivals);
	boxes->arrivals = arrivals_new();
	boxes->all = fresh;
	boxes->count = conf->input_count;
	boxes->turn = 0;
	for (i = 0; i < boxes->count; i++) {
		fresh[i].path = mem_strdup(conf->inputs[i].dir);
		fresh[i].patterns = conf->inputs[i].patterns;
		open_box(boxes, &fresh[i], now_ms);
	}
	boxes_ring(boxes);
}

const char *boxes_path(const struct boxes *boxes, size_t n)
{
	return n < boxes->count ? boxes->all[n].path : NULL;
}

struct drop *boxes_drop(const struct boxes *boxes, unsigned input)
{
	return boxes->all[input].drop;
}

bool boxes_rewatch(struct boxes *boxes)
{
	bool rewatch = boxes->rewatch;

	boxes->rewatch = false;
	return rewatch;
}

/* ---- sweeps -------------------------------------------------------------- */

void boxes_ring(struct boxes *boxes)
{
	size_t i;

	for (i = 0; i < boxes->count; i++)
		boxes->all[i].ringing = true;
}

void boxes_restart(struct boxes *boxes)
{
	size_t i;

	for (i = 0; i < boxes->count; i++) {
		drop_list_clear(&boxes->all[i].list);
		boxes->all[i].at = 0;
		boxes->all[i].ringing = true;
	}
}

void boxes_ring_one(struct boxes *boxes, unsigned input)
{
	boxes->all[input].ringing = true;
}

struct skip_case {
	struct boxes *boxes;
	unsigned input;
	int64_t now_ms;
};

static bool skips(void *arg, uint64_t inode, int64_t ctime_ns)
{
	const struct skip_case *at = arg;

	receipts_see(at->boxes->sides.receipts, inode, at->now_ms);
	return lobby_skips(
	    at->boxes->sides.lobby, at->input, inode, ctime_ns, at->now_ms);
}

static bool all_open(const struct boxes *boxes)
{
	size_t i;

	for (i = 0; i < boxes->count; i++) {
		if (!boxes->all[i].drop || boxes->all[i].told)
			return false;
	}
	return true;
}

static void list_box(struct boxes *boxes, struct box *box, int64_t now_ms)
{
	struct skip_case at = { boxes, (unsigned)(box - boxes->all), now_ms };
	const struct drop_skip skip = { skips, &at };
	struct why why;

	lobby_begin_sweep(boxes->sides.lobby, at.input);
	if (drop_sweep(box->drop, SWEEP_MAX, &skip, &box->list, &why) < 0) {
		fail_box(boxes, box, &why, now_ms);
		return;
	}
	lobby_end_sweep(boxes->sides.lobby, at.input);
	mend_box(boxes, box);
	/* The rest is listed when these are through. */
	box->ringing = box->list.more;
	if (all_open(boxes))
		receipts_prune(boxes->sides.receipts, now_ms);
}

static void sweep(struct boxes *boxes, struct box *box, int64_t now_ms)
{
	box->ringing = false;
	drop_list_clear(&box->list);
	box->at = 0;
	if (box->drop && drop_replaced(box->drop)) {
		drop_close(take(&box->drop));
		box->lost_ms = now_ms;
	}
	if (!box->drop)
		open_box(boxes, box, now_ms);
	if (box->drop)
		list_box(boxes, box, now_ms);
}

bool boxes_next(struct boxes *boxes, int64_t now_ms, struct dropped *file)
{
	size_t i;

	for (i = 0; i < boxes->count; i++) {
		size_t n = (boxes->turn + i) % boxes->count;
		struct box *box = &boxes->all[n];
		const struct drop_entry *entry;

		if (box->at == box->list.count && box->ringing)
			sweep(boxes, box, now_ms);
		if (box->at == box->list.count)
			continue;
		entry = &box->list.entries[box->at++];
		*file = (struct dropped){ .input = (unsigned)n,
			.name = entry->name,
			.mark = { .inode = entry->inode,
			    .ctime_ns = entry->ctime_ns } };
		boxes->turn = n + 1;
		return true;
	}
	return false;
}

void boxes_moved_in(
    struct boxes *boxes, const char *path, const char *name, int64_t wall_ms)
{
	/* Our clock is read in whole ms, that of files in ns. */
	int64_t now_ns = (wall_ms + 1) * 1000000;
	size_t i;

	for (i = 0; i < boxes->count; i++) {
		if (strcmp(boxes->all[i].path, path) == 0)
			arrivals_note(
			    boxes->arrivals, (unsigned)i, name, now_ns);
	}
}

bool boxes_renamed(const struct boxes *boxes, const struct dropped *file)
{
	return drop_renamed(&file->mark) ||
	    arrivals_know(
		boxes->arrivals, file->input, file->name, &file->mark);
}

bool boxes_idle(const struct boxes *boxes)
{
	size_t i;

	for (i = 0; i < boxes->count; i++) {
		const struct box *box = &boxes->all[i];

		if (box->ringing || box->at < box->list.count)
			return false;
	}
	return true;
}

int64_t boxes_next_ms(const struct boxes *boxes)
{
	int64_t next = -1;
	size_t i;

	for (i = 0; i < boxes->count; i++) {
		int64_t retry = boxes->all[i].retry_ms;

		if (retry >= 0 && (next < 0 || retry < next))
			next = retry;
	}
	return next;
}
