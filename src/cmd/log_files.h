/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef CMD_LOG_FILES_H
#define CMD_LOG_FILES_H

#include "base/why.h"
#include "port/journal.h"

#include <stddef.h>
#include <stdint.h>

/*
 * All files of a log in the order of time: those of the past by the time of
 * their first line, and the one that is being written as the last.
 */
struct log_files {
	struct journal_reader *live;
	struct journal_past *past;
	struct log_file {
		size_t number; /* in `past` */
		int64_t first_ms;
	} * all;
	size_t count; /* without the live one */
	int64_t bytes; /* of all, as they lie on the disk */
};

/* Those that cannot hold a line of the period are left out (-1: no limit);
 * those that cannot be read, too, which is said. On -1 `errno` is that of the
 * live one. */
int log_files_open(struct log_files *files, const char *path, int64_t since_ms,
    int64_t until_ms, struct why *why);
void log_files_close(struct log_files *files);

/* One of the past, from its start. Never fails twice without a word: NULL was
 * said. */
struct journal_reader *log_files_read(const struct log_files *files, size_t i);

#endif
