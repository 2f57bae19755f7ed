/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * port/journal_reader: the reading side of delivery.jsonl.
 *
 * It owns an open file and the bytes read ahead. It promises whole lines only,
 * each once, across rotation by rename and by copy-and-empty. A moved file is
 * kept until the new one has something in it, for its writer looks only once a
 * second whether it was moved. It never changes the file; memory is bounded by
 * the longest line that is read, and longer ones are passed over.
 */
#include "port/journal.h"
#include "port/journal_own.h"

#include "base/buf.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BLOCK = 64 * 1024 };

struct journal_reader {
	char *path;
	int fd; /* -1: there is no file yet */
	struct journal_tool tool; /* the fd is the end of its pipe */
	bool ends; /* the path may name another file: not followed */
	off_t at; /* where the next block is read */
	struct buf ahead;
	size_t taken; /* bytes of `ahead` that were handed out */
	bool skipping; /* in the middle of a line that is too long */
};

struct journal_reader *journal_reader_of(
    const char *path, int fd, const struct journal_tool *tool)
{
	struct journal_reader *reader = mem_zalloc(sizeof(*reader));

	reader->path = mem_strdup(path);
	reader->ahead = (struct buf)BUF_INIT(JOURNAL_LINE_MAX + BLOCK);
	reader->fd = fd;
	reader->ends = true;
	if (tool)
		reader->tool = *tool;
	return reader;
}

/* A symbolic link may lead to what its owner may not read, and we may. */
int journal_open_file(int dir, const char *name)
{
	int fd = openat(dir, name,
	    O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;

	if (fd < 0 || (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)))
		return fd;
	close(fd);
	errno = ELOOP;
	return -1;
}

int journal_fail_open(const char *path, struct why *why)
{
	if (errno == ELOOP || errno == ENXIO)
		return fail(why, "%s: not a regular file: not read", path);
	return fail(why, "%s: cannot open: %m", path);
}

struct journal_reader *journal_read(const char *path, struct why *why)
{
	int fd = journal_open_file(AT_FDCWD, path);
	struct journal_reader *reader;

	if (fd < 0 && errno != ENOENT) {
		journal_fail_open(path, why);
		return NULL;
	}
	reader = journal_reader_of(path, fd, NULL);
	reader->ends = false;
	return reader;
}

struct journal_reader *journal_read_again(const struct journal_reader *reader)
{
	int fd = reader->fd < 0 ? -1 : fcntl(reader->fd, F_DUPFD_CLOEXEC, 0);

	return journal_reader_of(reader->path, fd, NULL);
}

void journal_reader_close(struct journal_reader *reader)
{
	if (!reader)
		return;
	if (reader->fd >= 0)
		close(reader->fd);
	if (reader->tool.pid) {
		kill(reader->tool.pid, SIGKILL);
		journal_tool_end(&reader->tool);
	}
	buf_clear(&reader->ahead);
	free(reader->path);
	free(reader);
}

static void restart(struct journal_reader *reader, off_t at)
{
	buf_reset(&reader->ahead);
	reader->taken = 0;
	reader->skipping = false;
	reader->at = at;
}

/* ---- the tail ----------------------------------------------------------- */

/* Where in the block the line starts before which `*lines` newlines have been
 * counted from the end; -1 when it starts further up. */
static ssize_t count_back(const char *block, ssize_t len, long *lines)
{
	ssize_t i;

	for (i = len; i-- > 0;) {
		if (block[i] == '\n' && (*lines)-- == 0)
			return i + 1;
	}
	return -1;
}

long journal_seek_tail(
    struct journal_reader *reader, long lines, struct why *why)
{
	auto_free char *block = mem_alloc(BLOCK);
	struct stat st;
	off_t end;

	if (reader->fd < 0)
		return lines;
	if (fstat(reader->fd, &st) < 0)
		return fail(why, "%s: cannot look at it: %m", reader->path);
	for (end = st.st_size; end > 0;) {
		off_t start = end > BLOCK ? end - BLOCK : 0;
		ssize_t got =
		    pread(reader->fd, block, (size_t)(end - start), start);
		ssize_t found;

		if (got < 0)
			return fail(why, "%s: cannot read: %m", reader->path);
		found = count_back(block, got, &lines);
		if (found >= 0) {
			restart(reader, start + found);
			return 0;
		}
		end = start;
	}
	restart(reader, 0);
	return lines;
}

