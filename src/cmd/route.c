/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * cmd/route: which webhooks take an event, and for the others what said no:
 * that they are disabled, their triggers, or the clause of their filter, with
 * its place in the file and the value that it saw. With --expect it is an
 * assertion, for scripts. The same code decides as in the daemon. Looks only.
 */
#include "base/jot.h"
#include "base/mem.h"
#include "base/say.h"
#include "base/text.h"
#include "cmd/desk.h"
#include "cmd/events.h"
#include "cmd/places.h"
#include "cmd/verb.h"
#include "model/explain.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

static const struct verb_option options[] = {
	{ .name = "expect",
	    .argument = "IDS",
	    .help = "say whether just these take it (comma-separated)" },
	{ .name = NULL },
};

enum { EXPECTED_MAX = 1024 };

struct routing {
	const struct args *args;
	const struct conf *conf;
	char *expected[EXPECTED_MAX + 1]; /* NULL-ended */
	size_t expected_count;
	bool asserted; /* --expect was given */
	int width; /* of the longest id */
	const char *file; /* of the event */
	bool several; /* events in all */
	int code;
};

/* ---- --expect ---------------------------------------------------------- */

static int say_unknown(const struct routing *r, const char *id)
{
	auto_free char *sentence = desk_no_webhook(r->conf, id);

	say_error("route: --expect: %s", sentence);
	return EXIT_USAGE;
}

/* One id, spaces around it aside. The word "none" stands for no id at all,
 * unless a webhook is called so. */
static int read_id(struct routing *r, const char *text, size_t len)
{
	auto_free char *id = NULL;
	size_t blank = strspn(text, " ");

	text += blank;
	len -= blank < len ? blank : len;
	while (len && text[len - 1] == ' ')
		len--;
	id = mem_strndup(text, len);
	if (!len || (strcmp(id, "none") == 0 && !conf_webhook(r->conf, id)))
		return EXIT_OK;
	if (!conf_webhook(r->conf, id))
		return say_unknown(r, id);
	if (r->expected_count == EXPECTED_MAX)
		return verb_usage(r->args, "--expect: too many ids");
	r->expected[r->expected_count++] = take(&id);
	return EXIT_OK;
}

static int read_expected(struct routing *r)
{
	const char *at = args_value(r->args, "expect");
	int code = EXIT_OK;

	r->asserted = at != NULL;
	while (at && *at && code == EXIT_OK) {
		size_t len = strcspn(at, ",");

		code = read_id(r, at, len);
		at += len + (at[len] == ',');
	}
	return code;
}

static bool is_expected(const struct routing *r, const char *id)
{
	size_t i;

	for (i = 0; r->expected[i]; i++) {
		if (strcmp(r->expected[i], id) == 0)
			return true;
	}
	return false;
}

/* ---- for people -------------------------------------------------------- */

static void print_list(char *const *list)
{
	size_t i;

	for (i = 0; list[i]; i++) {
		fputs(i ? ", " : "", stdout);
		verb_print_visible(list[i], strlen(list[i]));
	}
}

static void print_endpoints(const struct webhook *webhook)
{
	size_t i;

	for (i = 0; i < webhook->endpoint_count; i++)
		printf(
		    "%s%s", i ? ", " : "endpoints ", webhook->endpoints[i].id);
}

static void print_clause(const struct routing *r, const struct webhook *webhook,
    const struct clause *clause)
{
	auto_free char *pointer = mem_printf("/filter%s", clause->pointer);
	struct place place;

	place_find(&place, r->conf, webhook->id, pointer);
	verb_print_visible(place.file, strlen(place.file));
	if (place.line)
		printf(":%zu", place.line);
	printf(": %s%s: ", clause->passed ? "not " : "", clause->text);
	if (clause->saw)
		printf("the event has %s", clause->saw);
	else
		fputs("the event has none", stdout);
	place_clear(&place);
}

