/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * flow/receipts: a hash table by inode, and the works that strike receipts out
 * of the store.
 *
 * Promises that a receipt stays in the store at least for as long as its file
 * stays in a drop box, also when a power cut brings the file back; that it may
 * stay longer costs a row. If we die with
 * forgotten ones not yet sent, or if sending fails, the next start loads them
 * again and finds after a while that they fit no file.
 */
#include "flow/receipts.h"

#include "base/mem.h"

#include <unistd.h>

enum {
	BUCKETS = 1024,
	/* Forgotten ones that go in one work. */
	GATHER_MAX = 256,
	/* Directories that they may have been in. */
	DIRS_MAX = 8,
};

struct row {
	struct receipt receipt;
	int64_t seen_ms;
	bool left; /* by an earlier process */
	struct row *next;
};

/* On its way to the store. */
struct bunch {
	struct work_forget work; /* first */
	struct receipt rows[GATHER_MAX];
	int dirs[DIRS_MAX];
	uint64_t serials[DIRS_MAX]; /* of the directories */
};

struct receipts {
	struct committer *committer;
	struct row *buckets[BUCKETS];
	size_t count;
	int64_t pruned_ms;
	struct bunch *gathered; /* NULL: none */
	int under_way;
};

static struct row **bucket_of(struct receipts *receipts, uint64_t inode)
{
	return &receipts->buckets[(inode * 0x9e3779b97f4a7c15u) >> 54];
}

static bool same_file(const struct receipt *a, const struct receipt *b)
{
	return a->device == b->device && a->inode == b->inode &&
	    a->birth_ns == b->birth_ns;
}

/* Where the row of this file hangs, or would: *where is NULL then. */
static struct row **find(
    struct receipts *receipts, const struct receipt *receipt)
{
	struct row **at = bucket_of(receipts, receipt->inode);

	while (*at && !same_file(&(*at)->receipt, receipt))
		at = &(*at)->next;
	return at;
}

struct receipts *receipts_open(struct committer *committer,
    struct receipt *left, size_t count, int64_t now_ms)
{
	struct receipts *receipts = mem_zalloc(sizeof(*receipts));
	size_t i;

	receipts->committer = committer;
	receipts->pruned_ms = now_ms;
	for (i = 0; i < count; i++) {
		receipts_keep(receipts, &left[i], now_ms);
		(*find(receipts, &left[i]))->left = true;
	}
	free(left);
	return receipts;
}

static void remove_at(struct receipts *receipts, struct row **at)
{
	struct row *row = *at;

	*at = row->next;
	receipts->count--;
	free(row);
}

static void free_bunch(struct bunch *bunch)
{
	size_t i;

	if (!bunch)
		return;
	for (i = 0; i < bunch->work.dir_count; i++)
		close(bunch->dirs[i]);
	free(bunch);
}

void receipts_close(struct receipts *receipts)
{
	size_t i;

	if (!receipts)
		return;
	for (i = 0; i < BUCKETS; i++) {
		while (receipts->buckets[i])
			remove_at(receipts, &receipts->buckets[i]);
	}
	free_bunch(receipts->gathered);
	free(receipts);
}

const struct receipt *receipts_find(
    const struct receipts *receipts, const struct drop_mark *mark)
{
	const struct receipt wanted = {
		.device = mark->device,
		.inode = mark->inode,
		.birth_ns = mark->birth_ns,
	};
	struct receipts *all = (struct receipts *)(uintptr_t)receipts;
	const struct row *row = *find(all, &wanted);

	if (row)
		return &row->receipt;
	/* Disks are numbered anew at each boot. */
	for (row = *bucket_of(all, mark->inode); row; row = row->next) {
		if (row->left && row->receipt.inode == mark->inode &&
		    row->receipt.birth_ns == mark->birth_ns)
			return &row->receipt;
	}
	return NULL;
}

