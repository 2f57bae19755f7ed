/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef MODEL_MATCH_H
#define MODEL_MATCH_H

#include "model/conf.h"
#include "model/event.h"

#include <stdbool.h>
#include <stddef.h>

/* A webhook takes an event when it is enabled, a trigger matches and the
 * filter passes. */
bool match_webhook(const struct webhook *webhook, const struct event *event);

/* Fills `hits` (room for conf->webhook_count) with the webhooks that take the
 * event, in the order of their ids; returns how many. */
size_t match_event(const struct conf *conf, const struct event *event,
    const struct webhook **hits);

#endif
