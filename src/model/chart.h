/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef MODEL_CHART_H
#define MODEL_CHART_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Charts as HTML figures with SVG in them, without scripts and without inline
 * styles. Each has a title, a sentence that says what is to be seen, a
 * <title> for each mark, and the same numbers as a table in <details>. The SVG
 * is stretched to the place there is; all words stand outside of it, so they
 * keep their size on a telephone. Colours are the style sheet's, by class.
 *
 * Everything given is lent for the call. Texts are escaped here.
 */
enum { CHART_SLOT_SIZE = 32 };

struct chart_series {
	const char *name; /* "delivered" */
	const char *mark; /* the CSS class of its marks */
	const int64_t *values; /* `count` of them; below 0: there is none */
};

/* Values over time. `durations`: they are milliseconds. */
struct chart {
	const char *title;
	const char *summary;
	bool durations;
	const char (*slots)[CHART_SLOT_SIZE]; /* when each begins */
	int count;
	const struct chart_series *series;
	int series_count;
};
/* One bar a slot, the series on top of each other. */
void chart_bars(struct buf *out, const struct chart *chart);
/* One line a series, with gaps where it has no value. */
void chart_lines(struct buf *out, const struct chart *chart);

/* What went wrong when: a strip for each row, a cell for each slot. */
struct chart_strip {
	const char *name;
	const int64_t *all;
	const int64_t *bad; /* of these */
};
struct chart_strips {
	const char *title;
	const char *summary;
	const char (*slots)[CHART_SLOT_SIZE];
	int count;
	const struct chart_strip *rows;
	size_t row_count;
};
void chart_strips(struct buf *out, const struct chart_strips *chart);

/* Shares of a whole: a table whose rows have a bar. */
struct chart_share {
	const char *name;
	const char *mark;
	int64_t count;
};
void chart_shares(struct buf *out, const char *title, const char *summary,
    const struct chart_share *rows, size_t row_count);

#endif
