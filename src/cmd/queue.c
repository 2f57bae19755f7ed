/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * cmd/queue: the verb with parts of its own: list, summary, and what operators
 * do to deliveries. Here are the options of all parts, and who takes which.
 */
#include "cmd/queue.h"

#include "base/text.h"
#include "cmd/change.h"
#include "cmd/select.h"

#include <string.h>

static const struct verb_option options[] = {
	SELECT_OPTIONS,
	{ 'n', "lines", "N", "list: at most so many", false, false },
	CHANGE_OPTIONS,
	{ 0, NULL, NULL, NULL, false, false },
};

enum part { LIST = 1, SUMMARY = 2, CHANGE = 4 };

static const struct {
	const char *name;
	enum part part;
} parts[] = {
	{ "list", LIST },
	{ "summary", SUMMARY },
	{ "hold", CHANGE },
	{ "release", CHANGE },
	{ "retry", CHANGE },
	{ "delete", CHANGE },
};
enum { PARTS = sizeof(parts) / sizeof(*parts) };

/* Options that some parts do not take. */
static const struct {
	const char *name;
	unsigned parts;
} limits[] = {
	{ "lines", LIST },
	{ "all", CHANGE },
	{ "dry-run", CHANGE },
	{ "yes", CHANGE },
	{ "endpoint", LIST | CHANGE },
	{ "event-type", LIST | CHANGE },
	{ "incident", LIST | CHANGE },
	{ "status", LIST | CHANGE },
	{ "since", LIST | CHANGE },
	{ "until", LIST | CHANGE },
};

static int unknown_part(const struct args *args, const char *word)
{
	const char *names[PARTS + 1] = { NULL };
	const char *near;
	size_t i;

	for (i = 0; i < PARTS; i++)
		names[i] = parts[i].name;
	near = text_nearest(word, names);
	if (near)
		return verb_usage(args,
		    "unknown queue command \"%s\" (did you mean \"%s\"?)", word,
		    near);
	return verb_usage(args,
	    "unknown queue command \"%s\"; there are list, summary, hold, "
	    "release, retry and delete",
	    word);
}

static int wrong_option(
    const struct args *args, const char *word, enum part part)
{
	size_t i;

	for (i = 0; i < sizeof(limits) / sizeof(*limits); i++) {
		if (limits[i].parts & part || !args_has(args, limits[i].name))
			continue;
		return verb_usage(
		    args, "\"queue %s\" takes no --%s", word, limits[i].name);
	}
	return EXIT_OK;
}

static int run_part(const struct args *args, const char *word, enum part part)
{
	int code = wrong_option(args, word, part);

	if (code != EXIT_OK)
		return code;
	if (part == CHANGE)
		return queue_change(args, word);
	if (args->operand_count > 1)
		return verb_usage(args,
		    "\"queue %s\" takes no ids; \"spoolhook show ID\" tells of "
		    "one",
		    word);
	return part == LIST ? queue_list(args) : queue_summary(args);
}

static int run(const struct args *args)
{
	const char *word = args->operand_count ? args->operands[0] : "list";
	size_t i;

	for (i = 0; i < PARTS; i++) {
		if (strcmp(parts[i].name, word) == 0)
			return run_part(args, word, parts[i].part);
	}
	return unknown_part(args, word);
}

const struct verb verb_queue = {
	.name = "queue",
	.group = "Queue",
	.operands = "[list|summary|hold|release|retry|delete] [ID…|-]",
	.summary = "list the deliveries that wait, or change them",
	.options = options,
	.run = run,
};
