/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef CMD_PLACES_H
#define CMD_PLACES_H

#include "model/conf.h"

#include <stddef.h>

/*
 * Where something of a loaded configuration stands in its files, which are read
 * once more for it. A file that has changed since gives the place where it
 * would stand now, or none.
 */
struct place {
	char *file; /* below the configuration directory, as findings have it */
	size_t line, column; /* from 1; line 0: not found */
};

/* Of a JSON pointer in a webhook's file; what a webhook took over from
 * "defaults" is found there. Clear it. */
void place_find(struct place *place, const struct conf *conf,
    const char *webhook, const char *pointer);
void place_clear(struct place *place);

/* Adds a finding at that place, with the line and its caret. */
void place_say(const struct conf *conf, const char *webhook,
    const char *pointer, enum severity severity, const char *code,
    const char *message, const char *help, struct findings *findings);
/* The same for spoolhook.json. */
void place_say_setting(const struct conf *conf, const char *pointer,
    enum severity severity, const char *code, const char *message,
    const char *help, struct findings *findings);

#endif
