/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/* Groups: what is accepted, claimed and settled, in which order, or not. */
#include "store_kit.h"

enum { SECOND = 1000 };

/* ---- accepted ---------------------------------------------------------- */

static void link_up(struct work *first, struct work *second)
{
	first->letter.next = second ? &second->letter : NULL;
}

static void accepted_is_kept(void)
{
	struct store *store = kit_open(STORE_DAEMON);
	int64_t endpoint = kit_endpoint(store, "pager", "0");
	struct event_row row;
	char last[ID_SIZE];
	char id[ID_SIZE];

	store_last_id(store, last);
	is_str(last, "", "a new store has given out no id");
	kit_accept(store, 1, "inc-1", endpoint, 5000);
	kit_accept(store, 2, "inc-2", 0, 6000);
	store_close(store);

	store = kit_open(STORE_DAEMON);
	kit_id(id, 1);
	is_int(store_event(store, id, &row, &kit_why), 1,
	    "an accepted event is there after the store was reopened");
	ok(row.body_len == 8 && memcmp(row.body, "{\"id\":1}", 8) == 0,
	    "its bytes are those that came");
	is_str(row.source, "a.json", "where it came from is known");
	is_int(row.accepted_ms, 5000, "when it came is known");
	event_row_clear(&row);
	is_int(kit_state(store, 1), STATE_WAITING, "its delivery waits");
	is_int(kit_state(store, 2), -1, "an unmatched event has no delivery");
	is_int(kit_events(store), 2, "and is kept all the same");
	store_last_id(store, last);
	kit_id(id, 2);
	is_str(last, id, "the last id is remembered");
	is_int(kit_endpoint(store, "pager", "0"), endpoint,
	    "an endpoint has the same number for ever");
	ok(kit_endpoint(store, "pager", "1") != endpoint,
	    "another endpoint has another");
	store_close(store);
	kit_wipe();
}

static void any_bytes_come_back(void)
{
	static const char body[] = "\0{\xff\xfe}'\";\n\0";
	struct store *store = kit_open(STORE_DAEMON);
	int64_t endpoint = kit_endpoint(store, "pager", "0");
	struct route_row route = { endpoint, true };
	struct accepted_event event =
	    kit_event(1, "x'); DROP TABLE event;--\xff", &route);
	struct work_accept work = {
		.source = "", .events = &event, .count = 1
	};
	struct claim_wish wish = { .endpoint = endpoint, .room = 1 };
	struct work_claim claim = { .wishes = &wish, .wish_count = 1 };

	event.body = body;
	event.body_len = sizeof(body);
	kit_must(store, &work, WORK_ACCEPT);
	kit_must(store, &claim, WORK_CLAIM);
	is_int((int)claim.claimed_count, 1, "a hostile incident is claimed");
	is_str(claim.claimed[0].incident, event.incident,
	    "a hostile incident is only a text");
	ok(claim.claimed[0].body_len == sizeof(body) &&
		memcmp(claim.claimed[0].body, body, sizeof(body)) == 0,
	    "a body may hold any byte");
	work_claim_clear(&claim);
	store_close(store);
	kit_wipe();
}

