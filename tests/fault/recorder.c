/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * fault/recorder: a disk that remembers. A file system of one file, `disk`,
 * whose every write and flush is appended to a log; a loop device lies on the
 * file and a real file system on that. From the log, powercut.t makes what a
 * disk may hold after a power cut.
 *
 *     recorder IMAGE LOG MOUNTPOINT
 *
 * A log record is three numbers of eight bytes in the machine's order: kind
 * (1 write, 2 flush), offset, length; a write's bytes follow. A record is
 * written before its call is answered, so what the kernel was told to be
 * flushed stands before a flush record. Calls come one at a time.
 */
#define FUSE_USE_VERSION 31
#include <fuse.h>

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum record_kind { RECORD_WRITE = 1, RECORD_FLUSH = 2 };

static const char disk[] = "/disk";
static int image = -1;
static int record = -1;

static int record_add(
    enum record_kind kind, off_t offset, const char *data, size_t len)
{
	const uint64_t head[3] = { kind, (uint64_t)offset, len };

	if (write(record, head, sizeof(head)) != (ssize_t)sizeof(head))
		return -EIO;
	if (len && write(record, data, len) != (ssize_t)len)
		return -EIO;
	return 0;
}

static int look(const char *path, struct stat *st, struct fuse_file_info *fi)
{
	(void)fi;
	if (strcmp(path, disk) == 0)
		return fstat(image, st) < 0 ? -errno : 0;
	if (strcmp(path, "/") != 0)
		return -ENOENT;
	memset(st, 0, sizeof(*st));
	st->st_mode = S_IFDIR | 0700;
	st->st_nlink = 2;
	return 0;
}

static int list(const char *path, void *out, fuse_fill_dir_t fill, off_t offset,
    struct fuse_file_info *fi, enum fuse_readdir_flags flags)
{
	(void)path;
	(void)offset;
	(void)fi;
	(void)flags;
	fill(out, ".", NULL, 0, 0);
	fill(out, "..", NULL, 0, 0);
	fill(out, disk + 1, NULL, 0, 0);
	return 0;
}

static int enter(const char *path, struct fuse_file_info *fi)
{
	(void)fi;
	return strcmp(path, disk) == 0 ? 0 : -ENOENT;
}

static int get(const char *path, char *data, size_t len, off_t offset,
    struct fuse_file_info *fi)
{
	ssize_t got = pread(image, data, len, offset);

	(void)path;
	(void)fi;
	return got < 0 ? -errno : (int)got;
}

static int put(const char *path, const char *data, size_t len, off_t offset,
    struct fuse_file_info *fi)
{
	int failed = record_add(RECORD_WRITE, offset, data, len);
	ssize_t done;

	(void)path;
	(void)fi;
	if (failed)
		return failed;
	done = pwrite(image, data, len, offset);
	return done < 0 ? -errno : (int)done;
}

static int flush_all(const char *path, int datasync, struct fuse_file_info *fi)
{
	(void)path;
	(void)datasync;
	(void)fi;
	return record_add(RECORD_FLUSH, 0, NULL, 0);
}

static const struct fuse_operations operations = {
	.getattr = look,
	.readdir = list,
	.open = enter,
	.read = get,
	.write = put,
	.fsync = flush_all,
};

int main(int argc, char **argv)
{
	char name[] = "recorder";
	char foreground[] = "-f";
	char single[] = "-s";
	char *args[] = { name, foreground, single, NULL, NULL };

	if (argc != 4) {
		fprintf(stderr, "usage: recorder IMAGE LOG MOUNTPOINT\n");
		return 64;
	}
	image = open(argv[1], O_RDWR | O_CLOEXEC);
	record = open(
	    argv[2], O_WRONLY | O_CREAT | O_APPEND | O_TRUNC | O_CLOEXEC, 0600);
	if (image < 0 || record < 0) {
		perror("recorder");
		return 74;
	}
	args[3] = argv[3];
	return fuse_main(4, args, &operations, NULL);
}
