/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * flow/arrivals: a table of the last names that came by rename, by hash.
 *
 * Owns nothing but its slots, of which a later name may take an earlier one's.
 * Two names that hash to the same number would be taken for one, which costs
 * nothing but the wait for a file that is being written in place. If we die all
 * is forgotten, and the next start goes by the marks.
 */
#include "flow/arrivals.h"

#include "base/mem.h"

enum { SLOTS = 1024 };

struct slot {
	uint64_t key; /* of the box and the name */
	int64_t when_ns; /* 0: empty */
};

struct arrivals {
	struct slot slots[SLOTS];
};

struct arrivals *arrivals_new(void)
{
	return mem_zalloc(sizeof(struct arrivals));
}

void arrivals_free(struct arrivals *arrivals)
{
	free(arrivals);
}

/* FNV-1a. */
static uint64_t key_of(unsigned input, const char *name)
{
	uint64_t key = 0xcbf29ce484222325u ^ input;

	for (; *name; name++)
		key = (key ^ (unsigned char)*name) * 0x100000001b3u;
	return key;
}

void arrivals_note(
    struct arrivals *arrivals, unsigned input, const char *name, int64_t now_ns)
{
	uint64_t key = key_of(input, name);

	arrivals->slots[key % SLOTS] = (struct slot){ key, now_ns };
}

bool arrivals_know(const struct arrivals *arrivals, unsigned input,
    const char *name, const struct drop_mark *mark)
{
	uint64_t key = key_of(input, name);
	const struct slot *slot = &arrivals->slots[key % SLOTS];

	return slot->key == key && mark->mtime_ns <= slot->when_ns;
}
