/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef PORT_SPOOL_H
#define PORT_SPOOL_H

#include "base/why.h"

#include <stdbool.h>
#include <sys/types.h>

/*
 * The spool directory: where its parts lie, who holds its lock, and the bell
 * by which verbs tell a running daemon that the store has news for it.
 */
struct spool {
	char *path;
	int dir; /* descriptor of the directory */
	int lock; /* -1 when not held */
};

/* Opens it; with `make` it and its parts (incoming, rejected, failed, mail,
 * log) are made when missing. */
int spool_open(
    struct spool *spool, const char *path, bool make, struct why *why);
void spool_close(struct spool *spool);
/* `path/name`, the caller's string. */
char *spool_path(const struct spool *spool, const char *name);

enum spool_lock { SPOOL_LOCKED, SPOOL_BUSY };
/* Takes the daemon's lock; SPOOL_BUSY: *holder is the pid that has it (0 when
 * unknown). The lock goes with the process, however that ends. */
int spool_lock(struct spool *spool, enum spool_lock *answer, pid_t *holder,
    struct why *why);
/* The daemon's pid, 0 when none runs. */
pid_t spool_holder(const struct spool *spool);

/* Rings: touches `bell`, a file that the daemon watches. */
void spool_ring(const struct spool *spool);

/* Keeps a refused file: moves nothing itself, but finds a name in rejected/
 * that is free, given what the file was called. Caller's string. */
char *spool_rejected_name(const struct spool *spool, const char *name);

#endif
