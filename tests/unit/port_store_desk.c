/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/* What the operator's desk relies on: pauses, paced resends, flushes in steps,
 * ages, the last hours, endpoints that come and go, pruning by size. */
#include "store_kit.h"

#include <string.h>

enum { HOUR = 60 * 60 * 1000, MINUTE = 60 * 1000 };

static void pause_until(struct store *store, const char *name, const char *text)
{
	struct work_note note = { .name = name, .value = text };

	kit_must(store, &note, WORK_NOTE);
}

/* ---- pauses ------------------------------------------------------------ */

static void pauses(void)
{
	struct store *store = kit_open(STORE_DAEMON);
	int64_t a = kit_endpoint(store, "a", "0");
	int64_t ab = kit_endpoint(store, "a-b", "0");
	int64_t rows[9];
	int64_t next;

	pause_until(store, "paused/a", "0 0 root planned work");
	is_int(kit_claim(store, a, 9, 100, rows, &next), 0,
	    "nothing of a paused webhook is claimed");
	is_int(next, -1, "and with nothing waiting nobody has to look again");
	kit_accept(store, 1, "", a, 100);
	kit_accept(store, 2, "", ab, 100);
	is_int(kit_claim(store, a, 9, 100, rows, &next), 0,
	    "events queue meanwhile");
	is_int(next, 100 + PAUSE_LOOK_MS,
	    "a pause without end is looked at again, so --once knows that "
	    "something is left");
	is_int(kit_claim(store, ab, 9, 100, rows, NULL), 1,
	    "a webhook whose name begins alike goes on");
	pause_until(store, "paused/a", "5000 0 root planned work");
	is_int(kit_claim(store, a, 9, 4999, rows, &next), 0,
	    "a pause with an end holds until then");
	is_int(next, 5000, "and says when that is");
	is_int(kit_claim(store, a, 9, 5000, rows, &next), 1,
	    "then it holds no more, whoever has taken the note away");
	pause_until(store, "paused/a", "0 0 root");
	kit_accept(store, 3, "", a, 100);
	pause_until(store, "paused/a", NULL);
	is_int(kit_claim(store, a, 9, 5000, rows, NULL), 1,
	    "a resumed webhook is claimed again");
	store_close(store);
	kit_wipe();
}

/* ---- paced resends ----------------------------------------------------- */

static void change_at(
    struct store *store, int n, enum change change, int64_t due, int64_t now)
{
	int64_t row = kit_row(store, n).row;
	enum changed answer;

	if (store_change_at(
		store, change, &row, &due, 1, now, &answer, &kit_why) < 0)
		kit_die("cannot change");
	is_int(answer, CHANGED, "it is changed");
}

static struct store *make_dead(int64_t *endpoint, const char *incident)
{
	struct store *store = kit_open(STORE_DAEMON);
	int64_t row;

	*endpoint = kit_endpoint(store, "a", "0");
	for (int n = 1; n <= 2; n++) {
		kit_accept(store, n, incident, *endpoint, 1);
		kit_claim(store, *endpoint, 1, 1, &row, NULL);
		kit_settle(store, row, OUTCOME_DEAD, 4, 0, 2);
	}
	return store;
}

static void paced(void)
{
	int64_t a;
	struct store *store = make_dead(&a, "");
	int64_t rows[9];
	int64_t next;

	change_at(store, 1, CHANGE_RESEND, 1000, 1000);
	change_at(store, 2, CHANGE_RESEND, 2000, 1000);
	is_int(kit_claim(store, a, 9, 1999, rows, &next), 1,
	    "a paced resend goes one after the other");
	is_int(next, 2000, "the second at its time");
	store_close(store);
	kit_wipe();
}

static void paced_lane(void)
{
	int64_t a;
	struct store *store = make_dead(&a, "inc");
	int64_t rows[9];

	change_at(store, 1, CHANGE_RESEND, 1000, 1000);
	change_at(store, 2, CHANGE_RESEND, 9000, 1000);
	is_int(kit_claim(store, a, 9, 1000, rows, NULL), 1, "the head goes");
	kit_settle(store, rows[0], OUTCOME_DELIVERED, 1, 0, 1500);
	is_int(kit_row(store, 2).due_ms, 9000,
	    "the next of its incident keeps its pace");
	store_close(store);
	kit_wipe();
}

