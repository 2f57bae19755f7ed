/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * Tests of model/tally: the numbers of a period are right, and its memory does
 * not grow.
 */
#include "model/tally.h"

#include "base/mem.h"

#include "tap.h"

enum { HOUR = 60 * 60 * 1000, DAY = 24 * HOUR };
static const int64_t begin = 1700000000000; /* 22:13:20 UTC */

static void deliver(
    struct tally *tally, int64_t endpoint, int64_t ms, bool good, int tries)
{
	tally_add_delivery(tally,
	    &(struct tally_delivery){ endpoint, "hook",
		endpoint == 3 ? "b" : "a", good, !good, tries, ms });
}

static void attempt(
    struct tally *tally, int64_t endpoint, int64_t ms, int status)
{
	tally_add_attempt(tally,
	    &(struct tally_attempt){ endpoint, "hook",
		endpoint == 3 ? "b" : "a", ms - 100, 100, status,
		status ? "" : "timeout", status == 200, status != 200 });
}

static void test_spread(void)
{
	struct spread *spread = mem_zalloc(sizeof(*spread));

	is_int(spread_at(spread, 50), -1, "of nothing there is no median");
	for (int i = 1; i <= 1000; i++)
		spread_add(spread, i);
	ok(spread_at(spread, 50) >= 500 && spread_at(spread, 50) <= 535,
	    "the median of 1 to 1000 is 500, within 7 %%");
	ok(spread_at(spread, 95) >= 950 && spread_at(spread, 95) <= 1017,
	    "95 of 100 are below 950");
	ok(spread_at(spread, 100) >= 1000, "no duration is above the largest");
	spread_add(spread, INT64_MAX);
	spread_add(spread, -5);
	is_int(spread->total, 1002, "odd durations are counted, too");
	free(spread);
	spread = mem_zalloc(sizeof(*spread));
	spread_add(spread, 15);
	is_int(spread_at(spread, 1), 15, "small durations are exact");
	free(spread);
}

static void test_slots(void)
{
	struct tally tally;

	tally_init(&tally, begin, begin + 7 * DAY, 0);
	is_int(tally.slot_ms, 3 * HOUR, "a week is cut into three hours");
	is_int(tally.slot_count, 57, "... 57 of them, as it begins in one");
	is_int(tally_slot_ms(&tally, 0) % (3 * HOUR), 0, "... on the hour");
	tally_clear(&tally);
	tally_init(&tally, begin, begin + 7 * DAY, HOUR / 2);
	is_int((tally_slot_ms(&tally, 0) + HOUR / 2) % HOUR, 0,
	    "in a zone of half an hour, on that zone's hours");
	tally_clear(&tally);
	tally_init(&tally, begin, begin + 1, 0);
	is_int(tally.slot_count, 1, "a moment is one slot");
	tally_clear(&tally);
	tally_init(&tally, -10LL * 365 * DAY, 100000LL * DAY, 0);
	ok(tally.slot_count <= TALLY_SLOTS_MAX, "centuries have a limit");
	deliver(&tally, 1, 99999LL * DAY, true, 1);
	is_int(tally.slots[tally.slot_count - 1].delivered, 1,
	    "... and their end is counted in the last slot");
	tally_clear(&tally);
}

static void test_sums(void)
{
	struct tally tally;
	int64_t delivered = 0;

	tally_init(&tally, begin, begin + DAY, 0);
	is_int(tally_success(&tally), -1, "of nothing there is no rate");
	for (int i = 0; i < 9; i++)
		deliver(&tally, 1, begin + i * HOUR, true, i == 4 ? 3 : 1);
	deliver(&tally, 3, begin + HOUR, false, 4);
	deliver(&tally, 3, begin - 1, false, 4);
	deliver(&tally, 3, begin + DAY + 1, false, 4);
	for (int i = 0; i < tally.slot_count; i++)
		delivered += tally.slots[i].delivered;
	is_int(tally.deliveries, 10, "what lies outside is not counted");
	is_int(delivered, tally.delivered, "the slots add up to the total");
	is_int(tally_success(&tally), 900, "nine of ten");
	is_int(tally.retried, 2, "two needed a retry");
	attempt(&tally, 1, begin + HOUR, 200);
	attempt(&tally, 3, begin + HOUR, 503);
	attempt(&tally, 3, begin + HOUR, 0);
	attempt(&tally, 3, begin + HOUR, 12345);
	is_int(tally.by_status[503], 1, "a status is counted");
	is_int(tally.by_status[0], 2, "none, and one that is none, too");
	is_str(tally.faults[0].word, "timeout", "... by its word");
	is_int(tally.deferred, 3, "three are tried again");
	tally_worst_first(&tally);
	is_int((int)tally.endpoint_count, 2, "unused numbers are no endpoints");
	is_str(tally.endpoints[0]->endpoint, "b", "the worst comes first");
	is_int(tally.endpoints[0]->failed, 3, "... with its failures");
	tally_clear(&tally);
}

static void test_many_words(void)
{
	struct tally tally;
	char word[48];

	tally_init(&tally, begin, begin + DAY, 0);
	for (int i = 0; i < 1000; i++) {
		snprintf(word, sizeof(word), "a-very-long-odd-word-%d", i);
		tally_add_attempt(&tally,
		    &(struct tally_attempt){ .endpoint = 1,
			.webhook = "w",
			.name = "0",
			.started_ms = begin,
			.code = word });
	}
	is_int((int)tally.fault_count, TALLY_FAULTS_MAX,
	    "a thousand odd words are bounded");
	is_int(tally.by_status[0], 1000, "... and all counted");
	tally_clear(&tally);
}

int main(void)
{
	test_spread();
	test_slots();
	test_sums();
	test_many_words();
	return done();
}
