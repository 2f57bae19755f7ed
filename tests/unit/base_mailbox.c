/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/* Letters arrive once, in order, and wake whoever waits for them. */
#include "base/mailbox.h"

#include "base/mem.h"
#include "tap.h"

#include <stdatomic.h>
#include <time.h>

enum { SENDERS = 4, LETTERS = 5000 };

struct message {
	struct letter letter;
	int sender;
	int number;
};

static atomic_int woken;

static void wake(void *arg)
{
	atomic_fetch_add((atomic_int *)arg, 1);
}

static void alone(void)
{
	struct message a = { .number = 1 };
	struct message b = { .number = 2 };
	struct mailbox box;
	struct letter *first;

	mailbox_init(&box, wake, &woken);
	ok(!mailbox_take(&box), "an empty box gives nothing");
	mailbox_put(&box, &a.letter);
	mailbox_put(&box, &b.letter);
	is_int(atomic_load(&woken), 1, "the first letter wakes, and only it");
	first = mailbox_take(&box);
	ok(first == &a.letter && first->next == &b.letter && !first->next->next,
	    "letters come out in order, all at once");
	ok(!mailbox_take(&box), "and once");
	mailbox_put(&box, &b.letter);
	is_int(atomic_load(&woken), 2, "an emptied box wakes again");
	ok(mailbox_wait(&box) == &b.letter && !b.letter.next,
	    "a letter may be sent again, without its old company");
	mailbox_clear(&box);
}

static void timeout(void)
{
	struct message a = { .number = 1 };
	struct timespec from;
	struct timespec to;
	struct mailbox box;
	long long ms;

	mailbox_init(&box, NULL, NULL);
	clock_gettime(CLOCK_MONOTONIC, &from);
	ok(!mailbox_wait_for(&box, 30), "waiting for nothing ends");
	clock_gettime(CLOCK_MONOTONIC, &to);
	ms = (to.tv_sec - from.tv_sec) * 1000 +
	    (to.tv_nsec - from.tv_nsec) / 1000000;
	ok(ms >= 29, "and not before its time");
	mailbox_put(&box, &a.letter);
	ok(mailbox_wait_for(&box, 60000) == &a.letter,
	    "what lies there is not waited for");
	ok(!mailbox_wait_for(&box, 0), "no time is no waiting");
	mailbox_clear(&box);
}

static void together(void)
{
	struct message a = { .number = 1 };
	struct message b = { .number = 2 };
	struct parcel parcel = { 0 };
	struct mailbox box;

	mailbox_init(&box, NULL, NULL);
	mailbox_put_parcel(&box, &parcel);
	ok(!mailbox_take(&box), "an empty parcel brings nothing");
	parcel_add(&parcel, &a.letter);
	parcel_add(&parcel, &b.letter);
	mailbox_put_parcel(&box, &parcel);
	ok(mailbox_take(&box) == &a.letter && a.letter.next == &b.letter &&
		!b.letter.next,
	    "a parcel's letters come in the order in which it was filled");
	mailbox_put_parcel(&box, &parcel);
	ok(!mailbox_take(&box), "and once");
	mailbox_clear(&box);
}

struct sender {
	pthread_t thread;
	struct mailbox *box;
	struct message *messages;
	int id;
};

static void *send(void *arg)
{
	struct sender *sender = arg;
	int i;

	for (i = 0; i < LETTERS; i++) {
		sender->messages[i].sender = sender->id;
		sender->messages[i].number = i;
		mailbox_put(sender->box, &sender->messages[i].letter);
	}
	return NULL;
}

static void many(void)
{
	struct sender senders[SENDERS];
	int next[SENDERS] = { 0 };
	struct mailbox box;
	int received = 0;
	int wrong = 0;
	int i;

	mailbox_init(&box, NULL, NULL);
	for (i = 0; i < SENDERS; i++) {
		senders[i] = (struct sender){ .box = &box,
			.messages = mem_array(LETTERS, sizeof(struct message)),
			.id = i };
		pthread_create(&senders[i].thread, NULL, send, &senders[i]);
	}
	while (received < SENDERS * LETTERS) {
		struct letter *letter = received % 2
		    ? mailbox_wait(&box)
		    : mailbox_wait_for(&box, 60000);

		if (!letter)
			break;
		for (; letter; letter = letter->next, received++) {
			struct message *m = (struct message *)letter;

			wrong += m->number != next[m->sender]++;
		}
	}
	is_int(received, SENDERS * LETTERS,
	    "no letter of several threads is lost or doubled");
	is_int(wrong, 0, "and each thread's come in its order");
	for (i = 0; i < SENDERS; i++) {
		pthread_join(senders[i].thread, NULL);
		free(senders[i].messages);
	}
	mailbox_clear(&box);
}

int main(void)
{
	alone();
	timeout();
	together();
	many();
	return done();
}
