/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef BASE_MAILBOX_H
#define BASE_MAILBOX_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Letters between threads. A letter is the first member of the message it
 * carries; it belongs to whoever took it out. A mailbox holds no copy and
 * allocates nothing: its bound is the number of letters that its senders have
 * in circulation. The lock is held for pointer changes only.
 */
struct letter {
	struct letter *next;
};

struct mailbox {
	pthread_mutex_t lock;
	pthread_cond_t filled;
	struct letter *first;
	struct letter **last;
	void (*wake)(void *arg);
	void *arg;
};

/* `wake` (or NULL) is called, outside the lock, each time an empty box gets
 * its first letter; it must be thread-safe, as ev_async_send is. */
void mailbox_init(struct mailbox *box, void (*wake)(void *arg), void *arg);
void mailbox_clear(struct mailbox *box);
void mailbox_put(struct mailbox *box, struct letter *letter);
/* Puts in a whole list, linked by `next` from `first` to `last`, at once. */
void mailbox_put_all(
    struct mailbox *box, struct letter *first, struct letter *last);

/* Letters that wait with their sender, to be put in as one; {0} is none. */
struct parcel {
	struct letter *first;
	struct letter *last;
};
void parcel_add(struct parcel *parcel, struct letter *letter);
/* The parcel is empty then; with an empty one nothing happens. */
void mailbox_put_parcel(struct mailbox *box, struct parcel *parcel);

/* Takes everything, oldest first, as a list; NULL when the box is empty. */
struct letter *mailbox_take(struct mailbox *box);
/* The same, but sleeps until there is something. */
struct letter *mailbox_wait(struct mailbox *box);
/* Sleeps until there is something or `timeout_ms` have passed. */
struct letter *mailbox_wait_for(struct mailbox *box, int64_t timeout_ms);

#endif
