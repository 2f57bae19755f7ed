/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * model/filter_lines: a compiled filter as an indented tree, for whoever shows
 * it in more than one line. The conditions read as filter_print writes them.
 * Depth is bounded by FILTER_DEPTH_MAX, so it may call itself.
 */
#include "model/filter_lines.h"

#include "model/filter_tree.h"

enum { LINE_MAX_BYTES = 64 * 1024 };

struct telling {
	void (*each)(void *arg, const struct filter_line *line);
	void *arg;
};

static const char *const heads[] = {
	[FILTER_ALL] = "all of",
	[FILTER_ANY] = "any of",
	[FILTER_NOT] = "not",
};

static void tell_condition(
    const struct telling *telling, const struct filter *filter, int depth)
{
	auto_buf struct buf text = BUF_INIT(LINE_MAX_BYTES);

	filter_print(filter, &text);
	telling->each(telling->arg,
	    &(struct filter_line){ depth, false, buf_text(&text) });
}

static void tell(
    const struct telling *telling, const struct filter *filter, int depth)
{
	bool group = filter && filter->kind <= FILTER_NOT;

	if (!group) {
		tell_condition(telling, filter, depth);
		return;
	}
	telling->each(telling->arg,
	    &(struct filter_line){ depth, true, heads[filter->kind] });
	for (size_t i = 0; i < filter->count; i++)
		tell(telling, filter->members[i], depth + 1);
}

void filter_lines(const struct filter *filter,
    void (*each)(void *arg, const struct filter_line *line), void *arg)
{
	struct telling telling = { each, arg };

	tell(&telling, filter, 0);
}
