/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * flow/porter: what becomes of a dropped file.
 *
 * Owns the drop boxes and the three memories about what lies in them: the
 * lobby (who stays, and why), the receipts (what was accepted and is still
 * there), the notes for `status`. Promises: no file leaves a box but the one
 * that was judged; each that stays is told of at most once. It judges nothing.
 * If we die in the middle the file is still there, perhaps under a private
 * name that the next start gives back.
 */
#include "flow/porter.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/now.h"
#include "base/say.h"
#include "base/text.h"
#include "flow/refuse.h"

#include <string.h>

enum {
	/* A file with several names may lose one of them within this time. */
	LINKED_MS = 2000,
	SOON_MS = 10,
	/* After trouble of our own, and while somebody still writes. */
	LATER_MS = 5000,
	WRITTEN_MS = 200,
	/* Permission is given by chmod, which changes the change time. */
	NEVER_MS = INT32_MAX,
};

static void gone(void *arg, const char *told)
{
	struct porter *p = arg;

	trouble_note(p->trouble, told, NULL);
}

void porter_init(struct porter *p, const struct porter_sides *sides,
    struct receipt *left, size_t count)
{
	p->sides = *sides;
	p->trouble = trouble_open(sides->committer);
	trouble_strike(p->trouble);
	p->receipts =
	    receipts_open(sides->committer, left, count, now_steady_ms());
	p->lobby = lobby_new();
	lobby_on_forget(p->lobby, gone, p);
	p->boxes = boxes_new(
	    &(struct boxes_sides){ p->lobby, p->receipts, p->trouble });
	refuse_clean(sides->spool);
}

void porter_clear(struct porter *p)
{
	boxes_free(p->boxes);
	lobby_free(p->lobby);
	receipts_close(p->receipts);
	trouble_close(p->trouble);
	*p = (struct porter){ 0 };
}

bool porter_quiet(const struct porter *p)
{
	return !p->removing && receipts_quiet(p->receipts) &&
	    trouble_quiet(p->trouble);
}

struct drop *porter_drop(const struct porter *p, const struct dropped *file)
{
	return boxes_drop(p->boxes, file->input);
}

char *porter_path(const struct porter *p, const struct dropped *file)
{
	return file_join(boxes_path(p->boxes, file->input), file->name);
}

struct guest *porter_guest(const struct porter *p, const struct dropped *file)
{
	return lobby_find(p->lobby, file->input, file->mark.inode);
}

/* While the file was busy a sweep met its inode again: it may have been another
 * file, as numbers of inodes are used again at once, and no bell will ring. */
static void make_up(struct porter *p, const struct dropped *file)
{
	struct guest *guest = porter_guest(p, file);

	if (!guest || !guest->missed)
		return;
	guest->missed = false;
	boxes_ring_one(p->boxes, file->input);
}

/* Leaves the file where it is until `after_ms` from now. */
struct guest *porter_stay(struct porter *p, const struct dropped *file,
    enum stay why, int64_t after_ms)
{
	int64_t now_ms = now_steady_ms();

	if (why != STAY_BUSY)
		make_up(p, file);
	return lobby_keep(p->lobby, file->input, file->mark.inode,
	    file->mark.ctime_ns, why, now_ms, now_ms + after_ms);
}

struct guest *porter_wait(struct porter *p, const struct dropped *file,
    enum stay why, int64_t most_ms)
{
	struct guest *guest = porter_stay(p, file, why, SOON_MS);
	int64_t seen_ms = now_steady_ms() - guest->since_ms;

	if (seen_ms < SOON_MS)
		seen_ms = SOON_MS;
	return porter_stay(p, file, why, seen_ms < most_ms ? seen_ms : most_ms);
}

void porter_leave(struct porter *p, const struct dropped *file)
{
	make_up(p, file);
	lobby_forget(p->lobby, file->input, file->mark.inode);
}

/* Other content is under the name, or on the inode, than what we looked at. */
void porter_look_again(struct porter *p, const struct dropped *file)
{
	porter_leave(p, file);
	boxes_ring_one(p->boxes, file->input);
}

/* Says and notes, once, why a file stays. */
static void tell(struct porter *p, const struct dropped *file,
    struct guest *guest, const struct why *why, const char *advice)
{
	auto_buf struct buf shown = BUF_INIT(2048);

