/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * Cutting dropped files. Each case is a file's text and the cuts it gives,
 * written as `E"bytes"` for an event, `B` a bad line, `X` broken, `?` early,
 * `L` too large, `.` the end, faults with line:column and code. Every case runs
 * through windows of many steps and must always give the same.
 */
#include "model/split.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "tap.h"

#include <fcntl.h>

enum { SIZE_MAX_DEFAULT = 4096, OUT_MAX = 1 << 20, ROUNDS_MAX = 100000 };

struct file {
	const char *text;
	size_t len;
	bool lines;
	size_t size_max;
};

static void write_answer(struct buf *out, enum split_answer answer,
    const char *window, const struct split_piece *piece)
{
	static const char signs[] = {
		[SPLIT_EVENT] = 'E',
		[SPLIT_BAD_LINE] = 'B',
		[SPLIT_BROKEN] = 'X',
		[SPLIT_EARLY] = '?',
		[SPLIT_END] = '.',
		[SPLIT_TOO_LARGE] = 'L',
	};

	buf_putc(out, signs[answer]);
	if (answer == SPLIT_EVENT) {
		buf_add(out, window + piece->start, piece->end - piece->start);
		buf_printf(out, "@%zu:%zu ", piece->line, piece->column);
	} else if (answer != SPLIT_END) {
		buf_printf(out, "%zu:%zu %s ", piece->line, piece->column,
		    piece->code ? piece->code : "(no code)");
	}
}

/* Reads the file `step` bytes at a time; `late` tells of its end only when a
 * read gives nothing, as read(2) does. */
static char *cuts(const struct file *file, size_t step, bool late)
{
	struct split split;
	struct buf out = BUF_INIT(OUT_MAX);
	size_t from = 0;
	size_t to = 0;
	bool whole = false;
	int rounds;

	split_init(&split, file->lines, file->size_max);
	for (rounds = 0; rounds < ROUNDS_MAX; rounds++) {
		/* A copy of its own, so that a look behind it is found out. */
		auto_free char *window = mem_dup(file->text + from, to - from);
		struct split_piece piece;
		enum split_answer answer =
		    split_next(&split, window, to - from, whole, &piece);

		if (piece.next > to - from) {
			buf_puts(&out, "(next behind the window)");
			break;
		}
		if (answer == SPLIT_MORE && whole && !split.skipping) {
			buf_puts(&out, "(more of a whole file)");
			break;
		}
		if (answer != SPLIT_MORE)
			write_answer(&out, answer, window, &piece);
		from += piece.next;
		if (answer == SPLIT_MORE) {
			size_t left = file->len - to;

			whole = whole || (late ? !left : left <= step);
			to += left < step ? left : step;
			continue;
		}
		if (answer == SPLIT_EVENT || answer == SPLIT_BAD_LINE)
			continue;
		if (answer == SPLIT_TOO_LARGE && split.form == SPLIT_LINES)
			continue;
		break;
	}
	if (rounds == ROUNDS_MAX)
		buf_puts(&out, "(never ends)");
	return buf_steal(&out);
}

static void expect_file(
    const struct file *file, const char *wanted, const char *name)
{
	size_t longest = file->len + 2 < 80 ? file->len + 2 : 80;
	size_t step;
	auto_free char *at_once = cuts(file, file->len + 1, false);

	if (!is_str(at_once, wanted, name))
		return;
	for (step = 1; step <= longest; step++) {
		auto_free char *a = cuts(file, step, false);
		auto_free char *b = cuts(file, step, true);

		if (strcmp(a, wanted) != 0 || strcmp(b, wanted) != 0) {
			ok(0, "%s, in steps of %zu", name, step);
			printf("#    got: %s\n#     or: %s\n# wanted: %s\n", a,
			    b, wanted);
			return;
		}
	}
	ok(1, "%s, whatever the window's steps", name);
}