static void all_or_nothing(void)
{
	struct store *store = kit_open(STORE_DAEMON);
	int64_t endpoint = kit_endpoint(store, "pager", "0");
	struct route_row route = { endpoint, true };
	struct accepted_event twice[] = { kit_event(2, "b", &route),
		kit_event(1, "a", &route) };
	struct claim_wish wish = { .endpoint = endpoint, .room = 5 };
	struct work_note note = {
		.work.kind = WORK_NOTE, .name = "n", .value = "v"
	};
	struct work_claim claim = { .work.kind = WORK_CLAIM,
		.now_ms = 9 * SECOND,
		.wishes = &wish,
		.wish_count = 1 };
	struct work_receipts receipts = { .work.kind = WORK_RECEIPTS };
	struct work_accept accept = { .work.kind = WORK_ACCEPT,
		.source = "b.json",
		.events = twice,
		.count = 2,
		.has_receipt = true,
		.receipt = { .device = 1, .inode = 2 } };
	struct work_digest later = { .work.kind = WORK_DIGEST };
	struct why why;
	bool full = true;

	kit_accept(store, 1, "a", endpoint, SECOND);
	link_up(&note.work, &claim.work);
	link_up(&claim.work, &receipts.work);
	link_up(&receipts.work, &accept.work);
	link_up(&accept.work, &later.work);
	link_up(&later.work, NULL);
	is_int(store_commit(store, &note.work, &full, &why), -1,
	    "an event id that is taken refuses the group");
	ok(!full, "that is not called a full disk");
	has_str(why.text, "event.id", "the sentence names what is taken");
	ok(note.work.failed && claim.work.failed && receipts.work.failed &&
		accept.work.failed && later.work.failed,
	    "every work of a refused group is told so");
	is_int(
	    (int)claim.claimed_count, 0, "a refused group hands out nothing");
	ok(!claim.claimed, "and leaves no memory behind");
	is_int(kit_state(store, 1), STATE_WAITING,
	    "what a refused group claimed still waits");
	is_int(kit_events(store), 1, "a refused group added no event");
	is_int(kit_state(store, 2), -1, "nor a delivery");
	kit_must(store, &receipts, WORK_RECEIPTS);
	is_int((int)receipts.count, 0, "nor a receipt");

	twice[1] = kit_event(3, "a", &route);
	link_up(&note.work, &claim.work);
	link_up(&claim.work, &accept.work);
	link_up(&accept.work, NULL);
	is_int(store_commit(store, &note.work, &full, &why), 0,
	    "the group without the fault goes through");
	ok(!note.work.failed && !accept.work.failed, "and is told so");
	is_int((int)claim.claimed_count, 1, "its claim hands out");
	work_claim_clear(&claim);
	store_close(store);
	kit_wipe();
}

static void unknown_endpoints(void)
{
	struct store *store = kit_open(STORE_DAEMON);

	is_int(kit_try_accept(store, 1, "a", 77, 0), -1,
	    "a delivery to an endpoint without a number is refused");
	is_int(kit_events(store), 0, "with its event");
	store_close(store);
	kit_wipe();
}

/* ---- claimed ----------------------------------------------------------- */

static void claims(void)
{
	struct store *store = kit_open(STORE_DAEMON);
	int64_t a = kit_endpoint(store, "a", "0");
	int64_t b = kit_endpoint(store, "b", "0");
	struct claim_wish wishes[] = { { .endpoint = a, .room = 2 },
		{ .endpoint = b } };
	struct work_claim work = {
		.now_ms = 10 * SECOND, .wishes = wishes, .wish_count = 2
	};
	int64_t rows[9];
	int64_t due;

	kit_accept(store, 1, "", a, 3 * SECOND);
	kit_accept(store, 2, "", a, 1 * SECOND);
	kit_accept(store, 3, "", a, 2 * SECOND);
	kit_accept(store, 4, "", a, 20 * SECOND);
	kit_accept(store, 5, "", b, 1 * SECOND);
	kit_must(store, &work, WORK_CLAIM);
	is_int(
	    (int)work.claimed_count, 2, "a claim takes what there is room for");
	is_str(work.claimed[0].event_id, "01HF000000000002",
	    "the longest due comes first");
	is_str(work.claimed[1].event_id, "01HF000000000003", "then the next");
	is_int(
	    work.claimed[0].queued_ms, SECOND, "since when it waits is told");
	is_int(wishes[0].next_due_ms, 3 * SECOND, "what is left says when");
	is_int(wishes[1].next_due_ms, SECOND,
	    "an endpoint without room is not claimed from");
	work_claim_clear(&work);
	is_int(kit_claim(store, a, 9, 10 * SECOND, rows, &due), 1,
	    "what is claimed is not claimed again");
	is_int(due, 20 * SECOND, "what is not due yet is left");
	is_int(kit_claim(store, a, 9, 20 * SECOND, rows, &due), 1,
	    "and claimed when it is due");
	is_int(due, -1, "then nothing waits");
	is_int(kit_claim(store, 99, 9, 20 * SECOND, rows, &due), 0,
	    "an unknown endpoint has nothing");
	store_close(store);
	store_close(kit_open(STORE_VERB));
	store = kit_open(STORE_LOOK);
	is_int(kit_state(store, 1), STATE_ACTIVE,
	    "a verb leaves what is on the wire alone");
	store_close(store);
	store = kit_open(STORE_DAEMON);
	is_int(kit_claim(store, a, 9, 0, rows, NULL), 4,
	    "a new daemon tries at once what the last one had on the wire");
	store_close(store);
	kit_wipe();
}

