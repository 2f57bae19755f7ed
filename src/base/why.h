/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef BASE_WHY_H
#define BASE_WHY_H

/*
 * One sentence that says why something could not be done. The caller owns the
 * struct; whoever knows the facts writes it, and everybody above passes it on.
 * A function that succeeds leaves it alone.
 */
struct why {
	char text[512];
};

/* Writes the sentence and returns -1, so that a failure is one statement:
 * `return fail(why, "%s: cannot open: %m", name)`. `why` may be NULL. */
int fail(struct why *why, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Puts a prefix before a sentence that a callee wrote; returns -1. */
int fail_in(struct why *why, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
