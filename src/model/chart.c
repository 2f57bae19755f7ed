/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * model/chart: numbers as pictures: bars, lines, strips, shares. Every picture
 * also says its numbers in words: none is the only place where one stands.
 *
 * Coordinates are whole numbers of a plane that is SLOT wide for each slot and
 * TOP high. Pure: it writes into the buffer and knows nothing of the page
 * around.
 */
#include "model/chart.h"

#include "base/text.h"
#include "model/html.h"

#include <stdio.h>

enum { SLOT = 10, GAP = 1, TOP = 1000, VALUE_SIZE = 32 };

/* ---- values ------------------------------------------------------------ */

/* For people; a dash for none. */
static const char *value_text(
    const struct chart *chart, int64_t value, char out[VALUE_SIZE])
{
	auto_buf struct buf text = BUF_INIT(VALUE_SIZE);

	if (value < 0)
		return "-";
	if (chart->durations)
		return text_short_duration(out, value);
	html_put(&text, "%'lld", (long long)value);
	snprintf(out, VALUE_SIZE, "%s", buf_text(&text));
	return out;
}

static int64_t known(int64_t value)
{
	return value > 0 ? value : 0;
}

static int64_t stack_height(const struct chart *chart, int slot)
{
	int64_t sum = 0;

	for (int i = 0; i < chart->series_count; i++)
		sum += known(chart->series[i].values[slot]);
	return sum;
}

static int64_t highest(const struct chart *chart, bool stacked)
{
	int64_t top = 0;

	for (int slot = 0; slot < chart->count; slot++) {
		if (stacked && stack_height(chart, slot) > top)
			top = stack_height(chart, slot);
		for (int i = 0; i < chart->series_count; i++) {
			if (chart->series[i].values[slot] > top)
				top = chart->series[i].values[slot];
		}
	}
	return top;
}

/* The next of 1, 2, 5, 10, 20, 50 … */
static int64_t round_up(int64_t value)
{
	int64_t unit = 1;

	while (unit < INT64_MAX / 10 && unit * 10 <= value)
		unit *= 10;
	if (unit >= value)
		return unit;
	if (unit * 2 >= value)
		return unit * 2;
	return unit * 5 >= value ? unit * 5 : unit * 10;
}

static int height_of(int64_t value, int64_t top)
{
	return (int)(value * TOP / top);
}

/* ---- the figure around ------------------------------------------------- */

static void begin_figure(
    struct buf *out, const char *title, const char *summary)
{
	html_put(out, "<figure><figcaption><h3>%s</h3><p>%s</p></figcaption>\n",
	    title, summary);
}

static void begin_plot(struct buf *out, const struct chart *chart, int64_t top)
{
	char text[VALUE_SIZE];

	html_put(out,
	    "<div class=\"plot\"><div class=\"ys\" aria-hidden=\"true\">"
	    "<span>%s</span><span>%s</span><span>0</span></div>\n"
	    "<svg role=\"img\" aria-label=\"%s: %s\" viewBox=\"0 0 %d %d\" "
	    "preserveAspectRatio=\"none\">\n",
	    value_text(chart, top, text),
	    top > 1 ? value_text(chart, top / 2, (char[VALUE_SIZE]){ 0 }) : "",
	    chart->title, chart->summary, chart->count * SLOT, TOP);
	html_put(out, "<path class=\"grid\" d=\"M0 0H%d", chart->count * SLOT);
	html_put(out, "M0 %dH%d", TOP / 2, chart->count * SLOT);
	html_put(out, "M0 %dH%d\"/>\n", TOP, chart->count * SLOT);
}

static void xs(struct buf *out, const char (*slots)[CHART_SLOT_SIZE], int count)
{
	html_put(out, "<div class=\"xs\" aria-hidden=\"true\"><span>%s</span>",
	    slots[0]);
	if (count > 2)
		html_put(out, "<span>%s</span>", slots[count / 2]);
	if (count > 1)
		html_put(out, "<span>%s</span>", slots[count - 1]);
	buf_puts(out, "</div>");
}

static void end_plot(struct buf *out, const struct chart *chart)
{
	buf_puts(out, "</svg>");
	xs(out, chart->slots, chart->count);
	buf_puts(out, "</div>\n<ul class=\"legend\">");
	for (int i = 0; i < chart->series_count; i++)
		html_put(out,
		    "<li><svg class=\"key\" viewBox=\"0 0 10 10\" "
		    "aria-hidden=\"true\"><rect class=\"%s\" width=\"10\" "
		    "height=\"10\"/></svg>%s</li>",
		    chart->series[i].mark, chart->series[i].name);
	buf_puts(out, "</ul>\n");
}

static void begin_numbers(struct buf *out, const char *label)
{
	html_put(out,
	    "<details class=\"numbers\"><summary>The numbers</summary>"
	    "<div class=\"wide\" role=\"region\" aria-label=\"%s, numbers\" "
	    "tabindex=\"0\"><table>\n<thead><tr>",
	    label);
}

