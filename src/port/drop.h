/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef PORT_DROP_H
#define PORT_DROP_H

#include "base/why.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * A drop box: a directory that strangers write into. It lists what lies
 * there, opens it without following anything, and takes files out for good.
 */
struct drop;

/*
 * What tells one content of one file from any other: device, inode, birth,
 * mtime and size. They survive a rename, but for a birth that is a change time
 * because the file system keeps none. Two writes of the same length within one
 * tick of the clock (4 ms at most; none since Linux 6.13) look alike.
 */
struct drop_mark {
	uint64_t device, inode;
	int64_t birth_ns; /* its change time where there is no birth time */
	int64_t mtime_ns;
	int64_t ctime_ns; /* not compared: a rename changes it */
	int64_t size;
	bool born; /* birth_ns is one; not compared */
};
bool drop_mark_equal(const struct drop_mark *a, const struct drop_mark *b);

struct drop_entry {
	char *name;
	int64_t ctime_ns;
	uint64_t inode;
};

/* A sweep's result: the oldest files first, by change time and name. */
struct drop_list {
	struct drop_entry *entries;
	size_t count;
	size_t cap;
	bool more; /* there are others, left for the next sweep */
};

/* `patterns` (fnmatch) is lent for as long as the drop lives; `make` makes a
 * missing directory (one level). It changes nothing else in there. */
struct drop *drop_open(
    const char *path, char *const *patterns, bool make, struct why *why);
/* One more drop_close closes it. Holding and closing are for one thread; while
 * it is held another may take files out. */
struct drop *drop_hold(struct drop *drop);
/* NULL is fine. */
void drop_close(struct drop *drop);
const char *drop_path(const struct drop *drop);
/* True when the path names another directory than the one that is open (or
 * none): it was replaced. A new drop box is there then. */
bool drop_replaced(const struct drop *drop);
/* Gives back, under their names or free ones like them, the files that a
 * process was taking out when it was killed, so that they are judged again.
 * For whoever holds the spool's lock. Returns how many. */
int drop_recover(struct drop *drop, struct why *why);

/* Files that a sweep leaves out, so that those which stay for long never keep
 * younger ones from being listed; `skips` may be NULL. */
struct drop_skip {
	bool (*skips)(void *arg, uint64_t inode, int64_t ctime_ns);
	void *arg;
};
/* Lists files whose names fit the patterns and are not dotted or temporary
 * (.tmp .part .swp ~); at most `max`, the oldest of those not skipped. `skip`
 * may be NULL. */
int drop_sweep(struct drop *drop, size_t max, const struct drop_skip *skip,
    struct drop_list *out, struct why *why);
void drop_list_clear(struct drop_list *list);

enum drop_answer {
	DROP_OPENED,
	DROP_GONE, /* somebody took it away */
	DROP_UNREADABLE, /* no permission; why tells */
	DROP_IRREGULAR, /* a link, a directory, a device; why tells */
	/* Several hard links. link() followed by unlink() of the temporary name
	 * is a way in, and looks like this for a moment: look again before it
	 * is judged. */
	DROP_LINKED,
};
/* Opens for reading; *fd is the caller's when the answer is DROP_OPENED, else
 * -1. The mark is told for DROP_IRREGULAR and DROP_LINKED, too. Returns -1
 * with a sentence for trouble that is ours (no descriptors). */
int drop_take(struct drop *drop, const char *name, enum drop_answer *answer,
    int *fd, struct drop_mark *mark, struct why *why);
/* The mark of an open file as it is now. */
int drop_mark_of(int fd, struct drop_mark *mark);
/* True when no process has it open for writing, as far as can be told: *sure
 * is false when the kernel does not let us know (another owner's file without
 * CAP_LEASE, a network file system). */
bool drop_unwritten(int fd, bool *sure);
/* True when its name or mode changed after its last byte did: it came by
 * rename or link (or was touched since, which is as good). Limits: a network
 * file system may leave the change time alone; a producer that renames and
 * goes on writing makes it false again by its next write; and so it means no
 * more than "nothing was written after it was named". */
bool drop_renamed(const struct drop_mark *mark);

/* A number of the directory that is open, never given to another one. */
uint64_t drop_serial(const struct drop *drop);
/* Another descriptor of the directory, for whoever is to sync it; the caller
 * closes it. -1 when none is to be had. */
int drop_dup(const struct drop *drop);

enum drop_removal {
	DROP_REMOVED,
	DROP_CHANGED, /* other content is there now, and stays */
	DROP_WRITTEN, /* open for writing: stays; ask again once it is closed */
	DROP_MISSING, /* somebody took it away */
};
/*
 * Removes the file if it is still the content that `mark` tells. What was put
 * in its place or written to it since is never removed: the name is first
 * moved to a private one (.taken-…, no sweep lists it), what was moved is
 * compared, and goes back when it is anything else, under a name like its own
 * (`x-1.json`) when the old one is taken again. `fd` is the file as it was
 * opened when its mark was read, taken over; -1 when it has been closed.
 */
int drop_remove(struct drop *drop, const char *name, int fd,
    const struct drop_mark *mark, enum drop_removal *answer, struct why *why);

/* Moves the file into the directory `to` as `as`, by rename or, across file
 * systems, by a synced copy; a name that is taken is not written over, and
 * fails. A symbolic link or other irregular thing is moved as it is; across
 * file systems only links are. */
int drop_move(struct drop *drop, const char *name, int to, const char *as,
    struct why *why);

/* The same for what was judged by `mark`: anything else that is under the name
 * by now stays there (DROP_CHANGED). DROP_REMOVED: it was moved. */
int drop_expel(struct drop *drop, const char *name,
    const struct drop_mark *mark, int to, const char *as,
    enum drop_removal *answer, struct why *why);

/* Free bytes of the file system that holds `path`, for the low-disk rule; 0
 * also when it has no inode left. */
int drop_free(const char *path, int64_t *bytes, struct why *why);

#endif
