/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef MODEL_FILTER_LINES_H
#define MODEL_FILTER_LINES_H

#include "model/filter.h"

/* One line of a filter that is shown as a tree: a condition ("service in
 * [checkout]") or the head of a group ("all of", "any of", "not"), whose
 * members follow one level deeper. `text` is safe for a terminal and lent for
 * the call. */
struct filter_line {
	int depth; /* from 0 */
	bool group;
	const char *text;
};

/* Tells the lines from top to bottom; NULL tells "everything". */
void filter_lines(const struct filter *filter,
    void (*each)(void *arg, const struct filter_line *line), void *arg);

#endif
