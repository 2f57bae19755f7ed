/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/* Events of both generations give one view; what is no event is explained. */
#include "model/event.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "model/path.h"
#include "tap.h"

#include <fcntl.h>

static int parse_text(
    struct event *event, const char *text, const char **code, struct why *why)
{
	/* A copy without a NUL behind it, so that a look there is found out. */
	size_t len = strlen(text);
	auto_free char *bytes = mem_dup(text, len);

	return event_parse(event, bytes, len, code, why);
}

static void refuses(
    const char *text, const char *code, const char *part, const char *name)
{
	struct event event;
	const char *got = "";
	struct why why = { "" };

	is_int(parse_text(&event, text, &got, &why), -1, name);
	is_str(got, code, "its code says what kind of trouble it is");
	has_str(why.text, part, "and its sentence what to change");
	ok(!event.view && !event.number, "and nothing is left to be freed");
}

static void no_events(void)
{
	refuses("", "not_event", "object", "nothing is no event");
	refuses("[{\"event_type\":\"x\"}]", "not_event", "object",
	    "an array is no event");
	refuses("\"x\"", "not_event", "object", "nor is a string");
	refuses("7", "not_event", "object", "nor is a number");
	refuses("{}", "not_event", "\"event_type\"",
	    "nor is an object without a type");
	refuses("{\"event\":{\"id\":\"1\"}}", "not_event", "\"type\"",
	    "nor is one whose event has none");
	refuses("{\"event\":\"x\",\"data\":7}", "not_event", "neither",
	    "nor is one whose event is none");
	refuses("{\"event_type\":7}", "not_event", "no string",
	    "a type is a string");
	refuses("{\"event_type\":null}", "not_event", "no string", "not null");
	refuses("{\"event_type\":\"\"}", "not_event", "empty", "not empty");
	refuses("{\"event\":{\"type\":[]}}", "not_event", "no string",
	    "in v2 as well");
	refuses("{\"event_type\":\"a\\nb\"}", "not_event", "control",
	    "and has no newline");
	refuses("{\"event_type\":\"a\\u0000b\"}", "not_event", "control",
	    "and no NUL");
	refuses("{\"event_type\":\"a\\u007f\"}", "not_event", "control",
	    "and no DEL");
	refuses("{\"event_type\":\"a\\u0085\"}", "not_event", "control",
	    "and no C1 control");
}

static void types(void)
{
	auto_free char *longest = mem_alloc(EVENT_TYPE_MAX + 1);
	auto_free char *fits = NULL;
	auto_free char *over = NULL;
	struct event event;
	const char *code;
	struct why why;

	memset(longest, 't', EVENT_TYPE_MAX);
	longest[EVENT_TYPE_MAX] = '\0';
	fits = mem_printf("{\"event_type\":\"%s\"}", longest);
	over = mem_printf("{\"event_type\":\"%st\"}", longest);
	refuses(
	    over, "not_event", "128", "a type is not longer than its bound");
	ok(parse_text(&event, fits, &code, &why) == 0, "and may be as long");
	is_str(event.type, longest, "and is whole then");
	is_str(event.incident, "", "an event needs no incident");
	is_str(event.service, "", "no service");
	is_str(event.alert_source, "", "no alert source");
	is_str(event.message, "", "and no message");
	event_clear(&event);
	event_clear(&event);
	ok(!event.view, "an event can be cleared twice");
}

static void unsupported(void)
{
	refuses("{\"event_type\":\"x\",\"n\":1e999}", "unsupported", "number",
	    "a number that no double holds is not supported");
	refuses("{\"event_type\":\"x\",\"a\\u0000b\":1}", "unsupported", "NUL",
	    "nor is NUL in a key");
	refuses("{\"event_type\":\"x\"", "syntax", "not JSON",
	    "what was not scanned may be no JSON");
	refuses("{\"event_type\":\"x\"} x", "syntax", "not JSON",
	    "or more than one value");
}

static void accepted(const char *text, const char *incident, const char *name)
{
	struct event event;
	const char *code = "";
	struct why why = { "" };

	if (!ok(parse_text(&event, text, &code, &why) == 0, "%s", name)) {
		printf("# %s: %s\n", code, why.text);
		return;
	}
	is_str(event.incident, incident, "and its incident is known");
	event_clear(&event);
}

static void oddities(void)
{
	accepted("{\"event_type\":\"x\",\"id\":\"a\",\"id\":\"b\"}", "b",
	    "of a key twice the last counts");
	accepted("{\"event_type\":\"x\",\"m\":\"a\\u0000b\"}", "",
	    "NUL in a value is fine");
	accepted("{\"event_type\":\"x\",\"id\":7}", "7",
	    "an incident may be a number");
	accepted("{\"event_type\":\"x\",\"id\":-9223372036854775808}",
	    "-9223372036854775808", "a large one");
	accepted("{\"event_type\":\"x\",\"id\":5,\"n\":99999999999999999999}",
	    "5", "an integer over 64 bits elsewhere changes nothing");
	accepted("{\"event_type\":\"x\",\"id\":18446744073709551616}",
	    "18446744073709551616", "nor does one in the incident");
	accepted("{\"event_type\":\"x\",\"id\":1.5}", "",
	    "half a number is no incident");
	accepted(
	    "{\"event_type\":\"x\",\"id\":{\"a\":1}}", "", "nor is an object");
	accepted("{\"event_type\":\"x\",\"id\":null}", "", "nor is null");
	accepted("{\"event_type\":\"x\",\"event\":{\"type\":7}}", "",
	    "v1 comes first when both are there");
	accepted(" \n{\"event_type\":\"\xc3\xa9v\xc3\xa9nement\"}\n", "",
	    "a type may be in any language");
}

