/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/* Numbers, durations, sizes, times and bytes as people write and see them. */
#include "base/text.h"

#include "tap.h"

#include <stdlib.h>
#include <time.h>

static const int64_t UNTOUCHED = -77;

static void numbers(void)
{
	static const char *const bad[] = { "", "-1", "+1", " 1", "1 ", "0x10",
		"1.0", "11", "99999999999999999999999", NULL };
	int64_t n = UNTOUCHED;
	size_t i;

	for (i = 0; bad[i]; i++)
		ok(!text_int(bad[i], 0, 10, &n), "\"%s\" is no number to 10",
		    bad[i]);
	is_int(n, UNTOUCHED, "what is no number changes nothing");
	ok(text_int("10", 0, 10, &n) && n == 10, "the bound is inside");
	ok(!text_int("4", 5, 10, &n), "what is below it is not");
	ok(text_int("007", 0, 10, &n) && n == 7, "zeros in front are fine");
}

static void large_numbers(void)
{
	int64_t n = 0;

	ok(text_int("9223372036854775807", 0, INT64_MAX, &n) && n == INT64_MAX,
	    "the largest number is one");
	ok(!text_int("9223372036854775808", 0, INT64_MAX, &n),
	    "and no larger one is");
	ok(text_int("9223372036854775799", 0, INT64_MAX, &n) &&
		n == INT64_MAX - 8,
	    "nor is one near it lost");
}

static void durations(void)
{
	static const struct {
		const char *text;
		int64_t ms;
	} good[] = { { "0", 0 }, { "500ms", 500 }, { "90s", 90000 },
		{ "5m", 300000 }, { "1h30m", 5400000 },
		{ "7d", 7 * 86400000LL }, { "1m1m", 120000 }, { "0s", 0 },
		{ "3650d", 3650 * 86400000LL } };
	static const char *const bad[] = { "", "5", "s", "5x", "5 s", "-5s",
		"1.5s", "5sx", "1h30", "3651d", "9999999999999d",
		"99999999999999999999s", NULL };
	int64_t ms = UNTOUCHED;
	size_t i;

	for (i = 0; bad[i]; i++)
		ok(!text_duration(bad[i], &ms), "\"%s\" is no duration",
		    bad[i]);
	is_int(ms, UNTOUCHED, "what is no duration changes nothing");
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		ok(text_duration(good[i].text, &ms) && ms == good[i].ms,
		    "\"%s\" is one", good[i].text);
}

static void sizes(void)
{
	static const char *const bad[] = { "", "K", "-1", "1k", "1KB", "1 K",
		"1.5M", "9999999999999G", "99999999999999999999", NULL };
	int64_t size = UNTOUCHED;
	size_t i;

	for (i = 0; bad[i]; i++)
		ok(!text_size(bad[i], &size), "\"%s\" is no size", bad[i]);
	is_int(size, UNTOUCHED, "what is no size changes nothing");
	ok(text_size("64K", &size) && size == 65536, "64K is one");
	ok(text_size("1M", &size) && size == 1048576, "1M is one");
	ok(text_size("1G", &size) && size == 1073741824, "1G is one");
	ok(text_size("0", &size) && size == 0, "0 is one");
	ok(text_size("123", &size) && size == 123, "bytes need no letter");
}

static void times(void)
{
	char out[TEXT_TIME_SIZE];

	is_str(text_time(out, 0), "1970-01-01T00:00:00.000Z",
	    "time begins in 1970");
	is_str(text_time(out, 1640002987123), "2021-12-20T12:23:07.123Z",
	    "times have milliseconds");
	is_str(text_time(out, 951782400005), "2000-02-29T00:00:00.005Z",
	    "and leap days");
	is_str(text_local_time(out, 1640002987123), "2021-12-20 13:23:07 +0100",
	    "people get their own time");
}

static void spans(void)
{
	static const struct {
		int64_t ms;
		const char *rough;
		const char *exact;
	} cases[] = { { 0, "0ms", "0s" }, { 312, "312ms", "312ms" },
		{ 1500, "1.5s", "1s500ms" }, { 48000, "48s", "48s" },
		{ 90000, "1m30s", "1m30s" }, { 252500, "4m12s", "4m12s500ms" },
		{ 5400000, "1h30m", "1h30m" }, { 86400000, "1d", "1d" },
		{ 273600000 + 61000, "3d4h", "3d4h1m1s" },
		{ -5, "0ms", "0s" } };
	char out[TEXT_DURATION_SIZE];
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t back = UNTOUCHED;

		is_str(text_short_duration(out, cases[i].ms), cases[i].rough,
		    "a duration is told in its two largest units");
		is_str(text_exact_duration(out, cases[i].ms), cases[i].exact,
		    "or exactly");
		ok(text_duration(out, &back) || cases[i].ms <= 0,
		    "and then reads back");
		ok(cases[i].ms <= 0 || back == cases[i].ms, "as it was");
	}
}

static void moment(const char *text, int64_t wanted)
{
	static const int64_t now =
	    1640002987000; /* 13:23:07 in the test zone */
	int64_t got = UNTOUCHED;

	ok(text_moment(text, now, &got), "\"%s\" is a moment", text);
	is_int(got, wanted, "and the right one");
}

