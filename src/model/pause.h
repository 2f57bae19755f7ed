/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef MODEL_PAUSE_H
#define MODEL_PAUSE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * A webhook that an operator has paused: events queue, nothing is sent. It is
 * kept as the note "paused/WEBHOOK", one line of text: the end in milliseconds
 * (0: until somebody resumes it), the user's number, the user's name, the
 * reason. The store reads the first number (port/store.h), everybody else all
 * of it.
 */
struct pause {
	int64_t until_ms; /* 0: without end */
	int64_t uid;
	char *by; /* a user's name */
	char *reason; /* "" for none */
};

#define PAUSE_NOTES "paused/"
enum { PAUSE_REASON_MAX = 512 };

/* The note's text, the caller's. */
char *pause_print(const struct pause *pause);
/* False (and nothing to clear) for what is no such text. */
bool pause_parse(const char *text, struct pause *out);
void pause_clear(struct pause *pause);
/* False once its time is over. */
bool pause_holds(const struct pause *pause, int64_t now_ms);

#endif
