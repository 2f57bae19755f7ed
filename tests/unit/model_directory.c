/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/* The directory leaves out no webhook that takes an event, whatever it asks. */
#include "model/directory.h"

#include "base/mem.h"
#include "model/conf.h"
#include "model/match.h"
#include "tap.h"

#include <string.h>

static const char *const filters[] = {
	"{\"service\":[\"s1\"]}",
	"{\"service\":[\"s2\",\"s.3\"]}",
	"{\"alert_source\":[\"a1\",\"s1\"]}",
	"{\"all\":[{\"alert_source\":[\"a2\"]},{\"service\":[\"s1\",\"s2\"]}]}",
	"{\"all\":[{\"field\":\"n\",\"op\":\"is\",\"value\":1},"
	"{\"alert_source\":[\"a1\"]}]}",
	"{\"any\":[{\"service\":[\"s1\"]},{\"alert_source\":[\"a2\"]}]}",
	"{\"not\":{\"service\":[\"s1\"]}}",
	"{\"all\":[{\"any\":[{\"service\":[\"s_3\"]},{\"service\":[\"s2\"]}]}]}",
	"{\"field\":\"n\",\"op\":\"is_not\",\"value\":1}",
	"",
};

static const char *const triggers[] = { "", "[\"*\"]",
	"[\"incident.resolved\",\"*\"]", "[\"incident_resolved\"]",
	"[\"s1\",\"incident.triggered\"]" };

static const char *const services[] = {
	"\"service\":\"s1\",",
	"\"service\":{\"id\":\"s1\",\"slug\":\"s2\",\"name\":\"s1\"},",
	"\"service\":{\"name\":\"s.3\"},",
	"\"service\":{\"slug\":\"s_3\",\"id\":1},",
	"\"service\":[\"s1\"],",
	"",
};

static const char *const sources[] = {
	"\"alert_source\":{\"id\":\"a1\",\"type\":\"a2\",\"short_name\":\"x\"},",
	"\"alert_source\":{\"short_name\":\"s1\"},",
	"\"alert_source\":\"a2\",",
	"\"alert_source\":null,",
	"",
};

static const char *const types[] = { "incident_resolved", "incident.triggered",
	"s1", "*" };

#define LENGTH(a) (sizeof(a) / sizeof(*(a)))

static char *webhook_text(size_t filter, size_t trigger, bool enabled)
{
	const char *f = filters[filter];
	const char *t = triggers[trigger];

	return mem_printf("{\"endpoints\":[\"http://127.0.0.1/\"]%s%s%s%s%s}",
	    *f ? ",\"filter\":" : "", f, *t ? ",\"triggers\":" : "", t,
	    enabled ? "" : ",\"enabled\":false");
}

/* Every filter with every trigger, and each seventh is off. */
static struct conf *make_conf(void)
{
	const struct conf_secrets none = { .need = SECRETS_OPTIONAL };
	struct conf_draft *draft = conf_draft_new("/");
	struct findings findings = { 0 };
	struct conf *conf;
	size_t i;

	for (i = 0; i < LENGTH(filters) * LENGTH(triggers); i++) {
		auto_free char *id = mem_printf("w%03zu", i);
		auto_free char *text = webhook_text(
		    i % LENGTH(filters), i / LENGTH(filters), i % 7 != 3);

		conf_draft_webhook(
		    draft, id, id, text, strlen(text), &none, &findings);
	}
	conf = conf_draft_finish(draft, &findings);
	findings_clear(&findings);
	return conf;
}

/* How often the directory's answer is not that of asking each; *hits counts. */
static size_t differences(
    const struct conf *conf, const char *text, size_t *hits)
{
	const struct webhook *found[LENGTH(filters) * LENGTH(triggers)];
	struct event event = { 0 };
	size_t wrong = 0;
	size_t at = 0;
	const char *code;
	struct why why;
	size_t count;
	size_t i;

	if (event_parse(&event, text, strlen(text), &code, &why) < 0)
		return 1;
	count = match_event(conf, &event, found);
	for (i = 0; i < conf->webhook_count; i++) {
		if (!match_webhook(conf->webhooks[i], &event))
			continue;
		wrong += at >= count || found[at] != conf->webhooks[i];
		at++;
	}
	*hits += count;
	event_clear(&event);
	return wrong + (at != count);
}

static void all_events(const struct conf *conf)
{
	size_t wrong = 0;
	size_t hits = 0;
	size_t s;
	size_t a;
	size_t t;

	for (s = 0; s < LENGTH(services); s++) {
		for (a = 0; a < LENGTH(sources); a++) {
			for (t = 0; t < LENGTH(types); t++) {
				auto_free char *text = mem_printf(
				    "{%s%s\"n\":%d,\"event_type\":\"%s\"}",
				    services[s], sources[a], (int)(s % 2),
				    types[t]);

				wrong += differences(conf, text, &hits);
			}
		}
	}
	is_int((long long)wrong, 0,
	    "for every event it finds whom asking each would find, in order");
	ok(hits > 500, "and these were many (%zu)", hits);
}

static void narrow(const struct conf *conf)
{
	static const char text[] =
	    "{\"event_type\":\"x\",\"service\":\"nobody\"}";
	struct directory_walk walk;
	struct event event = { 0 };
	size_t asked = 0;
	const char *code;
	struct why why;
	size_t place;

	ok(event_parse(&event, text, sizeof(text) - 1, &code, &why) == 0,
	    "an event that bears names of nobody");
	directory_ask(conf->directory, &event, &walk);
	while (directory_next(&walk, &place)) {
		asked++;
		if (filter_insists(conf->webhooks[place]->filter, "service"))
			asked += 1000;
	}
	ok(asked > 0 && asked < 1000,
	    "asks nobody who insists on a service of his own");
	event_clear(&event);
}

static void empty(void)
{
	static const char text[] = "{\"event_type\":\"x\"}";
	struct directory *none = directory_new(NULL, 0);
	struct directory_walk walk;
	struct event event = { 0 };
	const char *code;
	struct why why;
	size_t place;

	ok(event_parse(&event, text, sizeof(text) - 1, &code, &why) == 0,
	    "an event");
	directory_ask(none, &event, &walk);
	ok(!directory_next(&walk, &place), "finds nobody where nobody is");
	event_clear(&event);
	directory_free(none);
}

int main(void)
{
	struct conf *conf = make_conf();

	ok(conf, "webhooks with every filter and every trigger");
	if (!conf)
		return done();
	all_events(conf);
	narrow(conf);
	empty();
	conf_free(conf);
	return done();
}
