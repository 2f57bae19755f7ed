/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * port/watch: the doorbell, and the only file that knows libinotifytools.
 *
 * The library is one state for the whole process, keeps its descriptor to
 * itself, prints to stderr when a call fails and leaks when a directory is
 * added twice. So its descriptor is found among ours, and nothing is asked of
 * it that /proc has not told to be in order first. It promises that a ring is
 * never lost: an overflow rings too. It never looks at what was dropped.
 *
 * A directory that somebody holds open, as we do, tells nobody that it was
 * removed; its parent does. A parent may be a busy place, so it is watched only
 * until that has cost enough.
 *
 * If we die nothing is left behind.
 */
#include "port/watch.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inotifytools/inotify.h>
#include <inotifytools/inotifytools.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	/* link() shows as IN_CREATE only, a chmod that makes a file readable
	 * and a touch of the bell as IN_ATTRIB. */
	EVENTS = IN_CREATE | IN_CLOSE_WRITE | IN_MOVED_TO | IN_ATTRIB |
	    IN_DELETE_SELF | IN_MOVE_SELF,
	PARENT_EVENTS = IN_DELETE | IN_MOVED_FROM | IN_MOVE_SELF,
	/* A parent is left alone after so many events that are not for us. */
	STRANGERS_MAX = 1000,
	FDINFO_MAX = 1024 * 1024,
};

/* One path that is watched. `wd` is -1 when /proc would not tell. */
struct place {
	char *path;
	bool is_parent;
	int strangers;
	int wd;
	dev_t device;
	ino_t inode;
};

/* The library's header declares a type of this name too, which is its own
 * affair: it never shows what is in it, and no call here takes one. */
struct watch {
	int fd;
	struct place *places;
	size_t count;
};

static bool is_inotify(int fd)
{
	static const char wanted[] = "anon_inode:inotify";
	char link[64];
	char target[64];
	ssize_t len;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, target, sizeof(target));
	return len == (ssize_t)strlen(wanted) &&
	    memcmp(target, wanted, strlen(wanted)) == 0;
}

/* The descriptor that the library opened: the kernel gave it the lowest number
 * that was free, `lowest` or, if a thread was quicker, one above. */
static int find_fd(int lowest)
{
	int fd;

	for (fd = lowest; fd < FD_SETSIZE; fd++) {
		if (is_inotify(fd))
			return fd;
	}
	return -1;
}

static int lowest_free(void)
{
	int fd = open("/", O_PATH | O_CLOEXEC);

	if (fd >= 0)
		close(fd);
	return fd;
}

static struct watch *give_up(struct why *why, const char *sentence)
{
	inotifytools_cleanup();
	fail(why, "%s", sentence);
	return NULL;
}

struct watch *watch_open(struct why *why)
{
	int lowest = lowest_free();
	struct watch *watch;
	int fd;

	/* Above this the library's select() would end the process. */
	if (lowest < 0 || lowest >= FD_SETSIZE) {
		fail(why, "inotify: too many files are open already");
		return NULL;
	}
	if (!inotifytools_initialize()) {
		errno = inotifytools_error();
		fail(why,
		    "inotify: cannot start (see fs.inotify."
		    "max_user_instances): %m");
		return NULL;
	}
	fd = find_fd(lowest);
	if (fd < 0)
		return give_up(why,
		    "inotify: its descriptor is not to be "
		    "found in /proc/self/fd");
	if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
		return give_up(why, "inotify: cannot set close-on-exec");
	watch = mem_zalloc(sizeof(*watch));
	watch->fd = fd;
	return watch;
}

void watch_close(struct watch *watch)
{
	size_t i;

	if (!watch)
		return;
	inotifytools_cleanup();
	for (i = 0; i < watch->count; i++)
		free(watch->places[i].path);
	free(watch->places);
	free(watch);
}

int watch_fd(const struct watch *watch)
{
	return watch->fd;
}

/* The kernel's list of watches, one `inotify wd:…` a line; "" if unknown. */
static void read_watches(const struct watch *watch, struct buf *out)
{
	char name[64];

	snprintf(name, sizeof(name), "/proc/self/fdinfo/%d", watch->fd);
	if (file_read(AT_FDCWD, name, out, NULL) < 0)
		buf_reset(out);
}

/* The number at the start of a line of it, -1 for other lines. */
static int wd_of_line(const char *line)
{
	unsigned wd;

	return sscanf(line, "inotify wd:%x", &wd) == 1 ? (int)wd : -1;
}

