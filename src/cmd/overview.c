/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * cmd/overview: gathers what `status` tells. Owns copies of all that the store
 * lent. It judges nothing but what follows from two facts beside one another: a
 * webhook that is not configured though deliveries wait for it is in the way,
 * and so is one that is paused. Changes nothing.
 */
#include "cmd/overview.h"

#include "base/mem.h"
#include "base/now.h"
#include "base/text.h"
#include "cmd/vitals.h"

#include <stdlib.h>
#include <string.h>

/* ---- webhooks ---------------------------------------------------------- */

static struct webhook_row *add_row(struct overview *o, const char *id)
{
	struct webhook_row *row;

	o->rows = mem_grow(o->rows, o->count + 1, sizeof(*o->rows));
	row = &o->rows[o->count++];
	*row = (struct webhook_row){
		.id = mem_strdup(id),
		.webhook = conf_webhook(o->conf, id),
		.pause = pauses_find(&o->pauses, id),
		.counts = { .oldest_ms = -1,
		    .last_success_ms = -1,
		    .last_failure_ms = -1 },
		.recent = { .p95_ms = -1 },
	};
	return row;
}

static struct webhook_row *find_row(struct overview *o, const char *id)
{
	for (size_t i = 0; i < o->count; i++) {
		if (strcmp(o->rows[i].id, id) == 0)
			return &o->rows[i];
	}
	return NULL;
}

static void add_up(struct webhook_counts *all, const struct webhook_counts *one)
{
	for (int i = 0; i <= STATE_DEAD; i++)
		all->by_state[i] += one->by_state[i];
	all->deferred += one->deferred;
	if (one->oldest_ms >= 0 &&
	    (all->oldest_ms < 0 || one->oldest_ms < all->oldest_ms))
		all->oldest_ms = one->oldest_ms;
}

static bool is_empty(const struct webhook_counts *counts)
{
	for (int i = 0; i <= STATE_DEAD; i++) {
		if (counts->by_state[i])
			return false;
	}
	return true;
}

/* One that is gone from the configuration and from the store is history. */
static int keep_counts(void *arg, const struct webhook_counts *counts)
{
	struct overview *o = arg;
	struct webhook_row *row;

	add_up(&o->all, counts);
	if (is_empty(counts) && !conf_webhook(o->conf, counts->webhook))
		return 0;
	row = add_row(o, counts->webhook);
	row->counts = *counts;
	row->counts.webhook = NULL;
	row->counts.last_code = NULL;
	row->last_code = mem_strdup(counts->last_code);
	return 0;
}

static int keep_recent(void *arg, const struct recent *recent)
{
	struct webhook_row *row = find_row(arg, recent->webhook);

	if (row)
		row->recent = *recent;
	return 0;
}

/* Those of the configuration only: what waits for others is in the way, and
 * told of there. */
static int keep_endpoint(void *arg, const struct endpoint_row *known)
{
	struct webhook_row *row = find_row(arg, known->webhook);
	const struct endpoint *endpoint = row && row->webhook
	    ? webhook_endpoint(row->webhook, known->endpoint)
	    : NULL;
	size_t n;

	if (!endpoint)
		return 0;
	n = row->endpoint_count++;
	row->endpoints = mem_grow(
	    row->endpoints, row->endpoint_count, sizeof(*row->endpoints));
	row->endpoints[n] = (struct endpoint_state){
		.id = mem_strdup(known->endpoint),
		.breaker = known->breaker,
		.rests = breaker_rests(&known->breaker, &row->webhook->breaker),
	};
	return 0;
}

static int by_id(const void *a, const void *b)
{
	return strcmp(((const struct webhook_row *)a)->id,
	    ((const struct webhook_row *)b)->id);
}

static int read_webhooks(
    struct overview *o, struct store *store, struct why *why)
{
	int64_t since_ms = o->now_ms - RECENT_MS;

	o->all.oldest_ms = -1;
	if (store_counts(store, keep_counts, o, why) < 0)
		return -1;
	for (size_t i = 0; i < o->conf->webhook_count; i++) {
		if (!find_row(o, o->conf->webhooks[i]->id))
			add_row(o, o->conf->webhooks[i]->id);
	}
	if (o->count)
		qsort(o->rows, o->count, sizeof(*o->rows), by_id);
	if (store_endpoints(store, NULL, keep_endpoint, o, why) < 0)
		return -1;
	if (store_recent(store, since_ms, &o->recent_ms, keep_recent, o, why) <
	    0)
		return -1;
	o->recent_cut = o->recent_ms > since_ms;
	return 0;
}

