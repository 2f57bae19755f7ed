/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * cmd/queue: what waits, for people and as JSON lines. Reads the store, so it
 * works with the daemon down.
 */
#include "base/jot.h"
#include "base/mem.h"
#include "base/now.h"
#include "base/say.h"
#include "base/text.h"
#include "cmd/verb.h"
#include "port/store.h"

#include <stdio.h>
#include <string.h>

static const struct verb_option options[] = {
	{ 0, "webhook", "ID", "only this webhook's", false, false },
	{ 0, "endpoint", "ID", "only this endpoint's", false, false },
	{ 0, "event-type", "TYPE", "only events of this type", false, false },
	{ 0, "incident", "ID", "only this incident's", false, false },
	{ 0, "state", "STATE",
	    "queued, deferred, active, held, delivered, dead, all", false,
	    false },
	{ 'S', "since", "TIME", "accepted at or after", false, false },
	{ 'U', "until", "TIME", "accepted before", false, false },
	{ 'n', "lines", "N", "at most so many", false, false },
	{ 0, NULL, NULL, NULL, false, false },
};

static const char *const state_words[] = { "queued", "deferred", "active",
	"held", "delivered", "dead", "all", NULL };

struct listing {
	const struct args *args;
	const char *word; /* the state asked for, NULL for any */
	int64_t now_ms;
	int64_t count;
	int64_t by_state[STATE_DEAD + 1];
	int64_t deferred;
	int64_t oldest_ms;
};

static void print_json(const struct delivery_row *row)
{
	auto_buf struct buf line = BUF_INIT(64 * 1024);
	bool waits = row->state == STATE_WAITING;

	jot_open(&line, NULL, '{');
	jot_str(&line, "delivery", row->delivery);
	jot_str(&line, "event_id", row->event_id);
	jot_str(&line, "webhook", row->webhook);
	jot_str(&line, "endpoint", row->endpoint);
	jot_str(&line, "state", state_word(row->state, row->tries));
	jot_int(&line, "tries", row->tries);
	jot_time(&line, "accepted", row->accepted_ms);
	jot_time(&line, "next_attempt", waits ? row->due_ms : -1);
	jot_time(&line, "changed", row->changed_ms);
	jot_str(&line, "event_type", row->event_type);
	jot_str(&line, "incident", row->incident);
	if (row->last_status)
		jot_int(&line, "last_status", row->last_status);
	else
		jot_null(&line, "last_status");
	jot_str(&line, "last_code",
	    row->last_code && *row->last_code ? row->last_code : NULL);
	jot_str(&line, "last_error",
	    row->last_error && *row->last_error ? row->last_error : NULL);
	jot_int(&line, "bytes", row->bytes);
	jot_close(&line, '}');
	puts(buf_text(&line));
}

static void describe_next(
    const struct delivery_row *row, int64_t now_ms, char out[40])
{
	char span[TEXT_DURATION_SIZE];

	if (row->state == STATE_CHAINED)
		snprintf(out, 40, "its turn");
	else if (row->state != STATE_WAITING)
		snprintf(out, 40, "-");
	else if (row->due_ms <= now_ms)
		snprintf(out, 40, "now");
	else
		snprintf(out, 40, "in %s",
		    text_short_duration(span, row->due_ms - now_ms));
}

static enum paint paint_of(enum state state)
{
	switch (state) {
	case STATE_DEAD:
		return PAINT_RED;
	case STATE_HELD:
		return PAINT_YELLOW;
	case STATE_DELIVERED:
		return PAINT_GREEN;
	case STATE_CHAINED:
	case STATE_WAITING:
	case STATE_ACTIVE:
		break;
	}
	return PAINT_OFF;
}

static void print_row(const struct listing *l, const struct delivery_row *row)
{
	const char *word = state_word(row->state, row->tries);
	enum paint paint = paint_of(row->state);
	char age[TEXT_DURATION_SIZE];
	char next[40];

	describe_next(row, l->now_ms, next);
	printf("%-36s  %s%-9s%s  %5d  %-7s  %-9s  ", row->delivery,
	    paint ? verb_paint(l->args, paint) : "", word,
	    paint ? verb_paint(l->args, PAINT_OFF) : "", row->tries,
	    text_short_duration(age, l->now_ms - row->accepted_ms), next);
	verb_print_visible(row->event_type, strlen(row->event_type));
	if (row->last_status)
		printf("  HTTP %d", row->last_status);
	else if (row->last_code && *row->last_code)
		printf("  %s", row->last_code);
	putchar('\n');
}