/* The wall clock was an hour ahead when the resend was paced. */
static void paced_clock(void)
{
	int64_t a;
	struct store *store = make_dead(&a, "inc");
	int64_t row;

	change_at(store, 1, CHANGE_RESEND, HOUR, HOUR);
	change_at(store, 2, CHANGE_RESEND, HOUR + 10, HOUR);
	is_int(kit_claim(store, a, 1, HOUR, &row, NULL), 1, "the head goes");
	kit_settle(store, row, OUTCOME_DELIVERED, 1, 0, 600);
	is_int(kit_row(store, 2).due_ms, 600,
	    "a clock that went back leaves nothing waiting for the old time");
	store_close(store);
	kit_wipe();
}

/* ---- flushes ----------------------------------------------------------- */

static int64_t flush_all(struct store *store, int64_t endpoint, int *steps)
{
	struct work_flush flush = { .now_ms = 100, .endpoint = endpoint };
	int64_t moved = 0;

	do {
		kit_must(store, &flush, WORK_FLUSH);
		if (flush.moved > FLUSH_STEP)
			kit_die("a step is too long");
		moved += flush.moved;
		++*steps;
	} while (flush.more);
	return moved;
}

static void flush_steps(void)
{
	enum { MANY = 2 * FLUSH_STEP + 100 };
	struct store *store = kit_open(STORE_DAEMON);
	struct route_row routes[] = { { kit_endpoint(store, "a", "0"), true },
		{ kit_endpoint(store, "b", "0"), true } };
	struct accepted_event *events = mem_array(MANY, sizeof(*events));
	struct work_accept work = {
		.source = "x", .events = events, .count = MANY, .now_ms = 900
	};
	int steps = 0;

	for (int n = 0; n < MANY; n++) {
		events[n] = kit_event(n, "", routes);
		events[n].route_count = 2;
	}
	kit_must(store, &work, WORK_ACCEPT);
	is_int(flush_all(store, routes[1].endpoint, &steps), MANY,
	    "a flush moves all that waits for one endpoint");
	is_int(steps, 3, "in steps");
	is_int(flush_all(store, 0, &steps), MANY,
	    "one of all endpoints moves the rest");
	is_int(flush_all(store, 0, &steps), 0, "and what is due stays");
	free(events);
	store_close(store);
	kit_wipe();
}

/* ---- ages -------------------------------------------------------------- */

static int add_ages(void *arg, const struct webhook_ages *ages)
{
	buf_printf(arg, "%s %lld:", ages->webhook, (long long)ages->total);
	for (int i = 0; i < AGE_BUCKETS; i++)
		buf_printf(arg, " %lld", (long long)ages->by_age[i]);
	buf_puts(arg, "; ");
	return 0;
}

static void buckets(void)
{
	is_int(store_age_bucket(-5), 0, "what comes from the future is new");
	is_int(store_age_bucket(5 * MINUTE - 1), 0, "under five minutes");
	is_int(store_age_bucket(5 * MINUTE), 1, "five minutes: the next class");
	is_int(store_age_bucket(1280LL * MINUTE - 1), 8, "the last but one");
	is_int(store_age_bucket(1280LL * MINUTE), 9, "the last is open");
	is_int(store_age_bucket(INT64_MAX / 2), 9, "for whatever age");
}

static void ages(void)
{
	struct store *store = kit_open(STORE_DAEMON);
	int64_t a = kit_endpoint(store, "a", "0");
	int64_t a1 = kit_endpoint(store, "a", "1");
	int64_t b = kit_endpoint(store, "b", "0");
	auto_buf struct buf out = BUF_INIT(4096);
	struct age_query asked = {
		.now_ms = HOUR, .states = ~0u, .deferred = true
	};
	int64_t row;

	kit_accept(store, 1, "", a, HOUR - 1);
	kit_accept(store, 2, "", a1, HOUR - 7 * MINUTE);
	kit_accept(store, 3, "", b, 0);
	kit_accept(store, 4, "", b, 0);
	kit_claim(store, b, 1, 1, &row, NULL);
	kit_settle(store, row, OUTCOME_DEFERRED, 1, 5, 2);
	is_int(store_ages(store, &asked, add_ages, &out, &kit_why), 2,
	    "each webhook with open deliveries has a line");
	is_str(buf_text(&out),
	    "a 2: 1 1 0 0 0 0 0 0 0 0; b 2: 0 0 0 0 2 0 0 0 0 0; ",
	    "its endpoints together, by age");
	buf_reset(&out);
	asked.states = 0;
	store_ages(store, &asked, add_ages, &out, &kit_why);
	is_str(buf_text(&out), "b 1: 0 0 0 0 1 0 0 0 0 0; ",
	    "or only what is deferred");
	store_close(store);
	kit_wipe();
}

