/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef CMD_EVENTS_H
#define CMD_EVENTS_H

#include "base/buf.h"
#include "model/conf.h"
#include "model/event.h"
#include "model/split.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * The events of a file, for verbs that look at some before anything happens.
 * What counts as an event is decided by the same code as in the daemon: an
 * object, an array, or JSON lines.
 */
struct event_item {
	struct event event;
	const char *bytes; /* its own, from '{' to '}'; lent from the list */
	size_t len;
	size_t line; /* where it begins, from 1 */
};

struct event_list {
	struct buf input;
	struct event_item *items;
	size_t count; /* at least one after a success */
};

/* Reads `name` ("-": standard input) whole. Returns an exit code: EXIT_OK, or
 * 65 or 66 after saying what is wrong; the list is then empty. */
int events_load(
    struct event_list *list, const struct conf *conf, const char *name);
/* The same from text that is taken over, such as a sample. */
int events_take(struct event_list *list, const struct conf *conf,
    const char *name, char *text);
void events_clear(struct event_list *list);

/*
 * The same one by one, for files that are too large to keep what is in them.
 */
struct event_walk {
	const char *name; /* of the input, for messages */
	const char *so; /* what a mistake led to, "; …", or "" */
	size_t size_max; /* of an event, bytes */
	bool lines; /* the name says JSON lines; then, whether it was */
	size_t count; /* of the events so far */
	/* Takes an event over, which lies in `bytes` where `piece` says. */
	void (*each)(struct event_walk *walk, struct event *event,
	    const char *bytes, const struct split_piece *piece);
	void *arg;
};

/* Returns EXIT_OK, or 65 after saying what is wrong, be it that there is no
 * event; what came before was taken all the same. */
int events_walk(struct event_walk *walk, const struct buf *input);
/* True when a file's name says that it holds JSON lines. */
bool events_are_lines(const char *name);

#endif
