/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef MODEL_EVENT_H
#define MODEL_EVENT_H

#include "base/why.h"

#include <jansson.h>
#include <stddef.h>

/*
 * One incident event in either payload generation: v1 with `event_type` at the
 * top, v2 with `version`, `event` and `data`. Its own bytes stay with the
 * caller; this is what filters, lanes and log lines need of it.
 */
struct event {
	json_t *view; /* what filters see: v1 fields at the top; of an event
			 that was only skimmed, no more than those below */
	const char *type; /* as the event spells it; lent from view */
	const char *incident; /* the incident's id, "" when it has none */
	const char *service; /* slug, name or id, "" when it has none */
	const char *alert_source; /* short_name, type or id, or "" */
	const char *message; /* the incident's message, or "" */
	char *number; /* holds an incident id that is a number, as text */
};

/* A type goes into a header, a log and mails: it is bounded, and has no control
 * characters. */
enum { EVENT_TYPE_MAX = 128 };

/*
 * Parses one event's bytes, already scanned (model/scan.h). -1 with a sentence
 * in `why` and a static code when the bytes are no event:
 *
 *	not_event	not an object, or no usable type
 *	unsupported	a number no double can hold, NUL in a key
 *	too_deep	deeper than any scanned text can be
 *	syntax		not JSON
 *
 * `event` is then empty. Of the same key twice the last value counts.
 */
int event_parse(struct event *event, const char *bytes, size_t len,
    const char **code, struct why *why);
/* The same for whom the members of struct event are enough, and the whole of
 * the service and the alert source: makes no tree of the rest. Refuses the same
 * events. */
int event_skim(struct event *event, const char *bytes, size_t len,
    const char **code, struct why *why);
/* Frees what it holds; an empty event ({0}) may be cleared too. */
void event_clear(struct event *event);

#endif
