/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef PORT_SPOOL_H
#define PORT_SPOOL_H

#include "base/why.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * The spool directory: where its parts lie, who holds its lock, and the bell
 * by which verbs tell a running daemon that the store has news for it.
 */
struct spool {
	char *path;
	int dir; /* descriptor of the directory */
	int lock; /* -1 when not held */
	uint64_t stroke; /* of the bell, as it was last heard */
};

/* Opens it; with `make` it (0750, one level) and its parts (incoming 0770 less
 * the umask, rejected, failed, mail, log 0750, the bell) are made when
 * missing; what is there keeps its mode. On failure it is as spool_close
 * leaves it. */
int spool_open(
    struct spool *spool, const char *path, bool make, struct why *why);
/* Lets the lock go, too. Harmless on what was closed before. */
void spool_close(struct spool *spool);
/* `path/name`, the caller's string. */
char *spool_path(const struct spool *spool, const char *name);

enum spool_lock { SPOOL_LOCKED, SPOOL_BUSY };
/* Takes the daemon's lock; SPOOL_BUSY: *holder is the pid that has it (0 when
 * unknown). The lock goes with the process, however that ends. */
int spool_lock(struct spool *spool, enum spool_lock *answer, pid_t *holder,
    struct why *why);
/* The daemon's pid, 0 when none runs, -1 when one runs but has not yet told
 * its pid. Takes no lock, so it is never in a daemon's way. 0 with errno EACCES:
 * we may not know. */
pid_t spool_holder(const struct spool *spool);

/* Rings: writes to `bell`, a file that the daemon watches. A bell that cannot be
 * rung costs the news a rescan's time, no more. */
void spool_ring(const struct spool *spool);
/* True when somebody rang since this was asked last. */
bool spool_rang(struct spool *spool);

/* Keeps a refused file: moves nothing itself, but finds a name in rejected/
 * that is free (as is NAME.why.json), given what the file was called: NAME,
 * NAME.1, NAME.2 …, cut to fit. Caller's string. */
char *spool_rejected_name(const struct spool *spool, const char *name);

#endif
