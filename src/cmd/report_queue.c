/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * cmd/report_queue: what waits now, the oldest first, and what is dead, the
 * newest first, whenever it happened. Rows are written as they are read, at
 * most `entries_max` of each. Reads only.
 */
#include "cmd/report.h"

#include "base/text.h"
#include "model/html.h"

#include <string.h>

struct lines {
	struct report *report;
	struct buf *out;
	bool failed;
};

static bool is_paused(const struct report *report, const char *webhook)
{
	return pauses_find(&report->pauses, webhook) != NULL;
}

/* Its own time may have come, while something else keeps it. */
static void write_due(struct report *report, const struct delivery_row *row)
{
	const struct report_rest *rest =
	    report_rest_of(report, row->webhook, row->endpoint);
	struct buf *out = &report->page.text;
	int64_t due_ms = row->due_ms;
	char span[TEXT_DURATION_SIZE];

	if (is_paused(report, row->webhook)) {
		buf_puts(out, "when it is resumed");
		return;
	}
	if (rest)
		buf_puts(out, "endpoint rests; ");
	if (rest && rest->breaker.until_ms > due_ms)
		due_ms = rest->breaker.until_ms;
	if (due_ms > report->now_ms)
		html_put(out, "in %s",
		    text_short_duration(span, due_ms - report->now_ms));
	else
		buf_puts(out, rest ? "probe due" : "now");
}

void report_next(struct report *report, const struct delivery_row *row)
{
	struct buf *out = &report->page.text;

	switch (row->state) {
	case STATE_CHAINED:
		buf_puts(out, "after the incident's earlier one");
		return;
	case STATE_WAITING:
		write_due(report, row);
		return;
	case STATE_ACTIVE:
		buf_puts(out, "under way");
		return;
	case STATE_HELD:
		buf_puts(out,
		    row->due_ms < 0 ? "when its endpoint is configured"
				    : "when it is released");
		return;
	case STATE_DELIVERED:
	case STATE_DEAD:
		buf_puts(out, "none");
		return;
	}
}

static void write_last(struct buf *out, const struct delivery_row *row)
{
	if (row->last_status)
		html_put(out, "HTTP %d", row->last_status);
	else if (row->last_code && *row->last_code)
		html_put(out, "%s", row->last_code);
	report_error(out, row->last_status, row->last_error);
}

static int write_line(void *arg, const struct delivery_row *row)
{
	struct lines *lines = arg;
	struct buf *out = lines->out;

	buf_puts(out, "<tr><td>");
	report_time(lines->report, row->accepted_ms);
	buf_puts(out, "</td><td>");
	report_badge(out, state_word(row->state, row->tries));
	buf_puts(out, "</td><td>");
	report_target(out, row->webhook, row->endpoint);
	buf_puts(out, "</td><td>");
	report_text(out, row->event_type);
	html_put(
	    out, "</td><td class=\"n\">%d</td><td class=\"next\">", row->tries);
	report_next(lines->report, row);
	buf_puts(out, "</td><td>");
	write_last(out, row);
	html_put(out, "</td><td class=\"id\"><code>%s</code></td></tr>\n",
	    row->delivery);
	lines->failed = page_pass(&lines->report->page) < 0;
	return lines->failed;
}

static int write_table(struct report *report, const char *label,
    const struct delivery_query *query)
{
	struct lines lines = { report, &report->page.text, false };
	int64_t told;

	html_put(lines.out,
	    "<div class=\"wide\" role=\"region\" aria-label=\"%s\" "
	    "tabindex=\"0\"><table><thead><tr><th scope=\"col\">accepted</th>"
	    "<th scope=\"col\">state</th><th scope=\"col\">endpoint</th>"
	    "<th scope=\"col\">event</th><th scope=\"col\" class=\"n\">tries"
	    "</th><th scope=\"col\">next try</th><th scope=\"col\">last answer"
	    "</th><th scope=\"col\">delivery</th></tr></thead><tbody>\n",
	    label);
	told = store_deliveries(
	    report->store, query, write_line, &lines, report->why);
	buf_puts(lines.out, "</tbody></table></div>\n");
	return told < 0 || lines.failed ? -1 : 0;
}

static int write_open(struct report *report)
{
	struct buf *out = &report->page.text;
	struct delivery_query query = {
		.webhook = report->webhook,
		.limit = report->entries_max,
	};
	int64_t waiting = report_open(report->by_state);

	html_put(out,
	    "<p>%'lld queued, %'lld deferred, %'lld under way, %'lld held."
	    "</p>\n",
	    (long long)(report->by_state[STATE_CHAINED] +
		report->by_state[STATE_WAITING] - report->deferred),
	    (long long)report->deferred,
	    (long long)report->by_state[STATE_ACTIVE],
	    (long long)report->by_state[STATE_HELD]);
	if (!waiting) {
		buf_puts(out, "<p class=\"none\">Nothing waits.</p>\n");
		return 0;
	}
	report_shown(report, waiting, "the oldest first", "queue");
	if (!report->entries_max)
		return 0;
	return write_table(report, "Waiting deliveries", &query);
}

static int write_dead(struct report *report)
{
	struct buf *out = &report->page.text;
	struct delivery_query query = {
		.webhook = report->webhook,
		.states = 1u << STATE_DEAD,
		.limit = report->entries_max,
		.newest_first = true,
	};
	int64_t dead = report->by_state[STATE_DEAD];

	buf_puts(out, "<h2>Dead</h2>\n");
	if (!dead) {
		buf_puts(out, "<p class=\"none\">Nothing is dead.</p>\n");
		return 0;
	}
	report_shown(report, dead, "the newest first", "queue --state dead");
	buf_puts(out, "<p>To send one again: <code>");
	report_command(report, "resend", "DELIVERY");
	buf_puts(out, "</code></p>");
	if (!report->entries_max)
		return 0;
	return write_table(report, "Dead deliveries", &query);
}

int report_queue(struct report *report)
{
	struct buf *out = &report->page.text;

	buf_puts(out,
	    "<section id=\"p3\" aria-label=\"Queue\"><h2>Waiting now</h2>\n");
	if (write_open(report) < 0 || write_dead(report) < 0)
		return -1;
	buf_puts(out, "</section>\n");
	return 0;
}
