/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef PORT_JOURNAL_OWN_H
#define PORT_JOURNAL_OWN_H

#include "port/journal.h"

#include <sys/stat.h>

/* Between journal_reader.c and journal_past.c. */

/* A process that decompresses a file. */
struct journal_tool {
	const char *name; /* NULL: none */
	pid_t pid; /* 0: none, or it has ended */
	int file; /* what it reads, lent */
	int status; /* once it has ended */
};
/* Waits for its end, when it runs: it reads a regular file, and nobody waits
 * for it in vain once its pipe is read to the end or closed. Returns 0 when all
 * was well. */
int journal_tool_end(struct journal_tool *tool);

/* Reads the descriptor, which it takes over, to its end; -1: nothing. `tool`
 * (or NULL) is what writes to it. */
struct journal_reader *journal_reader_of(
    const char *path, int fd, const struct journal_tool *tool);

/* What it reads; zeros for no file yet. */
void journal_look(const struct journal_reader *reader, struct stat *st);

/* A regular file and nothing else, without waiting; -1 with errno. */
int journal_open_file(int dir, const char *name);
/* The sentence to errno; returns -1. */
int journal_fail_open(const char *path, struct why *why);

#endif
