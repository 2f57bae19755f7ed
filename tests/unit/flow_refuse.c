/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * What is not accepted is kept with its reason: on a real spool in a temporary
 * directory.
 */
#include "flow/refuse.h"

#include "base/mem.h"
#include "base/say.h"
#include "scratch.h"
#include "tap.h"

#include <unistd.h>

static char any[] = "*";
static char *patterns[] = { any, NULL };
static struct spool spool;
static struct drop *drop;
static struct record *record;
static const struct refusal bad = { "syntax", "expected a value", 3, 7 };

static void put(const char *name, const char *text)
{
	auto_free char *path = mem_printf("spool/%s", name);

	scratch_put(path, text);
}

static const char *get(const char *name)
{
	auto_free char *path = mem_printf("spool/%s", name);

	return scratch_get(path);
}

static struct drop_mark mark_of(const char *name)
{
	struct drop_mark mark = { 0 };
	enum drop_answer answer;
	struct why why;
	int fd;

	if (drop_take(drop, name, &answer, &fd, &mark, &why) == 0 && fd >= 0)
		close(fd);
	return mark;
}

static int refuse(
    const char *name, const struct drop_mark *mark, enum drop_removal *answer)
{
	struct why why;

	return refuse_file(&spool, drop, name, mark, &bad, 1700000000123,
	    record, answer, &why);
}

static void whole_files(void)
{
	enum drop_removal answer;
	struct drop_mark mark;

	put("incoming/x.json", "[1,\n2,\n  oops]");
	mark = mark_of("x.json");
	is_int(refuse("x.json", &mark, &answer), 0, "a bad file is refused");
	is_int(answer, DROP_REMOVED, "... and leaves the drop box");
	is_str(get("rejected/x.json"), "[1,\n2,\n  oops]", "... as it is");
	has_str(get("rejected/x.json.why.json"),
	    "\"code\":\"syntax\",\"message\":\"expected a value\",\"line\":3,"
	    "\"column\":7,",
	    "... with its reason");
	has_str(get("rejected/x.json.why.json"),
	    "\"ts\":\"2023-11-14T22:13:20.123Z\"", "... and the time");

	put("incoming/x.json", "once more");
	mark = mark_of("x.json");
	is_int(refuse("x.json", &mark, &answer), 0, "the same name again");
	is_str(get("rejected/x.json"), "[1,\n2,\n  oops]",
	    "... is not written over the first");
	is_str(get("rejected/x.json.1"), "once more", "... but kept beside it");
}

static void changed_files(void)
{
	enum drop_removal answer;
	struct drop_mark mark;

	put("incoming/y.json", "bad");
	mark = mark_of("y.json");
	put("incoming/y.json", "{\"event_type\":\"good\"}");
	is_int(refuse("y.json", &mark, &answer), 0,
	    "a file that was replaced after it was judged");
	is_int(answer, DROP_CHANGED, "... is told so");
	is_str(get("incoming/y.json"), "{\"event_type\":\"good\"}",
	    "... stays where it is");
	ok(!get("rejected/y.json") && !get("rejected/y.json.why.json"),
	    "... and nothing is rejected");
	mark = mark_of("y.json");
	unlink("spool/incoming/y.json");
	is_int(refuse("y.json", &mark, &answer), 0, "one that was taken away");
	is_int(answer, DROP_MISSING, "... is told so");
	ok(!get("rejected/y.json.why.json"), "... and has no reason left");
}

static void lines(void)
{
	struct refusal first = { "not_event", "no type", 2, 1 };
	struct refusal second = { "syntax", "what is this", 9, 4 };
	struct scraps *scraps;
	struct why why;
	int i;

	for (i = 0; i < 2; i++) {
		scraps = scraps_open(&spool, &why);
		scraps_add(scraps, "{\"a\":1}\n", 8, &first, &why);
		scraps_add(scraps, "x", 1, &second, &why);
		scraps_add(scraps, "yz\n", 3, NULL, &why);
		is_int(scraps_keep(scraps, "/box/l.jsonl", 5, record, &why), 0,
		    i ? "the same lines again, after a crash"
		      : "bad lines are kept");
		scraps_free(scraps);
	}
	is_str(
	    get("rejected/l.jsonl"), "{\"a\":1}\nxyz\n", "... byte for byte");
	has_str(get("rejected/l.jsonl.why.json"), "\"code\":\"not_event\"",
	    "... with the first reason");
	has_str(get("rejected/l.jsonl.why.json"), "\"rejected_lines\":2",
	    "... and how many there are");
	ok(!get("rejected/l.jsonl.1"), "... once");

	scraps = scraps_open(&spool, &why);
	scraps_add(scraps, "other\n", 6, &first, &why);
	scraps_keep(scraps, "/box/l.jsonl", 5, record, &why);
	scraps_free(scraps);
	is_str(get("rejected/l.jsonl.1"), "other\n",
	    "other lines of the same name are kept beside");
	scraps = scraps_open(&spool, &why);
	scraps_add(scraps, "other\n", 6, &first, &why);
	scraps_keep(scraps, "/box/l.jsonl", 5, record, &why);
	scraps_free(scraps);
	ok(!get("rejected/l.jsonl.2"), "... once, too");

	scraps = scraps_open(&spool, &why);
	scraps_add(scraps, "thrown away\n", 12, &first, &why);
	scraps_free(scraps);
	scraps_free(NULL);
}

static void leftovers(void)
{
	put("rejected/.scraps-99-1", "of a process that was killed");
	put("rejected/.other", "not ours");
	refuse_clean(&spool);
	ok(!get("rejected/.scraps-99-1"), "what a killed process left is gone");
	ok(get("rejected/.other") != NULL, "... and nothing else");
	is_str(get("rejected/x.json.1"), "once more", "... least of all files");
}

int main(void)
{
	struct why why;

	scratch_begin();
	say_set_level(SAY_ERROR);
	ok(spool_open(&spool, "spool", true, &why) == 0, "(a spool)");
	drop = drop_open("spool/incoming", patterns, false, &why);
	record = record_open("spool/log/delivery.jsonl", SAY_INFO, &why);
	ok(drop && record, "(a drop box and a log)");
	whole_files();
	changed_files();
	lines();
	leftovers();
	record_close(record);
	drop_close(drop);
	spool_close(&spool);
	scratch_end();
	return done();
}