static void end_numbers(struct buf *out)
{
	buf_puts(out, "</tbody></table></div></details></figure>\n");
}

static bool is_empty(const struct chart *chart, int slot)
{
	for (int i = 0; i < chart->series_count; i++) {
		if (chart->series[i].values[slot] > 0)
			return false;
	}
	return true;
}

/* Slots in which nothing was are left out. */
static void numbers(struct buf *out, const struct chart *chart)
{
	begin_numbers(out, chart->title);
	buf_puts(out, "<th scope=\"col\">from</th>");
	for (int i = 0; i < chart->series_count; i++)
		html_put(out, "<th scope=\"col\" class=\"n\">%s</th>",
		    chart->series[i].name);
	buf_puts(out, "</tr></thead><tbody>\n");
	for (int slot = 0; slot < chart->count; slot++) {
		if (is_empty(chart, slot))
			continue;
		html_put(
		    out, "<tr><th scope=\"row\">%s</th>", chart->slots[slot]);
		for (int i = 0; i < chart->series_count; i++)
			html_put(out, "<td class=\"n\">%s</td>",
			    value_text(chart, chart->series[i].values[slot],
				(char[VALUE_SIZE]){ 0 }));
		buf_puts(out, "</tr>\n");
	}
	end_numbers(out);
}

static void nothing(struct buf *out)
{
	buf_puts(out, "<p class=\"none\">Nothing to draw.</p></figure>\n");
}

/* ---- bars -------------------------------------------------------------- */

/* Pointing at a slot anywhere tells all of it. */
static void slot_title(struct buf *out, const struct chart *chart, int slot)
{
	html_put(out, "<g><title>%s:", chart->slots[slot]);
	for (int i = 0; i < chart->series_count; i++)
		html_put(out, "%s %s %s", i ? "," : "",
		    value_text(chart, chart->series[i].values[slot],
			(char[VALUE_SIZE]){ 0 }),
		    chart->series[i].name);
	html_put(out,
	    "</title><rect class=\"feel\" x=\"%d\" width=\"%d\" "
	    "height=\"%d\"/>",
	    slot * SLOT, SLOT, TOP);
}

static void bar(
    struct buf *out, const struct chart *chart, int slot, int64_t top)
{
	int64_t below = 0;

	if (is_empty(chart, slot))
		return;
	slot_title(out, chart, slot);
	for (int i = 0; i < chart->series_count; i++) {
		int64_t value = known(chart->series[i].values[slot]);
		int y = TOP - height_of(below + value, top);

		below += value;
		if (value)
			html_put(out,
			    "<rect class=\"%s\" x=\"%d\" y=\"%d\" "
			    "width=\"%d\" height=\"%d\"/>",
			    chart->series[i].mark, slot * SLOT + GAP, y,
			    SLOT - 2 * GAP,
			    TOP - height_of(below - value, top) - y);
	}
	buf_puts(out, "</g>\n");
}

void chart_bars(struct buf *out, const struct chart *chart)
{
	int64_t top = round_up(highest(chart, true));

	begin_figure(out, chart->title, chart->summary);
	if (!highest(chart, true)) {
		nothing(out);
		return;
	}
	begin_plot(out, chart, top);
	for (int slot = 0; slot < chart->count; slot++)
		bar(out, chart, slot, top);
	end_plot(out, chart);
	numbers(out, chart);
}

/* ---- lines ------------------------------------------------------------- */

static void line(struct buf *out, const struct chart *chart,
    const struct chart_series *series, int64_t top)
{
	bool drawing = false;

	html_put(out, "<path class=\"line %s\" d=\"", series->mark);
	for (int slot = 0; slot < chart->count; slot++) {
		int64_t value = series->values[slot];

		if (value >= 0)
			html_put(out, "%s%d %d", drawing ? "L" : "M",
			    slot * SLOT + SLOT / 2,
			    TOP - height_of(value, top));
		drawing = value >= 0;
	}
	buf_puts(out, "\"/>\n");
}

/* A dot is a line without length and with round ends: it stays round however
 * the plane is stretched. */
static void dots(struct buf *out, const struct chart *chart,
    const struct chart_series *series, int64_t top)
{
	for (int slot = 0; slot < chart->count; slot++) {
		int64_t value = series->values[slot];
		char text[VALUE_SIZE];

		if (value < 0)
			continue;
		html_put(out,
		    "<path class=\"dot %s\" d=\"M%d %dh0\"><title>%s: %s "
		    "%s</title></path>\n",
		    series->mark, slot * SLOT + SLOT / 2,
		    TOP - height_of(value, top), chart->slots[slot],
		    series->name, value_text(chart, value, text));
	}
}

void chart_lines(struct buf *out, const struct chart *chart)
{
	int64_t top = round_up(highest(chart, false));

	begin_figure(out, chart->title, chart->summary);
	if (!highest(chart, false)) {
		nothing(out);
		return;
	}
	begin_plot(out, chart, top);
	for (int i = 0; i < chart->series_count; i++)
		line(out, chart, &chart->series[i], top);
	for (int i = 0; i < chart->series_count; i++)
		dots(out, chart, &chart->series[i], top);
	end_plot(out, chart);
	numbers(out, chart);
}

