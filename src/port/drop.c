/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * port/drop: one drop box, its directory and the files that are opened in it.
 * Listing is in drop_list.c, taking files out in drop_out.c.
 *
 * It promises that nothing is followed, waited for or opened that is no
 * regular file, and that a mark tells the content that was opened. It never
 * reads content, and never decides what a file is worth. It keeps nothing that
 * a death could leave half done.
 */
#include "port/drop_parts.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

enum {
	DIR_MODE = 0770,
	/* A path and a name whose every byte is shown as \xNN. */
	SHOWN_MAX = PATH_MAX + 4 * NAME_MAX + 2,
};

struct drop {
	char *path;
	char *const *patterns;
	int dir;
	uint64_t serial; /* of what is open */
	int holders;
};

static void show(struct buf *b, const struct drop *drop, const char *name)
{
	buf_printf(b, "%s/", drop->path);
	text_visible(b, name, strlen(name));
}

int drop_fail(struct why *why, const struct drop *drop, const char *name,
    const char *what)
{
	int error = errno;
	auto_buf struct buf shown = BUF_INIT(SHOWN_MAX);

	show(&shown, drop, name);
	errno = error;
	return fail(why, "%s: %s: %m", buf_text(&shown), what);
}

int drop_fail_in(struct why *why, const struct drop *drop, const char *name)
{
	auto_buf struct buf shown = BUF_INIT(SHOWN_MAX);

	show(&shown, drop, name);
	return fail_in(why, "%s", buf_text(&shown));
}

/* ---- the directory ------------------------------------------------------ */

struct drop *drop_open(
    const char *path, char *const *patterns, bool make, struct why *why)
{
	static uint64_t opened;
	struct drop *drop;
	int dir = file_open_dir(AT_FDCWD, path, make, DIR_MODE, why);

	if (dir < 0)
		return NULL;
	drop = mem_zalloc(sizeof(*drop));
	drop->path = mem_strdup(path);
	drop->patterns = patterns;
	drop->dir = dir;
	drop->serial = ++opened;
	drop->holders = 1;
	return drop;
}

struct drop *drop_hold(struct drop *drop)
{
	drop->holders++;
	return drop;
}

void drop_close(struct drop *drop)
{
	if (!drop || --drop->holders)
		return;
	close(drop->dir);
	free(drop->path);
	free(drop);
}

const char *drop_path(const struct drop *drop)
{
	return drop->path;
}

uint64_t drop_serial(const struct drop *drop)
{
	return drop->serial;
}

int drop_dup(const struct drop *drop)
{
	return fcntl(drop->dir, F_DUPFD_CLOEXEC, 0);
}

int drop_dir(const struct drop *drop)
{
	return drop->dir;
}

static bool temporary(const char *name)
{
	static const char *const endings[] = { ".tmp", ".part", ".swp", "~",
		NULL };
	size_t len = strlen(name);
	size_t i;

	for (i = 0; endings[i]; i++) {
		size_t end = strlen(endings[i]);

		if (len >= end && strcmp(name + len - end, endings[i]) == 0)
			return true;
	}
	return false;
}

bool drop_fits(const struct drop *drop, const char *name)
{
	char *const *pattern;

	if (name[0] == '.' || temporary(name))
		return false;
	for (pattern = drop->patterns; *pattern; pattern++) {
		if (fnmatch(*pattern, name, 0) == 0)
			return true;
	}
	return false;
}

bool drop_replaced(const struct drop *drop)
{
	struct stat ours;
	struct stat named;

	if (fstat(drop->dir, &ours) < 0 || stat(drop->path, &named) < 0)
		return true;
	return ours.st_dev != named.st_dev || ours.st_ino != named.st_ino;
}

int drop_free(const char *path, int64_t *bytes, struct why *why)
{
	struct statvfs fs;

	if (statvfs(path, &fs) < 0)
		return fail(why, "%s: cannot ask for free space: %m", path);
	*bytes = (int64_t)(fs.f_bavail * fs.f_frsize);
	/* Some file systems count no inodes and say 0 of 0. */
	if (fs.f_files && !fs.f_favail)
		*bytes = 0;
	return 0;
}

/* ---- marks -------------------------------------------------------------- */

static int64_t stamp(struct statx_timestamp t)
{
	return t.tv_sec * 1000000000 + t.tv_nsec;
}

