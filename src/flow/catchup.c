/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * flow/catchup: what was committed and never written down, is written now.
 *
 * Owns the comparison of the store, from its mark on (port/store_late.h), with
 * the log's last lines. Promises each line once: what the tail shows is not
 * written again, and a late line tells by `happened` that it is one. Looks at
 * a bounded number of rows and lines, for at most a few seconds of work lie
 * between two marks. A log that cannot be read back (a pipe) is left alone. If
 * we die in the middle, the next start sees in the tail how far we came.
 */
#include "flow/catchup.h"

#include "base/mem.h"
#include "base/now.h"
#include "base/say.h"
#include "model/event.h"
#include "model/trace.h"
#include "port/store_late.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum {
	/* More than a death leaves behind, and some seconds' work to read. */
	ROWS_MAX = 200 * 1000,
	/* Lines of other kinds that may stand among those looked for. */
	OTHER_LINES = 2000,
	WEBHOOKS_MAX = 10 * 1000,
};

struct catchup {
	struct record *record;
	const struct conf *conf;
	struct trace_set seen;
	int64_t written;
};

/* ---- what the log shows -------------------------------------------------- */

static bool is_file(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

static int read_tail(
    struct trace_set *seen, const char *path, long lines, struct why *why)
{
	struct journal_reader *reader;
	struct trace trace;
	const char *line;
	size_t len;

	if (!is_file(path))
		return 0;
	reader = journal_read(path, why);
	if (!reader)
		return -1;
	if (journal_seek_tail(reader, lines, why) < 0) {
		journal_reader_close(reader);
		return -1;
	}
	while ((line = journal_next(reader, &len))) {
		if (trace_read(line, &trace))
			trace_set_add(seen, &trace);
	}
	journal_reader_close(reader);
	return 0;
}

/* The file may have been moved in the last moments, as logrotate does. */
static int read_log(struct catchup *c, int64_t rows, struct why *why)
{
	long lines = (long)rows * 3 + OTHER_LINES;
	auto_free char *older = mem_printf("%s.1", c->conf->log_file);

	if (read_tail(&c->seen, older, lines, why) < 0)
		return -1;
	return read_tail(&c->seen, c->conf->log_file, lines, why);
}

static bool is_written(struct catchup *c, enum trace_kind kind, const char *id,
    int64_t number, int64_t ms)
{
	struct trace trace = { .kind = kind, .number = number, .ms = ms };

	snprintf(trace.id, sizeof(trace.id), "%s", id);
	return trace_set_has(&c->seen, &trace);
}

/* ---- events -------------------------------------------------------------- */

/* `list` is cut up; an id whose webhook is gone still has its name. */
static size_t split(char *list, struct webhook *out)
{
	size_t count = 0;
	char *at = list;
	char *word;

	while ((word = strsep(&at, " ")) && count < WEBHOOKS_MAX) {
		if (*word)
			out[count++].id = word;
	}
	return count;
}

static size_t count_words(const char *list)
{
	size_t count = 1;

	for (; *list; list++)
		count += *list == ' ';
	return count;
}

static void write_event(struct catchup *c, const struct late_event *row)
{
	auto_free char *list = mem_strdup(row->webhooks);
	size_t room = count_words(list);
	auto_free struct webhook *webhooks = mem_array(room, sizeof(*webhooks));
	auto_free const struct webhook **hits = mem_array(room, sizeof(*hits));
	size_t count = split(list, webhooks);
	const struct event event = {
		.type = row->type,
		.incident = row->incident,
		.service = row->service,
		.alert_source = row->alert_source,
	};
	size_t i;

	for (i = 0; i < count; i++)
		hits[i] = &webhooks[i];
	record_late(c->record, row->accepted_ms);
	record_accepted(c->record, row->id, &event, row->source,
	    (size_t)row->bytes, hits, count);
	c->written++;
}

static void look_at_event(void *arg, const struct late_event *row)
{
	struct catchup *c = arg;

	if (!is_written(c, TRACE_ACCEPTED, row->id, 0, INT64_MIN))
		write_event(c, row);
}

/* ---- attempts ------------------------------------------------------------ */

static enum fault fault_from(const char *word)
{
	int fault;

	for (fault = FAULT_NONE; fault < FAULT_LOCAL; fault++) {
		if (strcmp(word, fault_word((enum fault)fault)) == 0)
			return (enum fault)fault;
	}
	return FAULT_LOCAL;
}

static enum outcome outcome_from(const char *word)
{
	if (strcmp(word, outcome_word(OUTCOME_DELIVERED)) == 0)
		return OUTCOME_DELIVERED;
	if (strcmp(word, outcome_word(OUTCOME_DEAD)) == 0)
		return OUTCOME_DEAD;
	return OUTCOME_DEFERRED;
}

/* The store keeps what people ask for, not the phases of a call. */
static struct answer answer_of(const struct late_attempt *row)
{
	struct answer answer = {
		.status = row->status,
		.fault = fault_from(row->code),
		.started_ms = row->started_ms,
		.duration_us = row->duration_ms * 1000,
		.dns_us = -1,
		.connect_us = -1,
		.tls_us = -1,
		.first_byte_us = -1,
		.bytes_out = -1,
		.bytes_in = -1,
		.retry_after_ms = -1,
	};

	snprintf(answer.error, sizeof(answer.error), "%s", row->error);
	snprintf(answer.remote, sizeof(answer.remote), "%s", row->remote);
	return answer;
}

static enum death death_of(
    const struct retry_policy *policy, const struct late_attempt *row)
{
	int i;

	for (i = 0; i < policy->never_count; i++) {
		if (policy->never[i] == row->status)
			return DEATH_NEVER;
	}
	return row->attempt > policy->max_retries ? DEATH_RETRIES : DEATH_AGE;
}

/* What is not configured any more keeps its names. */
static void find(const struct catchup *c, const struct late_attempt *row,
    struct webhook *webhook, struct endpoint *endpoint)
{
	const struct webhook *known = conf_webhook(c->conf, row->webhook);
	const struct endpoint *at =
	    known ? webhook_endpoint(known, row->endpoint) : NULL;

	*webhook = known ? *known : (struct webhook){ 0 };
	*endpoint = at ? *at : (struct endpoint){ 0 };
	if (!known)
		retry_policy_default(&webhook->retry);
}

static void write_attempt(struct catchup *c, const struct late_attempt *row,
    const char *delivery, bool attempt, bool end)
{
	auto_free char *webhook_id = mem_strdup(row->webhook);
	auto_free char *endpoint_id = mem_strdup(row->endpoint);
	struct answer answer = answer_of(row);
	struct verdict verdict = {
		.outcome = outcome_from(row->outcome),
		.due_ms = row->due_ms,
		.tries = row->attempt,
	};
	struct webhook webhook;
	struct endpoint endpoint;
	struct subject subject = { delivery, row->event_id, row->event_type,
		row->incident, &webhook, &endpoint };
	int64_t ended_ms = row->started_ms + row->duration_ms;

	find(c, row, &webhook, &endpoint);
	webhook.id = webhook_id;
	endpoint.id = endpoint_id;
	verdict.death = death_of(&webhook.retry, row);
	record_late(c->record, ended_ms);
	if (attempt)
		record_attempt(
		    c->record, &subject, row->attempt, &answer, &verdict);
	if (end)
		record_end(c->record, &subject, row->attempt,
		    ended_ms > row->queued_ms ? ended_ms - row->queued_ms : 0,
		    &answer, &verdict);
	c->written += attempt + end;
}

/* The number of a try comes again after a resend: only a line that was written
 * after the call tells of it. */
static void look_at_attempt(void *arg, const struct late_attempt *row)
{
	struct catchup *c = arg;
	char delivery[ID_DELIVERY_SIZE];
	bool final = outcome_from(row->outcome) != OUTCOME_DEFERRED;
	bool attempt;
	bool end;

	id_delivery(delivery, row->event_id, row->webhook, row->endpoint);
	attempt = !is_written(
	    c, TRACE_ATTEMPT, delivery, row->attempt, row->started_ms);
	end = final &&
	    !is_written(c, TRACE_END, delivery, row->attempt, row->started_ms);
	if (attempt || end)
		write_attempt(c, row, delivery, attempt, end);
}

/* ---- the whole ----------------------------------------------------------- */

static int64_t at_least(int64_t from, int64_t newest)
{
	return newest - from > ROWS_MAX ? newest - ROWS_MAX : from;
}

static int compare(struct catchup *c, struct store *store, struct log_mark mark,
    const struct log_mark *newest, struct why *why)
{
	mark.event = at_least(mark.event, newest->event);
	mark.attempt = at_least(mark.attempt, newest->attempt);
	if (mark.event >= newest->event && mark.attempt >= newest->attempt)
		return 0;
	if (read_log(c,
		newest->event - mark.event + newest->attempt - mark.attempt,
		why) < 0 ||
	    store_late_events(store, mark.event, look_at_event, c, why) < 0)
		return -1;
	return store_late_attempts(
	    store, mark.attempt, look_at_attempt, c, why);
}

/* A mark that cannot be set is only older than it might be. */
static void set_mark(struct store *store, const struct log_mark *newest)
{
	struct work_logged logged = {
		.work.kind = WORK_LOGGED,
		.now_ms = now_wall_ms(),
		.whole = *newest,
	};
	bool full;

	store_commit(store, &logged.work, &full, NULL);
}

void catchup_run(
    struct record *record, struct store *store, const struct conf *conf)
{
	struct catchup c = { .record = record, .conf = conf };
	struct log_mark newest;
	struct log_mark mark;
	struct why why;
	int got = store_log_mark(store, &mark, &newest, &why);

	bool known = got > 0;

	if (known && is_file(conf->log_file))
		got = compare(&c, store, mark, &newest, &why);
	record_late(record, -1);
	trace_set_clear(&c.seen);
	if (got < 0) {
		say_warning("the log may lack lines of the last moments before "
			    "the last end: %s",
		    why.text);
		return;
	}
	if (c.written)
		say_info("the log lacked %lld line%s of the last moments "
			 "before the last end",
		    (long long)c.written, c.written == 1 ? "" : "s");
	if (!known || mark.event != newest.event ||
	    mark.attempt != newest.attempt)
		set_mark(store, &newest);
}
