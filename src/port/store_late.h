/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef PORT_STORE_LATE_H
#define PORT_STORE_LATE_H

#include "port/store.h"

/*
 * What may be missing in the log after a death between a commit and its line:
 * events and attempts that are newer than the mark up to which the log was
 * known to be whole (WORK_LOGGED). A part of the store's treaty that only
 * looks; asked at the start, before anything new is written.
 *
 * Numbers of rows that were deleted from the end are given out anew: what was
 * written under such a number is not found.
 */

/* 1 there is a mark; 0 none was ever set; -1 could not. `newest`: of all that
 * there is now. */
int store_log_mark(struct store *store, struct log_mark *mark,
    struct log_mark *newest, struct why *why);

struct late_event {
	const char *id, *type, *incident, *service, *alert_source;
	const char *source; /* the file's name */
	const char *webhooks; /* their ids, sorted, a blank between two */
	int64_t accepted_ms, bytes;
};
/* Those behind `after`, in order; text is lent for the call. */
int store_late_events(struct store *store, int64_t after,
    void (*each)(void *arg, const struct late_event *row), void *arg,
    struct why *why);

struct late_attempt {
	const char *webhook, *endpoint, *event_id, *event_type, *incident;
	int attempt;
	int64_t started_ms, duration_ms;
	int status;
	const char *code, *error, *remote, *outcome;
	int64_t queued_ms;
	int64_t
	    due_ms; /* of the next one; -1 when that is not known any more */
};
int store_late_attempts(struct store *store, int64_t after,
    void (*each)(void *arg, const struct late_attempt *row), void *arg,
    struct why *why);

#endif
