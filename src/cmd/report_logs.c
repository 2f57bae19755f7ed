/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * cmd/report_logs: the hosted page's Logs tab: a row for each delivery, the
 * newest on top, which opens to its attempts, the request, the payload, the
 * answers and the command that sends it again.
 *
 * Rows are written as they are read. An event's deliveries follow each other,
 * so its payload is read once, written once, with the first of them, and the
 * others point there. The request is built by the code that sends it, from
 * today's configuration, and no value of a configured header is shown.
 */
#include "cmd/report.h"

#include "base/mem.h"
#include "base/text.h"
#include "cmd/trial.h"
#include "model/html.h"
#include "model/mask.h"
#include "model/pretty.h"
#include "model/request.h"

#include <stdio.h>
#include <string.h>

struct logs {
	struct report *report;
	struct buf *out;
	struct event_row event; /* of the last row */
	char event_id[ID_SIZE]; /* "" before the first */
	bool found; /* the event is still there */
	bool written; /* its payload is */
	bool failed;
	int64_t last_try_ms;
	int64_t shown; /* rows */
	int64_t attempts; /* of this row */
	size_t spent; /* bytes of payloads and answers */
};

/* ---- attempts ---------------------------------------------------------- */

/* Bytes from outside as <pre> content, as long as the page is not too large. */
static bool spend(struct logs *logs, const char *bytes, size_t len)
{
	size_t before = logs->out->len;

	if (logs->spent >= REPORT_PAYLOADS_MAX)
		return false;
	html_lines(logs->out, bytes, len);
	logs->spent += logs->out->len - before;
	return true;
}

static void write_answer(struct logs *logs, const struct attempt_row *row)
{
	if (!row->answer_len || !logs->report->payloads)
		return;
	buf_puts(logs->out, "<pre>");
	if (!spend(logs, row->answer, row->answer_len))
		buf_puts(logs->out, "\u2026");
	buf_puts(logs->out, "</pre>");
}

static void begin_attempts(struct buf *out)
{
	buf_puts(out,
	    "<div class=\"wide\" role=\"region\" aria-label=\"Attempts\" "
	    "tabindex=\"0\"><table><thead><tr>"
	    "<th scope=\"col\" class=\"n\">try</th><th scope=\"col\">when</th>"
	    "<th scope=\"col\">outcome</th><th scope=\"col\" class=\"n\">took"
	    "</th><th scope=\"col\" class=\"ans\">answer</th></tr></thead>"
	    "<tbody>\n");
}

static int write_attempt(void *arg, const struct attempt_row *row)
{
	struct logs *logs = arg;
	struct buf *out = logs->out;
	char span[TEXT_DURATION_SIZE];

	logs->last_try_ms = row->started_ms;
	if (++logs->attempts > REPORT_ATTEMPTS_MAX)
		return 0;
	if (logs->attempts == 1)
		begin_attempts(out);
	html_put(
	    out, "<tr><th scope=\"row\" class=\"n\">%d</th><td>", row->attempt);
	report_time(logs->report, row->started_ms);
	buf_puts(out, "</td><td>");
	report_badge(out, row->outcome);
	html_put(out, "</td><td class=\"n\">%s</td><td class=\"ans\">",
	    text_short_duration(span, row->duration_ms));
	if (row->status)
		html_put(out, "HTTP %d", row->status);
	else
		html_put(out, "no answer: %s", row->code ? row->code : "");
	if (row->remote && *row->remote)
		html_put(
		    out, " <span class=\"dim\">from %s</span>", row->remote);
	report_error(out, row->status, row->error);
	write_answer(logs, row);
	buf_puts(out, "</td></tr>\n");
	return 0;
}

static int write_attempts(struct logs *logs, const struct delivery_row *row)
{
	int64_t told;

	logs->attempts = 0;
	buf_puts(logs->out, "<h3>Attempts</h3>");
	told = store_attempts(logs->report->store, row->row, write_attempt,
	    logs, logs->report->why);
	if (logs->attempts)
		buf_puts(logs->out, "</tbody></table></div>\n");
	else
		buf_puts(logs->out, "<p class=\"none\">none yet</p>\n");
	if (told < 0)
		return -1;
	if (logs->attempts <= REPORT_ATTEMPTS_MAX)
		return 0;
	html_put(logs->out, "<p class=\"none\">The first %d of %'lld; <code>",
	    REPORT_ATTEMPTS_MAX, (long long)logs->attempts);
	report_command(logs->report, "show", row->delivery);
	buf_puts(logs->out, "</code> prints all.</p>\n");
	return 0;
}

/* ---- the request ------------------------------------------------------- */

