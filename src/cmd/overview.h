/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef CMD_OVERVIEW_H
#define CMD_OVERVIEW_H

#include "cmd/desk.h"
#include "cmd/verb.h"
#include "port/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What `status` tells: the daemon, the queue, each webhook, and what is in the
 * way; gathered from the store and the configuration.
 */

/* An endpoint that is configured and was numbered by the store. */
struct endpoint_state {
	char *id;
	struct breaker breaker; /* as it was settled last */
	bool rests; /* nothing is sent to it but a probe */
};

/* A webhook that is configured, or that the store knows. */
struct webhook_row {
	char *id;
	const struct webhook *webhook; /* NULL: not configured */
	const struct pause *pause; /* NULL: not paused */
	struct webhook_counts counts; /* its texts are not to be used */
	char *last_code;
	struct recent recent; /* of the time since `recent_ms` */
	struct endpoint_state *endpoints;
	size_t endpoint_count;
};

struct trouble_row {
	char *what;
	char *message;
	int64_t since_ms;
};

/* A note of the daemon's; ms -1: there is none. */
struct daemon_note {
	char *value;
	int64_t ms;
};

struct overview {
	const struct args *args;
	const struct conf *conf;
	int64_t now_ms;
	int pid; /* 0: no daemon runs, -1: not known yet */
	struct daemon_note started; /* the version, and when */
	struct daemon_note generation; /* in use, and since when */
	struct daemon_note reload; /* "ok N" or "failed N SENTENCE" */
	struct daemon_note heartbeat;
	int64_t events, unmatched, mails;
	struct webhook_counts all; /* the sum over all webhooks */
	struct webhook_row *rows; /* by id */
	size_t count;
	int64_t recent_ms; /* how far back the attempts were looked at */
	bool recent_cut; /* less than the day: there were too many */
	struct trouble_row *troubles;
	size_t trouble_count;
	struct pauses pauses;
};

enum { RECENT_MS = 24 * 60 * 60 * 1000 };

int overview_read(
    struct overview *overview, struct store *store, struct why *why);
void overview_clear(struct overview *overview);

/* Not yet tried: chained, or waiting for the first time. */
int64_t overview_queued(const struct webhook_counts *counts);
/* "enabled", "disabled" or "not configured". */
const char *overview_state(const struct webhook_row *row);
/* True when one of its endpoints rests. */
bool overview_rests(const struct webhook_row *row);
/* The sentence of a reload that failed, NULL when the last one did not. */
const char *overview_refusal(const struct overview *overview);
/* A daemon runs, but gave no sign of life for half a minute. */
bool overview_silent(const struct overview *overview);

/* As one JSON object (overview_json.c). */
void overview_print_json(const struct overview *overview);

#endif
