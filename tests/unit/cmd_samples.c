/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/* The events that ship with the program. */
#include "cmd/samples.h"

#include "base/mem.h"
#include "model/event.h"
#include "model/trigger.h"
#include "tap.h"

#include <stdint.h>

/* FNV-1a: tells a changed byte without a copy of the text. */
static uint64_t sum(const char *text)
{
	uint64_t hash = 0xcbf29ce484222325;

	for (; *text; text++) {
		hash ^= (unsigned char)*text;
		hash *= 0x100000001b3;
	}
	return hash;
}

/* Length and sum of the documented payloads, with a newline at the end. */
static const struct {
	const char *type;
	size_t len;
	uint64_t sum;
} documented[] = {
	{ "incident_triggered", 1930, 0xf10e0416952db511 },
	{ "incident_reassigned", 2189, 0x3d7ccc78f5bbd4d8 },
	{ "incident_acknowledged", 2340, 0x586d262ccbcd778b },
	{ "incident_resolved", 2620, 0x30a5831092c090d9 },
};

static void documented_ones_are_exact(void)
{
	size_t i;

	for (i = 0; i < sizeof(documented) / sizeof(documented[0]); i++) {
		auto_free char *text = sample_make(documented[i].type);

		ok(text && strlen(text) == documented[i].len &&
			sum(text) == documented[i].sum,
		    "%s is the documented payload, byte for byte",
		    documented[i].type);
	}
}

static void every_known_type_has_one(void)
{
	const char *const *type;

	for (type = trigger_known; *type; type++) {
		auto_free char *text = sample_make(*type);
		struct event event = { 0 };
		struct why why = { "" };
		const char *code = "";

		if (!ok(text &&
			    event_parse(
				&event, text, strlen(text), &code, &why) == 0,
			"%s has a sample that is an event", *type)) {
			printf("# %s: %s\n", code, why.text);
			continue;
		}
		is_str(event.type, *type, "… of this very type");
		is_str(event.incident, "61c075f78589dca75fdb2f44",
		    "… of the sample incident");
		is_str(event.service, "email-trigger", "… of its service");
		event_clear(&event);
	}
}

static void spellings_are_one(void)
{
	auto_free char *dots = sample_make("incident.incident.notes_created");
	auto_free char *lines = sample_make("incident_tags_updated");
	auto_free char *other = sample_make("incident.tags_updated");

	ok(dots, "a dot is as good as a line");
	is_str(lines, other, "in either spelling it is the same sample");
}

static void ids_differ(void)
{
	auto_free char *one = sample_make("incident.postmortem_created");
	auto_free char *two = sample_make("incident.postmortem_updated");
	const char *first = strstr(one, "\"id\"");
	const char *second = strstr(two, "\"id\"");

	ok(strncmp(first, second, 34) != 0, "two types have two event ids");
}

int main(void)
{
	documented_ones_are_exact();
	every_known_type_has_one();
	spellings_are_one();
	ids_differ();
	ok(!sample_make("incident_exploded"), "an unknown type has none");
	ok(!sample_make(""), "nor has no type");
	return done();
}
