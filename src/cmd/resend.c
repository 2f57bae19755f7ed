/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * cmd/resend: dead, delivered or held deliveries go back into the queue with
 * the same delivery id and all their tries: at once, or at a pace that their
 * receiver can stand. cmd/change.c does it.
 */
#include "base/mem.h"
#include "base/text.h"
#include "cmd/change.h"
#include "cmd/select.h"
#include "cmd/verb.h"

#include <string.h>

enum { RATE_MAX = 1000000, SECOND_US = 1000000 };

static const struct verb_option options[] = {
	SELECT_OPTIONS,
	{ 0, "rate", "N", "at most so many a second; N/m and N/h work, too",
	    false, false },
	CHANGE_OPTIONS,
	{ 0, NULL, NULL, NULL, false, false },
};

static const struct {
	const char *name;
	int64_t us;
} units[] = {
	{ "", SECOND_US },
	{ "/s", SECOND_US },
	{ "/m", 60LL * SECOND_US },
	{ "/h", 3600LL * SECOND_US },
};

/* "10", "10/s", "600/m", "5/h": the time between two. */
static bool read_rate(const char *text, int64_t *every_us)
{
	size_t len = strcspn(text, "/");
	auto_free char *digits = mem_strndup(text, len);
	int64_t number;
	size_t i;

	if (!text_int(digits, 1, RATE_MAX, &number))
		return false;
	for (i = 0; i < sizeof(units) / sizeof(*units); i++) {
		if (strcmp(units[i].name, text + len) == 0) {
			*every_us = units[i].us / number;
			return true;
		}
	}
	return false;
}

static int run(const struct args *args)
{
	struct change_job job = {
		.change = CHANGE_RESEND,
		.verb = "Resend",
		.done = "resent",
		.shown = "queued",
		.from =
		    1u << STATE_DELIVERED | 1u << STATE_DEAD | 1u << STATE_HELD,
		.states = 1u << STATE_DEAD,
	};
	const char *rate = args_value(args, "rate");

	if (rate && !read_rate(rate, &job.every_us))
		return verb_usage(args,
		    "--rate: \"%s\" is no rate like 10, 10/s, 600/m or 5/h",
		    rate);
	return change_deliveries(args, 0, &job);
}

const struct verb verb_resend = {
	.name = "resend",
	.group = "Queue",
	.operands = "[ID…|-]",
	.summary = "send dead, delivered or held deliveries again",
	.options = options,
	.run = run,
};
