/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * flow/refuse: rejected files and lines.
 *
 * Owns what is made in rejected/. Promises: nothing that was dropped is thrown
 * away, and no refused file lies in rejected/ without its reason; what was
 * dropped under the name after we judged is left alone. It never judges. If we
 * die in the middle, the file is still in its drop box and is refused again: a
 * reason without its file, or a hidden file of lines, is all that stays.
 */
#include "flow/refuse.h"

#include "base/buf.h"
#include "base/crash.h"
#include "base/file.h"
#include "base/jot.h"
#include "base/mem.h"
#include "base/now.h"
#include "base/text.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { REJECTED_MODE = 0640 };

static const char hidden_prefix[] = ".scraps-";

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

static int open_rejected(const struct spool *spool, struct why *why)
{
	return file_open_dir(spool->dir, "rejected", true, 0750, why);
}

void refuse_clean(const struct spool *spool)
{
	int fd = open_rejected(spool, NULL);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (!dir) {
		file_cleanup(&fd);
		return;
	}
	while ((entry = readdir(dir))) {
		if (text_starts(entry->d_name, hidden_prefix))
			unlinkat(fd, entry->d_name, 0);
	}
	closedir(dir);
}

int refuse_file(const struct spool *spool, struct drop *drop, const char *name,
    const struct drop_mark *mark, const struct refusal *refusal, int64_t now_ms,
    struct record *record, enum drop_removal *answer, struct why *why)
{
	auto_free char *path = file_join(drop_path(drop), name);
	auto_free char *as = spool_rejected_name(spool, name);
	auto_free char *reason = mem_printf("%s.why.json", as);
	auto_close int to = open_rejected(spool, why);
	int moved;

	if (to < 0 || write_why(spool, as, path, refusal, 0, now_ms, why) < 0)
		return -1;
	crash_point(reason_written);
	moved = drop_expel(drop, name, mark, to, as, answer, why);
	if (moved == 0 && *answer == DROP_REMOVED) {
		crash_point(file_rejected);
		record_rejected(record, refusal, path, as);
	} else {
		unlinkat(to, reason, 0);
	}
	return moved;
}

struct scraps *scraps_open(const struct spool *spool, struct why *why)
{
	struct scraps *scraps = mem_zalloc(sizeof(*scraps));

	scraps->spool = spool;
	scraps->hidden = mem_printf("rejected/%s%d-%lld", hidden_prefix,
	    (int)getpid(), (long long)now_steady_ms());
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

/* The name that the same bytes have already: NAME, or the last of those that
 * were made of it. NULL when there is none. */
static char *kept_before(
    const struct scraps *scraps, const char *name, const char *free_name)
{
	const char *dot = strrchr(free_name, '.');
	auto_free char *first = mem_printf("rejected/%s", name);
	auto_free char *last = NULL;
	int64_t number;

	if (same_bytes(scraps, first))
		return mem_strdup(name);
	if (!dot || !text_int(dot + 1, 2, INT32_MAX, &number))
		return NULL;
	last = mem_printf("rejected/%.*s.%lld", (int)(dot - free_name),
	    free_name, (long long)(number - 1));
	return same_bytes(scraps, last) ? mem_strdup(base_name(last)) : NULL;
}

int scraps_keep(struct scraps *scraps, const char *path, int64_t now_ms,
    struct record *record, struct why *why)
{
	const struct spool *spool = scraps->spool;
	const char *name = base_name(path);
	auto_free char *fresh = spool_rejected_name(spool, name);
	auto_free char *before = kept_before(scraps, name, fresh);
	const char *as = before ? before : fresh;
	auto_free char *place = mem_printf("rejected/%s", as);

	if (fsync(scraps->fd) < 0)
		return fail(why, "%s: cannot sync: %m", scraps->hidden);
	if (write_why(spool, as, path, &scraps->first, scraps->count, now_ms,
		why) < 0)
		return -1;
	crash_point(scraps_written);
	if (renameat(spool->dir, scraps->hidden, spool->dir, place) < 0)
		return fail(why, "%s: cannot rename into place: %m", place);
	free(take(&scraps->hidden));
	if (file_sync_dir(spool->dir, "rejected", why) < 0)
		return -1;
	crash_point(scraps_kept);
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