/* ---- the last hours ---------------------------------------------------- */

static int add_recent(void *arg, const struct recent *recent)
{
	buf_printf(arg, "%s %lld/%lld of %lld, p95 %lld; ", recent->webhook,
	    (long long)recent->delivered, (long long)recent->dead,
	    (long long)recent->attempts, (long long)recent->p95_ms);
	return 0;
}

static void settle_at(struct store *store, int64_t endpoint,
    enum outcome outcome, int64_t started_ms, int64_t duration_ms)
{
	struct answer answer = { .status = 200,
		.started_ms = started_ms,
		.duration_us = duration_ms * 1000 };
	struct work_settle work;
	int64_t row;

	if (kit_claim(store, endpoint, 1, started_ms, &row, NULL) != 1)
		kit_die("nothing to claim");
	work = kit_outcome(row, outcome, 1, 0, started_ms + duration_ms);
	work.answer = &answer;
	kit_must(store, &work, WORK_SETTLE);
}

static void recents(void)
{
	struct store *store = kit_open(STORE_DAEMON);
	int64_t a = kit_endpoint(store, "a", "0");
	int64_t b = kit_endpoint(store, "b", "0");
	auto_buf struct buf out = BUF_INIT(4096);
	int64_t reached;

	for (int n = 0; n < 20; n++) {
		kit_accept(store, n, "", a, 1);
		settle_at(store, a, OUTCOME_DELIVERED, 1000 + n, n + 1);
	}
	kit_accept(store, 50, "", b, 1);
	settle_at(store, b, OUTCOME_DEAD, 2000, 70);
	is_int(store_recent(store, 0, &reached, add_recent, &out, &kit_why), 2,
	    "each webhook that was tried has a line");
	is_str(buf_text(&out), "a 20/0 of 20, p95 19; b 0/1 of 1, p95 70; ",
	    "19 of 20 did not pass the p95");
	is_int(reached, 0, "all of the time was looked at");
	buf_reset(&out);
	store_recent(store, 1500, &reached, add_recent, &out, &kit_why);
	is_str(buf_text(&out), "b 0/1 of 1, p95 70; ",
	    "what is older is left out");
	is_int(store_recent(store, 9000, &reached, add_recent, &out, &kit_why),
	    0, "of a quiet time there is nothing to tell");
	store_close(store);
	kit_wipe();
}

static int keep_status(void *arg, const struct webhook_counts *counts)
{
	*(int *)arg = counts->last_status;
	return 0;
}

static void last_failure(void)
{
	struct store *store = kit_open(STORE_DAEMON);
	int64_t a = kit_endpoint(store, "a", "0");
	int status = -1;
	int64_t row;

	kit_accept(store, 1, "", a, 1);
	kit_accept(store, 2, "", a, 1);
	kit_claim(store, a, 1, 1, &row, NULL);
	kit_settle(store, row, OUTCOME_DEFERRED, 1, 9000, 2);
	kit_claim(store, a, 1, 3, &row, NULL);
	kit_settle(store, row, OUTCOME_DELIVERED, 1, 0, 4);
	store_counts(store, keep_status, &status, &kit_why);
	is_int(status, 503, "a success does not hide what failed last");
	store_close(store);
	kit_wipe();
}

/* ---- tending ----------------------------------------------------------- */

static struct work_tend tend(
    struct store *store, const int64_t *numbers, size_t count, int64_t now_ms)
{
	struct work_tend work = {
		.now_ms = now_ms, .numbers = numbers, .number_count = count
	};

	kit_must(store, &work, WORK_TEND);
	return work;
}

static void pauses_end(void)
{
	struct store *store = kit_open(STORE_DAEMON);
	struct work_tend work;

	pause_until(store, "paused/a", "100 0 root");
	pause_until(store, "paused/b", "900 0 root");
	pause_until(store, "paused/c", "0 0 root");
	work = tend(store, NULL, 0, 100);
	is_int((int64_t)work.resumed_count, 1, "a pause ends at its time");
	is_str(work.resumed_count ? work.resumed[0] : "", "a", "it is named");
	is_int(work.next_ms, 900, "and when the next one ends");
	work_tend_clear(&work);
	work = tend(store, NULL, 0, 100);
	is_int((int64_t)work.resumed_count, 0, "it is told of once");
	work_tend_clear(&work);
	store_close(store);
	kit_wipe();
}

