/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * port/drop_list: what lies in a drop box.
 *
 * A sweep reads all names and keeps the oldest `max` in a heap with the
 * youngest of them on top, so its memory does not grow with the directory. It
 * promises order by change time and name. A name that vanishes while we look
 * is left out; one that arrives may wait for the next sweep. It changes
 * nothing on disk.
 */
#include "port/drop_parts.h"

#include "base/file.h"
#include "base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A stream of its own: a duplicate of the descriptor would share its place. A
 * directory that was removed while it is open lists as if it were empty. */
static DIR *open_stream(const struct drop *drop, struct why *why)
{
	int fd = file_open_dir(drop_dir(drop), ".", false, 0, NULL);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct stat st;

	if (dir && fstat(fd, &st) == 0 && st.st_nlink)
		return dir;
	if (dir)
		errno = ENOENT;
	fail(why, "%s: cannot list: %m", drop_path(drop));
	if (dir)
		closedir(dir);
	else if (fd >= 0)
		close(fd);
	return NULL;
}

int drop_each(struct drop *drop, int (*each)(void *arg, const char *name),
    void *arg, struct why *why)
{
	DIR *dir = open_stream(drop, why);
	struct dirent *entry;
	int answer = 0;

	if (!dir)
		return -1;
	while (!answer) {
		errno = 0;
		entry = readdir(dir);
		if (!entry)
			break;
		answer = each(arg, entry->d_name);
	}
	if (!answer && errno)
		answer = fail(why, "%s: cannot list: %m", drop_path(drop));
	closedir(dir);
	return answer;
}

static int by_age(const void *a, const void *b)
{
	const struct drop_entry *x = a;
	const struct drop_entry *y = b;

	if (x->ctime_ns != y->ctime_ns)
		return x->ctime_ns < y->ctime_ns ? -1 : 1;
	return strcmp(x->name, y->name);
}

static void exchange(struct drop_entry *a, struct drop_entry *b)
{
	struct drop_entry held = *a;

	*a = *b;
	*b = held;
}

static void sift_up(struct drop_entry *heap, size_t at)
{
	while (at && by_age(&heap[at], &heap[(at - 1) / 2]) > 0) {
		exchange(&heap[at], &heap[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
}

static void sift_down(struct drop_entry *heap, size_t count)
{
	size_t at = 0;

	for (;;) {
		size_t child = 2 * at + 1;

		if (child >= count)
			return;
		if (child + 1 < count &&
		    by_age(&heap[child + 1], &heap[child]) > 0)
			child++;
		if (by_age(&heap[child], &heap[at]) <= 0)
			return;
		exchange(&heap[child], &heap[at]);
		at = child;
	}
}

static void put_on_top(struct drop_list *heap, const struct drop_entry *entry)
{
	free(heap->entries[0].name);
	heap->entries[0] = *entry;
	heap->entries[0].name = mem_strdup(entry->name);
	sift_down(heap->entries, heap->count);
}

static void append(struct drop_list *heap, const struct drop_entry *entry)
{
	if (heap->count == heap->cap) {
		heap->cap = heap->cap ? heap->cap * 2 : 64;
		heap->entries =
		    mem_grow(heap->entries, heap->cap, sizeof(*heap->entries));
	}
	heap->entries[heap->count] = *entry;
	heap->entries[heap->count].name = mem_strdup(entry->name);
	sift_up(heap->entries, heap->count++);
}

struct sweep {
	struct drop *drop;
	struct drop_list heap;
	size_t max;
	const struct drop_skip *skip;
	struct why *why;
};

/* Keeps the entry, whose name is lent, if it is among the `max` oldest. */
static void offer(struct sweep *sweep, const struct drop_entry *entry)
{
	struct drop_list *heap = &sweep->heap;

	if (heap->count < sweep->max) {
		append(heap, entry);
		return;
	}
	heap->more = true;
	if (sweep->max && by_age(entry, &heap->entries[0]) < 0)
		put_on_top(heap, entry);
}

static int look(void *arg, const char *name)
{
	struct sweep *sweep = arg;
	struct drop_entry entry;
	struct stat st;

	if (!drop_fits(sweep->drop, name))
		return 0;
	if (fstatat(drop_dir(sweep->drop), name, &st, AT_SYMLINK_NOFOLLOW) <
	    0) {
		if (errno == ENOENT)
			return 0;
		return drop_fail(
		    sweep->why, sweep->drop, name, "cannot look at it");
	}
	entry = (struct drop_entry){
		.name = (char *)(uintptr_t)name,
		.ctime_ns = (int64_t)st.st_ctim.tv_sec * 1000000000 +
		    st.st_ctim.tv_nsec,
		.inode = st.st_ino,
	};
	if (!sweep->skip ||
	    !sweep->skip->skips(sweep->skip->arg, entry.inode, entry.ctime_ns))
		offer(sweep, &entry);
	return 0;
}

int drop_sweep(struct drop *drop, size_t max, const struct drop_skip *skip,
    struct drop_list *out, struct why *why)
{
	struct sweep sweep = {
		.drop = drop, .max = max, .skip = skip, .why = why
	};
	struct drop_list *heap = &sweep.heap;

	if (drop_each(drop, look, &sweep, why) < 0) {
		drop_list_clear(heap);
		return -1;
	}
	if (heap->count)
		qsort(
		    heap->entries, heap->count, sizeof(*heap->entries), by_age);
	*out = *heap;
	return 0;
}

void drop_list_clear(struct drop_list *list)
{
	size_t i;

	for (i = 0; i < list->count; i++)
		free(list->entries[i].name);
	free(list->entries);
	*list = (struct drop_list){ 0 };
}