	if (guest->told)
		return;
	guest->told = porter_path(p, file);
	guest->told_of = guest->stay;
	text_visible(&shown, why->text, strlen(why->text));
	say_warning("%s; %s", buf_text(&shown), advice);
	trouble_note(p->trouble, guest->told, buf_text(&shown));
}

/* Our own trouble with a file: tried again. */
void porter_trouble(
    struct porter *p, const struct dropped *file, const struct why *why)
{
	tell(p, file, porter_stay(p, file, STAY_LATER, LATER_MS), why,
	    "the file stays and is tried again");
}

void porter_unreadable(
    struct porter *p, const struct dropped *file, const struct why *why)
{
	tell(p, file, porter_wait(p, file, STAY_UNREADABLE, NEVER_MS), why,
	    "it stays there: make it readable (chmod g+r), or drop with "
	    "\"spoolhook submit\"");
}

void porter_reject(
    struct porter *p, const struct dropped *file, const struct refusal *refusal)
{
	enum drop_removal answer;
	struct why why;

	if (!porter_drop(p, file)) {
		porter_look_again(p, file);
		return;
	}
	if (refuse_file(p->sides.spool, porter_drop(p, file), file->name,
		&file->mark, refusal, now_wall_ms(), p->sides.record, &answer,
		&why) < 0)
		porter_trouble(p, file, &why);
	else if (answer == DROP_REMOVED)
		porter_leave(p, file);
	else
		porter_look_again(p, file);
}

void porter_linked(struct porter *p, const struct dropped *file)
{
	const struct refusal refusal = { "several_links",
		"the file has several names (hard links); drop a copy", 0, 0 };
	const struct guest *guest =
	    porter_wait(p, file, STAY_LINKED, LINKED_MS);

	if (now_steady_ms() - guest->since_ms >= LINKED_MS)
		porter_reject(p, file, &refusal);
}

void porter_remove(struct porter *p, const struct dropped *file, int fd,
    const struct receipt *receipt)
{
	struct drop *drop = porter_drop(p, file);
	struct removal *removal;

	if (!drop) {
		file_cleanup(&fd);
		receipts_keep(p->receipts, receipt, now_steady_ms());
		porter_look_again(p, file);
		return;
	}
	/* Until it is gone no sweep shall find it. */
	porter_stay(p, file, STAY_BUSY, 0)->leaving = true;
	removal = mem_zalloc(sizeof(*removal));
	removal->drop = drop_hold(drop);
	removal->file = *file;
	removal->file.name = mem_strdup(file->name);
	removal->fd = fd;
	removal->receipt = *receipt;
	p->removing++;
	remover_send(p->sides.remover, removal);
}

/* What is not gone is recognised wherever it comes back. */
static void not_removed(struct porter *p, const struct removal *removal)
{
	receipts_keep(p->receipts, &removal->receipt, now_steady_ms());
	if (removal->failed) {
		porter_trouble(p, &removal->file, &removal->why);
		return;
	}
	switch (removal->answer) {
	case DROP_REMOVED:
	case DROP_WRITTEN:
		porter_stay(p, &removal->file, STAY_WRITTEN, WRITTEN_MS);
		return;
	case DROP_MISSING:
	case DROP_CHANGED:
		porter_look_again(p, &removal->file);
		return;
	}
}

void porter_removed(struct porter *p, struct removal *removal)
{
	p->removing--;
	if (!removal->failed && removal->answer == DROP_REMOVED) {
		porter_leave(p, &removal->file);
		receipts_forget(p->receipts, &removal->receipt, removal->drop);
	} else {
		not_removed(p, removal);
	}
	drop_close(removal->drop);
	free(removal->file.name);
	free(removal);
}

int64_t porter_age_ms(const struct dropped *file)
{
	return now_wall_ms() - file->mark.ctime_ns / 1000000;
}

bool porter_unchanged(
    const struct porter *p, const struct dropped *file, int64_t ms)
{
	const struct guest *guest = porter_guest(p, file);

	if (porter_age_ms(file) >= ms)
		return true;
	return guest && guest->ctime_ns == file->mark.ctime_ns &&
	    now_steady_ms() >= guest->since_ms + ms;
}
