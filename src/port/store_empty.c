/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * port/store_empty: is an empty database a new one? SQLite takes a file without
 * a byte, or none, for a new database, and throws the log beside it away. Where
 * the spool tells of an earlier life, that would lose what the log still holds
 * and hide from everybody that the rest is gone; so the store is refused then,
 * in words.
 *
 * A missing file with no log is new: that is what an operator leaves who moved
 * a damaged one away. An empty file in a spool where nothing ever happened is
 * what a first start leaves that died. Nothing is changed here.
 */
#include "port/store_own.h"

#include "base/file.h"
#include "base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool has_bytes(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0;
}

static bool has_entries(const char *path)
{
	DIR *dir = opendir(path);
	const struct dirent *entry = NULL;

	if (!dir)
		return false;
	do
		entry = readdir(dir);
	while (entry && entry->d_name[0] == '.');
	closedir(dir);
	return entry != NULL;
}

/* What only a store that was in use leaves beside it. */
static const struct {
	const char *name;
	bool (*tells)(const char *path);
} traces[] = {
	{ "log/delivery.jsonl", has_bytes },
	{ "failed", has_entries },
	{ "mail", has_entries },
	{ "rejected", has_entries },
};

static int refuse(const char *path, const char *trace, struct why *why)
{
	return fail(why,
	    "%s: empty or missing, but %s tells of an earlier life; spoolhook "
	    "deleted nothing: put the file back, or stop it, move spool.db* to "
	    "a safe place and start it anew",
	    path, trace);
}

int store_judge_empty(const char *path, struct why *why)
{
	auto_free char *log = mem_printf("%s-wal", path);
	const char *slash = strrchr(path, '/');
	auto_free char *dir =
	    slash ? mem_strndup(path, (size_t)(slash - path)) : mem_strdup(".");
	struct stat st;
	size_t i;

	if (stat(path, &st) == 0 ? st.st_size > 0 : errno != ENOENT)
		return 0;
	if (has_bytes(log))
		return refuse(path, log, why);
	if (access(path, F_OK) < 0)
		return 0;
	for (i = 0; i < sizeof(traces) / sizeof(*traces); i++) {
		auto_free char *trace = file_join(dir, traces[i].name);

		if (traces[i].tells(trace))
			return refuse(path, trace, why);
	}
	return 0;
}
