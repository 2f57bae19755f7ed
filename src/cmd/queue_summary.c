/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * cmd/queue_summary: how much waits for which webhook, and since when, in age
 * classes that double, as qshape(1) prints them. Counts and lists nothing, so
 * a million deliveries take no second. Changes nothing.
 */
#include "base/jot.h"
#include "base/mem.h"
#include "base/now.h"
#include "base/say.h"
#include "cmd/queue.h"
#include "cmd/select.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* So eleven columns and a name fit on 80; more digits make them wider. */
enum { COLUMN_MIN = 5, NAME_MIN = 7, JSON_MAX = 64 * 1024 };

struct line {
	char *webhook;
	int64_t by_age[AGE_BUCKETS];
	int64_t total;
};

struct summary {
	const char *webhook; /* only this one, or NULL */
	struct line *lines;
	size_t count;
	struct line all;
	int column; /* width */
};

static int keep(void *arg, const struct webhook_ages *ages)
{
	struct summary *s = arg;
	struct line *line;

	if (s->webhook && strcmp(s->webhook, ages->webhook) != 0)
		return 0;
	s->lines = mem_grow(s->lines, s->count + 1, sizeof(*s->lines));
	line = &s->lines[s->count++];
	line->webhook = mem_strdup(ages->webhook);
	line->total = ages->total;
	s->all.total += ages->total;
	for (size_t i = 0; i < AGE_BUCKETS; i++) {
		line->by_age[i] = ages->by_age[i];
		s->all.by_age[i] += ages->by_age[i];
	}
	return 0;
}

/* The longest queue first. */
static int compare(const void *a, const void *b)
{
	const struct line *x = a;
	const struct line *y = b;

	if (x->total != y->total)
		return x->total > y->total ? -1 : 1;
	return strcmp(x->webhook, y->webhook);
}

/* ---- for people -------------------------------------------------------- */

static void print_cell(const struct summary *s, const char *text)
{
	printf(" %*s", s->column, text);
}

static void print_count(const struct summary *s, int64_t count)
{
	char text[24];

	snprintf(text, sizeof(text), "%lld", (long long)count);
	print_cell(s, text);
}

/* Under 5 minutes, under 10, … and behind the last bound. */
static void print_heading(
    const struct args *args, const struct summary *s, int width)
{
	int64_t minutes = AGE_FIRST_MS / 60000;
	char text[24];

	printf("%s%-*s", verb_paint(args, PAINT_BOLD), width, "MINUTES");
	print_cell(s, "TOTAL");
	for (int i = 0; i < AGE_BUCKETS - 1; i++, minutes *= 2)
		print_count(s, minutes);
	snprintf(text, sizeof(text), "%lld+", (long long)minutes / 2);
	print_cell(s, text);
	printf("%s\n", verb_paint(args, PAINT_OFF));
}

static void print_line(const struct summary *s, const char *name,
    const struct line *line, int width)
{
	printf("%-*s", width, name);
	print_count(s, line->total);
	for (int i = 0; i < AGE_BUCKETS; i++)
		print_count(s, line->by_age[i]);
	putchar('\n');
}

static void print_text(const struct args *args, struct summary *s)
{
	char total[24];
	int width = NAME_MIN;

	if (!s->count) {
		puts("Delivery queue is empty");
		return;
	}
	for (size_t i = 0; i < s->count; i++) {
		int len = (int)strlen(s->lines[i].webhook);

		width = len > width ? len : width;
	}
	s->column =
	    snprintf(total, sizeof(total), "%lld", (long long)s->all.total);
	if (s->column < COLUMN_MIN)
		s->column = COLUMN_MIN;
	print_heading(args, s, width);
	print_line(s, "TOTAL", &s->all, width);
	for (size_t i = 0; i < s->count; i++)
		print_line(s, s->lines[i].webhook, &s->lines[i], width);
}

/* ---- for programs ------------------------------------------------------ */

/* One object a webhook; "ages" has an entry for every class, its bound in
 * minutes, null for the open one. */
static void print_json(const struct line *line)
{
	auto_buf struct buf out = BUF_INIT(JSON_MAX);
	int64_t minutes = AGE_FIRST_MS / 60000;

	jot_open(&out, NULL, '{');
	jot_str(&out, "webhook", line->webhook);
	jot_int(&out, "total", line->total);
	jot_open(&out, "ages", '[');
	for (int i = 0; i < AGE_BUCKETS; i++, minutes *= 2) {
		jot_open(&out, NULL, '{');
		if (i < AGE_BUCKETS - 1)
			jot_int(&out, "under_minutes", minutes);
		else
			jot_null(&out, "under_minutes");
		jot_int(&out, "count", line->by_age[i]);
		jot_close(&out, '}');
	}
	jot_close(&out, ']');
	jot_close(&out, '}');
	puts(buf_text(&out));
}

static int print(const struct args *args, const struct conf *conf,
    const struct selection *selection, struct summary *s)
{
	if (!s->count && selection->query.webhook) {
		selection_say_none(selection, conf, "");
		return EXIT_NO;
	}
	if (s->count)
		qsort(s->lines, s->count, sizeof(*s->lines), compare);
	if (!args->common.json)
		print_text(args, s);
	for (size_t i = 0; args->common.json && i < s->count; i++)
		print_json(&s->lines[i]);
	return EXIT_OK;
}

/* ---- the verb ---------------------------------------------------------- */

/* What is open, or of it what --state names; -1: it is not open. */
static int choose(const struct selection *selection, struct age_query *asked)
{
	const unsigned final = 1u << STATE_DELIVERED | 1u << STATE_DEAD;

	if (!selection->word) {
		asked->states = ~0u;
		asked->deferred = true;
		return 0;
	}
	if (selection->query.states & final)
		return -1;
	asked->deferred = strcmp(selection->word, "deferred") == 0;
	asked->states = asked->deferred ? 0 : selection->query.states;
	return 0;
}

static int summarise(const struct args *args, const struct conf *conf,
    const struct selection *selection, const struct age_query *asked)
{
	struct summary s = { .webhook = selection->query.webhook };
	struct store *store;
	struct why why;
	int code = EXIT_OK;

	verb_warn_daemon(args, conf);
	store = verb_store(args, conf, false, &code);
	if (!store)
		return code;
	if (store_ages(store, asked, keep, &s, &why) < 0) {
		say_error("%s", why.text);
		code = EXIT_IO;
	} else {
		code = print(args, conf, selection, &s);
	}
	store_close(store);
	for (size_t i = 0; i < s.count; i++)
		free(s.lines[i].webhook);
	free(s.lines);
	return verb_finish(code);
}

int queue_summary(const struct args *args)
{
	struct age_query asked = { .now_ms = now_wall_ms() };
	struct selection selection;
	auto_conf struct conf *conf = NULL;
	int code = selection_read(&selection, args, args->operand_count, 0);

	if (code != EXIT_OK)
		return code;
	if (choose(&selection, &asked) < 0)
		return verb_usage(args,
		    "\"queue summary\" is about what waits; \"queue --state "
		    "%s\" lists the rest",
		    selection.word);
	conf = verb_conf(args, &code);
	if (!conf)
		return code;
	return summarise(args, conf, &selection, &asked);
}
