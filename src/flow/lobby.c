/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * flow/lobby: a hash table by input and inode.
 *
 * Owns the guests and the text of what was told of them. The number of guests
 * is bounded by the files that lie in the drop boxes without being acceptable,
 * and by those under way. It reads no clock and touches no file; what it knows
 * dies with the process and is learnt again by the next sweep.
 */
#include "flow/lobby.h"

#include "base/mem.h"

#include <assert.h>
#include <stdlib.h>

enum {
	BUCKETS = 4096,
	/* A write rings no bell as long as the file is not closed. */
	PEEK_MS = 1000,
};

struct lobby {
	struct guest *buckets[BUCKETS];
	size_t count;
	size_t busy; /* of them */
	void (*gone)(void *arg, const char *told);
	void *arg;
};

struct lobby *lobby_new(void)
{
	return mem_zalloc(sizeof(struct lobby));
}

static struct guest **bucket_of(
    struct lobby *lobby, unsigned input, uint64_t inode)
{
	uint64_t mixed = (inode + input) * 0x9e3779b97f4a7c15u;

	return &lobby->buckets[mixed >> 52];
}

void lobby_untell(struct lobby *lobby, struct guest *guest)
{
	if (guest->told && lobby->gone)
		lobby->gone(lobby->arg, guest->told);
	free(take(&guest->told));
}

/* Takes the guest at *at out of its bucket. */
static void remove_at(struct lobby *lobby, struct guest **at)
{
	struct guest *guest = *at;

	*at = guest->next;
	lobby->count--;
	lobby->busy -= guest->stay == STAY_BUSY;
	lobby_untell(lobby, guest);
	free(guest);
}

void lobby_free(struct lobby *lobby)
{
	size_t i;

	if (!lobby)
		return;
	lobby->gone = NULL;
	for (i = 0; i < BUCKETS; i++) {
		while (lobby->buckets[i])
			remove_at(lobby, &lobby->buckets[i]);
	}
	free(lobby);
}

void lobby_on_forget(
    struct lobby *lobby, void (*gone)(void *arg, const char *told), void *arg)
{
	lobby->gone = gone;
	lobby->arg = arg;
}

struct guest *lobby_find(struct lobby *lobby, unsigned input, uint64_t inode)
{
	struct guest *guest = *bucket_of(lobby, input, inode);

	while (guest && (guest->input != input || guest->inode != inode))
		guest = guest->next;
	return guest;
}

static struct guest *add(struct lobby *lobby, unsigned input, uint64_t inode)
{
	struct guest **bucket = bucket_of(lobby, input, inode);
	struct guest *guest = mem_zalloc(sizeof(*guest));

	guest->input = input;
	guest->inode = inode;
	guest->stay = STAY_EARLY;
	guest->next = *bucket;
	*bucket = guest;
	lobby->count++;
	return guest;
}

struct guest *lobby_keep(struct lobby *lobby, unsigned input, uint64_t inode,
    int64_t ctime_ns, enum stay stay, int64_t now_ms, int64_t look_ms)
{
	struct guest *guest = lobby_find(lobby, input, inode);

	if (!guest) {
		guest = add(lobby, input, inode);
		guest->first_ms = now_ms;
		guest->since_ms = now_ms;
	} else if (guest->ctime_ns != ctime_ns) {
		guest->since_ms = now_ms;
	}
	lobby->busy += stay == STAY_BUSY;
	lobby->busy -= guest->stay == STAY_BUSY;
	guest->ctime_ns = ctime_ns;
	guest->stay = stay;
	guest->leaving = false;
	guest->look_ms = look_ms;
	guest->peek_ms = now_ms + PEEK_MS;
	guest->seen = true;
	return guest;
}

void lobby_forget(struct lobby *lobby, unsigned input, uint64_t inode)
{
	struct guest **at = bucket_of(lobby, input, inode);

	while (*at && ((*at)->input != input || (*at)->inode != inode))
		at = &(*at)->next;
	if (*at)
		remove_at(lobby, at);
}

