/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * model/retry: delivered, deferred or dead. The rule is the hosted page's (any
 * non-2xx is retried, at most three times), with the manners of Standard
 * Webhooks: growing delays, chance added so that a crowd spreads out, and the
 * peer's Retry-After heard. Chance and Retry-After only ever move the next try
 * later, never sooner.
 *
 * Our own troubles (FAULT_LOCAL) spend no try; give_up_after bounds them too,
 * so nothing waits for ever. Pure: a three-day schedule is computed in no time,
 * and nothing is lost if we die in the middle.
 */
#include "model/retry.h"

#include <assert.h>
#include <stdbool.h>

static const int64_t SECOND = 1000;
static const int64_t MINUTE = 60 * SECOND;
static const int64_t HOUR = 60 * MINUTE;

const char *outcome_word(enum outcome outcome)
{
	static const char *const words[] = {
		[OUTCOME_DELIVERED] = "delivered",
		[OUTCOME_DEFERRED] = "deferred",
		[OUTCOME_DEAD] = "dead",
	};

	assert((unsigned)outcome < sizeof(words) / sizeof(words[0]));
	return words[outcome];
}

void retry_policy_default(struct retry_policy *policy)
{
	*policy = (struct retry_policy){
		.max_retries = 3,
		.delays_ms = { 10 * SECOND, MINUTE, 10 * MINUTE },
		.delay_count = 3,
		.jitter = 0.2,
		.retry_after_max_ms = HOUR,
		.give_up_after_ms = 24 * HOUR,
	};
}

static bool is_never(const struct retry_policy *policy, int status)
{
	int i;

	for (i = 0; i < policy->never_count; i++) {
		if (policy->never[i] == status)
			return true;
	}
	return false;
}

static struct verdict dead(enum death death, int tries)
{
	return (struct verdict){
		.outcome = OUTCOME_DEAD,
		.death = death,
		.tries = tries,
	};
}

/* The delay after the try of this number (from 1), without chance. */
static int64_t planned_delay(const struct retry_policy *policy, int tries)
{
	int last = policy->delay_count - 1;

	if (last < 0)
		return 0;
	return policy->delays_ms[tries - 1 < last ? tries - 1 : last];
}

/* Chance in [0, 1) from the upper 53 bits, which a double holds exactly. */
static double chance(uint64_t dice)
{
	return (double)(dice >> 11) * 0x1p-53;
}

static int64_t wait_for(
    const struct retry_policy *policy, const struct retry_case *now, int tries)
{
	int64_t delay = planned_delay(policy, tries);
	int64_t asked = now->answer->retry_after_ms;

	delay += (int64_t)((double)delay * policy->jitter * chance(now->dice));
	if (asked > policy->retry_after_max_ms)
		asked = policy->retry_after_max_ms;
	return asked > delay ? asked : delay;
}

/* Deferred, unless the delivery would then be too old. */
static struct verdict later(const struct retry_policy *policy,
    const struct retry_case *now, int64_t wait_ms, int tries)
{
	int64_t age = now->now_ms - now->queued_ms;

	if (age + wait_ms > policy->give_up_after_ms)
		return dead(DEATH_AGE, tries);
	return (struct verdict){
		.outcome = OUTCOME_DEFERRED,
		.due_ms = now->now_ms + wait_ms,
		.tries = tries,
	};
}

struct verdict retry_decide(
    const struct retry_policy *policy, const struct retry_case *now)
{
	const struct answer *answer = now->answer;
	int tries = now->tries + 1;

	if (answer_delivered(answer))
		return (struct verdict){
			.outcome = OUTCOME_DELIVERED,
			.tries = tries,
		};
	if (answer->fault == FAULT_LOCAL)
		return later(policy, now, RETRY_OWN_FAULT_MS, now->tries);
	if (is_never(policy, answer->status))
		return dead(DEATH_NEVER, tries);
	if (tries > policy->max_retries)
		return dead(DEATH_RETRIES, tries);
	return later(policy, now, wait_for(policy, now, tries), tries);
}
