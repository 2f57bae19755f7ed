/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * flow/leftovers: what belongs to nobody goes after an hour, and nothing else.
 */
#include "flow/leftovers.h"

#include "base/now.h"
#include "model/conf.h"
#include "scratch.h"
#include "tap.h"

#include <stdbool.h>

enum { HOUR_MS = 3600 * 1000 };

static char box[] = "incoming";
static char gone[] = "no-such-box";
static const struct input inputs[] = { { .dir = gone }, { .dir = box } };

static bool there(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

static int64_t sweep(int64_t now_ms)
{
	struct leftovers *left = leftovers_open(AT_FDCWD, inputs, 2, now_ms);
	int64_t count;

	while (leftovers_step(left))
		continue;
	count = leftovers_count(left);
	leftovers_close(left);
	return count;
}

static void fill(void)
{
	mkdir("incoming", 0750);
	mkdir("rejected", 0750);
	scratch_put("incoming/.submit-0123456789ABCDEF.tmp", "");
	scratch_put("incoming/.submit-short.tmp", "");
	scratch_put("incoming/.other.tmp", "");
	scratch_put("incoming/submit-0123456789ABCDEF.json", "");
	scratch_put("rejected/lone.json.why.json", "");
	scratch_put("rejected/kept.json", "");
	scratch_put("rejected/kept.json.why.json", "");
	scratch_put("rejected/.why.json", "");
	scratch_put("rejected/.submit-0123456789ABCDEF.tmp", "");
	mkdir("rejected/dir.why.json", 0750);
}

int main(void)
{
	int64_t now_ms = now_wall_ms();

	scratch_begin();
	ok(sweep(now_ms) == 0, "no directories, no leftovers");
	fill();
	ok(sweep(now_ms + HOUR_MS / 2) == 0, "what is young may be in use");
	ok(there("incoming/.submit-0123456789ABCDEF.tmp"), "... and stays");
	ok(sweep(now_ms + 2 * HOUR_MS) == 2, "old ones go");
	ok(!there("incoming/.submit-0123456789ABCDEF.tmp"),
	    "what a submit left that was killed");
	ok(!there("rejected/lone.json.why.json"), "a reason without its file");
	ok(there("rejected/kept.json.why.json"),
	    "a reason with its file stays");
	ok(there("incoming/.submit-short.tmp") &&
		there("incoming/.other.tmp") &&
		there("incoming/submit-0123456789ABCDEF.json"),
	    "what others put into the box stays");
	ok(there("rejected/.submit-0123456789ABCDEF.tmp") &&
		there("rejected/dir.why.json") && there("rejected/.why.json"),
	    "what is no leftover where it lies stays");
	ok(sweep(now_ms + 2 * HOUR_MS) == 0, "... and again nothing more");
	scratch_end();
	return done();
}
