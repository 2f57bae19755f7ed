/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * flow/receipts: a hash table by inode, and the works that strike receipts out
 * of the store.
 *
 * Promises that a receipt stays in the store at least for as long as its file
 * stays in a drop box; that it may stay longer costs a row. If we die with
 * forgotten ones not yet sent, or if sending fails, the next start loads them
 * again and finds after a while that they fit no file.
 */
#include "flow/receipts.h"

#include "base/mem.h"

enum {
	BUCKETS = 1024,
	/* Forgotten ones that go in one work. */
	GATHER_MAX = 64,
};

struct row {
	struct receipt receipt;
	int64_t seen_ms;
	struct row *next;
};

/* On its way to the store. */
struct bunch {
	struct work_forget work; /* first */
	struct receipt rows[GATHER_MAX];
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
	for (i = 0; i < count; i++)
		receipts_keep(receipts, &left[i], now_ms);
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

void receipts_close(struct receipts *receipts)
{
	size_t i;

	if (!receipts)
		return;
	for (i = 0; i < BUCKETS; i++) {
		while (receipts->buckets[i])
			remove_at(receipts, &receipts->buckets[i]);
	}
	free(receipts->gathered);
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
	struct row *const *at =
	    find((struct receipts *)(uintptr_t)receipts, &wanted);

	return *at ? &(*at)->receipt : NULL;
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

void receipts_forget(struct receipts *receipts, const struct receipt *receipt)
{
	struct bunch *bunch = receipts->gathered;
	struct row **at = find(receipts, receipt);

	if (!bunch) {
		bunch = receipts->gathered = mem_zalloc(sizeof(*bunch));
		bunch->work.work.kind = WORK_FORGET;
		bunch->work.receipts = bunch->rows;
	}
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
			receipts_forget(receipts, &old);
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
	free((struct bunch *)work);
}

bool receipts_quiet(const struct receipts *receipts)
{
	return !receipts->under_way;
}
