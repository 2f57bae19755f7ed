/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * Why a webhook does not take an event: the clause that decided, and what it
 * saw. Beside it what the desk's other verbs need of filters and paths: a
 * filter comes back as the JSON it was made of, and a path can set a value.
 */
#include "model/explain.h"

#include "base/mem.h"
#include "model/path.h"

#include "tap.h"

#include <string.h>

static const char event_text[] =
    "{\"event_type\": \"incident_triggered\","
    " \"service\": {\"id\": \"s1\", \"slug\": \"checkout\"},"
    " \"alert_source\": \"nagios\","
    " \"tags\": {\"severity\": \"low\"},"
    " \"list\": [{\"x\": 1}, {\"x\": 2}, {\"x\": 3}, {\"x\": 4}, {\"x\": 5}],"
    " \"evil\": \"\\u001b[2J\"}";

static void no_fault(void *arg, const char *pointer, const char *code,
    const char *message, const char *help)
{
	(void)arg;
	(void)help;
	printf("Bail out! %s: %s [%s]\n", pointer, message, code);
}

static struct filter *compile(const char *text)
{
	struct filter_faults faults = { .add = no_fault };
	json_auto_t *json = json_loads(text, 0, NULL);

	return filter_compile(json, &faults);
}

static struct explanation explain_with(
    const char *filter, const char *trigger, bool enabled)
{
	char *triggers[] = { mem_strdup(trigger), NULL };
	struct webhook webhook = {
		.enabled = enabled,
		.triggers = triggers,
		.filter = filter ? compile(filter) : NULL,
	};
	struct explanation explanation;
	struct event event = { 0 };
	const char *code;
	struct why why;

	if (event_parse(&event, event_text, strlen(event_text), &code, &why) <
	    0)
		printf("Bail out! %s\n", why.text);
	explain_webhook(&explanation, &webhook, &event);
	event_clear(&event);
	filter_free(webhook.filter);
	free(triggers[0]);
	return explanation;
}

static struct explanation explain(const char *filter)
{
	return explain_with(filter, "incident.triggered", true);
}

/* The only clause of a filter that said no. */
static void decided(const char *filter, const char *pointer, const char *text,
    const char *saw, const char *name)
{
	struct explanation e = explain(filter);

	is_int(e.answer, EXPLAIN_FILTER, name);
	is_int((int)e.count, 1, "... one clause decided");
	is_str(e.clauses[0].pointer, pointer, "... it stands there");
	is_str(e.clauses[0].text, text, "... it is this one");
	if (saw)
		is_str(e.clauses[0].saw, saw, "... and saw this");
	else
		ok(!e.clauses[0].saw, "... and saw nothing");
	explain_clear(&e);
}

static void answers(void)
{
	struct explanation e = explain_with(NULL, "*", true);

	is_int(e.answer, EXPLAIN_TAKES, "an event that is taken");
	explain_clear(&e);
	e = explain_with(NULL, "*", false);
	is_int(e.answer, EXPLAIN_DISABLED, "a webhook that is disabled");
	explain_clear(&e);
	e = explain_with("{\"service\": \"x\"}", "incident_resolved", true);
	is_int(e.answer, EXPLAIN_TRIGGER,
	    "a trigger that does not fit is told before the filter");
	is_int((int)e.count, 0, "... and needs no clause");
	explain_clear(&e);
}

static void clauses(void)
{
	decided("{\"field\": \"tags.severity\", \"op\": \"is\", \"value\": 5}",
	    "", "tags.severity is 5", "\"low\"", "a single condition");
	decided("{\"field\": \"no.such\", \"op\": \"exists\"}", "",
	    "no.such exists", NULL, "a field that is missing");
	decided("{\"all\": [{\"service\": \"checkout\"},"
		" {\"alert_source\": [\"prometheus\"]}, {\"service\": \"x\"}]}",
	    "/all/1", "alert_source in [prometheus]", "\"nagios\"",
	    "the first of an \"all\" that said no");
	decided("{\"not\": {\"any\": [{\"service\": \"x\"},"
		" {\"service\": \"checkout\"}]}}",
	    "/not/any/1", "service in [checkout]", "\"s1\", \"checkout\"",
	    "below a \"not\" the one that said yes");
	decided("{\"field\": \"list[*].x\", \"op\": \"gt\", \"value\": 9}", "",
	    "list[*].x gt 9", "1, 2, 3, 4", "a few of many values");
	decided("{\"field\": \"evil\", \"op\": \"is\", \"value\": \"\"}", "",
	    "evil is \"\"", "\"\\u001B[2J\"",
	    "a value that would write to the terminal");
}

