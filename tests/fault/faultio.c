/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * fault/faultio: a disk that fails on demand, preloaded into the program. The
 * file named by FAULTIO has one fault a line, and is read at every call, so
 * that a test breaks and mends the disk while the program runs:
 *
 *     CALL ERRNO PART
 *
 * CALL is open, read, write, sync, truncate, rename, unlink or mkdir; it fails
 * with the number ERRNO when the path has PART in it. ERRNO 0 lies: the call
 * does nothing and succeeds. Each time a fault strikes, one line is appended
 * to the file FAULTIO.struck.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { NO_FAULT = -1, FAULTS_MAX = 2048 };

static void tell(const char *control, const char *call, const char *path)
{
	char name[PATH_MAX];
	char line[PATH_MAX + 32];
	int len;
	long fd;

	snprintf(name, sizeof(name), "%s.struck", control);
	len = snprintf(line, sizeof(line), "%s %s\n", call, path);
	fd = syscall(SYS_openat, AT_FDCWD, name,
	    O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return;
	syscall(SYS_write, fd, line, (size_t)len);
	syscall(SYS_close, fd);
}

/* The errno of the fault that strikes, or NO_FAULT. Keeps errno. */
static int strikes(const char *call, const char *path)
{
	const char *control = getenv("FAULTIO");
	char text[FAULTS_MAX];
	char *line;
	char *rest = text;
	int kept = errno;
	long fd;
	long got;

	if (!control)
		return NO_FAULT;
	fd = syscall(SYS_openat, AT_FDCWD, control, O_RDONLY | O_CLOEXEC, 0);
	if (fd < 0) {
		errno = kept;
		return NO_FAULT;
	}
	got = syscall(SYS_read, fd, text, sizeof(text) - 1);
	syscall(SYS_close, fd);
	errno = kept;
	text[got > 0 ? got : 0] = '\0';
	while ((line = strsep(&rest, "\n"))) {
		char what[16];
		char part[256];
		int number;

		if (sscanf(line, "%15s %d %255s", what, &number, part) != 3)
			continue;
		if (strcmp(what, call) != 0 || !strstr(path, part))
			continue;
		tell(control, call, path);
		errno = kept;
		return number;
	}
	return NO_FAULT;
}

static int strikes_fd(const char *call, int fd)
{
	char name[64];
	char path[PATH_MAX];
	int kept = errno;
	long len;

	if (!getenv("FAULTIO"))
		return NO_FAULT;
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	len = syscall(SYS_readlinkat, AT_FDCWD, name, path, sizeof(path) - 1);
	errno = kept;
	if (len < 0)
		return NO_FAULT;
	path[len] = '\0';
	return strikes(call, path);
}

static void *next(const char *name)
{
	return dlsym(RTLD_NEXT, name);
}

/* A lie needs a result: what a call that went well would have returned. */
#define FAIL(fault, lie)                          \
	do {                                      \
		if ((fault) == 0)                 \
			return lie;               \
		if ((fault) > 0)                  \
			return errno = fault, -1; \
	} while (0)

#define WITH_FD(type, name, call, lie, params, args)   \
	type name params;                              \
	type name params                               \
	{                                              \
		static type(*real) params;             \
		int fault = strikes_fd(call, fd);      \
                                                       \
		FAIL(fault, lie);                      \
		if (!real)                             \
			*(void **)&real = next(#name); \
		return real args;                      \
	}

#define WITH_PATH(name, call, params, args)            \
	int name params;                               \
	int name params                                \
	{                                              \
		static int(*real) params;              \
		int fault = strikes(call, path);       \
                                                       \
		FAIL(fault, 0);                        \
		if (!real)                             \
			*(void **)&real = next(#name); \
		return real args;                      \
	}

/* clang-format off */
WITH_FD(ssize_t, read, "read", 0,
    (int fd, void *data, size_t len), (fd, data, len))
WITH_FD(ssize_t, __read_chk, "read", 0,
    (int fd, void *data, size_t len, size_t room), (fd, data, len, room))
WITH_FD(ssize_t, pread, "read", 0,
    (int fd, void *data, size_t len, off_t at), (fd, data, len, at))
WITH_FD(ssize_t, pread64, "read", 0,
    (int fd, void *data, size_t len, off_t at), (fd, data, len, at))
WITH_FD(ssize_t, __pread_chk, "read", 0,
    (int fd, void *data, size_t len, off_t at, size_t room),
    (fd, data, len, at, room))
WITH_FD(ssize_t, write, "write", (ssize_t)len,
    (int fd, const void *data, size_t len), (fd, data, len))
WITH_FD(ssize_t, pwrite, "write", (ssize_t)len,
    (int fd, const void *data, size_t len, off_t at), (fd, data, len, at))
WITH_FD(ssize_t, pwrite64, "write", (ssize_t)len,
    (int fd, const void *data, size_t len, off_t at), (fd, data, len, at))
WITH_FD(ssize_t, writev, "write", 0,
    (int fd, const struct iovec *parts, int count), (fd, parts, count))
WITH_FD(int, fsync, "sync", 0, (int fd), (fd))
WITH_FD(int, fdatasync, "sync", 0, (int fd), (fd))
WITH_FD(int, ftruncate, "truncate", 0, (int fd, off_t len), (fd, len))
WITH_FD(int, ftruncate64, "truncate", 0, (int fd, off_t len), (fd, len))
WITH_PATH(rename, "rename", (const char *path, const char *to), (path, to))
WITH_PATH(renameat, "rename",
    (int dir, const char *path, int other, const char *to),
    (dir, path, other, to))
WITH_PATH(renameat2, "rename",
    (int dir, const char *path, int other, const char *to, unsigned flags),
    (dir, path, other, to, flags))
WITH_PATH(unlink, "unlink", (const char *path), (path))
WITH_PATH(unlinkat, "unlink",
    (int dir, const char *path, int flags), (dir, path, flags))
WITH_PATH(mkdirat, "mkdir",
    (int dir, const char *path, mode_t mode), (dir, path, mode))
/* clang-format on */

#define OPEN_AT(name)                                                    \
	int name(int dir, const char *path, int flags, ...)              \
	{                                                                \
		int fault = strikes("open", path);                       \
		mode_t mode = 0;                                         \
		va_list ap;                                              \
                                                                         \
		FAIL(fault, -1);                                         \
		va_start(ap, flags);                                     \
		if (flags & O_CREAT)                                     \
			mode = va_arg(ap, mode_t);                       \
		va_end(ap);                                              \
		return (int)syscall(SYS_openat, dir, path, flags, mode); \
	}

#define OPEN(name)                                                            \
	int name(const char *path, int flags, ...)                            \
	{                                                                     \
		int fault = strikes("open", path);                            \
		mode_t mode = 0;                                              \
		va_list ap;                                                   \
                                                                              \
		FAIL(fault, -1);                                              \
		va_start(ap, flags);                                          \
		if (flags & O_CREAT)                                          \
			mode = va_arg(ap, mode_t);                            \
		va_end(ap);                                                   \
		return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode); \
	}

OPEN_AT(openat)
OPEN_AT(openat64)
OPEN(open)
OPEN(open64)
