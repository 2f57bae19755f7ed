/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/* What verbs ask of the store, and what they change in it. */
#include "store_kit.h"

static int64_t count_rows(struct store *store, struct delivery_query query)
{
	int count = 0;
	int64_t got =
	    store_deliveries(store, &query, kit_count_row, &count, &kit_why);

	if (got != count)
		kit_die("the number of calls is wrong");
	return got;
}

/* ---- questions --------------------------------------------------------- */

static int add_id(void *arg, const struct delivery_row *row)
{
	buf_printf(arg, "%s/%s ", row->delivery, row->incident);
	return 0;
}

static int stop_at_two(void *arg, const struct delivery_row *row)
{
	(void)row;
	return ++*(int *)arg == 2;
}

/* 1 to 3 to pager, 4 to audit-0, 5 to nobody; 1 delivered, 2 dead. */
static struct store *make_story(void)
{
	struct store *store = kit_open(STORE_DAEMON);
	int64_t pager = kit_endpoint(store, "pager", "0");
	int64_t audit = kit_endpoint(store, "audit-0", "x");
	int64_t rows[2];

	kit_accept(store, 1, "a", pager, 1000);
	kit_accept(store, 2, "b", pager, 2000);
	kit_accept(store, 3, "c", pager, 3000);
	kit_accept(store, 4, "c", audit, 4000);
	kit_accept(store, 5, "d", 0, 5000);
	kit_claim(store, pager, 2, 5000, rows, NULL);
	kit_settle(store, rows[0], OUTCOME_DELIVERED, 1, 0, 6000);
	kit_settle(store, rows[1], OUTCOME_DEAD, 4, 0, 7000);
	return store;
}

static void filters(void)
{
	struct store *store = make_story();
	auto_buf struct buf out = BUF_INIT(4096);
	struct delivery_query none = { 0 };
	int calls = 0;

	is_int(count_rows(store, none), 2, "only what is open is listed");
	store_deliveries(store, &none, add_id, &out, &kit_why);
	is_str(buf_text(&out),
	    "01HF000000000003-pager-0/c 01HF000000000004-audit-0-x/c ",
	    "the oldest first, by delivery id");
	is_int(count_rows(store, (struct delivery_query){ .all_states = true }),
	    4, "or all");
	is_int(count_rows(store,
		   (struct delivery_query){ .states = 1u << STATE_DEAD }),
	    1, "or those of a state");
	is_int(count_rows(store,
		   (struct delivery_query){
		       .states = 1u << STATE_DEAD | 1u << STATE_WAITING }),
	    3, "or of several");
	is_int(count_rows(store,
		   (struct delivery_query){
		       .all_states = true, .webhook = "pager" }),
	    3, "of a webhook");
	is_int(
	    count_rows(store,
		(struct delivery_query){ .all_states = true, .endpoint = "x" }),
	    1, "of an endpoint");
	is_int(count_rows(store, (struct delivery_query){ .incident = "c" }), 2,
	    "of an incident");
	is_int(count_rows(store,
		   (struct delivery_query){ .all_states = true,
		       .event_type = "incident_triggered" }),
	    4, "of a type");
	is_int(
	    count_rows(store,
		(struct delivery_query){
		    .all_states = true, .since_ms = 2000, .until_ms = 3000 }),
	    2, "of a time, both ends included");
	is_int(count_rows(store,
		   (struct delivery_query){ .all_states = true, .limit = 3 }),
	    3, "at most so many");
	is_int(count_rows(store,
		   (struct delivery_query){ .all_states = true,
		       .id = "01HF000000000004-audit-0-x" }),
	    1, "a delivery id finds its delivery");
	is_int(count_rows(store,
		   (struct delivery_query){
		       .all_states = true, .id = "01HF000000000004-audit-0" }),
	    0, "but no other that begins alike");
	is_int(count_rows(store,
		   (struct delivery_query){
		       .all_states = true, .id = "01HF000000000001" }),
	    1, "an event id finds all of its deliveries");
	is_int(count_rows(store,
		   (struct delivery_query){
		       .all_states = true, .id = "' OR 1=1 --" }),
	    0, "what is no id finds nothing");
	is_int(store_deliveries(store,
		   &(struct delivery_query){ .all_states = true }, stop_at_two,
		   &calls, &kit_why),
	    2, "the reader may stop");
	store_close(store);
	kit_wipe();
}

