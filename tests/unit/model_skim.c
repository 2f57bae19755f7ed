/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * An event that is skimmed is taken or refused as one that is parsed whole, and
 * says the same of itself. Every case is read both ways.
 */
#include "model/skim.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "model/event.h"
#include "tap.h"

#include <dirent.h>
#include <fcntl.h>

enum { FILE_MAX = 1 << 20, DEPTH_MAX = 100 };

/* One way of reading an event, and what came of it. */
struct reading {
	int got;
	const char *code;
	struct why why;
	struct event event;
};

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool same_member(
    const struct reading *a, const struct reading *b, const char *key)
{
	const json_t *x = json_object_get(a->event.view, key);
	const json_t *y = json_object_get(b->event.view, key);

	return x && y ? json_equal(x, y) : x == y;
}

static bool same_event(const struct reading *a, const struct reading *b)
{
	return same_text(a->event.type, b->event.type) &&
	    same_text(a->event.incident, b->event.incident) &&
	    same_text(a->event.service, b->event.service) &&
	    same_text(a->event.alert_source, b->event.alert_source) &&
	    same_text(a->event.message, b->event.message) &&
	    same_text(a->event.number, b->event.number) &&
	    same_member(a, b, "service") && same_member(a, b, "alert_source");
}

static bool same(const struct reading *a, const struct reading *b)
{
	if (a->got != b->got)
		return false;
	if (a->got < 0)
		return same_text(a->code, b->code) &&
		    same_text(a->why.text, b->why.text);
	return same_event(a, b);
}

/* Reads it both ways, from a copy that ends where the text does. */
static bool agree(const char *text, size_t len, int *got)
{
	auto_free char *bytes = mem_dup(text, len);
	struct reading whole = { .code = "" };
	struct reading skimmed = { .code = "" };
	bool agreed;

	whole.got =
	    event_parse(&whole.event, bytes, len, &whole.code, &whole.why);
	skimmed.got =
	    event_skim(&skimmed.event, bytes, len, &skimmed.code, &skimmed.why);
	agreed = same(&whole, &skimmed);
	if (!agreed)
		printf("# parsed: %d %s, skimmed: %d %s\n", whole.got,
		    whole.code, skimmed.got, skimmed.code);
	*got = whole.got;
	event_clear(&whole.event);
	event_clear(&skimmed.event);
	return agreed;
}

/* ' stands for ". */
static char *quoted(const char *text)
{
	char *copy = mem_strdup(text);
	char *c;

	for (c = copy; *c; c++) {
		if (*c == '\'')
			*c = '"';
	}
	return copy;
}

static bool skims(const char *text)
{
	struct skim_span spans[SKIM_MEMBERS];

	return skim(text, strlen(text), spans);
}

struct skim_case {
	const char *text;
	const char *name;
};

/* Those that never meet the tree, so that the rest of this file compares two
 * readings and not one with itself. */
static void plain_events(void)
{
	static const struct skim_case cases[] = {
		{ "{'event_type':'x'}", "a type alone" },
		{ " \n{'event_type':'x'}\r\n\t ", "blanks before and behind" },
		{ "{'event_type':'x','id':'a','id':'b'}",
		    "the same key twice" },
		{ "{'event_type':'x','event_type':'y'}", "two types" },
		{ "{'event_type':7,'event_type':'y'}",
		    "a type that is a number first and then a string" },
		{ "{'event_type':'x','i':1,'idd':2,'mess':3,'messages':4}",
		    "keys that begin as others do" },
		{ "{'event_type':'x','a':{'id':'7','service':'z'},"
		  "'b':[{'message':'m'}]}",
		    "members of the same names further down" },
		{ "{'event_type':'x','service':'s','alert_source':'a'}",
		    "a service and a source that are strings" },
		{ "{'event_type':'x','service':['s'],'alert_source':[]}",
		    "that are arrays" },
		{ "{'event_type':'x','service':7,'alert_source':null}",
		    "that are nothing of use" },
		{ "{'event_type':'x','service':{'slug':'','name':'n'}}",
		    "a service without a slug" },
		{ "{'event_type':'x','service':{'slug':'a','slug':'b'}}",
		    "a service with two slugs" },
		{ "{'event_type':'x','id':7}", "an incident that is a number" },
		{ "{'event_type':'x','id':-0}", "one that is minus nothing" },
		{ "{'event_type':'x','id':1.5}", "one that is no whole one" },
		{ "{'event_type':'x','id':123456789012345}",
		    "a long number that is safe" },
		{ "{'event_type':'x','id':'a\\u0000b','message':'\\u0000'}",
		    "NUL in values" },
		{ "{'event_type':'\\u00e9\\ud83d\\ude00'}",
		    "a type spelled with escapes" },
		{ "{'event_type':'x','event':{'type':'y'},'data':{}}",
		    "a type of each generation: the first counts" },
		{ "{'event_type':''}", "an empty type" },
		{ "{'event_type':'a\\nb'}", "a type with a newline" },
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		auto_free char *text = quoted(cases[i].text);
		int got;

		ok(skims(text), "no tree is made for %s", cases[i].name);
		ok(agree(text, strlen(text), &got), "and both ways agree");
	}
}

