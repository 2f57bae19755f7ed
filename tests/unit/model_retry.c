/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * The retry rule: what is success, how often and how late a failed delivery is
 * tried again, and when it is given up.
 */
#include "model/retry.h"

#include "tap.h"

#include <stdint.h>

static const int64_t T0 = 1700000000000;
enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE };

static struct retry_policy policy(void)
{
	struct retry_policy p;

	retry_policy_default(&p);
	return p;
}

static struct verdict judge_at(const struct retry_policy *p, int status,
    enum fault fault, int tries, int64_t retry_after_ms, int64_t age_ms,
    uint64_t dice)
{
	struct answer answer = {
		.status = status,
		.fault = fault,
		.retry_after_ms = retry_after_ms,
	};
	struct retry_case now = {
		.answer = &answer,
		.tries = tries,
		.queued_ms = T0 - age_ms,
		.now_ms = T0,
		.dice = dice,
	};

	return retry_decide(p, &now);
}

static struct verdict judge(
    const struct retry_policy *p, int status, enum fault fault, int tries)
{
	return judge_at(p, status, fault, tries, -1, 0, 0);
}

static void successes(void)
{
	struct retry_policy p = policy();
	static const int no[] = { 100, 101, 199, 300, 301, 304, 400, 429, 500,
		503, 599, 600, 999, 0 };
	struct verdict v;
	size_t i;

	v = judge(&p, 200, FAULT_NONE, 0);
	is_int(v.outcome, OUTCOME_DELIVERED, "200 is delivered");
	is_int(v.tries, 1, "and spent one try");
	v = judge(&p, 299, FAULT_NONE, 3);
	is_int(
	    v.outcome, OUTCOME_DELIVERED, "299 on the last try is delivered");
	v = judge(&p, 204, FAULT_TOO_LARGE, 0);
	is_int(v.outcome, OUTCOME_DELIVERED,
	    "a 2xx whose answer we cut off is delivered");
	v = judge(&p, 200, FAULT_RESET, 0);
	is_int(v.outcome, OUTCOME_DEFERRED,
	    "a 2xx that the peer broke off is not delivered");
	v = judge(&p, 200, FAULT_TIMEOUT, 0);
	is_int(v.outcome, OUTCOME_DEFERRED,
	    "a 2xx that took too long is not delivered");
	v = judge(&p, 0, FAULT_TOO_LARGE, 0);
	is_int(v.outcome, OUTCOME_DEFERRED,
	    "an answer cut off before its status is not delivered");
	for (i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
		v = judge(&p, no[i], fault_of_status(no[i]), 0);
		ok(v.outcome == OUTCOME_DEFERRED, "status %d is retried",
		    no[i]);
	}
}

static void schedule(void)
{
	struct retry_policy p = policy();
	struct verdict v;

	v = judge(&p, 503, FAULT_HTTP_5XX, 0);
	is_int(v.due_ms - T0, 10 * SECOND, "the second try is 10 s later");
	v = judge(&p, 503, FAULT_HTTP_5XX, 1);
	is_int(v.due_ms - T0, MINUTE, "the third a minute later");
	v = judge(&p, 503, FAULT_HTTP_5XX, 2);
	is_int(v.due_ms - T0, 10 * MINUTE, "the fourth ten minutes later");
	is_int(v.tries, 3, "three tries are spent then");
	v = judge(&p, 503, FAULT_HTTP_5XX, 3);
	is_int(v.outcome, OUTCOME_DEAD, "after the fourth it is dead");
	is_int(v.death, DEATH_RETRIES, "because the retries are used up");
	is_int(v.tries, 4, "with four tries spent");
	p.max_retries = 9;
	v = judge(&p, 503, FAULT_HTTP_5XX, 7);
	is_int(v.due_ms - T0, 10 * MINUTE, "the last delay repeats");
	p.max_retries = 0;
	v = judge(&p, 503, FAULT_HTTP_5XX, 0);
	is_int(
	    v.outcome, OUTCOME_DEAD, "no retries: dead at the first failure");
	p = policy();
	p.delay_count = 0;
	v = judge(&p, 503, FAULT_HTTP_5XX, 0);
	is_int(v.due_ms, T0, "no delays: at once");
}

static void jitter(void)
{
	struct retry_policy p = policy();
	uint64_t dice;
	bool within = true;
	struct verdict v;

	for (dice = 0; dice < 200; dice++) {
		v = judge_at(&p, 500, FAULT_HTTP_5XX, 0, -1, 0,
		    dice * 0x0147ae147ae147aeu);
		within &= v.due_ms - T0 >= 10 * SECOND;
		within &= v.due_ms - T0 <= 12 * SECOND;
	}
	ok(within, "chance adds at most a fifth, and takes nothing away");
	v = judge_at(&p, 500, FAULT_HTTP_5XX, 0, -1, 0, UINT64_MAX);
	ok(v.due_ms - T0 > 11900, "the highest throw gives nearly all of it");
	p.jitter = 0;
	v = judge_at(&p, 500, FAULT_HTTP_5XX, 0, -1, 0, UINT64_MAX);
	is_int(v.due_ms - T0, 10 * SECOND, "no jitter: exactly the delay");
	p.jitter = 1;
	v = judge_at(&p, 500, FAULT_HTTP_5XX, 0, -1, 0, UINT64_MAX / 2);
	ok(v.due_ms - T0 >= 14999 && v.due_ms - T0 <= 15000,
	    "jitter 1 and an even throw: half as much again");
}

