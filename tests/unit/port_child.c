/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * Children as the daemon starts them. The test runs itself again as the child:
 * `port_child ROLE` reports what it finds about itself on standard output.
 */
#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "port/child.h"
#include "tap.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BOUND_MS = 10000 };

/* ---- the child's roles -------------------------------------------------- */

static int echo(void)
{
	char block[4096];
	ssize_t got;

	while ((got = read(0, block, sizeof(block))) > 0) {
		if (write(1, block, (size_t)got) != got)
			return 1;
	}
	return 0;
}

static int list_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		if (entry->d_name[0] != '.' &&
		    strtol(entry->d_name, NULL, 10) != dirfd(dir))
			printf("%s ", entry->d_name);
	}
	if (dir)
		closedir(dir);
	return 0;
}

static int list_signals(void)
{
	struct sigaction action;
	sigset_t mask;
	int count = 0;
	int sig;

	sigprocmask(SIG_BLOCK, NULL, &mask);
	for (sig = 1; sig < NSIG; sig++) {
		/* A sanitizer takes these before main. */
		if (sig == SIGSEGV || sig == SIGBUS || sig == SIGFPE)
			continue;
		if (sigaction(sig, NULL, &action) == 0 &&
		    (action.sa_handler != SIG_DFL || sigismember(&mask, sig)))
			count++;
	}
	printf("%d odd signals, group %s, blocking %s", count,
	    getpgrp() == getpid() ? "own" : "shared",
	    fcntl(0, F_GETFL) & O_NONBLOCK ? "no" : "yes");
	return 0;
}

static int role(const char *name)
{
	if (strcmp(name, "echo") == 0)
		return echo();
	if (strcmp(name, "fds") == 0)
		return list_fds();
	if (strcmp(name, "signals") == 0)
		return list_signals();
	if (strcmp(name, "hang") == 0)
		pause();
	return 7;
}

/* ---- the parent --------------------------------------------------------- */

static int spawn(struct child *child, const char *what, struct why *why)
{
	char self[] = "/proc/self/exe";
	char copy[16];
	char *argv[] = { self, copy, NULL };

	snprintf(copy, sizeof(copy), "%s", what);
	return child_spawn(child, argv, why);
}

/* Everything that the child writes until it closes; "" past the bound. */
static char *hear(struct child *child)
{
	auto_buf struct buf out = BUF_INIT(1 << 20);
	struct pollfd pollfd = { .fd = child->out, .events = POLLIN };
	char block[4096];
	ssize_t got = 1;

	while (got > 0 && poll(&pollfd, 1, BOUND_MS) > 0) {
		got = read(child->out, block, sizeof(block));
		if (got > 0)
			buf_add(&out, block, (size_t)got);
	}
	return buf_steal(&out);
}

static int reap(struct child *child)
{
	int status = -1;

	waitpid(child->pid, &status, 0);
	child_clear(child);
	return status;
}

static int open_fds(void)
{
	int count = 0;
	int fd;

	for (fd = 0; fd < 256; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static void nothing_to_run(void)
{
	char missing[] = "/nonexistent/program";
	char *argv[] = { missing, NULL };
	struct child child;
	struct why why = { "" };
	int before = open_fds();

	is_int(child_spawn(&child, argv, &why), -1,
	    "a program that does not exist cannot be started");
	has_str(why.text, "/nonexistent/program: cannot run: No such file",
	    "and the sentence names it");
	ok(open_fds() == before && child.pid == 0,
	    "a child that could not be started leaves nothing open");
}

static void no_descriptors(void)
{
	struct rlimit old;
	struct rlimit tight;
	struct child child;
	struct why why = { "" };
	int before = open_fds();
	int lowest = dup(STDERR_FILENO);
	int answer;

	close(lowest);
	getrlimit(RLIMIT_NOFILE, &old);
	tight = old;
	tight.rlim_cur = (rlim_t)lowest + 3;
	setrlimit(RLIMIT_NOFILE, &tight);
	answer = spawn(&child, "echo", &why);
	setrlimit(RLIMIT_NOFILE, &old);
	is_int(answer, -1, "without descriptors no child is started");
	has_str(why.text, "cannot open a pipe", "the sentence says so");
	is_int(open_fds(), before, "and the half that was opened is closed");
}

static void talk(void)
{
	struct child child;
	struct why why = { "" };
	auto_free char *heard = NULL;

	ok(spawn(&child, "echo", &why) == 0, "a child starts");
	ok(fcntl(child.in, F_GETFL) & O_NONBLOCK &&
		fcntl(child.out, F_GETFL) & O_NONBLOCK,
	    "our ends do not block");
	ok(fcntl(child.in, F_GETFD) & FD_CLOEXEC &&
		fcntl(child.out, F_GETFD) & FD_CLOEXEC,
	    "and are closed on exec");
	ok(write(child.in, "hello", 5) == 5, "it takes its input");
	child_close_in(&child);
	heard = hear(&child);
	is_str(
	    heard, "hello", "what goes in at one end comes out at the other");
	is_int(reap(&child), 0, "and it ends when its input ends");
	ok(child.in == -1 && child.out == -1 && child.pid == 0,
	    "a cleared child is empty");
}

static void clean_start(void)
{
	struct child child;
	struct why why = { "" };
	auto_free char *fds = NULL;
	auto_free char *signals = NULL;
	sigset_t blocked;
	int leaky = open("/dev/null", O_RDONLY);
	struct sigaction ignore = { .sa_handler = SIG_IGN };

	sigemptyset(&blocked);
	sigaddset(&blocked, SIGTERM);
	sigaddset(&blocked, SIGUSR1);
	sigprocmask(SIG_BLOCK, &blocked, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
	sigaction(SIGHUP, &ignore, NULL);
	spawn(&child, "fds", &why);
	fds = hear(&child);
	reap(&child);
	is_str(fds, "0 1 2 ",
	    "a child has three descriptors, also when we leak others");
	spawn(&child, "signals", &why);
	signals = hear(&child);
	reap(&child);
	is_str(signals, "0 odd signals, group own, blocking yes",
	    "its signals are at their defaults, its pipes block");
	sigprocmask(SIG_UNBLOCK, &blocked, NULL);
	close(leaky);
}

/* A daemon that was started with closed standard descriptors. */
static void closed_standard_fds(void)
{
	auto_free char *heard = NULL;
	struct child child;
	struct why why = { "" };
	int saved_in = fcntl(0, F_DUPFD_CLOEXEC, 10);
	int saved_out = fcntl(1, F_DUPFD_CLOEXEC, 10);
	int spawned;

	close(0);
	close(1);
	spawned = spawn(&child, "echo", &why);
	if (spawned == 0 && write(child.in, "x", 1) == 1)
		child_close_in(&child);
	heard = spawned == 0 ? hear(&child) : NULL;
	dup2(saved_in, 0);
	dup2(saved_out, 1);
	close(saved_in);
	close(saved_out);
	is_str(
	    heard, "x", "closed standard descriptors do not cross the pipes");
	reap(&child);
}

static void killed(void)
{
	struct child child;
	struct why why = { "" };
	int status;

	spawn(&child, "hang", &why);
	child_kill(&child);
	status = reap(&child);
	ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL,
	    "a child that hangs can be ended");
	child_kill(&child);
	is_int(child.pid, 0, "killing nobody does nothing");
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return role(argv[1]);
	nothing_to_run();
	no_descriptors();
	talk();
	clean_start();
	closed_standard_fds();
	killed();
	return done();
}
