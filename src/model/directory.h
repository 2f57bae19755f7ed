/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef MODEL_DIRECTORY_H
#define MODEL_DIRECTORY_H

#include "model/event.h"

#include <stdbool.h>
#include <stddef.h>

struct webhook;

/*
 * Which webhooks could take an event at all, found by the names that the event
 * bears instead of by asking each. It never leaves one out that would take the
 * event; whether one does is match_webhook's answer.
 */
struct directory;

/* Of webhooks in the order in which they are to be found. Names are lent from
 * their filters and triggers, so it goes before they do. */
struct directory *directory_new(struct webhook *const *webhooks, size_t count);
void directory_free(struct directory *directory);

enum { DIRECTORY_RUNS_MAX = 8 };

/* A walk over the candidates for one event: {0} with the directory and event
 * given by directory_ask. Allocates nothing. */
struct directory_walk {
	struct {
		const struct directory_entry *at, *end;
	} runs[DIRECTORY_RUNS_MAX];
	size_t count;
};
void directory_ask(const struct directory *directory, const struct event *event,
    struct directory_walk *walk);
/* The next one's place among the webhooks, rising, each once; false behind the
 * last. */
bool directory_next(struct directory_walk *walk, size_t *place);

#endif
