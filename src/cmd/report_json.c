/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * cmd/report_json: the numbers of the page for programs, so that nobody reads
 * them out of the HTML. Keys are only ever added.
 */
#include "cmd/report.h"

#include "base/jot.h"

#include <stdio.h>

static void count_or_null(struct buf *out, const char *key, int64_t value)
{
	if (value < 0)
		jot_null(out, key);
	else
		jot_int(out, key, value);
}

static void jot_success(struct buf *out, const struct tally *tally)
{
	int success = tally_success(tally);
	char text[16];
	int len = snprintf(
	    text, sizeof(text), "%d.%03d", success / 1000, success % 1000);

	if (success < 0)
		jot_null(out, "success_rate");
	else
		jot_raw(out, "success_rate", text, (size_t)len);
}

static void jot_period(struct buf *out, const struct tally *tally)
{
	jot_int(out, "deliveries", tally->deliveries);
	jot_int(out, "delivered", tally->delivered);
	jot_int(out, "dead", tally->dead);
	jot_int(out, "retried", tally->retried);
	jot_int(out, "attempts", tally->attempts);
	jot_int(out, "deferred", tally->deferred);
	jot_success(out, tally);
	count_or_null(out, "p50_ms", spread_at(&tally->durations, 50));
	count_or_null(out, "p95_ms", spread_at(&tally->durations, 95));
}

static void jot_slots(struct buf *out, const struct tally *tally)
{
	jot_int(out, "slot_ms", tally->slot_ms);
	jot_open(out, "slots", '[');
	for (int i = 0; i < tally->slot_count; i++) {
		const struct tally_slot *slot = &tally->slots[i];

		jot_open(out, NULL, '{');
		jot_time(out, "from", tally_slot_ms(tally, i));
		jot_int(out, "delivered", slot->delivered);
		jot_int(out, "deferred", slot->deferred);
		jot_int(out, "dead", slot->dead);
		count_or_null(out, "p50_ms", spread_at(&slot->durations, 50));
		count_or_null(out, "p95_ms", spread_at(&slot->durations, 95));
		jot_close(out, '}');
	}
	jot_close(out, ']');
}

static void jot_answers(struct buf *out, const struct tally *tally)
{
	jot_open(out, "answers", '[');
	for (int i = 1; i <= TALLY_STATUS_MAX; i++) {
		if (!tally->by_status[i])
			continue;
		jot_open(out, NULL, '{');
		jot_int(out, "status", i);
		jot_null(out, "error_code");
		jot_int(out, "attempts", tally->by_status[i]);
		jot_close(out, '}');
	}
	for (size_t i = 0; i < tally->fault_count; i++) {
		jot_open(out, NULL, '{');
		jot_null(out, "status");
		jot_str(out, "error_code", tally->faults[i].word);
		jot_int(out, "attempts", tally->faults[i].count);
		jot_close(out, '}');
	}
	jot_close(out, ']');
}

static void jot_endpoints(struct buf *out, const struct tally *tally)
{
	jot_open(out, "endpoints", '[');
	for (size_t i = 0; i < tally->endpoint_count; i++) {
		const struct tally_endpoint *endpoint = tally->endpoints[i];

		jot_open(out, NULL, '{');
		jot_str(out, "webhook", endpoint->webhook);
		jot_str(out, "endpoint", endpoint->endpoint);
		jot_int(out, "delivered", endpoint->delivered);
		jot_int(out, "dead", endpoint->dead);
		jot_int(out, "attempts", endpoint->attempts);
		jot_int(out, "failed", endpoint->failed);
		jot_close(out, '}');
	}
	jot_close(out, ']');
}

static void jot_pauses(struct buf *out, const struct report *report)
{
	jot_open(out, "paused", '[');
	for (size_t i = 0; i < report->pauses.count; i++) {
		const struct pause *pause = &report->pauses.all[i].pause;

		if (!report_about(report, report->pauses.all[i].webhook))
			continue;
		jot_open(out, NULL, '{');
		jot_str(out, "webhook", report->pauses.all[i].webhook);
		jot_time(out, "since", report->pauses.all[i].since_ms);
		jot_time(out, "until", pause->until_ms ? pause->until_ms : -1);
		jot_str(out, "by", pause->by);
		jot_str(out, "reason", pause->reason);
		jot_close(out, '}');
	}
	jot_close(out, ']');
}

static void jot_rests(struct buf *out, const struct report *report)
{
	jot_open(out, "resting", '[');
	for (size_t i = 0; i < report->rest_count; i++) {
		const struct report_rest *rest = &report->rests[i];

		jot_open(out, NULL, '{');
		jot_str(out, "webhook", rest->webhook);
		jot_str(out, "endpoint", rest->endpoint);
		jot_int(out, "failures", rest->breaker.failures);
		jot_time(out, "since", rest->breaker.since_ms);
		jot_time(out, "next_probe", rest->breaker.until_ms);
		jot_close(out, '}');
	}
	jot_close(out, ']');
}

static void jot_now(struct buf *out, const struct report *report)
{
	jot_open(out, "now", '{');
	jot_bool(out, "running", report->running);
	jot_int(out, "waiting", report_open(report->by_state));
	jot_int(out, "deferred", report->deferred);
	jot_int(out, "held", report->by_state[STATE_HELD]);
	jot_int(out, "dead", report->by_state[STATE_DEAD]);
	jot_time(out, "oldest", report->oldest_ms);
	jot_pauses(out, report);
	jot_rests(out, report);
	jot_close(out, '}');
}

void report_json(struct report *report)
{
	struct buf *out = &report->page.text;

	jot_open(out, NULL, '{');
	jot_time(out, "since", report->since_ms);
	jot_time(out, "until", report->until_ms);
	jot_str(out, "host", report->host);
	jot_str(out, "spool", report->conf->spool_dir);
	jot_period(out, &report->tally);
	jot_now(out, report);
	jot_int(out, "webhooks", (int64_t)report->conf->webhook_count);
	jot_int(out, "rejected", report->rejected.total);
	jot_answers(out, &report->tally);
	jot_endpoints(out, &report->tally);
	jot_slots(out, &report->tally);
	jot_close(out, '}');
	buf_putc(out, '\n');
}
