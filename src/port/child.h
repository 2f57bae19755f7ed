/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef PORT_CHILD_H
#define PORT_CHILD_H

#include "base/buf.h"
#include "base/why.h"

#include <stdbool.h>
#include <sys/types.h>

/*
 * A child process of our own program: bytes go to its standard input, its
 * standard output comes back. The owner's loop watches `fd`; reaping is by pid.
 */
struct child {
	pid_t pid;
	int in; /* to write the input, -1 once all is written */
	int out; /* to read its output, -1 at its end */
};

/* Runs argv[0] (a path) with pipes, both ends non-blocking and close-on-exec
 * here, standard error shared, signals at their defaults. */
int child_spawn(struct child *child, char *const argv[], struct why *why);
void child_clear(struct child *child);

#endif
