/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * port/drop_out: how files leave a drop box.
 *
 * It owns the private names (.taken-PID-N-NAME) through which they go, and
 * promises that no content is removed but the one whose mark the caller read,
 * whatever producers do at any moment: they may rename another file over the
 * name, write into it, or take it away. It never writes over a name.
 *
 * If we die between taking the name away and the unlink, the file lies there
 * under its private name and drop_recover gives it back; the store's receipt
 * then tells that it was accepted. Where the file system keeps no birth time
 * the receipt cannot, and the file is accepted again rather than lost. If we
 * die while copying, a .moving-PID file stays beside the untouched original.
 */
#include "port/drop_parts.h"

#include "base/crash.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	COPY_MODE = 0640,
	COPY_BLOCK = 64 * 1024,
	/* ".taken-", a pid, a number and two dashes at their longest */
	PREFIX_MAX = 7 + 10 + 1 + 10 + 1,
	/* An ending that a free name keeps; longer ones are no endings. */
	ENDING_MAX = 64,
	/* Names that are tried before we give up finding a free one. */
	SPARE_MAX = 10000,
	/* The signal of a broken lease. SIGIO would end the process; to do
	 * nothing is the default of this one. */
	LEASE_SIGNAL = SIGURG,
};

static const char prefix[] = ".taken-";

/* ---- leases: does anybody write? ---------------------------------------- */

enum held { HELD, HELD_BY_WRITER, HELD_UNKNOWN };

/* A read lease is granted only while nobody has the file open for writing, and
 * makes whoever opens it so wait until we let go. */
static enum held hold(int fd)
{
	if (fcntl(fd, F_SETSIG, LEASE_SIGNAL) < 0)
		return HELD_UNKNOWN;
	if (fcntl(fd, F_SETLEASE, F_RDLCK) == 0)
		return HELD;
	return errno == EAGAIN ? HELD_BY_WRITER : HELD_UNKNOWN;
}

bool drop_unwritten(int fd, bool *sure)
{
	enum held held = hold(fd);

	if (held == HELD)
		fcntl(fd, F_SETLEASE, F_UNLCK);
	*sure = held != HELD_UNKNOWN;
	return held != HELD_BY_WRITER;
}

/* ---- taking out --------------------------------------------------------- */

