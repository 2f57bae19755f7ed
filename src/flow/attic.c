/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * flow/attic: takes away old files from rejected/ and failed/.
 *
 * Owns the walk: one open directory at a time. Promises that a rejected file
 * goes before its reason, so none ever lies there unexplained, and that what
 * cannot be removed (a directory that somebody had dropped, with things in it)
 * stays with its reason. It follows no links and leaves hidden files alone. If
 * we die in the middle, the next walk finds the rest.
 */
#include "flow/attic.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Names looked at in a step: some milliseconds at most. */
enum { STEP = 128 };

static const char reason_ending[] = ".why.json";
static const char scraps_beginning[] = ".scraps-";

struct attic {
	struct attic_case from;
	struct attic_counts counts;
	DIR *rejected; /* NULL when done */
	DIR *failed; /* the webhooks' directories */
	DIR *webhook; /* the one that is open */
};

static DIR *open_dir(int dir, const char *name)
{
	int fd =
	    openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	DIR *opened = fd < 0 ? NULL : fdopendir(fd);

	if (!opened && fd >= 0)
		close(fd);
	return opened;
}

static void close_dir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
	*dir = NULL;
}

struct attic *attic_open(const struct attic_case *from)
{
	struct attic *attic = mem_zalloc(sizeof(*attic));

	attic->from = *from;
	attic->rejected = open_dir(from->spool_dir, "rejected");
	attic->failed = open_dir(from->spool_dir, "failed");
	return attic;
}

void attic_close(struct attic *attic)
{
	if (!attic)
		return;
	close_dir(&attic->rejected);
	close_dir(&attic->failed);
	close_dir(&attic->webhook);
	free(attic);
}

struct attic_counts attic_counts(const struct attic *attic)
{
	return attic->counts;
}

static int64_t to_ms(struct timespec time)
{
	return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/* The next name that is not hidden, NULL at the end. */
static const char *next_name(DIR *dir)
{
	const struct dirent *entry;

	do
		entry = readdir(dir);
	while (entry && entry->d_name[0] == '.');
	return entry ? entry->d_name : NULL;
}

/* ---- rejected/ --------------------------------------------------------- */

static bool exists(int dir, const char *name)
{
	struct stat st;

	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static bool has_reason(int dir, const char *name)
{
	auto_free char *reason = mem_printf("%s%s", name, reason_ending);

	return exists(dir, reason);
}

/* The name without the ending; NULL for what is no reason. */
static char *explained(const char *name)
{
	size_t len = strlen(name);
	size_t ending = sizeof(reason_ending) - 1;

	if (len <= ending || strcmp(name + len - ending, reason_ending) != 0)
		return NULL;
	return mem_strndup(name, len - ending);
}

/* Gone, or never there. A dropped directory goes when it is empty. */
static bool vanish(const struct attic *attic, int dir, const char *name)
{
	if (attic->from.dry || unlinkat(dir, name, 0) == 0 || errno == ENOENT)
		return true;
	return (errno == EISDIR || errno == EPERM) &&
	    unlinkat(dir, name, AT_REMOVEDIR) == 0;
}

/* A reason is as old as the rejection. A file that has one goes with it; one
 * without (somebody put it there) by its last change. */
static void look_at_rejected(struct attic *attic, const char *name)
{
	int dir = dirfd(attic->rejected);
	auto_free char *file = explained(name);
	struct stat st;
	int64_t age_ms;

	if (has_reason(dir, name) ||
	    fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	age_ms = to_ms(file ? st.st_mtim : st.st_ctim);
	if (age_ms >= attic->from.rejected_before_ms)
		return;
	if ((file && !vanish(attic, dir, file)) || !vanish(attic, dir, name))
		return;
	attic->counts.rejected++;
}

/* ---- failed/ ----------------------------------------------------------- */

static void look_at_failed(struct attic *attic, const char *name)
{
	int dir = dirfd(attic->webhook);
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	    !S_ISREG(st.st_mode) ||
	    to_ms(st.st_mtim) >= attic->from.failed_before_ms)
		return;
	if (attic->from.dry || unlinkat(dir, name, 0) == 0)
		attic->counts.failed++;
}

/* The next file of the open webhook's directory, else the next directory. */
static void walk_failed(struct attic *attic)
{
	const char *name;

	if (attic->webhook) {
		name = next_name(attic->webhook);
		if (name)
			look_at_failed(attic, name);
		else
			close_dir(&attic->webhook);
		return;
	}
	name = next_name(attic->failed);
	if (name)
		attic->webhook = open_dir(dirfd(attic->failed), name);
	else
		close_dir(&attic->failed);
}

bool attic_step(struct attic *attic)
{
	size_t i;

	for (i = 0; i < STEP; i++) {
		if (attic->rejected) {
			const char *name = next_name(attic->rejected);

			if (name)
				look_at_rejected(attic, name);
			else
				close_dir(&attic->rejected);
		} else if (attic->failed) {
			walk_failed(attic);
		} else {
			return false;
		}
	}
	return true;
}

int64_t attic_sweep(int spool_dir)
{
	DIR *dir = open_dir(spool_dir, "rejected");
	const struct dirent *entry;
	int64_t count = 0;

	while (dir && (entry = readdir(dir)) != NULL) {
		if (text_starts(entry->d_name, scraps_beginning) &&
		    unlinkat(dirfd(dir), entry->d_name, 0) == 0)
			count++;
	}
	close_dir(&dir);
	return count;
}
