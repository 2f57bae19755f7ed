/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * flow/leftovers: takes away what processes left that were killed.
 *
 * Owns the walk: one open directory at a time. Promises to touch nothing but
 * the two kinds of names that spoolhook itself makes, only regular files, and
 * only when they were not changed for an hour. A submit that was stopped for so
 * long finds its file gone and says that it could not hand its events in. If we
 * die in the middle, the next walk finds the rest.
 */
#include "flow/leftovers.h"

#include "base/mem.h"
#include "base/text.h"
#include "model/conf.h"
#include "model/id.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Names looked at in a step: a millisecond or two. */
enum { STEP = 128 };
enum { OLD_MS = 3600 * 1000 };

static const char submit_beginning[] = ".submit-";
static const char submit_ending[] = ".tmp";
static const char reason_ending[] = ".why.json";

struct leftovers {
	char **boxes; /* paths */
	size_t box_count;
	size_t box_next;
	DIR *dir; /* the one that is open */
	bool in_box; /* it is a drop box, not rejected/ */
	int64_t before_ms;
	int64_t count;
};

static DIR *open_dir(int at, const char *path, int flags)
{
	int fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | flags);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (!dir && fd >= 0)
		close(fd);
	return dir;
}

struct leftovers *leftovers_open(int spool_dir, const struct input *inputs,
    size_t input_count, int64_t now_ms)
{
	struct leftovers *left = mem_zalloc(sizeof(*left));

	left->before_ms = now_ms - OLD_MS;
	left->dir = open_dir(spool_dir, "rejected", O_NOFOLLOW);
	left->boxes = mem_array(input_count, sizeof(*left->boxes));
	for (; left->box_count < input_count; left->box_count++)
		left->boxes[left->box_count] =
		    mem_strdup(inputs[left->box_count].dir);
	return left;
}

void leftovers_close(struct leftovers *left)
{
	if (!left)
		return;
	if (left->dir)
		closedir(left->dir);
	while (left->box_count)
		free(left->boxes[--left->box_count]);
	free(left->boxes);
	free(left);
}

int64_t leftovers_count(const struct leftovers *left)
{
	return left->count;
}

/* .submit-ID.tmp */
static bool is_submits(const char *name)
{
	size_t id = sizeof(submit_beginning) - 1;
	size_t end = id + ID_LEN;

	return text_starts(name, submit_beginning) &&
	    strlen(name) == end + sizeof(submit_ending) - 1 &&
	    strcmp(name + end, submit_ending) == 0;
}

/* A reason whose file is not there. */
static bool is_lone_reason(int dir, const char *name)
{
	size_t len = strlen(name);
	size_t ending = sizeof(reason_ending) - 1;
	auto_free char *file = NULL;
	struct stat st;

	if (len <= ending || strcmp(name + len - ending, reason_ending) != 0)
		return false;
	file = mem_strndup(name, len - ending);
	return fstatat(dir, file, &st, AT_SYMLINK_NOFOLLOW) < 0 &&
	    errno == ENOENT;
}

static bool is_old(const struct leftovers *left, int dir, const char *name)
{
	struct stat st;

	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISREG(st.st_mode) &&
	    (int64_t)st.st_mtim.tv_sec * 1000 < left->before_ms;
}

static void look(struct leftovers *left, const char *name)
{
	int dir = dirfd(left->dir);
	bool ours = left->in_box ? is_submits(name) : is_lone_reason(dir, name);

	if (ours && is_old(left, dir, name) && unlinkat(dir, name, 0) == 0)
		left->count++;
}

/* Looks at the next name of the open directory, else opens the next box; false
 * behind the last. */
static bool go_on(struct leftovers *left)
{
	const struct dirent *entry = left->dir ? readdir(left->dir) : NULL;

	if (entry) {
		look(left, entry->d_name);
		return true;
	}
	if (left->dir)
		closedir(left->dir);
	left->dir = NULL;
	if (left->box_next == left->box_count)
		return false;
	left->in_box = true;
	left->dir = open_dir(AT_FDCWD, left->boxes[left->box_next++], 0);
	return true;
}

bool leftovers_step(struct leftovers *left)
{
	size_t i;

	for (i = 0; i < STEP; i++) {
		if (!go_on(left))
			return false;
	}
	return true;
}
