/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef BASE_THREAD_H
#define BASE_THREAD_H

#include "base/why.h"

#include <pthread.h>

/*
 * Starts a thread that takes no signals: those are for whoever runs the loop of
 * the process. `name` (15 bytes at most, lent for the call) is what ps -L and
 * gdb show. -1 and a sentence when the system gives no thread.
 */
int thread_start(pthread_t *thread, const char *name, void *(*work)(void *arg),
    void *arg, struct why *why);

#endif
