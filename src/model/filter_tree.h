/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef MODEL_FILTER_TREE_H
#define MODEL_FILTER_TREE_H

#include "model/filter.h"
#include "model/path.h"
#include "model/relation.h"

#include <jansson.h>
#include <stddef.h>

/*
 * A compiled filter from the inside, for model/filter, filter_compile,
 * filter_json and explain only.
 * Each node owns its members, path and operand.
 */
enum filter_kind {
	FILTER_ALL,
	FILTER_ANY,
	FILTER_NOT, /* one member */
	FILTER_NAMED, /* a service or alert source by one of its names */
	FILTER_FIELD,
};

/* The shorthand conditions: the field, and what in it counts as its name. */
struct filter_naming {
	const char *key;
	const char *names[FILTER_NAMES_MAX];
};

/* The naming of a field that has names, NULL for any other. */
const struct filter_naming *filter_naming(const char *key);

struct filter {
	enum filter_kind kind;
	struct filter **members;
	size_t count;
	const struct filter_naming *naming;
	struct path *path;
	const struct relation *relation;
	struct operand operand; /* of FILTER_NAMED: an array of strings */
};

#endif
