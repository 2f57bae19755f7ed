/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * flow/guard: breakers and own faults, and what is said of them.
 *
 * Owns the count of endpoints that our own faults keep waiting. Promises that
 * a breaker's change is stored with the attempt that made it and told after
 * that; that an own fault is said once, not once per delivery, and its end as
 * well. Decides nothing: the rule is model/breaker. If we die in the middle,
 * the store has each breaker as of the last settled attempt.
 */
#include "flow/guard.h"

#include "base/dice.h"
#include "base/mem.h"
#include "base/say.h"
#include "base/text.h"

#include <string.h>

static const char own_note[] = "trouble/sending";

struct guard {
	struct notes *notes;
	struct record *record;
	int troubled; /* endpoints whose last call was our own fault */
	char *said; /* the fault that was said */
};

struct guard *guard_open(struct notes *notes, struct record *record)
{
	struct guard *guard = mem_zalloc(sizeof(*guard));

	guard->notes = notes;
	guard->record = record;
	return guard;
}

void guard_close(struct guard *guard)
{
	if (!guard)
		return;
	free(guard->said);
	free(guard);
}

/* ---- rests --------------------------------------------------------------- */

bool guard_rests(const struct target *target)
{
	return breaker_rests(&target->breaker, &target->webhook->breaker);
}

int64_t guard_ready_ms(const struct target *target)
{
	if (target->next_due_ms < 0 || !guard_rests(target))
		return target->next_due_ms;
	if (target->breaker.until_ms > target->next_due_ms)
		return target->breaker.until_ms;
	return target->next_due_ms;
}

int guard_room(const struct target *target, int64_t now_ms)
{
	int all = breaker_room(&target->breaker, &target->webhook->breaker,
	    target->webhook->concurrency, target->in_flight, now_ms);

	return all > target->in_flight ? all - target->in_flight : 0;
}

void guard_inherit(
    struct target *target, const struct target *was, int64_t now_ms)
{
	target->breaker = was->breaker;
	if (strcmp(target->endpoint->url, was->endpoint->url) != 0)
		breaker_move(&target->breaker, now_ms);
}

static char *rest_note(const char *webhook, const char *endpoint)
{
	return mem_printf("trouble/breaker/%s/%s", webhook, endpoint);
}

static void note_rest(struct guard *guard, const char *webhook,
    const char *endpoint, int failures)
{
	auto_free char *name = rest_note(webhook, endpoint);
	auto_free char *text =
	    mem_printf("%s/%s rests: %d attempt%s in a row failed; its "
		       "deliveries wait and spend no tries",
		webhook, endpoint, failures, failures == 1 ? "" : "s");

	notes_put(guard->notes, name, text);
}

void guard_use(struct guard *guard, const struct plan *plan)
{
	int troubled = 0;
	size_t i;

	for (i = 0; i < plan->count; i++) {
		const struct target *target = &plan->targets[i];

		troubled += target->breaker.own;
		if (target->breaker.open)
			note_rest(guard, target->webhook->id,
			    target->endpoint->id, target->breaker.failures);
	}
	if (guard->troubled && !troubled)
		notes_put(guard->notes, own_note, NULL);
	guard->troubled = troubled;
}

/* ---- own faults ---------------------------------------------------------- */

static void begin_trouble(struct guard *guard, const struct call *call)
{
	const char *error = call->wire.answer.error;
	auto_free char *text = mem_printf("cannot call %s/%s: %s; this is no "
					  "fault of the endpoint: deliveries "
					  "wait and spend no attempts",
	    call->webhook->id, call->endpoint->id, error);

	if (guard->troubled++ && guard->said && strcmp(guard->said, error) == 0)
		return;
	free(guard->said);
	guard->said = mem_strdup(error);
	say_warning("%s", text);
	notes_put(guard->notes, own_note, text);
}

static void end_trouble(struct guard *guard)
{
	if (--guard->troubled > 0)
		return;
	free(take(&guard->said));
	say_info("calls can be made again");
	notes_put(guard->notes, own_note, NULL);
}

/* ---- answers ------------------------------------------------------------- */

static enum breaker_news news_of(const struct answer *answer)
{
	if (answer_delivered(answer))
		return BREAKER_SUCCESS;
	return answer->fault == FAULT_LOCAL ? BREAKER_OWN_FAULT
					    : BREAKER_FAILURE;
}

void guard_called(struct guard *guard, struct target *target, struct call *call,
    int64_t now_ms)
{
	const struct answer *answer = &call->wire.answer;
	bool was_own;

	if (!target)
		return;
	was_own = target->breaker.own;
	call->rested_ms = now_ms - target->breaker.since_ms;
	call->change = breaker_note(&target->breaker, &target->webhook->breaker,
	    &(struct breaker_case){
		.news = news_of(answer),
		.probe = call->probe,
		.concurrency = target->webhook->concurrency,
		.asked_ms = answer->retry_after_ms,
		.now_ms = now_ms,
		.dice = dice_roll(),
	    });
	call->breaker = target->breaker;
	call->settle.breaker = &call->breaker;
	if (target->breaker.own && !was_own)
		begin_trouble(guard, call);
	else if (was_own && !target->breaker.own)
		end_trouble(guard);
}

static struct rest_line describe(const struct call *call)
{
	return (struct rest_line){
		.webhook = call->webhook->id,
		.endpoint = call->endpoint->id,
		.resting = call->change == BREAKER_OPENED,
		.failures = call->breaker.failures,
		.until_ms = call->breaker.until_ms,
		.rested_ms = call->rested_ms,
		.answer = &call->wire.answer,
	};
}

static void tell_opened(struct guard *guard, const struct call *call)
{
	struct rest_line line = describe(call);
	char span[TEXT_DURATION_SIZE];

	text_short_duration(span, call->breaker.until_ms - call->settle.now_ms);
	say_warning("%s/%s: %d failed attempt%s in a row; it rests, the "
		    "first probe comes in %s",
	    call->webhook->id, call->endpoint->id, call->breaker.failures,
	    call->breaker.failures == 1 ? "" : "s", span);
	record_breaker(guard->record, &line);
	note_rest(guard, call->webhook->id, call->endpoint->id,
	    call->breaker.failures);
}

static void tell_closed(struct guard *guard, const struct call *call)
{
	auto_free char *name = rest_note(call->webhook->id, call->endpoint->id);
	struct rest_line line = describe(call);

	say_info("%s/%s works again", call->webhook->id, call->endpoint->id);
	record_breaker(guard->record, &line);
	notes_put(guard->notes, name, NULL);
}

bool guard_settled(struct guard *guard, const struct call *call)
{
	switch (call->change) {
	case BREAKER_SAME:
		return false;
	case BREAKER_OPENED:
		tell_opened(guard, call);
		return true;
	case BREAKER_CLOSED:
		tell_closed(guard, call);
		return true;
	}
	return false;
}
