/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * model/conf_read: from a JSON value to a member of a struct, by a table row,
 * with every mistake said at its place (model/conf_say). It promises that a
 * wrong value changes nothing and that all mistakes are said, not only the
 * first. Never reads a file; nothing to lose when we die.
 */
#include "model/conf_read.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { POINTER_MAX = 1024 * 1024, SENTENCE_MAX = 4096, PATH_BYTES_MAX = 4096 };

void reader_init(struct reader *r, struct source *source, const char *base,
    const struct conf_secrets *secrets)
{
	*r = (struct reader){ .source = source,
		.pointer = BUF_INIT(POINTER_MAX),
		.base = base,
		.secrets = secrets };
}

void reader_clear(struct reader *r)
{
	buf_clear(&r->pointer);
}

size_t reader_enter(struct reader *r, const char *token)
{
	size_t mark = r->pointer.len;

	map_pointer_add(&r->pointer, token);
	return mark;
}

size_t reader_enter_index(struct reader *r, size_t index)
{
	char number[24];

	snprintf(number, sizeof(number), "%zu", index);
	return reader_enter(r, number);
}

void reader_leave(struct reader *r, size_t mark)
{
	r->pointer.len = mark;
	r->pointer.over = false;
	if (r->pointer.data)
		r->pointer.data[mark] = '\0';
}

/* ---- objects ----------------------------------------------------------- */

enum { KEYS_MAX = 31 };

static void say_unknown(
    struct reader *r, const struct key *keys, const char *name)
{
	auto_buf struct buf inside = BUF_INIT(SENTENCE_MAX);
	auto_free char *help = NULL;
	const char *names[KEYS_MAX + 1] = { NULL };
	size_t mark;
	size_t i;

	for (i = 0; keys[i].name && i < KEYS_MAX; i++)
		names[i] = keys[i].name;
	help = reader_nearest(name, names);
	reader_name(r, &inside);
	mark = reader_enter(r, name);
	source_cover(r->source, buf_text(&r->pointer));
	if (inside.len)
		reader_say_key(r, "unknown-key", help,
		    "unknown key \"%.64s\" in \"%s\"", name, buf_text(&inside));
	else
		reader_say_key(
		    r, "unknown-key", help, "unknown key \"%.64s\"", name);
	reader_leave(r, mark);
}

static const struct key *find(const struct key *keys, const char *name)
{
	for (; keys->name; keys++) {
		if (strcmp(keys->name, name) == 0)
			return keys;
	}
	return NULL;
}

bool read_members(
    struct reader *r, const struct key *keys, json_t *json, void *target)
{
	const char *name;
	json_t *value;

	if (!json_is_object(json)) {
		reader_say_type(r, json, "an object { }");
		return false;
	}
	json_object_foreach(json, name, value)
	{
		const struct key *key = find(keys, name);
		size_t mark;

		if (!key) {
			say_unknown(r, keys, name);
			continue;
		}
		mark = reader_enter(r, name);
		key->read(r, key, value, (char *)target + key->offset);
		reader_leave(r, mark);
	}
	return true;
}

void read_object(
    struct reader *r, const struct key *key, json_t *json, void *field)
{
	read_members(r, key->keys, json, field);
}

/* ---- plain values ------------------------------------------------------ */

void read_nothing(
    struct reader *r, const struct key *key, json_t *json, void *field)
{
	(void)key;
	(void)field;
	if (!json_is_string(json))
		reader_say_type(r, json, "a text");
}

void read_bool(
    struct reader *r, const struct key *key, json_t *json, void *field)
{
	(void)key;
	if (json_is_boolean(json))
		*(bool *)field = json_is_true(json);
	else
		reader_say_type(r, json, "true or false");
}

static bool in_range(struct reader *r, const struct key *key, json_int_t value)
{
	if (value >= key->min && value <= key->max)
		return true;
	reader_say(r, "out-of-range", NULL, "must be from %lld to %lld",
	    (long long)key->min, (long long)key->max);
	return false;
}

void read_int(
    struct reader *r, const struct key *key, json_t *json, void *field)
{
	if (!json_is_integer(json))
		reader_say_type(r, json, "a whole number");
	else if (in_range(r, key, json_integer_value(json)))
		*(int *)field = (int)json_integer_value(json);
}

void read_share(
    struct reader *r, const struct key *key, json_t *json, void *field)
{
	double value = json_number_value(json);

	(void)key;
	if (!json_is_number(json))
		reader_say_type(r, json, "a number from 0 to 1");
	else if (value < 0 || value > 1)
		reader_say(r, "out-of-range", NULL, "must be from 0 to 1");
	else
		*(double *)field = value;
}

static void say_duration_type(struct reader *r, json_t *json)
{
	auto_free char *help = NULL;

	if (json_is_integer(json) && json_integer_value(json) >= 0)
		help = mem_printf("a duration has a unit: did you mean "
				  "\"%lld%s\"?",
		    (long long)json_integer_value(json),
		    json_integer_value(json) ? "s" : "");
	reader_say(r, "wrong-type", help,
	    "must be a duration such as \"90s\", not %s", reader_type(json));
}

void read_duration(
    struct reader *r, const struct key *key, json_t *json, void *field)
{
	char least[TEXT_DURATION_SIZE];
	char most[TEXT_DURATION_SIZE];
	int64_t ms;

