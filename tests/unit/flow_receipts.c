/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * Receipts of files that may still be there, with a real store behind them, so
 * that what is forgotten here is forgotten there.
 */
#include "flow/receipts.h"

#include "base/mem.h"
#include "scratch.h"
#include "tap.h"

static struct mailbox answers;

static struct receipt receipt(uint64_t inode, int64_t birth_ns)
{
	return (struct receipt){ .device = 5,
		.inode = inode,
		.birth_ns = birth_ns,
		.size = 10,
		.done = 10 };
}

static struct drop_mark mark(uint64_t inode, int64_t birth_ns)
{
	return (struct drop_mark){
		.device = 5, .inode = inode, .birth_ns = birth_ns
	};
}

static int find(struct receipts *receipts, uint64_t inode, int64_t birth_ns)
{
	const struct drop_mark wanted = mark(inode, birth_ns);

	return receipts_find(receipts, &wanted) != NULL;
}

/* Gives all answers of the store back. */
static void answer(struct receipts *receipts)
{
	while (!receipts_quiet(receipts)) {
		struct letter *l = mailbox_wait_for(&answers, 1000);

		while (l) {
			struct letter *next = l->next;

			receipts_forgotten(receipts, (struct work *)l);
			l = next;
		}
	}
}

static void finding(struct committer *committer)
{
	struct receipt *left = mem_array(3, sizeof(*left));
	struct receipts *receipts;
	struct receipt more = receipt(2, 20);

	left[0] = receipt(1, 10);
	left[1] = receipt(2, 20);
	left[2] = receipt(2, 21);
	receipts = receipts_open(committer, left, 3, 0);
	ok(find(receipts, 1, 10), "what an earlier process left is known");
	ok(find(receipts, 2, 20) && find(receipts, 2, 21),
	    "two files that had the same inode are two");
	ok(!find(receipts, 1, 11), "a younger file with an inode is another");
	ok(receipts_find(receipts,
	       &(struct drop_mark){ .device = 6, .inode = 1, .birth_ns = 10 }),
	    "what was left is known, too, when a reboot renumbers its disk");
	more.done = 4;
	receipts_keep(receipts, &more, 0);
	is_int(
	    receipts_find(receipts,
		&(struct drop_mark){ .device = 5, .inode = 2, .birth_ns = 20 })
		->done,
	    4, "the last receipt of a file counts");
	receipts_forget(receipts, &more, NULL);
	ok(!find(receipts, 2, 20), "a forgotten one is not known");
	more = receipt(9, 90);
	receipts_keep(receipts, &more, 0);
	ok(!receipts_find(receipts,
	       &(struct drop_mark){ .device = 6, .inode = 9, .birth_ns = 90 }),
	    "while it runs, another disk is another file");
	ok(find(receipts, 2, 21), "... others are");
	ok(receipts_quiet(receipts), "it waits for others to go with it");
	receipts_flush(receipts);
	ok(!receipts_quiet(receipts), "... or until it is sent");
	answer(receipts);
	receipts_flush(receipts);
	ok(receipts_quiet(receipts), "nothing more is to be sent");
	receipts_close(receipts);
	receipts_close(NULL);
}

/* Files of many boxes: each directory goes along, whatever becomes of the box
 * before the store's answer. */
static void syncing(struct committer *committer)
{
	static char pattern[] = "*";
	static char *const patterns[] = { pattern, NULL };
	struct receipts *receipts = receipts_open(committer, NULL, 0, 0);
	uint64_t i;

	for (i = 0; i < 12; i++) {
		auto_free char *name = mem_printf("box%d", (int)i);
		struct drop *box = drop_open(name, patterns, true, NULL);
		const struct receipt one = receipt(i, 1);
		const struct receipt two = receipt(i, 2);

		receipts_keep(receipts, &one, 0);
		receipts_keep(receipts, &two, 0);
		receipts_forget(receipts, &one, box);
		receipts_forget(receipts, &two, box);
		drop_close(box);
	}
	ok(!find(receipts, 11, 1) && !find(receipts, 3, 2),
	    "receipts of files from many boxes are forgotten");
	ok(!receipts_quiet(receipts), "more boxes than fit go by themselves");
	receipts_flush(receipts);
	answer(receipts);
	ok(receipts_quiet(receipts), "a box may be closed meanwhile");
	receipts_close(receipts);
}

static void pruning(struct committer *committer)
{
	struct receipts *receipts = receipts_open(committer, NULL, 0, 0);
	const int64_t hour = RECEIPTS_UNSEEN_MS;
	uint64_t i;
	int left = 0;

	for (i = 0; i < 3000; i++) {
		const struct receipt one = receipt(i, 1);

		receipts_keep(receipts, &one, 0);
	}
	receipts_prune(receipts, hour / 2);
	ok(find(receipts, 77, 1), "receipts stay for a while");
	receipts_see(receipts, 77, hour / 2);
	receipts_prune(receipts, hour + hour / 4);
	ok(find(receipts, 77, 1), "... longer when a sweep saw the file");
	for (i = 0; i < 3000; i++)
		left += find(receipts, i, 1);
	is_int(left, 1, "the others are forgotten");
	receipts_flush(receipts);
	answer(receipts);
	receipts_prune(receipts, 3 * hour);
	ok(!find(receipts, 77, 1), "... and so is it, some day");
	receipts_flush(receipts);
	answer(receipts);
	receipts_close(receipts);
}

int main(void)
{
	struct committer *committer;
	struct store *store;
	struct why why;

	scratch_begin();
	store = store_open("spool.db", STORE_DAEMON, &why);
	mailbox_init(&answers, NULL, NULL);
	committer = store ? committer_open(store, &answers, &why) : NULL;
	ok(committer != NULL, "(a store)");
	finding(committer);
	syncing(committer);
	pruning(committer);
	committer_close(committer);
	store_close(store);
	mailbox_clear(&answers);
	scratch_end();
	return done();
}
