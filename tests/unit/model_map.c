/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * model/map: where values and keys stand, by JSON pointer, in texts that are
 * well formed, hostile or broken.
 */
#include "base/buf.h"
#include "base/mem.h"
#include "model/map.h"

#include "tap.h"
#include <string.h>

static enum scan_answer scan(struct map *map, const char *text)
{
	struct scan_fault fault;
	size_t end;

	return map_scan(map, text, strlen(text), SCAN_RELAXED, &end, &fault);
}

/* The text between two offsets, in a buffer that the next call reuses. */
static const char *cut(const char *text, size_t start, size_t end)
{
	static char out[256];

	snprintf(out, sizeof(out), "%.*s", (int)(end - start), text + start);
	return out;
}

static const char *value_at(
    const char *text, const struct map *map, const char *pointer)
{
	const struct map_entry *entry = map_find(map, pointer);

	return entry ? cut(text, entry->start, entry->end) : NULL;
}

static const char *key_at(
    const char *text, const struct map *map, const char *pointer)
{
	const struct map_entry *entry = map_find(map, pointer);

	return entry ? cut(text, entry->key_start, entry->key_end) : NULL;
}

static void broken_texts(void)
{
	struct map map;

	ok(scan(&map, "{\"a\": [1, 2") == SCAN_EARLY && !map.count,
	    "a text that ends early leaves an empty map");
	ok(!map_find(&map, ""), "in an empty map nothing is found");
	map_clear(&map);
	ok(scan(&map, "{\"a\" 1}") == SCAN_BAD && !map.count,
	    "a syntax error leaves an empty map");
	map_clear(&map);
	ok(scan(&map, "") == SCAN_EARLY && !map.count,
	    "no text at all is no value");
	map_clear(&map);
}

static void places(void)
{
	static const char text[] = "{ // note\n \"a\": {\"b\": [10, \"x\"]},\n"
				   " \"odd/k~y\": true, \"\": null,}";
	struct map map;

	scan(&map, text);
	is_str(value_at(text, &map, "/a/b/1"), "\"x\"",
	    "an element is found by its index");
	is_str(value_at(text, &map, "/a"), "{\"b\": [10, \"x\"]}",
	    "an object spans its braces");
	is_str(key_at(text, &map, "/a/b"), "\"b\"",
	    "a key is told with its quotes");
	is_str(value_at(text, &map, "/odd~1k~0y"), "true",
	    "~1 and ~0 stand for slash and tilde");
	is_str(value_at(text, &map, "/"), "null", "an empty key is a key");
	is_int((long long)map_find(&map, "")->start, 0,
	    "the empty pointer is the root");
	ok(!map_find(&map, "/a/c"), "a key that is not there is not found");
	ok(!map_find(&map, "/a/b/2"), "nor an element behind the last");
	ok(!map_find(&map, "/a/b/x"), "nor an element without a number");
	ok(!map_find(&map, "a"), "what does not start with / is no pointer");
	map_clear(&map);
}

static void escaped_keys(void)
{
	static const char text[] =
	    "{\"\\u0061\\n\\u00e9\\ud83d\\ude00\\\"\": 1, \"b\\/c\": 2}";
	struct map map;
	char *pointer;

	scan(&map, text);
	is_str(value_at(text, &map, "/a\n\xc3\xa9\xf0\x9f\x98\x80\""), "1",
	    "keys are found without their escapes");
	is_str(value_at(text, &map, "/b~1c"), "2",
	    "an escaped slash in a key is a slash");
	pointer = map_pointer(&map, 2);
	is_str(pointer, "/b~1c", "an entry tells its pointer");
	free(pointer);
	map_clear(&map);
}

static void twins(void)
{
	static const char text[] =
	    "{\"a\": 1, \"b\": {\"a\": 2}, \"\\u0061\": 3, \"a\": 4,"
	    " \"l\": [{\"a\":1},{\"a\":1}]}";
	struct map map;

	scan(&map, text);
	is_int((long long)map.twin_count, 2,
	    "a key three times is a twin twice, and other objects' keys are "
	    "their own");
	is_str(cut(text, map.entries[map.twins[0].again].key_start,
		   map.entries[map.twins[0].again].key_end),
	    "\"\\u0061\"", "a twin in other spelling is a twin");
	is_str(value_at(text, &map, "/a"), "4",
	    "the last of twins is found, as parsers have it");
	map_clear(&map);
}

/* What grows with depth times size would need gigabytes here. */
static void memory(void)
{
	enum { KEY = 20000, DEPTH = 90, MEMBERS = 2000 };
	struct buf text = BUF_INIT(8 * 1024 * 1024);
	struct map map;
	int i;

	for (i = 0; i < DEPTH; i++) {
		int n;

		buf_puts(&text, "{\"");
		for (n = 0; n < KEY; n++)
			buf_putc(&text, 'k');
		buf_puts(&text, "\":");
	}
	buf_putc(&text, '[');
	for (i = 0; i < MEMBERS; i++)
		buf_puts(&text, i ? ",0" : "0");
	buf_putc(&text, ']');
	for (i = 0; i < DEPTH; i++)
		buf_putc(&text, '}');
	ok(scan(&map, buf_text(&text)) == SCAN_WHOLE &&
		map.count == DEPTH + 1 + MEMBERS,
	    "long keys in deep nests cost their own length only");
	map_clear(&map);
	buf_clear(&text);
}

int main(void)
{
	broken_texts();
	places();
	escaped_keys();
	twins();
	memory();
	return done();
}
