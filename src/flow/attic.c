/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * flow/attic: takes away old files from rejected/, failed/ and mail/, and the
 * oldest of them when they are too large together.
 *
 * Owns the walk: one open directory at a time, and a fixed table of how much
 * lies there by age, so that its memory does not grow with what lies there. The
 * first round takes what is past its time and weighs the rest; a second one
 * follows when that is too much. Promises that a rejected file goes before its
 * reason, so none ever lies there unexplained, and that what cannot be removed
 * (a directory that somebody had dropped, with things in it) stays with its
 * reason. It follows no links and leaves hidden files alone. If we die in the
 * middle, the next walk finds the rest.
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
/* Ages differ by a sixteenth or more from one class to the next. */
enum { PARTS_BITS = 4, CLASSES = 64 << PARTS_BITS };

static const char reason_ending[] = ".why.json";
static const char mail_ending[] = ".eml";
static const char scraps_beginning[] = ".scraps-";

/* One thing that is kept. */
struct item {
	int dir;
	const char *name;
	const char *file; /* that a reason explains; NULL: none */
	int64_t since_ms;
	int64_t before_ms; /* older ones are past their time */
	int64_t bytes;
	int64_t *count; /* of its kind */
};

struct attic {
	struct attic_case from;
	struct attic_counts counts;
	DIR *rejected; /* NULL when done */
	DIR *failed; /* the webhooks' directories */
	DIR *webhook; /* the one that is open */
	DIR *mail;
	int64_t weights[CLASSES]; /* bytes that stay, by age */
	bool cutting; /* the second round */
	size_t cut; /* older classes go */
	int64_t spare; /* bytes of the cut's own class that go */
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

static void begin_round(struct attic *attic)
{
	attic->rejected = open_dir(attic->from.spool_dir, "rejected");
	attic->failed = open_dir(attic->from.spool_dir, "failed");
	attic->mail = open_dir(attic->from.spool_dir, "mail");
}

struct attic *attic_open(const struct attic_case *from)
{
	struct attic *attic = mem_zalloc(sizeof(*attic));

	attic->from = *from;
	begin_round(attic);
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

/* ---- what goes --------------------------------------------------------- */

/* Ages in seconds, by their highest bits; what is to come counts as new. */
static size_t class_of(const struct attic *attic, int64_t since_ms)
{
	int64_t age_ms = attic->from.now_ms - since_ms;
	uint64_t age = age_ms < 0 ? 0 : (uint64_t)age_ms / 1000;
	unsigned top;

	if (age < 1u << PARTS_BITS)
		return (size_t)age;
	top = 63 - (unsigned)__builtin_clzll(age);
	return ((size_t)(top - PARTS_BITS + 1) << PARTS_BITS) +
	    (size_t)((age >> (top - PARTS_BITS)) & ((1u << PARTS_BITS) - 1));
}

static bool is_too_much(struct attic *attic, const struct item *item)
{
	size_t class = class_of(attic, item->since_ms);

	if (class != attic->cut)
		return class > attic->cut;
	if (attic->spare <= 0)
		return false;
	attic->spare -= item->bytes;
	return true;
}

/* Gone, or never there. A dropped directory goes when it is empty. */
static bool vanish(const struct attic *attic, int dir, const char *name)
{
	if (attic->from.dry || unlinkat(dir, name, 0) == 0 || errno == ENOENT)
		return true;
	return (errno == EISDIR || errno == EPERM) &&
	    unlinkat(dir, name, AT_REMOVEDIR) == 0;
}

static void judge(struct attic *attic, const struct item *item)
{
	bool old = item->since_ms < item->before_ms;

	if (attic->cutting) {
		/* A dry walk meets here again what it only counted. */
		if (old || !is_too_much(attic, item))
			return;
	} else if (!old) {
		attic->weights[class_of(attic, item->since_ms)] += item->bytes;
		return;
	}
	if (item->file && !vanish(attic, item->dir, item->file))
		return;
	if (vanish(attic, item->dir, item->name))
		++*item->count;
}

/* After the first round: where to cut, if what stays is too much. */
static bool needs_cut(struct attic *attic)
{
	int64_t excess = -attic->from.max_bytes;
	size_t class;

	if (attic->cutting || !attic->from.max_bytes)
		return false;
	for (class = 0; class < CLASSES; class ++)
		excess += attic->weights[class];
	if (excess <= 0)
		return false;
	class = CLASSES - 1;
	while (attic->weights[class] < excess)
		excess -= attic->weights[class --];
	attic->cut = class;
	attic->spare = excess;
	attic->cutting = true;
	return true;
}

/* ---- what there is ------------------------------------------------------- */

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

/* What it takes on the disk, 0 for what is not there. */
static int64_t weigh(int dir, const char *name)
{
	struct stat st;

	if (!name || fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	return S_ISREG(st.st_mode) ? (int64_t)st.st_blocks * 512 : 0;
}

/* The name without the ending; NULL for what has another. */
static char *without(const char *name, const char *ending)
{
	size_t len = strlen(name);
	size_t cut = strlen(ending);

	if (len <= cut || strcmp(name + len - cut, ending) != 0)
		return NULL;
	return mem_strndup(name, len - cut);
}

/* A reason is as old as the rejection. A file that has one goes with it; one
 * without (somebody put it there) by its last change. */
static void look_at_rejected(struct attic *attic, const char *name)
{
	int dir = dirfd(attic->rejected);
	auto_free char *file = without(name, reason_ending);
	struct stat st;

	if (has_reason(dir, name) ||
	    fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	judge(attic,
	    &(struct item){
		.dir = dir,
		.name = name,
		.file = file,
		.since_ms = to_ms(file ? st.st_mtim : st.st_ctim),
		.before_ms = attic->from.rejected_before_ms,
		.bytes = weigh(dir, name) + weigh(dir, file),
		.count = &attic->counts.rejected,
	    });
}

static void look_at_file(
    struct attic *attic, int dir, const char *name, int64_t *count)
{
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	    !S_ISREG(st.st_mode))
		return;
	judge(attic,
	    &(struct item){
		.dir = dir,
		.name = name,
		.since_ms = to_ms(st.st_mtim),
		.before_ms = attic->from.failed_before_ms,
		.bytes = (int64_t)st.st_blocks * 512,
		.count = count,
	    });
}

/* Other files in mail/ are somebody else's. */
static void look_at_mail(struct attic *attic, const char *name)
{
	auto_free char *stem = without(name, mail_ending);

	if (stem)
		look_at_file(
		    attic, dirfd(attic->mail), name, &attic->counts.mails);
}

/* ---- the walk ------------------------------------------------------------ */

/* The next file of the open webhook's directory, else the next directory. */
static void walk_failed(struct attic *attic)
{
	const char *name;

	if (attic->webhook) {
		name = next_name(attic->webhook);
		if (name)
			look_at_file(attic, dirfd(attic->webhook), name,
			    &attic->counts.failed);
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

static void walk(struct attic *attic, DIR **dir,
    void (*look)(struct attic *attic, const char *name))
{
	const char *name = next_name(*dir);

	if (name)
		look(attic, name);
	else
		close_dir(dir);
}

bool attic_step(struct attic *attic)
{
	size_t i;

	for (i = 0; i < STEP; i++) {
		if (attic->rejected)
			walk(attic, &attic->rejected, look_at_rejected);
		else if (attic->failed)
			walk_failed(attic);
		else if (attic->mail)
			walk(attic, &attic->mail, look_at_mail);
		else if (needs_cut(attic))
			begin_round(attic);
		else
			return false;
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
