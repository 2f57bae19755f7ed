/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * model/suite: reads the form of a test file, with every mistake at its place.
 * The same tables and readers as for the configuration itself, but nothing is
 * copied into structs: a case stays JSON, whose form is certain afterwards.
 * What the cases expect is judged in suite_judge.c. Never opens a file.
 */
#include "model/suite.h"

#include "base/mem.h"
#include "model/conf_check.h"
#include "model/conf_read.h"
#include "model/id.h"
#include "model/path.h"

#include <stdlib.h>
#include <string.h>

/* Lines of these files may be shown: nothing secret belongs in them. */
static const char *const known_keys[] = { "$schema", "webhook", "cases", "name",
	"event", "set", "endpoint", "expect", "webhooks", "match", "endpoints",
	"method", "body", NULL };

/* ---- values ------------------------------------------------------------ */

static void check_text_value(
    struct reader *r, const struct key *key, json_t *json, void *field)
{
	const char *text = read_element(r, key->check, json);

	(void)field;
	if (text && strlen(text) > (size_t)key->max)
		reader_say(r, "out-of-range", NULL, "is longer than %lld bytes",
		    (long long)key->max);
}

static void check_bool(
    struct reader *r, const struct key *key, json_t *json, void *field)
{
	(void)key;
	(void)field;
	if (!json_is_boolean(json))
		reader_say_type(r, json, "true or false");
}

static const char *check_id(const char *text)
{
	return id_is_name(text) ? NULL
				: "must be of small letters, digits, '-' and "
				  "'_'";
}

static void check_ids(
    struct reader *r, const struct key *key, json_t *json, void *field)
{
	size_t i;

	(void)key;
	(void)field;
	if (!json_is_array(json))
		reader_say_type(r, json, "a list [ ] of ids");
	for (i = 0; i < json_array_size(json); i++) {
		size_t mark = reader_enter_index(r, i);

		read_element(r, check_id, json_array_get(json, i));
		reader_leave(r, mark);
	}
}

static void check_method(
    struct reader *r, const struct key *key, json_t *json, void *field)
{
	static const char *const methods[] = { "POST", "PUT", "PATCH", NULL };
	struct key choice = { .words = methods };
	int ignored = 0;

	(void)key;
	(void)field;
	read_choice(r, &choice, json, &ignored);
}

static void check_headers(
    struct reader *r, const struct key *key, json_t *json, void *field)
{
	const char *name;
	json_t *value;

	(void)key;
	(void)field;
	if (!json_is_object(json))
		reader_say_type(r, json, "an object { }");
	json_object_foreach(json, name, value)
	{
		size_t mark = reader_enter(r, name);

		if (!request_header_name_valid(name))
			reader_say_key(r, "bad-header", NULL,
			    "\"%.64s\" is no name for a header", name);
		else if (!json_is_string(value) && !json_is_boolean(value))
			reader_say_type(r, value,
			    "a text, true (it is there) or false (it is not)");
		reader_leave(r, mark);
	}
}

/* An object whose keys are paths. */
static void check_paths(
    struct reader *r, const struct key *key, json_t *json, void *field)
{
	const char *text;
	json_t *value;

	(void)key;
	(void)field;
	if (!json_is_object(json))
		reader_say_type(r, json, "an object { } of paths");
	json_object_foreach(json, text, value)
	{
		size_t mark = reader_enter(r, text);
		struct why why;
		struct path *path = path_parse(text, &why);

		(void)value;
		if (!path)
			reader_say_key(r, "bad-path", NULL, "%s", why.text);
		path_free(path);
		reader_leave(r, mark);
	}
}

static void check_event(
    struct reader *r, const struct key *key, json_t *json, void *field)
{
	(void)key;
	(void)field;
	if (json_is_object(json))
		return;
	if (!json_is_string(json))
		reader_say_type(
		    r, json, "a file, the name of a sample, or an event { }");
	else if (!json_string_length(json))
		reader_say(r, "bad-value", NULL, "is empty");
}

/* ---- tables ------------------------------------------------------------ */

static const struct key expect_keys[] = {
	KEY("webhooks", check_ids),
	KEY("match", check_bool),
	KEY("endpoints", check_ids),
	KEY("method", check_method),
	KEY("headers", check_headers),
	KEY("body", check_paths),
	KEY_END,
};

/* What is expected of a request that is not made would never be looked at. */
static void check_sense(struct reader *r, json_t *expect)
{
	static const char *const keys[] = { "endpoints", "method", "headers",
		"body", NULL };
	size_t i;

	if (!json_object_size(expect))
		reader_say(r, "empty-list", NULL, "expects nothing");
	if (!json_is_false(json_object_get(expect, "match")))
		return;
	for (i = 0; keys[i]; i++) {
		size_t mark = reader_enter(r, keys[i]);

		if (json_object_get(expect, keys[i]))
			reader_say_key(r, "misplaced-key", NULL,
			    "\"%s\" cannot be expected with \"match\": false",
			    keys[i]);
		reader_leave(r, mark);
	}
}

