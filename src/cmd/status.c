/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * cmd/status: what is going on, in one look: the daemon, the queue, each
 * webhook, and what is in the way. Reads the store, so it works with the daemon
 * down. For people it fits 80 columns, but for what was given longer names.
 */
#include "base/mem.h"
#include "base/say.h"
#include "base/text.h"
#include "cmd/overview.h"
#include "cmd/verb.h"

#include <stdio.h>
#include <string.h>

enum { NAME = 20, AGO = 48 };

static const char *ago(const struct overview *o, int64_t ms, char out[AGO])
{
	char span[TEXT_DURATION_SIZE];

	if (ms < 0)
		return "never";
	snprintf(out, AGO, "%s ago", text_short_duration(span, o->now_ms - ms));
	return out;
}

/* ---- the daemon -------------------------------------------------------- */

static void print_daemon(const struct overview *o)
{
	auto_free char *start = verb_command(o->args, "run");
	char span[TEXT_DURATION_SIZE];

	if (!o->pid) {
		printf("spoolhook is %snot running%s (start it with \"%s\")\n",
		    verb_paint(o->args, PAINT_RED),
		    verb_paint(o->args, PAINT_OFF), start);
		return;
	}
	printf("spoolhook is %srunning%s, pid %d",
	    verb_paint(o->args, PAINT_GREEN), verb_paint(o->args, PAINT_OFF),
	    o->pid);
	if (o->started.value)
		printf(", version %s", o->started.value);
	if (o->started.ms >= 0)
		printf(", since %s",
		    text_short_duration(span, o->now_ms - o->started.ms));
	putchar('\n');
	if (overview_silent(o))
		printf("%s               no sign of life for %s%s\n",
		    verb_paint(o->args, PAINT_RED),
		    text_short_duration(span, o->now_ms - o->heartbeat.ms),
		    verb_paint(o->args, PAINT_OFF));
}

static void print_configuration(const struct overview *o)
{
	const char *refusal = overview_refusal(o);
	char when[AGO];

	if (!o->pid || !o->generation.value)
		return;
	printf("configuration  generation %s, loaded %s\n", o->generation.value,
	    ago(o, o->generation.ms, when));
	if (!refusal)
		return;
	printf("               %sreload refused%s %s: ",
	    verb_paint(o->args, PAINT_RED), verb_paint(o->args, PAINT_OFF),
	    ago(o, o->reload.ms, when));
	verb_print_visible(refusal, strlen(refusal));
	putchar('\n');
}

static void print_head(const struct overview *o)
{
	const struct webhook_counts *all = &o->all;
	char when[AGO];

	print_daemon(o);
	print_configuration(o);
	printf("spool          %s, drop box %s\n", o->conf->spool_dir,
	    o->conf->inputs[0].dir);
	printf("queue          %lld queued, %lld deferred, %lld active, %lld "
	       "held",
	    (long long)overview_queued(all), (long long)all->deferred,
	    (long long)all->by_state[STATE_ACTIVE],
	    (long long)all->by_state[STATE_HELD]);
	if (all->oldest_ms >= 0)
		printf("; oldest %s", ago(o, all->oldest_ms, when));
	printf("\nkept           %lld events (%lld unmatched), %lld delivered, "
	       "%lld dead\n",
	    (long long)o->events, (long long)o->unmatched,
	    (long long)all->by_state[STATE_DELIVERED],
	    (long long)all->by_state[STATE_DEAD]);
	if (o->mails)
		printf("mail           %lld waiting to be sent\n",
		    (long long)o->mails);
}

/* ---- webhooks ---------------------------------------------------------- */

/* A long name has a line of its own. */
static void print_name(const char *id)
{
	if (strlen(id) <= NAME)
		printf("  %-*s", NAME, id);
	else
		printf("  %s\n  %-*s", id, NAME, "");
}

static const char *short_state(const struct webhook_row *row)
{
	if (!row->webhook)
		return "gone";
	if (!row->webhook->enabled)
		return "disabled";
	if (row->pause)
		return "paused";
	return overview_rests(row) ? "resting" : "enabled";
}

/* A rest that is over lasts until its probe is back. */
static void print_rest(
    const struct overview *o, const struct endpoint_state *endpoint)
{
	const struct breaker *breaker = &endpoint->breaker;
	char span[TEXT_DURATION_SIZE];

	printf("    endpoint %s rests: %d failed in a row", endpoint->id,
	    breaker->failures);
	if (breaker->until_ms > o->now_ms)
		printf(", next try in %s",
		    text_short_duration(span, breaker->until_ms - o->now_ms));
	else
		printf(", next try is due");
	putchar('\n');
}

