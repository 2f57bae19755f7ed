/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef TESTS_TAP_H
#define TESTS_TAP_H

/*
 * TAP (Test Anything Protocol) for C, under prove(1). Debian has no C libtap.
 * A test program calls ok(), is_str() … and ends with `return done();`.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static int tap_count;
static int tap_failed;

__attribute__((format(printf, 4, 5), unused)) static int tap_ok(
    const char *file, int line, int passed, const char *name, ...)
{
	va_list ap;

	printf("%sok %d - ", passed ? "" : "not ", ++tap_count);
	va_start(ap, name);
	vprintf(name, ap);
	va_end(ap);
	putchar('\n');
	if (!passed) {
		tap_failed++;
		printf("#   failed at %s:%d\n", file, line);
	}
	fflush(stdout);
	return passed;
}

__attribute__((unused)) static int tap_is_int(const char *file, int line,
    long long got, long long wanted, const char *name)
{
	if (!tap_ok(file, line, got == wanted, "%s", name)) {
		printf("#      got: %lld\n#   wanted: %lld\n", got, wanted);
		return 0;
	}
	return 1;
}

__attribute__((unused)) static int tap_is_str(const char *file, int line,
    const char *got, const char *wanted, const char *name)
{
	int same = got && wanted ? strcmp(got, wanted) == 0 : got == wanted;

	if (!tap_ok(file, line, same, "%s", name)) {
		printf("#      got: %s\n#   wanted: %s\n", got ? got : "(null)",
		    wanted ? wanted : "(null)");
		return 0;
	}
	return 1;
}

#define ok(passed, ...) tap_ok(__FILE__, __LINE__, !!(passed), __VA_ARGS__)
#define is_int(got, wanted, name) \
	tap_is_int(__FILE__, __LINE__, got, wanted, name)
#define is_str(got, wanted, name) \
	tap_is_str(__FILE__, __LINE__, got, wanted, name)
/* A piece of text must occur in another. */
#define has_str(got, part, name)                                        \
	do {                                                            \
		const char *has_got = (got);                            \
		if (!ok(has_got && strstr(has_got, part), "%s", name))  \
			printf("#      got: %s\n#   wanted part: %s\n", \
			    has_got ? has_got : "(null)", part);        \
	} while (0)

__attribute__((unused)) static int done(void)
{
	printf("1..%d\n", tap_count);
	return tap_failed != 0;
}

#endif
