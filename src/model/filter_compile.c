/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * model/filter_compile: from a filter's JSON to its tree. It checks everything
 * that can be wrong and tells of each mistake where it is, so that an operator
 * mends a file in one go; a filter with a mistake is never used. What depends
 * on events (which fields they have, and of what type) is no mistake.
 */
#include "model/filter.h"

#include "base/mem.h"
#include "base/text.h"
#include "model/filter_tree.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* Where we are: a key or, without one, an index, below another place. */
struct place {
	const struct place *up;
	const char *key;
	size_t index;
};

struct compiler {
	const struct filter_faults *faults;
	size_t count; /* of faults */
};

enum { POINTER_MAX = 64 * 1024, MESSAGE_MAX = 512 };

/* RFC 6901: '~' and '/' in keys are written ~0 and ~1. */
static void point(struct buf *out, const struct place *place)
{
	const char *c;

	if (!place)
		return;
	point(out, place->up);
	buf_putc(out, '/');
	if (!place->key) {
		buf_printf(out, "%zu", place->index);
		return;
	}
	for (c = place->key; *c; c++) {
		if (*c == '~' || *c == '/')
			buf_puts(out, *c == '~' ? "~0" : "~1");
		else
			buf_putc(out, *c);
	}
}

/* `help` is a whole sentence or NULL. */
__attribute__((format(printf, 5, 6))) static void fault(struct compiler *c,
    const struct place *place, const char *code, const char *help,
    const char *format, ...)
{
	auto_buf struct buf pointer = BUF_INIT(POINTER_MAX);
	auto_buf struct buf visible = BUF_INIT(4 * MESSAGE_MAX);
	char message[MESSAGE_MAX];
	va_list ap;

	va_start(ap, format);
	vsnprintf(message, sizeof(message), format, ap);
	va_end(ap);
	text_visible(&visible, message, strlen(message));
	point(&pointer, place);
	c->count++;
	c->faults->add(
	    c->faults->arg, buf_text(&pointer), code, buf_text(&visible), help);
}

static void fault_near(struct compiler *c, const struct place *place,
    const char *code, const char *what, const char *word,
    const char *const *words)
{
	const char *near = text_nearest(word, words);
	auto_free char *help =
	    near ? mem_printf("did you mean \"%s\"?", near) : NULL;

	fault(c, place, code, help, "unknown %s \"%s\"", what, word);
}

static struct filter *compile(struct compiler *c, const json_t *json,
    const struct place *place, unsigned depth);

static void add_member(struct compiler *c, struct filter *filter,
    const json_t *json, const struct place *place, unsigned depth)
{
	struct filter *member = compile(c, json, place, depth + 1);

	filter->members = mem_grow(
	    filter->members, filter->count + 1, sizeof(*filter->members));
	filter->members[filter->count++] = member;
}

static void read_members(struct compiler *c, struct filter *filter,
    const json_t *json, const struct place *place, unsigned depth)
{
	size_t i;

	if (!json_is_array(json)) {
		fault(c, place, "wrong-type", NULL,
		    "\"%s\" wants an array of filters", place->key);
		return;
	}
	if (!json_array_size(json))
		fault(c, place, "empty-list", NULL, "\"%s\" holds no filter",
		    place->key);
	for (i = 0; i < json_array_size(json); i++) {
		struct place at = { .up = place, .index = i };

		add_member(c, filter, json_array_get(json, i), &at, depth);
	}
}

static void read_not(struct compiler *c, struct filter *filter,
    const json_t *json, const struct place *place, unsigned depth)
{
	add_member(c, filter, json, place, depth);
}

static void read_name(struct compiler *c, struct filter *filter,
    const json_t *name, const struct place *place)
{
	if (!json_string_length(name)) {
		fault(c, place, "bad-value", NULL,
		    "a name is a non-empty string");
		return;
	}
	if (json_array_append_new(filter->operand.value, json_deep_copy(name)) <
	    0)
		mem_exhausted();
}

static const struct filter_naming namings[] = {
	{ "service", { "id", "slug", "name" } },
	{ "alert_source", { "id", "type", "short_name" } },
};

