/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * cmd/metrics: the numbers in Prometheus' text format, on stdout or, for the
 * textfile collector, in a file that is replaced whole. Counters come from the
 * store and only grow, over restarts and pruning. Labels hold names of the
 * configuration and closed sets of words, never ids, URLs or texts from events,
 * so a scrape has as many series as there are endpoints. Reads only.
 */
#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/now.h"
#include "base/say.h"
#include "base/text.h"
#include "base/version.h"
#include "cmd/desk.h"
#include "cmd/verb.h"
#include "cmd/vitals.h"
#include "port/store_meter.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static const struct verb_option options[] = {
	{ .letter = 'o',
	    .name = "output",
	    .argument = "FILE",
	    .help = "write there, for the textfile collector (mode 0644)" },
	{ .name = NULL },
};

enum { TEXT_MAX = 64 * 1024 * 1024 };

struct page {
	const struct conf *conf;
	struct store *store;
	struct vitals vitals;
	int64_t now_ms;
	struct buf text;
	/* The families that are filled endpoint by endpoint. */
	struct buf attempts, deliveries, durations, successes, rests;
	struct meter sum; /* of the webhook's endpoints so far */
	char *webhook; /* that `sum` is of */
};

static void family(
    struct buf *out, const char *name, const char *type, const char *help)
{
	buf_printf(out, "# HELP spoolhook_%s %s\n# TYPE spoolhook_%s %s\n",
	    name, help, name, type);
}

static void sample(struct buf *out, const char *name, int64_t value)
{
	buf_printf(out, "spoolhook_%s %lld\n", name, (long long)value);
}

/* A metric without labels. */
static void put(struct page *page, const char *name, const char *type,
    const char *help, int64_t value)
{
	family(&page->text, name, type, help);
	sample(&page->text, name, value);
}

/* Milliseconds as seconds. */
static void put_seconds(struct buf *out, int64_t ms)
{
	buf_printf(
	    out, "%lld.%03lld\n", (long long)ms / 1000, (long long)ms % 1000);
}

/* A moment without labels; -1: it never was, and there is no metric. */
static void put_moment(
    struct page *page, const char *name, const char *help, int64_t ms)
{
	if (ms < 0)
		return;
	family(&page->text, name, "gauge", help);
	buf_printf(&page->text, "spoolhook_%s ", name);
	put_seconds(&page->text, ms);
}

/* ---- from the store's counters ----------------------------------------- */

/* Webhook and endpoint ids need no escapes (id_is_name). */
static void put_attempts(struct page *page, const struct meter *m)
{
	static const enum outcome outcomes[] = { OUTCOME_DELIVERED,
		OUTCOME_DEFERRED, OUTCOME_DEAD };

	for (size_t i = 0; i < sizeof(outcomes) / sizeof(*outcomes); i++)
		buf_printf(&page->attempts,
		    "spoolhook_attempts_total{webhook=\"%s\",endpoint=\"%s\","
		    "result=\"%s\"} %lld\n",
		    m->webhook, m->endpoint, outcome_word(outcomes[i]),
		    (long long)m->attempts[outcomes[i]]);
	buf_printf(&page->deliveries,
	    "spoolhook_deliveries_total{webhook=\"%s\",endpoint=\"%s\","
	    "result=\"delivered\"} %lld\n"
	    "spoolhook_deliveries_total{webhook=\"%s\",endpoint=\"%s\","
	    "result=\"dead\"} %lld\n",
	    m->webhook, m->endpoint, (long long)m->delivered, m->webhook,
	    m->endpoint, (long long)m->dead);
	if (m->last_success_ms < 0)
		return;
	buf_printf(&page->successes,
	    "spoolhook_last_success_timestamp_seconds{webhook=\"%s\","
	    "endpoint=\"%s\"} ",
	    m->webhook, m->endpoint);
	put_seconds(&page->successes, m->last_success_ms);
}

