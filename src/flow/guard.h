/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef FLOW_GUARD_H
#define FLOW_GUARD_H

#include "flow/call.h"
#include "flow/notes.h"
#include "flow/plan.h"
#include "flow/record.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * Who is left in peace: each endpoint's breaker (model/breaker.h), and our own
 * faults, which no endpoint pays for. Tells of both where people look: log,
 * stderr, and the notes that `status` shows.
 */
struct guard;

struct guard *guard_open(struct notes *notes, struct record *record);
void guard_close(struct guard *guard);

/* Another plan is in use; its targets know their breakers. */
void guard_use(struct guard *guard, const struct plan *plan);

/* The target takes over the breaker of what it was before a reload. At another
 * URL stands somebody else: a rest ends at once with a probe, and the next
 * one, if it comes to that, is a first one. */
void guard_inherit(
    struct target *target, const struct target *was, int64_t now_ms);

/* When the target may be called next, -1 for never: nothing waits. */
int64_t guard_ready_ms(const struct target *target);
/* How many more calls it may have under way. */
int guard_room(const struct target *target, int64_t now_ms);
/* True while its deliveries wait without being tried. */
bool guard_rests(const struct target *target);

/* Takes note of an answer, and puts what is to be stored into the call.
 * `target` NULL: the endpoint is no longer configured. */
void guard_called(struct guard *guard, struct target *target, struct call *call,
    int64_t now_ms);
/* The call is settled: tells of what it changed. True: mail is to be sent. */
bool guard_settled(struct guard *guard, const struct call *call);

#endif