bool receipts_cover(const struct receipt *receipt, const struct drop_mark *mark)
{
	return receipt && receipt->size == mark->size &&
	    receipt->mtime_ns == mark->mtime_ns;
}

void receipts_keep(
    struct receipts *receipts, const struct receipt *receipt, int64_t now_ms)
{
	struct row **at = find(receipts, receipt);

	if (!*at) {
		*at = mem_zalloc(sizeof(**at));
		receipts->count++;
	}
	(*at)->receipt = *receipt;
	(*at)->seen_ms = now_ms;
}

static struct bunch *gather(struct receipts *receipts)
{
	struct bunch *bunch = receipts->gathered;

	if (bunch)
		return bunch;
	bunch = receipts->gathered = mem_zalloc(sizeof(*bunch));
	bunch->work.work.kind = WORK_FORGET;
	bunch->work.receipts = bunch->rows;
	bunch->work.dirs = bunch->dirs;
	return bunch;
}

static bool has_dir(const struct bunch *bunch, uint64_t serial)
{
	size_t i;

	for (i = 0; i < bunch->work.dir_count; i++) {
		if (bunch->serials[i] == serial)
			return true;
	}
	return false;
}

/* The directory will be synced with what has gathered. */
static bool add_dir(struct receipts *receipts, const struct drop *from)
{
	struct bunch *bunch = gather(receipts);
	int dir;

	if (has_dir(bunch, drop_serial(from)))
		return true;
	if (bunch->work.dir_count == DIRS_MAX) {
		receipts_flush(receipts);
		bunch = gather(receipts);
	}
	dir = drop_dup(from);
	if (dir < 0)
		return false;
	bunch->serials[bunch->work.dir_count] = drop_serial(from);
	bunch->dirs[bunch->work.dir_count++] = dir;
	return true;
}

void receipts_forget(struct receipts *receipts, const struct receipt *receipt,
    const struct drop *from)
{
	struct row **at = find(receipts, receipt);
	struct bunch *bunch;

	/* Without a descriptor it stays in the store, until it is pruned. */
	if (from && !add_dir(receipts, from))
		return;
	bunch = gather(receipts);
	bunch->rows[bunch->work.count++] = *receipt;
	if (*at)
		remove_at(receipts, at);
	if (bunch->work.count == GATHER_MAX)
		receipts_flush(receipts);
}

void receipts_see(struct receipts *receipts, uint64_t inode, int64_t now_ms)
{
	struct row *row;

	if (!receipts->count)
		return;
	for (row = *bucket_of(receipts, inode); row; row = row->next) {
		if (row->receipt.inode == inode)
			row->seen_ms = now_ms;
	}
}

static void prune_bucket(
    struct receipts *receipts, struct row **at, int64_t before_ms)
{
	while (*at) {
		const struct receipt old = (*at)->receipt;

		if ((*at)->seen_ms >= before_ms)
			at = &(*at)->next;
		else
			receipts_forget(receipts, &old, NULL);
	}
}

void receipts_prune(struct receipts *receipts, int64_t now_ms)
{
	size_t i;

	if (!receipts->count ||
	    now_ms < receipts->pruned_ms + RECEIPTS_UNSEEN_MS / 8)
		return;
	receipts->pruned_ms = now_ms;
	for (i = 0; i < BUCKETS; i++)
		prune_bucket(receipts, &receipts->buckets[i],
		    now_ms - RECEIPTS_UNSEEN_MS);
}

void receipts_flush(struct receipts *receipts)
{
	if (!receipts->gathered)
		return;
	receipts->under_way++;
	committer_send(
	    receipts->committer, &take(&receipts->gathered)->work.work);
}

void receipts_forgotten(struct receipts *receipts, struct work *work)
{
	receipts->under_way--;
	free_bunch((struct bunch *)work);
}

bool receipts_quiet(const struct receipts *receipts)
{
	return !receipts->under_way;
}
