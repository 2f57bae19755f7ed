/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * cmd/report_overview: the first tab: how it went, in tiles and pictures. It
 * turns the numbers of the period into what model/chart draws, and says of
 * each picture in a sentence what is to be seen. Reads nothing, owns nothing.
 */
#include "cmd/report.h"

#include "base/mem.h"
#include "base/text.h"
#include "model/chart.h"
#include "model/html.h"

#include <stdio.h>
#include <string.h>

enum { SUMMARY_MAX = 1024, DAY_MS = 24 * 60 * 60 * 1000 };
enum { SHARES_MAX = 64, SHARE_NAME_SIZE = 48 };

struct overview {
	struct report *report;
	const struct tally *tally;
	struct buf *out;
	char slots[TALLY_SLOTS_MAX][CHART_SLOT_SIZE];
};

static void name_slots(struct overview *o)
{
	int len = o->tally->slot_ms >= DAY_MS ? 10 : 16;

	for (int i = 0; i < o->tally->slot_count; i++) {
		char local[TEXT_TIME_SIZE];

		text_local_time(local, tally_slot_ms(o->tally, i));
		snprintf(o->slots[i], CHART_SLOT_SIZE, "%.*s", len, local);
	}
}

/* ---- tiles ------------------------------------------------------------- */

static void tile(
    struct buf *out, const char *name, const char *mark, const char *value)
{
	html_put(out, "<div class=\"%s\"><dt>%s</dt><dd>%s</dd></div>\n", mark,
	    name, value);
}

static void tile_count(
    struct buf *out, const char *name, const char *mark, int64_t count)
{
	auto_buf struct buf text = BUF_INIT(64);

	html_put(&text, "%'lld", (long long)count);
	tile(out, name, mark, buf_text(&text));
}

static void tile_span(struct buf *out, const char *name, int64_t ms)
{
	char span[TEXT_DURATION_SIZE];

	tile(out, name, "", ms < 0 ? "-" : text_short_duration(span, ms));
}

static void tile_success(struct buf *out, const struct tally *tally)
{
	int success = tally_success(tally);
	char text[16];

	snprintf(text, sizeof(text), "%d.%d %%", success / 10, success % 10);
	tile(out, "success rate", "", success < 0 ? "-" : text);
}

static void tiles(const struct overview *o)
{
	const struct tally *tally = o->tally;
	const struct report *report = o->report;

	buf_puts(o->out, "<dl class=\"tiles\">\n");
	tile_count(o->out, "delivered", "good", tally->delivered);
	tile_count(o->out, "dead", tally->dead ? "bad" : "good", tally->dead);
	tile_count(o->out, "needed a retry", "", tally->retried);
	tile_success(o->out, tally);
	tile_span(o->out, "p50 of calls", spread_at(&tally->durations, 50));
	tile_span(o->out, "p95 of calls", spread_at(&tally->durations, 95));
	tile_count(o->out, "waiting now", "", report_open(report->by_state));
	tile_span(o->out, "oldest waiting",
	    report->oldest_ms < 0 ? -1 : report->now_ms - report->oldest_ms);
	buf_puts(o->out, "</dl>\n");
}

/* ---- what is in the way ------------------------------------------------ */

/* Begins an item of the list; false when it is long enough. */
static bool item(const struct overview *o, size_t *count)
{
	if (++*count > REPORT_NEWS_MAX)
		return false;
	buf_puts(o->out, "<li>");
	return true;
}

static void list_pauses(const struct overview *o, size_t *count)
{
	const struct pauses *pauses = &o->report->pauses;

	for (size_t i = 0; i < pauses->count; i++) {
		const char *id = pauses->all[i].webhook;

		if (!report_about(o->report, id) || !item(o, count))
			continue;
		html_put(o->out, "<b>%s</b>: ", id);
		report_pause(o->report, i);
		buf_puts(o->out, "</li>\n");
	}
}

static void list_rests(const struct overview *o, size_t *count)
{
	for (size_t i = 0; i < o->report->rest_count; i++) {
		if (!item(o, count))
			continue;
		report_rest(o->report, &o->report->rests[i]);
		buf_puts(o->out, "</li>\n");
	}
}

static void list_strays(const struct overview *o, size_t *count)
{
	const struct report *report = o->report;

	for (size_t i = 0; i < report->count_count; i++) {
		const struct report_counts *row = &report->counts[i];

		if (conf_webhook(report->conf, row->webhook) ||
		    !report_open(row->by_state) || !item(o, count))
			continue;
		html_put(o->out,
		    "<b>%s</b>: no longer configured, %'lld waiting.</li>\n",
		    row->webhook, (long long)report_open(row->by_state));
	}
}

