/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef FLOW_CALL_H
#define FLOW_CALL_H

#include "flow/plan.h"
#include "flow/record.h"
#include "flow/wire.h"
#include "port/store.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * One delivery on its way from its claim to its settlement: the request, the
 * answer, the verdict, and what is written down of it. The dispatcher decides
 * when it goes; here is what happens to it.
 */
struct call {
	struct wire_call wire; /* first: the wire's letter is ours */
	struct work_settle settle;
	struct plan *plan; /* held: keeps webhook and endpoint alive */
	const struct webhook *webhook;
	const struct endpoint *endpoint;
	struct claimed from;
	char delivery[ID_DELIVERY_SIZE];
	bool looked; /* its name was looked at again */
	bool probe; /* it was started while the endpoint's breaker was open */
	struct breaker breaker; /* as this call's answer left it */
	enum breaker_change change;
	int64_t rested_ms; /* how long it was open, when change is CLOSED */
	struct call *before, *after; /* in the dispatcher's lists */
};

/* Builds the request for a target of `plan`. Takes over what `claimed` holds. */
struct call *call_new(struct plan *plan, const struct target *target,
    struct claimed *claimed, int64_t now_ms);
void call_free(struct call *call);

/* Judges the answer and fills in `settle`. What is given up is written to
 * failed/ first, so that no dead delivery lacks its file. */
void call_judge(struct call *call, int failed_dir, int64_t now_ms);
/* Gives it up without an attempt: it waited too long. */
void call_expire(struct call *call, int failed_dir, int64_t now_ms);
/* It was not made after all: fills in `settle` so that it waits as before. */
void call_put_back(struct call *call, int64_t now_ms);
/* Log lines of a settled call: the attempt, and its end if it has one. */
void call_write_down(const struct call *call, struct record *record);

/* The call that a settlement belongs to. */
struct call *call_of(struct work_settle *settle);

#endif
