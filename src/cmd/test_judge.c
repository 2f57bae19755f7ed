/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * cmd/test_judge: one case of a test: its event, from a file, a sample or the
 * case itself, with the changes in it; then who takes it, and what would be
 * sent. Matching and building requests is the daemon's own code. Reads files
 * only, and prints nothing.
 */
#include "base/file.h"
#include "base/jot.h"
#include "base/mem.h"
#include "base/now.h"
#include "cmd/places.h"
#include "cmd/samples.h"
#include "cmd/test.h"
#include "model/explain.h"
#include "model/trigger.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* ---- a case's event ---------------------------------------------------- */

static void say_event(struct trial *t, const char *code, const char *message)
{
	auto_free char *pointer = mem_printf("%s/event", t->pointer);

	suite_say(t->suite, pointer, code, message, NULL, &t->bench->findings);
}

static char *read_event_file(struct trial *t, const char *name)
{
	const char *slash = strrchr(t->suite->file, '/');
	auto_free char *folder = mem_strndup(
	    t->suite->file, slash ? (size_t)(slash - t->suite->file) : 0);
	auto_free char *path = file_join(folder, name);
	struct buf text = BUF_INIT(TEST_FILE_MAX);
	struct why why;

	if (file_read(AT_FDCWD, path, &text, &why) == 0 &&
	    strlen(buf_text(&text)) == text.len)
		return buf_steal(&text);
	if (text.len)
		fail(&why, "%s: holds a NUL", path);
	buf_clear(&text);
	say_event(t, "no-event", why.text);
	return NULL;
}

/* The event's text, with the changes of "set" in it; the caller's. */
static char *change(struct trial *t, const char *text)
{
	json_auto_t *event = NULL;
	auto_free char *below = NULL;
	auto_free char *pointer = NULL;
	json_error_t error;
	char *changed;

	event = json_loads(text, JSON_ALLOW_NUL, &error);
	if (!event) {
		say_event(t, "no-event", error.text);
		return NULL;
	}
	if (!suite_change(t->test, event, &below)) {
		pointer = mem_printf("%s%s", t->pointer, below);
		suite_say(t->suite, pointer, "bad-path",
		    "leads nowhere in this event",
		    "objects on the way are made, elements of lists are not",
		    &t->bench->findings);
		return NULL;
	}
	changed = json_dumps(event, JSON_COMPACT);
	if (!changed)
		mem_exhausted();
	return changed;
}

static bool is_sample(const char *name)
{
	size_t i;

	for (i = 0; trigger_known[i]; i++) {
		if (strcmp(trigger_known[i], name) == 0)
			return true;
	}
	return false;
}

static char *event_text(struct trial *t)
{
	json_t *given = json_object_get(t->test, "event");
	const char *name = json_string_value(given);
	auto_free char *text = NULL;

	if (!name) {
		text = json_dumps(given, JSON_COMPACT);
		if (!text)
			mem_exhausted();
	} else if (is_sample(name)) {
		text = sample_make(name);
	} else {
		text = read_event_file(t, name);
	}
	if (!text || !json_object_get(t->test, "set"))
		return take(&text);
	return change(t, text);
}

/* ---- judging ----------------------------------------------------------- */

static void add_fault(void *arg, const char *pointer, const char *what,
    const char *wanted, const char *got)
{
	struct trial *t = arg;
	auto_free char *whole = mem_printf("%s%s", t->pointer, pointer);
	size_t line;
	size_t column;

	suite_place(t->suite, whole, &line, &column);
	t->faults++;
	buf_printf(&t->text, "#   %s:%zu:%zu: ", t->suite->file, line, column);
	if (t->endpoint)
		buf_printf(&t->text, "endpoint %s: ", t->endpoint);
	buf_printf(&t->text, "%s: wanted %s, got %s\n", what, wanted, got);
	jot_open(&t->json, NULL, '{');
	jot_int(&t->json, "line", (int64_t)line);
	jot_int(&t->json, "column", (int64_t)column);
	jot_str(&t->json, "endpoint", t->endpoint);
	jot_str(&t->json, "what", what);
	jot_str(&t->json, "wanted", wanted);
	jot_str(&t->json, "got", got);
	jot_close(&t->json, '}');
}

static void add_clause(
    struct trial *t, const struct webhook *webhook, const struct clause *clause)
{
	auto_free char *pointer = mem_printf("/filter%s", clause->pointer);
	struct place place;

	place_find(&place, t->bench->conf, webhook->id, pointer);
	buf_printf(&t->text, "#   decided by %s:%zu: %s%s: the event has %s\n",
	    place.file, place.line, clause->passed ? "not " : "", clause->text,
	    clause->saw ? clause->saw : "none");
	place_clear(&place);
}

