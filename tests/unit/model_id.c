/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/* Ids sort by time, never repeat, and are known from anything else. */
#include "model/id.h"

#include "tap.h"

static const int64_t NOON = 1640002987123;

static void spelling(void)
{
	struct id_maker maker;
	char id[ID_SIZE];

	id_maker_init(&maker, "");
	id_make(&maker, 1, 0, id);
	is_str(id, "0000000004000000", "48 bits of time come first");
	id_make(&maker, 2, 31, id);
	is_str(id, "000000000800000Z", "32 bits of chance come last");
	id_make(&maker, ((int64_t)1 << 48) - 1, UINT32_MAX, id);
	is_str(id, "ZZZZZZZZZZZZZZZZ", "the last id of all is all Z");
}

/* Makes `count` ids at the times that `clock` tells; counts those that are not
 * above the one before. */
static int disorder(
    struct id_maker *maker, const int64_t *clock, int count, uint32_t chance)
{
	char last[ID_SIZE] = "";
	int wrong = 0;
	int i;

	for (i = 0; i < count; i++) {
		char id[ID_SIZE];

		id_make(maker, clock[i], chance, id);
		wrong += strcmp(id, last) <= 0 || !id_is_event(id);
		memcpy(last, id, sizeof(last));
	}
	return wrong;
}

static void order(void)
{
	static const int64_t clock[] = { NOON, NOON, NOON, NOON + 1, NOON - 5,
		NOON - 5, 0, -1, NOON + 1, NOON + 2, NOON + 90000, 5 };
	int count = sizeof(clock) / sizeof(clock[0]);
	struct id_maker maker;

	id_maker_init(&maker, "");
	is_int(disorder(&maker, clock, count, 7), 0,
	    "ids rise when the clock stands still or steps back");
	id_maker_init(&maker, "");
	is_int(disorder(&maker, clock, count, UINT32_MAX), 0,
	    "also when chance left no room in the millisecond");
	id_maker_init(&maker, "");
	is_int(disorder(&maker, clock + 6, 2, 0), 0,
	    "also with a clock that was never set");
}

static void carry(void)
{
	struct id_maker maker = { .ms = 4, .low = UINT32_MAX };
	char id[ID_SIZE];

	id_make(&maker, 4, 99, id);
	is_str(id,
	    "000000000M00000"
	    "0",
	    "a full millisecond goes on in the next");
	id_make(&maker, 5, 99, id);
	is_str(id, "000000000M000001", "which then is counted on, too");
}

static void going_on(void)
{
	struct id_maker maker;
	struct id_maker next;
	char last[ID_SIZE];
	char id[ID_SIZE];

	id_maker_init(&maker, "");
	id_make(&maker, NOON, 0xfffffff0, last);
	id_maker_init(&next, last);
	id_make(&next, NOON, 3, id);
	ok(strcmp(id, last) > 0, "a new maker goes on behind the last id");
	id_maker_init(&next, last);
	id_make(&next, NOON - 3600000, 3, id);
	ok(strcmp(id, last) > 0, "also when the clock was set back meanwhile");
	id_maker_init(&next, "not an id");
	id_make(&next, 1, 0, id);
	is_str(id, "0000000004000000", "what is no id counts as none");
}

static void events(void)
{
	ok(id_is_event("0123456789ABCDEF"), "16 characters are an event id");
	ok(!id_is_event("0123456789ABCDE"), "15 are not");
	ok(!id_is_event("0123456789ABCDEFG"), "nor are 17");
	ok(!id_is_event(""), "nor is nothing");
	ok(!id_is_event("0123456789abcdef"), "lower case is none");
	ok(!id_is_event("0123456789ABCDEI") &&
		!id_is_event("0123456789ABCDEL") &&
		!id_is_event("0123456789ABCDEO") &&
		!id_is_event("0123456789ABCDEU"),
	    "the letters I, L, O and U are none");
	ok(!id_is_event("0123456789ABCDE\xc3"), "nor are other bytes");
}

static void deliveries(void)
{
	char id[ID_DELIVERY_SIZE];
	char name[64];
	const char *rest = "";

	id_delivery(id, "0123456789ABCDEF", "pager-bridge", "0");
	is_str(id, "0123456789ABCDEF-pager-bridge-0",
	    "a delivery is event, webhook and endpoint");
	ok(id_is_delivery(id, &rest), "and known as one");
	is_str(rest, "pager-bridge-0", "and its rest begins behind the dash");
	ok(id_is_delivery(id, NULL), "which nobody has to ask for");
	memset(name, 'x', 63);
	name[63] = '\0';
	id_delivery(id, "0123456789ABCDEF", name, name);
	is_int((long long)strlen(id), ID_DELIVERY_SIZE - 1,
	    "the longest names fit");
	ok(!id_is_delivery("0123456789ABCDEF", &rest), "an event id is none");
	ok(!id_is_delivery("0123456789ABCDEF-", &rest), "nor is a dash alone");
	ok(!id_is_delivery("0123456789ABCDEF-../x", &rest), "nor is a path");
	ok(!id_is_delivery("", &rest), "nor is nothing");
}

static void names(void)
{
	char name[65];

	memset(name, 'a', 64);
	name[64] = '\0';
	ok(!id_is_name(name), "a name of 64 characters is too long");
	ok(id_is_name(name + 1), "one of 63 is not");
	ok(id_is_name("a") && id_is_name("0") && id_is_name("pager-bridge_2"),
	    "letters, digits, dash and underscore make a name");
	ok(!id_is_name("") && !id_is_name("-a") && !id_is_name("_a"),
	    "it begins with a letter or a digit");
	ok(!id_is_name("A") && !id_is_name("a.b") && !id_is_name("a/b") &&
		!id_is_name("\xc3\xa9") && !id_is_name("a\n"),
	    "and holds nothing else");
}

int main(void)
{
	spelling();
	order();
	carry();
	going_on();
	events();
	deliveries();
	names();
	return done();
}
