/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * cmd/compose: an event from options, in the shape of the page's samples.
 *
 * Promises valid JSON of what was given and of nothing else, or a usage
 * message. It writes no file and knows no clock: id and time are arguments.
 */
#include "cmd/compose.h"

#include "base/mem.h"
#include "base/say.h"
#include "base/text.h"

#include <jansson.h>
#include <string.h>

static const char *const asking[] = { "event", "message", "description",
	"service", "source", "severity", "incident", "tag", "set", NULL };

bool compose_asked(const struct args *args)
{
	size_t i;

	for (i = 0; asking[i]; i++) {
		if (args_has(args, asking[i]))
			return true;
	}
	return false;
}

static void put(json_t *object, const char *key, const char *value)
{
	if (value)
		json_object_set_new(object, key, json_string(value));
}

/* What an incident's status is after the event: its type without the prefix,
 * and a reassigned one is still triggered. */
static const char *status_of(const char *type)
{
	const char *status =
	    text_starts(type, "incident_") || text_starts(type, "incident.")
	    ? type + strlen("incident_")
	    : type;

	return strcmp(status, "reassigned") == 0 ? "triggered" : status;
}

static void put_named(json_t *event, const char *key, const char *name,
    const char *second, const char *third)
{
	json_t *object;

	if (!name)
		return;
	object = json_object();
	put(object, "id", name);
	put(object, second, name);
	put(object, third, name);
	json_object_set_new(event, key, object);
}

static void put_tag(json_t *event, const char *name, const char *value)
{
	json_t *tags = json_object_get(event, "tags");
	json_t *tag = json_object();

	put(tag, "value", value);
	json_object_set_new(tags, name, tag);
}

/* Splits "NAME=VALUE"; the name is the caller's, NULL when there is none. */
static char *split_pair(const char *text, const char **value)
{
	const char *equals = strchr(text, '=');

	if (!equals || equals == text)
		return NULL;
	*value = equals + 1;
	return mem_strndup(text, (size_t)(equals - text));
}

/* Sets a.b.c to a string, and makes the objects on the way. */
static bool set_path(json_t *event, char *path, const char *value)
{
	json_t *at = event;
	char *dot;

	while ((dot = strchr(path, '.'))) {
		json_t *next;

		*dot = '\0';
		next = json_object_get(at, path);
		if (!next) {
			next = json_object();
			json_object_set_new(at, path, next);
		}
		if (!json_is_object(next) || !*path)
			return false;
		at = next;
		path = dot + 1;
	}
	if (!*path)
		return false;
	return json_object_set_new(at, path, json_string(value)) == 0;
}

static bool put_pairs(const struct args *args, json_t *event)
{
	size_t i;

	for (i = 0; i < args->given_count; i++) {
		const char *option = args->given[i].option->name;
		const char *given = args->given[i].value;
		bool tag = strcmp(option, "tag") == 0;
		auto_free char *name = NULL;
		const char *value;

		if (!tag && strcmp(option, "set") != 0)
			continue;
		name = split_pair(given, &value);
		if (name && tag)
			put_tag(event, name, value);
		else if (!name || !set_path(event, name, value)) {
			verb_usage(args, "--%s wants %s=VALUE, not \"%s\"",
			    option, tag ? "NAME" : "PATH", given);
			return false;
		}
	}
	return true;
}

/* Options come from a terminal: bytes that are no UTF-8 are no JSON. */
static bool all_utf8(const struct args *args)
{
	size_t i;

	for (i = 0; i < args->given_count; i++) {
		const char *s = args->given[i].value;
		size_t len = strlen(s);

		while (len) {
			size_t width = text_utf8_width(s, len);

			if (!width) {
				verb_usage(args, "--%s is not valid UTF-8",
				    args->given[i].option->name);
				return false;
			}
			s += width;
			len -= width;
		}
	}
	return true;
}

char *compose_event(const struct args *args, const char *id, int64_t now_ms)
{
	const char *type = args_value(args, "event");
	const char *incident = args_value(args, "incident");
	const char *severity = args_value(args, "severity");
	char when[TEXT_TIME_SIZE];
	json_t *event;
	char *text = NULL;

	if (!all_utf8(args))
		return NULL;
	event = json_object();
	type = type ? type : "incident_triggered";
	put(event, "id", incident ? incident : id);
	put(event, "event_type", type);
	put_named(
	    event, "service", args_value(args, "service"), "name", "slug");
	put_named(event, "alert_source", args_value(args, "source"), "type",
	    "short_name");
	put(event, "message", args_value(args, "message"));
	put(event, "description", args_value(args, "description"));
	put(event, "status", status_of(type));
	put(event, "created_at", text_time(when, now_ms));
	json_object_set_new(event, "tags", json_object());
	if (severity)
		put_tag(event, "severity", severity);
	if (put_pairs(args, event))
		text = json_dumps(event, JSON_COMPACT);
	json_decref(event);
	return text;
}
