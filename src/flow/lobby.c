/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * flow/lobby: a hash table by input and inode. The number of guests is bounded
 * by the files that lie in the drop boxes without being acceptable.
 */
#include "flow/lobby.h"

#include "base/mem.h"

#include <stddef.h>
#include <stdlib.h>

enum { BUCKETS = 4096 };

struct lobby {
	struct guest *buckets[BUCKETS];
	size_t count;
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

/* Takes the guest at *at out of its bucket. */
static void remove_at(struct lobby *lobby, struct guest **at)
{
	struct guest *guest = *at;

	*at = guest->next;
	lobby->count--;
	if (guest->told && lobby->gone)
		lobby->gone(lobby->arg, guest->told);
	free(guest->told);
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

struct guest *lobby_keep(struct lobby *lobby, unsigned input, uint64_t inode,
    int64_t ctime_ns, enum stay stay, int64_t now_ms, int64_t look_ms)
{
	struct guest *guest = lobby_find(lobby, input, inode);

	if (!guest) {
		struct guest **bucket = bucket_of(lobby, input, inode);

		guest = mem_zalloc(sizeof(*guest));
		guest->input = input;
		guest->inode = inode;
		guest->next = *bucket;
		*bucket = guest;
		lobby->count++;
		guest->since_ms = now_ms;
	} else if (guest->ctime_ns != ctime_ns) {
		guest->since_ms = now_ms;
	}
	guest->ctime_ns = ctime_ns;
	guest->stay = stay;
	guest->look_ms = look_ms;
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

bool lobby_skips(struct lobby *lobby, unsigned input, uint64_t inode,
    int64_t ctime_ns, int64_t now_ms)
{
	struct guest *guest = lobby_find(lobby, input, inode);

	if (!guest)
		return false;
	guest->seen = true;
	if (guest->stay == STAY_BUSY)
		return true;
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

int64_t lobby_next_ms(const struct lobby *lobby, bool quiet)
{
	int64_t next = -1;
	size_t i;

	for (i = 0; lobby->count && i < BUCKETS; i++) {
		const struct guest *guest = lobby->buckets[i];

		for (; guest; guest = guest->next) {
			if (guest->stay == STAY_BUSY ||
			    (quiet && guest->stay != STAY_QUIET))
				continue;
			if (next < 0 || guest->look_ms < next)
				next = guest->look_ms;
		}
	}
	return next;
}
