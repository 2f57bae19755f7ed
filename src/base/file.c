/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * base/file: the few things done with files everywhere, done once and right.
 */
#include "base/file.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void file_cleanup(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

int file_read_fd(int fd, const char *name, struct buf *out, struct why *why)
{
	char block[16384];

	for (;;) {
		ssize_t got = read(fd, block, sizeof(block));

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return fail(why, "%s: cannot read: %m", name);
		if (got == 0)
			return 0;
		buf_add(out, block, (size_t)got);
		if (out->over)
			return fail(
			    why, "%s: larger than %zu bytes", name, out->max);
	}
}

int file_read(int dir, const char *name, struct buf *out, struct why *why)
{
	auto_close int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return fail(why, "%s: cannot open: %m", name);
	return file_read_fd(fd, name, out, why);
}

int file_write_fd(
    int fd, const char *name, const void *data, size_t len, struct why *why)
{
	const char *at = data;

	while (len) {
		ssize_t put = write(fd, at, len);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return fail(why, "%s: cannot write: %m", name);
		at += put;
		len -= (size_t)put;
	}
	return 0;
}

static int write_and_sync(int dir, const char *name, const void *data,
    size_t len, mode_t mode, struct why *why)
{
	auto_close int fd = openat(dir, name,
	    O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);

	if (fd < 0)
		return fail(why, "%s: cannot create: %m", name);
	if (file_write_fd(fd, name, data, len, why) < 0)
		return -1;
	if (fsync(fd) < 0)
		return fail(why, "%s: cannot sync: %m", name);
	return 0;
}

int file_write(int dir, const char *name, const void *data, size_t len,
    mode_t mode, struct why *why)
{
	const char *slash = strrchr(name, '/');
	int head = slash ? (int)(slash + 1 - name) : 0;
	auto_free char *folder = mem_printf("%.*s.", head, name);
	auto_free char *beside = mem_printf(
	    "%.*s.%.200s.%d.tmp", head, name, name + head, (int)getpid());

	if (write_and_sync(dir, beside, data, len, mode, why) < 0) {
		unlinkat(dir, beside, 0);
		return -1;
	}
	if (renameat(dir, beside, dir, name) < 0) {
		fail(why, "%s: cannot rename into place: %m", name);
		unlinkat(dir, beside, 0);
		return -1;
	}
	return file_sync_dir(dir, folder, why);
}

int file_sync_dir(int dir, const char *name, struct why *why)
{
	auto_close int fd =
	    openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return fail(why, "%s: cannot open directory: %m", name);
	if (fsync(fd) < 0)
		return fail(why, "%s: cannot sync directory: %m", name);
	return 0;
}

int file_open_dir(
    int dir, const char *name, bool make, mode_t mode, struct why *why)
{
	int fd;

	if (make && mkdirat(dir, name, mode) < 0 && errno != EEXIST)
		return fail(why, "%s: cannot make directory: %m", name);
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return fail(why, "%s: cannot open directory: %m", name);
	return fd;
}

char *file_join(const char *base, const char *name)
{
	size_t len = strlen(base);

	if (name[0] == '/' || !len || strcmp(base, ".") == 0)
		return mem_strdup(name);
	while (base[0] == '/' && len > 1 && strncmp(name, "../", 3) == 0) {
		name += 3;
		while (len > 1 && base[len - 1] != '/')
			len--;
		while (len > 1 && base[len - 1] == '/')
			len--;
	}
	if (len == 1 && base[0] == '/')
		len = 0;
	return mem_printf("%.*s/%s", (int)len, base, name);
}

bool file_is_shortage(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOMEM ||
	    error == ENOBUFS;
}

int file_try(void)
{
	auto_close int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	return fd < 0 ? errno : 0;
}
