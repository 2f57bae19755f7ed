/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * base/mailbox: a locked list. See mailbox.h.
 */
#include "base/mailbox.h"

#include <errno.h>
#include <stddef.h>
#include <time.h>

void mailbox_init(struct mailbox *box, void (*wake)(void *arg), void *arg)
{
	pthread_condattr_t attr;

	pthread_mutex_init(&box->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&box->filled, &attr);
	pthread_condattr_destroy(&attr);
	box->first = NULL;
	box->last = &box->first;
	box->count = 0;
	box->wanted = 1;
	box->wake = wake;
	box->arg = arg;
}

void mailbox_clear(struct mailbox *box)
{
	pthread_cond_destroy(&box->filled);
	pthread_mutex_destroy(&box->lock);
}

void mailbox_put(struct mailbox *box, struct letter *letter)
{
	mailbox_put_all(box, letter, letter);
}

void mailbox_put_all(
    struct mailbox *box, struct letter *first, struct letter *last)
{
	size_t count = 0;
	bool was_empty;
	bool enough;

	last->next = NULL;
	for (const struct letter *l = first; l; l = l->next)
		count++;
	pthread_mutex_lock(&box->lock);
	was_empty = !box->first;
	enough = box->count < box->wanted && box->count + count >= box->wanted;
	*box->last = first;
	box->last = &last->next;
	box->count += count;
	pthread_mutex_unlock(&box->lock);
	/* Not while it is locked: who wakes up would only wait for the lock. */
	if (enough)
		pthread_cond_signal(&box->filled);
	if (was_empty && box->wake)
		box->wake(box->arg);
}

static struct letter *empty(struct mailbox *box)
{
	struct letter *all = box->first;

	box->first = NULL;
	box->last = &box->first;
	box->count = 0;
	return all;
}

struct letter *mailbox_take(struct mailbox *box)
{
	struct letter *all;

	pthread_mutex_lock(&box->lock);
	all = empty(box);
	pthread_mutex_unlock(&box->lock);
	return all;
}

struct letter *mailbox_wait(struct mailbox *box)
{
	struct letter *all;

	pthread_mutex_lock(&box->lock);
	while (!box->first)
		pthread_cond_wait(&box->filled, &box->lock);
	all = empty(box);
	pthread_mutex_unlock(&box->lock);
	return all;
}

static struct timespec moment_in(int64_t timeout_ms)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += timeout_ms / 1000;
	until.tv_nsec += (timeout_ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	return until;
}

/* Locked: sleeps until there are so many, or the time is over. */
static void await(struct mailbox *box, size_t count, int64_t timeout_ms)
{
	struct timespec until = moment_in(timeout_ms);

	box->wanted = count;
	while (box->count < box->wanted) {
		if (pthread_cond_timedwait(&box->filled, &box->lock, &until) ==
		    ETIMEDOUT)
			break;
	}
	box->wanted = 1;
}

struct letter *mailbox_gather(
    struct mailbox *box, size_t count, int64_t timeout_ms)
{
	struct letter *all;

	pthread_mutex_lock(&box->lock);
	await(box, count, timeout_ms);
	while (!box->first)
		pthread_cond_wait(&box->filled, &box->lock);
	all = empty(box);
	pthread_mutex_unlock(&box->lock);
	return all;
}

void mailbox_hurry(struct mailbox *box)
{
	pthread_mutex_lock(&box->lock);
	box->wanted = 1;
	pthread_mutex_unlock(&box->lock);
	pthread_cond_signal(&box->filled);
}

struct letter *mailbox_wait_for(struct mailbox *box, int64_t timeout_ms)
{
	struct letter *all;

	pthread_mutex_lock(&box->lock);
	await(box, 1, timeout_ms);
	all = empty(box);
	pthread_mutex_unlock(&box->lock);
	return all;
}
