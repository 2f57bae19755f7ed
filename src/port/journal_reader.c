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

#include "base/buf.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BLOCK = 64 * 1024 };

struct journal_reader {
	char *path;
	int fd; /* -1: there is no file yet */
	off_t at; /* where the next block is read */
	struct buf ahead;
	size_t taken; /* bytes of `ahead` that were handed out */
	bool skipping; /* in the middle of a line that is too long */
};

static int open_file(struct journal_reader *reader)
{
	return open(reader->path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
}

struct journal_reader *journal_read(const char *path, struct why *why)
{
	struct journal_reader *reader = mem_zalloc(sizeof(*reader));

	reader->path = mem_strdup(path);
	reader->ahead = (struct buf)BUF_INIT(JOURNAL_LINE_MAX + BLOCK);
	reader->fd = open_file(reader);
	if (reader->fd < 0 && errno != ENOENT) {
		fail(why, "%s: cannot open: %m", path);
		journal_reader_close(reader);
		return NULL;
	}
	return reader;
}

void journal_reader_close(struct journal_reader *reader)
{
	if (!reader)
		return;
	if (reader->fd >= 0)
		close(reader->fd);
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

int journal_seek_tail(
    struct journal_reader *reader, long lines, struct why *why)
{
	auto_free char *block = mem_alloc(BLOCK);
	struct stat st;
	off_t end;

	if (reader->fd < 0)
		return 0;
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
	return 0;
}

/* ---- line by line ------------------------------------------------------- */

/* Drops what was handed out, then reads one block; false at the end. */
static bool read_ahead(struct journal_reader *reader)
{
	ssize_t got;

	buf_shift(&reader->ahead, reader->taken);
	reader->taken = 0;
	if (reader->fd < 0 || !buf_reserve(&reader->ahead, BLOCK))
		return false;
	do
		got = pread(reader->fd, reader->ahead.data + reader->ahead.len,
		    BLOCK, reader->at);
	while (got < 0 && errno == EINTR);
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
	fd = open_file(reader);
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
