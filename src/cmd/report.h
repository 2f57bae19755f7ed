/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef CMD_REPORT_H
#define CMD_REPORT_H

#include "base/buf.h"
#include "base/why.h"
#include "cmd/desk.h"
#include "cmd/progress.h"
#include "cmd/verb.h"
#include "model/tally.h"
#include "port/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * The parts of `report`: what it gathers, the page it writes to, and who
 * writes which part of it. Numbers are gathered first, in fixed memory; rows
 * are written as they are read.
 */
enum {
	REPORT_DAYS = 7,
	REPORT_DAYS_MAX = 3650,
	REPORT_ENTRIES = 500,
	REPORT_ENTRIES_MAX = 100000,
	/* Of one payload, and, as markup, of all payloads and answers; the page
	 * tells how to see the rest. */
	REPORT_PAYLOAD_MAX = 64 * 1024,
	REPORT_PAYLOADS_MAX = 16 * 1024 * 1024,
	/* Of one delivery: the last ones. */
	REPORT_ATTEMPTS_MAX = 50,
	REPORT_CARDS_MAX = 1000,
	REPORT_STRIPS_MAX = 30,
	REPORT_NEWS_MAX = 10,
	/* Bytes of a text that an event brings: a message, a name. */
	REPORT_TEXT_MAX = 300,
};

/* ---- the page ---------------------------------------------------------- */

/*
 * Where the report goes: standard output, or a file that is written beside and
 * renamed when it is whole. Text is put into `text` and passed on from time to
 * time; a failure is kept and told at the end.
 */
struct page {
	struct buf text;
	int fd;
	char *path; /* NULL: standard output */
	char *beside;
	bool failed;
	struct why *why;
};

/* "-" is standard output. */
int page_open(struct page *page, const char *path, struct why *why);
/* Passes on what has gathered, when it is much. -1 once the page failed: there
 * is no use in going on. */
int page_pass(struct page *page);
/* Puts the file into its place, readable for owner and group. */
int page_close(struct page *page);
/* Gives it up; the old file stays. Harmless after page_close. */
void page_drop(struct page *page);

/* ---- what is gathered -------------------------------------------------- */

/* One webhook's counts, of now, not of the period. */
struct report_counts {
	char *webhook;
	int64_t by_state[STATE_DEAD + 1];
	int64_t deferred;
	int64_t last_success_ms, last_failure_ms; /* -1 for none */
};

/* An endpoint whose breaker is open. */
struct report_rest {
	char *webhook, *endpoint;
	struct breaker breaker;
};

/* A refused file, from its .why.json. */
struct rejected {
	char *name;
	char *code, *message, *source; /* "" for what it does not say */
	int64_t line, column; /* 0 for none */
	int64_t ms;
};
struct rejected_list {
	struct rejected *rows; /* newest first */
	size_t count;
	size_t max; /* of rows */
	int64_t since_ms, until_ms;
	int64_t total; /* in the period */
};

struct report {
	const struct args *args;
	const struct conf *conf;
	struct store *store;
	const char *title; /* NULL: made of the host's name */
	const char *webhook; /* NULL: all */
	char host[256];
	bool payloads;
	bool running; /* a daemon is */
	int64_t now_ms, since_ms, until_ms; /* until_ms <= now_ms */
	int64_t entries_max;
	struct tally tally;
	struct report_counts *counts;
	size_t count_count;
	int64_t by_state[STATE_DEAD + 1];
	int64_t deferred;
	int64_t oldest_ms; /* acceptance of the oldest open one, -1 */
	struct pauses pauses;
	struct report_rest *rests;
	size_t rest_count;
	struct rejected_list rejected;
	struct page page;
	struct progress progress;
	int64_t read; /* rows of the past, so far */
	struct why *why;
};

/* Fills everything but the page. */
int report_gather(struct report *report);
void report_clear(struct report *report);
/* True when the report tells of this webhook. */
bool report_about(const struct report *report, const char *webhook);
/* NULL for an endpoint that does not rest. */
const struct report_rest *report_rest_of(
    const struct report *report, const char *webhook, const char *endpoint);
/* NULL for a webhook that has never had a delivery. */
const struct report_counts *report_counts_of(
    const struct report *report, const char *webhook);
/* How many of these deliveries are open. */
int64_t report_open(const int64_t by_state[STATE_DEAD + 1]);

/* Reads SPOOL/rejected: the newest `max` refusals of that time, and how many
 * there are. Never follows a link that somebody dropped. */
int rejected_read(struct rejected_list *list, const char *spool_dir,
    int64_t since_ms, int64_t until_ms, size_t max, struct why *why);
void rejected_clear(struct rejected_list *list);

/* ---- what is written; -1 when it could not ----------------------------- */

void report_head(struct report *report);
void report_overview(struct report *report);
int report_logs(struct report *report);
void report_webhooks(struct report *report);
int report_queue(struct report *report);
void report_rejected(struct report *report);
void report_foot(struct report *report);
/* The same numbers as one JSON object. */
void report_json(struct report *report);

/* A moment, for people and for programs. The head tells the time zone; a
 * moment in another one (summer time) says so. */
void report_time(struct report *report, int64_t ms);
/* What to type, for the configuration that this page was made from: the verb's
 * words, and what it is about (or NULL). */
void report_command(
    struct report *report, const char *words, const char *operand);
/* "500 of 1,001 shown, …", and the words of the verb that shows the others. */
void report_shown(
    struct report *report, int64_t all, const char *order, const char *words);
/* Since when a pause or a rest holds, and what ends it. */
void report_pause(struct report *report, size_t i);
void report_rest(struct report *report, const struct report_rest *rest);
/* What a delivery waits for, in words. */
void report_next(struct report *report, const struct delivery_row *row);
/* At most REPORT_TEXT_MAX bytes of it. NULL is none. */
void report_text(struct buf *out, const char *text);
/* The badge of a state: its word, with a colour. */
void report_badge(struct buf *out, const char *word);
/* "pager / 0" */
void report_target(struct buf *out, const char *webhook, const char *endpoint);
/* An error, unless it only repeats the status. */
void report_error(struct buf *out, int status, const char *error);
/* Its method and what may be seen of its URL. */
void report_url(struct buf *out, const struct endpoint *endpoint);

#endif
