/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * port/spool: the spool directory as a place.
 *
 * It owns the directory's descriptor and the lock, and promises that two
 * daemons never hold one spool and that asking who holds it disturbs nobody.
 * It never touches spool.db or what lies in the parts.
 *
 * The lock is the kernel's (an OFD lock), so it goes when we die; the pid in
 * the file is only for people, and believed only while the lock is held.
 */
#include "port/spool.h"

#include "base/dice.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
	DIR_MODE = 0750,
	LOCK_MODE = 0640,
	BELL_MODE = 0660,
	PID_TEXT_MAX = 16,
	/* Half a second in all. */
	PID_WAITS = 100,
	PID_WAIT_NS = 5 * 1000 * 1000,
	/* More refused files of one name than any disk holds. */
	NUMBER_MAX = 1 << 30,
};

static const char lock_name[] = "lock";
static const char bell_name[] = "bell";
static const char why_ending[] = ".why.json";

static const struct {
	const char *name;
	mode_t mode;
} parts[] = {
	{ "incoming", 0770 }, /* the group drops here */
	{ "rejected", DIR_MODE },
	{ "failed", DIR_MODE },
	{ "mail", DIR_MODE },
	{ "log", DIR_MODE },
};

/* Every user of the verbs may ring, whatever umask the first one had; who may
 * come near the spool at all is said by the directory's mode. */
static int open_bell(const struct spool *spool)
{
	int flags = O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
	int fd =
	    openat(spool->dir, bell_name, flags | O_CREAT | O_EXCL, BELL_MODE);

	if (fd < 0)
		return openat(spool->dir, bell_name, flags);
	fchmod(fd, BELL_MODE);
	return fd;
}

static int make_parts(const struct spool *spool, struct why *why)
{
	auto_close int bell = -1;
	size_t i;

	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (mkdirat(spool->dir, parts[i].name, parts[i].mode) < 0 &&
		    errno != EEXIST)
			return fail(why, "%s/%s: cannot make directory: %m",
			    spool->path, parts[i].name);
	}
	bell = open_bell(spool);
	if (bell < 0)
		return fail(
		    why, "%s/%s: cannot create: %m", spool->path, bell_name);
	return 0;
}

int spool_open(
    struct spool *spool, const char *path, bool make, struct why *why)
{
	*spool = (struct spool){ .dir = -1, .lock = -1 };
	spool->dir = file_open_dir(AT_FDCWD, path, make, DIR_MODE, why);
	if (spool->dir < 0)
		return -1;
	spool->path = mem_strdup(path);
	if (make && make_parts(spool, why) < 0) {
		spool_close(spool);
		return -1;
	}
	return 0;
}

void spool_close(struct spool *spool)
{
	if (!spool->path)
		return;
	if (spool->lock >= 0) {
		/* The next holder is not taken for us before it wrote its
		 * own; that it stays when this fails does no harm. */
		if (ftruncate(spool->lock, 0) < 0)
			errno = 0;
		close(spool->lock);
	}
	close(spool->dir);
	free(spool->path);
	*spool = (struct spool){ .dir = -1, .lock = -1 };
}

char *spool_path(const struct spool *spool, const char *name)
{
	return file_join(spool->path, name);
}

/* ---- the lock ----------------------------------------------------------- */

static struct flock whole_file(void)
{
	return (struct flock){ .l_type = F_WRLCK, .l_whence = SEEK_SET };
}

static pid_t read_pid(int fd)
{
	char text[PID_TEXT_MAX + 1];
	ssize_t got = pread(fd, text, PID_TEXT_MAX, 0);
	int64_t pid;

	if (got <= 0)
		return 0;
	text[got] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return text_int(text, 1, INT32_MAX, &pid) ? (pid_t)pid : 0;
}

static int write_pid(int fd)
{
	char text[PID_TEXT_MAX];
	int len = snprintf(text, sizeof(text), "%d\n", (int)getpid());

	if (ftruncate(fd, 0) < 0)
		return -1;
	return pwrite(fd, text, (size_t)len, 0) == len ? 0 : -1;
}

/* The holder has the lock before it has written its pid, and what stands there
 * until then may be of one that died: it gets a moment. */
static pid_t await_pid(int fd)
{
	const struct timespec moment = { .tv_nsec = PID_WAIT_NS };
	int i;

	for (i = 0; i < PID_WAITS; i++) {
		pid_t pid = read_pid(fd);

		if (pid && (kill(pid, 0) == 0 || errno == EPERM))
			return pid;
		nanosleep(&moment, NULL);
	}
	return read_pid(fd);
}

