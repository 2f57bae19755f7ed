/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef PORT_JOURNAL_H
#define PORT_JOURNAL_H

#include "base/why.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * delivery.jsonl: lines appended with one write(2) each, so that several
 * writers never tear one another's lines. Reopened on demand and by itself when
 * the path no longer names the open file (it was moved by logrotate).
 */
struct journal;

/* Makes the file (0640) and its directory (0750, one level) when missing. The
 * path may also name a pipe or a terminal, such as /dev/stdout. */
struct journal *journal_open(const char *path, struct why *why);
void journal_close(struct journal *journal);
/* On failure the old file stays open. */
int journal_reopen(struct journal *journal, struct why *why);
/*
 * Appends one line (without its newline, which is added; it holds none). Looks
 * at most once a second, by `steady_ms`, whether the file was moved. -1: the
 * line is not there, or only in part, which the next line does not join; or it
 * went to the file that was moved, for no new one could be opened.
 */
int journal_append(struct journal *journal, const char *line, size_t len,
    long long steady_ms, struct why *why);

/* Lines longer than this are passed over when reading. */
enum { JOURNAL_LINE_MAX = 1024 * 1024 };

/* Reading back: whole lines, in order, of one file. */
struct journal_reader;
/* A file that does not exist is an empty one that may come. */
struct journal_reader *journal_read(const char *path, struct why *why);
void journal_reader_close(struct journal_reader *reader);
/* Goes to the last `lines` whole lines. */
int journal_seek_tail(
    struct journal_reader *reader, long lines, struct why *why);
/* The next whole line without its newline, NULL at the end for now (more may be
 * appended: ask again; a file that was moved is followed to its end, and the
 * new one is opened once something was written to it; one that was emptied is
 * read from its start). Empty lines are left out. Ends with a NUL, and is lent
 * until the next call. */
const char *journal_next(struct journal_reader *reader, size_t *len);

#endif
