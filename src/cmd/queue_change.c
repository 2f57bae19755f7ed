/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * cmd/queue_change: `queue hold`, `release`, `retry` and `delete`: what each of
 * them is, as a table; cmd/change.c does it.
 */
#include "cmd/change.h"
#include "cmd/queue.h"

#include <string.h>

#define IN(state) (1u << STATE_##state)

static const struct {
	const char *word;
	struct change_job job;
} jobs[] = {
	{ "hold",
	    { .change = CHANGE_HOLD,
		.verb = "Hold",
		.done = "held",
		.from = IN(CHAINED) | IN(WAITING),
		.states = IN(CHAINED) | IN(WAITING) | IN(ACTIVE) } },
	{ "release",
	    { .change = CHANGE_RELEASE,
		.verb = "Release",
		.done = "released",
		.from = IN(HELD),
		.states = IN(HELD) } },
	{ "retry",
	    { .change = CHANGE_RETRY,
		.verb = "Retry",
		.done = "retried",
		.shown = "due now",
		.from = IN(WAITING),
		.states = IN(WAITING) | IN(ACTIVE) } },
	{ "delete",
	    { .change = CHANGE_DELETE,
		.verb = "Delete",
		.done = "deleted",
		.from = IN(CHAINED) | IN(WAITING) | IN(HELD) | IN(DELIVERED) |
		    IN(DEAD),
		.states = IN(CHAINED) | IN(WAITING) | IN(ACTIVE) | IN(HELD),
		.asks = true } },
};

int queue_change(const struct args *args, const char *word)
{
	size_t i = 0;

	while (strcmp(jobs[i].word, word) != 0)
		i++;
	return change_deliveries(args, 1, &jobs[i].job);
}
