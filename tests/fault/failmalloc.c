/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * fault/failmalloc: memory that ends, preloaded into the program. All threads'
 * allocations are counted from 1 on; number FAILMALLOC fails, and with
 * FAILMALLOC_LAST every one up to that, too. At the end the count is written
 * to the file FAILMALLOC_COUNT. Child processes are left alone.
 *
 * The real allocator is glibc's own, by its internal names, for dlsym()
 * allocates itself.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *p, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

static atomic_long count;
static long first = -1;
static long last = -1;

static long number(const char *name)
{
	const char *text = getenv(name);

	return text ? strtol(text, NULL, 10) : -1;
}

__attribute__((constructor)) static void begin(void)
{
	first = number("FAILMALLOC");
	last = number("FAILMALLOC_LAST");
	if (last < first)
		last = first;
	/* Allocations before main are the loader's, and not counted. */
	count = 0;
	unsetenv("LD_PRELOAD");
}

__attribute__((destructor)) static void end(void)
{
	const char *name = getenv("FAILMALLOC_COUNT");
	char text[32];
	int len = snprintf(text, sizeof(text), "%ld\n", count);
	int fd = name ? open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600) : -1;

	if (fd < 0)
		return;
	if (write(fd, text, (size_t)len) != len)
		abort();
	close(fd);
}

static int fails(void)
{
	long n = atomic_fetch_add(&count, 1) + 1;

	if (first < 0 || n < first || n > last)
		return 0;
	errno = ENOMEM;
	return 1;
}

void *malloc(size_t size)
{
	return fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t items, size_t size)
{
	return fails() ? NULL : __libc_calloc(items, size);
}

void *realloc(void *p, size_t size)
{
	return fails() ? NULL : __libc_realloc(p, size);
}

void *memalign(size_t alignment, size_t size)
{
	return fails() ? NULL : __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
	return memalign(alignment, size);
}

int posix_memalign(void **out, size_t alignment, size_t size)
{
	*out = memalign(alignment, size);
	return *out ? 0 : ENOMEM;
}