/* At the first row, deletes one that lies some batches ahead. */
static int delete_ahead(void *arg, const struct delivery_row *row)
{
	static bool deleted;
	int64_t ahead = row->row + 600;
	enum changed answer;

	if (deleted)
		return 0;
	deleted = true;
	return store_change(
	    arg, CHANGE_DELETE, &ahead, 1, 0, &answer, &kit_why);
}

static void long_listing(void)
{
	enum { MANY = 700 };
	struct store *store = kit_open(STORE_DAEMON);
	struct route_row route = { kit_endpoint(store, "a", "0"), true };
	struct accepted_event *events = mem_array(MANY, sizeof(*events));
	struct work_accept work = {
		.source = "x", .events = events, .count = MANY
	};
	struct delivery_query all = { .all_states = true };

	for (int n = 0; n < MANY; n++)
		events[n] = kit_event(n, "", &route);
	kit_must(store, &work, WORK_ACCEPT);
	is_int(count_rows(store, all), MANY, "a long list is whole");
	is_int(store_deliveries(store, &all, delete_ahead, store, &kit_why),
	    MANY - 1, "what is deleted meanwhile is left out");
	free(events);
	store_close(store);
	kit_wipe();
}

static int add_attempt(void *arg, const struct attempt_row *row)
{
	buf_printf(arg, "%d %d %s %s %lldms [%.*s]; ", row->attempt,
	    row->status, row->code, row->outcome, (long long)row->duration_ms,
	    (int)row->answer_len, row->answer);
	return 0;
}

static void attempts(void)
{
	struct store *store = kit_open(STORE_DAEMON);
	int64_t a = kit_endpoint(store, "a", "0");
	auto_buf struct buf out = BUF_INIT(4096);
	int64_t row;

	kit_accept(store, 1, "", a, 1);
	kit_claim(store, a, 1, 1, &row, NULL);
	kit_settle(store, row, OUTCOME_DEFERRED, 1, 2, 2);
	kit_claim(store, a, 1, 2, &row, NULL);
	kit_settle(store, row, OUTCOME_DELIVERED, 2, 0, 3);
	is_int(store_attempts(store, row, add_attempt, &out, &kit_why), 2,
	    "every attempt is kept");
	is_str(buf_text(&out),
	    "1 503 http_5xx deferred 12ms [come back later]; "
	    "2 200  delivered 0ms []; ",
	    "in its order, with its answer");
	is_int(store_attempts(store, 99, add_attempt, &out, &kit_why), 0,
	    "an unknown delivery has none");
	store_close(store);
	kit_wipe();
}

static int add_counts(void *arg, const struct webhook_counts *counts)
{
	buf_printf(arg, "%s:", counts->webhook);
	for (int i = 0; i <= STATE_DEAD; i++)
		buf_printf(arg, "%lld,", (long long)counts->by_state[i]);
	buf_printf(arg,
	    " deferred %lld oldest %lld ok %lld bad %lld last %d %s\n",
	    (long long)counts->deferred, (long long)counts->oldest_ms,
	    (long long)counts->last_success_ms,
	    (long long)counts->last_failure_ms, counts->last_status,
	    counts->last_code);
	return 0;
}

