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

struct journal *journal_open(const char *path, struct why *why);
void journal_close(struct journal *journal);
int journal_reopen(struct journal *journal, struct why *why);
/* Appends one line (without its newline, which is added). Looks at most once a
 * second, by `steady_ms`, whether the file was moved. */
int journal_append(struct journal *journal, char *line, size_t len,
    long long steady_ms, struct why *why);

/* Reading back: whole lines, in order, of one file. */
struct journal_reader;
struct journal_reader *journal_read(const char *path, struct why *why);
void journal_reader_close(struct journal_reader *reader);
/* Goes to the last `lines` lines. */
int journal_seek_tail(
    struct journal_reader *reader, long lines, struct why *why);
/* The next whole line, NULL at the end for now (more may be appended: ask
 * again; a file that was moved is followed to its end, then the new one is
 * opened). Lent until the next call. */
const char *journal_next(struct journal_reader *reader, size_t *len);

#endif
