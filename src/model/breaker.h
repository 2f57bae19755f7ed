/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef MODEL_BREAKER_H
#define MODEL_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

/*
 * The breaker of one endpoint: after so many failed
 * attempts in a row nothing is sent to it but one probe at a time, after rests
 * that double; what waits meanwhile spends no attempts. Pure: the clock and the
 * dice are arguments, and the whole state is this value.
 *
 *	        failures in a row               probe fails: a longer rest
 *	closed ------------------> open (rests) --------------------------+
 *	  ^  room 1, 2, 4 … all      |     ^------------------------------+
 *	  +--------------------------+ a success
 *
 * Every failed attempt counts, whatever its status: 10 refusals of one kind in
 * a row are no accident of one event. A Retry-After makes the rest longer, up
 * to the longest one. Our own faults count for nothing: they let the endpoint
 * be tried by one call at a time, at a slow pace, until the fault is gone.
 */
struct breaker_policy {
	int failures; /* in a row; 0 turns it off */
	int64_t rest_ms; /* the longest rest, before chance is added */
};

enum {
	BREAKER_FIRST_REST_MS = 5000,
	/* An own fault is looked at again after this. */
	BREAKER_OWN_REST_MS = 5000,
};

struct breaker {
	bool open;
	bool own; /* the last call ended in a fault of our own */
	int failures; /* in a row */
	int64_t rest_ms; /* the present rest without chance; 0 when closed */
	int64_t until_ms; /* open or own: nothing is sent before */
	int64_t since_ms; /* when it opened last */
	int room; /* closed again: so many at once; 0: no bound */
};

enum breaker_change { BREAKER_SAME, BREAKER_OPENED, BREAKER_CLOSED };

/* How many calls may be under way in all, given how many there are. */
int breaker_room(const struct breaker *breaker,
    const struct breaker_policy *policy, int concurrency, int in_flight,
    int64_t now_ms);
/* True when it keeps deliveries waiting, now or until its probe is back. */
bool breaker_rests(
    const struct breaker *breaker, const struct breaker_policy *policy);

enum breaker_news { BREAKER_SUCCESS, BREAKER_FAILURE, BREAKER_OWN_FAULT };
struct breaker_case {
	enum breaker_news news;
	bool probe; /* the call was started while the breaker was open */
	int concurrency;
	int64_t asked_ms; /* Retry-After, -1 for none */
	int64_t now_ms;
	uint64_t dice;
};
/* Takes note of how a call ended. */
enum breaker_change breaker_note(struct breaker *breaker,
    const struct breaker_policy *policy, const struct breaker_case *at);

/* What was stored, in a process that begins: the rest goes on, but never
 * longer than it was meant to, whatever the clock did meanwhile. */
void breaker_resume(struct breaker *breaker,
    const struct breaker_policy *policy, int64_t now_ms);
/* The endpoint is at another place now: of its failures none is known there.
 * It stays open for one probe, so that what was told of its rest is followed
 * by its end; the probe may be made now, and when it fails the rests begin
 * anew. */
void breaker_move(struct breaker *breaker, int64_t now_ms);
/* Ends the rest: the next call may be made now. */
void breaker_hurry(struct breaker *breaker, int64_t now_ms);

#endif