static bool lists(const char *watches, int wd)
{
	const char *line = watches;

	while (line && wd >= 0) {
		if (wd_of_line(line) == wd)
			return true;
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
	return false;
}

/* The watch that is in `after` and was not in `before`, -1 for none. */
static int added(const char *before, const char *after)
{
	const char *line = after;

	while (line) {
		int wd = wd_of_line(line);

		if (wd >= 0 && !lists(before, wd))
			return wd;
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
	return -1;
}

static struct place *find(struct watch *watch, const char *path, bool is_parent)
{
	size_t i;

	for (i = 0; i < watch->count; i++) {
		if (watch->places[i].is_parent == is_parent &&
		    strcmp(watch->places[i].path, path) == 0)
			return &watch->places[i];
	}
	watch->places =
	    mem_grow(watch->places, watch->count + 1, sizeof(*watch->places));
	watch->places[watch->count] = (struct place){
		.path = mem_strdup(path), .is_parent = is_parent, .wd = -1
	};
	return &watch->places[watch->count++];
}

/* The other use of the same directory: as a parent, or as one of ours. Numbers
 * of inodes are used again, so only those that the kernel lists count. */
static struct place *find_twin(struct watch *watch, const struct place *place,
    const struct stat *st, const char *watches)
{
	size_t i;

	for (i = 0; i < watch->count; i++) {
		struct place *other = &watch->places[i];

		if (other->is_parent != place->is_parent &&
		    other->device == st->st_dev && other->inode == st->st_ino &&
		    lists(watches, other->wd))
			return other;
	}
	return NULL;
}

static void let_go(struct place *place)
{
	if (place->wd >= 0)
		inotifytools_remove_watch_by_wd(place->wd);
	place->wd = -1;
}

static int refused(const char *path, struct why *why)
{
	errno = inotifytools_error();
	if (errno == ENOSPC)
		return fail(why,
		    "%s: cannot watch: no inotify watch is left (see "
		    "fs.inotify.max_user_watches)",
		    path);
	return fail(why, "%s: cannot watch: %m", path);
}

static int add(
    struct watch *watch, const char *path, bool is_parent, struct why *why)
{
	auto_buf struct buf before = BUF_INIT(FDINFO_MAX);
	auto_buf struct buf after = BUF_INIT(FDINFO_MAX);
	struct place *place;
	struct place *twin;
	struct stat st;

	if (access(path, R_OK) < 0 || stat(path, &st) < 0)
		return fail(why, "%s: cannot watch: %m", path);
	place = find(watch, path, is_parent);
	read_watches(watch, &before);
	if (!lists(buf_text(&before), place->wd))
		place->wd = -1;
	else if (place->device == st.st_dev && place->inode == st.st_ino)
		return 0;
	/* It was moved away, and would ring from there. */
	let_go(place);
	/* The kernel has one watch for both, and one of our own needs it. */
	twin = find_twin(watch, place, &st, buf_text(&before));
	if (twin && is_parent)
		return fail(why, "%s: is watched for its files", path);
	if (twin)
		let_go(twin);
	if (!inotifytools_watch_file(path, is_parent ? PARENT_EVENTS : EVENTS))
		return refused(path, why);
	read_watches(watch, &after);
	place->wd = added(buf_text(&before), buf_text(&after));
	place->device = st.st_dev;
	place->inode = st.st_ino;
	return 0;
}

int watch_add(struct watch *watch, const char *path, struct why *why)
{
	return add(watch, path, false, why);
}

/* ---- parents ------------------------------------------------------------- */

static const char *last_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

int watch_add_parent(struct watch *watch, const char *path, struct why *why)
{
	const char *name = last_of(path);
	auto_free char *parent = mem_strndup(path, (size_t)(name - path));

	return add(watch, *parent ? parent : ".", true, why);
}

static bool is_name_of_ours(const struct watch *watch, const char *name)
{
	size_t i;

	for (i = 0; i < watch->count; i++) {
		if (!watch->places[i].is_parent &&
		    strcmp(last_of(watch->places[i].path), name) == 0)
			return true;
	}
	return false;
}

static struct place *parent_of(
    struct watch *watch, const struct inotify_event *event)
{
	size_t i;

	for (i = 0; i < watch->count; i++) {
		if (watch->places[i].is_parent &&
		    watch->places[i].wd == event->wd)
			return &watch->places[i];
	}
	return NULL;
}

/* Something went from a parent. */
static bool parent_rings(struct watch *watch, const struct inotify_event *event)
{
	struct place *parent;

	if (is_name_of_ours(watch, event->name))
		return true;
	parent = parent_of(watch, event);
	if (parent && ++parent->strangers == STRANGERS_MAX)
		let_go(parent);
	return false;
}

void watch_calm(struct watch *watch)
{
	size_t i;

	for (i = 0; i < watch->count; i++) {
		struct place *place = &watch->places[i];

		if (!place->is_parent)
			continue;
		place->strangers = 0;
		if (place->wd < 0)
			add(watch, place->path, true, NULL);
	}
}

/* ---- the bell ------------------------------------------------------------ */

/* No dotted name is ever taken in, and those that come and go while files are
 * taken out are our own. */
static bool rings(struct watch *watch, const struct inotify_event *event)
{
	if (event->len && event->mask & PARENT_EVENTS)
		return parent_rings(watch, event);
	return !event->len || event->name[0] != '.';
}

static void announce(const struct watch *watch,
    const struct inotify_event *event, const struct watch_listener *listener)
{
	size_t i;

	if (!listener || !(event->mask & IN_MOVED_TO) || event->name[0] == '.')
		return;
	for (i = 0; i < watch->count; i++) {
		const struct place *place = &watch->places[i];

		if (!place->is_parent && place->wd == event->wd)
			listener->moved_in(
			    listener->arg, place->path, event->name);
	}
}

bool watch_drain(struct watch *watch, const struct watch_listener *listener)
{
	const struct inotify_event *event;
	bool rang = false;

	assert(watch->fd < FD_SETSIZE);
	/* Until it has none left: it reads a block ahead, and the descriptor is
	 * silent while events wait inside. next_event(0) would never return. */
	while ((event = inotifytools_next_events(0, 1)) != NULL) {
		rang |= rings(watch, event);
		announce(watch, event, listener);
	}
	return rang;
}
