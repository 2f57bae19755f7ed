/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef MODEL_TRACE_H
#define MODEL_TRACE_H

#include "model/id.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What a line of delivery.jsonl proves: that something was written down. Read
 * from our own lines only, whose members stand unescaped and in a known order;
 * in a foreign line, or half of one, nothing is found.
 */
enum trace_kind {
	TRACE_ACCEPTED, /* `accepted` or `unmatched`, of an event */
	TRACE_ATTEMPT, /* of a delivery, with its number */
	TRACE_END, /* `delivered` or `dead`, after so many tries */
};

struct trace {
	enum trace_kind kind;
	char id[ID_DELIVERY_SIZE]; /* of the event or the delivery */
	int64_t number; /* 0 for TRACE_ACCEPTED */
	int64_t ms; /* when it was written */
};

/* False for a line that proves none of these. `line` ends with a NUL. */
bool trace_read(const char *line, struct trace *out);

/* Traces to look among: what it is of, and when the last one was written. */
struct trace_set {
	struct trace_mark {
		uint64_t key;
		int64_t ms;
	} * marks;
	size_t count, room;
	bool sorted;
};

void trace_set_add(struct trace_set *set, const struct trace *trace);
/* True when one of the same kind, id and number was written at trace->ms or
 * later. */
bool trace_set_has(struct trace_set *set, const struct trace *trace);
void trace_set_clear(struct trace_set *set);

#endif