const struct filter_naming *filter_naming(const char *key)
{
	size_t i;

	for (i = 0; i < sizeof(namings) / sizeof(*namings); i++) {
		if (strcmp(namings[i].key, key) == 0)
			return &namings[i];
	}
	return NULL;
}

static void read_names(struct compiler *c, struct filter *filter,
    const json_t *json, const struct place *place, unsigned depth)
{
	size_t i;

	(void)depth;
	filter->naming = &namings[strcmp(place->key, namings[0].key) != 0];
	filter->operand.value = json_array();
	if (!filter->operand.value)
		mem_exhausted();
	if (!json_is_array(json)) {
		read_name(c, filter, json, place);
		return;
	}
	if (!json_array_size(json))
		fault(c, place, "empty-list", NULL, "\"%s\" holds no name",
		    place->key);
	for (i = 0; i < json_array_size(json); i++) {
		struct place at = { .up = place, .index = i };

		read_name(c, filter, json_array_get(json, i), &at);
	}
}

static void read_path(struct compiler *c, struct filter *filter,
    const json_t *json, const struct place *place)
{
	struct why why;

	if (!json_is_string(json)) {
		fault(c, place, "wrong-type", NULL,
		    "\"field\" wants a path, a string");
		return;
	}
	filter->path = path_parse(json_string_value(json), &why);
	if (!filter->path)
		fault(c, place, "bad-path", NULL, "%s", why.text);
}

static void read_relation(struct compiler *c, struct filter *filter,
    const json_t *json, const struct place *up)
{
	struct place place = { .up = up, .key = "op" };
	const char *name = json_string_value(json);

	if (!json) {
		fault(c, up, "missing-key", NULL,
		    "\"field\" wants an \"op\" beside it");
		return;
	}
	if (!name) {
		fault(c, &place, "wrong-type", NULL,
		    "\"op\" wants an operator's name, a string");
		return;
	}
	filter->relation = relation_find(name);
	if (!filter->relation)
		fault_near(c, &place, "unknown-operator", "operator", name,
		    relation_names());
}

static void read_pattern(struct compiler *c, struct filter *filter,
    const json_t *json, const struct place *place)
{
	const char *text = json_string_value(json);
	struct why why;

	if (strlen(text) != json_string_length(json)) {
		fault(c, place, "bad-pattern", NULL,
		    "the pattern holds the character NUL");
		return;
	}
	filter->operand.pattern = pattern_new(text, &why);
	if (!filter->operand.pattern)
		fault(c, place, "bad-pattern", NULL, "%s", why.text);
}

static void read_operand(struct compiler *c, struct filter *filter,
    const json_t *json, const struct place *up)
{
	struct place place = { .up = up, .key = "value" };
	enum operand_kind wants = filter->relation->wants;

	if (!json && wants != OPERAND_PRESENCE) {
		fault(c, up, "missing-key", NULL,
		    "\"%s\" wants a \"value\" beside it",
		    filter->relation->name);
		return;
	}
	if (json && !operand_fits(wants, json)) {
		fault(c, &place, "bad-value", NULL, "\"%s\" wants %s",
		    filter->relation->name, operand_wanted(wants));
		return;
	}
	filter->operand.value = json ? json_deep_copy(json) : json_true();
	if (!filter->operand.value)
		mem_exhausted();
	if (wants == OPERAND_PATTERN)
		read_pattern(c, filter, json, &place);
}

/* Gets the value of "field"; its companions are beside it, in `whole`. */
static void read_field(struct compiler *c, struct filter *filter,
    const json_t *whole, const struct place *up)
{
	struct place place = { .up = up, .key = "field" };

	read_path(c, filter, json_object_get(whole, "field"), &place);
	read_relation(c, filter, json_object_get(whole, "op"), up);
	if (filter->relation)
		read_operand(c, filter, json_object_get(whole, "value"), up);
}

/* What a filter can be; "field" is read with the keys beside it. */
static const struct form {
	const char *key;
	enum filter_kind kind;
	void (*read)(struct compiler *c, struct filter *filter,
	    const json_t *json, const struct place *place, unsigned depth);
} forms[] = {
	{ "all", FILTER_ALL, read_members },
	{ "any", FILTER_ANY, read_members },
	{ "not", FILTER_NOT, read_not },
	{ "service", FILTER_NAMED, read_names },
	{ "alert_source", FILTER_NAMED, read_names },
	{ "field", FILTER_FIELD, NULL },
};

