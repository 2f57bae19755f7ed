/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * model/filter: asks a compiled filter about an event's view, and shows it to
 * people. It allocates nothing while it decides, cannot fail, and its depth
 * and the work for its patterns are bounded, so a verdict always comes soon.
 * It changes neither the filter nor the view.
 */
#include "model/filter.h"

#include "base/jot.h"
#include "base/mem.h"
#include "base/text.h"
#include "model/filter_tree.h"

#include <ctype.h>
#include <string.h>

/* Of all subjects that one condition shows its pattern, in bytes: a long list
 * behind `[*]` is looked at up to here. */
enum { SUBJECTS_MAX = 16 * PATTERN_SUBJECT_MAX };

void filter_free(struct filter *filter)
{
	size_t i;

	if (!filter)
		return;
	for (i = 0; i < filter->count; i++)
		filter_free(filter->members[i]);
	free(filter->members);
	path_free(filter->path);
	json_decref(filter->operand.value);
	pattern_free(filter->operand.pattern);
	free(filter);
}

bool filter_looks_deeper(const struct filter *filter)
{
	size_t i;

	if (!filter || filter->kind == FILTER_FIELD)
		return filter != NULL;
	for (i = 0; i < filter->count; i++) {
		if (filter_looks_deeper(filter->members[i]))
			return true;
	}
	return false;
}

struct probe {
	const struct filter *filter;
	size_t left; /* bytes for the pattern */
};

static bool fits(void *arg, const json_t *value)
{
	struct probe *probe = arg;
	const struct operand *operand = &probe->filter->operand;

	if (operand->pattern && json_is_string(value)) {
		size_t len = json_string_length(value);

		if (len > PATTERN_SUBJECT_MAX)
			len = PATTERN_SUBJECT_MAX;
		if (len > probe->left)
			return false;
		probe->left -= len;
	}
	return probe->filter->relation->fits(operand, value);
}

static bool field_passes(const struct filter *filter, const json_t *view)
{
	struct probe probe = { .filter = filter, .left = SUBJECTS_MAX };
	bool hit = path_walk(filter->path, view, fits, &probe);

	if (filter->relation->wants == OPERAND_PRESENCE)
		return hit == json_is_true(filter->operand.value);
	return hit != filter->relation->negated;
}

static bool is_named(const json_t *value, const json_t *names)
{
	size_t i;

	for (i = 0; value && i < json_array_size(names); i++) {
		if (scalar_equal(value, json_array_get(names, i)))
			return true;
	}
	return false;
}

/* A bare string in place of the object is a name, too. */
static bool naming_passes(const struct filter *filter, const json_t *view)
{
	const struct filter_naming *naming = filter->naming;
	const json_t *object = json_object_get(view, naming->key);
	size_t i;

	if (!json_is_object(object))
		return is_named(object, filter->operand.value);
	for (i = 0; i < FILTER_NAMES_MAX; i++) {
		if (is_named(json_object_get(object, naming->names[i]),
			filter->operand.value))
			return true;
	}
	return false;
}

/* True as soon as a member answers `wanted`. */
static bool some(const struct filter *filter, const json_t *view, bool wanted)
{
	size_t i;

	for (i = 0; i < filter->count; i++) {
		if (filter_passes(filter->members[i], view) == wanted)
			return true;
	}
	return false;
}

bool filter_passes(const struct filter *filter, const json_t *view)
{
	if (!filter)
		return true;
	switch (filter->kind) {
	case FILTER_ALL:
		return !some(filter, view, false);
	case FILTER_ANY:
		return some(filter, view, true);
	case FILTER_NOT:
		return !filter_passes(filter->members[0], view);
	case FILTER_NAMED:
		return naming_passes(filter, view);
	case FILTER_FIELD:
		return field_passes(filter, view);
	}
	return false;
}

