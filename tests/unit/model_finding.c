/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * model/finding and model/source: what is said about a broken configuration,
 * at its place, once, and without a secret.
 */
#include "base/mem.h"
#include "model/finding.h"
#include "model/source.h"

#include "tap.h"
#include <jansson.h>
#include <string.h>

static const char *const known[] = { "retry", "max_retries", "name", "url",
	"headers", "password", "file", "prefix", "endpoints", "value",
	"timeout", NULL };

static struct source source;
static struct findings findings;

static void open_text(const char *text)
{
	findings_clear(&findings);
	source_open(&source, "w.json", text, strlen(text), known);
}

/* All findings as people see them; lent until the next call. */
static const char *close_text(void)
{
	static struct buf out = BUF_INIT(1024 * 1024);
	size_t i;

	source_close(&source, &findings);
	buf_reset(&out);
	for (i = 0; i < findings.count; i++)
		finding_print(&findings.all[i], &out);
	return buf_text(&out);
}

static const char *said_of(const char *text)
{
	open_text(text);
	return close_text();
}

static const char *said_at(const char *text, const char *pointer)
{
	open_text(text);
	source_say(&source, SEVERITY_ERROR, SOURCE_VALUE, pointer, "code",
	    "is wrong", NULL);
	return close_text();
}

static void broken_texts(void)
{
	char deep[300] = "";

	has_str(said_of(""), "w.json:1:1: error", "an empty file is said");
	has_str(said_of(" // only this\n"), "{} is the least",
	    "a file of comments is empty, with help");
	has_str(said_of("\xef\xbb\xbf{}"), "byte order mark",
	    "a byte order mark is called by its name");
	has_str(said_of("{\"name\": 1} {"), "w.json:1:13: error: something",
	    "what follows the object is an error");
	has_str(said_of("{\"name\": \"x"), "[truncated]",
	    "a text that ends early is said");
	has_str(said_of("{\"name\": \"\xff\"}"), "not valid UTF-8",
	    "bytes that are no UTF-8 are said");
	has_str(said_of("{\"name\": 1e999}"), "[syntax]",
	    "a number that no parser holds is said");
	has_str(said_of("{\"name\": \"a\\u0000\"}"), "[syntax]",
	    "a NUL in a text is said");
	memset(deep, '[', sizeof(deep) - 1);
	has_str(said_of(deep), "[too-deep]", "a deep nest is refused");
	is_str(said_of("/* c */ {\"name\": [1, 2,], } // end"), "",
	    "comments and trailing commas are no mistake");
}

static void marks(void)
{
	open_text("{\n  \"retry\": { \"max_retires\": 3 },\n}\n");
	source_say(&source, SEVERITY_ERROR, SOURCE_KEY, "/retry/max_retires",
	    "unknown-key", "unknown key \"max_retires\" in \"retry\"",
	    "did you mean \"max_retries\"?");
	is_str(close_text(),
	    "w.json:2:14: error: unknown key \"max_retires\" in \"retry\" "
	    "[unknown-key]\n"
	    "    2 |   \"retry\": { \"max_retires\": 3 },\n"
	    "      |              ^~~~~~~~~~~~~\n"
	    "      = did you mean \"max_retries\"?\n",
	    "a finding looks as a compiler's");
	has_str(
	    said_at("{\"name\":\t\"\xc3\xa4\xc3\xb6\", \"url\": 1}", "/url"),
	    "1:23", "columns count characters");
	has_str(said_at("{\"retry\": {\n\"name\": 1\n}}", "/retry"),
	    "      |           ^\n", "a mark ends with its line");
	has_str(said_at("{\"retry\": {}}", "/retry/gone/deeper"), "1:11",
	    "what is not there is marked where it should be");
	has_str(said_at("{\"name\": \"a\xe2\x80\xae"
			"b\"}",
		    "/name"),
	    "\"a?b\"", "a character that hides others is shown as ?");
}

static void order_and_count(void)
{
	int i;

	open_text("{\"name\": 1,\n\"url\": 2}");
	source_say(
	    &source, SEVERITY_ERROR, SOURCE_VALUE, "/url", "b", "b", NULL);
	source_say(
	    &source, SEVERITY_ERROR, SOURCE_VALUE, "/name", "a", "a", NULL);
	source_say(
	    &source, SEVERITY_ERROR, SOURCE_VALUE, "/name", "a", "a", NULL);
	close_text();
	ok(findings.count == 2 && findings.errors == 2,
	    "a finding is said once");
	is_str(findings.all[0].code, "a",
	    "findings come in the order of the text");
	open_text("{}");
	for (i = 0; i < 300; i++) {
		auto_free char *text = mem_printf("warning %d", i);

		source_say(&source, SEVERITY_WARNING, SOURCE_VALUE, "", "w",
		    text, NULL);
	}
	source_close(&source, &findings);
	findings_add_file(
	    &findings, SEVERITY_ERROR, "w.json", "late", "late", NULL);
	findings_add_file(
	    &findings, SEVERITY_ERROR, "other", "late", "late", NULL);
	ok(findings.count == FINDINGS_PER_FILE + 1 &&
		findings.warnings == 300 && findings.errors == 2,
	    "a broken file does not bury the others, and all is counted");
	is_str(findings.all[FINDINGS_PER_FILE - 1].code, "late",
	    "an error takes the place of a warning");
}

