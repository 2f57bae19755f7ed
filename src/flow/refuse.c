/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * flow/refuse: rejected files and lines. Promises: nothing that was dropped is
 * thrown away, and no refused file lies in rejected/ without its reason. If we
 * die in the middle, the file is still in its drop box and is refused again.
 */
#include "flow/refuse.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/jot.h"
#include "base/mem.h"
#include "base/now.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { REJECTED_MODE = 0640 };

struct scraps {
	const struct spool *spool;
	int fd;
	char *hidden; /* its name in the spool: rejected/.scraps-… */
	struct refusal first;
	char code[32];
	char message[256];
	int64_t count;
};

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* Writes rejected/AS.why.json. `lines` is 0 for a whole file. */
static int write_why(const struct spool *spool, const char *as,
    const char *path, const struct refusal *refusal, int64_t lines,
    int64_t now_ms, struct why *why)
{
	auto_buf struct buf text = BUF_INIT(64 * 1024);
	auto_free char *name = mem_printf("rejected/%s.why.json", as);

	jot_open(&text, NULL, '{');
	jot_str(&text, "code", refusal->code);
	jot_str(&text, "message", refusal->message);
	if (refusal->line) {
		jot_int(&text, "line", (int64_t)refusal->line);
		jot_int(&text, "column", (int64_t)refusal->column);
	} else {
		jot_null(&text, "line");
		jot_null(&text, "column");
	}
	jot_str(&text, "source", path);
	jot_time(&text, "ts", now_ms);
	if (lines)
		jot_int(&text, "rejected_lines", lines);
	jot_close(&text, '}');
	buf_putc(&text, '\n');
	return file_write(
	    spool->dir, name, text.data, text.len, REJECTED_MODE, why);
}

static int move_file(const struct spool *spool, struct drop *drop,
    const char *name, const char *as, struct why *why)
{
	auto_close int to =
	    file_open_dir(spool->dir, "rejected", true, 0750, why);

	if (to < 0)
		return -1;
	return drop_move(drop, name, to, as, why);
}

int refuse_file(const struct spool *spool, struct drop *drop, const char *name,
    const struct refusal *refusal, int64_t now_ms, struct record *record,
    struct why *why)
{
	auto_free char *path = file_join(drop_path(drop), name);
	auto_free char *as = spool_rejected_name(spool, name);

	if (write_why(spool, as, path, refusal, 0, now_ms, why) < 0 ||
	    move_file(spool, drop, name, as, why) < 0)
		return -1;
	record_rejected(record, refusal, path, as);
	return 0;
}

struct scraps *scraps_open(const struct spool *spool, struct why *why)
{
	struct scraps *scraps = mem_zalloc(sizeof(*scraps));

	scraps->spool = spool;
	scraps->hidden = mem_printf("rejected/.scraps-%d-%lld", (int)getpid(),
	    (long long)now_steady_ms());
	scraps->fd = openat(spool->dir, scraps->hidden,
	    O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, REJECTED_MODE);
	if (scraps->fd >= 0)
		return scraps;
	fail(why, "%s: cannot create: %m", scraps->hidden);
	free(scraps->hidden);
	free(scraps);
	return NULL;
}

int scraps_add(struct scraps *scraps, const char *bytes, size_t len,
    const struct refusal *refusal, struct why *why)
{
	if (refusal && scraps->count++ == 0) {
		scraps->first = *refusal;
		snprintf(
		    scraps->code, sizeof(scraps->code), "%s", refusal->code);
		snprintf(scraps->message, sizeof(scraps->message), "%s",
		    refusal->message);
		scraps->first.code = scraps->code;
		scraps->first.message = scraps->message;
	}
	return file_write_fd(scraps->fd, scraps->hidden, bytes, len, why);
}

/* A crash between keeping the scraps and accepting the good lines makes the
 * same scraps once more: then the name that holds these very bytes is used. */
static bool same_bytes(const struct scraps *scraps, const char *name)
{
	auto_close int fd =
	    openat(scraps->spool->dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct stat mine;
	struct stat other;
	off_t at = 0;

	if (fd < 0 || fstat(fd, &other) < 0 || fstat(scraps->fd, &mine) < 0 ||
	    !S_ISREG(other.st_mode) || mine.st_size != other.st_size)
		return false;
	while (at < mine.st_size) {
		char a[4096];
		char b[4096];
		ssize_t got = pread(fd, a, sizeof(a), at);

		if (got <= 0 || pread(scraps->fd, b, (size_t)got, at) != got ||
		    memcmp(a, b, (size_t)got) != 0)
			return false;
		at += got;
	}
	return true;
}

int scraps_keep(struct scraps *scraps, const char *path, int64_t now_ms,
    struct record *record, struct why *why)
{
	const struct spool *spool = scraps->spool;
	const char *name = base_name(path);
	auto_free char *first = mem_printf("rejected/%s", name);
	auto_free char *as = same_bytes(scraps, first)
	    ? mem_strdup(name)
	    : spool_rejected_name(spool, name);
	auto_free char *place = mem_printf("rejected/%s", as);

	if (fsync(scraps->fd) < 0)
		return fail(why, "%s: cannot sync: %m", scraps->hidden);
	if (write_why(spool, as, path, &scraps->first, scraps->count, now_ms,
		why) < 0)
		return -1;
	if (renameat(spool->dir, scraps->hidden, spool->dir, place) < 0)
		return fail(why, "%s: cannot rename into place: %m", place);
	free(take(&scraps->hidden));
	if (file_sync_dir(spool->dir, "rejected", why) < 0)
		return -1;
	record_rejected(record, &scraps->first, path, as);
	return 0;
}

void scraps_free(struct scraps *scraps)
{
	if (!scraps)
		return;
	close(scraps->fd);
	if (scraps->hidden)
		unlinkat(scraps->spool->dir, scraps->hidden, 0);
	free(scraps->hidden);
	free(scraps);
}