static void long_incident(void)
{
	auto_free char *id = mem_alloc(100001);
	auto_free char *text = NULL;

	memset(id, 'i', 100000);
	id[100000] = '\0';
	text = mem_printf("{\"event_type\":\"x\",\"id\":\"%s\"}", id);
	accepted(text, id, "an incident's id is exact at any length");
}

static bool load(struct event *event, const char *name)
{
	auto_free char *path = mem_printf("tests/data/%s.json", name);
	auto_buf struct buf text = BUF_INIT(1 << 20);
	const char *code = "";
	struct why why = { "" };

	return ok(file_read(AT_FDCWD, path, &text, &why) == 0 &&
		event_parse(event, text.data, text.len, &code, &why) == 0,
	    "the sample %s is an event", name);
}

static void seed_samples(void)
{
	static const char *const names[] = { "triggered", "reassigned",
		"acknowledged", "resolved", NULL };
	size_t i;

	for (i = 0; names[i]; i++) {
		auto_free char *type = mem_printf("incident_%s", names[i]);
		struct event event;

		if (!load(&event, names[i]))
			continue;
		is_str(event.type, type, "with its type");
		is_str(event.incident, "61c075f78589dca75fdb2f44",
		    "and its incident");
		is_str(event.service, "email-trigger", "and its service");
		is_str(
		    event.alert_source, "squadcastui", "and its alert source");
		has_str(event.message, "CPU Throttling", "and its message");
		event_clear(&event);
	}
}

static void view_holds(const struct event *event, const char *text,
    const char *wanted, const char *name)
{
	struct path *path = path_parse(text, NULL);

	is_str(json_string_value(path_first(path, event->view)), wanted, name);
	path_free(path);
}

static void check_v2(const struct event *event)
{
	is_str(event->incident, "6630b2a1c7e05f0012ab3401",
	    "with the incident's id");
	is_str(event->service, "checkout-api", "and service");
	is_str(event->alert_source, "nagios", "and alert source");
	is_str(event->message, "p99 latency above 2 s on checkout-api",
	    "and message");
	view_holds(event, "service.name", "Checkout API",
	    "the incident's fields are at the top");
	view_holds(event, "event_type", event->type, "so is the type");
	view_holds(event, "event.type", event->type, "the raw event is there");
	view_holds(event, "data.organization.name", "Harbour Lane Goods",
	    "and the raw data");
	view_holds(event, "version", "v2", "and the version");
	view_holds(event, "organization.name", "Harbour Lane Goods",
	    "the organization is filled in");
	view_holds(
	    event, "owner.name", "Storefront", "and the owner, from the team");
}

static void v2_samples(void)
{
	static const char *const samples[][2] = {
		{ "v2-triggered", "incident.triggered" },
		{ "v2-tags-updated", "incident.tags_updated" },
		{ "v2-note-created", "incident.incident_notes_created" },
		{ "v2-task-completed", "incident.incident_task_completed" },
		{ NULL, NULL },
	};
	size_t i;

	for (i = 0; samples[i][0]; i++) {
		struct event event;

		if (!load(&event, samples[i][0]))
			continue;
		is_str(event.type, samples[i][1], "with its type");
		check_v2(&event);
		event_clear(&event);
	}
}

static void v2_edges(void)
{
	struct event event;
	const char *code;
	struct why why;

	accepted("{\"event\":{\"type\":\"x\"}}", "",
	    "a v2 event may be without data");
	accepted("{\"event\":{\"type\":\"x\"},\"data\":{\"resource_data\":"
		 "{\"id\":\"r\"}}}",
	    "r", "without a resource the data is the incident");
	accepted("{\"event\":{\"type\":\"x\",\"resource\":\"incident_task\"},"
		 "\"data\":{\"resource_data\":{\"id\":\"r\"}}}",
	    "", "a task's id is not the incident's");
	accepted("{\"event\":{\"type\":\"x\"},\"data\":{\"resource_type\":"
		 "\"incident\",\"resource_data\":{\"id\":\"r\"}}}",
	    "r", "the resource may stand in the data");
	accepted("{\"event\":{\"type\":\"x\",\"resource\":\"incident\"},"
		 "\"data\":{\"resource_data\":[1,2]}}",
	    "", "an incident that is none is none");
	parse_text(&event,
	    "{\"event\":{\"type\":\"x\",\"resource\":\"incident\"},\"data\":"
	    "{\"team\":{\"name\":\"t\"},\"resource_data\":{\"owner\":"
	    "{\"name\":\"o\"},\"event_type\":\"y\",\"data\":\"z\"}}}",
	    &code, &why);
	is_str(event.type, "x", "the event's type is not the incident's field");
	view_holds(&event, "owner.name", "o",
	    "an owner that is there is not replaced");
	view_holds(&event, "data.team.name", "t",
	    "and the raw data is not hidden by the incident");
	event_clear(&event);
}

static void names(void)
{
	struct event event;
	const char *code;
	struct why why;

	parse_text(&event,
	    "{\"event_type\":\"x\",\"service\":{\"id\":\"1\",\"slug\":\"\","
	    "\"name\":\"n\"},\"alert_source\":\"nagios\",\"message\":7}",
	    &code, &why);
	is_str(event.service, "n", "an empty slug is passed over");
	is_str(event.alert_source, "nagios", "a bare string names itself");
	is_str(event.message, "", "a message that is no text is none");
	event_clear(&event);
}

int main(void)
{
	no_events();
	types();
	unsupported();
	oddities();
	long_incident();
	seed_samples();
	v2_samples();
	v2_edges();
	names();
	return done();
}