/* Takes all guests out of the table, as one list. */
static struct guest *take_all(struct lobby *lobby)
{
	struct guest *all = NULL;
	size_t i;

	for (i = 0; i < BUCKETS; i++) {
		while (lobby->buckets[i]) {
			struct guest *guest = lobby->buckets[i];

			lobby->buckets[i] = guest->next;
			guest->next = all;
			all = guest;
		}
	}
	return all;
}

void lobby_renumber(struct lobby *lobby, const int *to, size_t count)
{
	struct guest *all = take_all(lobby);

	assert(!lobby->busy);
	while (all) {
		struct guest *guest = all;
		struct guest **bucket;

		all = guest->next;
		assert(guest->input < count);
		if (to[guest->input] == LOBBY_NOWHERE) {
			guest->next = NULL;
			remove_at(lobby, &guest);
			continue;
		}
		guest->input = (unsigned)to[guest->input];
		bucket = bucket_of(lobby, guest->input, guest->inode);
		guest->next = *bucket;
		*bucket = guest;
	}
}

bool lobby_skips(struct lobby *lobby, unsigned input, uint64_t inode,
    int64_t ctime_ns, int64_t now_ms)
{
	struct guest *guest = lobby_find(lobby, input, inode);

	if (!guest)
		return false;
	guest->seen = true;
	guest->peek_ms = now_ms + PEEK_MS;
	if (guest->stay == STAY_BUSY) {
		guest->missed |= guest->leaving || guest->ctime_ns != ctime_ns;
		return true;
	}
	return guest->ctime_ns == ctime_ns && now_ms < guest->look_ms;
}

void lobby_begin_sweep(struct lobby *lobby, unsigned input)
{
	size_t i;

	for (i = 0; lobby->count && i < BUCKETS; i++) {
		struct guest *guest = lobby->buckets[i];

		for (; guest; guest = guest->next) {
			if (guest->input == input)
				guest->seen = false;
		}
	}
}

void lobby_end_sweep(struct lobby *lobby, unsigned input)
{
	size_t i;

	for (i = 0; lobby->count && i < BUCKETS; i++) {
		struct guest **at = &lobby->buckets[i];

		while (*at) {
			const struct guest *guest = *at;

			if (guest->input == input && !guest->seen &&
			    guest->stay != STAY_BUSY)
				remove_at(lobby, at);
			else
				at = &(*at)->next;
		}
	}
}

/* The guests one by one: NULL asks for the first. */
static const struct guest *after(
    const struct lobby *lobby, const struct guest *guest, size_t *bucket)
{
	const struct guest *next = guest ? guest->next : lobby->buckets[0];

	if (!guest)
		*bucket = 0;
	while (!next && ++*bucket < BUCKETS)
		next = lobby->buckets[*bucket];
	return next;
}

int64_t lobby_next_ms(const struct lobby *lobby)
{
	const struct guest *guest = NULL;
	int64_t next = -1;
	size_t at;

	/* Asked at every turn, and often all are busy. */
	if (lobby->count == lobby->busy)
		return -1;
	while ((guest = after(lobby, guest, &at))) {
		int64_t due = guest->look_ms;

		if (guest->stay == STAY_BUSY)
			continue;
		if (guest->stay == STAY_EARLY && guest->peek_ms < due)
			due = guest->peek_ms;
		if (next < 0 || due < next)
			next = due;
	}
	return next;
}

bool lobby_moment(const struct lobby *lobby, int64_t now_ms)
{
	const struct guest *guest = NULL;
	size_t at;

	while ((guest = after(lobby, guest, &at))) {
		if (guest->stay == STAY_QUIET &&
		    now_ms < guest->first_ms + LOBBY_PATIENCE_MS)
			return true;
	}
	return false;
}

bool lobby_later(const struct lobby *lobby)
{
	const struct guest *guest = NULL;
	size_t at;

	while ((guest = after(lobby, guest, &at))) {
		if (guest->stay == STAY_LATER)
			return true;
	}
	return false;
}
