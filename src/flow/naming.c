/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * flow/naming: ids of events.
 *
 * Owns the maker of our own ids, which starts behind the last one that the
 * store knows. Promises that an id of ours was never given out before; one from
 * a name may have been, and then the store refuses it. It reads no clock and
 * rolls no dice. If we die, ids that were made and not committed are not used.
 */
#include "flow/naming.h"

enum {
	/* Files may wait for us for long, and clocks are set a little. */
	AGE_MAX_H = 30 * 24,
	AHEAD_MAX_H = 1,
	HOUR_MS = 3600 * 1000,
	/* The store may fail for another reason than the id. */
	FAILURES_MAX = 2,
};

void naming_init(struct naming *naming, const char *last)
{
	id_maker_init(&naming->ids, last);
}

/* Finds the id that the file's name gives to its first event. */
static bool told(const char *file, int64_t now_ms, char first[ID_SIZE])
{
	int64_t age;

	if (!id_in_name(file, first))
		return false;
	age = (now_ms - id_time_ms(first)) / HOUR_MS;
	return age < AGE_MAX_H && age > -AHEAD_MAX_H;
}

bool naming_is_told(const char *file, int failures)
{
	char first[ID_SIZE];

	return failures < FAILURES_MAX && id_in_name(file, first);
}

void naming_pick(struct naming *naming, const char *file, int64_t index,
    int failures, int64_t now_ms, uint32_t chance, char id[ID_SIZE])
{
	char first[ID_SIZE];

	if (failures < FAILURES_MAX && told(file, now_ms, first))
		id_nth(first, (uint64_t)index, id);
	else
		id_make(&naming->ids, now_ms, chance, id);
}
