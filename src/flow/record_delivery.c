/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * flow/record_delivery: the lines about deliveries and their endpoints:
 * attempt, delivered, dead, breaker_open, breaker_closed. Owns their members
 * (spoolhook-log(5)): an attempt has all of them, null where there is nothing
 * to tell. No payload, no secret, no query of a URL. Each line is written after
 * what it tells of was committed; if we die in between, the store knows.
 */
#include "flow/record.h"
#include "flow/record_own.h"

#include "base/jot.h"
#include "base/text.h"
#include "model/mask.h"

#include <stdio.h>
#include <string.h>

static void jot_ms(struct buf *line, const char *key, int64_t us)
{
	char text[32];

	if (us < 0) {
		jot_null(line, key);
		return;
	}
	snprintf(text, sizeof(text), "%lld.%03lld", (long long)(us / 1000),
	    (long long)(us % 1000));
	jot_raw(line, key, text, strlen(text));
}

static void jot_known(struct buf *line, const char *key, int64_t value)
{
	if (value < 0)
		jot_null(line, key);
	else
		jot_int(line, key, value);
}

static void jot_subject(struct buf *line, const struct subject *subject)
{
	jot_str(line, "delivery", subject->delivery);
	jot_str(line, "event_id", subject->event_id);
	jot_str(line, "webhook", subject->webhook->id);
	jot_str(line, "endpoint", subject->endpoint->id);
	jot_str(line, "event_type", subject->event_type);
	line_cut(line, "incident", subject->incident);
}

/* "HTTP 503" or the sentence of what went wrong. */
static const char *what(const struct answer *answer, char out[64])
{
	if (!answer->status)
		return answer->error;
	snprintf(out, 64, "HTTP %d", answer->status);
	return out;
}

static void jot_status(struct buf *line, const struct answer *answer)
{
	if (answer && answer->status)
		jot_int(line, "status", answer->status);
	else
		jot_null(line, "status");
}

static struct buf *begin_attempt(struct record *record,
    const struct subject *subject, int attempt, const struct answer *answer,
    const struct verdict *verdict)
{
	const char *webhook = subject->webhook->id;
	const char *endpoint = subject->endpoint->id;
	int max = subject->webhook->retry.max_retries + 1;
	char span[TEXT_DURATION_SIZE];
	char text[64];

	what(answer, text);
	switch (verdict->outcome) {
	case OUTCOME_DELIVERED:
		return line_begin(record, SAY_INFO, "attempt",
		    "%s/%s try %d/%d: %s", webhook, endpoint, attempt, max,
		    what(answer, text));
	case OUTCOME_DEFERRED:
		if (verdict->due_ms < 0)
			return line_begin(record, SAY_WARNING, "attempt",
			    "%s/%s try %d/%d: %s", webhook, endpoint, attempt,
			    max, what(answer, text));
		return line_begin(record, SAY_WARNING, "attempt",
		    "%s/%s try %d/%d: %s, next in %s", webhook, endpoint,
		    attempt, max, what(answer, text),
		    text_short_duration(span,
			verdict->due_ms - answer->started_ms -
			    answer->duration_us / 1000));
	case OUTCOME_DEAD:
		return line_begin(record, SAY_WARNING, "attempt",
		    "%s/%s try %d/%d: %s, given up", webhook, endpoint, attempt,
		    max, what(answer, text));
	}
	return NULL;
}

