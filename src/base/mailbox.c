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
	bool was_empty;

	last->next = NULL;
	pthread_mutex_lock(&box->lock);
	was_empty = !box->first;
	*box->last = first;
	box->last = &last->next;
	pthread_mutex_unlock(&box->lock);
	/* Not while it is locked: who wakes up would only wait for the lock. */
	if (was_empty)
		pthread_cond_signal(&box->filled);
	if (was_empty && box->wake)
		box->wake(box->arg);
}

void parcel_add(struct parcel *parcel, struct letter *letter)
{
	letter->next = NULL;
	if (parcel->first)
		parcel->last->next = letter;
	else
		parcel->first = letter;
	parcel->last = letter;
}

void mailbox_put_parcel(struct mailbox *box, struct parcel *parcel)
{
	if (!parcel->first)
		return;
	mailbox_put_all(box, parcel->first, parcel->last);
	*parcel = (struct parcel){ 0 };
}

static struct letter *empty(struct mailbox *box)
{
	struct letter *all = box->first;

	box->first = NULL;
	box->last = &box->first;
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

struct letter *mailbox_wait_for(struct mailbox *box, int64_t timeout_ms)
{
	struct timespec until = moment_in(timeout_ms);
	struct letter *all;

	pthread_mutex_lock(&box->lock);
	while (!box->first &&
	    pthread_cond_timedwait(&box->filled, &box->lock, &until) !=
		ETIMEDOUT)
		continue;
	all = empty(box);
	pthread_mutex_unlock(&box->lock);
	return all;
}