static void counts(void)
{
	struct store *store = make_story();
	int64_t second = kit_endpoint(store, "pager", "1");
	int64_t events, unmatched, mails, row;
	auto_buf struct buf out = BUF_INIT(4096);

	kit_accept(store, 6, "a", second, 2500);
	kit_accept(store, 7, "a", second, 2600);
	kit_claim(store, second, 1, 2500, &row, NULL);
	kit_settle(store, row, OUTCOME_DEFERRED, 1, 99000, 8000);
	is_int(store_counts(store, add_counts, &out, &kit_why), 2,
	    "every webhook has its counts");
	is_str(buf_text(&out),
	    "audit-0:0,1,0,0,0,0, deferred 0 oldest 4000 ok -1 bad -1 last 0 \n"
	    "pager:1,2,0,0,1,1, deferred 1 oldest 2500 ok 6000 bad 8000 "
	    "last 503 http_5xx\n",
	    "summed over its endpoints");
	store_totals(store, &events, &unmatched, &mails, &kit_why);
	ok(events == 7 && unmatched == 1 && mails == 0,
	    "events, unmatched ones and mails are counted");
	kit_change(store, 1, CHANGE_DELETE, 1);
	kit_change(store, 2, CHANGE_RESEND, 9000);
	buf_reset(&out);
	store_counts(store, add_counts, &out, &kit_why);
	has_str(buf_text(&out), "pager:1,3,0,0,0,0,",
	    "what is deleted or resent is not counted as final any more");
	store_close(store);
	kit_wipe();
}

static void looking(void)
{
	struct store *daemon = make_story();
	struct store *look = kit_open(STORE_LOOK);

	is_int(kit_events(look), 5, "who looks sees what the daemon committed");
	kit_accept(daemon, 6, "", 0, 9000);
	is_int(kit_events(look), 6, "and what it commits next");
	is_int(
	    kit_try_accept(look, 7, "", 0, 9000), -1, "who looks cannot write");
	store_close(look);
	store_close(daemon);
	kit_wipe();
}

static void words(void)
{
	enum state state;

	is_str(state_word(STATE_CHAINED, 0), "queued", "chained is queued");
	is_str(state_word(STATE_WAITING, 0), "queued", "waiting is queued");
	is_str(state_word(STATE_WAITING, 1), "deferred",
	    "waiting after a try is deferred");
	ok(state_from_word("deferred", &state) && state == STATE_WAITING,
	    "deferred is read as waiting");
	ok(state_from_word("queued", &state) && state == STATE_WAITING,
	    "queued is read as waiting");
	ok(state_from_word("dead", &state) && state == STATE_DEAD,
	    "dead is read");
	ok(!state_from_word("Dead", &state) && !state_from_word("", &state),
	    "other words are not");
}

/* ---- changes ----------------------------------------------------------- */

static void resends(void)
{
	struct store *store = make_story();
	enum changed answer;
	struct delivery_row row;
	int64_t rows[2];

	is_int(kit_change(store, 2, CHANGE_RESEND, 9000), CHANGED,
	    "a dead delivery can be resent");
	row = kit_row(store, 2);
	ok(row.state == STATE_WAITING && row.tries == 0,
	    "it waits, with all its tries");
	ok(row.due_ms == 9000 && row.queued_ms == 9000, "from now on");
	is_str(row.delivery, "01HF000000000002-pager-0", "its id stays");
	is_int(kit_change(store, 2, CHANGE_RESEND, 9000), CHANGED_NOT,
	    "what is queued is not resent");
	kit_claim(
	    store, kit_endpoint(store, "pager", "0"), 2, 9000, rows, NULL);
	is_int(kit_change(store, 2, CHANGE_RESEND, 9000), CHANGED_BUSY,
	    "nor what is on the wire");
	rows[0] = 4711;
	store_change(store, CHANGE_RESEND, rows, 1, 9000, &answer, &kit_why);
	is_int(answer, CHANGED_GONE, "nor what is not there");
	store_close(store);
	kit_wipe();
}

static void resent_order(void)
{
	struct store *store = kit_open(STORE_DAEMON);
	int64_t a = kit_endpoint(store, "a", "0");
	int64_t row;

	kit_accept(store, 1, "inc", a, 1);
	kit_claim(store, a, 1, 1, &row, NULL);
	kit_settle(store, row, OUTCOME_DEAD, 4, 0, 2);
	kit_accept(store, 2, "inc", a, 3);
	kit_accept(store, 3, "inc", a, 4);
	kit_change(store, 1, CHANGE_RESEND, 5);
	is_int(kit_state(store, 1), STATE_CHAINED,
	    "a resent delivery waits for what is under way in its lane");
	is_int(kit_claim(store, a, 9, 5, &row, NULL), 1, "one at a time goes");
	kit_settle(store, row, OUTCOME_DELIVERED, 1, 0, 6);
	is_int(kit_state(store, 1), STATE_WAITING,
	    "then the resent one goes, for it is the oldest");
	is_int(kit_state(store, 3), STATE_CHAINED, "before the younger ones");
	store_close(store);
	kit_wipe();
}