/* Our own values are no secret; configured ones may be. */
static void write_headers(struct buf *out, const struct request *request,
    const struct request_case *from)
{
	const struct trial trial = { .webhook = from->webhook };

	for (size_t i = 0; i < request->header_count; i++) {
		const struct header *header = &request->headers[i];
		bool configured =
		    trial_is_configured(&trial, from->endpoint, header->name);

		html_put(out, "%s: %s\n", header->name,
		    configured ? mask_text : header->value);
	}
}

static void write_request(struct logs *logs, const struct delivery_row *row)
{
	const struct conf *conf = logs->report->conf;
	const struct webhook *webhook = conf_webhook(conf, row->webhook);
	const struct endpoint *endpoint =
	    webhook ? webhook_endpoint(webhook, row->endpoint) : NULL;
	struct request_case from = { conf, webhook, endpoint, row->event_id,
		row->event_type, row->tries > 0 ? row->tries : 1,
		logs->last_try_ms };
	struct request request;
	char *no_body = NULL;

	buf_puts(logs->out, "<h3>Request</h3>");
	if (!endpoint) {
		buf_puts(logs->out,
		    "<p class=\"none\">The endpoint is no longer configured."
		    "</p>\n");
		return;
	}
	request_build(&request, &from, &no_body, 0);
	buf_puts(logs->out, "<pre>");
	report_url(logs->out, endpoint);
	buf_putc(logs->out, '\n');
	write_headers(logs->out, &request, &from);
	buf_puts(logs->out, "</pre>\n");
	request_clear(&request);
}

/* ---- the payload ------------------------------------------------------- */

/* False when there is no room left for it. */
static bool write_bytes(struct logs *logs)
{
	auto_buf struct buf pretty = BUF_INIT(REPORT_PAYLOAD_MAX);
	const struct event_row *event = &logs->event;
	bool whole;

	if (logs->spent >= REPORT_PAYLOADS_MAX)
		return false;
	whole = pretty_json(&pretty, event->body, event->body_len);
	html_put(logs->out,
	    "<pre class=\"payload\" id=\"payload-%s\" tabindex=\"0\">",
	    event->id);
	spend(logs, buf_text(&pretty), pretty.len);
	buf_puts(logs->out, "</pre>\n");
	if (whole)
		return true;
	html_put(logs->out,
	    "<p class=\"none\">Only the beginning of %'lld bytes; <code>",
	    (long long)event->body_len);
	report_command(logs->report, "show --payload", event->id);
	buf_puts(logs->out, "</code> prints all.</p>\n");
	return true;
}

static void write_left_out(struct logs *logs)
{
	buf_puts(logs->out,
	    "<p class=\"none\">Left out, for the page is large already; "
	    "<code>");
	report_command(logs->report, "show --payload", logs->event_id);
	buf_puts(logs->out, "</code> prints it.</p>\n");
}

static void write_payload(struct logs *logs)
{
	if (!logs->report->payloads)
		return;
	buf_puts(logs->out, "<h3>Payload</h3>");
	if (!logs->found) {
		buf_puts(logs->out,
		    "<p class=\"none\">payload no longer kept</p>\n");
		return;
	}
	if (!logs->written) {
		logs->written = write_bytes(logs);
		if (!logs->written)
			write_left_out(logs);
		return;
	}
	html_put(logs->out,
	    "<p><a class=\"shared\" href=\"#payload-%s\">The same as in the "
	    "event's first row</a></p>\n",
	    logs->event_id);
}

/* ---- a row ------------------------------------------------------------- */

static int turn_to(struct logs *logs, const struct delivery_row *row)
{
	int found;

	if (strcmp(logs->event_id, row->event_id) == 0)
		return 0;
	event_row_clear(&logs->event);
	found = store_event(logs->report->store, row->event_id, &logs->event,
	    logs->report->why);
	snprintf(logs->event_id, sizeof(logs->event_id), "%s", row->event_id);
	logs->found = found == 1;
	logs->written = false;
	return found < 0 ? -1 : 0;
}

static void fact(struct buf *out, const char *name, const char *value)
{
	if (!value || !*value)
		return;
	html_put(out, "<div><dt>%s</dt><dd>", name);
	report_text(out, value);
	buf_puts(out, "</dd></div>");
}

static void write_facts(const struct logs *logs, const struct delivery_row *row)
{
	struct buf *out = logs->out;

	buf_puts(out, "<dl class=\"facts\">");
	fact(out, "delivery", row->delivery);
	fact(out, "incident", row->incident);
	fact(out, "service", logs->event.service);
	fact(out, "alert source", logs->event.alert_source);
	fact(out, "file", logs->event.source);
	buf_puts(out, "<div><dt>accepted</dt><dd>");
	report_time(logs->report, row->accepted_ms);
	buf_puts(out, "</dd></div>");
	if (row->state < STATE_DELIVERED) {
		buf_puts(out, "<div><dt>next try</dt><dd>");
		report_next(logs->report, row);
		buf_puts(out, "</dd></div>");
	}
	buf_puts(out, "</dl>\n");
}

