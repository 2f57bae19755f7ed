/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef CMD_TRIAL_H
#define CMD_TRIAL_H

#include "cmd/events.h"
#include "cmd/verb.h"
#include "model/id.h"
#include "model/request.h"

/*
 * One webhook and one event, tried by a person: what `render` and `send` share.
 * The requests are those of a first attempt, built by the daemon's own code,
 * for an event id that no other event has.
 */
struct trial {
	const struct args *args;
	const struct conf *conf;
	const struct webhook *webhook;
	const struct endpoint *only; /* --endpoint; NULL: all */
};

/* Finds the webhook that the first operand names, and --endpoint. Returns an
 * exit code; a wrong name was said, with the nearest right one. */
int trial_open(
    struct trial *trial, const struct args *args, const struct conf *conf);
/* The first or next endpoint to look at, NULL at the end. */
const struct endpoint *trial_next(
    const struct trial *trial, const struct endpoint *last);
/* Clear it with request_clear. */
void trial_request(const struct trial *trial, const struct endpoint *endpoint,
    const struct event_item *item, struct request *request);

/* True when a header of that name comes from the configuration, so that its
 * value is not shown. */
bool trial_is_configured(const struct trial *trial,
    const struct endpoint *endpoint, const char *name);
/* The endpoint's URL as it may be seen. */
void trial_show_url(struct buf *out, const struct endpoint *endpoint);

#endif