/* ---- settled ----------------------------------------------------------- */

static void settles(void)
{
	struct store *store = kit_open(STORE_DAEMON);
	int64_t a = kit_endpoint(store, "a", "0");
	struct delivery_row row;
	int64_t rows[9];
	int64_t due;

	kit_accept(store, 1, "", a, SECOND);
	kit_claim(store, a, 1, SECOND, rows, NULL);
	kit_settle(
	    store, rows[0], OUTCOME_DEFERRED, 1, 30 * SECOND, 2 * SECOND);
	row = kit_row(store, 1);
	is_str(state_word(row.state, row.tries), "deferred",
	    "a deferred delivery waits");
	is_int(row.due_ms, 30 * SECOND, "until the verdict's time");
	is_int(row.tries, 1, "and has spent a try");
	is_int(row.last_status, 503, "its last status is known");
	is_int(row.queued_ms, SECOND, "it is in the queue since it came");
	is_int(kit_claim(store, a, 1, 29 * SECOND, rows, &due), 0,
	    "it is not claimed before");
	is_int(due, 30 * SECOND, "its time is told");
	kit_claim(store, a, 1, 30 * SECOND, rows, NULL);
	kit_settle(store, rows[0], OUTCOME_DELIVERED, 2, 0, 31 * SECOND);
	row = kit_row(store, 1);
	is_int(row.state, STATE_DELIVERED, "a delivered one is final");
	is_int(row.changed_ms, 31 * SECOND, "since that moment");
	ok(!kit_settle(store, rows[0], OUTCOME_DEAD, 3, 0, 32 * SECOND),
	    "settling what is not on the wire is harmless");
	is_int(kit_state(store, 1), STATE_DELIVERED, "and changes nothing");
	kit_settle(store, 4711, OUTCOME_DEAD, 3, 0, 32 * SECOND);
	ok(1, "so is settling what is not there");
	store_close(store);
	kit_wipe();
}

static void lanes(void)
{
	struct store *store = kit_open(STORE_DAEMON);
	int64_t a = kit_endpoint(store, "a", "0");
	int64_t b = kit_endpoint(store, "b", "0");
	int64_t rows[9];

	kit_accept(store, 1, "inc", a, 1);
	kit_accept(store, 2, "inc", a, 2);
	kit_accept(store, 3, "other", a, 3);
	kit_accept(store, 4, "inc", b, 4);
	kit_accept(store, 5, "", a, 5);
	kit_accept(store, 6, "", a, 6);
	is_int(kit_state(store, 2), STATE_CHAINED,
	    "the second event of an incident waits for the first");
	is_int(kit_state(store, 3), STATE_WAITING, "other incidents do not");
	is_int(kit_state(store, 4), STATE_WAITING, "nor do other endpoints");
	is_int(kit_state(store, 6), STATE_WAITING,
	    "nor do events without an incident");
	is_int(kit_claim(store, a, 9, 100, rows, NULL), 4,
	    "only heads of lanes are claimed");
	ok(!kit_settle(store, rows[0], OUTCOME_DEFERRED, 1, 900, 100),
	    "a deferred head unlocks nothing");
	is_int(kit_state(store, 2), STATE_CHAINED, "the lane stays locked");
	kit_claim(store, a, 1, 900, rows, NULL);
	ok(kit_settle(store, rows[0], OUTCOME_DEAD, 2, 0, 950),
	    "a dead head unlocks the next one");
	is_int(kit_state(store, 2), STATE_WAITING, "which waits now");
	is_int(kit_row(store, 2).due_ms, 950, "and is due at once");
	kit_accept(store, 7, "inc", a, 960);
	is_int(kit_state(store, 7), STATE_CHAINED, "the next stands behind it");
	kit_claim(store, a, 1, 960, rows, NULL);
	ok(kit_settle(store, rows[0], OUTCOME_DELIVERED, 1, 0, 970),
	    "a delivered head unlocks the next one");
	kit_claim(store, a, 1, 970, rows, NULL);
	ok(!kit_settle(store, rows[0], OUTCOME_DELIVERED, 1, 0, 980),
	    "the last of a lane unlocks nothing");
	kit_accept(store, 8, "inc", a, 990);
	is_int(kit_state(store, 8), STATE_WAITING, "an empty lane is free");
	store_close(store);
	kit_wipe();
}

