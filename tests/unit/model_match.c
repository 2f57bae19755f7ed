/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/* Which webhooks take an event, and that many others cost little. */
#include "model/match.h"

#include "base/mem.h"
#include "model/trigger.h"
#include "tap.h"

#include <time.h>

static void types(void)
{
	ok(trigger_equal("incident_triggered", "incident.triggered"),
	    "both generations spell the same trigger");
	ok(trigger_equal("a.b_c", "a_b.c"), "wherever the dots are");
	ok(!trigger_equal("incident_triggered", "incident_trigger"),
	    "the beginning of a type is another type");
	ok(!trigger_equal("incident_trigger", "incident_triggered"),
	    "either way round");
	ok(!trigger_equal("Incident_triggered", "incident_triggered"),
	    "so is one in capitals");
	ok(!trigger_equal("incident-triggered", "incident_triggered"),
	    "a dash is no dot");
	ok(trigger_equal("", "") && !trigger_equal("", "x"),
	    "nothing equals nothing only");
	ok(trigger_takes("*", "anything.at_all"), "a star takes every type");
	ok(!trigger_takes("incident*", "incident_triggered"),
	    "a star inside a trigger is no pattern");
}

static size_t count(const char *const *words)
{
	size_t n = 0;

	while (words[n])
		n++;
	return n;
}

static void lists(void)
{
	size_t unknown = 0;
	size_t i;
	size_t j;

	is_int((long long)count(trigger_defaults), 4,
	    "four types are taken by default");
	for (i = 0; trigger_defaults[i]; i++) {
		for (j = 0; trigger_known[j]; j++) {
			if (strcmp(trigger_defaults[i], trigger_known[j]) == 0)
				break;
		}
		unknown += !trigger_known[j];
	}
	is_int((long long)unknown, 0, "and each of them is a known one");
}

static char *triggered[] = { (char[]){ "incident_triggered" },
	(char[]){ "incident_resolved" }, NULL };
static char *star[] = { (char[]){ "*" }, NULL };
static char *nothing[] = { NULL };

static void no_fault(void *arg, const char *pointer, const char *code,
    const char *message, const char *help)
{
	(void)arg;
	(void)help;
	printf("# %s %s: %s\n", pointer, code, message);
}

static struct filter *by_service(const char *name)
{
	struct filter_faults sink = { NULL, no_fault };
	json_auto_t *json = json_pack("{s:[s]}", "service", name);

	return filter_compile(json, &sink);
}

static void parse(struct event *event, const char *text)
{
	const char *code = "";
	struct why why = { "" };

	ok(event_parse(event, text, strlen(text), &code, &why) == 0,
	    "%s is an event", text);
}

static void webhooks(void)
{
	struct event event;
	struct webhook hook = { .enabled = true, .triggers = triggered };

	parse(&event,
	    "{\"event\":{\"type\":\"incident.triggered\"},"
	    "\"data\":{\"incident\":{\"service\":{\"slug\":\"db\"}}}}");
	ok(match_webhook(&hook, &event), "a trigger takes its type");
	hook.enabled = false;
	ok(!match_webhook(&hook, &event), "but not when the webhook is off");
	hook.enabled = true;
	hook.triggers = nothing;
	ok(!match_webhook(&hook, &event), "nor without a trigger");
	hook.triggers = star;
	hook.filter = by_service("db");
	ok(match_webhook(&hook, &event), "a filter that passes lets it");
	filter_free(hook.filter);
	hook.filter = by_service("web");
	ok(!match_webhook(&hook, &event), "one that does not keeps it out");
	filter_free(hook.filter);
	event_clear(&event);
}

static void order(void)
{
	struct webhook a = { .enabled = true, .triggers = star };
	struct webhook b = { .enabled = true, .triggers = nothing };
	struct webhook c = { .enabled = true, .triggers = triggered };
	struct webhook *all[] = { &a, &b, &c };
	struct conf conf = { .webhooks = all, .webhook_count = 3 };
	const struct webhook *hits[3] = { NULL };
	struct event event;

	parse(&event, "{\"event_type\":\"incident_resolved\"}");
	is_int((long long)match_event(&conf, &event, hits), 2,
	    "every webhook is asked");
	ok(hits[0] == &a && hits[1] == &c, "hits come in their order");
	conf.webhook_count = 0;
	is_int((long long)match_event(&conf, &event, hits), 0,
	    "without webhooks there is no hit");
	event_clear(&event);
}

/* The bound is fifty times what it takes here, for slow machines and for
 * builds with sanitizers. */
static void many(void)
{
	enum { HOOKS = 10000, EVENTS = 50, MS_MAX = 5000 };
	struct webhook *hooks = mem_array(HOOKS, sizeof(*hooks));
	struct webhook **all = mem_array(HOOKS, sizeof(struct webhook *));
	const struct webhook **hits =
	    mem_array(HOOKS, sizeof(const struct webhook *));
	struct conf conf = { .webhooks = all, .webhook_count = HOOKS };
	struct event event;
	clock_t start;
	size_t found = 0;
	size_t i;

	for (i = 0; i < HOOKS; i++) {
		hooks[i].enabled = true;
		hooks[i].triggers = i == HOOKS / 2 ? star : triggered;
		all[i] = &hooks[i];
	}
	parse(&event, "{\"event_type\":\"incident_reassigned\"}");
	start = clock();
	for (i = 0; i < EVENTS; i++)
		found += match_event(&conf, &event, hits);
	is_int((long long)found, EVENTS, "one of 10,000 webhooks is found");
	ok((clock() - start) / (CLOCKS_PER_SEC / 1000) < MS_MAX,
	    "and the others cost a few comparisons");
	event_clear(&event);
	free(hooks);
	free(all);
	free(hits);
}

int main(void)
{
	types();
	lists();
	webhooks();
	order();
	many();
	return done();
}
