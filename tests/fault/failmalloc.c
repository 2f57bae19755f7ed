/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * fault/failmalloc: memory that ends, preloaded into the program. All threads'
 * allocations are counted from 1 on; number FAILMALLOC fails, and with
 * FAILMALLOC_LAST every one up to that, too. At the end the count is written
 * to the file FAILMALLOC_COUNT. Child processes are left alone.
 *
 * base/mem_all stands in front of glibc's allocator and calls it by its internal
 * names; so it is these that are taken here, behind it.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern void *__libc_memalign(size_t alignment, size_t size);

static void *(*real_malloc)(size_t size);
static void *(*real_calloc)(size_t count, size_t size);
static void *(*real_realloc)(void *p, size_t size);
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
	*(void **)&real_malloc = dlsym(RTLD_NEXT, "__libc_malloc");
	*(void **)&real_calloc = dlsym(RTLD_NEXT, "__libc_calloc");
	*(void **)&real_realloc = dlsym(RTLD_NEXT, "__libc_realloc");
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

/* The loader allocates before `begin`. */
void *__libc_malloc(size_t size)
{
	if (fails())
		return NULL;
	return real_malloc ? real_malloc(size) : __libc_memalign(16, size);
}

void *__libc_calloc(size_t items, size_t size)
{
	void *p;

	if (fails())
		return NULL;
	if (real_calloc)
		return real_calloc(items, size);
	p = __libc_memalign(16, items * size);
	return p ? memset(p, 0, items * size) : NULL;
}

void *__libc_realloc(void *p, size_t size)
{
	if (!real_realloc)
		abort();
	return fails() ? NULL : real_realloc(p, size);
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