static struct breaker breaker_at(
    struct store *store, const char *webhook, int64_t place)
{
	struct endpoint_row row = {
		.webhook = webhook, .endpoint = "0", .place = place
	};
	struct work_endpoints work = { .rows = &row, .count = 1 };

	kit_must(store, &work, WORK_ENDPOINTS);
	work_endpoints_clear(&work);
	return row.breaker;
}

static int64_t rest_until(struct store *store, const char *webhook)
{
	return breaker_at(store, webhook, 0).until_ms;
}

static void rest(struct store *store, int n, const char *webhook)
{
	const struct breaker breaker = {
		.open = true, .rest_ms = 5000, .until_ms = 6000
	};
	int64_t number = kit_endpoint(store, webhook, "0");
	int64_t row = 0;
	struct work_settle work;

	kit_accept(store, n, "", number, 1);
	kit_claim(store, number, 1, 100, &row, NULL);
	work = kit_outcome(row, OUTCOME_DEFERRED, 1, 9000, 1000);
	work.breaker = &breaker;
	kit_must(store, &work, WORK_SETTLE);
}

static void rests_end(void)
{
	struct store *store = kit_open(STORE_DAEMON);
	struct work_tend work;

	rest(store, 1, "a");
	rest(store, 2, "b");
	is_int(rest_until(store, "a"), 6000, "(an endpoint rests)");
	pause_until(store, HURRY_NOTES "a", "flush");
	work = tend(store, NULL, 0, 2000);
	is_int((int64_t)work.hurried_count, 1, "a rest that is to end");
	is_str(work.hurried_count ? work.hurried[0] : "", "a", "is named,");
	is_int(
	    rest_until(store, "a"), 2000, "and over for the next daemon too");
	is_int(rest_until(store, "b"), 6000, "but not that of another webhook");
	work_tend_clear(&work);
	work = tend(store, NULL, 0, 3000);
	is_int((int64_t)work.hurried_count, 0, "it is ended once");
	work_tend_clear(&work);
	pause_until(store, HURRY_NOTES "a", "flush");
	pause_until(store, HURRY_NOTES "gone", "flush");
	work = tend(store, NULL, 0, 9000);
	is_int((int64_t)work.hurried_count, 2, "one that is none may be ended");
	is_int(rest_until(store, "a"), 2000, "and gets no longer by it");
	work_tend_clear(&work);
	store_close(store);
	kit_wipe();
}

static void rests_are_of_a_place(void)
{
	struct store *store = kit_open(STORE_DAEMON);
	struct breaker breaker;

	rest(store, 1, "a");
	rest(store, 2, "b");
	is_int(breaker_at(store, "a", 7).until_ms, 6000,
	    "whose place is learnt only now rests on");
	is_int(breaker_at(store, "a", 7).until_ms, 6000, "and at the same");
	is_int(breaker_at(store, "a", 0).until_ms, 6000,
	    "and when nobody says where it is");
	breaker = breaker_at(store, "a", 8);
	ok(breaker.open && !breaker.until_ms && !breaker.rest_ms &&
		!breaker.failures,
	    "at another place it may be probed now, and begins anew");
	is_int(breaker_at(store, "b", 7).until_ms, 6000, "others rest on");
	store_close(store);
	kit_wipe();
}

static void parks(void)
{
	struct store *store = kit_open(STORE_DAEMON);
	int64_t a = kit_endpoint(store, "a", "0");
	int64_t b = kit_endpoint(store, "b", "0");
	int64_t both[] = { a, b };
	struct work_tend work;
	int64_t row;

	kit_accept(store, 1, "inc", a, 1);
	kit_accept(store, 2, "inc", a, 1);
	kit_accept(store, 3, "other", a, 1);
	kit_accept(store, 4, "", b, 1);
	kit_change(store, 3, CHANGE_HOLD, 2);
	work = tend(store, &b, 1, 10);
	is_int(kit_state(store, 1), STATE_HELD,
	    "what waits for an endpoint that is not configured is held");
	is_int(kit_state(store, 2), STATE_CHAINED, "its lane stands behind it");
	is_int(kit_state(store, 4), STATE_WAITING, "others go on");
	ok(work.moved_count == 1 && work.moved[0].count == 1 &&
		work.moved[0].held,
	    "it is told which and how many");
	work_tend_clear(&work);
	work = tend(store, &b, 1, 11);
	is_int((int64_t)work.moved_count, 0, "once");
	work_tend_clear(&work);
	work = tend(store, both, 2, 20);
	is_int(kit_state(store, 1), STATE_WAITING,
	    "when it is configured again they are released");
	is_int(kit_row(store, 1).due_ms, 20, "due now");
	is_int(kit_state(store, 3), STATE_HELD,
	    "what an operator held stays held");
	ok(work.moved_count == 1 && !work.moved[0].held, "and is told of");
	work_tend_clear(&work);
	is_int(kit_claim(store, a, 9, 20, &row, NULL), 1,
	    "the head goes, the next of its lane waits");
	store_close(store);
	kit_wipe();
}

