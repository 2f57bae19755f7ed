/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * flow/record_desk: the log lines about what operators do, written by their
 * verbs or, when a time is over, by the daemon. Owns nothing; the same promises
 * as flow/record: one write a line, and a log that cannot be written stops
 * nobody.
 */
#include "flow/record.h"
#include "flow/record_own.h"

#include "base/jot.h"
#include "base/text.h"

#include <stdio.h>

static void jot_actor(struct buf *line, const struct actor *by)
{
	jot_str(line, "by", by->name);
	jot_int(line, "by_uid", by->uid);
}

void record_changed(struct record *record, const struct changed_line *changed,
    const struct actor *by)
{
	struct buf *line = line_begin(record, SAY_INFO, changed->kind,
	    "%s/%s %s by %s%s%s", changed->webhook, changed->endpoint,
	    changed->kind, by->name, changed->reason ? ": " : "",
	    changed->reason ? changed->reason : "");

	if (!line)
		return;
	jot_str(line, "delivery", changed->delivery);
	jot_str(line, "event_id", changed->event_id);
	jot_str(line, "webhook", changed->webhook);
	jot_str(line, "endpoint", changed->endpoint);
	jot_str(line, "event_type", changed->event_type);
	jot_str(line, "incident", changed->incident);
	jot_time(line, "next_attempt", changed->due_ms);
	jot_str(line, "reason", changed->reason);
	jot_actor(line, by);
	line_end(record);
}

void record_parked(struct record *record, const char *kind, const char *webhook,
    const char *endpoint, int64_t deliveries, const struct actor *by)
{
	const char *reason =
	    *kind == 'h' ? "no longer configured" : "configured again";
	struct buf *line = line_begin(record, SAY_WARNING, kind,
	    "%s/%s is %s: %lld deliver%s %s", webhook, endpoint, reason,
	    (long long)deliveries, deliveries == 1 ? "y" : "ies", kind);

	if (!line)
		return;
	jot_null(line, "delivery");
	jot_str(line, "webhook", webhook);
	jot_str(line, "endpoint", endpoint);
	jot_int(line, "deliveries", deliveries);
	jot_str(line, "reason", reason);
	jot_actor(line, by);
	line_end(record);
}

void record_paused(struct record *record, const char *webhook,
    const char *reason, int64_t until_ms, const struct actor *by)
{
	char when[TEXT_TIME_SIZE] = "somebody resumes it";
	struct buf *line;

	if (until_ms)
		text_time(when, until_ms);
	line = line_begin(record, SAY_WARNING, "paused",
	    "%s paused by %s until %s%s%s", webhook, by->name, when,
	    reason ? ": " : "", reason ? reason : "");
	if (!line)
		return;
	jot_str(line, "webhook", webhook);
	jot_str(line, "reason", reason);
	jot_time(line, "until", until_ms ? until_ms : -1);
	jot_actor(line, by);
	line_end(record);
}

void record_resumed(struct record *record, const char *webhook,
    const char *reason, const struct actor *by)
{
	struct buf *line =
	    line_begin(record, SAY_INFO, "resumed", "%s resumed by %s%s%s",
		webhook, by->name, reason ? ": " : "", reason ? reason : "");

	if (!line)
		return;
	jot_str(line, "webhook", webhook);
	jot_str(line, "reason", reason);
	jot_actor(line, by);
	line_end(record);
}

void record_pruned(
    struct record *record, const struct pruned *pruned, const struct actor *by)
{
	struct buf *line = line_begin(record, SAY_INFO, "pruned",
	    "%lld old events, %lld for the size, %lld rejected and %lld "
	    "failed files, %lld mails removed",
	    (long long)pruned->events, (long long)pruned->squeezed,
	    (long long)pruned->rejected, (long long)pruned->failed,
	    (long long)pruned->mails);

	if (!line)
		return;
	jot_int(line, "events", pruned->events);
	jot_int(line, "events_for_size", pruned->squeezed);
	jot_int(line, "rejected", pruned->rejected);
	jot_int(line, "failed", pruned->failed);
	jot_int(line, "mails", pruned->mails);
	jot_actor(line, by);
	line_end(record);
}
