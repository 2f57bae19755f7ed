/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef FLOW_LOBBY_H
#define FLOW_LOBBY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What the intake remembers of files that stay in a drop box for now: why, and
 * when to look again, so that a sweep does not read the same half file each
 * time. A changed file (another change time) is looked at at once. Losing this
 * memory costs a second look and nothing else. Times are of the steady clock.
 */
enum stay {
	STAY_BUSY, /* being read or committed: not to be touched */
	STAY_EARLY, /* it ends too early: more may come */
	STAY_QUIET, /* JSON lines: until it was quiet for a moment */
	STAY_WRITTEN, /* open for writing: JSON lines, or accepted already */
	STAY_UNREADABLE, /* no permission */
	STAY_LINKED, /* has several names: one may go away */
	STAY_LATER, /* our own trouble: tried again */
};

/* A file that never becomes quiet is waited for no longer than this by whoever
 * wants to end (lobby_moment). */
enum { LOBBY_PATIENCE_MS = 10 * 1000 };

struct guest {
	unsigned input;
	uint64_t inode;
	int64_t ctime_ns;
	enum stay stay;
	int64_t first_ms; /* seen first at all */
	int64_t since_ms; /* seen first with this change time */
	int64_t look_ms; /* not to be looked at before */
	int64_t peek_ms; /* STAY_EARLY: ask then whether it has changed */
	bool seen; /* by the sweep under way */
	bool leaving; /* STAY_BUSY: it may be gone, its inode another file's */
	bool missed; /* while busy: a sweep may have seen another file */
	int failures; /* of the store, in a row, to take it */
	char *told; /* its path, when somebody was told of it */
	enum stay told_of; /* why */
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
/* Called for a file that somebody was told of, when that is over. */
void lobby_on_forget(
    struct lobby *lobby, void (*gone)(void *arg, const char *told), void *arg);
/* What somebody was told of is over, but the guest stays. */
void lobby_untell(struct lobby *lobby, struct guest *guest);

/* The inputs have other numbers now: `to[old]`, LOBBY_NOWHERE for one that
 * is no more, whose guests are forgotten. Nobody may be busy. */
enum { LOBBY_NOWHERE = -1 };
void lobby_renumber(struct lobby *lobby, const int *to, size_t count);

/* A sweep asks of each file whether to leave it out. */
bool lobby_skips(struct lobby *lobby, unsigned input, uint64_t inode,
    int64_t ctime_ns, int64_t now_ms);
/* Around a whole sweep of one input: who was not seen is gone. */
void lobby_begin_sweep(struct lobby *lobby, unsigned input);
void lobby_end_sweep(struct lobby *lobby, unsigned input);

/* The earliest time to sweep again, -1 for none. */
int64_t lobby_next_ms(const struct lobby *lobby);
/* True when some file is only waiting for its moment of quiet. */
bool lobby_moment(const struct lobby *lobby, int64_t now_ms);
/* True when some file is there only because of trouble of ours. */
bool lobby_later(const struct lobby *lobby);

#endif