/* The histogram of the webhook that is complete now. */
static void put_durations(struct page *page)
{
	const struct meter *sum = &page->sum;
	struct buf *out = &page->durations;
	int64_t count = 0;
	int i;

	if (!page->webhook)
		return;
	for (i = 0; i <= OUTCOME_DEAD; i++)
		count += sum->attempts[i];
	for (i = 0; i < METER_BOUNDS; i++)
		buf_printf(out,
		    "spoolhook_attempt_duration_seconds_bucket{webhook=\"%s\","
		    "le=\"%g\"} %lld\n",
		    page->webhook, (double)meter_bounds_ms[i] / 1000,
		    (long long)sum->within[i]);
	buf_printf(out,
	    "spoolhook_attempt_duration_seconds_bucket{webhook=\"%s\","
	    "le=\"+Inf\"} %lld\n"
	    "spoolhook_attempt_duration_seconds_sum{webhook=\"%s\"} ",
	    page->webhook, (long long)count, page->webhook);
	put_seconds(out, sum->sum_ms);
	buf_printf(out,
	    "spoolhook_attempt_duration_seconds_count{webhook=\"%s\"} %lld\n",
	    page->webhook, (long long)count);
}

static void begin_webhook(struct page *page, const char *webhook)
{
	put_durations(page);
	free(page->webhook);
	page->webhook = mem_strdup(webhook);
	page->sum = (struct meter){ 0 };
}

static int add_meter(void *arg, const struct meter *m)
{
	struct page *page = arg;
	int i;

	if (!page->webhook || strcmp(page->webhook, m->webhook) != 0)
		begin_webhook(page, m->webhook);
	for (i = 0; i <= OUTCOME_DEAD; i++)
		page->sum.attempts[i] += m->attempts[i];
	for (i = 0; i < METER_BOUNDS; i++)
		page->sum.within[i] += m->within[i];
	page->sum.sum_ms += m->sum_ms;
	put_attempts(page, m);
	return 0;
}

static void join(struct page *page, struct buf *part, const char *name,
    const char *type, const char *help)
{
	if (!part->len)
		return;
	family(&page->text, name, type, help);
	buf_add(&page->text, part->data, part->len);
}

static int put_meters(struct page *page, struct why *why)
{
	if (store_meters(page->store, add_meter, page, why) < 0)
		return -1;
	begin_webhook(page, NULL);
	join(page, &page->attempts, "attempts_total", "counter",
	    "HTTP calls that were made, by what came of the delivery.");
	join(page, &page->deliveries, "deliveries_total", "counter",
	    "Deliveries that ended.");
	join(page, &page->durations, "attempt_duration_seconds", "histogram",
	    "How long HTTP calls took.");
	join(page, &page->successes, "last_success_timestamp_seconds", "gauge",
	    "When an endpoint last took a delivery.");
	return 0;
}

static int add_accepted(
    void *arg, const char *name, const char *label, int64_t value)
{
	struct page *page = arg;

	if (strcmp(name, "accepted") == 0)
		buf_printf(&page->text,
		    "spoolhook_events_accepted_total{event_type=\"%s\"} "
		    "%lld\n",
		    label, (long long)value);
	return 0;
}

/* What the daemon counted; a label that never came is told as 0, so that its
 * first increase is seen. */
struct series {
	struct page *page;
	const char *name; /* in the store */
	const char *const *labels; /* NULL-ended */
	int64_t values[16];
};

static int add_value(
    void *arg, const char *name, const char *label, int64_t value)
{
	struct series *series = arg;
	size_t i;

	for (i = 0; strcmp(name, series->name) == 0 && series->labels[i]; i++) {
		if (strcmp(series->labels[i], label) == 0)
			series->values[i] = value;
	}
	return 0;
}

static int put_series(struct series *series, const char *metric,
    const char *key, const char *help, struct why *why)
{
	struct page *page = series->page;
	size_t i;

	family(&page->text, metric, "counter", help);
	if (store_sums(page->store, add_value, series, why) < 0)
		return -1;
	for (i = 0; series->labels[i]; i++)
		buf_printf(&page->text, "spoolhook_%s{%s=\"%s\"} %lld\n",
		    metric, key, series->labels[i],
		    (long long)series->values[i]);
	return 0;
}

static int put_counted(struct page *page, struct why *why)
{
	static const char *const codes[] = { "syntax", "utf8", "truncated",
		"too_deep", "too_large", "not_event", "unsupported",
		"not_regular", "several_links", "other", NULL };
	static const char *const results[] = { "sent", "failed", NULL };
	struct series rejected = { page, "rejected", codes, { 0 } };
	struct series mails = { page, "mail", results, { 0 } };

	if (put_series(&rejected, "events_rejected_total", "code",
		"Dropped files, and lines of them, that were refused.",
		why) < 0)
		return -1;
	return put_series(&mails, "mails_total", "result",
	    "Tries to send a failure mail.", why);
}