static void print_last(const struct overview *o, const struct webhook_row *row)
{
	const struct webhook_counts *c = &row->counts;
	char when[AGO];

	if (c->last_success_ms < 0 && c->last_failure_ms < 0)
		return;
	printf("%s    last success %s", verb_paint(o->args, PAINT_DIM),
	    ago(o, c->last_success_ms, when));
	if (c->last_failure_ms >= 0 && c->last_status)
		printf("; last failure HTTP %d, %s", c->last_status,
		    ago(o, c->last_failure_ms, when));
	else if (c->last_failure_ms >= 0)
		printf("; last failure %s, %s",
		    row->last_code ? row->last_code : "",
		    ago(o, c->last_failure_ms, when));
	printf("%s\n", verb_paint(o->args, PAINT_OFF));
}

static void print_row(const struct overview *o, const struct webhook_row *row)
{
	const struct webhook_counts *c = &row->counts;
	const char *state = short_state(row);
	bool good = strcmp(state, "enabled") == 0;
	char p95[TEXT_DURATION_SIZE] = "-";

	if (row->recent.p95_ms >= 0)
		text_short_duration(p95, row->recent.p95_ms);
	print_name(row->id);
	printf(" %s%-8s%s %7lld %8lld %6lld %8lld %6lld %7s\n",
	    good ? "" : verb_paint(o->args, PAINT_YELLOW), state,
	    good ? "" : verb_paint(o->args, PAINT_OFF),
	    (long long)(overview_queued(c) + c->by_state[STATE_ACTIVE]),
	    (long long)c->deferred, (long long)c->by_state[STATE_HELD],
	    (long long)row->recent.delivered, (long long)row->recent.dead, p95);
	for (size_t i = 0; i < row->endpoint_count; i++) {
		if (row->endpoints[i].rests)
			print_rest(o, &row->endpoints[i]);
	}
	print_last(o, row);
}

static void print_webhooks(const struct overview *o)
{
	char span[TEXT_DURATION_SIZE];
	size_t i;

	if (!o->count)
		return;
	printf("\n%s  %-*s %-8s %7s %8s %6s %8s %6s %7s%s\n",
	    verb_paint(o->args, PAINT_BOLD), NAME, "WEBHOOK", "STATE", "QUEUED",
	    "DEFERRED", "HELD", "OK 24H", "DEAD", "P95",
	    verb_paint(o->args, PAINT_OFF));
	for (i = 0; i < o->count; i++)
		print_row(o, &o->rows[i]);
	if (o->recent_cut)
		printf(
		    "  (the last %d attempts were looked at: %s, not 24 h)\n",
		    RECENT_MAX,
		    text_short_duration(span, o->now_ms - o->recent_ms));
}

static void print_troubles(const struct overview *o)
{
	size_t i;

	if (!o->trouble_count)
		return;
	printf("\n%sIn the way%s\n", verb_paint(o->args, PAINT_YELLOW),
	    verb_paint(o->args, PAINT_OFF));
	for (i = 0; i < o->trouble_count; i++) {
		const char *message = o->troubles[i].message;

		fputs("  ", stdout);
		verb_print_visible(message, strlen(message));
		putchar('\n');
	}
}

/* ---- the verb ---------------------------------------------------------- */

static int status(struct overview *o)
{
	struct store *store;
	struct why why;
	int code = EXIT_OK;

	store = verb_store(o->args, o->conf, false, &code);
	if (!store)
		return code;
	if (overview_read(o, store, &why) < 0) {
		say_error("%s", why.text);
		code = EXIT_IO;
	} else if (o->args->common.json) {
		overview_print_json(o);
	} else {
		print_head(o);
		print_webhooks(o);
		print_troubles(o);
	}
	store_close(store);
	return verb_finish(code);
}

static int run(const struct args *args)
{
	struct overview o = { .args = args };
	struct conf *conf;
	int code;

	if (args->operand_count)
		return verb_usage(
		    args, "unexpected argument \"%s\"", args->operands[0]);
	conf = verb_conf(args, &code);
	if (!conf)
		return code;
	o.conf = conf;
	code = status(&o);
	overview_clear(&o);
	conf_free(conf);
	return code;
}

const struct verb verb_status = {
	.name = "status",
	.group = "Service",
	.operands = "",
	.summary = "tell what is going on",
	.run = run,
};