static void moments(void)
{
	static const char *const bad[] = { "", "soon", "2021-13-01", "-", "-2",
		" ago", "2h go", "@", "@x", "2021-12-20 25:00", "12:30",
		"2021-12-20x", NULL };
	int64_t got = UNTOUCHED;
	size_t i;

	for (i = 0; bad[i]; i++)
		ok(!text_moment(bad[i], 0, &got), "\"%s\" is no moment",
		    bad[i]);
	is_int(got, UNTOUCHED, "what is no moment changes nothing");
	moment("now", 1640002987000);
	moment("today", 1639954800000);
	moment("yesterday", 1639868400000);
	moment("-2h", 1639995787000);
	moment("2h ago", 1639995787000);
	moment("@1640002987", 1640002987000);
	moment("2021-12-20", 1639954800000);
	moment("2021-12-20 12:24", 1639999440000);
	moment("2021-12-20 12:24:23", 1639999463000);
	moment("2021-12-20T12:24:23Z", 1640003063000);
	moment("2021-12-20T12:24:23.11Z", 1640003063110);
	moment("2021-12-20T14:24:23.1119+02:00", 1640003063111);
}

static void characters(void)
{
	static const struct {
		const char *bytes;
		size_t width;
		const char *name;
	} cases[] = { { "", 0, "nothing has no width" },
		{ "a", 1, "ASCII is one byte" },
		{ "\xc3\xa9", 2, "a character may be two" },
		{ "\xe2\x82\xac", 3, "or three" },
		{ "\xf0\x9f\x98\x80", 4, "or four" },
		{ "\xf4\x8f\xbf\xbf", 4, "up to U+10FFFF" },
		{ "\xf4\x90\x80\x80", 0, "and no further" },
		{ "\xc0\x80", 0, "an overlong NUL is none" },
		{ "\xe0\x80\x80", 0, "nor is a longer one" },
		{ "\xf0\x80\x80\x80", 0, "nor the longest" },
		{ "\xed\xa0\x80", 0, "nor is a surrogate" },
		{ "\x80", 0, "nor is a byte from the middle" },
		{ "\xc3", 0, "nor is half of one" },
		{ "\xe2\x82", 0, "or two thirds" },
		{ "\xff", 0, "nor is 0xff" } };
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		is_int((long long)text_utf8_width(
			   cases[i].bytes, strlen(cases[i].bytes)),
		    (long long)cases[i].width, cases[i].name);
}

static void shows(const char *bytes, const char *wanted, const char *name)
{
	auto_buf struct buf out = BUF_INIT(1024);

	text_visible(&out, bytes, strlen(bytes));
	is_str(buf_text(&out), wanted, name);
}

static void visible(void)
{
	auto_buf struct buf out = BUF_INIT(1024);

	shows("plain \xc3\xa9\xe2\x82\xac", "plain \xc3\xa9\xe2\x82\xac",
	    "text is left alone");
	shows("\x1b[2J\r\n\t\x7f", "\\x1b[2J\\x0d\\x0a\\x09\\x7f",
	    "control characters are made visible");
	shows("\xc2\x9b"
	      "31m",
	    "\\xc2\\x9b"
	    "31m",
	    "so are those of C1");
	shows("\xe2\x80\xae"
	      "evil",
	    "\\xe2\\x80\\xae"
	    "evil",
	    "and marks that turn the line round");
	shows("\xe2\x81\xa6"
	      "a\xe2\x80\x8b",
	    "\\xe2\\x81\\xa6"
	    "a\\xe2\\x80\\x8b",
	    "or hide in it");
	shows("a\xff\xc3", "a\\xff\\xc3", "and invalid UTF-8");
	text_visible(&out, "a\0b", 3);
	is_str(buf_text(&out), "a\\x00b", "and NUL");
}

static void nearest(void)
{
	static const char *const words[] = { "max_retries", "timeout",
		"triggers", "is", "json", NULL };

	is_str(text_nearest("max_retires", words), "max_retries",
	    "a slip of the pen has a nearest word");
	is_str(text_nearest("timeouts", words), "timeout", "so has a plural");
	is_str(text_nearest("josn", words), "json",
	    "two letters that changed places are one slip");
	is_str(
	    text_nearest("timeout", words), "timeout", "and the word itself");
	ok(!text_nearest("colour", words), "another word has none");
	ok(!text_nearest("", words), "nor has nothing");
	ok(!text_nearest("it", words), "nor has half of a short word");
	ok(!text_nearest(
	       "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
	       "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
	       words),
	    "nor has a very long one");
	ok(text_starts("incident", "in") && text_starts("in", "") &&
		!text_starts("in", "incident"),
	    "a text starts with its beginning");
}

static void shell_word_is(const char *s, const char *want, const char *name)
{
	auto_buf struct buf out = BUF_INIT(100);

	text_shell(&out, s);
	is_str(buf_text(&out), want, name);
}

static void shell_words(void)
{
	shell_word_is("/etc/spool-hook_2.d", "/etc/spool-hook_2.d",
	    "a plain word stands in a command as it is");
	shell_word_is("a b$(c)", "'a b$(c)'", "another one is quoted");
	shell_word_is("it's", "'it'\\''s'", "... with its quotes");
	shell_word_is("", "''", "nothing at all is a word as well");
}

int main(void)
{
	setenv("TZ", "CET-1", 1);
	tzset();
	numbers();
	large_numbers();
	durations();
	sizes();
	times();
	spans();
	moments();
	characters();
	visible();
	shell_words();
	nearest();
	return done();
}
