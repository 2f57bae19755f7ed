/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * flow/call: what is done with one delivery between claim and settlement.
 *
 * Owns the claimed event's bytes, the request and the answer. Promises: the
 * file in failed/ is there before the death is committed, and log lines are
 * written only after the commit. Never decides when to send or how many. If
 * we die in the middle, the row is found active at the next start and tried
 * again; a file in failed/ whose death was not committed is removed when the
 * delivery comes through after all.
 */
#include "flow/call.h"

#include "base/crash.h"
#include "base/dice.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/say.h"
#include "model/request.h"

#include <errno.h>
#include <stddef.h>
#include <sys/stat.h>
#include <unistd.h>

static void build(struct call *call, int64_t now_ms)
{
	struct request_case from = {
		.conf = call->plan->conf,
		.webhook = call->webhook,
		.endpoint = call->endpoint,
		.event_id = call->from.event_id,
		.event_type = call->from.event_type,
		.attempt = call->from.tries + 1,
		.now_ms = now_ms,
	};

	id_delivery(call->delivery, call->from.event_id, call->webhook->id,
	    call->endpoint->id);
	request_build(
	    &call->wire.request, &from, &call->from.body, call->from.body_len);
}

struct call *call_new(struct plan *plan, const struct target *target,
    struct claimed *claimed, int64_t now_ms)
{
	struct call *call = mem_zalloc(sizeof(*call));

	call->plan = plan_hold(plan);
	call->webhook = target->webhook;
	call->endpoint = target->endpoint;
	call->from = *claimed;
	claimed->event_type = NULL;
	claimed->incident = NULL;
	claimed->body = NULL;
	build(call, now_ms);
	return call;
}

void call_free(struct call *call)
{
	request_clear(&call->wire.request);
	free(call->from.event_type);
	free(call->from.incident);
	free(call->from.body);
	plan_drop(call->plan);
	free(call);
}

struct call *call_of(struct work_settle *settle)
{
	return (struct call *)((char *)settle - offsetof(struct call, settle));
}

/* ---- failed/ ------------------------------------------------------------- */

static char *failed_name(const struct call *call)
{
	return mem_printf("%s/%s.json", call->webhook->id, call->from.event_id);
}

static void write_failed(const struct call *call, int failed_dir)
{
	auto_free char *name = failed_name(call);
	struct why why;

	if (mkdirat(failed_dir, call->webhook->id, 0750) < 0 &&
	    errno != EEXIST) {
		say_error("failed/%s: cannot make directory: %m; the delivery "
			  "is in the store",
		    call->webhook->id);
		return;
	}
	if (file_write(failed_dir, name, call->wire.request.body,
		call->wire.request.body_len, 0640, &why) < 0)
		say_error("failed/%s; the delivery is in the store", why.text);
	crash_point(failed_written);
}

/* Of an earlier death: it was resent, or a crash came between its file and its
 * commit. The file of several endpoints may stand for the death of another. */
static void remove_failed(const struct call *call, int failed_dir)
{
	auto_free char *name = NULL;

	/* `resend` takes the file away itself, so a first try finds one only
	 * where the first try may kill. */
	if (call->webhook->endpoint_count > 1 ||
	    (call->from.tries == 0 && call->webhook->retry.max_retries > 0))
		return;
	name = failed_name(call);
	unlinkat(failed_dir, name, 0);
}

/* ---- verdict ------------------------------------------------------------- */

static bool anybody_to_tell(const struct call *call)
{
	const struct mail_settings *mail = &call->plan->conf->mail;
	char *const *own = call->webhook->failure_email;

	return own ? own[0] != NULL : mail->to && mail->to[0];
}

static void fill_settle(struct call *call, int64_t now_ms)
{
	struct work_settle *work = &call->settle;

	work->work.kind = WORK_SETTLE;
	work->now_ms = now_ms;
	work->delivery = call->from.delivery;
	work->attempt = call->from.tries + 1;
	work->notice = anybody_to_tell(call);
}

void call_judge(struct call *call, int failed_dir, int64_t now_ms)
{
	struct retry_case at = {
		.answer = &call->wire.answer,
		.tries = call->from.tries,
		.queued_ms = call->from.queued_ms,
		.now_ms = now_ms,
		.dice = dice_roll(),
	};

	fill_settle(call, now_ms);
	call->settle.answer = &call->wire.answer;
	call->settle.verdict = retry_decide(&call->webhook->retry, &at);
	switch (call->settle.verdict.outcome) {
	case OUTCOME_DEAD:
		write_failed(call, failed_dir);
		return;
	case OUTCOME_DELIVERED:
		remove_failed(call, failed_dir);
		return;
	case OUTCOME_DEFERRED:
		return;
	}
}

void call_expire(struct call *call, int failed_dir, int64_t now_ms)
{
	fill_settle(call, now_ms);
	call->settle.verdict = (struct verdict){
		.outcome = OUTCOME_DEAD,
		.death = DEATH_AGE,
		.tries = call->from.tries,
	};
	write_failed(call, failed_dir);
}

void call_put_back(struct call *call, int64_t now_ms)
{
	fill_settle(call, now_ms);
	call->settle.verdict = (struct verdict){ .outcome = OUTCOME_DEFERRED,
		.tries = call->from.tries,
		.due_ms = now_ms };
}

void call_write_down(const struct call *call, struct record *record)
{
	const struct work_settle *settled = &call->settle;
	struct subject subject = {
		.delivery = call->delivery,
		.event_id = call->from.event_id,
		.event_type = call->from.event_type,
		.incident = call->from.incident,
		.webhook = call->webhook,
		.endpoint = call->endpoint,
	};

	if (settled->answer)
		record_attempt(record, &subject, settled->attempt,
		    settled->answer, &settled->verdict);
	if (settled->verdict.outcome == OUTCOME_DEFERRED)
		return;
	record_end(record, &subject, settled->verdict.tries,
	    settled->now_ms - call->from.queued_ms, settled->answer,
	    &settled->verdict);
}
