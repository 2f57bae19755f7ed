/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef MODEL_FILTER_H
#define MODEL_FILTER_H

#include "base/buf.h"

#include <jansson.h>
#include <stdbool.h>

/*
 * A webhook's condition on top of its triggers (FILTERS in
 * spoolhook-webhook(5)), compiled and checked when the configuration is loaded.
 * Filters see an event's view (model/event.h). Typed, no conversion: "5" is not
 * 5. A missing field makes is_not, not_in, not_contains and not_matches true
 * and the others false.
 */
struct filter;

/* How deep filters may nest. */
enum { FILTER_DEPTH_MAX = 64 };

/*
 * Told of each mistake: the JSON pointer (RFC 6901) of the culprit below the
 * filter ("/all/0/op", "" for the filter itself), a static code, a sentence,
 * and help or NULL; the texts are lent for the call. The codes:
 *
 *	wrong-type, empty-list, empty-filter, missing-key, unknown-key,
 *	misplaced-key, several-conditions, too-deep, bad-path,
 *	unknown-operator, bad-value, bad-pattern
 */
struct filter_faults {
	void *arg;
	void (*add)(void *arg, const char *pointer, const char *code,
	    const char *message, const char *help);
};

/* Compiles; reports every mistake, not only the first; NULL when there was
 * one. The JSON is not kept. */
struct filter *filter_compile(
    const json_t *json, const struct filter_faults *faults);
void filter_free(struct filter *filter);

/* True when it asks for more of an event than its service and alert source.
 * NULL asks for nothing. */
bool filter_looks_deeper(const struct filter *filter);

/* NULL filters pass everything. */
bool filter_passes(const struct filter *filter, const json_t *view);

/* Whom a name can be of: a service or an alert source has so many. */
enum { FILTER_NAMES_MAX = 3 };
/* The names (an array of strings, lent) of which an event's `field`, "service"
 * or "alert_source", must bear one for the filter to pass; NULL when the filter
 * does not insist on any. */
const json_t *filter_insists(const struct filter *filter, const char *field);
/* The names that the field bears in this view, lent; returns how many. */
size_t filter_names(
    const json_t *view, const char *field, const char *names[FILTER_NAMES_MAX]);

/* The filter as its grammar writes it, a new object that the caller owns: what
 * it was compiled from, but for names that stood alone, which come as lists,
 * and "exists" without a value. NULL for NULL. */
json_t *filter_json(const struct filter *filter);

/* One line for people: `all(service in [checkout], any(…))`; "everything" for
 * NULL. Safe for a terminal. */
void filter_print(const struct filter *filter, struct buf *out);

#endif