/* Renames without writing over; errno tells why not (EEXIST: it is taken). */
static int rename_free(
    int from_dir, const char *from, int to_dir, const char *to)
{
	if (renameat2(from_dir, from, to_dir, to, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -1;
	/* A file system without it: a link never writes over either. */
	if (linkat(from_dir, from, to_dir, to, 0) < 0)
		return -1;
	return unlinkat(from_dir, from, 0);
}

/* Cuts to at most `max` bytes, not within a UTF-8 character. */
static size_t cut(const char *s, size_t len, size_t max)
{
	if (len <= max)
		return len;
	while (max && ((unsigned char)s[max] & 0xc0) == 0x80)
		max--;
	return max;
}

/* NAME, then NAME with -1, -2 … before its ending. */
static void spare(char out[NAME_MAX + 1], const char *name, int number)
{
	const char *dot = strrchr(name, '.');
	size_t stem = strlen(name);
	char tail[16] = "";
	size_t end = 0;
	size_t room;

	if (dot && dot > name && strlen(dot) <= ENDING_MAX) {
		end = strlen(dot);
		stem -= end;
	}
	if (number)
		snprintf(tail, sizeof(tail), "-%d", number);
	room = NAME_MAX - end - strlen(tail);
	snprintf(out, NAME_MAX + 1, "%.*s%s%s", (int)cut(name, stem, room),
	    name, tail, end ? dot : "");
}

/* A private name that recover() can read the file's own from; the front of a
 * name that is too long goes, for its ending is what patterns look at. */
static void private_name(char out[NAME_MAX + 1], const char *name, int number)
{
	size_t len = strlen(name);
	size_t skip =
	    len > NAME_MAX - PREFIX_MAX ? len - (NAME_MAX - PREFIX_MAX) : 0;

	while (skip && (name[skip] & 0xc0) == 0x80)
		skip++;
	snprintf(out, NAME_MAX + 1, "%s%d-%d-%s", prefix, (int)getpid(), number,
	    name + skip);
}

/* The name within a private name, NULL when it is none of ours. */
static const char *own_name(const char *taken)
{
	const char *at = taken;
	int part;

	if (!text_starts(at, prefix))
		return NULL;
	at += strlen(prefix);
	for (part = 0; part < 2; part++) {
		size_t digits = strspn(at, "0123456789");

		if (!digits || at[digits] != '-')
			return NULL;
		at += digits + 1;
	}
	return *at && *at != '.' ? at : NULL;
}

/* Puts what was taken back under its name, or a free one like it. */
static int give_back(
    struct drop *drop, const char *taken, const char *name, struct why *why)
{
	char back[NAME_MAX + 1];
	int i;

	for (i = 0; i < SPARE_MAX; i++) {
		spare(back, name, i);
		if (rename_free(drop_dir(drop), taken, drop_dir(drop), back) ==
			0 ||
		    errno == ENOENT)
			return 0;
		if (errno != EEXIST)
			break;
	}
	return drop_fail(why, drop, taken, "cannot give it its name back");
}

struct recovery {
	struct drop *drop;
	struct why *why;
	int count;
};

static int recover(void *arg, const char *taken)
{
	struct recovery *recovery = arg;
	const char *name = own_name(taken);

	if (!name)
		return 0;
	recovery->count++;
	return give_back(recovery->drop, taken, name, recovery->why);
}

int drop_recover(struct drop *drop, struct why *why)
{
	struct recovery recovery = { .drop = drop, .why = why };

	if (drop_each(drop, recover, &recovery, why) < 0)
		return -1;
	return recovery.count;
}

static int cannot_take(struct drop *drop, const char *name, struct why *why)
{
	if (errno != EACCES && errno != EPERM)
		return drop_fail(why, drop, name, "cannot take it out");
	return drop_fail(why, drop, name,
	    "cannot take it out, which needs write and search permission on "
	    "its directory and, where that is sticky, to own one of the two");
}

/* Moves the file to a private name, its own being gone is *missing. */
static int hide(struct drop *drop, const char *name, char taken[NAME_MAX + 1],
    bool *missing, struct why *why)
{
	int i;

	*missing = false;
	for (i = 0; i < SPARE_MAX; i++) {
		private_name(taken, name, i);
		if (rename_free(drop_dir(drop), name, drop_dir(drop), taken) ==
		    0)
			return 0;
		if (errno != EEXIST)
			break;
	}
	*missing = errno == ENOENT;
	return *missing ? 0 : cannot_take(drop, name, why);
}

/*
 * True when what lies under the private name is what `mark` tells. With a
 * lease on it there was no writer since we looked, unless one is waiting now:
 * then the kernel shows the lease as given up.
 */
static bool still(struct drop *drop, const char *taken, int leased,
    const struct drop_mark *mark)
{
	struct drop_mark now;

	if (drop_mark_at(drop, taken, &now) < 0)
		return false;
	if (leased >= 0 && fcntl(leased, F_GETLEASE) != F_RDLCK)
		return false;
	/* Our own rename changed the change time. */
	if (!now.born)
		now.birth_ns = mark->birth_ns;
	return drop_mark_equal(&now, mark);
}

static int take_out(struct drop *drop, const char *name, int leased,
    const struct drop_mark *mark, enum drop_removal *answer, struct why *why)
{
	char taken[NAME_MAX + 1];
	bool missing;

	if (hide(drop, name, taken, &missing, why) < 0)
		return -1;
	*answer = DROP_MISSING;
	if (missing)
		return 0;
	crash_point(file_taken);
	*answer = DROP_CHANGED;
	if (!still(drop, taken, leased, mark))
		return give_back(drop, taken, name, why);
	*answer = DROP_REMOVED;
	if (unlinkat(drop_dir(drop), taken, 0) == 0) {
		crash_point(file_removed);
		return 0;
	}
	drop_fail(why, drop, name, "cannot remove");
	give_back(drop, taken, name, NULL);
	return -1;
}

int drop_remove(struct drop *drop, const char *name, int fd,
    const struct drop_mark *mark, enum drop_removal *answer, struct why *why)
{
	auto_close int file = fd;
	enum held held = file >= 0 ? hold(file) : HELD_UNKNOWN;
	struct drop_mark now;

	/* Looked at in place first: a file that is not ours to remove keeps
	 * its name, and no bell is rung by its coming back. */
	*answer = DROP_MISSING;
	if (drop_mark_at(drop, name, &now) < 0)
		return errno == ENOENT
		    ? 0
		    : drop_fail(why, drop, name, "cannot look at it");
	*answer = DROP_CHANGED;
	if (!drop_mark_equal(&now, mark))
		return 0;
	if (file < 0) {
		file = openat(drop_dir(drop), name, DROP_FILE_FLAGS);
		held = file >= 0 ? hold(file) : HELD_UNKNOWN;
		if (file >= 0 &&
		    (drop_mark_of(file, &now) < 0 ||
			!drop_mark_equal(&now, mark)))
			return 0;
	}
	*answer = DROP_WRITTEN;
	if (held == HELD_BY_WRITER)
		return 0;
	return take_out(
	    drop, name, held == HELD ? file : -1, mark, answer, why);
}

/* ---- moving ------------------------------------------------------------- */

static int move_link(struct drop *drop, const char *name, int to,
    const char *as, struct why *why)
{
	char target[PATH_MAX];
	ssize_t len =
	    readlinkat(drop_dir(drop), name, target, sizeof(target) - 1);

	if (len < 0)
		return fail(why, "cannot read the link: %m");
	target[len] = '\0';
	if (symlinkat(target, to, as) < 0)
		return fail(why, "cannot make the link anew: %m");
	if (unlinkat(drop_dir(drop), name, 0) < 0)
		return fail(why, "cannot remove: %m");
	return 0;
}

static int copy(int from, int to, struct why *why)
{
	auto_free char *block = mem_alloc(COPY_BLOCK);
	ssize_t got;

	while ((got = read(from, block, COPY_BLOCK)) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return fail(why, "cannot read: %m");
		if (file_write_fd(to, "copy", block, (size_t)got, why) < 0)
			return -1;
	}
	if (fsync(to) < 0)
		return fail(why, "cannot sync: %m");
	return 0;
}

/* Writes a copy beside `as` and gives it the name once it is durable. */
static int copy_as(int from, int to, const char *as, struct why *why)
{
	char beside[64];
	auto_close int fd = -1;

	snprintf(beside, sizeof(beside), ".moving-%d", (int)getpid());
	unlinkat(to, beside, 0);
	fd = openat(to, beside,
	    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, COPY_MODE);
	if (fd < 0)
		return fail(why, "cannot create the copy: %m");
	if (copy(from, fd, why) < 0) {
		unlinkat(to, beside, 0);
		return -1;
	}
	if (rename_free(to, beside, to, as) < 0) {
		fail(why, "cannot name the copy: %m");
		unlinkat(to, beside, 0);
		return -1;
	}
	if (file_sync_dir(to, ".", why) == 0)
		return 0;
	unlinkat(to, as, 0);
	return -1;
}

/* Like the rest of the copying, it leaves the name out of its sentences. */
static int copy_away(struct drop *drop, const char *name, int to,
    const char *as, struct why *why)
{
	static const char *const lost[] = {
		[DROP_CHANGED] = "it changed while it was copied",
		[DROP_WRITTEN] = "it is open for writing",
		[DROP_MISSING] = "somebody took it away",
	};
	auto_close int fd = openat(drop_dir(drop), name, DROP_FILE_FLAGS);
	enum drop_removal removal;
	struct drop_mark mark;

	if (fd < 0 || drop_mark_of(fd, &mark) < 0)
		return fail(why, "cannot open: %m");
	if (copy_as(fd, to, as, why) < 0)
		return -1;
	if (drop_remove(drop, name, -1, &mark, &removal, why) == 0) {
		if (removal == DROP_REMOVED)
			return 0;
		fail(why, "%s", lost[removal]);
	}
	unlinkat(to, as, 0);
	return -1;
}

static int move_far(struct drop *drop, const char *name, int to, const char *as,
    struct why *why)
{
	struct stat st;

	if (fstatat(drop_dir(drop), name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return fail(why, "cannot look at it: %m");
	if (S_ISLNK(st.st_mode))
		return move_link(drop, name, to, as, why);
	if (S_ISREG(st.st_mode))
		return copy_away(drop, name, to, as, why);
	return fail(why, "%s cannot be moved to another file system",
	    drop_kind_word(st.st_mode));
}

int drop_move(struct drop *drop, const char *name, int to, const char *as,
    struct why *why)
{
	if (rename_free(drop_dir(drop), name, to, as) == 0)
		return 0;
	if (errno == EACCES || errno == EPERM)
		return cannot_take(drop, name, why);
	if (errno != EXDEV)
		return drop_fail(why, drop, name, "cannot move it away");
	if (move_far(drop, name, to, as, why) < 0)
		return drop_fail_in(why, drop, name);
	return 0;
}

/* Across file systems the file has its name back while it is copied. */
static int expel_far(struct drop *drop, const char *name,
    const struct drop_mark *mark, int to, const char *as,
    enum drop_removal *answer, struct why *why)
{
	struct drop_mark now;

	*answer = DROP_CHANGED;
	if (drop_mark_at(drop, name, &now) < 0 || !drop_mark_equal(&now, mark))
		return 0;
	*answer = DROP_REMOVED;
	return drop_move(drop, name, to, as, why);
}

int drop_expel(struct drop *drop, const char *name,
    const struct drop_mark *mark, int to, const char *as,
    enum drop_removal *answer, struct why *why)
{
	char taken[NAME_MAX + 1];
	bool missing;
	int error;

	if (hide(drop, name, taken, &missing, why) < 0)
		return -1;
	*answer = DROP_MISSING;
	if (missing)
		return 0;
	*answer = DROP_CHANGED;
	if (!still(drop, taken, -1, mark))
		return give_back(drop, taken, name, why);
	*answer = DROP_REMOVED;
	if (rename_free(drop_dir(drop), taken, to, as) == 0)
		return 0;
	error = errno;
	if (give_back(drop, taken, name, why) < 0)
		return -1;
	if (error == EXDEV)
		return expel_far(drop, name, mark, to, as, answer, why);
	errno = error;
	return drop_fail(why, drop, name, "cannot move it away");
}
