/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/* Paths into events: what they reach, and how a wrong one is explained. */
#include "model/path.h"

#include "base/buf.h"
#include "base/mem.h"
#include "tap.h"

static const char document[] =
    "{\"id\":\"42\",\"tags\":{\"severity\":{\"value\":\"critical\"},"
    "\"odd key\":1,\"a.b\":2,\"q\\\"\":3,\"\":4},"
    "\"list\":[{\"x\":10},{\"y\":11},{\"x\":12}],"
    "\"grid\":[[1,2],[],[3]],\"none\":null,\"empty\":[]}";

static bool note(void *arg, const json_t *value)
{
	struct buf *out = arg;
	char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);

	if (out->len)
		buf_putc(out, ' ');
	buf_puts(out, text);
	free(text);
	return false;
}

static void reaches(const char *text, const char *wanted, const char *name)
{
	json_auto_t *root = json_loads(document, 0, NULL);
	auto_buf struct buf out = BUF_INIT(4096);
	struct why why = { "" };
	struct path *path = path_parse(text, &why);

	if (!ok(path != NULL, "%s is a path", text)) {
		printf("# %s\n", why.text);
		return;
	}
	ok(!path_walk(path, root, note, &out),
	    "a walk that nobody ends says so");
	is_str(buf_text(&out), wanted, name);
	is_str(path_text(path), text, "a path keeps its text");
	path_free(path);
}

static void refuses(const char *text, const char *part, const char *name)
{
	struct why why = { "" };
	struct path *path = path_parse(text, &why);

	ok(!path, "%s", name);
	has_str(why.text, part, "and the sentence tells where");
	path_free(path);
}

static void wrong(void)
{
	char longest[PATH_TEXT_MAX + 2];
	char steps[2 * PATH_STEPS_MAX + 4] = "a";
	size_t i;

	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	for (i = 0; i < PATH_STEPS_MAX; i++)
		memcpy(steps + 1 + 2 * i, ".a", 3);
	refuses("", "empty", "an empty path is none");
	refuses(".a", "column 1:", "nor is one that begins with a dot");
	refuses("a.", "column 3:", "or ends with one");
	refuses("a..b", "column 3:", "or has two");
	refuses("a b", "column 2:", "or a blank outside of quotes");
	refuses("a[", "column 3:", "or an open bracket");
	refuses("a[]", "column 3:", "or an empty one");
	refuses("a[0", "column 4:", "or one that is not closed");
	refuses("a]", "column 2:", "or one that was not opened");
	refuses("a[x]", "column 3:", "or a bare key in brackets");
	refuses("a['x']", "column 3:", "or single quotes");
	refuses("a[\"x]", "column 6:", "or open quotes");
	refuses("a[\"\\q\"]", "column 4:", "or an unknown escape");
	refuses("a[\"\\u0000\"]", "column 3:", "or NUL");
	refuses("a[-0]", "column 3:", "or the index -0");
	refuses("a[1.5]", "column 4:", "or half an index");
	refuses("a[99999999999999999999]", "column 3:", "or a huge one");
	refuses("a[0]b", "column 5:", "or a key right behind a bracket");
	refuses("list.*", "column 6:", "or a star without its brackets");
	refuses("\xc3\xa9\xc3\xa9..b", "column 4:", "columns are characters");
	refuses(longest, "longer", "a path is not longer than its bound");
	refuses(steps, "too many", "nor has it more steps");
}

static void right(void)
{
	reaches("id", "\"42\"", "a key is reached");
	reaches("tags.severity.value", "\"critical\"", "and one below others");
	reaches("tags[\"odd key\"]", "1", "and an odd one in quotes");
	reaches("tags[\"a.b\"]", "2", "and one that holds a dot");
	reaches("tags[\"q\\\"\"]", "3", "and one that holds a quote");
	reaches("tags[\"\"]", "4", "and the empty one");
	reaches("[\"id\"]", "\"42\"", "also as the first step");
	reaches("list[0].x", "10", "an index counts from 0");
	reaches("list[-1].x", "12", "or back from the end");
	reaches("list[*].x", "10 12", "a star reaches every element");
	reaches("grid[*][*]", "1 2 3", "also twice");
	reaches("grid[0][-2]", "1", "indexes nest");
	reaches("none", "null", "null is a value");
	reaches("missing", "", "what is missing is not reached");
	reaches("list[3]", "", "nor is an element behind the end");
	reaches("list[-4]", "", "or before the beginning");
	reaches("id.x", "", "or a key of a string");
	reaches("list.x", "", "or a key of an array");
	reaches("tags[0]", "", "or an index into an object");
	reaches("tags[*]", "", "a star is for arrays only");
	reaches("empty[*]", "", "and an empty one has no element");
}

static bool stop(void *arg, const json_t *value)
{
	(void)value;
	++*(int *)arg;
	return true;
}

static void walking(void)
{
	json_auto_t *root = json_loads(document, 0, NULL);
	struct path *path = path_parse("list[*].x", NULL);
	int visits = 0;

	ok(path_walk(path, root, stop, &visits), "a walk can be ended");
	is_int(visits, 1, "and then visits no more");
	is_int(json_integer_value(path_first(path, root)), 10,
	    "the first value is the first");
	ok(!path_first(path, NULL), "nothing is reached in nothing");
	ok(path_starts_at(path, "list") && !path_starts_at(path, "lis"),
	    "a path knows its first key");
	path_free(path);
	path_free(NULL);
}

int main(void)
{
	wrong();
	right();
	walking();
	return done();
}