/* Those that only the parser can tell of. */
static void doubtful_events(void)
{
	static const struct skim_case cases[] = {
		{ "{'event_type':'x','\\u0069d':'a'}", "a key with an escape" },
		{ "{'event_type':'x','id':'a','i\\u0064':'b'}",
		    "the same key twice, once with an escape" },
		{ "{'event_type':'x','a':{'b\\u0000':1}}", "NUL in a key" },
		{ "{'event_type':'x','n':1e999}", "a number beyond all" },
		{ "{'event_type':'x','n':[-1e999]}", "a negative one" },
		{ "{'event_type':'x','n':1E+2}", "an exponent" },
		{ "{'event_type':'x','id':1e2}", "an incident with one" },
		{ "{'event_type':'x','id':1234567890123456}",
		    "a number of 16 digits" },
		{ "{'event_type':'x','id':18446744073709551616}",
		    "an incident over 64 bits" },
		{ "{'event_type':'x','id':-9223372036854775809}",
		    "one below them" },
		{ "{'event_type':'x','event_type':7}",
		    "a type that is a string first and then a number" },
		{ "{'event_type':null,'event':{'type':'y'}}",
		    "a null type with another inside" },
		{ "{'event_type':{},'event':{'type':'y'},'data':{'incident':"
		  "{'id':7,'message':'m'}}}",
		    "an object as type with another inside" },
		{ "{'event':{'type':'y'},'data':{'service':'s'}}",
		    "an event of the second generation" },
		{ "{'event_type':null}", "a null type alone" },
		{ "{'Event_type':'x'}", "a key in another case" },
		{ "{'event_typ':'x','event_types':'x'}",
		    "keys that are nearly right" },
		{ "{'event_type':'x'}{'event_type':'x'}", "two events" },
		{ "{'event_type':'x'} x", "something behind" },
		{ "{'event_type':'x',}", "a comma too many" },
		{ "{'event_type':'x' 'id':1}", "a comma too few" },
		{ "{'event_type':'x','n':01}", "a number that begins with 0" },
		{ "{'event_type':'x','n':-}", "a sign alone" },
		{ "{'event_type':'x','n':NaN}", "a word that is none" },
		{ "{'event_type':'x','n':'\\ud800'}", "half a surrogate" },
		{ "{'event_type':'x','n':'\xff'}", "a byte that is no UTF-8" },
		{ "{'event_type':'x','n':'\xc0\xaf'}", "an overlong one" },
		{ "{'event_type':'x','n':'\n'}", "a newline in a string" },
		{ "[{'event_type':'x'}]", "an array" },
		{ "'event_type'", "a string" },
		{ "{}", "an empty object" },
		{ "{", "a brace" },
		{ " ", "a blank" },
		{ "", "nothing" },
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		auto_free char *text = quoted(cases[i].text);
		int got;

		ok(!skims(text), "the parser is asked of %s", cases[i].name);
		ok(agree(text, strlen(text), &got), "and both ways agree");
	}
}

static char *deep(int depth)
{
	char *nest = mem_alloc(2 * (size_t)depth + 1);
	char *text;

	memset(nest, '[', (size_t)depth);
	memset(nest + depth, ']', (size_t)depth);
	nest[2 * depth] = '\0';
	text = mem_printf("{\"event_type\":\"x\",\"n\":%s}", nest);
	free(nest);
	return text;
}

static void depths(void)
{
	auto_free char *deepest = deep(DEPTH_MAX - 1);
	auto_free char *deeper = deep(DEPTH_MAX);
	auto_free char *far = deep(3000);
	int got;

	ok(skims(deepest) && agree(deepest, strlen(deepest), &got) && !got,
	    "an event may be %d levels deep, both ways", DEPTH_MAX);
	ok(!skims(deeper) && agree(deeper, strlen(deeper), &got),
	    "at one more the parser is asked");
	ok(!skims(far) && agree(far, strlen(far), &got) && got,
	    "and at 3000 both refuse");
}