void record_attempt(struct record *record, const struct subject *subject,
    int attempt, const struct answer *answer, const struct verdict *verdict)
{
	auto_buf struct buf host = BUF_INIT(1024);
	struct buf *line =
	    begin_attempt(record, subject, attempt, answer, verdict);

	if (!line)
		return;
	if (subject->endpoint->url)
		mask_url_host(&host, subject->endpoint->url);
	jot_subject(line, subject);
	jot_int(line, "try", attempt);
	jot_int(line, "max_tries", subject->webhook->retry.max_retries + 1);
	jot_str(line, "method", subject->endpoint->method);
	jot_str(line, "url_host", host.len ? buf_text(&host) : NULL);
	jot_status(line, answer);
	jot_str(line, "error_code",
	    answer->fault == FAULT_NONE ? NULL : fault_word(answer->fault));
	jot_str(line, "error", answer->error[0] ? answer->error : NULL);
	jot_ms(line, "duration_ms", answer->duration_us);
	jot_ms(line, "dns_ms", answer->dns_us);
	jot_ms(line, "connect_ms", answer->connect_us);
	jot_ms(line, "tls_ms", answer->tls_us);
	jot_ms(line, "first_byte_ms", answer->first_byte_us);
	jot_known(line, "bytes_out", answer->bytes_out);
	jot_known(line, "bytes_in", answer->bytes_in);
	jot_str(line, "remote", answer->remote[0] ? answer->remote : NULL);
	jot_str(line, "outcome", outcome_word(verdict->outcome));
	jot_time(line, "next_attempt",
	    verdict->outcome == OUTCOME_DEFERRED ? verdict->due_ms : -1);
	line_end(record);
}

static const char *death_reason(enum death death)
{
	switch (death) {
	case DEATH_RETRIES:
		return "all retries are spent";
	case DEATH_NEVER:
		return "this status is final (retry.never)";
	case DEATH_AGE:
		return "it waited as long as retry.give_up_after allows";
	case DEATH_NONE:
		break;
	}
	return "";
}

static struct buf *begin_end(struct record *record,
    const struct subject *subject, int attempts, const struct answer *answer,
    const struct verdict *verdict)
{
	const char *webhook = subject->webhook->id;
	const char *endpoint = subject->endpoint->id;
	char text[64];

	if (verdict->outcome != OUTCOME_DEAD)
		return line_begin(record, SAY_INFO, "delivered",
		    "%s/%s delivered at try %d", webhook, endpoint, attempts);
	if (!answer)
		return line_begin(record, SAY_ERROR, "dead",
		    "%s/%s gave up after %d tr%s, waiting behind a rest: %s",
		    webhook, endpoint, attempts, attempts == 1 ? "y" : "ies",
		    death_reason(verdict->death));
	return line_begin(record, SAY_ERROR, "dead",
	    "%s/%s gave up after %d tr%s: %s; %s", webhook, endpoint, attempts,
	    attempts == 1 ? "y" : "ies", what(answer, text),
	    death_reason(verdict->death));
}

void record_end(struct record *record, const struct subject *subject,
    int attempts, int64_t age_ms, const struct answer *answer,
    const struct verdict *verdict)
{
	struct buf *line =
	    begin_end(record, subject, attempts, answer, verdict);

	if (!line)
		return;
	jot_subject(line, subject);
	jot_int(line, "tries", attempts);
	jot_int(line, "age_ms", age_ms);
	jot_status(line, answer);
	if (verdict->outcome == OUTCOME_DEAD) {
		jot_str(line, "error_code",
		    answer ? fault_word(answer->fault) : NULL);
		jot_str(line, "reason", death_reason(verdict->death));
	}
	line_end(record);
}

static struct buf *begin_rest(
    struct record *record, const struct rest_line *rest)
{
	char span[TEXT_DURATION_SIZE];

	if (rest->resting)
		return line_begin(record, SAY_WARNING, "breaker_open",
		    "%s/%s rests after %d failed attempt%s in a row",
		    rest->webhook, rest->endpoint, rest->failures,
		    rest->failures == 1 ? "" : "s");
	return line_begin(record, SAY_INFO, "breaker_closed",
	    "%s/%s works again after %s", rest->webhook, rest->endpoint,
	    text_short_duration(span, rest->rested_ms));
}

void record_breaker(struct record *record, const struct rest_line *rest)
{
	struct buf *line = begin_rest(record, rest);

	if (!line)
		return;
	jot_str(line, "webhook", rest->webhook);
	jot_str(line, "endpoint", rest->endpoint);
	jot_int(line, "failures", rest->failures);
	if (rest->resting) {
		jot_status(line, rest->answer);
		jot_str(line, "error_code", fault_word(rest->answer->fault));
		jot_time(line, "until", rest->until_ms);
	} else {
		jot_int(line, "rested_ms", rest->rested_ms);
	}
	line_end(record);
}
