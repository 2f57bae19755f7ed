/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * model/event: makes of an event's bytes the one view that filters, lanes and
 * log lines use, whichever generation the payload is of. It looks for as
 * little as possible: the type must be there, all else may be missing or of
 * another kind than expected, and reads as "". It never writes JSON: what is
 * sent are the bytes that came, and the parsed numbers serve comparisons only
 * (an integer over 64 bits becomes the nearest double).
 */
#include "model/event.h"

#include "base/mem.h"
#include "model/scan.h"
#include "model/skim.h"

#include <math.h>
#include <string.h>

/* Doubles beyond it have no digits that mean anything in an id. */
static const double ID_NUMBER_MAX = 1e30;

static const char *const service_names[] = { "slug", "name", "id", NULL };
static const char *const source_names[] = { "short_name", "type", "id", NULL };

static int refuse(const char **code, const char *word)
{
	*code = word;
	return -1;
}

/* jansson's words tell of parsers; these tell what to change. */
static int explain(
    const json_error_t *error, const char **code, struct why *why)
{
	switch (json_error_code(error)) {
	case json_error_numeric_overflow:
		fail(why, "a number is too large to be read");
		return refuse(code, "unsupported");
	case json_error_null_byte_in_key:
		fail(why, "a key holds the character NUL (\\u0000)");
		return refuse(code, "unsupported");
	case json_error_stack_overflow:
		fail(why, "nested too deeply");
		return refuse(code, "too_deep");
	default:
		fail(why, "not JSON: %s", error->text);
		return refuse(code, "syntax");
	}
}

static json_t *parse(
    const char *bytes, size_t len, const char **code, struct why *why)
{
	size_t start = scan_blank(bytes, len, 0, 0);
	json_error_t error;
	json_t *root;

	if (start == len || bytes[start] != '{') {
		fail(why, "an event is a JSON object { … }, this is none");
		refuse(code, "not_event");
		return NULL;
	}
	root = json_loadb(bytes, len, JSON_ALLOW_NUL, &error);
	if (!root && json_error_code(&error) == json_error_numeric_overflow)
		root = json_loadb(bytes, len,
		    JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, &error);
	if (!root)
		explain(&error, code, why);
	return root;
}

/* C0, DEL, and C1 as UTF-8 spells it. */
static bool has_control(const char *s, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c < 0x20 || c == 0x7f)
			return true;
		if (c == 0xc2 && i + 1 < len && (unsigned char)s[i + 1] < 0xa0)
			return true;
	}
	return false;
}

static int check_type(const json_t *type, const char *where, struct why *why)
{
	size_t len = json_string_length(type);

	if (!json_is_string(type))
		return fail(why, "%s is no string", where);
	if (!len)
		return fail(why, "%s is empty", where);
	if (len > EVENT_TYPE_MAX)
		return fail(
		    why, "%s is longer than %d bytes", where, EVENT_TYPE_MAX);
	if (has_control(json_string_value(type), len))
		return fail(why, "%s holds a control character", where);
	return 0;
}

/* Where each generation keeps the type; -1 when it is of neither. */
static int find_type(const json_t *root, json_t **type, bool *v2,
    const char **code, struct why *why)
{
	json_t *inner = json_object_get(json_object_get(root, "event"), "type");
	const char *where = "\"event_type\"";

	*type = json_object_get(root, "event_type");
	*v2 = inner && !json_is_string(*type);
	if (*v2) {
		*type = inner;
		where = "\"type\" in \"event\"";
	}
	if (!*type) {
		fail(why,
		    "neither \"event_type\" nor \"type\" in \"event\" "
		    "is there to tell what happened");
		return refuse(code, "not_event");
	}
	if (check_type(*type, where, why) < 0)
		return refuse(code, "not_event");
	return 0;
}

/* Where v2 keeps the incident: in resource_data when the event is about the
 * incident itself, else beside it. */
static json_t *v2_incident(const json_t *root)
{
	const json_t *data = json_object_get(root, "data");
	json_t *incident = json_object_get(data, "incident");
	json_t *about = json_object_get(data, "resource_data");
	const char *resource = json_string_value(
	    json_object_get(json_object_get(root, "event"), "resource"));

	if (!resource)
		resource =
		    json_string_value(json_object_get(data, "resource_type"));
	if (!resource)
		return incident ? incident : about;
	if (strcmp(resource, "incident") == 0 ||
	    strcmp(resource, "incident_tags") == 0)
		return about;
	return incident;
}