const json_t *filter_insists(const struct filter *filter, const char *field)
{
	size_t i;

	if (!filter)
		return NULL;
	if (filter->kind == FILTER_NAMED)
		return strcmp(filter->naming->key, field) == 0
		    ? filter->operand.value
		    : NULL;
	if (filter->kind != FILTER_ALL)
		return NULL;
	for (i = 0; i < filter->count; i++) {
		const json_t *names = filter_insists(filter->members[i], field);

		if (names)
			return names;
	}
	return NULL;
}

size_t filter_names(
    const json_t *view, const char *field, const char *names[FILTER_NAMES_MAX])
{
	const struct filter_naming *naming = filter_naming(field);
	const json_t *object = json_object_get(view, field);
	size_t count = 0;
	size_t i;

	if (json_is_string(object))
		names[count++] = json_string_value(object);
	for (i = 0; json_is_object(object) && i < FILTER_NAMES_MAX; i++) {
		const json_t *name = json_object_get(object, naming->names[i]);

		if (json_is_string(name))
			names[count++] = json_string_value(name);
	}
	return count;
}

/* Words that nobody takes for a number, true, false, null or a list. */
static bool plain(const char *s, size_t len)
{
	size_t i;

	if (!len || !isalpha((unsigned char)s[0]) || strcmp(s, "true") == 0 ||
	    strcmp(s, "false") == 0 || strcmp(s, "null") == 0)
		return false;
	for (i = 0; i < len; i++) {
		if (!isalnum((unsigned char)s[i]) && !strchr("_.-", s[i]))
			return false;
	}
	return true;
}

static void print_string(const json_t *value, struct buf *out)
{
	const char *s = json_string_value(value);
	size_t len = json_string_length(value);
	auto_buf struct buf quoted = BUF_INIT(out->max);

	if (plain(s, len)) {
		buf_add(out, s, len);
		return;
	}
	jot_bytes(&quoted, NULL, s, len);
	text_visible(out, buf_text(&quoted), quoted.len);
}

static void print_value(const json_t *value, struct buf *out)
{
	char *text;
	size_t i;

	if (json_is_string(value)) {
		print_string(value, out);
		return;
	}
	if (json_is_array(value)) {
		for (i = 0; i < json_array_size(value); i++) {
			buf_puts(out, i ? ", " : "[");
			print_value(json_array_get(value, i), out);
		}
		buf_putc(out, ']');
		return;
	}
	text = json_dumps(value, JSON_ENCODE_ANY);
	buf_puts(out, text ? text : "?");
	free(text);
}

static void print_members(
    const struct filter *filter, const char *word, struct buf *out)
{
	size_t i;

	buf_printf(out, "%s(", word);
	for (i = 0; i < filter->count; i++) {
		if (i)
			buf_puts(out, ", ");
		filter_print(filter->members[i], out);
	}
	buf_putc(out, ')');
}

static void print_field(const struct filter *filter, struct buf *out)
{
	const char *path = path_text(filter->path);

	text_visible(out, path, strlen(path));
	if (filter->relation->wants == OPERAND_PRESENCE) {
		buf_puts(out,
		    json_is_true(filter->operand.value) ? " exists"
							: " does not exist");
		return;
	}
	buf_printf(out, " %s ", filter->relation->name);
	print_value(filter->operand.value, out);
}

void filter_print(const struct filter *filter, struct buf *out)
{
	if (!filter) {
		buf_puts(out, "everything");
		return;
	}
	switch (filter->kind) {
	case FILTER_ALL:
		print_members(filter, "all", out);
		return;
	case FILTER_ANY:
		print_members(filter, "any", out);
		return;
	case FILTER_NOT:
		print_members(filter, "not", out);
		return;
	case FILTER_NAMED:
		buf_printf(out, "%s in ", filter->naming->key);
		print_value(filter->operand.value, out);
		return;
	case FILTER_FIELD:
		print_field(filter, out);
		return;
	}
}
