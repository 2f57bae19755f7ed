/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * model/path: a path is a list of steps, each a key, an index or "any
 * element". Parsing is strict, so that a slip of the pen is a fault with a
 * column instead of a path that never reaches anything. Walking only reads:
 * it allocates nothing, visits each value at most once, and nests as deep as
 * the path has steps. A step that does not fit the value it meets (a key on an
 * array, an index on an object, out of range) reaches nothing.
 */
#include "model/path.h"

#include "base/mem.h"
#include "base/text.h"
#include "model/scan.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>

enum step_kind { STEP_KEY, STEP_INDEX, STEP_ANY };

struct step {
	enum step_kind kind;
	char *key;
	int64_t index; /* below zero: from the end */
};

struct path {
	char *text;
	struct step *steps;
	size_t count;
};

/* Indexes that no array of a bounded event has. */
static const int64_t INDEX_MAX = 999999999;

struct reading {
	struct path *path;
	const char *text;
	size_t at;
	struct why *why;
};

static int complain(const struct reading *r, size_t at, const char *sentence)
{
	size_t line;
	size_t column;

	scan_position(r->text, strlen(r->text), at, &line, &column);
	return fail(r->why, "column %zu: %s", column, sentence);
}

static int add(struct reading *r, struct step step)
{
	struct path *path = r->path;

	if (path->count == PATH_STEPS_MAX) {
		free(step.key);
		return complain(r, r->at, "the path has too many steps");
	}
	path->steps = mem_grow(path->steps, path->count + 1, sizeof(step));
	path->steps[path->count++] = step;
	return 0;
}

static bool bare(char c)
{
	unsigned char u = (unsigned char)c;

	return u > 0x20 && u != 0x7f && !strchr(".[]\"'*(){},", c);
}

static int read_bare(struct reading *r)
{
	size_t start = r->at;

	while (r->text[r->at] && bare(r->text[r->at]))
		r->at++;
	if (r->at == start)
		return complain(r, start,
		    "a key is expected here; write an odd one as "
		    "[\"odd key\"]");
	return add(r,
	    (struct step){ .kind = STEP_KEY,
		.key = mem_strndup(r->text + start, r->at - start) });
}

/* A key in quotes is a JSON string, escapes and all. */
static int read_quoted(struct reading *r)
{
	size_t start = r->at;
	size_t len = strlen(r->text);
	struct scan_fault fault;
	json_auto_t *key = NULL;

	if (scan_value(r->text, len, start, 0, NULL, &r->at, &fault) !=
	    SCAN_WHOLE)
		return complain(
		    r, fault.at, "the quoted key is no JSON string");
	key = json_loadb(r->text + start, r->at - start, JSON_DECODE_ANY, NULL);
	if (!key)
		return complain(r, start, "the quoted key is no JSON string");
	return add(r,
	    (struct step){
		.kind = STEP_KEY, .key = mem_strdup(json_string_value(key)) });
}

static int read_index(struct reading *r)
{
	size_t start = r->at;
	struct step step = { .kind = STEP_INDEX };
	bool back = r->text[start] == '-';
	size_t first = start + back;
	auto_free char *digits = NULL;

	for (r->at = first; isdigit((unsigned char)r->text[r->at]);)
		r->at++;
	digits = mem_strndup(r->text + first, r->at - first);
	if (!text_int(digits, back, INDEX_MAX, &step.index))
		return complain(r, start,
		    "a number, * or a key in double quotes is expected "
		    "between [ and ]");
	if (back)
		step.index = -step.index;
	return add(r, step);
}

static int read_bracket(struct reading *r)
{
	int result;

	r->at++;
	if (r->text[r->at] == '*') {
		r->at++;
		result = add(r, (struct step){ .kind = STEP_ANY });
	} else if (r->text[r->at] == '"') {
		result = read_quoted(r);
	} else {
		result = read_index(r);
	}
	if (result < 0)
		return -1;
	if (r->text[r->at] != ']')
		return complain(r, r->at, "] is expected here");
	r->at++;
	return 0;
}

