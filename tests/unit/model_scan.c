/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * The scanner against RFC 8259: what is JSON, what is not, and what is not
 * finished. jansson is asked about every case too, for it gets what passes.
 */
#include "model/scan.h"

#include "base/mem.h"
#include "base/text.h"
#include "tap.h"

#include <jansson.h>

struct answer {
	enum scan_answer kind;
	size_t end;
	struct scan_fault fault;
};

static struct answer scan(const char *text, size_t len, unsigned flags)
{
	/* A copy of its own length, so that a look behind it is found out. */
	auto_free char *copy = mem_dup(text, len);
	struct answer a = { 0 };

	a.kind = scan_value(copy, len, 0, flags, NULL, &a.end, &a.fault);
	return a;
}

static bool parser_takes(const char *text, size_t len)
{
	json_auto_t *value =
	    json_loadb(text, len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);

	return value != NULL;
}

/* A case's text as a name for it. */
static const char *seen(const char *text)
{
	static char name[256];
	auto_buf struct buf out = BUF_INIT(sizeof(name) - 1);

	text_visible(&out, text, strlen(text));
	snprintf(name, sizeof(name), "%s", buf_text(&out));
	return name;
}

static void bad(const char *text, const char *code, size_t at)
{
	struct answer a = scan(text, strlen(text), 0);

	ok(a.kind == SCAN_BAD, "%s is no JSON", seen(text));
	is_str(a.kind == SCAN_WHOLE ? "" : a.fault.code, code,
	    "and its code says why");
	is_int((long long)a.fault.at, (long long)at, "and its offset where");
	ok(!parser_takes(text, strlen(text)), "jansson says the same");
}

static void faults(void)
{
	bad("x", "syntax", 0);
	bad("}", "syntax", 0);
	bad("{a:1}", "syntax", 1);
	bad("{'a':1}", "syntax", 1);
	bad("{\"a\" 1}", "syntax", 5);
	bad("{\"a\":1 \"b\":2}", "syntax", 7);
	bad("{\"a\":1,}", "syntax", 7);
	bad("{,}", "syntax", 1);
	bad("{\"a\":}", "syntax", 5);
	bad("{1:2}", "syntax", 1);
	bad("[1,]", "syntax", 3);
	bad("[1 2]", "syntax", 3);
	bad("[1}", "syntax", 2);
	bad("// c\n1", "syntax", 0);
	bad("01", "syntax", 1);
	bad("-x", "syntax", 1);
	bad("+1", "syntax", 0);
	bad(".5", "syntax", 0);
	bad("[1.]", "syntax", 3);
	bad("[1e]", "syntax", 3);
	bad("[1e+]", "syntax", 4);
	bad("[-]", "syntax", 2);
	bad("NaN", "syntax", 0);
	bad("nul!", "syntax", 0);
	bad("\"a\nb\"", "syntax", 2);
	bad("\"\\x41\"", "syntax", 1);
	bad("\"\\u12g4\"", "syntax", 5);
	bad("\"\\ud800x\"", "utf8", 1);
	bad("\"\\ud800\\u0041\"", "utf8", 1);
	bad("\"\\udc00\"", "utf8", 1);
	bad("\"\xff\"", "utf8", 1);
	bad("\"\xc0\x80\"", "utf8", 1);
	bad("\"\xed\xa0\x80\"", "utf8", 1);
	bad("\"\xf4\x90\x80\x80\"", "utf8", 1);
	bad("\"\xe2\x82\"", "utf8", 1);
}

static void whole(const char *text, size_t end)
{
	struct answer a = scan(text, strlen(text), 0);

	ok(a.kind == SCAN_WHOLE, "%s is JSON", seen(text));
	is_int((long long)a.end, (long long)end, "and ends where it does");
	ok(parser_takes(text, end), "jansson says the same");
}

static void values(void)
{
	whole("{}", 2);
	whole(" \t\r\n[ ]  ", 7);
	whole("{\"a\":{\"b\":[1,-2.5e+10,0,true,false,null]}} x", 42);
	whole("-0", 2);
	whole("0.5E-3", 6);
	whole("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\"", 24);
	whole("\"\\ud83d\\ude00\"", 14);
	whole("\"\xf0\x9f\x98\x80\xed\x9f\xbf\"", 9);
	whole("\"\\u0000\"", 8);
	whole("{\"a\":1,\"a\":2}", 13);
	whole("1 2", 1);
	whole("\"\x7f\"", 3);
}

/* Every byte at every place of strings of every short length: what stops the
 * scanner must be found where it is, whoever stands around it. */
static void bytes(void)
{
	enum { LONGEST = 20 };
	size_t wrong = 0;

	for (size_t len = 1; len <= LONGEST; len++) {
		for (size_t i = 0; i < len * 256; i++) {
			char text[LONGEST + 3] = "\"";
			size_t at = 1 + i % len;
			unsigned char c = (unsigned char)(i / len);
			struct answer a;

			memset(text + 1, i % 3 ? 'a' : ' ', len);
			text[len + 1] = '"';
			text[at] = (char)c;
			a = scan(text, len + 2, 0);
			if (c == '"')
				wrong +=
				    a.kind != SCAN_WHOLE || a.end != at + 1;
			else if (c == '\\')
				wrong += a.kind == SCAN_WHOLE;
			else if (c < ' ' || c > 0x7f)
				wrong += a.kind != SCAN_BAD || a.fault.at != at;
			else
				wrong +=
				    a.kind != SCAN_WHOLE || a.end != len + 2;
		}
	}
	is_int((long long)wrong, 0, "every byte is found at every place");
}