static void holds(void)
{
	struct store *store = kit_open(STORE_DAEMON);
	int64_t a = kit_endpoint(store, "a", "0");
	int64_t rows[3];

	kit_accept(store, 1, "inc", a, 1);
	kit_accept(store, 2, "inc", a, 2);
	kit_accept(store, 3, "", a, 3);
	is_int(kit_change(store, 1, CHANGE_HOLD, 4), CHANGED, "a head is held");
	is_int(kit_state(store, 2), STATE_CHAINED, "its lane waits with it");
	is_int(kit_claim(store, a, 9, 5, rows, NULL), 1, "others go on");
	is_int(kit_change(store, 3, CHANGE_HOLD, 6), CHANGED_BUSY,
	    "what is on the wire is not held");
	is_int(kit_change(store, 3, CHANGE_DELETE, 6), CHANGED_BUSY,
	    "nor deleted");
	is_int(kit_change(store, 1, CHANGE_HOLD, 6), CHANGED_NOT,
	    "what is held is not held again");
	is_int(
	    kit_change(store, 1, CHANGE_RETRY, 6), CHANGED_NOT, "nor retried");
	is_int(
	    kit_change(store, 1, CHANGE_RELEASE, 7), CHANGED, "it is released");
	is_int(kit_row(store, 1).due_ms, 7, "and due at once");
	kit_change(store, 1, CHANGE_HOLD, 8);
	is_int(kit_change(store, 1, CHANGE_DELETE, 9), CHANGED,
	    "a held one is deleted");
	is_int(kit_state(store, 1), -1, "and gone");
	is_int(kit_state(store, 2), STATE_WAITING, "its lane goes on");
	is_int(kit_events(store), 2, "an event without deliveries goes, too");
	kit_claim(store, a, 1, 9, rows, NULL);
	kit_settle(store, rows[0], OUTCOME_DEFERRED, 1, 900, 9);
	is_int(kit_change(store, 2, CHANGE_RETRY, 10), CHANGED,
	    "a deferred one is retried");
	is_int(kit_row(store, 2).due_ms, 10, "now");
	is_int(kit_row(store, 2).tries, 1, "with the tries it has left");
	store_close(store);
	kit_wipe();
}

static void many_at_once(void)
{
	struct store *store = make_story();
	int64_t rows[] = { kit_row(store, 1).row, 4711, kit_row(store, 3).row,
		kit_row(store, 2).row };
	enum changed answers[4];

	store_change(store, CHANGE_RESEND, rows, 4, 9000, answers, &kit_why);
	ok(answers[0] == CHANGED && answers[1] == CHANGED_GONE &&
		answers[2] == CHANGED_NOT && answers[3] == CHANGED,
	    "each of many rows gets its own answer");
	store_close(store);
	kit_wipe();
}

/* ---- pruning ----------------------------------------------------------- */

static int64_t prune(struct store *store, int64_t delivered_before_ms,
    int64_t dead_before_ms, int64_t unmatched_before_ms)
{
	struct work_prune work = {
		.delivered_before_ms = delivered_before_ms,
		.dead_before_ms = dead_before_ms,
		.unmatched_before_ms = unmatched_before_ms,
	};
	int64_t events = 0;

	do {
		kit_must(store, &work, WORK_PRUNE);
		events += work.events;
	} while (work.cursor);
	return events;
}