static int read_steps(struct reading *r)
{
	while (r->text[r->at] || !r->path->count) {
		int result;

		if (r->text[r->at] == '[') {
			result = read_bracket(r);
		} else if (!r->path->count) {
			result = read_bare(r);
		} else if (r->text[r->at] == '.') {
			r->at++;
			result = read_bare(r);
		} else {
			result = complain(r, r->at,
			    "a dot or [ is expected here; write an odd key as "
			    "[\"odd key\"]");
		}
		if (result < 0)
			return -1;
	}
	return 0;
}

struct path *path_parse(const char *text, struct why *why)
{
	struct reading r = { .text = text, .why = why };

	if (!*text) {
		fail(why, "the path is empty");
		return NULL;
	}
	if (strlen(text) > PATH_TEXT_MAX) {
		fail(why, "the path is longer than %d bytes", PATH_TEXT_MAX);
		return NULL;
	}
	r.path = mem_zalloc(sizeof(*r.path));
	r.path->text = mem_strdup(text);
	if (read_steps(&r) == 0)
		return r.path;
	path_free(r.path);
	return NULL;
}

void path_free(struct path *path)
{
	size_t i;

	if (!path)
		return;
	for (i = 0; i < path->count; i++)
		free(path->steps[i].key);
	free(path->steps);
	free(path->text);
	free(path);
}

const char *path_text(const struct path *path)
{
	return path->text;
}

struct walk {
	const struct path *path;
	bool (*visit)(void *arg, const json_t *value);
	void *arg;
};

static bool go(const struct walk *walk, size_t step, const json_t *value);

static bool go_any(const struct walk *walk, size_t step, const json_t *list)
{
	size_t i;

	for (i = 0; i < json_array_size(list); i++) {
		if (go(walk, step, json_array_get(list, i)))
			return true;
	}
	return false;
}

static const json_t *element(const json_t *list, int64_t index)
{
	if (index < 0)
		index += (int64_t)json_array_size(list);
	return index < 0 ? NULL : json_array_get(list, (size_t)index);
}

static bool go(const struct walk *walk, size_t at, const json_t *value)
{
	const struct step *step = &walk->path->steps[at];

	if (!value)
		return false;
	if (at == walk->path->count)
		return walk->visit(walk->arg, value);
	switch (step->kind) {
	case STEP_KEY:
		return go(walk, at + 1, json_object_get(value, step->key));
	case STEP_INDEX:
		return go(walk, at + 1, element(value, step->index));
	case STEP_ANY:
		return go_any(walk, at + 1, value);
	}
	return false;
}

bool path_walk(const struct path *path, const json_t *root,
    bool (*visit)(void *arg, const json_t *value), void *arg)
{
	struct walk walk = { .path = path, .visit = visit, .arg = arg };

	return go(&walk, 0, root);
}

static bool keep(void *arg, const json_t *value)
{
	*(const json_t **)arg = value;
	return true;
}

const json_t *path_first(const struct path *path, const json_t *root)
{
	const json_t *first = NULL;

	path_walk(path, root, keep, &first);
	return first;
}

static bool set_member(const struct step *step, json_t *at, json_t *value)
{
	int64_t index = step->index;

	switch (step->kind) {
	case STEP_KEY:
		return json_object_set_new(at, step->key, value) == 0;
	case STEP_INDEX:
		if (index < 0)
			index += (int64_t)json_array_size(at);
		if (index >= 0)
			return json_array_set_new(at, (size_t)index, value) ==
			    0;
		break;
	case STEP_ANY:
		break;
	}
	json_decref(value);
	return false;
}

/* The member that the step leads to; an object that was not there is made. */
static json_t *descend(const struct step *step, json_t *at)
{
	json_t *next;

	if (step->kind != STEP_KEY)
		return step->kind == STEP_ANY
		    ? NULL
		    : (json_t *)(uintptr_t)element(at, step->index);
	next = json_object_get(at, step->key);
	if (next || !json_is_object(at))
		return next;
	next = json_object();
	return json_object_set_new(at, step->key, next) == 0 ? next : NULL;
}

bool path_set(const struct path *path, json_t *root, json_t *value)
{
	json_t *at = root;
	size_t i;

	for (i = 0; at && i + 1 < path->count; i++)
		at = descend(&path->steps[i], at);
	if (at)
		return set_member(&path->steps[i], at, value);
	json_decref(value);
	return false;
}

bool path_starts_at(const struct path *path, const char *key)
{
	return path->steps[0].kind == STEP_KEY &&
	    strcmp(path->steps[0].key, key) == 0;
}
