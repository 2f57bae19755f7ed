/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * model/directory: webhooks by what an event must bear for them.
 *
 * A webhook stands under the services that its filter insists on, else under
 * its alert sources, else under its triggers, "*" for all. So of ten thousand
 * webhooks for ten thousand services an event asks one. The entries are one
 * sorted array; an event's names each select a run of it, and the runs are
 * walked together, so candidates come in order and once. Names are compared
 * with '.' equal to '_', as triggers are: that can only add a candidate, and
 * every candidate is asked. Pure; if memory ends, we end.
 */
#include "model/directory.h"

#include "base/mem.h"
#include "model/conf.h"
#include "model/trigger.h"

#include <assert.h>
#include <string.h>

/* The kinds of names never mix: a service may be called like a type. */
enum kind { KIND_ALL, KIND_SERVICE, KIND_SOURCE, KIND_TYPE };

struct directory_entry {
	enum kind kind;
	const char *name;
	size_t place;
};

struct directory {
	struct directory_entry *entries;
	size_t count;
};

static const char *const fields[] = {
	[KIND_SERVICE] = "service",
	[KIND_SOURCE] = "alert_source",
};

/* ---- making -------------------------------------------------------------- */

static void add(
    struct directory *d, enum kind kind, const char *name, size_t place)
{
	size_t count = d->count;

	if ((count & (count - 1)) == 0)
		d->entries = mem_grow(
		    d->entries, count ? count * 2 : 1, sizeof(*d->entries));
	d->entries[d->count++] = (struct directory_entry){ kind, name, place };
}

/* True when the filter insists on a name of this kind. */
static bool add_names(struct directory *d, enum kind kind,
    const struct filter *filter, size_t place)
{
	const json_t *names = filter_insists(filter, fields[kind]);
	size_t i;

	for (i = 0; i < json_array_size(names); i++)
		add(d, kind, json_string_value(json_array_get(names, i)),
		    place);
	return names != NULL;
}

static void add_triggers(
    struct directory *d, const struct webhook *webhook, size_t place)
{
	char **trigger;

	for (trigger = webhook->triggers; *trigger; trigger++) {
		if (strcmp(*trigger, "*") == 0)
			add(d, KIND_ALL, "", place);
		else
			add(d, KIND_TYPE, *trigger, place);
	}
}

static void enter(
    struct directory *d, const struct webhook *webhook, size_t place)
{
	if (!webhook->enabled ||
	    add_names(d, KIND_SERVICE, webhook->filter, place) ||
	    add_names(d, KIND_SOURCE, webhook->filter, place))
		return;
	add_triggers(d, webhook, place);
}

static int by_name(
    const struct directory_entry *a, const struct directory_entry *b)
{
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	return trigger_compare(a->name, b->name);
}

static int by_name_and_place(const void *a, const void *b)
{
	const struct directory_entry *left = a;
	const struct directory_entry *right = b;
	int order = by_name(left, right);

	if (order)
		return order;
	return (left->place > right->place) - (left->place < right->place);
}

struct directory *directory_new(struct webhook *const *webhooks, size_t count)
{
	struct directory *d = mem_zalloc(sizeof(*d));
	size_t i;

	for (i = 0; i < count; i++)
		enter(d, webhooks[i], i);
	if (d->count)
		qsort(d->entries, d->count, sizeof(*d->entries),
		    by_name_and_place);
	return d;
}

void directory_free(struct directory *d)
{
	if (!d)
		return;
	free(d->entries);
	free(d);
}

/* ---- asking -------------------------------------------------------------- */

/* The first entry that is not before `name`, or behind all of its name. */
static const struct directory_entry *bound(
    const struct directory *d, const struct directory_entry *name, bool behind)
{
	size_t low = 0;
	size_t high = d->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = by_name(&d->entries[middle], name);

		if (order < 0 || (behind && order == 0))
			low = middle + 1;
		else
			high = middle;
	}
	return d->entries + low;
}

static void ask(const struct directory *d, struct directory_walk *walk,
    enum kind kind, const char *name)
{
	const struct directory_entry key = { kind, name, 0 };
	const struct directory_entry *at = bound(d, &key, false);
	const struct directory_entry *end = bound(d, &key, true);

	if (at == end)
		return;
	assert(walk->count < DIRECTORY_RUNS_MAX);
	walk->runs[walk->count].at = at;
	walk->runs[walk->count++].end = end;
}

static void ask_names(const struct directory *d, struct directory_walk *walk,
    enum kind kind, const struct event *event)
{
	const char *names[FILTER_NAMES_MAX];
	size_t count = filter_names(event->view, fields[kind], names);
	size_t i;

	for (i = 0; i < count; i++)
		ask(d, walk, kind, names[i]);
}

void directory_ask(const struct directory *d, const struct event *event,
    struct directory_walk *walk)
{
	walk->count = 0;
	if (!d->count)
		return;
	ask(d, walk, KIND_ALL, "");
	ask(d, walk, KIND_TYPE, event->type);
	ask_names(d, walk, KIND_SERVICE, event);
	ask_names(d, walk, KIND_SOURCE, event);
}

bool directory_next(struct directory_walk *walk, size_t *place)
{
	size_t least = SIZE_MAX;
	size_t i;

	for (i = 0; i < walk->count; i++) {
		if (walk->runs[i].at < walk->runs[i].end &&
		    walk->runs[i].at->place < least)
			least = walk->runs[i].at->place;
	}
	for (i = 0; i < walk->count; i++) {
		while (walk->runs[i].at < walk->runs[i].end &&
		    walk->runs[i].at->place == least)
			walk->runs[i].at++;
	}
	*place = least;
	return least != SIZE_MAX;
}
