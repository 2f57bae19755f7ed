/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * model/skim: listens to the scanner. Most filters ask for no more than a
 * service or an alert source, and most webhooks have no filter; for those a
 * tree of every member of every event would be most of the work of taking it
 * in. It judges nothing: in doubt it says so, and the event is parsed whole, so
 * that what is refused does not depend on who reads it. Pure; allocates nothing.
 */
#include "model/skim.h"

#include "model/scan.h"

#include <string.h>

/* A number of so few digits, without an exponent, has a place in every type. */
enum { DIGITS_SAFE = 15 };

static const char *const keys[SKIM_MEMBERS] = {
	[SKIM_TYPE] = "event_type",
	[SKIM_ID] = "id",
	[SKIM_SERVICE] = "service",
	[SKIM_SOURCE] = "alert_source",
	[SKIM_MESSAGE] = "message",
};

struct listener {
	const char *bytes;
	struct skim_span *spans;
	unsigned depth;
	size_t start; /* of the value that began last; 0: it ended */
	size_t member_start;
	enum skim_member member; /* SKIM_MEMBERS: none of them */
	bool doubt;
};

const char *skim_key(enum skim_member member)
{
	return keys[member];
}

static enum skim_member find(const char *key, size_t len)
{
	int i;

	for (i = 0; i < SKIM_MEMBERS; i++) {
		if (strlen(keys[i]) == len && memcmp(keys[i], key, len) == 0)
			break;
	}
	return (enum skim_member)i;
}

static void begin(void *arg, const struct scan_place *place, size_t start)
{
	struct listener *l = arg;
	const char *key = l->bytes + place->key_start + 1;
	size_t len =
	    place->in_object ? place->key_end - place->key_start - 2 : 0;

	if (place->in_object && memchr(key, '\\', len))
		l->doubt = true;
	if (l->depth == 1) {
		l->member = find(key, len);
		l->member_start = start;
	}
	l->depth++;
	l->start = start;
}

static bool is_safe(const char *text, size_t len)
{
	if (*text != '-' && (*text < '0' || *text > '9'))
		return true;
	return len <= DIGITS_SAFE && !memchr(text, 'e', len) &&
	    !memchr(text, 'E', len);
}

static void end(void *arg, size_t end)
{
	struct listener *l = arg;

	if (l->start && !is_safe(l->bytes + l->start, end - l->start))
		l->doubt = true;
	l->start = 0;
	l->depth--;
	if (l->depth == 1 && l->member < SKIM_MEMBERS)
		l->spans[l->member] =
		    (struct skim_span){ l->member_start, end };
}

bool skim(const char *bytes, size_t len, struct skim_span spans[SKIM_MEMBERS])
{
	struct listener l = { .bytes = bytes, .spans = spans };
	const struct scan_visitor visitor = { &l, begin, end };
	size_t start = scan_blank(bytes, len, 0, 0);
	struct scan_fault fault;
	size_t stop;

	memset(spans, 0, SKIM_MEMBERS * sizeof(*spans));
	if (start == len || bytes[start] != '{')
		return false;
	if (scan_value(bytes, len, start, 0, &visitor, &stop, &fault) !=
		SCAN_WHOLE ||
	    scan_blank(bytes, len, stop, 0) != len)
		return false;
	return !l.doubt && spans[SKIM_TYPE].end &&
	    bytes[spans[SKIM_TYPE].start] == '"';
}