static void expect(const char *text, const char *wanted, const char *name)
{
	struct file file = { text, strlen(text), false, SIZE_MAX_DEFAULT };

	expect_file(&file, wanted, name);
}

static void expect_lines(const char *text, const char *wanted, const char *name)
{
	struct file file = { text, strlen(text), true, SIZE_MAX_DEFAULT };

	expect_file(&file, wanted, name);
}

static void expect_small(const char *text, bool lines, size_t size_max,
    const char *wanted, const char *name)
{
	struct file file = { text, strlen(text), lines, size_max };

	expect_file(&file, wanted, name);
}

static void nothing(void)
{
	expect("", "?1:1 truncated ", "an empty file is early, not an error");
	expect(" \n\n\t ", "?3:3 truncated ", "so is a blank one");
	expect(
	    "\xef\xbb\xbf", "?1:1 truncated ", "so is a lone byte order mark");
	expect("\xef\xbb", "?1:2 truncated ", "and half of one");
	expect_lines("", "?1:1 truncated ", "an empty file of lines is early");
	expect_lines("\n\r\n", "?3:1 truncated ", "so is one of blank lines");
}

static void hostile(void)
{
	struct file nul = { "\0\0{}", 4, false, SIZE_MAX_DEFAULT };
	char deep[2 * SCAN_DEPTH_MAX + 8] = "{\"a\":";

	memset(deep + 5, '[', SCAN_DEPTH_MAX + 1);
	expect("hello", "X1:1 syntax ", "text is refused");
	expect("\x1f\x8b\x08", "X1:1 syntax ", "so is a compressed file");
	expect("<xml/>\n<more/>\n", "X1:1 syntax ", "and markup of many lines");
	expect_file(&nul, "X1:1 syntax ", "and NUL bytes");
	expect("{\"a\":\"\xff\"}", "X1:7 utf8 ", "and invalid UTF-8");
	expect("{\"a\":\"\xc3", "?1:8 truncated ",
	    "half a character at the end is early");
	expect(deep, "X1:105 too_deep ", "and bottomless nesting");
	expect("{\"a\":1,}", "X1:8 syntax ", "and a comma too many");
	expect("// note\n{\"a\":1", "X1:1 syntax ", "and comments");
	expect("\xef\xbb\xbf\xef\xbb\xbf{}", "X1:1 syntax ",
	    "and a second byte order mark");
	expect("42", "X1:1 not_event ", "a number alone is no event");
	expect(" \"text\" \n", "X1:2 not_event ", "nor is a string");
	expect("tru", "?1:4 truncated ", "half a word is early");
	expect("true", "X1:1 not_event ", "a whole one is no event");
}

static void objects(void)
{
	expect("{}", "E{}@1:1 .", "an object is one event");
	expect("\n  {\"a\":\n1}\n\n", "E{\"a\":\n1}@2:3 .",
	    "white space around it is no part of it");
	expect("\xef\xbb\xbf{\"a\":1}", "E{\"a\":1}@1:1 .",
	    "nor is a byte order mark, which takes no column");
	expect("{\"a\":{\"b\":[1,2]", "?1:16 truncated ",
	    "an open object is early");
	expect("{\"\xc3\xa9\":x}", "X1:6 syntax ", "columns count characters");
	expect("{\n\"a\": 1\n\"b\": 2\n}", "X3:1 syntax ",
	    "a fault is told with its line");
	expect("{\"a\":1} {\"b\":2}", "E{\"a\":1}@1:1 X1:9 syntax ",
	    "two objects on one line are refused");
	expect("{\"a\":1}x", "E{\"a\":1}@1:1 X1:8 syntax ",
	    "so is anything else behind an object");
	expect("{\n\"a\":1\n}\n{\"b\":2}\n", "E{\n\"a\":1\n}@1:1 X4:1 syntax ",
	    "and a second object behind one of several lines");
}

