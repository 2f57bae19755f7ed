/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * How fast is the store? Accepts, claims and settles deliveries in groups, as
 * the daemon does, and prints rates, CPU and memory. With a backlog, as many
 * deliveries wait for later meanwhile.
 *
 *     store [DELIVERIES [BACKLOG [FOLDER]]]
 *
 * It makes a database of its own in FOLDER (default: the current one) and
 * removes it at the end. A file system in memory shows what SQLite costs, a
 * disk what fsync costs.
 */
#include "port/store.h"
#include "base/mem.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { GROUP = 64, BODY = 2048, INCIDENTS = 5000 };

static struct store *store;
static struct why why;
static char body[BODY];
static int64_t endpoint;
static int64_t next_event;
static const int64_t far_ms = INT64_C(4000000000000);

static void die(const char *what)
{
	fprintf(stderr, "store: %s: %s\n", what, why.text);
	exit(1);
}

/* ---- measuring --------------------------------------------------------- */

struct moment {
	double wall_s;
	double cpu_s;
};

static struct moment look(void)
{
	struct timespec wall;
	struct timespec cpu;

	clock_gettime(CLOCK_MONOTONIC, &wall);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
	return (struct moment){
		.wall_s = (double)wall.tv_sec + 1e-9 * (double)wall.tv_nsec,
		.cpu_s = (double)cpu.tv_sec + 1e-9 * (double)cpu.tv_nsec,
	};
}

static void report(const char *what, struct moment from, int64_t count)
{
	struct moment to = look();
	double wall_s = to.wall_s - from.wall_s;
	double cpu_s = to.cpu_s - from.cpu_s;

	printf("%-22s %9.0f/s  %6.2f us CPU  (%.2f s)\n", what,
	    (double)count / wall_s, cpu_s * 1e6 / (double)count, wall_s);
	fflush(stdout);
}

static void report_memory(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	printf("%-22s %9.1f MiB\n", "memory at its peak",
	    (double)usage.ru_maxrss / 1024);
}

/* ---- the works --------------------------------------------------------- */

static void commit(struct work *first)
{
	bool full;

	if (store_commit(store, first, &full, &why) < 0)
		die("commit");
}

static void accept(int64_t now_ms)
{
	static char incidents[GROUP][32];
	struct route_row route = { endpoint, true };
	struct accepted_event events[GROUP];
	struct work_accept work = { .work.kind = WORK_ACCEPT,
		.now_ms = now_ms,
		.source = "bench.json",
		.events = events,
		.count = GROUP };

	for (int i = 0; i < GROUP; i++) {
		int64_t n = next_event++;

		snprintf(incidents[i], sizeof(incidents[i]),
		    "61c075f78589dca75f%06lld", (long long)(n % INCIDENTS));
		events[i] = (struct accepted_event){
			.type = "incident_triggered",
			.incident = now_ms == far_ms ? "" : incidents[i],
			.service = "email trigger",
			.alert_source = "Squadcast UI",
			.message = "Over 90% of cpu is being utilized",
			.body = body,
			.body_len = BODY,
			.routes = &route,
			.route_count = 1,
		};
		snprintf(events[i].id, ID_SIZE, "%016lld", (long long)n);
	}
	commit(&work.work);
}

static size_t claim(int64_t now_ms, int64_t rows[GROUP])
{
	struct claim_wish wish = { .endpoint = endpoint, .room = GROUP };
	struct work_claim work = { .work.kind = WORK_CLAIM,
		.now_ms = now_ms,
		.wishes = &wish,
		.wish_count = 1 };
	size_t count;

	commit(&work.work);
	count = work.claimed_count;
	for (size_t i = 0; i < count; i++)
		rows[i] = work.claimed[i].delivery;
	work_claim_clear(&work);
	return count;
}

static void settle(const int64_t *rows, size_t count, int64_t now_ms)
{
	static const struct answer answer = { .status = 200,
		.remote = "192.0.2.1:443",
		.body = "{\"ok\":true}",
		.body_len = 11 };
	struct work_settle works[GROUP];

	for (size_t i = 0; i < count; i++)
		works[i] = (struct work_settle){
			.work.kind = WORK_SETTLE,
			.work.letter.next =
			    i + 1 < count ? &works[i + 1].work.letter : NULL,
			.now_ms = now_ms,
			.delivery = rows[i],
			.verdict = { .outcome = OUTCOME_DELIVERED, .tries = 1 },
			.attempt = 1,
			.answer = &answer,
		};
	if (count)
		commit(&works[0].work);
}

/* ---- the runs ---------------------------------------------------------- */

static void accept_many(const char *what, int64_t count, int64_t now_ms)
{
	struct moment from = look();

	for (int64_t i = 0; i < count; i += GROUP)
		accept(now_ms);
	if (count)
		report(what, from, count);
}

/* Claims and settles until nothing is due. */
static void drain(void)
{
	struct moment from = look();
	struct moment claims = { 0, 0 };
	int64_t rows[GROUP];
	int64_t total = 0;
	size_t count;

	do {
		struct moment start = look();
		struct moment end;

		count = claim(2, rows);
		end = look();
		claims.wall_s += end.wall_s - start.wall_s;
		claims.cpu_s += end.cpu_s - start.cpu_s;
		settle(rows, count, 2);
		total += (int64_t)count;
	} while (count);
	report("claim and settle", from, total);
	printf("%-22s %9.0f/s  %6.2f us CPU\n", "  of which claim",
	    (double)total / claims.wall_s, claims.cpu_s * 1e6 / (double)total);
}

static int nothing(void *arg, const struct webhook_counts *counts)
{
	(void)arg;
	(void)counts;
	return 0;
}

static void ask(void)
{
	int64_t events, unmatched, mails;
	struct moment from = look();

	if (store_counts(store, nothing, NULL, &why) < 0 ||
	    store_totals(store, &events, &unmatched, &mails, &why) < 0)
		die("counts");
	report("counts and totals", from, 1);
}

static void prune(int64_t count)
{
	struct work_prune work = { .work.kind = WORK_PRUNE,
		.delivered_before_ms = 3 };
	struct moment from = look();

	do
		commit(&work.work);
	while (work.cursor);
	report("prune", from, count);
}

static void clean(const char *path)
{
	static const char *const ends[] = { "", "-wal", "-shm" };

	for (size_t i = 0; i < 3; i++) {
		auto_free char *file = mem_printf("%s%s", path, ends[i]);

		unlink(file);
	}
}

int main(int argc, char **argv)
{
	int64_t count = argc > 1 ? atoll(argv[1]) : 100000;
	int64_t backlog = argc > 2 ? atoll(argv[2]) : 0;
	auto_free char *path =
	    mem_printf("%s/bench-spool.db", argc > 3 ? argv[3] : ".");
	struct endpoint_row row = { .webhook = "pager", .endpoint = "0" };
	struct work_endpoints work = {
		.work.kind = WORK_ENDPOINTS, .rows = &row, .count = 1
	};

	memset(body, 'x', sizeof(body));
	clean(path);
	store = store_open(path, STORE_DAEMON, &why);
	if (!store)
		die("open");
	commit(&work.work);
	endpoint = row.number;
	accept_many("accept the backlog", backlog, far_ms);
	accept_many("accept", count, 1);
	drain();
	ask();
	report_memory();
	if (!backlog)
		prune(count);
	store_close(store);
	clean(path);
	return 0;
}
