/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * What does it cost to find the webhooks that take an event? WEBHOOKS of them,
 * each with a filter for a service of its own, and events that match one.
 * Prints microseconds of CPU for one event.
 *
 *     match WEBHOOKS [EVENTS]
 */
#include "model/match.h"
#include "base/mem.h"
#include "model/conf.h"
#include "model/event.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static struct findings findings;

static double cpu_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static struct conf *make_conf(long webhooks)
{
	struct conf_draft *draft = conf_draft_new("/");
	const struct conf_secrets none = { .need = SECRETS_OPTIONAL };
	long i;

	for (i = 0; i < webhooks; i++) {
		auto_free char *id = mem_printf("w%05ld", i);
		auto_free char *file = mem_printf("webhooks.d/%s.json", id);
		auto_free char *text =
		    mem_printf("{\"endpoints\":[\"http://127.0.0.1/\"],"
			       "\"filter\":{\"service\":[\"svc-%05ld\"]}}",
			i);

		conf_draft_webhook(
		    draft, id, file, text, strlen(text), &none, &findings);
	}
	return conf_draft_finish(draft, &findings);
}

/* An event of the size that incidents have. */
static void read_event(struct event *event, long service)
{
	auto_free char *text = mem_printf(
	    "{\"event_type\":\"incident_triggered\",\"id\":\"%024ld\","
	    "\"service\":{\"id\":\"1\",\"name\":\"a\",\"slug\":\"svc-%05ld\"},"
	    "\"message\":\"CPU throttling\",\"status\":\"triggered\"}",
	    service, service);
	const char *code;
	struct why why;

	if (event_parse(event, text, strlen(text), &code, &why) == 0)
		return;
	fprintf(stderr, "match: %s\n", why.text);
	exit(1);
}

static double match_all(const struct conf *conf, long webhooks, long events)
{
	const struct webhook **hits =
	    mem_array((size_t)webhooks, sizeof(*hits));
	double spent_us = 0;
	long i;

	for (i = 0; i < events; i++) {
		struct event event = { 0 };
		double from_us;

		read_event(&event, i * 7919 % webhooks);
		from_us = cpu_us();
		if (match_event(conf, &event, hits) != 1) {
			fprintf(stderr, "match: not one webhook\n");
			exit(1);
		}
		spent_us += cpu_us() - from_us;
		event_clear(&event);
	}
	free(hits);
	return spent_us;
}

int main(int argc, char **argv)
{
	long webhooks = argc > 1 ? strtol(argv[1], NULL, 10) : 10;
	long events = argc > 2 ? strtol(argv[2], NULL, 10) : 2000;
	struct conf *conf = webhooks > 0 ? make_conf(webhooks) : NULL;

	if (!conf) {
		fprintf(stderr, "usage: match WEBHOOKS [EVENTS]\n");
		return 64;
	}
	printf("%.3f\n", match_all(conf, webhooks, events) / (double)events);
	findings_clear(&findings);
	conf_free(conf);
	return 0;
}