static void arrays(void)
{
	expect("[]", ".", "an empty array holds nothing");
	expect("[{\"a\":1}]", "E{\"a\":1}@1:2 .", "an array of one");
	expect("[ {\"a\":1} ,\n {\"b\":2}\n]\n",
	    "E{\"a\":1}@1:3 E{\"b\":2}@2:2 .", "an array of two");
	expect("[1,\"x\",null,[2]]", "E1@1:2 E\"x\"@1:4 Enull@1:8 E[2]@1:13 .",
	    "elements are cut whatever they are");
	expect("[123456,7]", "E123456@1:2 E7@1:9 .",
	    "a number is cut where it ends, not where the window does");
	expect("[{\"a\":1}", "E{\"a\":1}@1:2 ?1:9 truncated ",
	    "an open array is early");
	expect("[", "?1:2 truncated ", "from its first byte");
	expect("[{\"a\":1},", "E{\"a\":1}@1:2 ?1:10 truncated ",
	    "and behind a comma");
	expect("[{\"a\":1},]", "E{\"a\":1}@1:2 X1:10 syntax ",
	    "a comma too many breaks it");
	expect("[,]", "X1:2 syntax ", "also the first one");
	expect("[{\"a\":1}{}]", "E{\"a\":1}@1:2 X1:9 syntax ",
	    "and a comma too few");
	expect("[{\"a\":1}}", "E{\"a\":1}@1:2 X1:9 syntax ",
	    "and the wrong bracket");
	expect("[{\"a\":1}]]", "E{\"a\":1}@1:2 X1:10 syntax ",
	    "and anything behind it");
	expect("[{\"a\":1},\n{\"b\":oops},\n{\"c\":3}\n]",
	    "E{\"a\":1}@1:2 X2:6 syntax ",
	    "a broken array is not saved by whole lines in it");
	expect("[oops\n{\"c\":3}\n", "X1:2 syntax ",
	    "also when it breaks on its first line");
}

static void lines(void)
{
	expect("{\"a\":1}\n{\"b\":2}\n", "E{\"a\":1}@1:1 E{\"b\":2}@2:1 .",
	    "objects on lines of their own are lines");
	expect("{\"a\":1}\r\n\r\n  {\"b\":2} \r\n{\"c\":3}",
	    "E{\"a\":1}@1:1 E{\"b\":2}@3:3 E{\"c\":3}@4:1 .",
	    "CRLF, blank lines and a missing last newline are fine");
	expect("{\"a\":1}\noops\n{\"b\":2}\n",
	    "E{\"a\":1}@1:1 B2:1 syntax E{\"b\":2}@3:1 .",
	    "a bad line costs that line");
	expect("oops\n{\"b\":2}\n", "B1:1 syntax E{\"b\":2}@2:1 .",
	    "also when it is the first");
	expect("{\"a\":\"torn\n{\"b\":2}\n", "B1:11 truncated E{\"b\":2}@2:1 .",
	    "also when it was torn inside a string");
	expect("{\"a\":1,\n{\"b\":2}\n", "B1:8 truncated E{\"b\":2}@2:1 .",
	    "or behind a comma");
	expect("12\n{\"b\":2}\n", "E12@1:1 E{\"b\":2}@2:1 .",
	    "a number among lines is for the event parser to refuse");
	expect("12 x\n{\"b\":2}\n", "B1:4 syntax E{\"b\":2}@2:1 .",
	    "but no more than one value is on a line");
	expect("oops\n  {\"b\":2}\n", "X1:1 syntax ",
	    "an indented object does not make a text lines");
	expect("{\"a\":1}\n{\"b\":", "E{\"a\":1}@1:1 ?2:6 truncated ",
	    "an open last line is early");
	expect("{\"a\":1}\n{\"b\":\n", "E{\"a\":1}@1:1 B2:6 truncated .",
	    "an open line that has ended is bad");
	expect("{\"a\":1}\n{\"b\":2}}", "E{\"a\":1}@1:1 B2:8 syntax .",
	    "a bad last line is bad without its newline, too");
	expect_lines("[{\"a\":1}]\n", "E[{\"a\":1}]@1:1 .",
	    "in a file named as lines an array is a line");
	expect_lines("{\n\"a\":1}\n", "B1:2 truncated B2:4 syntax .",
	    "and an object over several lines is bad lines");
	expect_lines("\xef\xbb\xbf{\"a\":1}\n", "E{\"a\":1}@1:1 .",
	    "a byte order mark is no part of the first line");
	expect_lines("tru", "?1:4 truncated ", "half a word is early");
	expect_lines("1", "E1@1:1 .", "a number ends with the file");
}

