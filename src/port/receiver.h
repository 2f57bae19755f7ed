/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef PORT_RECEIVER_H
#define PORT_RECEIVER_H

#include "base/mailbox.h"
#include "base/why.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * An HTTP server that takes requests and answers what its owner says, by
 * libmicrohttpd: for `listen`, where an endpoint is developed or watched. Its
 * threads are its own; the owner pulls requests out and answers them in any
 * order, and a late answer holds up no other request.
 */
struct receiver;

/* More than this of a body is left out (`too_large`), and so many connections
 * are served at once. */
enum { RECEIVED_BODY_MAX = 16 * 1024 * 1024, RECEIVER_CONNECTIONS_MAX = 256 };

struct received_header {
	char *name;
	char *value;
};

struct received {
	struct letter letter;
	char *method;
	char *target; /* path and query as they were sent */
	struct received_header *headers; /* in their order */
	size_t header_count;
	char *body; /* ends with a NUL that body_len does not count */
	size_t body_len;
	bool too_large;
	struct exchange *exchange; /* the receiver's own */
};

/* Listens on a numeric address; port 0 takes a free one. */
struct receiver *receiver_open(const char *address, int port, struct why *why);
/* Breaks off what is under way. */
void receiver_close(struct receiver *receiver);
int receiver_port(const struct receiver *receiver);
/* Readable when a request came or an answer was sent. */
int receiver_fd(const struct receiver *receiver);

/* The next request, oldest first; NULL when there is none. The caller's, to
 * be answered once and freed. */
struct received *receiver_take(struct receiver *receiver);
/* Has an answer without a body sent after `delay_ms`; status 200 to 599. */
void receiver_answer(struct receiver *receiver, const struct received *received,
    int status, int64_t delay_ms);
/* Answers that were given and are not yet sent. */
int receiver_owed(struct receiver *receiver);
void received_free(struct received *received);

#endif