/* ---- strips ------------------------------------------------------------ */

/* None, up to a quarter, up to three quarters, more. */
static const char *heat(int64_t bad, int64_t all)
{
	if (!bad)
		return "h0";
	if (bad * 4 <= all)
		return "h1";
	return bad * 4 <= all * 3 ? "h2" : "h3";
}

static void strip(struct buf *out, const struct chart_strips *chart,
    const struct chart_strip *row)
{
	html_put(out,
	    "<div class=\"strip\"><span>%s</span><svg role=\"img\" "
	    "aria-label=\"%s, failed calls over time\" viewBox=\"0 0 %d %d\" "
	    "preserveAspectRatio=\"none\">\n<rect class=\"bed\" "
	    "width=\"%d\" height=\"%d\"/>\n",
	    row->name, row->name, chart->count * SLOT, SLOT,
	    chart->count * SLOT, SLOT);
	for (int slot = 0; slot < chart->count; slot++) {
		if (!row->all[slot])
			continue;
		html_put(out,
		    "<rect class=\"%s\" x=\"%d\" width=\"%d\" height=\"%d\">"
		    "<title>%s: %'lld of %'lld calls failed</title></rect>\n",
		    heat(row->bad[slot], row->all[slot]), slot * SLOT, SLOT,
		    SLOT, chart->slots[slot], (long long)row->bad[slot],
		    (long long)row->all[slot]);
	}
	buf_puts(out, "</svg></div>\n");
}

static void strip_numbers(struct buf *out, const struct chart_strips *chart,
    const struct chart_strip *row)
{
	for (int slot = 0; slot < chart->count; slot++) {
		if (!row->bad[slot])
			continue;
		html_put(out,
		    "<tr><th scope=\"row\">%s</th><td>%s</td>"
		    "<td class=\"n\">%'lld</td><td class=\"n\">%'lld</td>"
		    "</tr>\n",
		    row->name, chart->slots[slot], (long long)row->bad[slot],
		    (long long)row->all[slot]);
	}
}

static void strip_legend(struct buf *out)
{
	static const char *const names[] = { "all calls went well",
		"up to a quarter failed", "up to three quarters", "more" };

	buf_puts(out, "<ul class=\"legend\">");
	for (int i = 0; i < 4; i++)
		html_put(out,
		    "<li><svg class=\"key\" viewBox=\"0 0 10 10\" "
		    "aria-hidden=\"true\"><rect class=\"h%d\" width=\"10\" "
		    "height=\"10\"/></svg>%s</li>",
		    i, names[i]);
	buf_puts(out, "</ul>\n");
}

void chart_strips(struct buf *out, const struct chart_strips *chart)
{
	begin_figure(out, chart->title, chart->summary);
	if (!chart->row_count) {
		nothing(out);
		return;
	}
	buf_puts(out, "<div class=\"strips\">\n");
	for (size_t i = 0; i < chart->row_count; i++)
		strip(out, chart, &chart->rows[i]);
	buf_puts(out, "<div class=\"strip\"><span></span>");
	xs(out, chart->slots, chart->count);
	buf_puts(out, "</div></div>\n");
	strip_legend(out);
	begin_numbers(out, chart->title);
	buf_puts(out,
	    "<th scope=\"col\">endpoint</th><th scope=\"col\">from</th>"
	    "<th scope=\"col\" class=\"n\">failed</th>"
	    "<th scope=\"col\" class=\"n\">calls</th></tr></thead><tbody>\n");
	for (size_t i = 0; i < chart->row_count; i++)
		strip_numbers(out, chart, &chart->rows[i]);
	end_numbers(out);
}

/* ---- shares ------------------------------------------------------------ */

void chart_shares(struct buf *out, const char *title, const char *summary,
    const struct chart_share *rows, size_t row_count)
{
	int64_t all = 0;

	for (size_t i = 0; i < row_count; i++)
		all += rows[i].count;
	begin_figure(out, title, summary);
	if (!all) {
		nothing(out);
		return;
	}
	buf_puts(out,
	    "<table class=\"shares\"><thead><tr><th scope=\"col\">answer</th>"
	    "<th scope=\"col\" class=\"n\">calls</th><th scope=\"col\">share"
	    "</th></tr></thead><tbody>\n");
	for (size_t i = 0; i < row_count; i++)
		html_put(out,
		    "<tr><th scope=\"row\">%s</th><td class=\"n\">%'lld</td>"
		    "<td><svg viewBox=\"0 0 %d 10\" preserveAspectRatio="
		    "\"none\" aria-hidden=\"true\"><rect class=\"%s\" "
		    "width=\"%d\" height=\"10\"/></svg></td></tr>\n",
		    rows[i].name, (long long)rows[i].count, TOP, rows[i].mark,
		    (int)(rows[i].count * (TOP - 1) / all) + 1);
	buf_puts(out, "</tbody></table></figure>\n");
}
