/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef PORT_JOURNAL_H
#define PORT_JOURNAL_H

#include "base/why.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * delivery.jsonl: whole lines appended by one write(2), so that several writers
 * never tear one another's lines. Reopened on demand and by itself when
 * the path no longer names the open file (it was moved by logrotate).
 */
struct journal;

/* Makes the file (0640; 0660 in a directory that its group may change) and its
 * directory (0750, one level) when missing. The path may also name a pipe or a terminal, such as /dev/stdout. */
struct journal *journal_open(const char *path, struct why *why);
void journal_close(struct journal *journal);
/* On failure the old file stays open. */
int journal_reopen(struct journal *journal, struct why *why);
/*
 * Appends one line, or several with newlines between them (that of the last is
 * added), as one. Looks at most once a second, by `steady_ms`, whether the file
 * was moved. -1: *missing lines are not there, or one of them only in part,
 * which the next line does not join; or they went to the file that was moved,
 * for no new one could be opened.
 */
int journal_append(struct journal *journal, const char *lines, size_t len,
    long long steady_ms, size_t *missing, struct why *why);

/* Lines longer than this are passed over when reading. */
enum { JOURNAL_LINE_MAX = 1024 * 1024 };

/* Reading back: whole lines, in order. Only regular files are read. */
struct journal_reader;
/* The file that is being written. One that does not exist is an empty one that
 * may come. */
struct journal_reader *journal_read(const char *path, struct why *why);
/* A second reader, from the start of the same open file to its end for now: it
 * does not follow. */
struct journal_reader *journal_read_again(const struct journal_reader *reader);
void journal_reader_close(struct journal_reader *reader);
/* Goes to the last `lines` whole lines. Returns how many of them the file
 * lacks, -1 could not. */
long journal_seek_tail(
    struct journal_reader *reader, long lines, struct why *why);
/* The next whole line without its newline, NULL at the end for now (more may be
 * appended: ask again; a file that was moved is followed to its end, and the
 * new one is opened once something was written to it; one that was emptied is
 * read from its start). Empty lines are left out. Ends with a NUL, and is lent
 * until the next call. */
const char *journal_next(struct journal_reader *reader, size_t *len);
/* Bytes of the file as it lies on the disk: how many there are, and how many
 * were read. */
int64_t journal_size(const struct journal_reader *reader);
int64_t journal_at(const struct journal_reader *reader);
/* Asked at the end: -1 when it ends within a line, or when it is a compressed
 * file that is damaged. */
int journal_verdict(struct journal_reader *reader, struct why *why);

/*
 * The files that rotation has made of a log, beside it and named after it, with
 * a number or a date, as logrotate(8) does it: delivery.jsonl.1, .2.gz,
 * -20261123.zst. Compressed ones are read through gzip, xz, zstd or bzip2.
 * All are opened at once, so a rotation in between loses none.
 */
struct journal_past;
/* Finds them, in no order; without the one that `live` reads (it may just have
 * been moved), without those that were last written before `since_ms`, and
 * without those that are only half compressed. No directory: no files. */
struct journal_past *journal_past_open(const char *path,
    const struct journal_reader *live, int64_t since_ms, struct why *why);
void journal_past_close(struct journal_past *past);
/* More are not opened: the newest ones are. */
enum { JOURNAL_PAST_MAX = 500 };
size_t journal_past_count(const struct journal_past *past);
/* How many were left out because there are too many. */
size_t journal_past_excess(const struct journal_past *past);
/* When it was written last, in milliseconds since 1970. */
int64_t journal_past_changed(const struct journal_past *past, size_t i);
/* From its start; one at a time for each file. NULL: not a regular file, may
 * not be read, or there is no program to decompress it. */
struct journal_reader *journal_past_read(
    const struct journal_past *past, size_t i, struct why *why);

#endif