int spool_lock(struct spool *spool, enum spool_lock *answer, pid_t *holder,
    struct why *why)
{
	struct flock lock = whole_file();
	auto_close int fd = openat(spool->dir, lock_name,
	    O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, LOCK_MODE);

	assert(spool->lock < 0);
	if (fd < 0)
		return fail(
		    why, "%s/%s: cannot open: %m", spool->path, lock_name);
	*holder = 0;
	if (fcntl(fd, F_OFD_SETLK, &lock) < 0) {
		if (errno != EAGAIN && errno != EACCES)
			return fail(why, "%s/%s: cannot lock: %m", spool->path,
			    lock_name);
		*answer = SPOOL_BUSY;
		*holder = await_pid(fd);
		return 0;
	}
	/* On a full disk the lock counts all the same. */
	if (write_pid(fd) < 0 && errno != ENOSPC && errno != EDQUOT)
		return fail(
		    why, "%s/%s: cannot write: %m", spool->path, lock_name);
	*answer = SPOOL_LOCKED;
	*holder = getpid();
	spool->lock = fd;
	fd = -1;
	return 0;
}

pid_t spool_holder(const struct spool *spool)
{
	struct flock lock = whole_file();
	auto_close int fd =
	    openat(spool->dir, lock_name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	pid_t pid;

	if (fd < 0 || fcntl(fd, F_OFD_GETLK, &lock) < 0 ||
	    lock.l_type == F_UNLCK)
		return 0;
	pid = read_pid(fd);
	return pid ? pid : -1;
}

/* ---- the bell ----------------------------------------------------------- */

/* Two rings within one tick of the clock have the same time, so the bell holds
 * something new each time. */
void spool_ring(const struct spool *spool)
{
	auto_close int fd = open_bell(spool);
	uint64_t stroke = dice_roll();
	ssize_t ignored;

	if (fd < 0)
		return;
	ignored = pwrite(fd, &stroke, sizeof(stroke), 0);
	(void)ignored;
}

bool spool_rang(struct spool *spool)
{
	auto_close int fd = openat(spool->dir, bell_name,
	    O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	uint64_t stroke = 0;

	if (fd < 0 || pread(fd, &stroke, sizeof(stroke), 0) < 0 ||
	    stroke == spool->stroke)
		return false;
	spool->stroke = stroke;
	return true;
}

/* ---- names for refused files -------------------------------------------- */

/* Cuts to at most `max` bytes, not within a UTF-8 character. */
static size_t cut(const char *s, size_t max)
{
	size_t len = strlen(s);

	if (len <= max)
		return len;
	while (max && ((unsigned char)s[max] & 0xc0) == 0x80)
		max--;
	return max;
}

static char *numbered(const char *name, int number)
{
	char tail[16] = "";
	size_t room;

	if (number)
		snprintf(tail, sizeof(tail), ".%d", number);
	room = NAME_MAX - strlen(tail) - strlen(why_ending);
	return mem_printf("%.*s%s", (int)cut(name, room), name, tail);
}

static bool absent(const struct spool *spool, const char *name)
{
	auto_free char *path = mem_printf("rejected/%s", name);
	struct stat st;

	return fstatat(spool->dir, path, &st, AT_SYMLINK_NOFOLLOW) < 0;
}

static bool is_free(const struct spool *spool, const char *name, int number)
{
	auto_free char *file = numbered(name, number);
	auto_free char *reason = mem_printf("%s%s", file, why_ending);

	return absent(spool, file) && absent(spool, reason);
}

/* A producer may have the same name refused a thousand times: doubles until a
 * number is free, then halves the way back. */
char *spool_rejected_name(const struct spool *spool, const char *name)
{
	int used = 0;
	int free_one = 1;

	assert(!strchr(name, '/'));
	if (is_free(spool, name, 0))
		return numbered(name, 0);
	while (free_one < NUMBER_MAX && !is_free(spool, name, free_one)) {
		used = free_one;
		free_one *= 2;
	}
	while (free_one - used > 1) {
		int middle = used + (free_one - used) / 2;

		if (is_free(spool, name, middle))
			free_one = middle;
		else
			used = middle;
	}
	return numbered(name, free_one);
}
