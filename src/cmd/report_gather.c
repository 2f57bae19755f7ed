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
#include "port/spool.h"
#include "port/store_past.h"

#include <string.h>
#include <time.h>

static void add_delivery(void *arg, const struct past_delivery *row)
{
	tally_add_delivery(arg,
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
	tally_add_attempt(arg,
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

static int gather_past(struct report *report)
{
	struct tally *tally = &report->tally;

	tally_init(
	    tally, report->since_ms, report->now_ms, zone_ms(report->now_ms));
	if (store_past_deliveries(report->store, report->since_ms,
		report->now_ms, add_delivery, tally, report->why) < 0 ||
	    store_past_attempts(report->store, report->since_ms, report->now_ms,
		add_attempt, tally, report->why) < 0)
		return -1;
	tally_worst_first(tally);
	return 0;
}

static int add_counts(void *arg, const struct webhook_counts *counts)
{
	struct report *report = arg;
	struct report_counts *row;

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

/* The value begins with the end of the pause, 0 for none. */
static int add_pause(void *arg, const char *name, const char *value, int64_t ms)
{
	struct report *report = arg;
	struct report_pause *row;

	(void)ms;
	report->pauses = mem_grow(
	    report->pauses, report->pause_count + 1, sizeof(*report->pauses));
	row = &report->pauses[report->pause_count++];
	row->webhook = mem_strdup(strchr(name, '/') + 1);
	row->until_ms = strtoll(value, NULL, 10);
	return 0;
}

static bool is_running(const struct conf *conf)
{
	struct spool spool;
	bool running;

	if (spool_open(&spool, conf->spool_dir, false, NULL) < 0)
		return false;
	running = spool_holder(&spool) != 0;
	spool_close(&spool);
	return running;
}

int report_gather(struct report *report)
{
	report->oldest_ms = -1;
	report->running = is_running(report->conf);
	if (gather_past(report) < 0 ||
	    store_counts(report->store, add_counts, report, report->why) < 0 ||
	    store_notes(
		report->store, "paused/", add_pause, report, report->why) < 0)
		return -1;
	return rejected_read(&report->rejected, report->conf->spool_dir,
	    report->since_ms, (size_t)report->entries_max, report->why);
}

void report_clear(struct report *report)
{
	for (size_t i = 0; i < report->count_count; i++)
		free(report->counts[i].webhook);
	for (size_t i = 0; i < report->pause_count; i++)
		free(report->pauses[i].webhook);
	free(report->counts);
	free(report->pauses);
	rejected_clear(&report->rejected);
	tally_clear(&report->tally);
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

int64_t report_waiting(const struct report *report)
{
	int64_t sum = 0;

	for (int i = STATE_CHAINED; i <= STATE_HELD; i++)
		sum += report->by_state[i];
	return sum;
}
