/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef MODEL_MAP_H
#define MODEL_MAP_H

#include "model/scan.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * Where everything stands in a JSON text: one entry a value, in the order of
 * the text, parents before their members. Offsets are bytes. It keeps no
 * pointer into the text.
 */
struct map_entry {
	size_t start; /* the value */
	size_t end;
	size_t key_start; /* its key with the quotes; both 0 without one */
	size_t key_end;
	size_t parent; /* an entry, MAP_NONE for the root */
	size_t index; /* position within the parent */
	char *key; /* without escapes; NULL for elements and the root */
};

#define MAP_NONE ((size_t)-1)

/* The same key twice in one object; `first` and `again` are entries. */
struct map_twin {
	size_t first;
	size_t again;
};

struct map {
	struct map_entry *entries; /* entries[0] is the root */
	size_t count;
	size_t cap;
	struct map_twin *twins; /* in the order of `again` */
	size_t twin_count;
	size_t open; /* while scanning: the innermost unfinished value */
};

/* Scans one value at the start of the text; `flags`, *end, `fault` and the
 * answer are those of scan_value. Unless that is SCAN_WHOLE the map stays
 * empty. Clear it in any case. */
enum scan_answer map_scan(struct map *map, const char *text, size_t len,
    unsigned flags, size_t *end, struct scan_fault *fault);
void map_clear(struct map *map);

/* The entry that a JSON pointer (RFC 6901) names, NULL when there is none. Of
 * twins the last one, as parsers have it. Lent. */
const struct map_entry *map_find(const struct map *map, const char *pointer);
/* The pointer of an entry; the caller's string. */
char *map_pointer(const struct map *map, size_t entry);

struct buf;
/* Adds "/token" to a pointer, with '~' and '/' escaped. */
void map_pointer_add(struct buf *pointer, const char *token);

#endif
