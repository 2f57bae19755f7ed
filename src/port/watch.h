/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef PORT_WATCH_H
#define PORT_WATCH_H

#include "base/why.h"

#include <stdbool.h>

/*
 * The doorbell, by libinotifytools. It says "look again", and which files came
 * by rename, which is a hint and no more: so an overflow or a lost event costs
 * nothing but a sweep.
 * One per process; open it before any socket, for the library aborts on
 * descriptors over 1023.
 */
struct watch;

/* Fails when inotify is out of watches or instances: the sweep every
 * spool.rescan then does the work alone. */
struct watch *watch_open(struct why *why);
void watch_close(struct watch *watch);
/* To be watched for readability; close-on-exec. */
int watch_fd(const struct watch *watch);
/* Adds a directory, or a file (the spool's bell). To add again what is watched
 * does nothing; do so after it was replaced, and the old one is forgotten. */
int watch_add(struct watch *watch, const char *path, struct why *why);
/* Lets it ring, too, when what is at `path` (a path that was added) is removed
 * while somebody holds it open: its parent directory is watched for that, but
 * no longer than until a thousand other things went from there. Fails when that
 * may not be watched, or is one of those added: then only a look tells. */
int watch_add_parent(struct watch *watch, const char *path, struct why *why);
/* Watches the parents again that were left alone. To be called now and then. */
void watch_calm(struct watch *watch);
/* Told of each file that was renamed into a directory that was added. */
struct watch_listener {
	void (*moved_in)(void *arg, const char *path, const char *name);
	void *arg;
};
/* Empties the queue; `listener` may be NULL. True when anything rang, be it an overflow. What happens
 * to dotted names rings not: they are never taken in, and ours are among them. */
bool watch_drain(struct watch *watch, const struct watch_listener *listener);

#endif