static int add_sum(
    void *arg, const char *name, const char *label, int64_t value)
{
	struct page *page = arg;

	(void)label;
	if (strcmp(name, "unmatched") == 0)
		put(page, "events_unmatched_total", "counter",
		    "Accepted events that no webhook took.", value);
	if (strcmp(name, "mails") == 0)
		put(page, "mails_queued_total", "counter",
		    "Failure mails that were queued.", value);
	return 0;
}

static int put_sums(struct page *page, struct why *why)
{
	family(&page->text, "events_accepted_total", "counter",
	    "Events that were accepted.");
	if (store_sums(page->store, add_accepted, page, why) < 0)
		return -1;
	if (store_sums(page->store, add_sum, page, why) < 0)
		return -1;
	return put_counted(page, why);
}

/* ---- the moment -------------------------------------------------------- */

static void put_queue(struct page *page)
{
	const struct vitals *v = &page->vitals;
	const struct {
		const char *state;
		int64_t value;
	} states[] = { { "queued", v->queued }, { "deferred", v->deferred },
		{ "active", v->active }, { "held", v->held } };

	family(&page->text, "queue_deliveries", "gauge",
	    "Deliveries that are not final, by state.");
	for (size_t i = 0; i < sizeof(states) / sizeof(*states); i++)
		buf_printf(&page->text,
		    "spoolhook_queue_deliveries{state=\"%s\"} %lld\n",
		    states[i].state, (long long)states[i].value);
}

static int add_age(void *arg, const struct webhook_counts *counts)
{
	struct page *page = arg;
	int64_t age = counts->oldest_ms >= 0 && counts->oldest_ms < page->now_ms
	    ? page->now_ms - counts->oldest_ms
	    : 0;

	buf_printf(&page->text,
	    "spoolhook_queue_oldest_seconds{webhook=\"%s\"} ", counts->webhook);
	put_seconds(&page->text, age);
	return 0;
}

static int put_ages(struct page *page, struct why *why)
{
	size_t before = page->text.len;
	int64_t calls;

	family(&page->text, "queue_oldest_seconds", "gauge",
	    "Age of the oldest delivery that is not final, 0 for none.");
	calls = store_counts(page->store, add_age, page, why);
	if (!calls)
		page->text.len = before;
	return calls < 0 ? -1 : 0;
}

static int put_pauses(struct page *page, struct why *why)
{
	const struct conf *conf = page->conf;
	struct pauses pauses;

	if (desk_pauses(page->store, &pauses, why) < 0)
		return -1;
	if (conf->webhook_count)
		family(&page->text, "webhook_paused", "gauge",
		    "1 for a webhook that an operator paused.");
	for (size_t i = 0; i < conf->webhook_count; i++)
		buf_printf(&page->text,
		    "spoolhook_webhook_paused{webhook=\"%s\"} %d\n",
		    conf->webhooks[i]->id,
		    pauses_find(&pauses, conf->webhooks[i]->id) != NULL);
	pauses_clear(&pauses);
	return 0;
}

/* Those of the configuration only: nothing is sent to others. */
static int add_rest(void *arg, const struct endpoint_row *row)
{
	struct page *page = arg;
	const struct webhook *webhook = conf_webhook(page->conf, row->webhook);

	if (webhook && webhook_endpoint(webhook, row->endpoint))
		buf_printf(&page->rests,
		    "spoolhook_endpoint_resting{webhook=\"%s\",endpoint="
		    "\"%s\"} %d\n",
		    row->webhook, row->endpoint,
		    breaker_rests(&row->breaker, &webhook->breaker));
	return 0;
}

static int put_webhooks(struct page *page, struct why *why)
{
	if (put_pauses(page, why) < 0 ||
	    store_endpoints(page->store, NULL, add_rest, page, why) < 0)
		return -1;
	join(page, &page->rests, "endpoint_resting", "gauge",
	    "1 while nothing but a probe is sent to an endpoint, for attempts "
	    "in a row failed.");
	return 0;
}

