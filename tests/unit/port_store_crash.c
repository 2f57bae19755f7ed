/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/* Killed in the middle of commits, and two processes at once. */
#include "port/sql.h"
#include "store_kit.h"

#include <signal.h>

enum { GROUP = 5, ROUNDS = 15 };

/* ---- killed ------------------------------------------------------------ */

static void accept_group(struct store *store, int64_t endpoint, int cycle)
{
	struct route_row route = { endpoint, true };
	struct accepted_event events[GROUP];
	struct work_accept work = { .source = "x",
		.events = events,
		.count = GROUP,
		.has_receipt = true,
		.receipt = {
		    .device = 1, .inode = (uint64_t)cycle, .done = GROUP } };

	for (int i = 0; i < GROUP; i++)
		events[i] = kit_event(cycle * GROUP + i, "", &route);
	kit_must(store, &work, WORK_ACCEPT);
}

static void settle_group(struct store *store, const int64_t rows[GROUP])
{
	struct work_settle works[GROUP];
	bool full;

	for (int i = 0; i < GROUP; i++) {
		works[i] = kit_outcome(rows[i], OUTCOME_DELIVERED, 1, 0, 3);
		works[i].work.kind = WORK_SETTLE;
		works[i].work.letter.next =
		    i + 1 < GROUP ? &works[i + 1].work.letter : NULL;
	}
	if (store_commit(store, &works[0].work, &full, &kit_why) < 0)
		kit_die("cannot settle");
}

/* Reports each commit by one byte, after it. */
static void work_for_ever(int reports)
{
	struct store *store = kit_open(STORE_DAEMON);
	int64_t endpoint = kit_endpoint(store, "a", "0");
	int64_t rows[GROUP];

	for (int cycle = 0;; cycle++) {
		accept_group(store, endpoint, cycle);
		if (write(reports, "a", 1) != 1)
			break;
		if (kit_claim(store, endpoint, GROUP, 2, rows, NULL) != GROUP)
			break;
		if (write(reports, "c", 1) != 1)
			break;
		settle_group(store, rows);
		if (write(reports, "s", 1) != 1)
			break;
	}
	_exit(1);
}

/* Kills the worker when it has reported so often; returns all its reports. */
static int work_and_kill(int reports_wanted)
{
	int reports = 0;
	int pipes[2];
	int status;
	pid_t worker;
	char byte;

	if (pipe(pipes) < 0)
		kit_die("no pipe");
	worker = fork();
	if (worker == 0) {
		close(pipes[0]);
		work_for_ever(pipes[1]);
	}
	close(pipes[1]);
	while (reports < reports_wanted && read(pipes[0], &byte, 1) == 1)
		reports++;
	kill(worker, SIGKILL);
	waitpid(worker, &status, 0);
	while (read(pipes[0], &byte, 1) == 1)
		reports++;
	close(pipes[0]);
	if (!WIFSIGNALED(status))
		kit_die("the worker ended by itself");
	return reports;
}

static int64_t ask_number(const char *text)
{
	struct sql *sql = sql_open(kit_db, false, &kit_why);
	int64_t number = -1;

	if (!sql || sql_number(sql, text, &number, &kit_why) < 0)
		kit_die("cannot ask");
	sql_close(sql);
	return number;
}

/* What `commits` commits leave behind. */
static bool is_after(int commits)
{
	int events = (commits + 2) / 3 * GROUP;
	int delivered = commits / 3 * GROUP;

	return ask_number("SELECT count(*) FROM event") == events &&
	    ask_number("SELECT count(*) FROM payload") == events &&
	    ask_number("SELECT count(*) FROM delivery") == events &&
	    ask_number("SELECT count(*) FROM receipt") == events / GROUP &&
	    ask_number("SELECT count(*) FROM delivery WHERE state = 2") ==
	    (commits % 3 == 2 ? GROUP : 0) &&
	    ask_number("SELECT count(*) FROM delivery WHERE state = 4") ==
	    delivered &&
	    ask_number("SELECT count(*) FROM attempt") == delivered &&
	    ask_number("SELECT sum(delivered) FROM endpoint") == delivered;
}

static void killed(void)
{
	int whole = 0;
	int sound = 0;
	int tried_again = 0;

	for (int round = 0; round < ROUNDS; round++) {
		int reports = work_and_kill(1 + round * 7 % 23);
		struct store *store;

		whole += is_after(reports) || is_after(reports + 1);
		sound += ask_number("SELECT count(*) FROM "
				    "pragma_integrity_check "
				    "WHERE integrity_check <> 'ok'") == 0 &&
		    ask_number("SELECT count(*) FROM "
			       "pragma_foreign_key_check") == 0;
		store = kit_open(STORE_DAEMON);
		store_close(store);
		tried_again +=
		    ask_number(
			"SELECT count(*) FROM delivery WHERE state = 2") == 0;
		kit_wipe();
	}
	is_int(whole, ROUNDS,
	    "after kill -9 every committed group is there, whole, and at most "
	    "the next one, whole as well");
	is_int(sound, ROUNDS, "the database is sound");
	is_int(tried_again, ROUNDS, "what was on the wire will be tried again");
}

/* ---- two processes ----------------------------------------------------- */

/* An operator, busy: holds, releases and notes, beside the daemon. */
static void operate(int rounds)
{
	struct store *store = kit_open(STORE_VERB);

	for (int i = 0; i < rounds; i++) {
		struct work_note note = {
			.now_ms = i, .name = "busy", .value = "yes"
		};

		if (kit_change(store, 1, CHANGE_HOLD, i) != CHANGED ||
		    kit_change(store, 1, CHANGE_RELEASE, i) != CHANGED)
			kit_die("the state is another");
		kit_must(store, &note, WORK_NOTE);
	}
	store_close(store);
	_exit(0);
}

static void side_by_side(void)
{
	enum { OPERATIONS = 100, GROUPS = 200 };
	struct store *store = kit_open(STORE_DAEMON);
	int64_t endpoint = kit_endpoint(store, "a", "0");
	int64_t other = kit_endpoint(store, "b", "0");
	int64_t rows[GROUP];
	int status = -1;
	int done_groups = 0;
	pid_t verb;

	kit_accept(store, 1, "inc", other, 1);
	store_close(store);
	verb = fork();
	if (verb == 0)
		operate(OPERATIONS);
	store = kit_open(STORE_DAEMON);
	for (int i = 2; i < 2 + GROUPS; i++) {
		accept_group(store, endpoint, i);
		if (kit_claim(store, endpoint, GROUP, 2, rows, NULL) != GROUP)
			break;
		settle_group(store, rows);
		done_groups++;
	}
	waitpid(verb, &status, 0);
	is_int(status, 0, "a verb changes the queue beside a busy daemon");
	is_int(done_groups, GROUPS, "and the daemon's groups go through");
	is_int(kit_state(store, 1), STATE_WAITING, "both see one truth");
	is_int(kit_events(store), 1 + GROUPS * GROUP, "with nothing lost");
	store_close(store);
	kit_wipe();
}

int main(void)
{
	kit_start();
	killed();
	side_by_side();
	kit_end();
	return done();
}
