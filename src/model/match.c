/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * model/match: which webhooks take an event. It asks the cheap questions
 * first: whether the webhook is on, whether a trigger fits the type, and only
 * then the filter, so that thousands of webhooks for other events cost a few
 * comparisons each. Webhooks come out in the order of the configuration, so
 * the same event always gives the same deliveries. Pure; allocates nothing.
 */
#include "model/match.h"

#include "model/directory.h"
#include "model/trigger.h"

bool match_webhook(const struct webhook *webhook, const struct event *event)
{
	return webhook->enabled &&
	    trigger_among(webhook->triggers, event->type) &&
	    filter_passes(webhook->filter, event->view);
}

/* Of the directory's candidates those that really take it. */
static size_t match_candidates(const struct conf *conf,
    const struct event *event, const struct webhook **hits)
{
	struct directory_walk walk;
	size_t count = 0;
	size_t place;

	directory_ask(conf->directory, event, &walk);
	while (directory_next(&walk, &place)) {
		if (match_webhook(conf->webhooks[place], event))
			hits[count++] = conf->webhooks[place];
	}
	return count;
}

size_t match_event(const struct conf *conf, const struct event *event,
    const struct webhook **hits)
{
	size_t count = 0;
	size_t i;

	if (conf->directory)
		return match_candidates(conf, event, hits);
	for (i = 0; i < conf->webhook_count; i++) {
		if (match_webhook(conf->webhooks[i], event))
			hits[count++] = conf->webhooks[i];
	}
	return count;
}