static void put_daemon(struct page *page)
{
	const struct vitals *v = &page->vitals;

	family(&page->text, "build_info", "gauge",
	    "The version, as a label of the constant 1.");
	buf_puts(
	    &page->text, "spoolhook_build_info{version=\"" VERSION "\"} 1\n");
	put(page, "up", "gauge",
	    "1 when a daemon runs and gives signs of life.", vitals_alive(v));
	put_moment(page, "last_scan_timestamp_seconds",
	    "Last sign of life of what sweeps the drop boxes.",
	    v->heartbeat_ms);
	put_moment(page, "start_time_seconds", "When the daemon was ready.",
	    v->started_ms);
	if (v->started_ms >= 0) {
		put(page, "config_generation", "gauge",
		    "How often this daemon has loaded its configuration.",
		    v->generation);
		put(page, "config_last_load_successful", "gauge",
		    "0 after a reload that was refused.", !v->reload_failed);
		put_moment(page, "config_last_load_success_timestamp_seconds",
		    "When the configuration in use was loaded.", v->loaded_ms);
	}
	/* A textfile outlives a daemon; this shows how old the numbers are. */
	put_moment(page, "metrics_timestamp_seconds",
	    "When these metrics were written.", page->now_ms);
}

static void put_spool(struct page *page)
{
	const struct vitals *v = &page->vitals;

	put(page, "stored_events", "gauge", "Events in the store.", v->events);
	put(page, "dead_deliveries", "gauge",
	    "Deliveries that died in the last 24 hours and still are dead.",
	    v->dead);
	put(page, "rejected_files", "gauge",
	    "Dropped files that were refused and are kept.", v->rejected_files);
	put(page, "mails_waiting", "gauge",
	    "Failure mails that wait to be sent.", v->mails);
	put(page, "troubles", "gauge",
	    "What is in the way, as status lists it.", v->troubles);
	put(page, "spool_bytes", "gauge", "Size of the spool's database.",
	    v->spool_bytes);
	if (v->free_bytes >= 0)
		put(page, "spool_free_bytes", "gauge",
		    "Free space on the spool's file system.", v->free_bytes);
}

static int fill(struct page *page, struct why *why)
{
	if (vitals_read(
		&page->vitals, page->conf, page->store, page->now_ms, why) < 0)
		return -1;
	put_daemon(page);
	if (put_sums(page, why) < 0 || put_meters(page, why) < 0)
		return -1;
	put_queue(page);
	if (put_ages(page, why) < 0)
		return -1;
	if (put_webhooks(page, why) < 0)
		return -1;
	put_spool(page);
	return 0;
}

/* ---- output ------------------------------------------------------------ */

static int write_out(const struct args *args, const struct page *page)
{
	const char *path = args_value(args, "output");
	mode_t old;
	struct why why;
	int got;

	if (!path) {
		fputs(buf_text(&page->text), stdout);
		return EXIT_OK;
	}
	/* The collector is another user, whatever our umask is. */
	old = umask(0022);
	got = file_write(
	    AT_FDCWD, path, buf_text(&page->text), page->text.len, 0644, &why);
	umask(old);
	if (got == 0)
		return EXIT_OK;
	say_error("%s", why.text);
	return errno == EACCES ? EXIT_NOT_PERMITTED : EXIT_CANNOT_CREATE;
}

static void clear(struct page *page)
{
	buf_clear(&page->text);
	buf_clear(&page->attempts);
	buf_clear(&page->deliveries);
	buf_clear(&page->durations);
	buf_clear(&page->successes);
	buf_clear(&page->rests);
	free(page->webhook);
}

static int make(const struct args *args, const struct conf *conf)
{
	struct page page = { .conf = conf, .now_ms = now_wall_ms() };
	struct why why = { "" };
	int code = EXIT_OK;

	page.text = page.attempts = page.deliveries = page.durations =
	    page.successes = page.rests = (struct buf)BUF_INIT(TEXT_MAX);
	page.store = verb_store(args, conf, false, &code);
	if (!page.store)
		return code;
	if (fill(&page, &why) < 0) {
		say_error("%s", why.text);
		code = EXIT_IO;
	} else {
		code = write_out(args, &page);
	}
	store_close(page.store);
	clear(&page);
	return code;
}

static int run(const struct args *args)
{
	struct conf *conf;
	int code;

	if (args->operand_count)
		return verb_usage(args,
		    "unexpected argument \"%.64s\"; -o FILE names an output "
		    "file",
		    args->operands[0]);
	conf = verb_conf(args, &code);
	if (!conf)
		return code;
	code = make(args, conf);
	conf_free(conf);
	return verb_finish(code);
}

const struct verb verb_metrics = {
	.name = "metrics",
	.group = "Service",
	.operands = "",
	.summary = "print the numbers for Prometheus",
	.options = options,
	.run = run,
};