static void check_expect(
    struct reader *r, const struct key *key, json_t *json, void *field)
{
	(void)key;
	if (read_members(r, expect_keys, json, field))
		check_sense(r, json);
}

static const struct key case_keys[] = {
	KEY("name", check_text_value, .max = SUITE_NAME_MAX,
	    .check = check_word),
	KEY("event", check_event),
	KEY("set", check_paths),
	KEY("endpoint", check_text_value, .max = SUITE_NAME_MAX,
	    .check = check_id),
	KEY("expect", check_expect),
	KEY_END,
};

static void check_case(struct reader *r, json_t *json, void *field)
{
	static const char *const needed[] = { "name", "event", "expect", NULL };
	size_t i;

	if (!read_members(r, case_keys, json, field))
		return;
	for (i = 0; needed[i]; i++) {
		if (!json_object_get(json, needed[i]))
			reader_say_missing(r, needed[i]);
	}
}

static void check_cases(
    struct reader *r, const struct key *key, json_t *json, void *field)
{
	int count = read_count(r, json, 1, SUITE_CASES_MAX, "cases");
	int i;

	(void)key;
	for (i = 0; i < count; i++) {
		size_t mark = reader_enter_index(r, (size_t)i);

		check_case(r, json_array_get(json, (size_t)i), field);
		reader_leave(r, mark);
	}
}

static const struct key file_keys[] = {
	KEY("$schema", read_nothing),
	KEY("webhook", check_text_value, .max = SUITE_NAME_MAX,
	    .check = check_id),
	KEY("cases", check_cases),
	KEY_END,
};

/* ---- the file ---------------------------------------------------------- */

static bool needs_webhook(const json_t *cases)
{
	size_t i;

	for (i = 0; i < json_array_size(cases); i++) {
		if (suite_is_about_one(json_array_get(cases, i)))
			return true;
	}
	return false;
}

static void check_needed(struct reader *r, const json_t *root)
{
	const json_t *cases = json_object_get(root, "cases");

	if (!cases)
		reader_say_missing(r, "cases");
	if (!json_object_get(root, "webhook") &&
	    (!cases || needs_webhook(cases)))
		reader_say_missing(r, "webhook");
}

static void check_file(struct source *source)
{
	struct reader r;
	char nothing = 0;

	reader_init(&r, source, "", NULL);
	if (read_members(&r, file_keys, source->root, &nothing))
		check_needed(&r, source->root);
	reader_clear(&r);
}

int suite_open(struct suite *suite, const char *file, const char *text,
    size_t len, struct findings *findings)
{
	struct scan_fault fault;
	struct source source;
	size_t errors = findings->errors;
	size_t end;

	*suite = (struct suite){ .file = mem_strdup(file),
		.text = mem_strndup(text, len),
		.len = len };
	findings->files++;
	source_open(&source, suite->file, suite->text, len, known_keys);
	if (source.root) {
		check_file(&source);
		suite->root = json_incref(source.root);
	}
	source_close(&source, findings);
	map_scan(&suite->map, suite->text, len, SCAN_RELAXED, &end, &fault);
	if (findings->errors == errors)
		return 0;
	suite_clear(suite);
	return -1;
}

void suite_clear(struct suite *suite)
{
	map_clear(&suite->map);
	json_decref(suite->root);
	free(suite->file);
	free(suite->text);
	*suite = (struct suite){ 0 };
}

const char *suite_webhook(const struct suite *suite)
{
	return json_string_value(json_object_get(suite->root, "webhook"));
}

size_t suite_count(const struct suite *suite)
{
	return json_array_size(json_object_get(suite->root, "cases"));
}

json_t *suite_case(const struct suite *suite, size_t n)
{
	return json_array_get(json_object_get(suite->root, "cases"), n);
}

void suite_place(const struct suite *suite, const char *pointer, size_t *line,
    size_t *column)
{
	auto_free char *path = mem_strdup(pointer);
	const struct map_entry *entry = map_find(&suite->map, path);

	while (!entry && *path) {
		*strrchr(path, '/') = '\0';
		entry = map_find(&suite->map, path);
	}
	scan_position(
	    suite->text, suite->len, entry ? entry->start : 0, line, column);
}

void suite_say(const struct suite *suite, const char *pointer, const char *code,
    const char *message, const char *help, struct findings *findings)
{
	struct source source;

	source_open(&source, suite->file, suite->text, suite->len, known_keys);
	source_say(&source, SEVERITY_ERROR, SOURCE_VALUE, pointer, code,
	    message, help);
	source_close(&source, findings);
}
