/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * cmd/queue_list: what waits, for people and as JSON lines. Reads the store, so
 * it works with the daemon down, and changes nothing.
 */
#include "base/jot.h"
#include "base/mem.h"
#include "base/now.h"
#include "base/say.h"
#include "base/text.h"
#include "cmd/desk.h"
#include "cmd/queue.h"
#include "cmd/rests.h"
#include "cmd/select.h"
#include "port/store.h"

#include <stdio.h>
#include <string.h>

struct listing {
	const struct args *args;
	struct selection selection;
	struct pauses pauses;
	struct rests rests;
	int64_t now_ms;
	int64_t limit; /* 0: none */
	int64_t count;
	int64_t by_state[STATE_DEAD + 1];
	int64_t deferred;
	int64_t oldest_ms;
};

/* Until when its endpoint rests, -1 when that does not matter to it. */
static int64_t rests_of(const struct listing *l, const struct delivery_row *row)
{
	int64_t until_ms = 0;

	if (row->state == STATE_WAITING)
		until_ms = rests_until(&l->rests, row->webhook, row->endpoint);
	return until_ms > row->due_ms ? until_ms : -1;
}

static void print_json(const struct listing *l, const struct delivery_row *row)
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
	jot_bool(
	    &line, "paused", pauses_find(&l->pauses, row->webhook) != NULL);
	jot_time(&line, "rests_until", rests_of(l, row));
	jot_close(&line, '}');
	puts(buf_text(&line));
}

static void describe_next(
    const struct listing *l, const struct delivery_row *row, char out[40])
{
	char span[TEXT_DURATION_SIZE];
	bool waits = row->state == STATE_CHAINED || row->state == STATE_WAITING;
	int64_t until_ms = rests_of(l, row);

	if (waits && pauses_find(&l->pauses, row->webhook))
		snprintf(out, 40, "paused");
	else if (row->state == STATE_CHAINED)
		snprintf(out, 40, "its turn");
	else if (row->state != STATE_WAITING)
		snprintf(out, 40, "-");
	else if (until_ms > 0)
		snprintf(out, 40, "rests %s",
		    text_short_duration(span, until_ms - l->now_ms));
	else if (row->due_ms <= l->now_ms)
		snprintf(out, 40, "now");
	else
		snprintf(out, 40, "in %s",
		    text_short_duration(span, row->due_ms - l->now_ms));
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

	describe_next(l, row, next);
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
		print_json(l, row);
	else
		print_row(l, row);
	return l->count == l->limit;
}

static void print_end(const struct listing *l)
{
	char age[TEXT_DURATION_SIZE];
	int64_t queued = l->by_state[STATE_CHAINED] +
	    l->by_state[STATE_WAITING] - l->deferred;

	if (!l->count) {
		puts("Delivery queue is empty");
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

static int walk(struct listing *l, const struct conf *conf, struct store *store,
    struct why *why)
{
	if (desk_pauses(store, &l->pauses, why) < 0 ||
	    rests_read(&l->rests, store, conf, NULL, l->now_ms, why) < 0)
		return -1;
	return selection_walk(&l->selection, store, each, l, why);
}

/* With selectors it is a question, and the answer may be no. */
static int finish(const struct listing *l, const struct conf *conf)
{
	if (!l->count && l->selection.narrowed) {
		selection_say_none(&l->selection, conf, "");
		return EXIT_NO;
	}
	if (!l->args->common.json)
		print_end(l);
	return EXIT_OK;
}

static int list(struct listing *l, const struct conf *conf)
{
	struct store *store;
	struct why why;
	int code = EXIT_OK;

	verb_warn_daemon(l->args, conf);
	store = verb_store(l->args, conf, false, &code);
	if (!store)
		return code;
	l->now_ms = now_wall_ms();
	if (walk(l, conf, store, &why) < 0) {
		say_error("%s", why.text);
		code = EXIT_IO;
	} else {
		code = finish(l, conf);
	}
	store_close(store);
	pauses_clear(&l->pauses);
	rests_clear(&l->rests);
	return verb_finish(code);
}

int queue_list(const struct args *args)
{
	struct listing l = { .args = args, .oldest_ms = -1 };
	auto_conf struct conf *conf = NULL;
	int code = selection_read(&l.selection, args, args->operand_count, 0);

	if (code != EXIT_OK)
		return code;
	l.limit = args_int(args, "lines", 1, INT32_MAX, 0);
	conf = verb_conf(args, &code);
	if (!conf)
		return code;
	return list(&l, conf);
}
