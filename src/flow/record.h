/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef FLOW_RECORD_H
#define FLOW_RECORD_H

#include "base/buf.h"
#include "base/why.h"
#include "model/conf.h"
#include "model/event.h"
#include "model/retry.h"
#include "port/journal.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The evidence: every line of delivery.jsonl is made here (spoolhook-log(5)),
 * each fact once, after it is durable. Problems that an operator must see are
 * said on stderr too.
 */
struct record;

struct record *record_open(const char *path, int level, struct why *why);
void record_close(struct record *record);
/* What was told of since it was last asked, by closed sets of words: "rejected"
 * by code, "mail" by "sent" and "failed". */
struct record_sum {
	const char *name;
	const char *label; /* static */
	int64_t count;
};
/* Takes one that is not 0; false when there is none left. */
bool record_next_sum(struct record *record, struct record_sum *sum);

/* From now on lines wait for record_flush, so that a turn's are one write. For
 * who flushes before it waits for anything; others' go out one by one. */
void record_gather(struct record *record);
void record_flush(struct record *record);

/* On USR1. */
void record_reopen(struct record *record);
/* A reload may name another file or level. */
int record_configure(
    struct record *record, const char *path, int level, struct why *why);

/* The lines that follow are written late: what they tell of happened then,
 * which they say by `happened`. -1: no longer. */
void record_late(struct record *record, int64_t happened_ms);

void record_started(struct record *record, const struct conf *conf);
void record_stopped(struct record *record, const char *reason);
void record_reloaded(
    struct record *record, const struct conf *conf, int64_t generation);
void record_reload_failed(
    struct record *record, const char *why, size_t errors, int64_t generation);

void record_accepted(struct record *record, const char *event_id,
    const struct event *event, const char *file, size_t bytes,
    const struct webhook *const *webhooks, size_t count);

struct refusal {
	const char *code;
	const char *message;
	size_t line; /* 0: none */
	size_t column;
};
/* `kept_as` is the name in rejected/. */
void record_rejected(struct record *record, const struct refusal *refusal,
    const char *file, const char *kept_as);

/* Who and what a delivery is, for the lines about it. */
struct subject {
	const char *delivery;
	const char *event_id;
	const char *event_type;
	const char *incident;
	const struct webhook *webhook;
	const struct endpoint *endpoint;
};
void record_attempt(struct record *record, const struct subject *subject,
    int attempt, const struct answer *answer, const struct verdict *verdict);
/* The final line, `delivered` or `dead`; answer NULL: it was given up without
 * an attempt. */
void record_end(struct record *record, const struct subject *subject,
    int attempts, int64_t age_ms, const struct answer *answer,
    const struct verdict *verdict);

/* An endpoint rests, or works again. */
struct rest_line {
	const char *webhook;
	const char *endpoint;
	bool resting;
	int failures; /* in a row; when it rests */
	int64_t until_ms; /* when it rests: the first probe */
	int64_t rested_ms; /* when it works again */
	const struct answer *answer; /* that changed it */
};
void record_breaker(struct record *record, const struct rest_line *rest);

void record_mail_sent(struct record *record, const char *webhook,
    const char *recipients, const char *file);
void record_mail_failed(struct record *record, const char *webhook,
    const char *recipients, int code, const char *error, int64_t next_ms);

/* ---- what operators do (record_desk.c) ----------------------------------- */

/* Who did it: the name and number of the user, of the daemon its own. */
struct actor {
	const char *name;
	int64_t uid;
};

/* One delivery that somebody changed. `kind` is "held", "released", "retried",
 * "deleted" or "resent". `due_ms` -1: leaves next_attempt null; `reason` may be
 * NULL. */
struct changed_line {
	const char *kind;
	const char *delivery;
	const char *event_id;
	const char *webhook;
	const char *endpoint;
	const char *event_type;
	const char *incident;
	int64_t due_ms;
	const char *reason;
};
void record_changed(struct record *record, const struct changed_line *changed,
    const struct actor *by);

/* All that waited for one endpoint, by the daemon: "held" because it is not
 * configured any more, "released" because it is again. */
void record_parked(struct record *record, const char *kind, const char *webhook,
    const char *endpoint, int64_t deliveries, const struct actor *by);

/* `reason` may be NULL; until_ms 0: until somebody resumes it. */
void record_paused(struct record *record, const char *webhook,
    const char *reason, int64_t until_ms, const struct actor *by);
void record_resumed(struct record *record, const char *webhook,
    const char *reason, const struct actor *by);

/* What retention removed. */
struct pruned {
	int64_t events; /* past their time */
	int64_t squeezed; /* because the database was too large */
	int64_t rejected, failed, mails; /* files */
};
void record_pruned(
    struct record *record, const struct pruned *pruned, const struct actor *by);

#endif
