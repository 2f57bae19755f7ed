/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/* One sentence travels up, gets prefixes, and never overflows. */
#include "base/why.h"

#include "base/mem.h"
#include "tap.h"

#include <errno.h>

static int open_it(struct why *why)
{
	errno = EACCES;
	return fail(why, "%s: cannot open: %m", "x.json");
}

int main(void)
{
	struct why why = { "" };
	auto_free char *flood = mem_alloc(2000);

	memset(flood, 'f', 1999);
	flood[1999] = '\0';
	is_int(open_it(NULL), -1, "who does not want to know need not");
	is_int(fail_in(NULL, "in"), -1, "nor for a prefix");
	is_int(open_it(&why), -1, "a failure is -1");
	is_str(why.text, "x.json: cannot open: Permission denied",
	    "and tells what the system said");
	is_int(fail_in(&why, "input %d", 2), -1, "a prefix is a failure, too");
	is_str(why.text, "input 2: x.json: cannot open: Permission denied",
	    "and stands before it");
	fail(&why, "%s", flood);
	is_int((long long)strlen(why.text), sizeof(why.text) - 1,
	    "a flood is cut");
	fail_in(&why, "prefix");
	ok(strncmp(why.text, "prefix: fff", 11) == 0 &&
		strlen(why.text) == sizeof(why.text) - 1,
	    "also behind a prefix");
	fail_in(&why, "%s", flood);
	is_int((long long)strlen(why.text), sizeof(why.text) - 1,
	    "and so is a prefix that is one");
	return done();
}
