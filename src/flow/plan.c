/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * flow/plan: the configuration as the dispatcher works with it. Targets lie in
 * the order of the webhooks and of their endpoints, so the target of a webhook
 * is found by counting, and by number through a sorted index.
 */
#include "flow/plan.h"

#include "base/mem.h"

#include <assert.h>
#include <stdlib.h>

struct plan *plan_new(struct conf *conf, int64_t generation)
{
	struct plan *plan = mem_zalloc(sizeof(*plan));
	size_t w;
	size_t e;

	plan->conf = conf;
	plan->generation = generation;
	plan->users = 1;
	for (w = 0; w < conf->webhook_count; w++)
		plan->count += conf->webhooks[w]->endpoint_count;
	plan->targets = mem_array(plan->count, sizeof(*plan->targets));
	plan->by_number = mem_array(plan->count, sizeof(struct target *));
	plan->count = 0;
	for (w = 0; w < conf->webhook_count; w++) {
		struct webhook *webhook = conf->webhooks[w];

		webhook->first_target = plan->count;
		for (e = 0; e < webhook->endpoint_count; e++) {
			struct target *target = &plan->targets[plan->count];

			target->webhook = webhook;
			target->endpoint = &webhook->endpoints[e];
			target->next_due_ms = -1;
			plan->by_number[plan->count++] = target;
		}
	}
	return plan;
}

static int by_number(const void *a, const void *b)
{
	const struct target *const *x = a;
	const struct target *const *y = b;

	return ((*x)->number > (*y)->number) - ((*x)->number < (*y)->number);
}

void plan_index(struct plan *plan)
{
	qsort(plan->by_number, plan->count, sizeof(struct target *), by_number);
}

struct target *plan_target(const struct plan *plan, int64_t number)
{
	size_t low = 0;
	size_t high = plan->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (plan->by_number[middle]->number == number)
			return plan->by_number[middle];
		if (plan->by_number[middle]->number < number)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

struct target *plan_of(
    const struct plan *plan, const struct webhook *webhook, size_t n)
{
	assert(n < webhook->endpoint_count);
	return &plan->targets[webhook->first_target + n];
}

struct plan *plan_hold(struct plan *plan)
{
	plan->users++;
	return plan;
}

void plan_drop(struct plan *plan)
{
	if (!plan || --plan->users > 0)
		return;
	conf_free(plan->conf);
	free(plan->targets);
	free(plan->by_number);
	free(plan);
}
