/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * cmd/report_gather: the numbers of a report, before a word of it is written:
 * what happened in the period, what waits now, what is paused. One pass over
 * the deliveries and one over the attempts; memory grows with the endpoints,
 * not with the history. Reads only.
 */
#include "cmd/report.h"

#include "base/mem.h"
#include "base/text.h"
#include "port/store_past.h"

#include <string.h>
#include <time.h>

static void add_delivery(void *arg, const struct past_delivery *row)
{
	struct report *report = arg;

	progress_to(&report->progress, ++report->read);
	if (!report_about(report, row->webhook))
		return;
	tally_add_delivery(&report->tally,
	    &(struct tally_delivery){
		.endpoint = row->endpoint,
		.webhook = row->webhook,
		.name = row->name,
		.delivered = row->state == STATE_DELIVERED,
		.dead = row->state == STATE_DEAD,
		.tries = row->tries,
		.changed_ms = row->changed_ms,
	    });
}

static void add_attempt(void *arg, const struct past_attempt *row)
{
	struct report *report = arg;

	progress_to(&report->progress, ++report->read);
	if (!report_about(report, row->webhook))
		return;
	tally_add_attempt(&report->tally,
	    &(struct tally_attempt){
		.endpoint = row->endpoint,
		.webhook = row->webhook,
		.name = row->name,
		.started_ms = row->started_ms,
		.duration_ms = row->duration_ms,
		.status = row->status,
		.code = row->code,
		.delivered = strcmp(row->outcome, "delivered") == 0,
		.deferred = strcmp(row->outcome, "deferred") == 0,
	    });
}

static int64_t zone_ms(int64_t now_ms)
{
	time_t now = now_ms / 1000;
	struct tm local;

	return localtime_r(&now, &local) ? local.tm_gmtoff * 1000 : 0;
}

static int read_past(struct report *report)
{
	if (store_past_deliveries(report->store, report->since_ms,
		report->until_ms, add_delivery, report, report->why) < 0)
		return -1;
	return store_past_attempts(report->store, report->since_ms,
	    report->until_ms, add_attempt, report, report->why);
}

static int gather_past(struct report *report)
{
	struct tally *tally = &report->tally;
	int got;

	tally_init(
	    tally, report->since_ms, report->until_ms, zone_ms(report->now_ms));
	progress_start(&report->progress, report->args, "counting", 0);
	got = read_past(report);
	progress_end(&report->progress);
	if (got < 0)
		return -1;
	tally_worst_first(tally);
	return 0;
}

static int add_counts(void *arg, const struct webhook_counts *counts)
{
	struct report *report = arg;
	struct report_counts *row;

	if (!report_about(report, counts->webhook))
		return 0;
	report->counts = mem_grow(
	    report->counts, report->count_count + 1, sizeof(*report->counts));
	row = &report->counts[report->count_count++];
	*row = (struct report_counts){
		.webhook = mem_strdup(counts->webhook),
		.deferred = counts->deferred,
		.last_success_ms = counts->last_success_ms,
		.last_failure_ms = counts->last_failure_ms,
	};
	memcpy(row->by_state, counts->by_state, sizeof(row->by_state));
	for (int i = 0; i <= STATE_DEAD; i++)
		report->by_state[i] += counts->by_state[i];
	report->deferred += counts->deferred;
	if (counts->oldest_ms >= 0 &&
	    (report->oldest_ms < 0 || counts->oldest_ms < report->oldest_ms))
		report->oldest_ms = counts->oldest_ms;
	return 0;
}

/* Of an endpoint that is configured, with a breaker that is not turned off. */
static bool is_resting(const struct conf *conf, const struct endpoint_row *row)
{
	const struct webhook *webhook = conf_webhook(conf, row->webhook);

	return webhook && webhook_endpoint(webhook, row->endpoint) &&
	    row->breaker.open &&
	    breaker_rests(&row->breaker, &webhook->breaker);
}

static int add_rest(void *arg, const struct endpoint_row *row)
{
	struct report *report = arg;

	if (!is_resting(report->conf, row))
		return 0;
	report->rests = mem_grow(
	    report->rests, report->rest_count + 1, sizeof(*report->rests));
	report->rests[report->rest_count++] = (struct report_rest){
		.webhook = mem_strdup(row->webhook),
		.endpoint = mem_strdup(row->endpoint),
		.breaker = row->breaker,
	};
	return 0;
}

static int gather_now(struct report *report)
{
	report->oldest_ms = -1;
	report->running = desk_daemon(report->conf) != 0;
	if (store_counts(report->store, add_counts, report, report->why) < 0 ||
	    store_endpoints(report->store, report->webhook, add_rest, report,
		report->why) < 0)
		return -1;
	return desk_pauses(report->store, &report->pauses, report->why);
}

int report_gather(struct report *report)
{
	if (gather_past(report) < 0 || gather_now(report) < 0)
		return -1;
	if (report->webhook) /* a file that was refused has none */
		return 0;
	return rejected_read(&report->rejected, report->conf->spool_dir,
	    report->since_ms, report->until_ms, (size_t)report->entries_max,
	    report->why);
}

void report_clear(struct report *report)
{
	for (size_t i = 0; i < report->count_count; i++)
		free(report->counts[i].webhook);
	for (size_t i = 0; i < report->rest_count; i++) {
		free(report->rests[i].webhook);
		free(report->rests[i].endpoint);
	}
	free(report->counts);
	free(report->rests);
	pauses_clear(&report->pauses);
	rejected_clear(&report->rejected);
	tally_clear(&report->tally);
}

bool report_about(const struct report *report, const char *webhook)
{
	return !report->webhook || strcmp(report->webhook, webhook) == 0;
}

const struct report_rest *report_rest_of(
    const struct report *report, const char *webhook, const char *endpoint)
{
	for (size_t i = 0; i < report->rest_count; i++) {
		const struct report_rest *rest = &report->rests[i];

		if (strcmp(rest->webhook, webhook) == 0 &&
		    strcmp(rest->endpoint, endpoint) == 0)
			return rest;
	}
	return NULL;
}

const struct report_counts *report_counts_of(
    const struct report *report, const char *webhook)
{
	for (size_t i = 0; i < report->count_count; i++) {
		if (strcmp(report->counts[i].webhook, webhook) == 0)
			return &report->counts[i];
	}
	return NULL;
}

int64_t report_open(const int64_t by_state[STATE_DEAD + 1])
{
	int64_t sum = 0;

	for (int i = STATE_CHAINED; i <= STATE_HELD; i++)
		sum += by_state[i];
	return sum;
}
