/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * cmd/report_webhooks: the hosted page's settings, one card for each webhook:
 * what it takes, where it sends, how it tries again, who is told, and how it
 * fares. Of a URL and of headers only what model/mask lets through. Reads
 * nothing but what was gathered.
 */
#include "cmd/report.h"

#include "base/text.h"
#include "model/filter_lines.h"
#include "model/html.h"
#include "model/mask.h"

#include <string.h>

static void begin(struct buf *out, const char *name)
{
	html_put(out, "<div><dt>%s</dt><dd>", name);
}

static void end(struct buf *out)
{
	buf_puts(out, "</dd></div>\n");
}

static void list(struct buf *out, char *const *texts)
{
	for (size_t i = 0; texts && texts[i]; i++)
		html_put(out, "%s<code>%s</code>", i ? ", " : "", texts[i]);
}

/* ---- the filter -------------------------------------------------------- */

struct tree {
	struct buf *out;
	int depth; /* of lists that are open, less one */
};

static void climb_to(struct tree *tree, int depth)
{
	for (; tree->depth < depth; tree->depth++)
		buf_puts(tree->out, "<ul>");
	for (; tree->depth > depth; tree->depth--)
		buf_puts(tree->out, "</li></ul>");
}

/* A line's <li> is closed by its next neighbour, or with its list. */
static void branch(void *arg, const struct filter_line *line)
{
	struct tree *tree = arg;
	bool deeper = line->depth > tree->depth;

	climb_to(tree, line->depth);
	if (!deeper)
		buf_puts(tree->out, "</li>");
	html_put(
	    tree->out, line->group ? "<li><b>%s</b>" : "<li>%s", line->text);
}

static void filter(struct buf *out, const struct webhook *webhook)
{
	struct tree tree = { out, -1 };

	begin(out, "filter");
	buf_puts(out, "<div class=\"tree\">");
	filter_lines(webhook->filter, branch, &tree);
	climb_to(&tree, -1);
	buf_puts(out, "</div>");
	end(out);
}

/* ---- endpoints, headers ------------------------------------------------ */

static void headers(struct buf *out, const struct header *headers, size_t count)
{
	buf_puts(out, "<ul class=\"plain\">");
	for (size_t i = 0; i < count; i++)
		html_put(out, "<li><code>%s: %s</code></li>", headers[i].name,
		    mask_text);
	buf_puts(out, "</ul>");
}

static void endpoint(struct buf *out, const struct endpoint *endpoint)
{
	buf_puts(out, "<li><code>");
	report_url(out, endpoint);
	html_put(out, "</code> <span class=\"dim\">(%s)</span>", endpoint->id);
	if (endpoint->header_count)
		headers(out, endpoint->headers, endpoint->header_count);
	buf_puts(out, "</li>\n");
}

static void endpoints(struct buf *out, const struct webhook *webhook)
{
	begin(out, "endpoints");
	buf_puts(out, "<ul class=\"plain\">");
	for (size_t i = 0; i < webhook->endpoint_count; i++)
		endpoint(out, &webhook->endpoints[i]);
	buf_puts(out, "</ul>");
	end(out);
	if (!webhook->header_count)
		return;
	begin(out, "headers");
	headers(out, webhook->headers, webhook->header_count);
	end(out);
}

/* ---- the retry rule ---------------------------------------------------- */

static void delays(struct buf *out, const struct retry_policy *retry)
{
	char span[TEXT_DURATION_SIZE];

	for (int i = 0; i < retry->delay_count; i++)
		html_put(out, "%s%s",
		    i == 0			     ? ", after "
			: i + 1 < retry->delay_count ? ", "
						     : " and ",
		    text_exact_duration(span, retry->delays_ms[i]));
	if (retry->jitter > 0)
		html_put(out, " and by chance up to %d %% more",
		    (int)(retry->jitter * 100 + 0.5));
}

static void never(struct buf *out, const struct retry_policy *retry)
{
	for (int i = 0; i < retry->never_count; i++)
		html_put(
		    out, "%s%d", i ? ", " : " Never after ", retry->never[i]);
	if (retry->never_count)
		buf_putc(out, '.');
}

static void rule(struct buf *out, const struct webhook *webhook)
{
	const struct retry_policy *retry = &webhook->retry;
	char span[TEXT_DURATION_SIZE];

	begin(out, "retries");
	if (retry->max_retries) {
		html_put(out, "At most %d %s", retry->max_retries,
		    retry->max_retries == 1 ? "time" : "times");
		delays(out, retry);
		html_put(out, "; later when the endpoint asks so, by up to %s.",
		    text_exact_duration(span, retry->retry_after_max_ms));
		never(out, retry);
		html_put(out, " Given up after %s.",
		    text_exact_duration(span, retry->give_up_after_ms));
	} else {
		buf_puts(out, "None: one call, and no more.");
	}
	end(out);
}

static void limits(struct buf *out, const struct webhook *webhook)
{
	char span[TEXT_DURATION_SIZE];

	begin(out, "time limit");
	html_put(out, "%s for a call,",
	    text_exact_duration(span, webhook->timeout_ms));
	html_put(out, " of which %s to connect; %d calls at once; %s",
	    text_exact_duration(span, webhook->connect_timeout_ms),
	    webhook->concurrency,
	    webhook->ordered ? "in order within an incident" : "in any order");
	end(out);
	begin(out, "breaker");
	if (webhook->breaker.failures)
		html_put(out,
		    "After %d failed %s in a row an endpoint rests, at most "
		    "%s from probe to probe.",
		    webhook->breaker.failures,
		    webhook->breaker.failures == 1 ? "call" : "calls",
		    text_exact_duration(span, webhook->breaker.rest_ms));
	else
		buf_puts(out, "None: an endpoint that fails never rests.");
	end(out);
}