/* ---- line by line ------------------------------------------------------- */

static ssize_t read_block(struct journal_reader *reader, char *to)
{
	ssize_t got;

	do
		got = reader->tool.pid
		    ? read(reader->fd, to, BLOCK)
		    : pread(reader->fd, to, BLOCK, reader->at);
	while (got < 0 && errno == EINTR);
	return got;
}

/* Drops what was handed out, then reads one block; false at the end. */
static bool read_ahead(struct journal_reader *reader)
{
	ssize_t got;

	buf_shift(&reader->ahead, reader->taken);
	reader->taken = 0;
	if (reader->fd < 0 || !buf_reserve(&reader->ahead, BLOCK))
		return false;
	got = read_block(reader, reader->ahead.data + reader->ahead.len);
	if (got <= 0)
		return false;
	reader->ahead.len += (size_t)got;
	reader->ahead.data[reader->ahead.len] = '\0';
	reader->at += got;
	return true;
}

/* A line that is over the bound already is dropped as far as it was read. */
static void skip_long(struct journal_reader *reader)
{
	if (reader->ahead.len - reader->taken <= JOURNAL_LINE_MAX)
		return;
	reader->taken = reader->ahead.len;
	reader->skipping = true;
}

/* The next whole line of what was read ahead. */
static const char *next_ahead(struct journal_reader *reader, size_t *len)
{
	while (reader->taken < reader->ahead.len) {
		char *line = reader->ahead.data + reader->taken;
		char *end =
		    memchr(line, '\n', reader->ahead.len - reader->taken);
		bool skipped = reader->skipping;

		if (!end)
			return NULL;
		*len = (size_t)(end - line);
		*end = '\0';
		reader->taken += *len + 1;
		reader->skipping = false;
		if (!skipped && *len && *len <= JOURNAL_LINE_MAX)
			return line;
	}
	return NULL;
}

/* At the end of the file: has it been emptied, or has a new one begun? True
 * when there is something to read again. */
static bool follow(struct journal_reader *reader)
{
	struct stat ours = { 0 };
	struct stat named;
	int fd;

	if (reader->ends)
		return false;
	if (reader->fd >= 0 && fstat(reader->fd, &ours) < 0)
		return false;
	if (reader->fd >= 0 && ours.st_size < reader->at) {
		restart(reader, 0);
		return ours.st_size > 0;
	}
	if (stat(reader->path, &named) < 0 || !named.st_size)
		return false;
	if (reader->fd >= 0 && ours.st_dev == named.st_dev &&
	    ours.st_ino == named.st_ino)
		return false;
	/* What its writer added to the old one last comes first. */
	if (reader->fd >= 0 && ours.st_size > reader->at)
		return true;
	fd = journal_open_file(AT_FDCWD, reader->path);
	if (fd < 0)
		return false;
	if (reader->fd >= 0)
		close(reader->fd);
	reader->fd = fd;
	restart(reader, 0);
	return true;
}

const char *journal_next(struct journal_reader *reader, size_t *len)
{
	for (;;) {
		const char *line = next_ahead(reader, len);

		if (line)
			return line;
		skip_long(reader);
		if (!read_ahead(reader) && !follow(reader))
			return NULL;
	}
}

/* ---- how far it is ------------------------------------------------------ */

static int file_of(const struct journal_reader *reader)
{
	return reader->tool.name ? reader->tool.file : reader->fd;
}

void journal_look(const struct journal_reader *reader, struct stat *st)
{
	if (fstat(file_of(reader), st) < 0)
		*st = (struct stat){ 0 };
}

int64_t journal_size(const struct journal_reader *reader)
{
	struct stat st;

	journal_look(reader, &st);
	return (int64_t)st.st_size;
}

int64_t journal_at(const struct journal_reader *reader)
{
	/* A tool shares its place in the file with us. */
	if (reader->tool.name)
		return (int64_t)lseek(reader->tool.file, 0, SEEK_CUR);
	return (int64_t)reader->at;
}

int journal_verdict(struct journal_reader *reader, struct why *why)
{
	if (journal_tool_end(&reader->tool) != 0)
		return fail(why,
		    "%s: damaged or cut off: what %s could read of it was "
		    "taken",
		    reader->path, reader->tool.name);
	if (reader->ahead.len > reader->taken || reader->skipping)
		return fail(why, "%s: its last line is not whole: left out",
		    reader->path);
	return 0;
}
