/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef FLOW_LOBBY_H
#define FLOW_LOBBY_H

#include <stdbool.h>
#include <stdint.h>

/*
 * What the intake remembers of files that stay in a drop box for now: why, and
 * when to look again, so that a sweep does not read the same half file each
 * time. A changed file (another change time) is looked at at once. Losing this
 * memory costs a second look and nothing else.
 */
enum stay {
	STAY_BUSY, /* being read or committed: not to be touched */
	STAY_EARLY, /* it ends too early: more may come */
	STAY_QUIET, /* JSON lines: until it was quiet for a moment */
	STAY_UNREADABLE, /* no permission */
	STAY_LINKED, /* has several names: one may go away */
	STAY_LATER, /* our own trouble: tried again */
};

struct guest {
	unsigned input;
	uint64_t inode;
	int64_t ctime_ns;
	enum stay stay;
	int64_t since_ms; /* steady: seen first with this change time */
	int64_t look_ms; /* steady: not to be looked at before */
	bool seen; /* by the sweep under way */
	bool own_id; /* the id in its name is not to be used */
	char *told; /* its path, when somebody was told of it */
	struct guest *next;
};

struct lobby;

struct lobby *lobby_new(void);
/* Nobody is told of the files that leave by this. */
void lobby_free(struct lobby *lobby);

/* NULL when it is not here. Lent until it is forgotten. */
struct guest *lobby_find(struct lobby *lobby, unsigned input, uint64_t inode);
/* Finds or makes a place; a new one, or one with another change time, has
 * since_ms set to now. */
struct guest *lobby_keep(struct lobby *lobby, unsigned input, uint64_t inode,
    int64_t ctime_ns, enum stay stay, int64_t now_ms, int64_t look_ms);
void lobby_forget(struct lobby *lobby, unsigned input, uint64_t inode);
/* Called for a file that somebody was told of and that is forgotten. */
void lobby_on_forget(
    struct lobby *lobby, void (*gone)(void *arg, const char *told), void *arg);

/* A sweep asks of each file whether to leave it out. */
bool lobby_skips(struct lobby *lobby, unsigned input, uint64_t inode,
    int64_t ctime_ns, int64_t now_ms);
/* Around a whole sweep of one input: who was not seen is gone. */
void lobby_begin_sweep(struct lobby *lobby, unsigned input);
void lobby_end_sweep(struct lobby *lobby, unsigned input);

/* The earliest time to look again, -1 for none; `quiet` only asks for
 * STAY_QUIET. */
int64_t lobby_next_ms(const struct lobby *lobby, bool quiet);

#endif
