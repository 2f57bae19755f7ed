/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef FLOW_WIRE_H
#define FLOW_WIRE_H

#include "base/mailbox.h"
#include "base/why.h"
#include "model/answer.h"
#include "model/request.h"
#include "port/http.h"

/*
 * The network side: a thread with a loop of its own, which carries calls to
 * their endpoints and brings the answers back. It decides nothing: how many
 * calls are in flight, to whom and when is the clerk's business.
 *
 * A call belongs to the wire from wire_send until it lies in the mailbox of
 * answers, and lies there exactly once. How it went is in `answer`; the request
 * is untouched, and its owner clears it.
 */
struct wire;

struct wire_call {
	struct letter letter; /* first: a letter taken out is the call */
	struct request request;
	struct answer answer; /* filled when it comes back */
	void *owner; /* the sender's; the wire never looks at it */
	/* At most `room` calls of the same gate are out at a time; the others
	 * wait on the wire. 0 when there is no such bound. */
	int64_t gate;
	int room;
	bool abandoned; /* broken off by wire_close */
	bool unsent; /* another of its gate failed while it stood in line */
	/* The wire's own: its list of calls under way, or the line. */
	struct wire_call *before, *after;
};

/* Starts the thread, with all signals blocked in it. Settings are copied.
 * `answers` is lent until wire_close returns; its wake function is called in
 * the wire's thread. http_begin must have been called. */
struct wire *wire_open(const struct http_settings *settings,
    struct mailbox *answers, struct why *why);

/* Hands a call over; never blocks. */
void wire_send(struct wire *wire, struct wire_call *call);

/* New settings for the calls that are sent from now on. Fails, and keeps the
 * old ones, when the CA file cannot be read. */
int wire_configure(
    struct wire *wire, const struct http_settings *settings, struct why *why);

/* Breaks off what is under way and joins the thread. What did not come to its
 * end lies in the mailbox with FAULT_LOCAL, "stopping": no try is spent, though
 * the peer may have got it. To end gracefully, wait for the answers first. */
void wire_close(struct wire *wire);

#endif