static int each(void *arg, const struct delivery_row *row)
{
	struct listing *l = arg;
	const char *word = state_word(row->state, row->tries);

	if (l->word && strcmp(l->word, word) != 0)
		return 0;
	if (l->count++ == 0 && !l->args->common.json)
		printf("%s%-36s  %-9s  %5s  %-7s  %-9s  %s%s\n",
		    verb_paint(l->args, PAINT_BOLD), "DELIVERY", "STATE",
		    "TRIES", "AGE", "NEXT", "EVENT, LAST ANSWER",
		    verb_paint(l->args, PAINT_OFF));
	l->by_state[row->state]++;
	l->deferred += row->state == STATE_WAITING && row->tries > 0;
	if (l->oldest_ms < 0 || row->accepted_ms < l->oldest_ms)
		l->oldest_ms = row->accepted_ms;
	if (l->args->common.json)
		print_json(row);
	else
		print_row(l, row);
	return 0;
}

static void print_end(const struct listing *l)
{
	char age[TEXT_DURATION_SIZE];
	int64_t queued = l->by_state[STATE_CHAINED] +
	    l->by_state[STATE_WAITING] - l->deferred;

	if (!l->count) {
		puts(l->word ? "No such delivery" : "Delivery queue is empty");
		return;
	}
	printf("-- %lld deliver%s: ", (long long)l->count,
	    l->count == 1 ? "y" : "ies");
	printf("%lld queued, %lld deferred, %lld active, %lld held",
	    (long long)queued, (long long)l->deferred,
	    (long long)l->by_state[STATE_ACTIVE],
	    (long long)l->by_state[STATE_HELD]);
	if (l->by_state[STATE_DELIVERED] || l->by_state[STATE_DEAD])
		printf(", %lld delivered, %lld dead",
		    (long long)l->by_state[STATE_DELIVERED],
		    (long long)l->by_state[STATE_DEAD]);
	printf("; oldest %s\n",
	    text_short_duration(age, l->now_ms - l->oldest_ms));
}

/* "queued" is two states of the store; "deferred" is told from it by tries. */
static bool choose_states(
    const char *word, struct delivery_query *query, struct listing *l)
{
	enum state state;

	if (!word)
		return true;
	if (strcmp(word, "all") == 0) {
		query->all_states = true;
		return true;
	}
	if (!state_from_word(word, &state))
		return false;
	l->word = word;
	query->states = 1u << state;
	if (state == STATE_WAITING || state == STATE_CHAINED)
		query->states = 1u << STATE_WAITING | 1u << STATE_CHAINED;
	return true;
}

static int unknown_state(const struct args *args, const char *word)
{
	const char *near = text_nearest(word, state_words);

	if (near)
		return verb_usage(args,
		    "unknown state \"%s\" (did you mean \"%s\"?)", word, near);
	return verb_usage(args,
	    "unknown state \"%s\"; there are queued, deferred, active, held, "
	    "delivered, dead and all",
	    word);
}

static int list(const struct args *args, const struct conf *conf)
{
	struct listing l = { .args = args, .oldest_ms = -1 };
	struct delivery_query query = {
		.webhook = args_value(args, "webhook"),
		.endpoint = args_value(args, "endpoint"),
		.event_type = args_value(args, "event-type"),
		.incident = args_value(args, "incident"),
		.since_ms = args_moment(args, "since", 0),
		.until_ms = args_moment(args, "until", 0),
		.limit = args_int(args, "lines", 1, INT32_MAX, 0),
	};
	const char *word = args_value(args, "state");
	struct store *store;
	struct why why;
	int code = EXIT_OK;

	if (!choose_states(word, &query, &l))
		return unknown_state(args, word);
	verb_warn_daemon(args, conf);
	store = verb_store(args, conf, false, &code);
	if (!store)
		return code;
	l.now_ms = now_wall_ms();
	if (store_deliveries(store, &query, each, &l, &why) < 0) {
		say_error("%s", why.text);
		code = EXIT_IO;
	} else if (!args->common.json) {
		print_end(&l);
	}
	store_close(store);
	return verb_finish(code);
}

static int run(const struct args *args)
{
	struct conf *conf;
	int code;

	if (args->operand_count > 1 ||
	    (args->operand_count == 1 &&
		strcmp(args->operands[0], "list") != 0))
		return verb_usage(
		    args, "unknown queue command \"%s\"", args->operands[0]);
	conf = verb_conf(args, &code);
	if (!conf)
		return code;
	code = list(args, conf);
	conf_free(conf);
	return code;
}

const struct verb verb_queue = {
	.name = "queue",
	.group = "Queue",
	.operands = "[list]",
	.summary = "list the deliveries that wait",
	.options = options,
	.run = run,
};