static void parks_in_steps(void)
{
	enum { MANY = 1200 };
	struct store *store = kit_open(STORE_DAEMON);
	struct route_row route = { kit_endpoint(store, "a", "0"), true };
	struct accepted_event *events = mem_array(MANY, sizeof(*events));
	struct work_accept accept = {
		.source = "x", .events = events, .count = MANY
	};
	int64_t other = kit_endpoint(store, "b", "0");
	int64_t moved = 0;
	int steps = 0;
	bool more;

	for (int n = 0; n < MANY; n++)
		events[n] = kit_event(n, "", &route);
	kit_must(store, &accept, WORK_ACCEPT);
	do {
		struct work_tend work = tend(store, &other, 1, 5);

		if (work.moved_count)
			moved += work.moved[0].count;
		more = work.more;
		work_tend_clear(&work);
		steps++;
	} while (more && steps < 99);
	is_int(moved, MANY, "a long backlog is held whole");
	is_int(steps, 3, "in steps");
	moved = 0;
	do {
		struct work_tend work = tend(store, &route.endpoint, 1, 5);

		if (work.moved_count)
			moved += work.moved[0].count;
		more = work.more;
		work_tend_clear(&work);
	} while (more && ++steps < 99);
	is_int(moved, MANY, "and released whole");
	free(events);
	store_close(store);
	kit_wipe();
}

/* ---- pruning by size --------------------------------------------------- */

enum { BIG = 600 };

static struct store *make_big(void)
{
	static char body[16384] = "{";
	struct store *store = kit_open(STORE_DAEMON);
	struct route_row route = { kit_endpoint(store, "a", "0"), true };
	struct accepted_event *events = mem_array(BIG, sizeof(*events));
	struct work_accept work = {
		.source = "x", .events = events, .count = BIG, .now_ms = 1
	};

	for (int n = 0; n < BIG; n++) {
		events[n] = kit_event(n, "", n == 0 ? &route : NULL);
		events[n].body = body;
		events[n].body_len = sizeof(body);
	}
	kit_must(store, &work, WORK_ACCEPT);
	free(events);
	return store;
}

static int64_t squeeze(struct store *store, struct work_prune work)
{
	int64_t squeezed = 0;

	do {
		kit_must(store, &work, WORK_PRUNE);
		squeezed += work.squeezed;
	} while (work.cursor);
	return squeezed;
}

static int has_event(struct store *store, int n)
{
	struct event_row row;
	char id[ID_SIZE];
	int got;

	kit_id(id, n);
	got = store_event(store, id, &row, &kit_why);
	event_row_clear(&row);
	return got;
}

static void by_size(void)
{
	enum { HALF = BIG / 2 * 20480 };
	struct store *store = make_big();
	struct work_prune work = { .max_bytes = 1 << 30 };
	int64_t planned;
	int64_t gone;

	is_int(squeeze(store, work), 0, "within its size nothing goes");
	work.max_bytes = HALF;
	work.dry = true;
	planned = squeeze(store, work);
	is_int(kit_events(store), BIG, "a dry run removes nothing");
	work.dry = false;
	gone = squeeze(store, work);
	ok(gone > BIG / 4 && gone < BIG * 3 / 4,
	    "beyond it as many go as are too many");
	ok(planned > gone / 2 && planned < gone * 2,
	    "about as many as the dry run told");
	is_int(kit_events(store), BIG - gone, "they are counted");
	is_int(has_event(store, 0), 1, "what is open stays, however old");
	is_int(has_event(store, 1), 0, "the oldest final ones go");
	is_int(has_event(store, BIG - 1), 1, "the young stay");
	ok(squeeze(store, work) < BIG / 20, "a next walk finds little to do");
	store_close(store);
	kit_wipe();
}

int main(void)
{
	kit_start();
	pauses();
	paced();
	paced_lane();
	paced_clock();
	flush_steps();
	buckets();
	ages();
	recents();
	last_failure();
	pauses_end();
	rests_end();
	rests_are_of_a_place();
	parks();
	parks_in_steps();
	by_size();
	kit_end();
	return done();
}
