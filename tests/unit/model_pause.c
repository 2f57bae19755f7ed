/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/* A pause as one line of text, and back. */
#include "model/pause.h"

#include "tap.h"

#include <stdlib.h>

static void there_and_back(void)
{
	char by[] = "ann";
	char reason[] = "the pager moves, see #7";
	struct pause in = { 1700000000000, 1000, by, reason };
	struct pause out;
	char *text = pause_print(&in);

	is_str(text, "1700000000000 1000 ann the pager moves, see #7",
	    "a pause is a line of text that begins with its end");
	ok(pause_parse(text, &out), "it is read back");
	is_int(out.until_ms, in.until_ms, "with its end");
	is_int(out.uid, 1000, "its user's number");
	is_str(out.by, "ann", "and name");
	is_str(out.reason, reason, "and its reason, blanks included");
	pause_clear(&out);
	free(text);
}

static void empty_reason(void)
{
	struct pause out;

	ok(pause_parse("0 0 root ", &out), "a pause needs no reason");
	is_str(out.reason, "", "then it is empty");
	pause_clear(&out);
	ok(pause_parse("0 0", &out), "nor a name, if somebody wrote it so");
	is_str(out.by, "", "which is empty, too");
	pause_clear(&out);
}

static void bad(void)
{
	static const char *const texts[] = { "", "x", "0", "0 x root", "-1 0 r",
		" 0 0 root", "9223372036854775808 0 root", "1.5 0 root" };
	struct pause out;

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		ok(!pause_parse(texts[i], &out), "\"%s\" is no pause",
		    texts[i]);
}

static void holds(void)
{
	struct pause pause = { .until_ms = 100 };

	ok(pause_holds(&pause, 99), "a pause holds until its end");
	ok(!pause_holds(&pause, 100), "and then no more");
	pause.until_ms = 0;
	ok(pause_holds(&pause, INT64_MAX), "one without end holds for ever");
}

int main(void)
{
	there_and_back();
	empty_reason();
	bad();
	holds();
	return done();
}
