/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * Tests of model/chart and model/filter_lines: pictures whose numbers are there
 * in words, whatever the numbers are; filters as trees.
 */
#include "model/chart.h"
#include "model/filter_lines.h"

#include "tap.h"

#include <string.h>

static const char slots[3][CHART_SLOT_SIZE] = { "mon", "<tue>", "wed" };

static bool has(const struct buf *out, const char *text)
{
	return strstr(buf_text(out), text) != NULL;
}

static struct chart chart_of(const struct chart_series *series, int count)
{
	return (struct chart){ "A \"title\"", "what <is> seen", false, slots, 3,
		series, count };
}

static void test_bars(void)
{
	auto_buf struct buf out = BUF_INIT(64 * 1024);
	int64_t good[] = { 1500, 0, 500 };
	int64_t bad[] = { 500, 0, 0 };
	struct chart_series series[] = { { "good", "m1", good },
		{ "bad", "m2", bad } };
	struct chart chart = chart_of(series, 2);

	chart_bars(&out, &chart);
	ok(has(&out, "mon: 1,500 good, 500 bad</title>"),
	    "a bar tells its numbers");
	ok(has(&out,
	       "<rect class=\"m1\" x=\"1\" y=\"250\" width=\"8\" "
	       "height=\"750\"/><rect class=\"m2\" x=\"1\" y=\"0\" "
	       "width=\"8\" height=\"250\"/>"),
	    "parts stand on each other, and fill the plane at the top");
	ok(!has(&out, "<tue>") && has(&out, "&lt;tue&gt;") &&
		!has(&out, "what <is>"),
	    "all texts are escaped");
	ok(has(&out, "<th scope=\"row\">wed</th><td class=\"n\">500</td>"),
	    "the table has the same numbers");
	ok(!has(&out, "style="), "no inline style");
}

static void test_extremes(void)
{
	auto_buf struct buf out = BUF_INIT(64 * 1024);
	int64_t none[] = { 0, 0, 0 };
	int64_t huge[] = { 1000000000000000LL, -1, 1 };
	struct chart_series series[] = { { "x", "m1", none } };
	struct chart chart = chart_of(series, 1);

	chart_bars(&out, &chart);
	ok(has(&out, "Nothing to draw") && !has(&out, "viewBox"),
	    "of nothing there is no picture, and no division by zero");
	buf_reset(&out);
	series[0].values = huge;
	chart_bars(&out, &chart);
	ok(has(&out, "1,000,000,000,000,000"), "large numbers are drawn");
	buf_reset(&out);
	chart.durations = true;
	chart_lines(&out, &chart);
	ok(has(&out, "d=\"M5 0M25 1000\""), "a line has a gap where none is");
	ok(has(&out, "wed: x 1ms</title>"), "a dot tells its duration");
}

static void test_strips(void)
{
	auto_buf struct buf out = BUF_INIT(64 * 1024);
	int64_t all[] = { 4, 0, 4 };
	int64_t bad[] = { 1, 0, 4 };
	struct chart_strip row = { "pager/0", all, bad };
	struct chart_strips chart = { "t", "s", slots, 3, &row, 1 };
	struct chart_share shares[] = { { "HTTP 200", "m1", 3 },
		{ "<none>", "m2", 1 } };

	chart_strips(&out, &chart);
	ok(has(&out, "class=\"h1\" x=\"0\"") && has(&out, "class=\"h3\""),
	    "the colour goes by the share that failed");
	ok(has(&out, "mon: 1 of 4 calls failed"), "... which is told");
	ok(!has(&out, "&lt;tue&gt;:"), "a quiet time has no cell");
	chart.row_count = 0;
	buf_reset(&out);
	chart_strips(&out, &chart);
	ok(has(&out, "Nothing to draw"), "without rows there is no picture");
	buf_reset(&out);
	chart_shares(&out, "t", "s", shares, 2);
	ok(has(&out, "width=\"750\""), "three of four are three quarters");
	ok(has(&out, "&lt;none&gt;"), "names are escaped");
}

struct told {
	char text[512];
};

static void note(void *arg, const struct filter_line *line)
{
	struct told *told = arg;
	size_t len = strlen(told->text);

	snprintf(told->text + len, sizeof(told->text) - len, "%d%s%s;",
	    line->depth, line->group ? "+" : " ", line->text);
}

static void no_fault(void *arg, const char *pointer, const char *code,
    const char *message, const char *help)
{
	(void)arg;
	(void)help;
	printf("# %s %s %s\n", pointer, code, message);
}

static void test_tree(void)
{
	static const char text[] =
	    "{\"all\":[{\"service\":[\"a\"]},{\"not\":{\"any\":["
	    "{\"field\":\"x\",\"op\":\"is\",\"value\":1}]}}]}";
	struct filter_faults faults = { NULL, no_fault };
	json_t *json = json_loads(text, 0, NULL);
	struct filter *filter = filter_compile(json, &faults);
	struct told told = { "" };

	filter_lines(filter, note, &told);
	is_str(told.text, "0+all of;1 service in [a];1+not;2+any of;3 x is 1;",
	    "a filter's lines go from top to bottom, groups before members");
	told.text[0] = '\0';
	filter_lines(NULL, note, &told);
	is_str(told.text, "0 everything;", "no filter takes everything");
	filter_free(filter);
	json_decref(json);
}

int main(void)
{
	test_bars();
	test_extremes();
	test_strips();
	test_tree();
	return done();
}
