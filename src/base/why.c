/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * base/why: the one way an error travels. It never logs and never allocates,
 * so it may be used when memory or descriptors have run out.
 */
#include "base/why.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int fail(struct why *why, const char *format, ...)
{
	va_list ap;

	if (!why)
		return -1;
	va_start(ap, format);
	vsnprintf(why->text, sizeof(why->text), format, ap);
	va_end(ap);
	return -1;
}

int fail_in(struct why *why, const char *format, ...)
{
	struct why inner;
	va_list ap;
	size_t used;

	if (!why)
		return -1;
	inner = *why;
	va_start(ap, format);
	vsnprintf(why->text, sizeof(why->text), format, ap);
	va_end(ap);
	used = strlen(why->text);
	snprintf(
	    why->text + used, sizeof(why->text) - used, ": %s", inner.text);
	return -1;
}
