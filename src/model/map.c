/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * model/map: the places of values and keys in a text, for messages about a
 * text that jansson has parsed without telling where anything stood. It owns
 * decoded keys and offsets. An entry knows its parent, not its pointer, so
 * that memory grows with the text and never with its depth times its size.
 * Pure; nothing to lose when we die.
 */
#include "model/map.h"

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A pointer is at most a whole text of escaped characters. */
enum { POINTER_MAX = 4 * 1024 * 1024 };

struct maker {
	struct map *map;
	const char *text;
};

static unsigned unit_at(const char *s)
{
	char digits[5] = { s[0], s[1], s[2], s[3], '\0' };

	return (unsigned)strtoul(digits, NULL, 16);
}

static void add_utf8(struct buf *out, unsigned c)
{
	char u[4];
	size_t len = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	static const unsigned char lead[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
	size_t i;

	for (i = len; i-- > 1; c >>= 6)
		u[i] = (char)(0x80 | (c & 0x3f));
	u[0] = (char)(lead[len] | c);
	buf_add(out, u, len);
}

/* Decodes the escape behind a backslash; returns how many bytes it has. The
 * scanner has let pass what is well formed only. */
static size_t add_escape(struct buf *out, const char *s)
{
	static const char letters[] = "bfnrt";
	static const char meant[] = "\b\f\n\r\t";
	const char *letter;
	unsigned unit;

	if (*s != 'u') {
		letter = strchr(letters, *s);
		buf_putc(out, letter ? meant[letter - letters] : *s);
		return 1;
	}
	unit = unit_at(s + 1);
	if ((unit & 0xfc00) != 0xd800) {
		add_utf8(out, unit);
		return 5;
	}
	add_utf8(
	    out, 0x10000 + ((unit & 0x3ff) << 10) + (unit_at(s + 7) & 0x3ff));
	return 11;
}

/* The key between its quotes, without escapes. */
static char *decode(const char *s, size_t len)
{
	auto_buf struct buf out = BUF_INIT(len + 1);
	size_t i = 0;

	while (i < len) {
		if (s[i] == '\\') {
			i += 1 + add_escape(&out, s + i + 1);
			continue;
		}
		buf_putc(&out, s[i++]);
	}
	return buf_steal(&out);
}

static void begin(void *arg, const struct scan_place *place, size_t start)
{
	struct maker *maker = arg;
	struct map *map = maker->map;
	struct map_entry *entry;

	if (map->count == map->cap) {
		map->cap = map->cap ? map->cap * 2 : 64;
		map->entries =
		    mem_grow(map->entries, map->cap, sizeof(*map->entries));
	}
	entry = &map->entries[map->count];
	*entry = (struct map_entry){
		.start = start, .parent = map->open, .index = place->index
	};
	if (place->in_object) {
		entry->key_start = place->key_start;
		entry->key_end = place->key_end;
		entry->key = decode(maker->text + place->key_start + 1,
		    place->key_end - place->key_start - 2);
	}
	map->open = map->count++;
}

static void finish(void *arg, size_t end)
{
	struct maker *maker = arg;
	struct map *map = maker->map;
	struct map_entry *entry = &map->entries[map->open];

	entry->end = end;
	map->open = entry->parent;
}

static int by_name(const void *a, const void *b, void *arg)
{
	const struct map *map = arg;
	size_t x = *(const size_t *)a;
	size_t y = *(const size_t *)b;
	const struct map_entry *ex = &map->entries[x];
	const struct map_entry *ey = &map->entries[y];
	int order;

	if (ex->parent != ey->parent)
		return ex->parent < ey->parent ? -1 : 1;
	order = strcmp(ex->key, ey->key);
	return order ? order : (x > y) - (x < y);
}

static int by_place(const void *a, const void *b)
{
	const struct map_twin *x = a;
	const struct map_twin *y = b;

	return (x->again > y->again) - (x->again < y->again);
}

static bool same_name(const struct map *map, size_t a, size_t b)
{
	const struct map_entry *x = &map->entries[a];
	const struct map_entry *y = &map->entries[b];

	return x->parent == y->parent && strcmp(x->key, y->key) == 0;
}

/* Sorted by parent and key, twins are neighbours. */
static void find_twins(struct map *map)
{
	auto_free size_t *order = mem_array(map->count, sizeof(*order));
	size_t keyed = 0;
	size_t i;

	for (i = 0; i < map->count; i++) {
		if (map->entries[i].key)
			order[keyed++] = i;
	}
	if (keyed < 2)
		return;
	qsort_r(order, keyed, sizeof(*order), by_name, map);
	map->twins = mem_array(keyed, sizeof(*map->twins));
	for (i = 1; i < keyed; i++) {
		if (same_name(map, order[i - 1], order[i]))
			map->twins[map->twin_count++] =
			    (struct map_twin){ order[i - 1], order[i] };
	}
	qsort(map->twins, map->twin_count, sizeof(*map->twins), by_place);
}

enum scan_answer map_scan(struct map *map, const char *text, size_t len,
    unsigned flags, size_t *end, struct scan_fault *fault)
{
	struct maker maker = { .map = map, .text = text };
	struct scan_visitor visitor = {
		.arg = &maker, .begin = begin, .end = finish
	};
	enum scan_answer answer;

	*map = (struct map){ .open = MAP_NONE };
	answer = scan_value(text, len, 0, flags, &visitor, end, fault);
	if (answer == SCAN_WHOLE)
		find_twins(map);
	else
		map_clear(map);
	return answer;
}

void map_clear(struct map *map)
{
	size_t i;

	for (i = 0; i < map->count; i++)
		free(map->entries[i].key);
	free(map->entries);
	free(map->twins);
	*map = (struct map){ .open = MAP_NONE };
}

void map_pointer_add(struct buf *pointer, const char *token)
{
	buf_putc(pointer, '/');
	for (; *token; token++) {
		if (*token == '~')
			buf_puts(pointer, "~0");
		else if (*token == '/')
			buf_puts(pointer, "~1");
		else
			buf_putc(pointer, *token);
	}
}

/* Reads the token at *pointer (behind its slash) and goes past it. */
static char *next_token(const char **pointer)
{
	size_t len = strcspn(*pointer, "/");
	char *token = mem_strndup(*pointer, len);
	char *to = token;
	const char *from;

	*pointer += len;
	for (from = token; *from; from++) {
		if (from[0] == '~' && (from[1] == '0' || from[1] == '1'))
			*to++ = *++from == '0' ? '~' : '/';
		else
			*to++ = *from;
	}
	*to = '\0';
	return token;
}

static bool is_called(const struct map_entry *entry, const char *token)
{
	int64_t index;

	if (entry->key)
		return strcmp(entry->key, token) == 0;
	return text_int(token, 0, INT64_MAX, &index) &&
	    (size_t)index == entry->index;
}

static size_t member(const struct map *map, size_t parent, const char *token)
{
	size_t found = MAP_NONE;
	size_t i;

	for (i = parent + 1; i < map->count; i++) {
		if (map->entries[i].start >= map->entries[parent].end)
			break;
		if (map->entries[i].parent == parent &&
		    is_called(&map->entries[i], token))
			found = i;
	}
	return found;
}

const struct map_entry *map_find(const struct map *map, const char *pointer)
{
	size_t at = 0;

	if (!map->count)
		return NULL;
	while (*pointer == '/') {
		auto_free char *token = NULL;

		pointer++;
		token = next_token(&pointer);
		at = member(map, at, token);
		if (at == MAP_NONE)
			return NULL;
	}
	return *pointer ? NULL : &map->entries[at];
}

static void add_tokens(const struct map *map, size_t entry, struct buf *out)
{
	const struct map_entry *at = &map->entries[entry];
	char number[24];

	if (at->parent == MAP_NONE)
		return;
	/* No deeper than the scanner goes (SCAN_DEPTH_MAX). */
	add_tokens(map, at->parent, out);
	snprintf(number, sizeof(number), "%zu", at->index);
	map_pointer_add(out, at->key ? at->key : number);
}

char *map_pointer(const struct map *map, size_t entry)
{
	auto_buf struct buf out = BUF_INIT(POINTER_MAX);

	add_tokens(map, entry, &out);
	return buf_steal(&out);
}
