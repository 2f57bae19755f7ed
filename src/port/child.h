/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef PORT_CHILD_H
#define PORT_CHILD_H

#include "base/why.h"

#include <sys/types.h>

/*
 * A child process: bytes go to its standard input, its standard output comes
 * back. The owner's loop watches the descriptors and reaps the process by its
 * pid (ev_child); here nobody waits.
 */
struct child {
	pid_t pid; /* 0: none */
	int in; /* to write its input, -1 once closed */
	int out; /* to read its output, -1 once closed */
};

#define CHILD_INIT                   \
	{                            \
		.in = -1, .out = -1, \
	}

/*
 * Runs argv[0] (a path) with a pipe at each end, ours non-blocking and
 * close-on-exec. The child shares standard error, gets no other descriptor, has
 * all signals at their defaults and unblocked, and a process group of its own,
 * so that a terminal's Ctrl-C reaches the daemon only. -1 when it could not be
 * started, and then nothing is left open.
 */
int child_spawn(struct child *child, char *const argv[], struct why *why);
/* Ends the input: the child reads end of file. */
void child_close_in(struct child *child);
/* Ends it now (SIGKILL), if it runs; it still has to be reaped. */
void child_kill(const struct child *child);
/* Closes the pipes and forgets the pid, neither killing nor reaping. */
void child_clear(struct child *child);

#endif
