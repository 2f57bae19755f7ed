/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * cmd/log_files: what order the files of a log have. It believes the first line
 * of each, for names follow the habits of whoever rotates, and a copy from
 * elsewhere has lost its time. A file whose lines tell no time stands where the
 * disk says that it was written. Changes nothing.
 */
#include "cmd/log_files.h"

#include "base/mem.h"
#include "base/say.h"
#include "cmd/log_line.h"

#include <errno.h>
#include <stdlib.h>

/* So many lines are asked for a time before the disk is. */
enum { FIRST_LINES = 20 };

struct journal_reader *log_files_read(const struct log_files *files, size_t i)
{
	struct why why;
	struct journal_reader *reader =
	    journal_past_read(files->past, files->all[i].number, &why);

	if (!reader)
		say_warning("%s", why.text);
	return reader;
}

static int64_t time_of(const char *text, size_t len)
{
	json_auto_t *json = json_loadb(text, len, 0, NULL);

	return json ? log_line_ms(json) : -1;
}

static int64_t first_time(struct journal_reader *reader)
{
	const char *line;
	int64_t ms = -1;
	size_t len;
	int i;

	for (i = 0; i < FIRST_LINES && ms < 0; i++) {
		line = journal_next(reader, &len);
		if (!line)
			return -1;
		ms = time_of(line, len);
	}
	return ms;
}

/* False when it is to be left out. */
static bool place(struct log_files *files, size_t i)
{
	struct log_file *file = &files->all[i];
	struct journal_reader *reader = log_files_read(files, i);

	if (!reader)
		return false;
	file->first_ms = first_time(reader);
	if (file->first_ms < 0)
		file->first_ms =
		    journal_past_changed(files->past, file->number);
	files->bytes += journal_size(reader);
	journal_reader_close(reader);
	return true;
}

static int by_time(const void *a, const void *b)
{
	const struct log_file *left = a;
	const struct log_file *right = b;

	if (left->first_ms != right->first_ms)
		return left->first_ms < right->first_ms ? -1 : 1;
	/* The past is in the order of its changes, newest first. */
	return left->number > right->number ? -1 : 1;
}

static void place_all(struct log_files *files)
{
	size_t found = journal_past_count(files->past);
	size_t i;

	files->all = mem_array(found, sizeof(*files->all));
	for (i = 0; i < found; i++) {
		files->all[files->count].number = i;
		if (place(files, files->count))
			files->count++;
	}
	if (files->count)
		qsort(files->all, files->count, sizeof(*files->all), by_time);
}

/* A file is over when the next one begins. */
static void cut(struct log_files *files, int64_t since_ms, int64_t until_ms)
{
	size_t over = 0;
	size_t i;

	while (
	    over + 1 < files->count && files->all[over + 1].first_ms < since_ms)
		over++;
	for (i = over; i < files->count; i++)
		files->all[i - over] = files->all[i];
	files->count -= over;
	while (until_ms >= 0 && files->count &&
	    files->all[files->count - 1].first_ms > until_ms)
		files->count--;
}

int log_files_open(struct log_files *files, const char *path, int64_t since_ms,
    int64_t until_ms, struct why *why)
{
	size_t excess;

	*files = (struct log_files){ .live = journal_read(path, why) };
	if (!files->live)
		return -1;
	files->bytes = journal_size(files->live);
	files->past = journal_past_open(path, files->live, since_ms, why);
	if (!files->past) {
		int error = errno;

		journal_reader_close(take(&files->live));
		errno = error;
		return -1;
	}
	place_all(files);
	cut(files, since_ms, until_ms);
	excess = journal_past_excess(files->past);
	if (excess)
		say_warning("%zu older files were left out: only the newest %d "
			    "are read",
		    excess, JOURNAL_PAST_MAX);
	return 0;
}

void log_files_close(struct log_files *files)
{
	journal_reader_close(files->live);
	journal_past_close(files->past);
	free(files->all);
}