	if (!json_is_string(json)) {
		say_duration_type(r, json);
		return;
	}
	if (strlen(json_string_value(json)) != json_string_length(json) ||
	    !text_duration(json_string_value(json), &ms)) {
		reader_say(r, "bad-duration",
		    "numbers with units ms, s, m, h, d: \"500ms\", \"1h30m\"",
		    "must be a duration such as \"90s\"");
		return;
	}
	if (ms >= key->min && ms <= key->max)
		*(int64_t *)field = ms;
	else
		reader_say(r, "out-of-range", NULL, "must be from %s to %s",
		    text_exact_duration(least, key->min),
		    text_exact_duration(most, key->max));
}

static char *spell_size(int64_t bytes)
{
	static const char letters[] = "\0KMGT";
	size_t i = 0;

	while (bytes && bytes % 1024 == 0 && letters[i + 1]) {
		bytes /= 1024;
		i++;
	}
	return mem_printf("%lld%.1s", (long long)bytes, letters + i);
}

void read_size(
    struct reader *r, const struct key *key, json_t *json, void *field)
{
	auto_free char *least = spell_size(key->min);
	auto_free char *most = spell_size(key->max);
	int64_t bytes = json_integer_value(json);

	if (!json_is_string(json) && !json_is_integer(json)) {
		reader_say_type(r, json, "a size such as \"64K\"");
		return;
	}
	if (json_is_string(json) &&
	    !text_size(json_string_value(json), &bytes)) {
		reader_say(r, "bad-size",
		    "bytes, or a number with K, M, G or T: \"64K\", \"1M\"",
		    "must be a size such as \"64K\"");
		return;
	}
	if (bytes >= key->min && bytes <= key->max)
		*(int64_t *)field = bytes;
	else
		reader_say(r, "out-of-range", NULL, "must be from %s to %s",
		    least, most);
}

/* ---- texts ------------------------------------------------------------- */

static void replace(void *field, char *text)
{
	char **place = field;

	free(*place);
	*place = text;
}

const char *read_element(
    struct reader *r, const char *(*check)(const char *), json_t *json)
{
	const char *wrong;

	if (!json_is_string(json)) {
		reader_say_type(r, json, "a text");
		return NULL;
	}
	wrong = check(json_string_value(json));
	if (!wrong)
		return json_string_value(json);
	reader_say(r, "bad-value", NULL, "%s", wrong);
	return NULL;
}

void read_text(
    struct reader *r, const struct key *key, json_t *json, void *field)
{
	const char *text = read_element(r, key->check, json);

	if (!text)
		return;
	if (strlen(text) > (size_t)key->max)
		reader_say(r, "out-of-range", NULL, "is longer than %lld bytes",
		    (long long)key->max);
	else
		replace(field, mem_strdup(text));
}

void read_path(
    struct reader *r, const struct key *key, json_t *json, void *field)
{
	const char *path = json_string_value(json);

	(void)key;
	if (!path)
		reader_say_type(r, json, "a path");
	else if (!*path)
		reader_say(r, "bad-value", NULL, "is empty");
	else if (strlen(path) > PATH_BYTES_MAX)
		reader_say(r, "out-of-range", NULL, "is longer than %d bytes",
		    PATH_BYTES_MAX);
	else
		replace(field, file_join(r->base, path));
}

void read_choice(
    struct reader *r, const struct key *key, json_t *json, void *field)
{
	auto_buf struct buf words = BUF_INIT(SENTENCE_MAX);
	auto_free char *help = NULL;
	const char *word = json_string_value(json);
	int i;

	for (i = 0; word && key->words[i]; i++) {
		if (strcmp(word, key->words[i]) == 0) {
			*(int *)field = i;
			return;
		}
	}
	reader_words(&words, key->words);
	if (!word) {
		reader_say_type(r, json, buf_text(&words));
		return;
	}
	help = reader_nearest(word, key->words);
	reader_say(r, "bad-value", help, "must be %s", buf_text(&words));
}

int read_count(
    struct reader *r, json_t *json, int min, int max, const char *what)
{
	char wanted[64];
	size_t count = json_array_size(json);

	if (!json_is_array(json)) {
		snprintf(wanted, sizeof(wanted), "a list [ ] of %s", what);
		reader_say_type(r, json, wanted);
		return -1;
	}
	if (count >= (size_t)min && count <= (size_t)max)
		return (int)count;
	if (min)
		reader_say(r, "out-of-range", NULL,
		    "must hold from %d to %d %s", min, max, what);
	else
		reader_say(r, "out-of-range", NULL,
		    "must not hold more than %d %s", max, what);
	return -1;
}

void read_list(
    struct reader *r, const struct key *key, json_t *json, void *field)
{
	char **list;
	size_t count = json_array_size(json);
	size_t kept = 0;
	size_t i;

	if (!json_is_array(json)) {
		reader_say_type(r, json, "a list [ ]");
		return;
	}
	if (count < (size_t)key->min || count > (size_t)key->max) {
		reader_say(r, "out-of-range", NULL,
		    "must hold from %lld to %lld elements", (long long)key->min,
		    (long long)key->max);
		return;
	}
	list = mem_array(count + 1, sizeof(*list));
	for (i = 0; i < count; i++) {
		size_t mark = reader_enter_index(r, i);
		const char *text =
		    read_element(r, key->check, json_array_get(json, i));

		if (text)
			list[kept++] = mem_strdup(text);
		reader_leave(r, mark);
	}
	list_free(*(char ***)field);
	*(char ***)field = list;
}

void list_free(char **list)
{
	size_t i;

	for (i = 0; list && list[i]; i++)
		free(list[i]);
	free(list);
}

char **list_copy(const char *const *list)
{
	size_t count = 0;
	char **copy;

	if (!list)
		return NULL;
	while (list[count])
		count++;
	copy = mem_array(count + 1, sizeof(*copy));
	while (count--)
		copy[count] = mem_strdup(list[count]);
	return copy;
}