static void unordered(void)
{
	struct store *store = kit_open(STORE_DAEMON);
	struct route_row route = { kit_endpoint(store, "a", "0"), false };
	struct accepted_event events[] = { kit_event(1, "inc", &route),
		kit_event(2, "inc", &route) };
	struct work_accept work = {
		.source = "x", .events = events, .count = 2
	};

	kit_must(store, &work, WORK_ACCEPT);
	is_int(kit_state(store, 2), STATE_WAITING,
	    "with order none the events of an incident do not wait");
	store_close(store);
	kit_wipe();
}

/* ---- flush, notes, receipts -------------------------------------------- */

static void flushes(void)
{
	struct store *store = kit_open(STORE_DAEMON);
	int64_t a = kit_endpoint(store, "a", "0");
	int64_t b = kit_endpoint(store, "b", "0");
	struct work_flush flush = { .now_ms = 100, .endpoint = b };
	int64_t rows[2];

	kit_accept(store, 1, "", a, 1);
	kit_accept(store, 2, "", b, 1);
	kit_accept(store, 3, "", a, 9 * SECOND);
	kit_claim(store, a, 1, 1, rows, NULL);
	kit_claim(store, b, 1, 1, rows + 1, NULL);
	kit_settle(store, rows[0], OUTCOME_DEFERRED, 1, 5 * SECOND, 2);
	kit_settle(store, rows[1], OUTCOME_DEFERRED, 1, 5 * SECOND, 2);
	kit_must(store, &flush, WORK_FLUSH);
	is_int(kit_row(store, 1).due_ms, 5 * SECOND,
	    "a flush of one endpoint leaves the others");
	is_int(kit_row(store, 2).due_ms, 100, "what it flushes is due now");
	flush.endpoint = 0;
	kit_must(store, &flush, WORK_FLUSH);
	is_int(kit_row(store, 1).due_ms, 100, "a flush of all flushes all");
	is_int(kit_row(store, 3).due_ms, 100,
	    "and what waits without a try, for a fault of our own or its pace");
	store_close(store);
	kit_wipe();
}

static int add_note(void *arg, const char *name, const char *value, int64_t ms)
{
	buf_printf(arg, "%s=%s@%lld ", name, value, (long long)ms);
	return 0;
}

static void put_note(struct store *store, const char *name, const char *value)
{
	struct work_note note = { .now_ms = 7, .name = name, .value = value };

	kit_must(store, &note, WORK_NOTE);
}

static void notes(void)
{
	auto_buf struct buf out = BUF_INIT(1024);
	struct store *store = kit_open(STORE_DAEMON);

	put_note(store, "trouble/b", "1");
	put_note(store, "trouble/a", "2");
	put_note(store, "trouble/b", "3");
	put_note(store, "troubl%", "4");
	is_int(store_notes(store, "trouble/", add_note, &out, &kit_why), 2,
	    "notes are found by what their names begin with");
	is_str(buf_text(&out), "trouble/a=2@7 trouble/b=3@7 ",
	    "the last value counts");
	put_note(store, "trouble/a", NULL);
	put_note(store, "trouble/zz", NULL);
	is_int(store_notes(store, "", add_note, &out, &kit_why), 2,
	    "a note without a value goes");
	store_close(store);
	kit_wipe();
}

