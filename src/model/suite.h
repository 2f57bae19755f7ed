/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef MODEL_SUITE_H
#define MODEL_SUITE_H

#include "model/conf.h"
#include "model/finding.h"
#include "model/map.h"
#include "model/request.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * Unit tests of a configuration, one file each (tests.d): a webhook, or none
 * when all are meant, and cases of an event, changes to it, and what is
 * expected of its way:
 *
 *	{ "webhook": ID, "cases": [ { "name": TEXT,
 *	    "event": FILE, or the name of a sample, or an event,
 *	    "set": { PATH: VALUE }, "endpoint": ID,
 *	    "expect": { "webhooks": [ID],
 *	      "match": BOOL, "endpoints": [ID], "method": TEXT,
 *	      "headers": { NAME: TEXT, or true, or false },
 *	      "body": { PATH: VALUE } } } ] }
 *
 * "method", "headers" and "body" are expected of the request to each endpoint,
 * or of the one that "endpoint" names. A header true is there, false is not;
 * values of secrets cannot be expected, for then the test would hold them.
 * "webhooks" are all that take the event; the rest is expected of the file's
 * webhook, and "match" of it only where something of the rest is.
 */
struct suite {
	char *file; /* as it is shown */
	char *text;
	size_t len;
	struct map map;
	json_t *root;
};

enum { SUITE_CASES_MAX = 10000, SUITE_NAME_MAX = 500 };

/* Reads a file; its mistakes become findings. -1 when there is an error among
 * them, and then the suite is empty. Copies the text. */
int suite_open(struct suite *suite, const char *file, const char *text,
    size_t len, struct findings *findings);
void suite_clear(struct suite *suite);

/* NULL when the file names none; then its cases expect "webhooks" alone. */
const char *suite_webhook(const struct suite *suite);
size_t suite_count(const struct suite *suite);
/* The n-th case. Lent; its form is right. */
json_t *suite_case(const struct suite *suite, size_t n);
/* Line and column, from 1, of what a JSON pointer names, or of its nearest
 * parent. */
void suite_place(const struct suite *suite, const char *pointer, size_t *line,
    size_t *column);
/* Adds a finding there, such as an event file that is missing. */
void suite_say(const struct suite *suite, const char *pointer, const char *code,
    const char *message, const char *help, struct findings *findings);

/* Applies a case's "set" to an event. False when a path leads nowhere;
 * *pointer is then the JSON pointer of the culprit below the case, the
 * caller's. */
bool suite_change(const json_t *test, json_t *event, char **pointer);

/* Told of each thing that is not as expected: the JSON pointer below the case,
 * what it is ("headers.X-Team"), and both sides as JSON, "nothing" for what is
 * not there. Lent; safe for a terminal. */
struct suite_faults {
	void *arg;
	void (*add)(void *arg, const char *pointer, const char *what,
	    const char *wanted, const char *got);
};

/* Of all webhooks: who takes it. `takers` are their ids. Says nothing, and is
 * true, when the case does not care. */
bool suite_judge_webhooks(const json_t *test, const json_t *takers,
    const struct suite_faults *faults);
/* The ids that it is about, NULL when the case does not care. Lent. */
const json_t *suite_webhooks(const json_t *test);
/* Whether something is expected of the file's webhook. */
bool suite_is_about_one(const json_t *test);
/* Of the webhook: does it match, and where would it go. `matches` is false for
 * an event that it does not take. */
void suite_judge_match(const json_t *test, const struct webhook *webhook,
    bool matches, const struct suite_faults *faults);
/* Of one request that was built for the case. */
void suite_judge_request(const json_t *test, const struct request *request,
    const struct suite_faults *faults);
/* Whether the case wants the webhook to take the event. */
bool suite_match(const json_t *test);
/* The endpoint that requests are looked at for, NULL for all. */
const char *suite_endpoint(const json_t *test);

#endif
