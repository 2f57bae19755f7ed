/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * port/journal: the writing side of delivery.jsonl. It owns one open file.
 *
 * It promises that a line is never split over two writes, and that half a line,
 * left by a full disk or by a death in the middle of a write, stays alone: the
 * next line starts on its own. It never syncs, for the store is the truth and the
 * log only tells of it; never truncates; and knows nothing of what is in a
 * line. The reading side is journal_reader.c.
 */
#include "port/journal.h"

#include "base/file.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
	FILE_MODE = 0640,
	SHARED_MODE = 0660,
	DIR_MODE = 0750,
	LOOK_EVERY_MS = 1000,
};

struct journal {
	char *path;
	int fd;
	long long looked_ms; /* -1: never */
	off_t end; /* of the file after our last whole line, -1: not known */
};

/* NULL: none that could be made. */
static char *parent_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash || slash == path)
		return NULL;
	return mem_strndup(path, (size_t)(slash - path));
}

static int make_parent(const char *path, struct why *why)
{
	auto_free char *parent = parent_of(path);

	if (!parent)
		return 0;
	if (mkdir(parent, DIR_MODE) < 0 && errno != EEXIST)
		return fail(why, "%s: cannot make directory: %m", parent);
	return 0;
}

/* True where only root and ourselves put names: /dev/stdout is such a link. */
static bool is_ours(const char *path)
{
	auto_free char *parent = parent_of(path);
	struct stat st;

	if (stat(parent ? parent : *path == '/' ? "/" : ".", &st) < 0)
		return false;
	return (st.st_uid == 0 || st.st_uid == geteuid()) &&
	    !(st.st_mode & (S_IWGRP | S_IWOTH));
}

/* Read and write, for the last byte is looked at. Where others may put names, a
 * symbolic link could make root write anywhere. */
static int open_file(const char *path)
{
	int follow = is_ours(path) ? 0 : O_NOFOLLOW;

	return open(path,
	    O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | follow,
	    FILE_MODE);
}

/* Who may change the directory may write the file, as with the database: the
 * lines of verbs come from the members of its group. Whoever can, sees to it,
 * whatever the umask was; for others it is as it is. */
static void share(const char *path, int fd)
{
	auto_free char *parent = parent_of(path);
	struct stat dir;
	struct stat st;

	if (!parent || stat(parent, &dir) < 0 || !(dir.st_mode & S_IWGRP))
		return;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
	    st.st_gid != dir.st_gid || st.st_mode & S_IWGRP)
		return;
	/* Not the owner: then the group may not write, and is told so. */
	(void)!fchmod(fd, SHARED_MODE);
}

static int open_log(const char *path, struct why *why)
{
	int fd = open_file(path);

	if (fd < 0 && errno == ENOENT) {
		if (make_parent(path, why) < 0)
			return -1;
		fd = open_file(path);
	}
	if (fd < 0 && errno == ELOOP)
		return fail(why,
		    "%s: is a symbolic link in a directory that others may "
		    "change; it is not followed",
		    path);
	if (fd < 0)
		return fail(why, "%s: cannot open: %m", path);
	share(path, fd);
	return fd;
}

struct journal *journal_open(const char *path, struct why *why)
{
	int fd = open_log(path, why);
	struct journal *journal;

	if (fd < 0)
		return NULL;
	journal = mem_zalloc(sizeof(*journal));
	journal->path = mem_strdup(path);
	journal->fd = fd;
	journal->looked_ms = -1;
	return journal;
}

void journal_close(struct journal *journal)
{
	if (!journal)
		return;
	close(journal->fd);
	free(journal->path);
	free(journal);
}

int journal_reopen(struct journal *journal, struct why *why)
{
	int fd = open_log(journal->path, why);

	if (fd < 0)
		return -1;
	close(journal->fd);
	journal->fd = fd;
	journal->end = 0;
	return 0;
}

static bool moved(const struct journal *journal)
{
	struct stat ours;
	struct stat named;

	if (fstat(journal->fd, &ours) < 0)
		return true;
	if (stat(journal->path, &named) < 0)
		return errno == ENOENT;
	return ours.st_dev != named.st_dev || ours.st_ino != named.st_ino;
}

static int follow(struct journal *journal, long long steady_ms, struct why *why)
{
	if (journal->looked_ms >= 0 && steady_ms >= journal->looked_ms &&
	    steady_ms - journal->looked_ms < LOOK_EVERY_MS)
		return 0;
	journal->looked_ms = steady_ms;
	return moved(journal) ? journal_reopen(journal, why) : 0;
}

/* True when the file ends in the middle of a line: ours or another writer's
 * was cut short by a full disk. As long as the file ends where our last whole
 * line did, there is nothing to look at; *end is where it ends, -1 unknown. */
static bool torn(const struct journal *journal, off_t *end)
{
	struct stat st;
	char last;

	*end = -1;
	if (fstat(journal->fd, &st) < 0 || !S_ISREG(st.st_mode))
		return false;
	*end = st.st_size;
	if (!st.st_size || st.st_size == journal->end)
		return false;
	return pread(journal->fd, &last, 1, st.st_size - 1) == 1 &&
	    last != '\n';
}

static size_t count_lines(const char *lines, size_t len)
{
	const char *end = lines + len;
	size_t count = 0;

	while ((lines = memchr(lines, '\n', (size_t)(end - lines)))) {
		lines++;
		count++;
	}
	return count;
}

/* One write; *missing tells how many lines are not whole in the file. */
static int write_lines(struct journal *journal, const char *lines, size_t len,
    size_t *missing, struct why *why)
{
	static char newline[] = "\n";
	off_t end;
	struct iovec parts[] = {
		{ .iov_base = newline, .iov_len = torn(journal, &end) },
		{ .iov_base = (char *)(uintptr_t)lines, .iov_len = len },
		{ .iov_base = newline, .iov_len = 1 },
	};
	ssize_t before = (ssize_t)parts[0].iov_len;
	ssize_t wanted = before + (ssize_t)len + 1;
	ssize_t put;

	do
		put = writev(journal->fd, parts, 3);
	while (put < 0 && errno == EINTR);
	*missing = 0;
	journal->end = put == wanted && end >= 0 ? end + put : -1;
	if (put == wanted)
		return 0;
	if (put < 0)
		fail(why, "%s: cannot write: %m", journal->path);
	else
		fail(why,
		    "%s: only a part of a line could be written; the disk may "
		    "be full",
		    journal->path);
	*missing = count_lines(lines, len) + 1;
	if (put > before)
		*missing -= count_lines(lines, (size_t)(put - before));
	return -1;
}

int journal_append(struct journal *journal, const char *lines, size_t len,
    long long steady_ms, size_t *missing, struct why *why)
{
	int followed = follow(journal, steady_ms, why);

	if (write_lines(journal, lines, len, missing, why) < 0)
		return -1;
	if (followed < 0)
		*missing = count_lines(lines, len) + 1;
	return followed;
}