static void many_digits(void)
{
	char digits[401];
	auto_free char *number = NULL;
	auto_free char *fraction = NULL;
	int got;

	memset(digits, '9', 400);
	digits[400] = '\0';
	number = mem_printf("{\"event_type\":\"x\",\"id\":%s}", digits);
	fraction = mem_printf("{\"event_type\":\"x\",\"id\":1.%s}", digits);
	ok(!skims(number) && agree(number, strlen(number), &got),
	    "both ways agree of a number of 400 digits");
	ok(!skims(fraction) && agree(fraction, strlen(fraction), &got),
	    "and of one with 400 behind the point");
}

static void type_lengths(void)
{
	char type[EVENT_TYPE_MAX + 2];
	int over;

	for (over = 0; over < 2; over++) {
		auto_free char *text = NULL;
		int got;

		memset(type, 't', sizeof(type));
		type[EVENT_TYPE_MAX + over] = '\0';
		text = mem_printf("{\"event_type\":\"%s\"}", type);
		ok(skims(text) && agree(text, strlen(text), &got) &&
			got == -over,
		    "a type of %d bytes is %s both ways", EVENT_TYPE_MAX + over,
		    over ? "refused" : "taken");
	}
}

static void raw_nul(void)
{
	static const char in_key[] = "{\"event_type\":\"x\",\"i\0d\":1}";
	static const char in_value[] = "{\"event_type\":\"x\",\"id\":\"\0\"}";
	static const char behind[] = "{\"event_type\":\"x\"}\0";
	int got;

	ok(agree(in_key, sizeof(in_key) - 1, &got) && got,
	    "a bare NUL in a key is refused both ways");
	ok(agree(in_value, sizeof(in_value) - 1, &got) && got,
	    "in a value as well");
	ok(agree(behind, sizeof(behind) - 1, &got) && got, "and behind");
}

/* ---- files --------------------------------------------------------------- */

/* Every beginning of it, and it with every byte made another. */
static void bend(const struct buf *text, const char *name)
{
	auto_free char *bytes = mem_dup(text->data, text->len);
	size_t end = text->len;
	size_t taken = 0;
	size_t differ = 0;
	size_t i;
	int got;

	while (end && strchr(" \n\r\t", text->data[end - 1]))
		end--;
	for (i = 0; i < end; i++) {
		differ += !agree(bytes, i, &got);
		taken += got == 0;
	}
	ok(!differ && !taken, "%s: its beginnings are refused both ways", name);
	for (i = 0; i < end; i++) {
		bytes[i] ^= 1;
		differ += !agree(bytes, end, &got);
		bytes[i] ^= 1;
	}
	ok(!differ, "%s: with any byte another, both ways agree", name);
}

static void try_file(const char *folder, const char *name, bool sample)
{
	auto_free char *path = mem_printf("%s/%s", folder, name);
	auto_buf struct buf text = BUF_INIT(FILE_MAX);
	struct why why = { "" };
	int got;

	if (!ok(file_read(AT_FDCWD, path, &text, &why) == 0, "%s", path))
		return;
	ok(agree(text.data, text.len, &got), "%s: both ways agree", name);
	if (!sample)
		return;
	is_int(got, 0, "and it is an event");
	bend(&text, name);
}

static bool is_sample(const char *name)
{
	size_t len = strlen(name);

	return len > 5 && strcmp(name + len - 5, ".json") == 0;
}

static void try_folder(const char *folder, bool samples)
{
	DIR *dir = opendir(folder);
	const struct dirent *entry;
	int count = 0;

	while (dir && (entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.' ||
		    (samples && !is_sample(entry->d_name)))
			continue;
		try_file(folder, entry->d_name, samples);
		count++;
	}
	if (dir)
		closedir(dir);
	ok(count > 0, "(%s has %d files)", folder, count);
}

int main(void)
{
	plain_events();
	doubtful_events();
	depths();
	many_digits();
	type_lengths();
	raw_nul();
	try_folder("tests/data", true);
	try_folder("tests/fuzz/corpus/scan", false);
	try_folder("tests/fuzz/corpus/split", false);
	try_folder("tests/fuzz/corpus/filter", false);
	return done();
}
