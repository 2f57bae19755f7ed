/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef TESTS_STORE_KIT_H
#define TESTS_STORE_KIT_H

/*
 * A store in a folder of its own, and the works in one line each, for the
 * stories that tests tell about it. Trouble that a story does not speak of
 * ends the program, so that no check passes by accident.
 */
#include "base/mem.h"
#include "port/store.h"

#include "tap.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define KIT __attribute__((unused)) static

enum { KIT_PATH = 128 };
static char kit_dir[KIT_PATH];
static char kit_db[KIT_PATH + 16];
static struct why kit_why;

KIT void kit_die(const char *what)
{
	printf("Bail out! %s: %s\n", what, kit_why.text);
	fflush(stdout);
	_exit(1);
}

KIT void kit_start(void)
{
	const char *base = getenv("TMPDIR");

	snprintf(kit_dir, sizeof(kit_dir), "%s/spoolhook-store-XXXXXX",
	    base ? base : "/tmp");
	if (!mkdtemp(kit_dir))
		kit_die("no folder");
	snprintf(kit_db, sizeof(kit_db), "%s/spool.db", kit_dir);
}

/* Removes the database's files, and so begins anew. */
KIT void kit_wipe(void)
{
	DIR *dir = opendir(kit_dir);
	struct dirent *entry;

	while (dir && (entry = readdir(dir)) != NULL)
		unlinkat(dirfd(dir), entry->d_name, 0);
	if (dir)
		closedir(dir);
}

KIT void kit_end(void)
{
	kit_wipe();
	rmdir(kit_dir);
}

KIT struct store *kit_open(enum store_use use)
{
	struct store *store = store_open(kit_db, use, &kit_why);

	if (!store)
		kit_die("cannot open the store");
	return store;
}

KIT int kit_commit(struct store *store, void *work, enum work_kind kind)
{
	struct work *head = work;
	bool full;

	head->kind = kind;
	head->letter.next = NULL;
	return store_commit(store, head, &full, &kit_why);
}

KIT void kit_must(struct store *store, void *work, enum work_kind kind)
{
	if (kit_commit(store, work, kind) < 0)
		kit_die("a work failed");
}

KIT int64_t kit_endpoint(
    struct store *store, const char *webhook, const char *endpoint)
{
	struct endpoint_row row = { .webhook = webhook, .endpoint = endpoint };
	struct work_endpoints work = { .rows = &row, .count = 1 };

	kit_must(store, &work, WORK_ENDPOINTS);
	work_endpoints_clear(&work);
	return row.number;
}

/* Ids that look real and sort by `n`. */
KIT void kit_id(char out[ID_SIZE], int n)
{
	snprintf(out, ID_SIZE, "01HF%012d", n);
}

/* An event of `incident` for one ordered endpoint, 0 for none. */
KIT struct accepted_event kit_event(
    int n, const char *incident, const struct route_row *route)
{
	struct accepted_event event = {
		.type = "incident_triggered",
		.incident = incident,
		.service = "checkout",
		.alert_source = "nagios",
		.message = "disk full",
		.body = "{\"id\":1}",
		.body_len = 8,
		.routes = route,
		.route_count = route ? 1 : 0,
	};

	kit_id(event.id, n);
	return event;
}

KIT int kit_try_accept(struct store *store, int n, const char *incident,
    int64_t endpoint, int64_t now_ms)
{
	struct route_row route = { .endpoint = endpoint, .ordered = true };
	struct accepted_event event =
	    kit_event(n, incident, endpoint ? &route : NULL);
	struct work_accept work = {
		.now_ms = now_ms,
		.source = "a.json",
		.events = &event,
		.count = 1,
	};

	return kit_commit(store, &work, WORK_ACCEPT);
}

KIT void kit_accept(struct store *store, int n, const char *incident,
    int64_t endpoint, int64_t now_ms)
{
	if (kit_try_accept(store, n, incident, endpoint, now_ms) < 0)
		kit_die("an event was not accepted");
}

/* Claims up to `room` and returns how many; the rows go to `out`. */
KIT int kit_claim(struct store *store, int64_t endpoint, int room,
    int64_t now_ms, int64_t *out, int64_t *next_due_ms)
{
	struct claim_wish wish = { .endpoint = endpoint, .room = room };
	struct work_claim work = {
		.now_ms = now_ms,
		.wishes = &wish,
		.wish_count = 1,
	};
	int count;

	kit_must(store, &work, WORK_CLAIM);
	count = (int)work.claimed_count;
	for (int i = 0; i < count; i++)
		out[i] = work.claimed[i].delivery;
	if (next_due_ms)
		*next_due_ms = wish.next_due_ms;
	work_claim_clear(&work);
	return count;
}

KIT struct work_settle kit_outcome(int64_t delivery, enum outcome outcome,
    int tries, int64_t due_ms, int64_t now_ms)
{
	static struct answer good = { .status = 200,
		.remote = "192.0.2.1:443" };
	static struct answer bad = {
		.status = 503,
		.fault = FAULT_HTTP_5XX,
		.error = "the server is unwell",
		.duration_us = 12345,
		.body = "come back later",
		.body_len = 15,
	};

	return (struct work_settle){
		.now_ms = now_ms,
		.delivery = delivery,
		.verdict = { .outcome = outcome,
		    .due_ms = due_ms,
		    .tries = tries },
		.attempt = tries,
		.answer = outcome == OUTCOME_DELIVERED ? &good : &bad,
		.notice = true,
	};
}

/* True when it unlocked the next one of its lane. */
KIT bool kit_settle(struct store *store, int64_t delivery, enum outcome outcome,
    int tries, int64_t due_ms, int64_t now_ms)
{
	struct work_settle work =
	    kit_outcome(delivery, outcome, tries, due_ms, now_ms);

	kit_must(store, &work, WORK_SETTLE);
	return work.unlocked;
}

KIT int kit_count_row(void *arg, const struct delivery_row *row)
{
	(void)row;
	++*(int *)arg;
	return 0;
}

KIT int kit_keep_row(void *arg, const struct delivery_row *row)
{
	*(struct delivery_row *)arg = *row;
	return 0;
}

/* The delivery of event `n`; its texts are gone. State -1: there is none. */
KIT struct delivery_row kit_row(struct store *store, int n)
{
	struct delivery_row row = { .state = (enum state) - 1 };
	struct delivery_query query = { .all_states = true };
	char id[ID_SIZE];

	kit_id(id, n);
	query.id = id;
	if (store_deliveries(store, &query, kit_keep_row, &row, &kit_why) < 0)
		kit_die("cannot list");
	return row;
}

KIT int kit_state(struct store *store, int n)
{
	return (int)kit_row(store, n).state;
}

KIT enum changed kit_change(
    struct store *store, int n, enum change change, int64_t now_ms)
{
	int64_t row = kit_row(store, n).row;
	enum changed answer;

	if (store_change(store, change, &row, 1, now_ms, &answer, &kit_why) < 0)
		kit_die("cannot change");
	return answer;
}

KIT int64_t kit_events(struct store *store)
{
	int64_t events, unmatched, mails;

	if (store_totals(store, &events, &unmatched, &mails, &kit_why) < 0)
		kit_die("no totals");
	return events;
}

#endif
