/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/* The mark up to which the log is whole, and what the store has behind it. */
#include "port/store_late.h"
#include "store_kit.h"

static const int64_t T0 = 1700000000000;
static struct store *store;
static char heard[1024];
static size_t heard_len;

static void hear(const char *text)
{
	heard_len += (size_t)snprintf(
	    heard + heard_len, sizeof(heard) - heard_len, "%s;", text);
}

static const char *all_heard(void)
{
	static char text[sizeof(heard)];

	snprintf(text, sizeof(text), "%s", heard_len ? heard : "");
	heard_len = 0;
	return text;
}

static void hear_event(void *arg, const struct late_event *row)
{
	auto_free char *text =
	    mem_printf("%s %s [%s]", row->id, row->source, row->webhooks);

	(void)arg;
	hear(text);
}

static void hear_attempt(void *arg, const struct late_attempt *row)
{
	auto_free char *text = mem_printf("%s/%s try %d %s %d %s next %lld",
	    row->webhook, row->endpoint, row->attempt, row->outcome,
	    row->status, row->code,
	    row->due_ms < 0 ? -1LL : (long long)(row->due_ms - T0));

	(void)arg;
	hear(text);
}

static const char *events_behind(int64_t after)
{
	if (store_late_events(store, after, hear_event, NULL, &kit_why) < 0)
		kit_die("cannot look at events");
	return all_heard();
}

static const char *attempts_behind(int64_t after)
{
	if (store_late_attempts(store, after, hear_attempt, NULL, &kit_why) < 0)
		kit_die("cannot look at attempts");
	return all_heard();
}

static struct log_mark logged(struct log_mark whole)
{
	struct work_logged work = { .now_ms = T0, .whole = whole };

	kit_must(store, &work, WORK_LOGGED);
	return work.newest;
}

static void marks(void)
{
	const struct log_mark none = { -1, -1 };
	struct log_mark mark;
	struct log_mark newest;

	is_int(store_log_mark(store, &mark, &newest, &kit_why), 0,
	    "a new store has no mark");
	newest = logged(none);
	is_int(newest.event, 2, "the newest event is told");
	is_int(newest.attempt, 1, "and the newest attempt");
	is_int(store_log_mark(store, &mark, &newest, &kit_why), 0,
	    "who only asks sets no mark");
	logged((struct log_mark){ 2, 1 });
	is_int(store_log_mark(store, &mark, &newest, &kit_why), 1,
	    "a mark is kept");
	is_int(mark.event, 2, "with its event");
	is_int(mark.attempt, 1, "and its attempt");
}

int main(void)
{
	int64_t rows[2];
	int64_t endpoint;

	kit_start();
	store = kit_open(STORE_DAEMON);
	is_str(events_behind(0), "", "nothing is behind nothing");
	endpoint = kit_endpoint(store, "hook", "0");
	kit_accept(store, 1, "a", endpoint, T0);
	kit_accept(store, 2, "b", 0, T0);
	is_str(events_behind(0),
	    "01HF000000000001 a.json [hook];01HF000000000002 a.json [];",
	    "events are told in order, with those who take them");
	is_str(events_behind(1), "01HF000000000002 a.json [];",
	    "from the mark on");
	kit_claim(store, endpoint, 1, T0, rows, NULL);
	kit_settle(store, rows[0], OUTCOME_DEFERRED, 1, T0 + 5000, T0 + 10);
	is_str(attempts_behind(0),
	    "hook/0 try 1 deferred 503 http_5xx next 5000;",
	    "an attempt is told, and when the next one comes");
	marks();
	kit_claim(store, endpoint, 1, T0 + 5000, rows, NULL);
	kit_settle(store, rows[0], OUTCOME_DELIVERED, 2, 0, T0 + 5010);
	is_str(attempts_behind(0),
	    "hook/0 try 1 deferred 503 http_5xx next -1;"
	    "hook/0 try 2 delivered 200  next -1;",
	    "of an older one that is not known any more");
	is_str(attempts_behind(1), "hook/0 try 2 delivered 200  next -1;",
	    "and from the mark on");
	store_close(store);
	kit_end();
	return done();
}