static void prunes(void)
{
	struct store *store = make_story();
	auto_buf struct buf out = BUF_INIT(4096);
	char last[ID_SIZE];
	int64_t row;

	row = kit_row(store, 1).row;
	is_int(prune(store, 6000, 7000, 5000), 0, "young events stay");
	is_int(prune(store, 6001, 7000, 5000), 1,
	    "a delivered one goes when its time is over");
	is_int(kit_state(store, 1), -1, "with its delivery");
	is_int(store_attempts(store, row, add_attempt, &out, &kit_why), 0,
	    "and its attempts");
	is_int(prune(store, 9999, 7000, 5001), 1,
	    "an unmatched one by its own time");
	is_int(prune(store, INT64_MAX, INT64_MAX, INT64_MAX), 1,
	    "a dead one by its own");
	is_int(kit_events(store), 2, "what is open stays for ever");
	store_counts(store, add_counts, &out, &kit_why);
	has_str(buf_text(&out), "pager:0,1,0,0,0,0,", "the counts follow");
	store_last_id(store, last);
	is_str(last, "01HF000000000005",
	    "the last id is remembered after its event went");
	store_close(store);
	kit_wipe();
}

/* One event for two endpoints: the later outcome counts. */
static void prunes_whole_events(void)
{
	struct store *store = kit_open(STORE_DAEMON);
	struct route_row routes[] = { { kit_endpoint(store, "a", "0"), true },
		{ kit_endpoint(store, "b", "0"), true } };
	struct accepted_event event = kit_event(1, "inc", routes);
	struct work_accept work = {
		.source = "x", .events = &event, .count = 1
	};
	int64_t row;

	event.route_count = 2;
	kit_must(store, &work, WORK_ACCEPT);
	kit_claim(store, routes[0].endpoint, 1, 1, &row, NULL);
	kit_settle(store, row, OUTCOME_DELIVERED, 1, 0, 100);
	is_int(prune(store, 999, 999, 999), 0,
	    "an event stays while one of its deliveries is open");
	kit_claim(store, routes[1].endpoint, 1, 1, &row, NULL);
	kit_settle(store, row, OUTCOME_DELIVERED, 1, 0, 500);
	is_int(prune(store, 500, 999, 999), 0, "and while one is young");
	is_int(prune(store, 501, 999, 999), 1, "then it goes whole");
	store_close(store);
	kit_wipe();
}

/* Steps are bounded, and space goes back to the disk. */
static void prunes_much(void)
{
	enum { MANY = 2500 };
	static char body[16384] = "{";
	struct store *store = kit_open(STORE_DAEMON);
	struct accepted_event *events = mem_array(MANY, sizeof(*events));
	struct work_accept work = {
		.source = "x", .events = events, .count = MANY
	};
	struct work_prune step = { .unmatched_before_ms = 9 };
	struct stat before, after;

	for (int n = 0; n < MANY; n++) {
		events[n] = kit_event(n, "", NULL);
		events[n].body = body;
		events[n].body_len = sizeof(body);
	}
	kit_must(store, &work, WORK_ACCEPT);
	store_close(store);
	stat(kit_db, &before);
	store = kit_open(STORE_DAEMON);
	kit_must(store, &step, WORK_PRUNE);
	is_int(step.events, PRUNE_STEP, "a step of the walk is bounded");
	ok(step.cursor > 0, "and tells where the next one starts");
	step.step = PRUNE_STEP_MAX;
	kit_must(store, &step, WORK_PRUNE);
	is_int(
	    step.events, PRUNE_STEP_MAX, "a larger one is as large as asked");
	is_int(prune(store, 9, 9, 9), MANY - PRUNE_STEP - PRUNE_STEP_MAX,
	    "the walk ends");
	store_close(store);
	stat(kit_db, &after);
	ok(after.st_size < before.st_size / 2,
	    "a walk gives space back to the disk before it ends");
	free(events);
	kit_wipe();
}

int main(void)
{
	kit_start();
	filters();
	long_listing();
	attempts();
	counts();
	looking();
	words();
	resends();
	resent_order();
	holds();
	many_at_once();
	prunes();
	prunes_whole_events();
	prunes_much();
	kit_end();
	return done();
}