/* One clause to a line; the lines below the first are put under it. */
static void print_clauses(const struct routing *r,
    const struct webhook *webhook, const struct explanation *explanation)
{
	size_t i;

	for (i = 0; i < explanation->count; i++) {
		if (i)
			printf("\n  %*s       and ", r->width, "");
		print_clause(r, webhook, &explanation->clauses[i]);
	}
	if (explanation->more)
		printf("\n  %*s       and %zu more", r->width, "",
		    explanation->more);
}

static void print_row(const struct routing *r, const struct webhook *webhook,
    const struct event *event, const struct explanation *explanation)
{
	bool takes = explanation->answer == EXPLAIN_TAKES;

	printf("  %-*s  %s%-3s%s  ", r->width, webhook->id,
	    verb_paint(r->args, takes ? PAINT_GREEN : PAINT_DIM),
	    takes ? "yes" : "no", verb_paint(r->args, PAINT_OFF));
	switch (explanation->answer) {
	case EXPLAIN_TAKES:
		print_endpoints(webhook);
		break;
	case EXPLAIN_DISABLED:
		fputs("it is disabled (\"enabled\": false)", stdout);
		break;
	case EXPLAIN_TRIGGER:
		fputs("its triggers are ", stdout);
		print_list(webhook->triggers);
		fputs("; the event is ", stdout);
		verb_print_visible(event->type, strlen(event->type));
		break;
	case EXPLAIN_FILTER:
		print_clauses(r, webhook, explanation);
		break;
	}
	putchar('\n');
}

static void print_head(const struct routing *r, const struct event_item *item)
{
	verb_print_visible(r->file, strlen(r->file));
	if (r->several)
		printf(":%zu", item->line);
	fputs(": ", stdout);
	verb_print_visible(item->event.type, strlen(item->event.type));
	if (*item->event.incident) {
		fputs(", incident ", stdout);
		verb_print_visible(
		    item->event.incident, strlen(item->event.incident));
	}
	putchar('\n');
}

/* ---- for programs ------------------------------------------------------ */

static void jot_clause(const struct routing *r, struct buf *out,
    const struct webhook *webhook, const struct clause *clause)
{
	auto_free char *pointer = mem_printf("/filter%s", clause->pointer);
	struct place place;

	place_find(&place, r->conf, webhook->id, pointer);
	jot_open(out, NULL, '{');
	jot_str(out, "file", place.file);
	jot_int(out, "line", (int64_t)place.line);
	jot_int(out, "column", (int64_t)place.column);
	jot_str(out, "pointer", pointer);
	jot_str(out, "clause", clause->text);
	jot_bool(out, "said", clause->passed);
	jot_str(out, "saw", clause->saw);
	jot_close(out, '}');
	place_clear(&place);
}

static void jot_row(const struct routing *r, struct buf *out,
    const struct webhook *webhook, const struct explanation *explanation)
{
	bool takes = explanation->answer == EXPLAIN_TAKES;
	size_t i;

	jot_open(out, NULL, '{');
	jot_str(out, "webhook", webhook->id);
	jot_bool(out, "match", takes);
	jot_str(
	    out, "reason", takes ? NULL : explain_word(explanation->answer));
	jot_open(out, "endpoints", '[');
	for (i = 0; takes && i < webhook->endpoint_count; i++)
		jot_str(out, NULL, webhook->endpoints[i].id);
	jot_close(out, ']');
	jot_open(out, "clauses", '[');
	for (i = 0; i < explanation->count; i++)
		jot_clause(r, out, webhook, &explanation->clauses[i]);
	jot_close(out, ']');
	jot_close(out, '}');
}

static void jot_head(
    const struct routing *r, struct buf *out, const struct event_item *item)
{
	jot_open(out, NULL, '{');
	jot_str(out, "file", r->file);
	jot_int(out, "line", (int64_t)item->line);
	jot_str(out, "event_type", item->event.type);
	jot_str(out, "incident", item->event.incident);
	jot_open(out, "webhooks", '[');
}

/* ---- one event --------------------------------------------------------- */

struct tally {
	size_t takers;
	bool as_expected;
};