static void sizes(void)
{
	expect_small("{\"a\":1}", false, 7, "E{\"a\":1}@1:1 .",
	    "an event may be as large as the bound");
	expect_small(
	    "{\"a\":12}", false, 7, "L1:1 too_large ", "and not a byte larger");
	expect_small("{\"a\":1", false, 5, "L1:1 too_large ",
	    "an open one is too large as soon as it is");
	expect_small("{\"a\":1}          \n", false, 7, "E{\"a\":1}@1:1 .",
	    "white space behind it does not count");
	expect_small("          {\"a\":1}", false, 7, "E{\"a\":1}@1:11 .",
	    "nor does white space before it");
	expect_small("[{\"a\":1},{\"b\":22}]", false, 7,
	    "E{\"a\":1}@1:2 L1:10 too_large ", "in an array each one counts");
	expect_small(
	    "[\"1234567\"]", false, 7, "L1:2 too_large ", "whatever it is");
	expect_small("[1234567,12345678]", false, 7,
	    "E1234567@1:2 L1:10 too_large ", "numbers too");
	expect_small(
	    "\"1234567\"", false, 7, "L1:1 too_large ", "and alone in a file");
	expect_small("{\"a\":1}\n\n{\"b\":22222222}\n{\"c\":3}\n", false, 7,
	    "E{\"a\":1}@1:1 L3:1 too_large E{\"c\":3}@4:1 .",
	    "a line that is too large costs that line");
	expect_small("\n{\"b\":22222222}\r\n{\"c\":3}\r\n", true, 7,
	    "L2:1 too_large E{\"c\":3}@3:1 .", "also the first one");
	expect_small("{\"a\":1}\n{\"b\":22222222}", true, 7,
	    "E{\"a\":1}@1:1 L2:1 too_large .",
	    "and the last one without a newline");
	expect_small("oops, and much more\n{\"b\":2}\n", false, 7,
	    "X1:1 syntax ", "no line is looked for behind the bound");
}

static const char *const samples[] = { "triggered", "reassigned",
	"acknowledged", "resolved", NULL };

static size_t bad_prefixes(const struct buf *text)
{
	size_t bad = 0;
	size_t len;

	for (len = 0; len + 1 < text->len; len++) {
		struct file file = { text->data, len, false, 1 << 20 };
		auto_free char *got = cuts(&file, len + 1, false);

		if (got[0] != '?')
			bad++;
	}
	return bad;
}

static size_t differing_steps(const struct file *file)
{
	auto_free char *wanted = cuts(file, file->len + 1, false);
	size_t differing = 0;
	size_t step;

	for (step = 1; step < file->len; step = step * 3 / 2 + 1) {
		auto_free char *got = cuts(file, step, false);

		differing += strcmp(got, wanted) != 0;
	}
	return differing;
}

static void seed_samples(void)
{
	size_t i;

	for (i = 0; samples[i]; i++) {
		auto_free char *name =
		    mem_printf("tests/data/%s.json", samples[i]);
		auto_buf struct buf text = BUF_INIT(1 << 20);
		struct file file = { .size_max = 1 << 20 };
		struct why why;

		if (!ok(file_read(AT_FDCWD, name, &text, &why) == 0,
			"the sample %s is there", samples[i]))
			continue;
		file.text = text.data;
		file.len = text.len;
		is_int((long long)bad_prefixes(&text), 0,
		    "every beginning of it is early, none broken");
		is_int((long long)differing_steps(&file), 0,
		    "it is cut the same in any steps");
	}
}

