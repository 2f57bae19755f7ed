/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * cmd/overview_json: what `status` tells, as one JSON object for programs. All
 * members are always there; what does not apply is null. Judges nothing, and
 * promises that a value means here what it means to people.
 */
#include "base/jot.h"
#include "base/text.h"
#include "cmd/overview.h"

#include <stdio.h>

enum { JSON_MAX = 64 * 1024 * 1024 };

static void jot_counts(struct buf *json, const struct webhook_counts *c)
{
	jot_int(json, "queued", overview_queued(c));
	jot_int(json, "deferred", c->deferred);
	jot_int(json, "active", c->by_state[STATE_ACTIVE]);
	jot_int(json, "held", c->by_state[STATE_HELD]);
	jot_int(json, "delivered", c->by_state[STATE_DELIVERED]);
	jot_int(json, "dead", c->by_state[STATE_DEAD]);
	jot_time(json, "oldest", c->oldest_ms);
}

static void jot_pause(struct buf *json, const struct pause *pause)
{
	if (!pause) {
		jot_null(json, "paused");
		return;
	}
	jot_open(json, "paused", '{');
	jot_time(json, "until", pause->until_ms ? pause->until_ms : -1);
	jot_str(json, "reason", *pause->reason ? pause->reason : NULL);
	jot_str(json, "by", pause->by);
	jot_close(json, '}');
}

static void jot_maybe(struct buf *json, const char *key, int64_t value)
{
	if (value < 0)
		jot_null(json, key);
	else
		jot_int(json, key, value);
}

static void jot_endpoint(
    struct buf *json, const struct endpoint_state *endpoint)
{
	const struct breaker *breaker = &endpoint->breaker;

	jot_open(json, NULL, '{');
	jot_str(json, "endpoint", endpoint->id);
	jot_str(json, "breaker", endpoint->rests ? "open" : "closed");
	jot_int(json, "failures", breaker->failures);
	jot_time(json, "since", endpoint->rests ? breaker->since_ms : -1);
	jot_time(json, "until", endpoint->rests ? breaker->until_ms : -1);
	jot_close(json, '}');
}

static void jot_row(struct buf *json, const struct webhook_row *row)
{
	const struct webhook_counts *c = &row->counts;

	jot_open(json, NULL, '{');
	jot_str(json, "webhook", row->id);
	jot_str(json, "state", overview_state(row));
	jot_pause(json, row->pause);
	jot_counts(json, c);
	jot_int(json, "delivered_24h", row->recent.delivered);
	jot_int(json, "dead_24h", row->recent.dead);
	jot_maybe(json, "p95_ms", row->recent.p95_ms);
	jot_time(json, "last_success", c->last_success_ms);
	jot_time(json, "last_failure", c->last_failure_ms);
	jot_maybe(json, "last_status", c->last_status ? c->last_status : -1);
	jot_str(json, "last_code",
	    row->last_code && *row->last_code ? row->last_code : NULL);
	jot_open(json, "endpoints", '[');
	for (size_t i = 0; i < row->endpoint_count; i++)
		jot_endpoint(json, &row->endpoints[i]);
	jot_close(json, ']');
	jot_close(json, '}');
}

static int64_t generation(const struct overview *o)
{
	int64_t number;

	if (!o->generation.value ||
	    !text_int(o->generation.value, 0, INT64_MAX, &number))
		return -1;
	return number;
}

static void jot_daemon(struct buf *json, const struct overview *o)
{
	jot_bool(json, "running", o->pid != 0);
	jot_maybe(json, "pid", o->pid > 0 ? o->pid : -1);
	jot_str(json, "version", o->pid ? o->started.value : NULL);
	jot_time(json, "started", o->pid ? o->started.ms : -1);
	jot_time(json, "heartbeat", o->heartbeat.ms);
	jot_maybe(json, "generation", o->pid ? generation(o) : -1);
	jot_time(json, "loaded", o->pid ? o->generation.ms : -1);
	jot_str(json, "reload_error", o->pid ? overview_refusal(o) : NULL);
	jot_str(json, "spool", o->conf->spool_dir);
}

void overview_print_json(const struct overview *o)
{
	auto_buf struct buf json = BUF_INIT(JSON_MAX);

	jot_open(&json, NULL, '{');
	jot_daemon(&json, o);
	jot_int(&json, "events", o->events);
	jot_int(&json, "unmatched", o->unmatched);
	jot_counts(&json, &o->all);
	jot_int(&json, "mails_waiting", o->mails);
	jot_time(&json, "attempts_since", o->recent_ms);
	jot_open(&json, "webhooks", '[');
	for (size_t i = 0; i < o->count; i++)
		jot_row(&json, &o->rows[i]);
	jot_close(&json, ']');
	jot_open(&json, "troubles", '[');
	for (size_t i = 0; i < o->trouble_count; i++) {
		jot_open(&json, NULL, '{');
		jot_str(&json, "what", o->troubles[i].what);
		jot_str(&json, "message", o->troubles[i].message);
		jot_time(&json, "since", o->troubles[i].since_ms);
		jot_close(&json, '}');
	}
	jot_close(&json, ']');
	jot_close(&json, '}');
	puts(buf_text(&json));
}
