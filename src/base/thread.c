/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * base/thread: see thread.h. A thread begins with the mask of whoever starts
 * it, so that one is changed for the moment of the start.
 */
#include "base/thread.h"

#include <signal.h>
#include <string.h>

int thread_start(pthread_t *thread, const char *name, void *(*work)(void *arg),
    void *arg, struct why *why)
{
	sigset_t all;
	sigset_t old;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	error = pthread_create(thread, NULL, work, arg);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (error)
		return fail(why, "cannot start the thread \"%s\": %s", name,
		    strerror(error));
	pthread_setname_np(*thread, name);
	return 0;
}