/* ---- notes ------------------------------------------------------------- */

static int keep_note(void *arg, const char *name, const char *value, int64_t ms)
{
	struct overview *o = arg;
	const struct {
		const char *name;
		struct daemon_note *note;
	} notes[] = {
		{ "daemon/started", &o->started },
		{ "daemon/generation", &o->generation },
		{ "daemon/reload", &o->reload },
		{ "daemon/heartbeat", &o->heartbeat },
	};

	for (size_t i = 0; i < sizeof(notes) / sizeof(*notes); i++) {
		if (strcmp(notes[i].name, name) != 0)
			continue;
		notes[i].note->value = mem_strdup(value);
		notes[i].note->ms = ms;
	}
	return 0;
}

static void add_trouble(
    struct overview *o, const char *what, char *message, int64_t since_ms)
{
	size_t n = o->trouble_count++;

	o->troubles =
	    mem_grow(o->troubles, o->trouble_count, sizeof(*o->troubles));
	o->troubles[n] = (struct trouble_row){
		.what = mem_strdup(what),
		.message = message,
		.since_ms = since_ms,
	};
}

static int keep_trouble(
    void *arg, const char *name, const char *value, int64_t ms)
{
	add_trouble(arg, strchr(name, '/') + 1, mem_strdup(value), ms);
	return 0;
}

static void add_pause(struct overview *o, size_t i)
{
	const struct pause *pause = &o->pauses.all[i].pause;
	const char *webhook = o->pauses.all[i].webhook;
	char when[TEXT_TIME_SIZE] = "somebody resumes it";
	char *message;

	if (pause->until_ms)
		text_local_time(when, pause->until_ms);
	message = mem_printf("%s is paused by %s until %s%s%s", webhook,
	    pause->by, when, *pause->reason ? ": " : "", pause->reason);
	add_trouble(o, webhook, message, o->pauses.all[i].since_ms);
}

static int read_notes(struct overview *o, struct store *store, struct why *why)
{
	o->started.ms = o->generation.ms = -1;
	o->reload.ms = o->heartbeat.ms = -1;
	if (store_notes(store, "daemon/", keep_note, o, why) < 0 ||
	    store_notes(store, "trouble/", keep_trouble, o, why) < 0)
		return -1;
	for (size_t i = 0; i < o->pauses.count; i++)
		add_pause(o, i);
	return 0;
}

int overview_read(struct overview *o, struct store *store, struct why *why)
{
	o->now_ms = now_wall_ms();
	o->pid = desk_daemon(o->conf);
	if (store_totals(store, &o->events, &o->unmatched, &o->mails, why) < 0)
		return -1;
	if (desk_pauses(store, &o->pauses, why) < 0)
		return -1;
	if (read_webhooks(o, store, why) < 0)
		return -1;
	return read_notes(o, store, why);
}

static void clear_row(struct webhook_row *row)
{
	for (size_t i = 0; i < row->endpoint_count; i++)
		free(row->endpoints[i].id);
	free(row->endpoints);
	free(row->id);
	free(row->last_code);
}

void overview_clear(struct overview *o)
{
	for (size_t i = 0; i < o->count; i++)
		clear_row(&o->rows[i]);
	for (size_t i = 0; i < o->trouble_count; i++) {
		free(o->troubles[i].what);
		free(o->troubles[i].message);
	}
	free(o->rows);
	free(o->troubles);
	free(o->started.value);
	free(o->generation.value);
	free(o->reload.value);
	free(o->heartbeat.value);
	pauses_clear(&o->pauses);
}

/* ---- judgements -------------------------------------------------------- */

int64_t overview_queued(const struct webhook_counts *counts)
{
	return counts->by_state[STATE_CHAINED] +
	    counts->by_state[STATE_WAITING] - counts->deferred;
}

const char *overview_state(const struct webhook_row *row)
{
	if (!row->webhook)
		return "not configured";
	return row->webhook->enabled ? "enabled" : "disabled";
}

bool overview_rests(const struct webhook_row *row)
{
	for (size_t i = 0; i < row->endpoint_count; i++) {
		if (row->endpoints[i].rests)
			return true;
	}
	return false;
}

const char *overview_refusal(const struct overview *o)
{
	const char *at = o->reload.value;

	if (!at || !text_starts(at, "failed "))
		return NULL;
	at = strchr(at + strlen("failed "), ' ');
	return at ? at + 1 : "";
}

bool overview_silent(const struct overview *o)
{
	return o->pid && o->heartbeat.ms >= 0 &&
	    o->now_ms - o->heartbeat.ms > HEARTBEAT_LATE_MS;
}