/* ---- a card ------------------------------------------------------------ */

/* Each state that keeps it from sending is a badge, and a sentence below. */
static void badges(struct report *report, const struct webhook *webhook)
{
	struct buf *out = &report->page.text;
	size_t i;

	report_badge(out, webhook->enabled ? "enabled" : "disabled");
	if (pauses_find(&report->pauses, webhook->id))
		report_badge(out, "paused");
	for (i = 0; i < webhook->endpoint_count; i++) {
		if (!report_rest_of(
			report, webhook->id, webhook->endpoints[i].id))
			continue;
		report_badge(out, "resting");
		return;
	}
}

static void states(struct report *report, const char *id)
{
	struct buf *out = &report->page.text;

	for (size_t i = 0; i < report->pauses.count; i++) {
		if (strcmp(report->pauses.all[i].webhook, id) != 0)
			continue;
		buf_puts(out, "<p class=\"state\">");
		report_pause(report, i);
		buf_puts(out, "</p>\n");
	}
	for (size_t i = 0; i < report->rest_count; i++) {
		if (strcmp(report->rests[i].webhook, id) != 0)
			continue;
		buf_puts(out, "<p class=\"state\">");
		report_rest(report, &report->rests[i]);
		buf_puts(out, "</p>\n");
	}
}

static void last(struct report *report, const char *name, int64_t ms)
{
	struct buf *out = &report->page.text;

	begin(out, name);
	if (ms < 0)
		buf_puts(out, "never");
	else
		report_time(report, ms);
	end(out);
}

static void fares(struct report *report, const char *id)
{
	const struct report_counts *counts = report_counts_of(report, id);
	struct buf *out = &report->page.text;

	begin(out, "now in the store");
	if (counts)
		html_put(out, "%'lld waiting, %'lld delivered, %'lld dead",
		    (long long)report_open(counts->by_state),
		    (long long)counts->by_state[STATE_DELIVERED],
		    (long long)counts->by_state[STATE_DEAD]);
	else
		buf_puts(out, "nothing yet");
	end(out);
	if (!counts)
		return;
	last(report, "last success", counts->last_success_ms);
	last(report, "last failure", counts->last_failure_ms);
}

static void mail(
    struct buf *out, const struct report *report, const struct webhook *webhook)
{
	char *const *to = webhook->failure_email ? webhook->failure_email
						 : report->conf->mail.to;

	begin(out, "failure mail");
	if (to && to[0])
		list(out, to);
	else
		buf_puts(out, "nobody");
	end(out);
}

static void card(struct report *report, const struct webhook *webhook)
{
	struct buf *out = &report->page.text;

	html_put(out, "<article class=\"card\"><h3>%s ", webhook->name);
	badges(report, webhook);
	html_put(
	    out, "</h3><p class=\"dim\">webhooks.d/%s.json</p>\n", webhook->id);
	if (*webhook->description)
		html_put(out, "<p>%s</p>\n", webhook->description);
	states(report, webhook->id);
	buf_puts(out, "<dl class=\"facts\">\n");
	begin(out, "triggers");
	list(out, webhook->triggers);
	end(out);
	filter(out, webhook);
	endpoints(out, webhook);
	rule(out, webhook);
	limits(out, webhook);
	mail(out, report, webhook);
	fares(report, webhook->id);
	buf_puts(out, "</dl></article>\n");
}

static void stray(struct report *report, const char *id)
{
	struct buf *out = &report->page.text;

	html_put(out, "<article class=\"card\"><h3>%s ", id);
	report_badge(out, "removed");
	buf_puts(out,
	    "</h3><p>No longer configured; the store still knows it.</p>"
	    "<dl class=\"facts\">\n");
	fares(report, id);
	buf_puts(out, "</dl></article>\n");
}

/* Those configured, then those that the store alone knows; how many there
 * are, written or not. */
static size_t cards(struct report *report)
{
	const struct conf *conf = report->conf;
	size_t count = 0;

	for (size_t i = 0; i < conf->webhook_count; i++) {
		if (report_about(report, conf->webhooks[i]->id) &&
		    count++ < REPORT_CARDS_MAX)
			card(report, conf->webhooks[i]);
		page_pass(&report->page);
	}
	for (size_t i = 0; i < report->count_count; i++) {
		if (!conf_webhook(conf, report->counts[i].webhook) &&
		    count++ < REPORT_CARDS_MAX)
			stray(report, report->counts[i].webhook);
	}
	return count;
}

void report_webhooks(struct report *report)
{
	const struct conf *conf = report->conf;
	struct buf *out = &report->page.text;
	size_t count;

	html_put(out,
	    "<section id=\"p2\" aria-label=\"Webhooks\"><h2>Webhooks</h2>\n"
	    "<p class=\"count\">%zu configured in <code>%s</code></p>\n",
	    conf->webhook_count, conf->webhooks_dir);
	buf_puts(out, "<div class=\"cards\">\n");
	count = cards(report);
	buf_puts(out, "</div>\n");
	if (!count)
		buf_puts(out,
		    "<p class=\"none\">A webhook is a file in that folder; "
		    "spoolhook-webhook(5) tells what it holds.</p>\n");
	if (count > REPORT_CARDS_MAX) {
		html_put(out, "<p class=\"count\">The first %d of %zu; <code>",
		    REPORT_CARDS_MAX, count);
		report_command(report, "list", NULL);
		buf_puts(out, "</code> shows all.</p>\n");
	}
	buf_puts(out, "</section>\n");
}
