/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * port/journal_past: what rotation has made of delivery.jsonl.
 *
 * It owns the open files and starts, one at a time for each, the programs that
 * decompress them: out of our process, because a file may be damaged or made to
 * do damage, and because every host that has such files has the program that
 * made them. It promises that each file is taken once, also when logrotate has
 * the plain and the compressed one side by side. It changes nothing; when we
 * die, a program finds nobody at its pipe and ends.
 */
#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"
#include "port/journal_own.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct format {
	const char *suffix;
	const char *argv[4];
	const char *package; /* of Debian */
} formats[] = {
	{ ".gz", { "gzip", "-dc" }, "gzip" },
	{ ".xz", { "xz", "-dc", "--memlimit-decompress=256MiB" }, "xz-utils" },
	{ ".zst", { "zstd", "-dcq", "--memory=256MB" }, "zstd" },
	{ ".bz2", { "bzip2", "-dc" }, "bzip2" },
};
enum { FORMATS = sizeof(formats) / sizeof(*formats) };

struct old {
	char *name;
	const struct format *format; /* NULL: plain */
	int64_t changed_ms;
	int fd; /* -1: `error` tells why */
	int error;
};

struct journal_past {
	char *folder;
	struct old *all;
	size_t count;
	size_t excess;
};

/* ---- names -------------------------------------------------------------- */

/* The format of a name, and where its suffix begins. */
static const struct format *format_of(const char *name, size_t *plain)
{
	size_t len = strlen(name);

	*plain = len;
	for (size_t i = 0; i < FORMATS; i++) {
		size_t suffix = strlen(formats[i].suffix);

		if (len <= suffix ||
		    strcmp(name + len - suffix, formats[i].suffix) != 0)
			continue;
		*plain = len - suffix;
		return &formats[i];
	}
	return NULL;
}

/* `.1`, `-20261123`, `-2026-11-23T10` or `-1795446583` behind the log's name:
 * a number, or a date. */
static bool is_old_name(const char *name, const char *base, size_t plain)
{
	size_t len = strlen(base);
	const char *mark = name + len;

	if (!text_starts(name, base) || plain < len + 2)
		return false;
	if ((*mark != '.' && *mark != '-') || mark[1] < '0' || mark[1] > '9')
		return false;
	return len + 1 + strspn(mark + 1, "0123456789-_.:T") >= plain;
}

/* ---- finding ------------------------------------------------------------ */

static void add(struct journal_past *past, const char *name,
    const struct format *format, const struct stat *st)
{
	past->all = mem_grow(past->all, past->count + 1, sizeof(*past->all));
	past->all[past->count++] = (struct old){
		.name = mem_strdup(name),
		.format = format,
		.changed_ms = (int64_t)st->st_mtim.tv_sec * 1000 +
		    st->st_mtim.tv_nsec / 1000000,
		.fd = -1,
	};
}

struct search {
	DIR *dir;
	const char *base;
	const struct stat *live;
	int64_t since_ms;
};

/* Both are there while one is made of the other. */
static bool is_half_made(DIR *dir, const char *name, size_t plain)
{
	auto_free char *whole = mem_strndup(name, plain);

	return name[plain] && faccessat(dirfd(dir), whole, F_OK, 0) == 0;
}

static void look_at(
    struct journal_past *past, const struct search *search, const char *name)
{
	size_t plain;
	const struct format *format = format_of(name, &plain);
	struct stat st;