static void torn_array(void)
{
	auto_buf struct buf text = BUF_INIT(1 << 20);
	size_t len;
	size_t bad = 0;

	buf_puts(
	    &text, "[{\"event_type\":\"a\"},\n {\"x\":[1e5,\"\\u00e9\"]}]");
	for (len = 0; len < text.len; len++) {
		struct file file = { text.data, len, false, 4096 };
		auto_free char *got = cuts(&file, 1, false);

		bad += !strchr(got, '?') || strchr(got, 'X');
	}
	is_int((long long)bad, 0, "every beginning of an array is early");
}

/* The work for a file is counted in looks, each of which costs at most the
 * window; so a window that is moved on after each event keeps it linear. */
static void long_file(void)
{
	enum { EVENTS = 20000 };
	auto_buf struct buf text = BUF_INIT(1 << 22);
	struct split split;
	struct split_piece piece;
	enum split_answer answer;
	size_t from = 0;
	size_t i;

	for (i = 0; i < EVENTS; i++)
		buf_printf(&text, "{\"event_type\":\"t\",\"n\":%zu}\n", i);
	split_init(&split, false, 4096);
	do {
		size_t left = text.len - from;
		size_t len = left < 8192 ? left : 8192;

		answer = split_next(
		    &split, text.data + from, len, left <= 8192, &piece);
		from += piece.next;
	} while (answer == SPLIT_EVENT || answer == SPLIT_MORE);
	is_int(answer, SPLIT_END, "a long file is read to its end");
	is_int((long long)split.count, EVENTS, "and every event was cut");
	is_int((long long)piece.line, 0, "an end has no place");
	is_int((long long)split.line, EVENTS + 1, "all lines were counted");
}

/* The bytes of a line that is too large, as they are given to be dropped. */
static char *dropped(const char *text, size_t step)
{
	struct split split;
	struct buf out = BUF_INIT(OUT_MAX);
	size_t len = strlen(text);
	size_t from = 0;
	size_t to = 0;
	enum split_answer answer;

	split_init(&split, true, 7);
	do {
		struct split_piece piece;
		bool whole = to == len;

		answer =
		    split_next(&split, text + from, to - from, whole, &piece);
		if (answer == SPLIT_TOO_LARGE || split.skipping)
			buf_add(&out, text + from, piece.next);
		from += piece.next;
		if (answer == SPLIT_MORE)
			to = len - to < step ? len : to + step;
	} while (answer != SPLIT_END);
	return buf_steal(&out);
}

static void large_lines_are_kept(void)
{
	static const char *const files[] = { "[1]\n{\"a\":\"large\"} \r\n[2]\n",
		"[1]\n{\"a\":\"large\"} \r\n", NULL };
	size_t i;
	size_t step;
	size_t differing = 0;

	for (i = 0; files[i]; i++) {
		for (step = 1; step < 30; step++) {
			auto_free char *got = dropped(files[i], step);

			differing += strcmp(got, "{\"a\":\"large\"} \r\n") != 0;
		}
	}
	is_int((long long)differing, 0,
	    "a line that is too large is given whole, to be kept aside");
}

static void no_window(void)
{
	struct split split;
	struct split_piece piece;

	split_init(&split, false, SIZE_MAX_DEFAULT);
	ok(split_next(&split, NULL, 0, false, &piece) == SPLIT_MORE &&
		piece.next == 0,
	    "before the first read there need be no window");
	ok(split_next(&split, NULL, 0, true, &piece) == SPLIT_EARLY,
	    "nor of a file that is empty");
}

int main(void)
{
	no_window();
	nothing();
	hostile();
	objects();
	arrays();
	lines();
	sizes();
	seed_samples();
	torn_array();
	long_file();
	large_lines_are_kept();
	return done();
}
