/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * flow/space: is there room on the spool's disk?
 *
 * Owns the last answer and its age. Promises to ask the disk no more than once
 * a second, and to tell people only when the answer changes. It stops nothing
 * itself. If we die, the next start asks anew.
 */
#include "flow/space.h"

#include "base/say.h"
#include "port/drop.h"

#include <stddef.h>

enum { LOOK_MS = 1000 };

static void tell(
    const struct space *space, const char *dir, struct trouble *trouble)
{
	if (!space->low) {
		say_info("there is space again; dropped files are picked up");
		trouble_note(trouble, dir, NULL);
		return;
	}
	say_error("%s: less than spool.min_free is left on the disk; dropped "
		  "files stay where they are, deliveries go on",
	    dir);
	trouble_note(trouble, dir,
	    "less than spool.min_free is left on the disk; dropped files are "
	    "not picked up");
}

bool space_look(struct space *space, const char *dir, int64_t min_free,
    int64_t now_ms, struct trouble *trouble)
{
	int64_t left;
	bool low;

	if (space->looked_ms && now_ms < space_next_ms(space))
		return !space->low;
	space->looked_ms = now_ms;
	low = drop_free(dir, &left, NULL) == 0 && left < min_free;
	if (low != space->low) {
		space->low = low;
		tell(space, dir, trouble);
	}
	return !low;
}

int64_t space_next_ms(const struct space *space)
{
	return space->looked_ms + LOOK_MS;
}