static void look_at(const struct routing *r, const struct event_item *item,
    struct buf *out, struct tally *tally)
{
	size_t i;

	for (i = 0; i < r->conf->webhook_count; i++) {
		const struct webhook *webhook = r->conf->webhooks[i];
		struct explanation explanation;
		bool takes;

		explain_webhook(&explanation, webhook, &item->event);
		takes = explanation.answer == EXPLAIN_TAKES;
		tally->takers += takes;
		if (r->asserted && takes != is_expected(r, webhook->id))
			tally->as_expected = false;
		if (r->args->common.json)
			jot_row(r, out, webhook, &explanation);
		else if (!r->args->common.quiet)
			print_row(r, webhook, &item->event, &explanation);
		explain_clear(&explanation);
	}
}

static void say_unexpected(const struct routing *r)
{
	if (r->args->common.json)
		return;
	fflush(stdout);
	if (r->expected[0])
		say_error("route: %s: not as expected: just %s should take it",
		    r->file, args_value(r->args, "expect"));
	else
		say_error("route: %s: not as expected: no webhook should take "
			  "it",
		    r->file);
}

static void route(struct routing *r, const struct event_item *item)
{
	auto_buf struct buf out = BUF_INIT(SIZE_MAX / 8);
	struct tally tally = { .as_expected = true };

	if (r->args->common.json)
		jot_head(r, &out, item);
	else if (!r->args->common.quiet)
		print_head(r, item);
	look_at(r, item, &out, &tally);
	if (r->args->common.json) {
		jot_close(&out, ']');
		if (r->asserted)
			jot_bool(&out, "as_expected", tally.as_expected);
		jot_close(&out, '}');
		puts(buf_text(&out));
	}
	if (!tally.as_expected)
		say_unexpected(r);
	if (!tally.as_expected || (!r->asserted && !tally.takers))
		r->code = EXIT_NO;
}

static void route_list(
    struct routing *r, const char *name, const struct event_list *list)
{
	size_t i;

	r->file = strcmp(name, "-") == 0 ? "standard input" : name;
	r->several = list->count > 1;
	for (i = 0; i < list->count; i++)
		route(r, &list->items[i]);
}

/* All files are read before the first is judged. */
static int route_files(struct routing *r)
{
	size_t count = r->args->operand_count;
	struct event_list *lists = mem_array(count, sizeof(*lists));
	int code = EXIT_OK;
	size_t i;

	for (i = 0; i < count && code == EXIT_OK; i++)
		code = events_load(&lists[i], r->conf, r->args->operands[i]);
	for (i = 0; i < count && code == EXIT_OK; i++)
		route_list(r, r->args->operands[i], &lists[i]);
	for (i = 0; i < count; i++)
		events_clear(&lists[i]);
	free(lists);
	return code == EXIT_OK ? r->code : code;
}

static int width_of(const struct conf *conf)
{
	size_t width = 0;
	size_t i;

	for (i = 0; i < conf->webhook_count; i++) {
		size_t len = strlen(conf->webhooks[i]->id);

		if (len > width)
			width = len;
	}
	return (int)width;
}

static int run(const struct args *args)
{
	struct routing r = { .args = args };
	auto_conf struct conf *conf = NULL;
	size_t i;
	int code;

	if (!args->operand_count)
		return verb_usage(args,
		    "name a file with an event; \"spoolhook sample | spoolhook "
		    "route -\" tries one");
	conf = verb_conf(args, &code);
	if (!conf)
		return code;
	r.conf = conf;
	r.width = width_of(conf);
	code = read_expected(&r);
	if (code == EXIT_OK)
		code = route_files(&r);
	for (i = 0; r.expected[i]; i++)
		free(r.expected[i]);
	return verb_finish(code);
}

const struct verb verb_route = {
	.name = "route",
	.group = "Configuration",
	.operands = "FILE|-…",
	.summary =
	    "tell which webhooks take an event, and what kept the others",
	.options = options,
	.run = run,
};