static void news(const struct overview *o)
{
	size_t count = 0;

	buf_puts(o->out, "<div class=\"news\"><h3>In the way now</h3><ul>\n");
	if (!o->report->running && report_open(o->report->by_state) &&
	    item(o, &count))
		buf_puts(o->out,
		    "The daemon is not running: nothing is sent.</li>\n");
	list_pauses(o, &count);
	list_rests(o, &count);
	list_strays(o, &count);
	if (count > REPORT_NEWS_MAX) {
		html_put(o->out, "<li>And %zu more: <code>",
		    count - REPORT_NEWS_MAX);
		report_command(o->report, "status", NULL);
		buf_puts(o->out, "</code></li>\n");
	}
	if (!count)
		buf_puts(o->out, "<li>Nothing.</li>\n");
	buf_puts(o->out, "</ul></div>\n");
}

/* ---- over time --------------------------------------------------------- */

static const char *plural(int64_t count, const char *one, const char *more)
{
	return count == 1 ? one : more;
}

static void outcomes(const struct overview *o)
{
	const struct tally *tally = o->tally;
	auto_buf struct buf summary = BUF_INIT(SUMMARY_MAX);
	int64_t delivered[TALLY_SLOTS_MAX];
	int64_t deferred[TALLY_SLOTS_MAX];
	int64_t dead[TALLY_SLOTS_MAX];
	char span[TEXT_DURATION_SIZE];
	const struct chart_series series[] = {
		{ "delivered", "m-delivered", delivered },
		{ "deferred", "m-deferred", deferred },
		{ "dead", "m-dead", dead },
	};

	for (int i = 0; i < tally->slot_count; i++) {
		delivered[i] = tally->slots[i].delivered;
		deferred[i] = tally->slots[i].deferred;
		dead[i] = tally->slots[i].dead;
	}
	if (!tally->delivered && !tally->dead && !tally->deferred)
		buf_puts(&summary, "Nothing was sent in this period.");
	else
		html_put(&summary,
		    "%'lld %s delivered, %'lld died, and %'lld %s failed and %s tried "
		    "again. Each bar is %s.",
		    (long long)tally->delivered,
		    plural(tally->delivered, "delivery was", "deliveries were"),
		    (long long)tally->dead, (long long)tally->deferred,
		    plural(tally->deferred, "call", "calls"),
		    plural(tally->deferred, "was", "were"),
		    text_exact_duration(span, tally->slot_ms));
	chart_bars(o->out,
	    &(struct chart){ "What became of deliveries", buf_text(&summary),
		false, (const char(*)[CHART_SLOT_SIZE])o->slots,
		tally->slot_count, series, 3 });
}

static void latency(const struct overview *o)
{
	const struct tally *tally = o->tally;
	auto_buf struct buf summary = BUF_INIT(SUMMARY_MAX);
	int64_t p50[TALLY_SLOTS_MAX];
	int64_t p95[TALLY_SLOTS_MAX];
	char half[TEXT_DURATION_SIZE];
	char most[TEXT_DURATION_SIZE];
	const struct chart_series series[] = {
		{ "p95", "m-p95", p95 },
		{ "p50", "m-p50", p50 },
	};

	for (int i = 0; i < tally->slot_count; i++) {
		p50[i] = spread_at(&tally->slots[i].durations, 50);
		p95[i] = spread_at(&tally->slots[i].durations, 95);
	}
	if (tally->durations.total)
		buf_printf(&summary,
		    "Of the calls that delivered, half took at most %s, and 95 "
		    "of 100 at most %s.",
		    text_short_duration(half, spread_at(&tally->durations, 50)),
		    text_short_duration(
			most, spread_at(&tally->durations, 95)));
	else
		buf_puts(&summary, "No call delivered in this period.");
	chart_lines(o->out,
	    &(struct chart){ "How long calls took", buf_text(&summary), true,
		(const char(*)[CHART_SLOT_SIZE])o->slots, tally->slot_count,
		series, 2 });
}

/* ---- answers ----------------------------------------------------------- */

struct shares {
	struct chart_share rows[SHARES_MAX];
	char names[SHARES_MAX][SHARE_NAME_SIZE];
	size_t count;
};

static void add_share(
    struct shares *shares, const char *mark, int64_t count, const char *name)
{
	size_t at = shares->count;

