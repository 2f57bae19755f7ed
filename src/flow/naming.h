/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef FLOW_NAMING_H
#define FLOW_NAMING_H

#include "model/id.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * Gives events their ids: the one that `submit` has told already, by the
 * file's name, or one of our own.
 */
struct naming {
	struct id_maker ids;
};

/* `last` is the last event id that was ever given out, or "". */
void naming_init(struct naming *naming, const char *last);

/* True while the file's name would still be believed to hold an id. */
bool naming_is_told(const char *file, int failures);

/* The id of the event that is the `index`-th of its file. One in the file's
 * name is not believed when it is far from our time, or when the store refused
 * events under it (`failures` in a row): a stranger may have chosen one that is
 * taken. `chance` is any number from the dice. */
void naming_pick(struct naming *naming, const char *file, int64_t index,
    int failures, int64_t now_ms, uint32_t chance, char id[ID_SIZE]);

#endif