static void receipts(void)
{
	struct store *store = kit_open(STORE_DAEMON);
	struct receipt receipt = { .device = UINT64_MAX,
		.inode = 1ull << 63,
		.birth_ns = 1,
		.mtime_ns = 2,
		.size = 100,
		.done = 40,
		.hash = -5 };
	struct work_accept accept = {
		.source = "x", .has_receipt = true, .receipt = receipt
	};
	struct work_receipts list = { 0 };
	struct work_forget forget = { .receipts = &receipt, .count = 1 };

	kit_must(store, &accept, WORK_ACCEPT);
	accept.receipt.done = 100;
	kit_must(store, &accept, WORK_ACCEPT);
	store_close(store);
	store = kit_open(STORE_DAEMON);
	kit_must(store, &list, WORK_RECEIPTS);
	is_int((int)list.count, 1, "a file has one receipt");
	ok(memcmp(list.receipts, &accept.receipt, sizeof(receipt)) == 0,
	    "it comes back as it was last written, to the bit");
	free(list.receipts);
	receipt.birth_ns = 9;
	kit_must(store, &forget, WORK_FORGET);
	kit_must(store, &list, WORK_RECEIPTS);
	is_int((int)list.count, 1,
	    "the receipt of a later file with the same inode stays");
	free(list.receipts);
	receipt.birth_ns = 1;
	kit_must(store, &forget, WORK_FORGET);
	kit_must(store, &list, WORK_RECEIPTS);
	is_int((int)list.count, 0, "a receipt that has served goes");
	free(list.receipts);
	store_close(store);
	kit_wipe();
}

/* Parts of a file come as works of their own. */
static void parts_of_a_file(void)
{
	struct store *store = kit_open(STORE_DAEMON);
	struct accepted_event event = kit_event(1, "", NULL);
	struct work_accept part = {
		.source = "x.jsonl",
		.events = &event,
		.count = 1,
		.has_receipt = true,
		.receipt = { .device = 1,
		    .inode = 2,
		    .birth_ns = 3,
		    .done = 40 },
	};

	part.follows = true;
	part.behind = 20;
	ok(kit_commit(store, &part, WORK_ACCEPT) < 0,
	    "a part of a file is refused without the part before it");
	has_str(kit_why.text, "x.jsonl", "which is said of the file");
	part.follows = false;
	kit_must(store, &part, WORK_ACCEPT);
	kit_id(event.id, 2);
	part.follows = true;
	part.behind = 30;
	ok(kit_commit(store, &part, WORK_ACCEPT) < 0,
	    "and when the one before it ends elsewhere");
	part.behind = 40;
	part.receipt.birth_ns = 4;
	ok(kit_commit(store, &part, WORK_ACCEPT) < 0, "or is another file's");
	part.receipt.birth_ns = 3;
	part.receipt.done = 80;
	is_int(kit_commit(store, &part, WORK_ACCEPT), 0,
	    "what follows is accepted");
	store_close(store);
	kit_wipe();
}

/* Eight events of a megabyte each. */
static void large_claims(void)
{
	enum { EVENTS = 8, SIZE = 1024 * 1024 };
	struct store *store = kit_open(STORE_DAEMON);
	struct route_row route = { .endpoint = kit_endpoint(store, "w", "0") };
	auto_free char *body = mem_zalloc(SIZE);
	int64_t rows[EVENTS];
	int64_t next_ms = -1;
	int count;
	int i;

	for (i = 0; i < EVENTS; i++) {
		struct accepted_event event = kit_event(i, "", &route);
		struct work_accept work = {
			.now_ms = 5, .source = "x", .events = &event, .count = 1
		};

		event.body = body;
		event.body_len = SIZE;
		kit_must(store, &work, WORK_ACCEPT);
	}
	count = kit_claim(store, route.endpoint, EVENTS, 9, rows, &next_ms);
	ok(count > 0 && count < EVENTS,
	    "a claim brings no more bytes than memory shall hold");
	is_int((int)next_ms, 9, "and says that more is due");
	count += kit_claim(store, route.endpoint, EVENTS, 9, rows, &next_ms);
	is_int(count, EVENTS, "which the next one brings");
	is_int((int)next_ms, -1, "until nothing is left");
	store_close(store);
	kit_wipe();
}

int main(void)
{
	kit_start();
	accepted_is_kept();
	any_bytes_come_back();
	all_or_nothing();
	unknown_endpoints();
	claims();
	settles();
	lanes();
	unordered();
	flushes();
	notes();
	receipts();
	parts_of_a_file();
	large_claims();
	kit_end();
	return done();
}