	if (!count || at == SHARES_MAX)
		return;
	snprintf(shares->names[at], SHARE_NAME_SIZE, "%s", name);
	shares->rows[at] =
	    (struct chart_share){ shares->names[at], mark, count };
	shares->count++;
}

static void answers(const struct overview *o)
{
	auto_free struct shares *shares = mem_zalloc(sizeof(*shares));
	const struct tally *tally = o->tally;
	auto_buf struct buf summary = BUF_INIT(SUMMARY_MAX);
	char name[SHARE_NAME_SIZE];

	for (int i = 1; i <= TALLY_STATUS_MAX; i++) {
		snprintf(name, sizeof(name), "HTTP %d", i);
		add_share(shares,
		    i >= 200 && i < 300 ? "m-delivered" : "m-dead",
		    tally->by_status[i], name);
	}
	for (size_t i = 0; i < tally->fault_count; i++) {
		snprintf(name, sizeof(name), "none: %s",
		    *tally->faults[i].word ? tally->faults[i].word : "unknown");
		add_share(shares, "m-deferred", tally->faults[i].count, name);
	}
	if (!tally->attempts)
		buf_puts(&summary, "No call was made in this period.");
	else
		html_put(&summary, "%'lld %s, %'lld without an HTTP answer.",
		    (long long)tally->attempts,
		    plural(tally->attempts, "call", "calls"),
		    (long long)tally->by_status[0]);
	chart_shares(o->out, "What endpoints answered", buf_text(&summary),
	    shares->rows, shares->count);
}

/* ---- failures ---------------------------------------------------------- */

struct failures {
	struct chart_strip rows[REPORT_STRIPS_MAX];
	int64_t all[REPORT_STRIPS_MAX][TALLY_SLOTS_MAX];
	int64_t bad[REPORT_STRIPS_MAX][TALLY_SLOTS_MAX];
	char names[REPORT_STRIPS_MAX][160];
	size_t count;
};

static void add_endpoint(
    struct failures *failures, const struct tally_endpoint *endpoint, int slots)
{
	size_t at = failures->count++;

	for (int i = 0; i < slots; i++) {
		failures->all[at][i] = endpoint->slots[i].attempts;
		failures->bad[at][i] = endpoint->slots[i].failed;
	}
	snprintf(failures->names[at], sizeof(failures->names[at]), "%s/%s",
	    endpoint->webhook, endpoint->endpoint);
	failures->rows[at] = (struct chart_strip){ failures->names[at],
		failures->all[at], failures->bad[at] };
}

static void sum_up(struct buf *summary, const struct tally *tally)
{
	const struct tally_endpoint *worst =
	    tally->endpoint_count ? tally->endpoints[0] : NULL;
	size_t bad = 0;

	while (bad < tally->endpoint_count && tally->endpoints[bad]->failed)
		bad++;
	if (!bad) {
		buf_puts(summary, "No call failed in this period.");
		return;
	}
	html_put(summary,
	    "%zu of %zu endpoints had calls that failed; most of all %s/%s: "
	    "%'lld of %'lld.",
	    bad, tally->endpoint_count, worst->webhook, worst->endpoint,
	    (long long)worst->failed, (long long)worst->attempts);
	if (tally->endpoint_count > REPORT_STRIPS_MAX)
		buf_printf(
		    summary, " The first %d are shown.", REPORT_STRIPS_MAX);
}

static void failures(const struct overview *o)
{
	auto_free struct failures *failures = mem_zalloc(sizeof(*failures));
	auto_buf struct buf summary = BUF_INIT(SUMMARY_MAX);
	const struct tally *tally = o->tally;

	for (size_t i = 0; i < tally->endpoint_count && i < REPORT_STRIPS_MAX;
	     i++)
		add_endpoint(failures, tally->endpoints[i], tally->slot_count);
	sum_up(&summary, tally);
	chart_strips(o->out,
	    &(struct chart_strips){ "Which endpoint failed when",
		buf_text(&summary), (const char(*)[CHART_SLOT_SIZE])o->slots,
		tally->slot_count, failures->rows, failures->count });
}

void report_overview(struct report *report)
{
	struct overview o = {
		.report = report,
		.tally = &report->tally,
		.out = &report->page.text,
	};

	name_slots(&o);
	buf_puts(o.out,
	    "<section id=\"p0\" aria-label=\"Overview\"><h2>Overview</h2>\n");
	tiles(&o);
	news(&o);
	buf_puts(o.out, "<div class=\"charts\">\n");
	outcomes(&o);
	latency(&o);
	failures(&o);
	answers(&o);
	buf_puts(o.out, "</div></section>\n");
	page_pass(&report->page);
}
