/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * model/trace: finds out what was written down already, from lines that were
 * read back.
 *
 * Owns the set of what was found. Promises that a text from outside proves
 * nothing: within a JSON string each quote has a backslash before it, so a
 * member's name between bare quotes is a member. A number and an id are kept as
 * 64 bits of a hash: among a hundred thousand lines two that fall together are
 * less likely than a broken disk. Pure: nothing to lose if we die.
 */
#include "model/trace.h"

#include "base/mem.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *word;
	enum trace_kind kind;
	const char *id;
	const char *number; /* NULL: it has none */
} kinds[] = {
	{ "accepted", TRACE_ACCEPTED, "\"event_id\":\"", NULL },
	{ "unmatched", TRACE_ACCEPTED, "\"event_id\":\"", NULL },
	{ "attempt", TRACE_ATTEMPT, "\"delivery\":\"", "\"try\":" },
	{ "delivered", TRACE_END, "\"delivery\":\"", "\"tries\":" },
	{ "dead", TRACE_END, "\"delivery\":\"", "\"tries\":" },
};
enum { KINDS = sizeof(kinds) / sizeof(*kinds) };

/* The value of a member up to its closing quote; false when there is none, or
 * it is too long. */
static bool word_of(
    const char *line, const char *member, char *out, size_t size)
{
	const char *start = strstr(line, member);
	size_t len;

	if (!start)
		return false;
	start += strlen(member);
	len = strcspn(start, "\"");
	if (!start[len] || len >= size)
		return false;
	memcpy(out, start, len);
	out[len] = '\0';
	return true;
}

static bool number_of(const char *line, const char *member, int64_t *out)
{
	const char *start = strstr(line, member);
	char text[24];
	size_t len;

	if (!start)
		return false;
	start += strlen(member);
	len = strspn(start, "0123456789");
	if (!len || len >= sizeof(text))
		return false;
	memcpy(text, start, len);
	text[len] = '\0';
	return text_int(text, 0, INT32_MAX, out);
}

static bool read_kind(const char *line, size_t at, struct trace *out)
{
	char time[TEXT_TIME_SIZE];

	out->kind = kinds[at].kind;
	out->number = 0;
	if (!word_of(line, "\"ts\":\"", time, sizeof(time)) ||
	    !text_moment(time, 0, &out->ms) ||
	    !word_of(line, kinds[at].id, out->id, sizeof(out->id)))
		return false;
	return !kinds[at].number ||
	    number_of(line, kinds[at].number, &out->number);
}

bool trace_read(const char *line, struct trace *out)
{
	char kind[16];
	size_t i;

	if (!word_of(line, "\"kind\":\"", kind, sizeof(kind)))
		return false;
	for (i = 0; i < KINDS; i++) {
		if (strcmp(kind, kinds[i].word) == 0)
			return read_kind(line, i, out);
	}
	return false;
}

/* ---- the set ------------------------------------------------------------- */

/* FNV-1a, 64 bits. */
static uint64_t key_of(const struct trace *trace)
{
	uint64_t key = 0xcbf29ce484222325U;
	char text[ID_DELIVERY_SIZE + 32];
	const char *p;

	snprintf(text, sizeof(text), "%d %lld %s", (int)trace->kind,
	    (long long)trace->number, trace->id);
	for (p = text; *p; p++)
		key = (key ^ (unsigned char)*p) * 0x100000001b3U;
	return key;
}

void trace_set_add(struct trace_set *set, const struct trace *trace)
{
	if (set->count == set->room) {
		set->room = set->room ? set->room * 2 : 256;
		set->marks =
		    mem_grow(set->marks, set->room, sizeof(*set->marks));
	}
	set->marks[set->count++] =
	    (struct trace_mark){ key_of(trace), trace->ms };
	set->sorted = false;
}

static int by_key(const void *a, const void *b)
{
	const struct trace_mark *x = a;
	const struct trace_mark *y = b;

	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return (x->ms > y->ms) - (x->ms < y->ms);
}

/* How many stand before this one, were it the last of its key. */
static size_t count_before(const struct trace_set *set, uint64_t key)
{
	size_t low = 0;
	size_t high = set->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (set->marks[middle].key <= key)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool trace_set_has(struct trace_set *set, const struct trace *trace)
{
	uint64_t key = key_of(trace);
	size_t end;

	if (!set->sorted && set->count)
		qsort(set->marks, set->count, sizeof(*set->marks), by_key);
	set->sorted = true;
	end = count_before(set, key);
	return end > 0 && set->marks[end - 1].key == key &&
	    set->marks[end - 1].ms >= trace->ms;
}

void trace_set_clear(struct trace_set *set)
{
	free(set->marks);
	*set = (struct trace_set){ 0 };
}