/* A text that is whole must be early at every byte before its end. */
static void prefixes(void)
{
	static const char text[] =
	    "{\"k\\u00e9\\ud83d\\ude00\":[1.5e-7,\"\xe2\x82\xac\xf0\x9f\x98\x80"
	    "\xe0\xa0\x80\xf4\x8f\xbf\xbf\",true,false,null,{\"\":-0}]}";
	size_t wrong = 0;
	size_t len;

	for (len = 0; len < sizeof(text) - 1; len++) {
		struct answer a = scan(text, len, 0);

		wrong += a.kind != SCAN_EARLY || a.fault.at != len ||
		    strcmp(a.fault.code, "truncated") != 0;
	}
	is_int((long long)wrong, 0, "each beginning of a value is early");
	is_int(scan(text, len, 0).kind, SCAN_WHOLE, "and its end whole");
}

static char *nest(const char *open, const char *close, size_t times)
{
	size_t a = strlen(open);
	size_t b = strlen(close);
	char *text = mem_zalloc(times * (a + b) + 1);
	size_t i;

	for (i = 0; i < times; i++) {
		memcpy(text + i * a, open, a);
		memcpy(text + times * a + i * b, close, b);
	}
	return text;
}

static void depth(void)
{
	auto_free char *fits = nest("[", "]", SCAN_DEPTH_MAX);
	auto_free char *over = nest("[", "]", SCAN_DEPTH_MAX + 1);
	auto_free char *bomb = nest("[", "", 1000000);
	auto_free char *objects = nest("{\"a\":", "}", SCAN_DEPTH_MAX + 1);
	struct answer a = scan(over, strlen(over), 0);

	is_int(scan(fits, strlen(fits), 0).kind, SCAN_WHOLE,
	    "values nest to the bound");
	is_int(a.kind, SCAN_BAD, "and no deeper");
	is_str(a.fault.code, "too_deep", "which has a code of its own");
	is_int((long long)a.fault.at, SCAN_DEPTH_MAX, "and a place");
	is_int(scan(bomb, strlen(bomb), 0).kind, SCAN_BAD,
	    "a million brackets do no harm");
	is_str(scan(objects, strlen(objects), 0).fault.code, "too_deep",
	    "objects count as well");
}

static void relaxed(void)
{
	static const char text[] =
	    "/* a */ { // b\n \"k\" /* c */ : [1, 2,],\n}";

	is_int(scan(text, strlen(text), SCAN_RELAXED).kind, SCAN_WHOLE,
	    "configuration may have comments and commas too many");
	is_int(scan(text, strlen(text), 0).kind, SCAN_BAD, "events may not");
	is_int(scan("[,]", 3, SCAN_RELAXED).kind, SCAN_BAD,
	    "a comma alone is one too many");
	is_int(scan("[1,,]", 5, SCAN_RELAXED).kind, SCAN_BAD, "so are two");
	is_int(scan("{} /* ", 6, SCAN_RELAXED).kind, SCAN_WHOLE,
	    "what stands behind a value is not looked at");
	is_int(scan("[1 /* ", 6, SCAN_RELAXED).kind, SCAN_EARLY,
	    "an open comment is early");
	is_int((long long)scan_blank("  // x\n\t/**/ 1", 14, 0, SCAN_RELAXED),
	    13, "blanks and comments are gone over");
	is_int((long long)scan_blank("/", 1, 0, SCAN_RELAXED), 0,
	    "a slash alone is no comment");
	is_int((long long)scan_blank("/* x", 4, 0, SCAN_RELAXED), 4,
	    "an open comment goes to the end");
}

struct log {
	char text[256];
	size_t used;
};

static void begin(void *arg, const struct scan_place *place, size_t start)
{
	struct log *log = arg;

	log->used += (size_t)snprintf(log->text + log->used,
	    sizeof(log->text) - log->used, "(%zu", start);
	if (place->in_object)
		log->used += (size_t)snprintf(log->text + log->used,
		    sizeof(log->text) - log->used, "k%zu-%zu", place->key_start,
		    place->key_end);
	else
		log->used += (size_t)snprintf(log->text + log->used,
		    sizeof(log->text) - log->used, "i%zu", place->index);
}

static void end(void *arg, size_t at)
{
	struct log *log = arg;

	log->used += (size_t)snprintf(
	    log->text + log->used, sizeof(log->text) - log->used, "-%zu)", at);
}

static void visits(void)
{
	static const char text[] = " {\"a\": [1, {\"b\":null}]}";
	struct log log = { .used = 0 };
	struct scan_visitor visitor = { &log, begin, end };
	struct scan_fault fault;
	size_t stop;

	is_int(scan_value(text, strlen(text), 0, 0, &visitor, &stop, &fault),
	    SCAN_WHOLE, "a visitor may look on");
	is_str(log.text, "(1i0(7k2-5(8i0-9)(11i1(16k12-15-20)-21)-22)-23)",
	    "and sees each value, its place and its extent");
}

static void positions(void)
{
	static const char text[] = "a\xc3\xa9\xf0\x9f\x98\x80x\nb";
	size_t line;
	size_t column;

	scan_position(text, strlen(text), 0, &line, &column);
	ok(line == 1 && column == 1, "a text begins at 1:1");
	scan_position(text, strlen(text), 7, &line, &column);
	ok(line == 1 && column == 4, "columns count characters");
	scan_position(text, strlen(text), 9, &line, &column);
	ok(line == 2 && column == 1, "a newline begins a line");
	scan_position(text, strlen(text), 99, &line, &column);
	ok(line == 2 && column == 2, "an offset behind the end is the end");
}

int main(void)
{
	faults();
	values();
	bytes();
	prefixes();
	depth();
	relaxed();
	visits();
	positions();
	return done();
}
