/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef PORT_DROP_PARTS_H
#define PORT_DROP_PARTS_H

#include "port/drop.h"

#include <fcntl.h>

/*
 * What the three files of the drop share; for them alone. drop.c opens and
 * judges, drop_list.c lists, drop_out.c takes files out.
 */

/* Follows nothing, waits for nothing, becomes nobody's terminal. */
enum {
	DROP_FILE_FLAGS =
	    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY,
};

int drop_dir(const struct drop *drop);
/* True for names that are taken in: see drop_sweep. */
bool drop_fits(const struct drop *drop, const char *name);
/* Calls `each` with every name in the directory, until it returns non-zero,
 * which is returned. -1 also when the directory cannot be listed. */
int drop_each(struct drop *drop, int (*each)(void *arg, const char *name),
    void *arg, struct why *why);
/* The mark of what lies under a name, a link itself. errno tells why not. */
int drop_mark_at(
    const struct drop *drop, const char *name, struct drop_mark *mark);
/* "a directory", "a named pipe" … */
const char *drop_kind_word(mode_t mode);
/* "PATH/NAME: what: reason of errno", the name made visible; -1. */
int drop_fail(struct why *why, const struct drop *drop, const char *name,
    const char *what);
/* "PATH/NAME: " before a sentence that is there; -1. */
int drop_fail_in(struct why *why, const struct drop *drop, const char *name);

#endif
