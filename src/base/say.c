/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * base/say: one write(2) per message, so lines of several threads and
 * processes never mix.
 */
#include "base/say.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct {
	enum say_level level;
	bool journal;
} voice = { .level = SAY_INFO };

static const struct {
	const char *priority;
	const char *word;
} level_words[] = {
	[SAY_ERROR] = { "<3>", "error: " },
	[SAY_WARNING] = { "<4>", "warning: " },
	[SAY_INFO] = { "<6>", "" },
	[SAY_DEBUG] = { "<7>", "debug: " },
};

void say_set_level(enum say_level level)
{
	voice.level = level;
}

enum say_level say_level(void)
{
	return voice.level;
}

void say_set_journal(bool on)
{
	voice.journal = on;
}

static void say(enum say_level level, const char *format, va_list ap)
{
	char line[2048];
	size_t used;
	ssize_t ignored;

	if (level > voice.level)
		return;
	snprintf(line, sizeof(line), "%sspoolhook: %s",
	    voice.journal ? level_words[level].priority : "",
	    level_words[level].word);
	used = strlen(line);
	vsnprintf(line + used, sizeof(line) - used - 1, format, ap);
	used = strlen(line);
	line[used++] = '\n';
	ignored = write(STDERR_FILENO, line, used);
	(void)ignored;
}

#define SPEAK(level)                    \
	do {                            \
		va_list ap;             \
		va_start(ap, format);   \
		say(level, format, ap); \
		va_end(ap);             \
	} while (0)

void say_error(const char *format, ...)
{
	SPEAK(SAY_ERROR);
}

void say_warning(const char *format, ...)
{
	SPEAK(SAY_WARNING);
}

void say_info(const char *format, ...)
{
	SPEAK(SAY_INFO);
}

void say_debug(const char *format, ...)
{
	SPEAK(SAY_DEBUG);
}
