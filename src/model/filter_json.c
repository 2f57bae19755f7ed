/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * model/filter_json: a compiled filter back as JSON, for whoever shows the
 * configuration. What it writes compiles again, to the same filter. It reads
 * the tree only; values are shared by count and never changed.
 */
#include "model/filter.h"

#include "base/mem.h"
#include "model/filter_tree.h"

static void put(json_t *object, const char *key, json_t *value)
{
	if (!object || json_object_set_new(object, key, value) < 0)
		mem_exhausted();
}

static json_t *members(const struct filter *filter)
{
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < filter->count; i++) {
		if (json_array_append_new(
			list, filter_json(filter->members[i])) < 0)
			mem_exhausted();
	}
	return list;
}

static void put_field(json_t *object, const struct filter *filter)
{
	put(object, "field", json_string(path_text(filter->path)));
	put(object, "op", json_string(filter->relation->name));
	put(object, "value", json_incref(filter->operand.value));
}

json_t *filter_json(const struct filter *filter)
{
	json_t *object;

	if (!filter)
		return NULL;
	object = json_object();
	switch (filter->kind) {
	case FILTER_ALL:
		put(object, "all", members(filter));
		break;
	case FILTER_ANY:
		put(object, "any", members(filter));
		break;
	case FILTER_NOT:
		put(object, "not", filter_json(filter->members[0]));
		break;
	case FILTER_NAMED:
		put(object, filter->naming->key,
		    json_incref(filter->operand.value));
		break;
	case FILTER_FIELD:
		put_field(object, filter);
		break;
	}
	return object;
}
