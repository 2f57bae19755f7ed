/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * Tests of model/html and model/pretty: text stays text, values stay values.
 */
#include "model/html.h"
#include "model/pretty.h"

#include "tap.h"

#include <string.h>

static char shown[64 * 1024];

static const char *bytes(const char *text, size_t len)
{
	auto_buf struct buf out = BUF_INIT(sizeof(shown) - 1);

	html_bytes(&out, text, len);
	snprintf(shown, sizeof(shown), "%s", buf_text(&out));
	return shown;
}

static const char *pretty(const char *json)
{
	auto_buf struct buf out = BUF_INIT(sizeof(shown) - 1);

	pretty_json(&out, json, strlen(json));
	snprintf(shown, sizeof(shown), "%s", buf_text(&out));
	return shown;
}

static void test_text(void)
{
	static char wide[9001];

	is_str(bytes("<a b=\"c\" d='e'>&amp;", 20),
	    "&lt;a b=&quot;c&quot; d=&#39;e&#39;&gt;&amp;amp;",
	    "what begins markup is escaped");
	is_str(bytes("a\0b\n\x1b\x7f", 6), "a\\x00b\\x0a\\x1b\\x7f",
	    "control bytes, NUL too, are made visible");
	is_str(bytes("\xff<\xc3", 3), "\\xff&lt;\\xc3",
	    "bytes that are no text are made visible");
	is_str(bytes("\xe2\x80\xae", 3), "\\xe2\\x80\\xae",
	    "a mark that turns the order is made visible");
	is_str(bytes("", 0), "", "nothing is nothing");
	for (size_t i = 0; i < 9000; i += 3)
		memcpy(wide + i, "\xe2\x82\xac", 3);
	is_str(bytes(wide, 9000), wide, "no character is cut, however long");
}

static void test_formats(void)
{
	auto_buf struct buf out = BUF_INIT(4096);

	html_put(
	    &out, "<b>%s</b> %d %zu %lld %%|", "<", -7, (size_t)8, -1234567LL);
	is_str(buf_text(&out), "<b>&lt;</b> -7 8 -1234567 %|",
	    "markup comes from the format, text is escaped");
	buf_reset(&out);
	html_put(
	    &out, "%'lld %'lld %'lld %'lld", 0LL, 999LL, 1000LL, -1234567LL);
	is_str(buf_text(&out), "0 999 1,000 -1,234,567",
	    "thousands are set apart");
	buf_reset(&out);
	html_lines(&out, "a<\n\nb\r\n", 7);
	is_str(buf_text(&out), "a&lt;\n\nb\\x0d\n", "lines are kept");
}

static void test_pretty(void)
{
	auto_buf struct buf small = BUF_INIT(20);

	is_str(
	    pretty("{\"a\":1.50e3,\"b\":[],\"c\":{ },\"d\":[1,{\"e\":null}]}"),
	    "{\n  \"a\": 1.50e3,\n  \"b\": [],\n  \"c\": {},\n  \"d\": [\n"
	    "    1,\n    {\n      \"e\": null\n    }\n  ]\n}",
	    "JSON is indented, its numbers as they were");
	is_str(pretty("\"a\\\"{,}\\\\\""), "\"a\\\"{,}\\\\\"",
	    "a string is one token");
	is_str(pretty("\"open\\"), "\"open\\", "an open string ends");
	is_str(pretty("}}]x"), "\n}\n}\n]x", "what is no JSON comes whole");
	is_str(pretty(" \n "), "", "blanks are nothing");
	ok(!pretty_json(&small, "[\"0123456789\",\"0123456789\"]", 27),
	    "a ceiling is told");
	is_str(buf_text(&small), "[\n  \"0123456789\",\n  ",
	    "... and cuts between tokens");
}

int main(void)
{
	test_text();
	test_formats();
	test_pretty();
	return done();
}