/* What is looked at: an open file (name ""), or what lies under a name. */
static int look(int dir, const char *name, struct statx *x)
{
	return statx(dir, name, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH,
	    STATX_BASIC_STATS | STATX_BTIME, x);
}

static void make_mark(const struct statx *x, struct drop_mark *mark)
{
	*mark = (struct drop_mark){
		.device = makedev(x->stx_dev_major, x->stx_dev_minor),
		.inode = x->stx_ino,
		.mtime_ns = stamp(x->stx_mtime),
		.ctime_ns = stamp(x->stx_ctime),
		.size = (int64_t)x->stx_size,
		.born = x->stx_mask & STATX_BTIME,
	};
	mark->birth_ns = mark->born ? stamp(x->stx_btime) : mark->ctime_ns;
}

int drop_mark_of(int fd, struct drop_mark *mark)
{
	struct statx x;

	if (look(fd, "", &x) < 0)
		return -1;
	make_mark(&x, mark);
	return 0;
}

int drop_mark_at(
    const struct drop *drop, const char *name, struct drop_mark *mark)
{
	struct statx x;

	if (look(drop->dir, name, &x) < 0)
		return -1;
	make_mark(&x, mark);
	return 0;
}

bool drop_mark_equal(const struct drop_mark *a, const struct drop_mark *b)
{
	return a->device == b->device && a->inode == b->inode &&
	    a->birth_ns == b->birth_ns && a->mtime_ns == b->mtime_ns &&
	    a->size == b->size;
}

bool drop_renamed(const struct drop_mark *mark)
{
	return mark->ctime_ns > mark->mtime_ns;
}

/* ---- opening ------------------------------------------------------------ */

const char *drop_kind_word(mode_t mode)
{
	static const struct {
		mode_t kind;
		const char *word;
	} words[] = {
		{ S_IFDIR, "a directory" },
		{ S_IFLNK, "a symbolic link" },
		{ S_IFIFO, "a named pipe" },
		{ S_IFSOCK, "a socket" },
		{ S_IFCHR, "a device" },
		{ S_IFBLK, "a device" },
	};
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if ((mode & S_IFMT) == words[i].kind)
			return words[i].word;
	}
	return "not a regular file";
}

static enum drop_answer judge(const struct statx *x, struct why *why)
{
	if (!S_ISREG(x->stx_mode)) {
		fail(why, "it is %s", drop_kind_word(x->stx_mode));
		return DROP_IRREGULAR;
	}
	if (!x->stx_nlink)
		return DROP_GONE;
	if (x->stx_nlink > 1) {
		fail(why, "it has %lu hard links", (unsigned long)x->stx_nlink);
		return DROP_LINKED;
	}
	return DROP_OPENED;
}

/* What a refused open means; -1 when the trouble is ours. */
static int refused(const struct drop *drop, const char *name,
    enum drop_answer *answer, struct why *why)
{
	switch (errno) {
	case ENOENT:
	case ESTALE:
		*answer = DROP_GONE;
		return 0;
	case EACCES:
	case EPERM:
		drop_fail(why, drop, name, "cannot read it");
		*answer = DROP_UNREADABLE;
		return 0;
	case ELOOP:
	case ENXIO:
	case ENODEV:
		fail(why, "it is not a regular file");
		*answer = DROP_IRREGULAR;
		return 0;
	}
	return drop_fail(why, drop, name, "cannot open");
}

int drop_take(struct drop *drop, const char *name, enum drop_answer *answer,
    int *fd, struct drop_mark *mark, struct why *why)
{
	auto_close int file = -1;
	struct statx x;

	*fd = -1;
	/* Looked at before it is opened: opening a device can do things. */
	if (look(drop->dir, name, &x) < 0)
		return refused(drop, name, answer, why);
	make_mark(&x, mark);
	*answer = judge(&x, why);
	if (*answer != DROP_OPENED)
		return 0;
	file = openat(drop->dir, name, DROP_FILE_FLAGS);
	if (file < 0)
		return refused(drop, name, answer, why);
	/* And again after: another file may have taken the name. */
	if (look(file, "", &x) < 0)
		return drop_fail(why, drop, name, "cannot look at it");
	make_mark(&x, mark);
	*answer = judge(&x, why);
	if (*answer != DROP_OPENED)
		return 0;
	*fd = file;
	file = -1;
	return 0;
}