static void retry_after(void)
{
	struct retry_policy p = policy();
	struct verdict v;

	v = judge_at(&p, 429, FAULT_HTTP_4XX, 0, 2 * MINUTE, 0, 0);
	is_int(v.due_ms - T0, 2 * MINUTE, "Retry-After moves the try later");
	v = judge_at(&p, 429, FAULT_HTTP_4XX, 2, SECOND, 0, 0);
	is_int(v.due_ms - T0, 10 * MINUTE, "and never sooner");
	v = judge_at(&p, 429, FAULT_HTTP_4XX, 0, 0, 0, 0);
	is_int(v.due_ms - T0, 10 * SECOND, "Retry-After of nothing is nothing");
	v = judge_at(&p, 503, FAULT_HTTP_5XX, 0, INT64_MAX, 0, 0);
	is_int(v.due_ms - T0, HOUR, "by retry_after_max at most");
	p.retry_after_max_ms = 0;
	v = judge_at(&p, 503, FAULT_HTTP_5XX, 0, 5 * MINUTE, 0, 0);
	is_int(v.due_ms - T0, 10 * SECOND, "retry_after_max 0 turns it off");
	p = policy();
	v = judge_at(&p, 503, FAULT_HTTP_5XX, 3, 5 * MINUTE, 0, 0);
	is_int(v.outcome, OUTCOME_DEAD, "it buys no further try");
}

static void never(void)
{
	struct retry_policy p = policy();
	struct verdict v;

	v = judge(&p, 410, FAULT_HTTP_4XX, 0);
	is_int(v.outcome, OUTCOME_DEFERRED, "by default 410 is retried too");
	p.never[0] = 404;
	p.never[1] = 410;
	p.never_count = 2;
	v = judge(&p, 410, FAULT_HTTP_4XX, 0);
	is_int(v.outcome, OUTCOME_DEAD, "a status in never is final at once");
	is_int(v.death, DEATH_NEVER, "and says so");
	is_int(v.tries, 1, "after one try");
	v = judge(&p, 411, FAULT_HTTP_4XX, 0);
	is_int(v.outcome, OUTCOME_DEFERRED, "its neighbour is not");
	p.never[0] = 200;
	v = judge(&p, 200, FAULT_NONE, 0);
	is_int(v.outcome, OUTCOME_DELIVERED, "success is success all the same");
	p.never[0] = 0;
	v = judge(&p, 0, FAULT_LOCAL, 0);
	is_int(v.outcome, OUTCOME_DEFERRED, "an own fault is never final");
}

static void giving_up(void)
{
	struct retry_policy p = policy();
	struct verdict v;

	p.give_up_after_ms = HOUR;
	v = judge_at(&p, 500, FAULT_HTTP_5XX, 1, -1, 59 * MINUTE, 0);
	is_int(v.outcome, OUTCOME_DEFERRED, "a try just within the age is due");
	v = judge_at(&p, 500, FAULT_HTTP_5XX, 1, -1, 59 * MINUTE + 1, 0);
	is_int(v.outcome, OUTCOME_DEAD, "one that would be past it is not");
	is_int(v.death, DEATH_AGE, "it died of age");
	is_int(v.tries, 2, "with its tries counted");
	v = judge_at(&p, 0, FAULT_LOCAL, 1, -1, HOUR, 0);
	is_int(v.death, DEATH_AGE, "own faults do not wait for ever either");
	is_int(v.tries, 1, "and even then spend no try");
	v = judge_at(&p, 204, FAULT_NONE, 1, -1, 99 * HOUR, 0);
	is_int(v.outcome, OUTCOME_DELIVERED, "success comes at any age");
}

static void own_faults(void)
{
	struct retry_policy p = policy();
	struct verdict v;

	v = judge_at(&p, 0, FAULT_LOCAL, 3, HOUR, 0, UINT64_MAX);
	is_int(
	    v.outcome, OUTCOME_DEFERRED, "an own fault on the last try waits");
	is_int(v.tries, 3, "and spends nothing");
	is_int(v.due_ms - T0, RETRY_OWN_FAULT_MS, "for half a minute");
	v = judge(&p, 0, FAULT_DNS, 3);
	is_int(v.outcome, OUTCOME_DEAD, "an unknown host spends its try");
	v = judge(&p, 0, FAULT_DENIED, 0);
	is_int(v.outcome, OUTCOME_DEFERRED, "a denied address is retried");
}

static void words(void)
{
	static const char *const wanted[] = { "", "dns", "connect", "timeout",
		"tls_verify", "tls", "reset", "http_3xx", "http_4xx",
		"http_5xx", "too_large", "denied", "local" };
	int fault;

	for (fault = FAULT_NONE; fault <= FAULT_LOCAL; fault++)
		is_str(fault_word((enum fault)fault), wanted[fault],
		    "error_code has the contract's word");
	is_str(outcome_word(OUTCOME_DELIVERED), "delivered", "delivered");
	is_str(outcome_word(OUTCOME_DEFERRED), "deferred", "deferred");
	is_str(outcome_word(OUTCOME_DEAD), "dead", "dead");
	is_int(fault_of_status(204), FAULT_NONE, "2xx is no fault");
	is_int(fault_of_status(308), FAULT_HTTP_3XX, "308 is a redirect");
	is_int(fault_of_status(404), FAULT_HTTP_4XX, "404 is theirs to say");
	is_int(fault_of_status(101), FAULT_HTTP_5XX, "101 is no success");
}

int main(void)
{
	successes();
	schedule();
	jitter();
	retry_after();
	never();
	giving_up();
	own_faults();
	words();
	return done();
}
