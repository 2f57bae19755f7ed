/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * Which files were seen to come by rename. Times are made up.
 */
#include "flow/arrivals.h"

#include "tap.h"

#include <stdio.h>

int main(void)
{
	struct arrivals *arrivals = arrivals_new();
	const struct drop_mark early = { .mtime_ns = 900 };
	const struct drop_mark late = { .mtime_ns = 1100 };
	char name[32];
	int i;
	int known = 0;

	ok(!arrivals_know(arrivals, 0, "a", &early), "nobody is known");
	arrivals_note(arrivals, 0, "a", 1000);
	ok(arrivals_know(arrivals, 0, "a", &early), "who came is known");
	ok(!arrivals_know(arrivals, 0, "a", &late),
	    "... unless it was written since");
	ok(!arrivals_know(arrivals, 1, "a", &early), "... in its box only");
	ok(!arrivals_know(arrivals, 0, "b", &early), "... by its name only");
	arrivals_note(arrivals, 0, "a", 1200);
	ok(arrivals_know(arrivals, 0, "a", &late), "who comes again is new");
	for (i = 0; i < 100000; i++) {
		snprintf(name, sizeof(name), "file-%d", i);
		arrivals_note(arrivals, 0, name, 2000);
	}
	for (i = 0; i < 100000; i++) {
		snprintf(name, sizeof(name), "file-%d", i);
		known += arrivals_know(arrivals, 0, name, &early);
	}
	ok(known > 500 && known <= 1024, "of very many the last are known");
	arrivals_free(arrivals);
	return done();
}
