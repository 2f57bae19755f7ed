/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * cmd/report: the hosted page's Logs and Settings tabs, and an overview, as one
 * HTML file: no network, no server, complete without scripts.
 *
 * It reads the store, the configuration and rejected/, beside a running daemon
 * or without one, and changes none of them. The numbers cover the whole period
 * in fixed memory; rows are bounded and written as they are read. Secrets are
 * masked by model/mask, as everywhere. If we die in the middle, the old file is
 * still there, and a hidden one, half written, beside it.
 */
#include "cmd/report.h"

#include "base/now.h"
#include "base/say.h"

#include <string.h>
#include <unistd.h>

enum { DAY_MS = 24 * 60 * 60 * 1000 };

static const struct verb_option options[] = {
	{ 'o', "output", "FILE", "where to write it; \"-\": standard output",
	    false, false },
	{ 'S', "since", "TIME", "begin there instead of 7 days ago", false,
	    false },
	{ 'U', "until", "TIME", "end there instead of now", false, false },
	{ 0, "days", "N", "begin so many days ago", false, false },
	{ 0, "webhook", "ID", "tell only of this webhook", false, false },
	{ 'n', "max-entries", "N", "rows in each list (500)", false, false },
	{ 0, "no-payloads", NULL, "leave payloads and answers out", false,
	    false },
	{ 0, "title", "TEXT", "the page's title", false, false },
	{ 0, NULL, NULL, NULL, false, false },
};

static int write_page(struct report *report)
{
	report_head(report);
	report_overview(report);
	if (report_logs(report) < 0)
		return -1;
	report_webhooks(report);
	if (report_queue(report) < 0)
		return -1;
	report_rejected(report);
	report_foot(report);
	return 0;
}

static int write_to(struct report *report, const char *path)
{
	if (page_open(&report->page, path, report->why) < 0)
		return EXIT_CANNOT_CREATE;
	if (report->args->common.json)
		report_json(report);
	else if (write_page(report) < 0)
		return EXIT_IO;
	return page_close(&report->page) < 0 ? EXIT_IO : EXIT_OK;
}

/* Configured, or known to the store; else said. */
static bool is_known(const struct report *report)
{
	const char *id = report->webhook;

	if (!id || conf_webhook(report->conf, id) ||
	    report_counts_of(report, id))
		return true;
	desk_unknown_webhook(report->conf, id);
	return false;
}

static int gather_and_write(struct report *report, const char *path)
{
	int code = EXIT_IO;

	if (report_gather(report) == 0) {
		if (!is_known(report))
			return EXIT_USAGE;
		code = write_to(report, path);
	}
	if (code != EXIT_OK)
		say_error("%s", report->why->text);
	return code;
}

static int make(struct report *report, const char *path)
{
	struct why why = { "" };
	int code = EXIT_IO;

	report->why = &why;
	report->store = verb_store(report->args, report->conf, false, &code);
	if (!report->store)
		return code;
	code = gather_and_write(report, path);
	page_drop(&report->page);
	report_clear(report);
	store_close(report->store);
	return code;
}

static void read_options(struct report *report)
{
	const struct args *args = report->args;
	int64_t days = args_int(args, "days", 1, REPORT_DAYS_MAX, REPORT_DAYS);

	report->now_ms = now_wall_ms();
	report->until_ms = args_moment(args, "until", report->now_ms);
	if (report->until_ms > report->now_ms)
		report->until_ms = report->now_ms;
	report->since_ms =
	    args_moment(args, "since", report->until_ms - days * DAY_MS);
	report->entries_max = args_int(
	    args, "max-entries", 0, REPORT_ENTRIES_MAX, REPORT_ENTRIES);
	report->payloads = !args_has(args, "no-payloads");
	report->webhook = args_value(args, "webhook");
	report->title = args_value(args, "title");
	gethostname(report->host, sizeof(report->host) - 1);
}

static int run(const struct args *args)
{
	const char *path = args_value(args, "output");
	struct report report = { .args = args };
	struct conf *conf;
	int code;

	if (args->operand_count)
		return verb_usage(args, "takes no operand; -o FILE says where");
	if (!path && args->common.json)
		path = "-";
	if (!path || !*path)
		return verb_usage(args,
		    "where to? -o FILE.html, or -o - for standard output");
	if (args_has(args, "days") && args_has(args, "since"))
		return verb_usage(args, "take either --days or --since");
	read_options(&report);
	if (report.since_ms >= report.now_ms)
		return verb_usage(args, "--since lies in the future");
	if (report.since_ms >= report.until_ms)
		return verb_usage(args, "--until must be later than --since");
	conf = verb_conf(args, &code);
	if (!conf)
		return code;
	report.conf = conf;
	code = make(&report, path);
	conf_free(conf);
	return code;
}

const struct verb verb_report = {
	.name = "report",
	.group = "Look back",
	.operands = "-o FILE",
	.summary = "write what happened as one HTML page",
	.options = options,
	.run = run,
};