	if (!is_old_name(name, search->base, plain) ||
	    is_half_made(search->dir, name, plain) ||
	    fstatat(dirfd(search->dir), name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	if (st.st_dev == search->live->st_dev &&
	    st.st_ino == search->live->st_ino)
		return;
	add(past, name, format, &st);
	if (past->all[past->count - 1].changed_ms < search->since_ms)
		free(past->all[--past->count].name);
}

static int by_time(const void *a, const void *b)
{
	const struct old *left = a;
	const struct old *right = b;

	if (left->changed_ms != right->changed_ms)
		return left->changed_ms > right->changed_ms ? -1 : 1;
	return strcmp(left->name, right->name);
}

static void leave_out_excess(struct journal_past *past)
{
	if (past->count)
		qsort(past->all, past->count, sizeof(*past->all), by_time);
	while (past->count > JOURNAL_PAST_MAX) {
		free(past->all[--past->count].name);
		past->excess++;
	}
}

static void find(struct journal_past *past, const struct search *search)
{
	const struct dirent *entry;

	while ((entry = readdir(search->dir)))
		look_at(past, search, entry->d_name);
	leave_out_excess(past);
	for (size_t i = 0; i < past->count; i++) {
		past->all[i].fd =
		    journal_open_file(dirfd(search->dir), past->all[i].name);
		past->all[i].error = errno;
	}
}

struct journal_past *journal_past_open(const char *path,
    const struct journal_reader *live, int64_t since_ms, struct why *why)
{
	struct journal_past *past = mem_zalloc(sizeof(*past));
	const char *slash = strrchr(path, '/');
	struct search search = { .base = slash ? slash + 1 : path,
		.since_ms = since_ms };
	struct stat st = { 0 };

	past->folder =
	    slash ? mem_strndup(path, (size_t)(slash - path)) : mem_strdup(".");
	journal_look(live, &st);
	search.live = &st;
	search.dir = opendir(*past->folder ? past->folder : "/");
	if (search.dir) {
		find(past, &search);
		closedir(search.dir);
	} else if (errno != ENOENT) {
		fail(why, "%s: cannot open: %m", past->folder);
		journal_past_close(past);
		return NULL;
	}
	return past;
}

void journal_past_close(struct journal_past *past)
{
	if (!past)
		return;
	for (size_t i = 0; i < past->count; i++) {
		free(past->all[i].name);
		if (past->all[i].fd >= 0)
			close(past->all[i].fd);
	}
	free(past->all);
	free(past->folder);
	free(past);
}

size_t journal_past_count(const struct journal_past *past)
{
	return past->count;
}

size_t journal_past_excess(const struct journal_past *past)
{
	return past->excess;
}

int64_t journal_past_changed(const struct journal_past *past, size_t i)
{
	return past->all[i].changed_ms;
}

/* ---- reading ------------------------------------------------------------ */

int journal_tool_end(struct journal_tool *tool)
{
	pid_t got;

	while (tool->pid) {
		got = waitpid(tool->pid, &tool->status, 0);
		if (got == tool->pid || errno != EINTR)
			tool->pid = 0;
	}
	return tool->status;
}

/* All of these return an error number and only fail without memory. */
static int spawn(pid_t *pid, const struct format *format, int in, int out)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t all;
	int error;

	sigfillset(&all);
	if (posix_spawnattr_init(&attributes) ||
	    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF) ||
	    posix_spawnattr_setsigdefault(&attributes, &all) ||
	    posix_spawn_file_actions_init(&actions) ||
	    posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO) ||
	    posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO) ||
	    posix_spawn_file_actions_addopen(
		&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0) ||
	    posix_spawn_file_actions_addclosefrom_np(
		&actions, STDERR_FILENO + 1))
		mem_exhausted();
	error = posix_spawnp(pid, format->argv[0], &actions, &attributes,
	    (char *const *)(uintptr_t)format->argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	return error;
}

/* It shares the file's offset with us, so we know how far it is. */
static struct journal_reader *decompress(
    const struct old *old, const char *path, struct why *why)
{
	struct journal_tool tool = { .name = old->format->argv[0],
		.file = old->fd };
	int ends[2];
	int error;

	if (lseek(old->fd, 0, SEEK_SET) < 0 || pipe2(ends, O_CLOEXEC) < 0) {
		fail(why, "%s: cannot read: %m", path);
		return NULL;
	}
	error = spawn(&tool.pid, old->format, old->fd, ends[1]);
	close(ends[1]);
	if (!error)
		return journal_reader_of(path, ends[0], &tool);
	close(ends[0]);
	fail(why, "%s: left out: cannot run %s (of the package %s): %s", path,
	    tool.name, old->format->package, strerror(error));
	return NULL;
}

struct journal_reader *journal_past_read(
    const struct journal_past *past, size_t i, struct why *why)
{
	const struct old *old = &past->all[i];
	auto_free char *path = mem_printf("%s/%s", past->folder, old->name);

	if (old->fd < 0) {
		errno = old->error;
		journal_fail_open(path, why);
		return NULL;
	}
	if (old->format)
		return decompress(old, path, why);
	return journal_reader_of(
	    path, fcntl(old->fd, F_DUPFD_CLOEXEC, 0), NULL);
}