static void twins(void)
{
	has_str(said_of("{\"name\": 1,\n \"name\": 2}"),
	    "w.json:2:2: error: duplicate key \"name\" [duplicate-key]",
	    "a key that is there twice is said at its second place");
	has_str(said_of("{\"name\": 1,\n \"name\": 2}"), "before at 1:2",
	    "with the first place as help");
}

/* Each text holds "s3cret" where people write secrets. */
static void secrets(void)
{
	static const struct {
		const char *text, *pointer, *name;
	} cases[] = {
		{ "{\"headers\": {\"A\": \"Bearer s3cret\"}}", "/headers/A",
		    "headers" },
		{ "{\"heders\": {\"A\": \"Bearer s3cret\"}}", "/heders",
		    "headers under a mistyped key" },
		{ "{\"headers\": {\"name\": {\"file\": \"f\", \"prefix\": "
		  "\"s3cret\"}}}",
		    "/headers/name", "what is put around a secret" },
		{ "{\"heders\": {\"A\": [1, \"s3cret\"]}}", "/heders/A",
		    "lists in mistyped headers" },
		{ "{\"password\": \"s3cret\"}", "/password", "passwords" },
		{ "{\"pasword\": [\"s3cret\"]}", "/pasword",
		    "lists under a mistyped key" },
		{ "{\"url\": \"https://me:s3cret@host/x\"}", "/url",
		    "passwords in URLs" },
		{ "{\"url\": \"https://host/x?token=s3cret\"}", "/url",
		    "queries in URLs" },
		{ "{\"url\": \"https:\\/\\/me:s3cret@host/x\"}", "/url",
		    "passwords in URLs with escapes" },
		{ "{\"url\": \"https://me:s3cret\\u0040host/x\"}", "/url",
		    "passwords before an escaped '@'" },
		{ "{\"url\": \"htp:/me:s3cret@host/x\"}", "/url",
		    "passwords in what is no URL" },
		{ "{\"endpoints\": [[\"http://me:s3cret@host\"]]}",
		    "/endpoints/0", "URLs at the wrong place" },
		{ "{\"name\": 1, // \"Authorization\": \"s3cret\"\n}", "/name",
		    "comments" },
	};
	static const char *const broken[] = {
		"{\"headers\": {\"A\": \"Bearer s3cret\" \"B\": 1}}",
		"{\"headers\": {\"A\": Bearer-s3cret}}",
		"{\"headers\": {\"A\": \"s3cret}}",
		"{\"headers\": {\"A\" \"s3cret\"}}",
		"{\"headers\": {\"A: s3cret\"}}",
		"{\"headers\": {\"name\": \"s3cret\" 1}}",
		"{\"url\": \"http://me:s3cret@host\" 1}",
		"{\"url\": http://me:s3cret@host}",
		"{\"token\": \"s3cret\" 1}",
		"{\"password\": 's3cret'}",
		"{\"name\": 1 /* s3cret */ 2}",
		"{\"headers\": {\"A\": s3cret/s3cret}}",
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *said = said_at(cases[i].text, cases[i].pointer);

		ok(strstr(said, "    1 | ") && !strstr(said, "s3cret"),
		    "shown lines cover %s", cases[i].name);
	}
	for (i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		const char *said = said_of(broken[i]);

		ok(strstr(said, "    1 | ") && !strstr(said, "s3cret"),
		    "a secret stays covered in broken text %zu", i);
	}
	ok(!strstr(said_at("{\"tokn\": 1234567}", "/tokn"), "1234567"),
	    "a long number below an unknown key may be a token");
	ok(!strstr(said_at("{\"password\": 1234}", "/password"), "1234"),
	    "a number as password is covered, however short");
	has_str(said_at("{\"timeout\": \"5 parsecs\"}", "/timeout"),
	    "\"5 parsecs\"", "what is no secret is shown");
	has_str(said_at("{\"headers\": {\"A\": {\"file\": \"f/x\"}}}",
		    "/headers/A"),
	    "\"f/x\"", "where a secret lies is shown");
	has_str(said_of("{\"timeout\": \"15s\" \"retry\": 1}"), "\"15s\"",
	    "in broken text, what is no secret is shown");
	has_str(said_at("{\"value\": \"^a?b\"}", "/value"), "^a?b",
	    "a pattern is no URL");
}

static void json(void)
{
	struct buf out = BUF_INIT(4096);
	json_t *object;

	said_at("{\"name\":\n \"x\x7f\"}", "/name");
	finding_print_json(&findings.all[0], &out);
	object = json_loads(buf_text(&out), 0, NULL);
	ok(object && json_integer_value(json_object_get(object, "line")) == 2,
	    "a finding is one JSON object");
	is_str(json_string_value(json_object_get(object, "pointer")), "/name",
	    "that holds the pointer");
	ok(json_object_size(object) == 9, "and nine members in all");
	json_decref(object);
	buf_reset(&out);
	findings_clear(&findings);
	findings_add_file(
	    &findings, SEVERITY_WARNING, "a\033[2J", "c", "m\nx", NULL);
	finding_print(&findings.all[0], &out);
	is_str(buf_text(&out), "a\\x1b[2J: warning: m\\x0ax [c]\n",
	    "a file's name and a message cannot write to the terminal");
	buf_clear(&out);
}

int main(void)
{
	broken_texts();
	marks();
	order_and_count();
	twins();
	secrets();
	json();
	findings_clear(&findings);
	return done();
}
