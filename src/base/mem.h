/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>
#include <stdlib.h>

/*
 * Memory. No function here returns NULL: when memory runs out the process
 * says so and ends with status 71. The store makes that harmless: what was
 * committed is found again, what was not is still in its file.
 */
void *mem_alloc(size_t size);
void *mem_zalloc(size_t size);
/* `count` zeroed objects of `size`; an overflow ends the process. */
void *mem_array(size_t count, size_t size);
/* Like realloc for `count` objects; new bytes are not cleared. */
void *mem_grow(void *p, size_t count, size_t size);
void *mem_dup(const void *p, size_t size);
/* NULL gives NULL. */
char *mem_strdup(const char *s);
/* Copies `len` bytes and ends them with a NUL. */
char *mem_strndup(const char *s, size_t len);
char *mem_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Ends the process as the functions above do, for a library's NULL. */
void mem_exhausted(void) __attribute__((noreturn));

/* Frees at the end of the scope: `auto_free char *name = mem_strdup(s);` */
#define auto_free __attribute__((cleanup(mem_cleanup)))

static inline void mem_cleanup(void *p)
{
	free(*(void **)p);
}

/* Hands a pointer over and leaves NULL behind: `return take(&name);` */
#define take(pp)                                  \
	__extension__({                           \
		__typeof__(*(pp)) taken_ = *(pp); \
		*(pp) = NULL;                     \
		taken_;                           \
	})

#endif
