/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef BASE_SAY_H
#define BASE_SAY_H

#include <stdbool.h>

/*
 * Messages for the operator, on stderr: `spoolhook: error: …`, with syslog
 * priorities in front when the journal reads them. Only flow/ and cmd/ speak,
 * and say each fact once. All of a message passes text_visible.
 */
enum say_level { SAY_ERROR, SAY_WARNING, SAY_INFO, SAY_DEBUG };

/* What is said at all: everything up to `level`. Default SAY_INFO. Set before
 * threads start. */
void say_set_level(enum say_level level);
enum say_level say_level(void);
/* Looks whether stderr is the journal (JOURNAL_STREAM, systemd.exec(5)). */
void say_set_journal(bool on);

void say_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void say_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
void say_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void say_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
