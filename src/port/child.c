/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * port/child: starts a process with a pipe at each end. It owns the pipes and
 * promises that the child gets three descriptors and no other, default signals
 * and a process group of its own; that nothing is left open when starting
 * fails; and that no call here blocks. It never waits for the process: reaping
 * belongs to the owner's loop. If we die in the middle, the child reads the end
 * of its input and finds nobody to answer.
 */
#include "port/child.h"

#include "base/file.h"
#include "base/mem.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

/* Moves a descriptor above the standard ones: when the daemon was started with
 * closed ones, a pipe may sit there, and the child's dup2 would hit it. */
static int lift(int *fd)
{
	int lifted;

	if (*fd > STDERR_FILENO)
		return 0;
	lifted = fcntl(*fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	if (lifted < 0)
		return -1;
	close(*fd);
	*fd = lifted;
	return 0;
}

/* `ours` is non-blocking; its other end is the child's and blocks. */
static int open_pipe(int *ours, int *theirs, bool we_write)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -1;
	*ours = ends[we_write ? 1 : 0];
	*theirs = ends[we_write ? 0 : 1];
	if (lift(ours) < 0 || lift(theirs) < 0)
		return -1;
	return fcntl(*ours, F_SETFL, O_NONBLOCK);
}

/* All functions here return an error number and only fail without memory. */
static void describe(posix_spawnattr_t *attributes,
    posix_spawn_file_actions_t *actions, int in, int out)
{
	sigset_t none;
	sigset_t all;

	sigemptyset(&none);
	sigfillset(&all);
	if (posix_spawnattr_init(attributes) ||
	    posix_spawnattr_setflags(attributes,
		POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
		    POSIX_SPAWN_SETPGROUP) ||
	    posix_spawnattr_setsigmask(attributes, &none) ||
	    posix_spawnattr_setsigdefault(attributes, &all) ||
	    posix_spawnattr_setpgroup(attributes, 0) ||
	    posix_spawn_file_actions_init(actions) ||
	    posix_spawn_file_actions_adddup2(actions, in, STDIN_FILENO) ||
	    posix_spawn_file_actions_adddup2(actions, out, STDOUT_FILENO) ||
	    posix_spawn_file_actions_addclosefrom_np(
		actions, STDERR_FILENO + 1))
		mem_exhausted();
}

static int start(pid_t *pid, char *const argv[], int in, int out)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int error;

	describe(&attributes, &actions, in, out);
	error = posix_spawn(pid, argv[0], &actions, &attributes, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	return error;
}

int child_spawn(struct child *child, char *const argv[], struct why *why)
{
	auto_close int in = -1;
	auto_close int out = -1;
	int error;

	*child = (struct child)CHILD_INIT;
	if (open_pipe(&child->in, &in, true) < 0 ||
	    open_pipe(&child->out, &out, false) < 0) {
		fail(why, "cannot open a pipe: %m");
		child_clear(child);
		return -1;
	}
	error = start(&child->pid, argv, in, out);
	if (error) {
		fail(why, "%s: cannot run: %s", argv[0], strerror(error));
		child_clear(child);
		return -1;
	}
	return 0;
}

static void shut(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void child_close_in(struct child *child)
{
	shut(&child->in);
}

void child_kill(const struct child *child)
{
	if (child->pid > 0)
		kill(child->pid, SIGKILL);
}

void child_clear(struct child *child)
{
	shut(&child->in);
	shut(&child->out);
	child->pid = 0;
}