enum { FORM_COUNT = sizeof(forms) / sizeof(forms[0]) };

static const char *const known_keys[] = { "all", "any", "not", "service",
	"alert_source", "field", "op", "value", NULL };

static bool known(const char *key)
{
	size_t i;

	for (i = 0; known_keys[i]; i++) {
		if (strcmp(known_keys[i], key) == 0)
			return true;
	}
	return false;
}

static size_t check_keys(
    struct compiler *c, json_t *json, const struct place *up)
{
	size_t before = c->count;
	const char *key;
	json_t *value;

	json_object_foreach(json, key, value)
	{
		struct place place = { .up = up, .key = key };

		if (!known(key))
			fault_near(
			    c, &place, "unknown-key", "key", key, known_keys);
	}
	return c->count - before;
}

/* "op" and "value" mean nothing without "field". */
static void check_companions(
    struct compiler *c, const json_t *json, const struct place *up)
{
	static const char *const companions[] = { "op", "value", NULL };
	size_t i;

	for (i = 0; companions[i]; i++) {
		struct place place = { .up = up, .key = companions[i] };

		if (json_object_get(json, companions[i]))
			fault(c, &place, "misplaced-key", NULL,
			    "\"%s\" goes with \"field\" only", companions[i]);
	}
}

static const struct form *find_form(
    struct compiler *c, const json_t *json, const struct place *place)
{
	const struct form *found = NULL;
	size_t i;

	for (i = 0; i < FORM_COUNT; i++) {
		if (!json_object_get(json, forms[i].key))
			continue;
		if (found) {
			fault(c, place, "several-conditions",
			    "put them into an array behind \"all\" or \"any\"",
			    "a filter is one condition, here are \"%s\" and "
			    "\"%s\"",
			    found->key, forms[i].key);
			return NULL;
		}
		found = &forms[i];
	}
	return found;
}

static void missing_form(
    struct compiler *c, const json_t *json, const struct place *place)
{
	if (json_object_size(json))
		fault(c, place, "missing-key", NULL,
		    "\"op\" and \"value\" want a \"field\" beside them");
	else
		fault(c, place, "empty-filter",
		    "leave \"filter\" out to take every event",
		    "an empty filter says nothing");
}

static struct filter *read_form(struct compiler *c, const struct form *form,
    const json_t *json, const struct place *up, unsigned depth)
{
	struct filter *filter = mem_zalloc(sizeof(*filter));
	struct place place = { .up = up, .key = form->key };

	filter->kind = form->kind;
	if (!form->read) {
		read_field(c, filter, json, up);
		return filter;
	}
	check_companions(c, json, up);
	form->read(c, filter, json_object_get(json, form->key), &place, depth);
	return filter;
}

/* What it returns may lack parts when there was a fault: good for nothing but
 * filter_free, which takes NULL too. */
static struct filter *compile(struct compiler *c, const json_t *json,
    const struct place *place, unsigned depth)
{
	const struct form *form;
	size_t faults = c->count;
	size_t unknown;

	if (depth > FILTER_DEPTH_MAX) {
		fault(c, place, "too-deep", NULL,
		    "filters nest at most %d levels", FILTER_DEPTH_MAX);
		return NULL;
	}
	if (!json_is_object(json)) {
		fault(c, place, "wrong-type", NULL,
		    "a filter is an object, such as "
		    "{ \"service\": [\"checkout\"] }");
		return NULL;
	}
	unknown = check_keys(c, (json_t *)(uintptr_t)json, place);
	form = find_form(c, json, place);
	if (form)
		return read_form(c, form, json, place, depth);
	if (!unknown && c->count == faults)
		missing_form(c, json, place);
	return NULL;
}

struct filter *filter_compile(
    const json_t *json, const struct filter_faults *faults)
{
	struct compiler c = { .faults = faults };
	struct filter *filter = compile(&c, json, NULL, 1);

	if (!c.count)
		return filter;
	filter_free(filter);
	return NULL;
}
