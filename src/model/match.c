/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * model/match: which webhooks take an event. It asks the cheap questions
 * first: whether the webhook is on, whether a trigger fits the type, and only
 * then the filter, so that thousands of webhooks for other events cost a few
 * comparisons each. Webhooks come out in the order of the configuration, so
 * the same event always gives the same deliveries. Pure; allocates nothing.
 */
#include "model/match.h"

#include "model/trigger.h"

static bool triggered(const struct webhook *webhook, const char *type)
{
	char **trigger;

	for (trigger = webhook->triggers; *trigger; trigger++) {
		if (trigger_takes(*trigger, type))
			return true;
	}
	return false;
}

bool match_webhook(const struct webhook *webhook, const struct event *event)
{
	return webhook->enabled && triggered(webhook, event->type) &&
	    filter_passes(webhook->filter, event->view);
}

size_t match_event(const struct conf *conf, const struct event *event,
    const struct webhook **hits)
{
	size_t count = 0;
	size_t i;

	for (i = 0; i < conf->webhook_count; i++) {
		if (match_webhook(conf->webhooks[i], event))
			hits[count++] = conf->webhooks[i];
	}
	return count;
}