/* Why it was not taken; or, when it should not have been, what it passed. */
static void add_decision(struct trial *t, const struct webhook *webhook,
    const struct explanation *explanation)
{
	size_t i;

	switch (explanation->answer) {
	case EXPLAIN_TAKES:
		buf_printf(&t->text, "#   webhook %s takes it: ", webhook->id);
		filter_print(webhook->filter, &t->text);
		buf_putc(&t->text, '\n');
		break;
	case EXPLAIN_TRIGGER:
		buf_printf(&t->text, "#   no trigger of webhook %s fits\n",
		    webhook->id);
		break;
	case EXPLAIN_DISABLED:
		buf_printf(
		    &t->text, "#   webhook %s is disabled\n", webhook->id);
		break;
	case EXPLAIN_FILTER:
		break;
	}
	for (i = 0; i < explanation->count; i++)
		add_clause(t, webhook, &explanation->clauses[i]);
}

static void judge_request(
    struct trial *t, const struct event *event, const char *text, size_t i)
{
	struct suite_faults faults = { .arg = t, .add = add_fault };
	const struct endpoint *endpoint = &t->webhook->endpoints[i];
	auto_free char *body = mem_strdup(text);
	struct request request;
	struct request_case from = {
		.conf = t->bench->conf,
		.webhook = t->webhook,
		.endpoint = endpoint,
		.event_id = "0000000000000000",
		.event_type = event->type,
		.attempt = 1,
		.now_ms = now_wall_ms(),
	};

	t->endpoint = endpoint->id;
	request_build(&request, &from, &body, strlen(text));
	suite_judge_request(t->test, &request, &faults);
	request_clear(&request);
	t->endpoint = NULL;
}

static void judge(struct trial *t, const struct event *event, const char *text)
{
	struct suite_faults faults = { .arg = t, .add = add_fault };
	const char *only = suite_endpoint(t->test);
	struct explanation explanation;
	bool takes;
	size_t i;

	explain_rules(&explanation, t->webhook, event);
	takes = explanation.answer == EXPLAIN_TAKES;
	suite_judge_match(t->test, t->webhook, takes, &faults);
	if (takes != suite_match(t->test))
		add_decision(t, t->webhook, &explanation);
	explain_clear(&explanation);
	for (i = 0; takes && i < t->webhook->endpoint_count; i++) {
		if (!only || strcmp(only, t->webhook->endpoints[i].id) == 0)
			judge_request(t, event, text, i);
	}
}

static bool names(const json_t *ids, const char *id)
{
	size_t i;

	for (i = 0; i < json_array_size(ids); i++) {
		if (strcmp(json_string_value(json_array_get(ids, i)), id) == 0)
			return true;
	}
	return false;
}

/* Who takes the event, as the daemon would have it: by rules, and enabled. */
static json_t *takers_of(const struct conf *conf, const struct event *event)
{
	json_t *takers = json_array();
	struct explanation explanation;
	size_t i;

	for (i = 0; i < conf->webhook_count; i++) {
		explain_webhook(&explanation, conf->webhooks[i], event);
		if (explanation.answer == EXPLAIN_TAKES &&
		    json_array_append_new(
			takers, json_string(conf->webhooks[i]->id)) < 0)
			mem_exhausted();
		explain_clear(&explanation);
	}
	return takers;
}

static void judge_webhooks(struct trial *t, const struct event *event)
{
	struct suite_faults faults = { .arg = t, .add = add_fault };
	const struct conf *conf = t->bench->conf;
	const json_t *wanted = suite_webhooks(t->test);
	json_auto_t *takers = NULL;
	struct explanation explanation;
	size_t i;

	if (!wanted)
		return;
	takers = takers_of(conf, event);
	if (suite_judge_webhooks(t->test, takers, &faults))
		return;
	for (i = 0; i < conf->webhook_count; i++) {
		const char *id = conf->webhooks[i]->id;

		if (names(wanted, id) == names(takers, id))
			continue;
		explain_webhook(&explanation, conf->webhooks[i], event);
		add_decision(t, conf->webhooks[i], &explanation);
		explain_clear(&explanation);
	}
}

/* ---- the case ---------------------------------------------------------- */

bool test_judge(struct trial *t)
{
	auto_free char *text = event_text(t);
	struct event event = { 0 };
	const char *code;
	struct why why;

	if (!text)
		return false;
	if (event_parse(&event, text, strlen(text), &code, &why) < 0) {
		say_event(t, "no-event", why.text);
		return false;
	}
	jot_open(&t->json, NULL, '[');
	judge_webhooks(t, &event);
	if (suite_is_about_one(t->test))
		judge(t, &event, text);
	jot_close(&t->json, ']');
	event_clear(&event);
	return true;
}
