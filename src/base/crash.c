/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * base/crash: dies where tests ask it to. It owns how often each moment came,
 * over all threads. Dying is kill -9: nothing is flushed, no handler runs. In a
 * build without -DCRASH_POINTS there is nothing here.
 */
#include "base/crash.h"

#ifdef CRASH_POINTS

#include "base/text.h"

#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#define CRASH_TEXT(name) #name,
static const char *const names[] = { CRASH_TABLE(CRASH_TEXT) };
#undef CRASH_TEXT

static atomic_int met[CRASH_POINT_COUNT];

/* One write a line, for several threads and processes may append. */
static void trace(const char *file, const char *name)
{
	char end[] = "\n";
	struct iovec line[] = {
		{ .iov_base = (void *)(uintptr_t)name,
		    .iov_len = strlen(name) },
		{ .iov_base = end, .iov_len = 1 },
	};
	int fd = open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	if (fd < 0 || writev(fd, line, 2) < 0)
		abort();
	close(fd);
}

/* NAME:N */
static bool is_wanted(const char *wanted, const char *name, int times)
{
	int64_t number;

	if (!text_starts(wanted, name) || wanted[strlen(name)] != ':')
		return false;
	return text_int(wanted + strlen(name) + 1, 1, INT32_MAX, &number) &&
	    number == times;
}

void crash_at(enum crash_point point)
{
	const char *wanted = getenv("SPOOLHOOK_CRASH");
	const char *file = getenv("SPOOLHOOK_CRASH_TRACE");
	int times = atomic_fetch_add(&met[point], 1) + 1;

	if (file)
		trace(file, names[point]);
	if (!wanted || !is_wanted(wanted, names[point], times))
		return;
	kill(getpid(), SIGKILL);
	/* Until the kernel has come to it, this thread goes no further. */
	for (;;)
		pause();
}

#endif