static void write_summary(
    const struct logs *logs, const struct delivery_row *row)
{
	struct buf *out = logs->out;
	const char *state = state_word(row->state, row->tries);

	html_put(out,
	    "<details class=\"row\" data-webhook=\"%s\" data-state=\"%s\" "
	    "data-event=\"",
	    row->webhook, state);
	report_text(out, row->event_type);
	buf_puts(out, "\" data-service=\"");
	report_text(out, logs->event.service);
	buf_puts(out, "\"><summary>");
	report_time(logs->report, row->accepted_ms);
	report_badge(out, state);
	buf_puts(out, "<span class=\"to\">");
	report_target(out, row->webhook, row->endpoint);
	buf_puts(out, "</span><span class=\"ev\">");
	report_text(out, row->event_type);
	buf_puts(out, "</span><span class=\"msg\">");
	report_text(out, logs->event.message);
	html_put(out,
	    "</span><span class=\"tries\">%d %s</span></summary>\n"
	    "<div class=\"body\">\n",
	    row->tries, row->tries == 1 ? "try" : "tries");
}

static const char *command_for(enum state state)
{
	switch (state) {
	case STATE_DELIVERED:
	case STATE_DEAD:
		return "resend";
	case STATE_HELD:
		return "queue release";
	case STATE_CHAINED:
	case STATE_WAITING:
	case STATE_ACTIVE:
		break;
	}
	return "queue retry";
}

static void write_commands(
    const struct logs *logs, const struct delivery_row *row)
{
	struct report *report = logs->report;
	struct buf *out = logs->out;

	buf_puts(out, "<h3>Commands</h3><pre>");
	report_command(report, "show", row->delivery);
	buf_putc(out, '\n');
	if (row->state < STATE_DELIVERED &&
	    pauses_find(&report->pauses, row->webhook)) {
		report_command(report, "resume", row->webhook);
		buf_putc(out, '\n');
	}
	report_command(report, command_for(row->state), row->delivery);
	buf_puts(out, "</pre></div></details>\n");
}

static int write_row(void *arg, const struct delivery_row *row)
{
	struct logs *logs = arg;

	if (row->changed_ms > logs->report->until_ms)
		return 0;
	logs->last_try_ms = row->queued_ms;
	logs->failed = turn_to(logs, row) < 0;
	write_summary(logs, row);
	write_facts(logs, row);
	logs->failed |= write_attempts(logs, row) < 0;
	write_request(logs, row);
	write_payload(logs);
	write_commands(logs, row);
	logs->failed |= page_pass(&logs->report->page) < 0;
	return ++logs->shown == logs->report->entries_max || logs->failed;
}

/* Filled and shown by the script. */
static void write_pickers(struct buf *out)
{
	static const char *const keys[] = { "webhook", "state", "event",
		"service" };

	buf_puts(out,
	    "<div id=\"pick\" class=\"pick\" hidden><label>search "
	    "<input type=\"search\" id=\"find\"></label>");
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		html_put(out,
		    "<label>%s <select data-key=\"%s\"><option value=\"\">all"
		    "</option></select></label>",
		    keys[i], keys[i]);
	buf_puts(
	    out, "<output id=\"hits\" aria-live=\"polite\"></output></div>\n");
}

static int write_rows(struct logs *logs)
{
	const struct report *report = logs->report;
	struct delivery_query query = {
		.all_states = true,
		.webhook = report->webhook,
		.until_ms = report->until_ms,
		.changed_since_ms = report->since_ms,
		.newest_first = true,
	};
	int64_t told = 0;

	/* In a period that is over, what changed later is passed over. */
	if (report->until_ms == report->now_ms)
		query.limit = report->entries_max;
	if (report->entries_max)
		told = store_deliveries(
		    report->store, &query, write_row, logs, report->why);
	event_row_clear(&logs->event);
	return told < 0 || logs->failed ? -1 : 0;
}

int report_logs(struct report *report)
{
	struct logs logs = { .report = report, .out = &report->page.text };
	int64_t all = report->tally.deliveries;

	buf_puts(
	    logs.out, "<section id=\"p1\" aria-label=\"Logs\"><h2>Logs</h2>\n");
	report_shown(report, all, "the newest first", "queue --state all");
	write_pickers(logs.out);
	if (!all)
		buf_puts(logs.out,
		    "<p class=\"none\">Nothing was delivered, and nothing "
		    "failed, in this period.</p>\n");
	if (write_rows(&logs) < 0)
		return -1;
	buf_puts(logs.out, "</section>\n");
	return 0;
}