static void put(json_t *view, const char *key, json_t *value)
{
	if (value && json_object_set(view, key, value) < 0)
		mem_exhausted();
}

static void fill_in(json_t *view, const char *key, json_t *value)
{
	if (!json_object_get(view, key))
		put(view, key, value);
}

/* The incident's fields at the top, as v1 has them, and the raw document. */
static json_t *v2_view(const json_t *root, json_t *type)
{
	json_t *incident = v2_incident(root);
	const json_t *data = json_object_get(root, "data");
	json_t *view = json_object();

	if (!view)
		mem_exhausted();
	if (json_is_object(incident)) {
		const char *key;
		json_t *value;

		json_object_foreach(incident, key, value) put(view, key, value);
	}
	fill_in(view, "organization", json_object_get(data, "organization"));
	fill_in(view, "owner", json_object_get(data, "team"));
	put(view, "event_type", type);
	put(view, "event", json_object_get(root, "event"));
	put(view, "data", json_object_get(root, "data"));
	put(view, "version", json_object_get(root, "version"));
	return view;
}

static const char *text(const json_t *value)
{
	const char *s = json_string_value(value);

	return s ? s : "";
}

/* The first of an object's names that is there; a bare string names itself. */
static const char *name_of(const json_t *value, const char *const *keys)
{
	for (; json_is_object(value) && *keys; keys++) {
		const char *name = text(json_object_get(value, *keys));

		if (*name)
			return name;
	}
	return text(value);
}

static void read_incident(struct event *event)
{
	const json_t *id = json_object_get(event->view, "id");
	double number = json_real_value(id);

	if (json_is_integer(id))
		event->number =
		    mem_printf("%" JSON_INTEGER_FORMAT, json_integer_value(id));
	else if (json_is_real(id) && fabs(number) <= ID_NUMBER_MAX &&
	    fabs(number - trunc(number)) <= 0)
		event->number = mem_printf("%.0f", number);
	event->incident = event->number ? event->number : text(id);
}

static void read_view(struct event *event)
{
	const json_t *view = event->view;

	event->type = text(json_object_get(view, "event_type"));
	event->service =
	    name_of(json_object_get(view, "service"), service_names);
	event->alert_source =
	    name_of(json_object_get(view, "alert_source"), source_names);
	event->message = text(json_object_get(view, "message"));
	read_incident(event);
}

int event_parse(struct event *event, const char *bytes, size_t len,
    const char **code, struct why *why)
{
	json_auto_t *root = parse(bytes, len, code, why);
	json_t *type;
	bool v2;

	*event = (struct event){ 0 };
	if (!root || find_type(root, &type, &v2, code, why) < 0)
		return -1;
	event->view = v2 ? v2_view(root, type) : json_incref(root);
	read_view(event);
	return 0;
}

/* Of text that was scanned. Most of it is a string that means what it says,
 * without escapes. */
static json_t *skimmed_value(const char *text, size_t len)
{
	if (*text == '"' && !memchr(text, '\\', len))
		return json_stringn_nocheck(text + 1, len - 2);
	return json_loadb(text, len, JSON_ALLOW_NUL | JSON_DECODE_ANY, NULL);
}

static json_t *skimmed_view(
    const char *bytes, const struct skim_span spans[SKIM_MEMBERS])
{
	json_t *view = json_object();
	int i;

	if (!view)
		mem_exhausted();
	for (i = 0; i < SKIM_MEMBERS; i++) {
		const struct skim_span *span = &spans[i];
		json_t *value;

		if (!span->end)
			continue;
		value =
		    skimmed_value(bytes + span->start, span->end - span->start);
		if (!value || json_object_set_new(view, skim_key(i), value) < 0)
			mem_exhausted();
	}
	return view;
}

int event_skim(struct event *event, const char *bytes, size_t len,
    const char **code, struct why *why)
{
	struct skim_span spans[SKIM_MEMBERS];

	if (!skim(bytes, len, spans))
		return event_parse(event, bytes, len, code, why);
	*event = (struct event){ .view = skimmed_view(bytes, spans) };
	if (check_type(json_object_get(event->view, "event_type"),
		"\"event_type\"", why) < 0) {
		event_clear(event);
		return refuse(code, "not_event");
	}
	read_view(event);
	return 0;
}

void event_clear(struct event *event)
{
	json_decref(event->view);
	free(event->number);
	*event = (struct event){ 0 };
}
