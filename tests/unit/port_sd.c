/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/* port/sd against sockets of our own in the service manager's place. */
#include "port/sd.h"

#include "scratch.h"
#include "tap.h"

#include <errno.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

static int listen_at(const char *name, size_t name_len, int padded)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t len = offsetof(struct sockaddr_un, sun_path) + name_len;
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	memcpy(address.sun_path, name, name_len);
	if (bind(fd, (struct sockaddr *)&address,
		(socklen_t)(len + (size_t)padded)) < 0) {
		perror("bind");
		exit(1);
	}
	return fd;
}

static const char *heard(int fd)
{
	static char text[4096];
	ssize_t len = recv(fd, text, sizeof(text) - 1, 0);

	if (len < 0)
		return NULL;
	text[len] = '\0';
	return text;
}

static int next_descriptor(void)
{
	int fd = open("/", O_PATH | O_CLOEXEC);

	close(fd);
	return fd;
}

static void speaks_to_a_path(void)
{
	int fd = listen_at("manager", strlen("manager"), 1);
	char path[8192];
	int next;

	snprintf(path, sizeof(path), "%s/manager", scratch_path);
	setenv("NOTIFY_SOCKET", path, 1);
	sd_notify_state("READY=1\nSTATUS=up");
	is_str(heard(fd), "READY=1\nSTATUS=up",
	    "a socket with a path gets the state as one datagram");
	is_str(heard(fd), NULL, "and only once");
	close(fd);
	next = next_descriptor();
	sd_notify_state("STOPPING=1");
	is_int(next_descriptor(), next,
	    "a manager that has gone costs nothing, not even a descriptor");
}

static void speaks_to_an_abstract_name(void)
{
	char name[64];
	int fd;

	snprintf(name, sizeof(name), "@spoolhook-test-%d", (int)getpid());
	setenv("NOTIFY_SOCKET", name, 1);
	name[0] = '\0';
	fd = listen_at(name, 1 + strlen(name + 1), 0);
	sd_notify_state("WATCHDOG=1");
	is_str(heard(fd), "WATCHDOG=1",
	    "an abstract name ('@') gets it, without padding");
	close(fd);
}

static void bears_nonsense(void)
{
	int next = next_descriptor();
	char lengthy[300];

	memset(lengthy, 'x', sizeof(lengthy));
	lengthy[0] = '/';
	lengthy[sizeof(lengthy) - 1] = '\0';
	unsetenv("NOTIFY_SOCKET");
	sd_notify_state("READY=1");
	setenv("NOTIFY_SOCKET", "", 1);
	sd_notify_state("READY=1");
	setenv("NOTIFY_SOCKET", "relative", 1);
	sd_notify_state("READY=1");
	setenv("NOTIFY_SOCKET", lengthy, 1);
	sd_notify_state("READY=1");
	is_int(next_descriptor(), next,
	    "no socket, an empty, relative or overlong name: no harm");
}

static void does_not_wait_for_the_deaf(void)
{
	int fd = listen_at("deaf", strlen("deaf"), 1);
	int full = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct timespec before;
	struct timespec after;
	char path[8192];

	snprintf(path, sizeof(path), "%s/deaf", scratch_path);
	snprintf(address.sun_path, sizeof(address.sun_path), "deaf");
	while (sendto(full, "x", 1, MSG_DONTWAIT, (struct sockaddr *)&address,
		   sizeof(address)) == 1)
		;
	is_int(errno, EAGAIN, "(the manager's queue is full)");
	setenv("NOTIFY_SOCKET", path, 1);
	clock_gettime(CLOCK_MONOTONIC, &before);
	sd_notify_state("WATCHDOG=1");
	clock_gettime(CLOCK_MONOTONIC, &after);
	ok(after.tv_sec - before.tv_sec <= 3,
	    "a manager that does not read is not waited for long");
	close(full);
	close(fd);
}

static void reads_the_watchdog(void)
{
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	is_int(sd_watchdog_ms(), 0, "no WATCHDOG_USEC: no watchdog");
	setenv("WATCHDOG_USEC", "30000000", 1);
	is_int(sd_watchdog_ms(), 30000, "microseconds come as milliseconds");
	setenv("WATCHDOG_PID", pid, 1);
	is_int(sd_watchdog_ms(), 30000, "a watchdog for our pid is ours");
	setenv("WATCHDOG_PID", "1", 1);
	is_int(sd_watchdog_ms(), 0, "a watchdog for another pid is not");
	unsetenv("WATCHDOG_PID");
	setenv("WATCHDOG_USEC", "5", 1);
	is_int(sd_watchdog_ms(), 1, "a tiny interval does not become none");
	setenv("WATCHDOG_USEC", "-3", 1);
	is_int(sd_watchdog_ms(), 0, "nonsense is no watchdog");
	setenv("WATCHDOG_USEC", "99999999999999999999999", 1);
	is_int(sd_watchdog_ms(), 0, "nor is a number beyond all bounds");
}

int main(void)
{
	scratch_begin();
	speaks_to_a_path();
	speaks_to_an_abstract_name();
	bears_nonsense();
	does_not_wait_for_the_deaf();
	reads_the_watchdog();
	scratch_end();
	return done();
}
