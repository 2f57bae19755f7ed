/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * base/mem_all: base/mem's rule for everybody in the process. These three stand
 * in front of glibc's for all libraries, too, and end the process where those
 * would return NULL: what a library does then can be neither tried at each
 * place nor mended here. regcomp(3) of glibc 2.36 frees twice, libesmtp
 * writes through NULL, and libcurl, SQLite and jansson each tell it in ways of
 * their own, some of which look like faults of a peer, a disk or an event.
 *
 * A request that is absurd gets its NULL: who asks for that expects it. Memory
 * comes from glibc and is given back to glibc; a sanitizer's allocator is left
 * alone. If we die here, the store makes it harmless.
 */
#include "base/mem.h"

#include <stdint.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
    __has_feature(memory_sanitizer)
#define ALLOCATOR_IS_TAKEN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || \
    !defined(__GLIBC__)
#define ALLOCATOR_IS_TAKEN 1
#endif

#ifndef ALLOCATOR_IS_TAKEN

/* Under what names glibc keeps its own for those who replace them. */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *p, size_t size);

/* No honest request of ours or a library's comes near it. */
static const size_t ABSURD = (size_t)1 << 30;

static void *judge(void *p, size_t size)
{
	if (!p && size && size < ABSURD)
		mem_exhausted();
	return p;
}

void *malloc(size_t size)
{
	return judge(__libc_malloc(size), size);
}

void *calloc(size_t count, size_t size)
{
	size_t all;

	if (__builtin_mul_overflow(count, size, &all))
		all = SIZE_MAX;
	return judge(__libc_calloc(count, size), all);
}

void *realloc(void *p, size_t size)
{
	return judge(__libc_realloc(p, size), size);
}

#endif