static void alternatives(void)
{
	struct explanation e =
	    explain("{\"any\": [{\"service\": \"x\"}, {\"all\": ["
		    "{\"service\": \"checkout\"}, {\"service\": \"y\"}]}]}");

	is_int((int)e.count, 2, "each member of a failing \"any\" is told");
	is_str(e.clauses[1].pointer, "/any/1/all/1", "... down to its clause");
	explain_clear(&e);
}

/* As many as there are places for, and the number of the others. */
static void many(void)
{
	struct buf text = BUF_INIT(4096);
	struct explanation e;

	buf_puts(&text, "{\"any\": [");
	for (int i = 0; i < CLAUSES_MAX + 3; i++)
		buf_printf(&text, "%s{\"service\": \"x%d\"}", i ? "," : "", i);
	buf_puts(&text, "]}");
	e = explain(buf_text(&text));
	is_int((int)e.count, CLAUSES_MAX, "so many clauses are told");
	is_int((int)e.more, 3, "the others are counted");
	explain_clear(&e);
	buf_clear(&text);
}

static void comes_back(const char *text, const char *name)
{
	struct filter *filter = compile(text);
	json_auto_t *json = filter_json(filter);
	json_auto_t *wanted = json_loads(text, 0, NULL);

	ok(json_equal(json, wanted), "a filter comes back as JSON: %s", name);
	filter_free(filter);
}

static void filters(void)
{
	comes_back("{\"all\": [{\"any\": [{\"service\": [\"a\", \"b\"]}]},"
		   " {\"not\": {\"alert_source\": [\"n\"]}}]}",
	    "groups and names");
	comes_back("{\"field\": \"a[\\\"odd key\\\"][-1]\", \"op\": \"in\","
		   " \"value\": [1, 2.5, \"x\", null, true]}",
	    "paths and values");
	comes_back("{\"field\": \"a\", \"op\": \"matches\","
		   " \"value\": \"^x(y|z)$\"}",
	    "patterns");
	ok(!filter_json(NULL), "no filter is no JSON");
}

/* What `event` is after the path was set to 7, or NULL. */
static char *set(const char *event, const char *text)
{
	json_auto_t *json = json_loads(event, 0, NULL);
	struct path *path = path_parse(text, NULL);
	bool done = path && path_set(path, json, json_integer(7));

	path_free(path);
	return done ? json_dumps(json, JSON_COMPACT) : NULL;
}

static void sets(
    const char *event, const char *path, const char *wanted, const char *name)
{
	char *got = set(event, path);

	is_str(got ? got : "nothing", wanted, name);
	free(got);
}

static void paths(void)
{
	sets("{}", "a", "{\"a\":7}", "a member is added");
	sets("{\"a\":1}", "a", "{\"a\":7}", "or replaced");
	sets("{}", "a.b[\"c d\"]", "{\"a\":{\"b\":{\"c d\":7}}}",
	    "objects on the way are made");
	sets("{\"l\":[1,2]}", "l[-1]", "{\"l\":[1,7]}",
	    "an element is replaced, also from the end");
	sets("{\"l\":[{}]}", "l[0].x", "{\"l\":[{\"x\":7}]}",
	    "or changed within");
	sets("{\"l\":[1]}", "l[1]", "nothing", "but never added");
	sets("{\"l\":[1]}", "l[-2]", "nothing", "nor before the first");
	sets("{\"l\":[1]}", "l[*]", "nothing", "all at once are not set");
	sets("{\"a\":1}", "a.b", "nothing",
	    "a value that is no object has no members");
	sets("{\"a\":[]}", "a.b", "nothing", "nor has a list");
	sets("{}", "l[0].x", "nothing", "lists are not made");
}

int main(void)
{
	answers();
	clauses();
	alternatives();
	many();
	filters();
	paths();
	return done();
}
