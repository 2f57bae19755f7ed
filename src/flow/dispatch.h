/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef FLOW_DISPATCH_H
#define FLOW_DISPATCH_H

#include "flow/committer.h"
#include "flow/notes.h"
#include "flow/plan.h"
#include "flow/record.h"

#include <stdbool.h>
#include <stdint.h>

struct names;
struct wire;
struct wire_call;

/*
 * Decides who goes next: claims due deliveries from the store for endpoints
 * that have room, hands them to the wire, judges what comes back and has it
 * settled. Endpoints take turns; each has its own room, so a slow one fills
 * only its own.
 */
struct dispatch;

struct dispatch_sides {
	struct committer *committer;
	struct wire *wire;
	struct names *names;
	struct record *record;
	struct notes *notes;
	int failed_dir; /* descriptor of failed/ */
};

struct dispatch *dispatch_open(const struct dispatch_sides *sides);
void dispatch_close(struct dispatch *dispatch);

/* From now on deliveries are built from this plan, whose targets know their
 * numbers and next due times. Held as long as it is needed. */
void dispatch_use(struct dispatch *dispatch, struct plan *plan);
struct plan *dispatch_plan(const struct dispatch *dispatch);

/* Has `status` show which of its endpoints rest. */
void dispatch_tell(struct dispatch *dispatch);

/* The target has (or may have) something due at `due_ms`. */
void dispatch_touch(
    struct dispatch *dispatch, struct target *target, int64_t due_ms);
/* Every target may have something due: a verb changed the store. */
void dispatch_touch_all(struct dispatch *dispatch, int64_t now_ms);
/* The wall clock was set by so much: what waits moves along, in the store and
 * here. With 0, once at the start: finds what a clock that went back meanwhile
 * left in the future. */
void dispatch_clock(struct dispatch *dispatch, int64_t jump_ms, int64_t now_ms);
/* Sends claims for what is due and has room. */
void dispatch_turn(struct dispatch *dispatch, int64_t now_ms);
/* When to call dispatch_turn again at the latest, -1 for never. */
int64_t dispatch_next_ms(const struct dispatch *dispatch);

/* Answers from the store and the wire come in here. */
void dispatch_claimed(struct dispatch *dispatch, struct work *work);
void dispatch_called(struct dispatch *dispatch, struct wire_call *call);
void dispatch_settled(struct dispatch *dispatch, struct work *work);

/* The rests of a webhook's endpoints are over: each may be tried now. */
void dispatch_hurry(
    struct dispatch *dispatch, const char *webhook, int64_t now_ms);
/* Whatever was deferred is tried now. */
void dispatch_flush(struct dispatch *dispatch, int64_t now_ms);
void dispatch_flushed(struct dispatch *dispatch, struct work *work);

/* The answer to WORK_CLOCK. */
void dispatch_clocked(struct dispatch *dispatch, struct work *work);

/* Starts no more calls; those under way still end. */
void dispatch_stop(struct dispatch *dispatch);
/* True when no claim, call or settlement is under way. */
bool dispatch_quiet(const struct dispatch *dispatch);
/* True when a delivery waits, now or later. */
bool dispatch_waiting(const struct dispatch *dispatch);

struct dispatch_totals {
	int64_t delivered, deferred, dead; /* attempts by outcome, this run */
	int in_flight;
};
struct dispatch_totals dispatch_totals(const struct dispatch *dispatch);
/* True once after deaths and rests that somebody is to be told of by mail. */
bool dispatch_news(struct dispatch *dispatch);

#endif
