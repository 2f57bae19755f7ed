/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/* What a line of the log proves, and what it does not. */
#include "model/trace.h"

#include "tap.h"

#define HEAD "{\"ts\":\"2026-11-23T10:05:12.123Z\",\"level\":\"info\","

static const int64_t WRITTEN = 1795428312123;

static void reads(void)
{
	struct trace t;

	ok(trace_read(HEAD "\"kind\":\"attempt\",\"msg\":\"x\",\"v\":1,"
			   "\"delivery\":\"E-hook-0\",\"try\":12,\"max\":4}",
	       &t),
	    "an attempt is known");
	is_int(t.kind, TRACE_ATTEMPT, "as one");
	is_str(t.id, "E-hook-0", "of its delivery");
	is_int(t.number, 12, "with its number");
	is_int(t.ms, WRITTEN, "and when it was written");
	ok(trace_read(HEAD "\"kind\":\"dead\",\"v\":1,\"delivery\":\"E-h-0\","
			   "\"tries\":4}",
	       &t) &&
		t.kind == TRACE_END && t.number == 4,
	    "an end is known");
	ok(trace_read(
	       HEAD "\"kind\":\"unmatched\",\"v\":1,\"event_id\":\"E\"}", &t) &&
		t.kind == TRACE_ACCEPTED,
	    "and an event that nobody took");
}

static void refuses(void)
{
	struct trace t;

	ok(!trace_read("", &t), "an empty line proves nothing");
	ok(!trace_read(HEAD "\"kind\":\"started\",\"v\":1}", &t),
	    "nor a line of another kind");
	ok(!trace_read(HEAD "\"kind\":\"attempt\",\"delivery\":\"E-ho", &t),
	    "nor one that is cut in its id");
	ok(!trace_read(HEAD "\"kind\":\"attempt\",\"delivery\":\"E-h-0\"}", &t),
	    "nor one without its number");
	ok(!trace_read(HEAD "\"kind\":\"attempt\",\"delivery\":\"E-h-0\","
			    "\"try\":99999999999999999999999}",
	       &t),
	    "nor one with a number beyond all numbers");
	ok(!trace_read("{\"ts\":\"yesterday's\",\"kind\":\"dead\"}", &t),
	    "nor one of no time");
	ok(!trace_read(HEAD "\"kind\":\"accepted\",\"msg\":\"\\\"event_id\\\":"
			    "\\\"FORGED\\\"\",\"v\":1}",
	       &t),
	    "a member's name within a text is no member");
}

static void set(void)
{
	struct trace_set all = { 0 };
	struct trace t = { TRACE_ATTEMPT, "E-h-0", 1, 1000 };
	int i;

	ok(!trace_set_has(&all, &t), "an empty set has nothing");
	trace_set_add(&all, &t);
	t.ms = 5000;
	trace_set_add(&all, &t);
	ok(trace_set_has(&all, &t), "what was added is there");
	t.ms = 1001;
	ok(trace_set_has(&all, &t), "the last one of several counts");
	t.ms = 5001;
	ok(!trace_set_has(&all, &t), "an older line does not prove a newer");
	t.ms = 0;
	t.number = 2;
	ok(!trace_set_has(&all, &t), "another try is another");
	t.number = 1;
	t.kind = TRACE_END;
	ok(!trace_set_has(&all, &t), "so is another kind");
	for (i = 0; i < 5000; i++) {
		t.number = i;
		trace_set_add(&all, &t);
	}
	t.number = 4999;
	ok(trace_set_has(&all, &t), "it grows as it must");
	trace_set_clear(&all);
	ok(!trace_set_has(&all, &t), "and is empty again");
	trace_set_clear(&all);
}

int main(void)
{
	reads();
	refuses();
	set();
	return done();
}
