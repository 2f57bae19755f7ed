/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * Ids of events: what `submit` told is kept, what a stranger chose may not be.
 */
#include "flow/naming.h"

#include "tap.h"

static const int64_t now_ms = 1700000000000;
static const int64_t hour_ms = 3600 * 1000;

/* A file's name as `submit` makes it at that moment. */
static const char *named_at(int64_t ms, char first[ID_SIZE])
{
	static char name[64];
	struct id_maker maker = { 0 };

	id_make(&maker, ms, 1000, first);
	snprintf(name, sizeof(name), "submit-%s.jsonl", first);
	return name;
}

/* True when the name's id is used for the n-th event of the file. */
static int believes(int64_t ms, int64_t index, int failures)
{
	struct naming naming;
	char first[ID_SIZE];
	char wanted[ID_SIZE];
	char id[ID_SIZE];
	const char *name = named_at(ms, first);

	naming_init(&naming, "");
	naming_pick(&naming, name, index, failures, now_ms, 7, id);
	id_nth(first, (uint64_t)index, wanted);
	return strcmp(id, wanted) == 0;
}

int main(void)
{
	struct naming naming;
	char last[ID_SIZE];
	char id[ID_SIZE];
	char next[ID_SIZE];

	ok(believes(now_ms, 0, 0), "the id in a file's name is the event's");
	ok(believes(now_ms, 41, 0), "... and those behind it the next ones'");
	ok(believes(now_ms - 29 * 24 * hour_ms, 3, 0),
	    "a file may have waited for weeks");
	ok(!believes(now_ms - 31 * 24 * hour_ms, 0, 0), "... not for ever");
	ok(believes(now_ms + hour_ms / 2, 0, 0), "clocks are set back a bit");
	ok(!believes(now_ms + 2 * hour_ms, 0, 0),
	    "an id of the future would push all others ahead");
	ok(believes(now_ms, 0, 1), "the store may fail once for any reason");
	ok(!believes(now_ms, 0, 2), "... twice: the id is taken");

	naming_init(&naming, "");
	named_at(now_ms + hour_ms, last);
	naming_init(&naming, last);
	naming_pick(&naming, "any.json", 0, 0, now_ms, 7, id);
	naming_pick(&naming, "any.json", 1, 0, now_ms, 7, next);
	ok(strcmp(id, last) > 0, "ours lie behind the last that was given out");
	ok(strcmp(next, id) > 0, "... each behind the one before");
	naming_pick(&naming, "submit-x.json", 0, 0, now_ms, 7, id);
	ok(id_is_event(id), "a name that only looks like submit's gets ours");
	return done();
}
