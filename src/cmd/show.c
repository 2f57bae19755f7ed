/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * cmd/show: one event or delivery in full: what it is, each attempt, what comes
 * next, and the payload (the hosted page's expanded log row).
 */
#include "base/jot.h"
#include "base/mem.h"
#include "base/now.h"
#include "base/say.h"
#include "base/text.h"
#include "cmd/verb.h"
#include "model/id.h"
#include "model/mask.h"
#include "port/store.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

static const struct verb_option options[] = {
	{ 0, "payload", NULL, "only the payload's own bytes", false, false },
	{ 0, "response", NULL, "only the last answer's body", false, false },
	{ 0, NULL, NULL, NULL, false, false },
};

struct showing {
	const struct args *args;
	const struct conf *conf;
	struct store *store;
	int64_t now_ms;
	int64_t count; /* deliveries shown */
	struct buf json; /* --json: the object being built */
	struct buf answer; /* of the last attempt */
	struct why *why;
	bool failed;
};

static void field(const char *name, const char *value)
{
	if (!value || !*value)
		return;
	printf("%-13s ", name);
	verb_print_visible(value, strlen(value));
	putchar('\n');
}

static void show_event(const struct event_row *event, const struct showing *s)
{
	char when[TEXT_TIME_SIZE];
	char age[TEXT_DURATION_SIZE];

	printf("%sEvent         %s%s\n", verb_paint(s->args, PAINT_BOLD),
	    event->id, verb_paint(s->args, PAINT_OFF));
	field("type", event->type);
	field("incident", event->incident);
	field("service", event->service);
	field("alert source", event->alert_source);
	field("message", event->message);
	field("file", event->source);
	printf("%-13s %s (%s ago), %zu bytes\n", "accepted",
	    text_local_time(when, event->accepted_ms),
	    text_short_duration(age, s->now_ms - event->accepted_ms),
	    event->body_len);
}

static void jot_event(struct buf *json, const struct event_row *event)
{
	jot_str(json, "event_id", event->id);
	jot_str(json, "event_type", event->type);
	jot_str(json, "incident", event->incident);
	jot_str(json, "service", event->service);
	jot_str(json, "alert_source", event->alert_source);
	jot_str(json, "message", event->message);
	jot_str(json, "file", event->source);
	jot_time(json, "accepted", event->accepted_ms);
	jot_int(json, "bytes", (int64_t)event->body_len);
}

static int show_attempt(void *arg, const struct attempt_row *row)
{
	struct showing *s = arg;
	char when[TEXT_TIME_SIZE];
	char span[TEXT_DURATION_SIZE];
	bool good = strcmp(row->outcome, "delivered") == 0;

	printf("  %s try %d  %s%s%s", text_local_time(when, row->started_ms),
	    row->attempt, verb_paint(s->args, good ? PAINT_GREEN : PAINT_RED),
	    row->outcome, verb_paint(s->args, PAINT_OFF));
	if (row->status)
		printf("  HTTP %d", row->status);
	if (row->code && *row->code)
		printf("  %s", row->code);
	printf("  in %s", text_short_duration(span, row->duration_ms));
	if (row->remote && *row->remote)
		printf("  from %s", row->remote);
	putchar('\n');
	if (row->error && *row->error) {
		printf("      ");
		verb_print_visible(row->error, strlen(row->error));
		putchar('\n');
	}
	if (row->answer_len) {
		printf("      answer: ");
		verb_print_visible(row->answer, row->answer_len);
		putchar('\n');
	}
	return 0;
}

static int jot_attempt(void *arg, const struct attempt_row *row)
{
	struct buf *json = &((struct showing *)arg)->json;

	jot_open(json, NULL, '{');
	jot_int(json, "try", row->attempt);
	jot_time(json, "ts", row->started_ms);
	jot_int(json, "duration_ms", row->duration_ms);
	if (row->status)
		jot_int(json, "status", row->status);
	else
		jot_null(json, "status");
	jot_str(json, "error_code", row->code && *row->code ? row->code : NULL);
	jot_str(json, "error", row->error && *row->error ? row->error : NULL);
	jot_str(
	    json, "remote", row->remote && *row->remote ? row->remote : NULL);
	jot_str(json, "outcome", row->outcome);
	jot_bytes(
	    json, "answer", row->answer ? row->answer : "", row->answer_len);
	jot_close(json, '}');
	return 0;
}

static int keep_answer(void *arg, const struct attempt_row *row)
{
	struct showing *s = arg;

	buf_reset(&s->answer);
	buf_add(&s->answer, row->answer, row->answer_len);
	return 0;
}

static void show_endpoint(
    const struct showing *s, const struct delivery_row *row)
{
	const struct webhook *webhook = conf_webhook(s->conf, row->webhook);
	const struct endpoint *endpoint =
	    webhook ? webhook_endpoint(webhook, row->endpoint) : NULL;
	auto_buf struct buf url = BUF_INIT(4096);

	if (!endpoint) {
		printf("  no longer configured: it waits until webhooks.d/%s."
		       "json has endpoint \"%s\" again\n",
		    row->webhook, row->endpoint);
		return;
	}
	mask_url(&url, endpoint->url, endpoint->url_secret);
	printf("  %s %s\n", endpoint->method, buf_text(&url));
}

static void show_next(const struct showing *s, const struct delivery_row *row)
{
	auto_free char *resend = verb_command(s->args, "resend");
	char span[TEXT_DURATION_SIZE];

	switch (row->state) {
	case STATE_CHAINED:
		puts("  waits for an earlier event of the same incident");
		return;
	case STATE_WAITING:
		if (row->due_ms <= s->now_ms)
			puts("  next try now");
		else
			printf("  next try in %s\n",
			    text_short_duration(span, row->due_ms - s->now_ms));
		return;
	case STATE_DEAD:
		printf("  to send it again: %s %s\n", resend, row->delivery);
		return;
	case STATE_HELD:
		puts("  waits for an operator");
		return;
	case STATE_ACTIVE:
		puts("  is being tried");
		return;
	case STATE_DELIVERED:
		return;
	}
}

static int show_delivery(void *arg, const struct delivery_row *row)
{
	struct showing *s = arg;

	s->count++;
	printf("\n%sDelivery      %s%s  %s\n", verb_paint(s->args, PAINT_BOLD),
	    row->delivery, verb_paint(s->args, PAINT_OFF),
	    state_word(row->state, row->tries));
	show_endpoint(s, row);
	s->failed |=
	    store_attempts(s->store, row->row, show_attempt, s, s->why) < 0;
	show_next(s, row);
	return 0;
}

static int jot_delivery(void *arg, const struct delivery_row *row)
{
	struct showing *s = arg;
	bool waits = row->state == STATE_WAITING;

	s->count++;
	jot_open(&s->json, NULL, '{');
	jot_str(&s->json, "delivery", row->delivery);
	jot_str(&s->json, "webhook", row->webhook);
	jot_str(&s->json, "endpoint", row->endpoint);
	jot_str(&s->json, "state", state_word(row->state, row->tries));
	jot_int(&s->json, "tries", row->tries);
	jot_time(&s->json, "next_attempt", waits ? row->due_ms : -1);
	jot_open(&s->json, "attempts", '[');
	s->failed |=
	    store_attempts(s->store, row->row, jot_attempt, s, s->why) < 0;
	jot_close(&s->json, ']');
	jot_close(&s->json, '}');
	return 0;
}

static int read_answer(void *arg, const struct delivery_row *row)
{
	struct showing *s = arg;

	s->count++;
	s->failed |=
	    store_attempts(s->store, row->row, keep_answer, s, s->why) < 0;
	return 0;
}

/* Pretty for people; the bytes themselves are --payload's. */
static void show_payload(const struct event_row *event)
{
	json_t *json =
	    json_loadb(event->body, event->body_len, JSON_ALLOW_NUL, NULL);
	char *pretty = json ? json_dumps(json, JSON_INDENT(2)) : NULL;
	auto_buf struct buf line = BUF_INIT(SIZE_MAX / 8);
	const char *at = pretty ? pretty : event->body;
	size_t len = pretty ? strlen(pretty) : event->body_len;

	puts("\nPayload");
	while (len) {
		const char *end = memchr(at, '\n', len);
		size_t width = end ? (size_t)(end - at) : len;

		verb_print_visible(at, width);
		putchar('\n');
		at += width + (end != NULL);
		len -= width + (end != NULL);
	}
	free(pretty);
	json_decref(json);
}

static int query(struct showing *s, const char *id,
    int (*each)(void *arg, const struct delivery_row *row))
{
	struct delivery_query query = { .id = id, .all_states = true };

	return store_deliveries(s->store, &query, each, s, s->why) < 0 ? -1 : 0;
}

static int show_json(
    struct showing *s, const char *id, const struct event_row *event)
{
	s->json = (struct buf)BUF_INIT(SIZE_MAX / 8);
	jot_open(&s->json, NULL, '{');
	jot_event(&s->json, event);
	jot_open(&s->json, "deliveries", '[');
	if (query(s, id, jot_delivery) < 0)
		return -1;
	jot_close(&s->json, ']');
	jot_raw(&s->json, "payload", event->body, event->body_len);
	jot_close(&s->json, '}');
	for (size_t i = 0; i < s->json.len; i++) {
		/* One object a line: the payload's own line ends are white
		 * space there. */
		if (s->json.data[i] == '\n' || s->json.data[i] == '\r')
			s->json.data[i] = ' ';
	}
	puts(buf_text(&s->json));
	buf_clear(&s->json);
	return 0;
}

static int show_text(
    struct showing *s, const char *id, const struct event_row *event)
{
	show_event(event, s);
	if (query(s, id, show_delivery) < 0)
		return -1;
	if (!s->count)
		puts("\nNo webhook took it.");
	show_payload(event);
	return 0;
}

static int show_response(struct showing *s, const char *id)
{
	if (query(s, id, read_answer) < 0)
		return -1;
	fwrite(buf_text(&s->answer), 1, s->answer.len, stdout);
	return 0;
}

static int count_delivery(void *arg, const struct delivery_row *row)
{
	(void)row;
	++*(int64_t *)arg;
	return 0;
}

/* Whether the event has such a delivery; an event id means all, or none. */
static int has_delivery(const struct showing *s, const char *id)
{
	struct delivery_query one = { .id = id, .all_states = true };
	int64_t found = 0;

	if (!id[ID_LEN])
		return 1;
	if (store_deliveries(s->store, &one, count_delivery, &found, s->why) <
	    0)
		return -1;
	return found > 0;
}

static int show_found(
    struct showing *s, const char *id, const struct event_row *event)
{
	if (args_has(s->args, "payload")) {
		fwrite(event->body, 1, event->body_len, stdout);
		return 0;
	}
	if (args_has(s->args, "response"))
		return show_response(s, id);
	if (s->args->common.json)
		return show_json(s, id, event);
	return show_text(s, id, event);
}

/* 1 shown, 0 there is none, -1 could not. */
static int show(struct showing *s, const char *id)
{
	char event_id[ID_SIZE] = "";
	struct event_row event;
	int found;

	s->count = 0;
	buf_reset(&s->answer);
	memcpy(event_id, id, strnlen(id, ID_LEN));
	found = store_event(s->store, event_id, &event, s->why);
	if (found < 1)
		return found;
	found = has_delivery(s, id);
	if (found == 1 && show_found(s, id, &event) < 0)
		found = -1;
	event_row_clear(&event);
	return s->failed ? -1 : found;
}

static int show_id(struct showing *s, const char *id)
{
	const char *rest;
	int found;

	if (!id_is_event(id) && !id_is_delivery(id, &rest)) {
		say_error("\"%s\" is no event or delivery id (see "
			  "\"spoolhook queue\" and \"spoolhook log\")",
		    id);
		return EXIT_NO;
	}
	found = show(s, id);
	if (found < 0)
		say_error("%s", s->why->text);
	else if (found == 0)
		say_error("there is no \"%s\" in the store", id);
	if (found < 0)
		return EXIT_IO;
	return found ? EXIT_OK : EXIT_NO;
}

/* "-": ids on standard input, one a line. */
static int show_listed(struct showing *s)
{
	auto_free char *line = NULL;
	size_t size = 0;
	int code = EXIT_OK;

	while (getline(&line, &size, stdin) >= 0) {
		char *id = line + strspn(line, " \t");
		int one;

		id[strcspn(id, " \t\r\n")] = '\0';
		one = *id ? show_id(s, id) : EXIT_OK;
		if (one != EXIT_OK)
			code = one;
	}
	if (!ferror(stdin))
		return code;
	say_error("standard input: cannot read: %m");
	return EXIT_IO;
}

static int show_all(const struct args *args, const struct conf *conf)
{
	struct why why;
	struct showing s = {
		.args = args,
		.conf = conf,
		.now_ms = now_wall_ms(),
		.answer = BUF_INIT(64 * 1024),
		.why = &why,
	};
	int code = EXIT_OK;
	size_t i;

	s.store = verb_store(args, conf, false, &code);
	for (i = 0; s.store && i < args->operand_count; i++) {
		const char *id = args->operands[i];
		int one =
		    strcmp(id, "-") == 0 ? show_listed(&s) : show_id(&s, id);

		if (one != EXIT_OK)
			code = one;
	}
	buf_clear(&s.answer);
	buf_clear(&s.json);
	store_close(s.store);
	return verb_finish(code);
}

static int run(const struct args *args)
{
	static const char *const parts[] = { "payload", "response", "json",
		NULL };
	auto_conf struct conf *conf = NULL;
	int code = verb_one_of(args, parts);

	if (code != EXIT_OK)
		return code;
	if (!args->operand_count)
		return verb_usage(args, "which event or delivery?");
	conf = verb_conf(args, &code);
	if (!conf)
		return code;
	return show_all(args, conf);
}

const struct verb verb_show = {
	.name = "show",
	.group = "Queue",
	.operands = "ID…|-",
	.summary = "show an event or delivery, its attempts and its payload",
	.options = options,
	.run = run,
};
