/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * base/say: one write(2) per message, so lines of several threads and
 * processes never mix, and all of it visible: whatever was in a name or a word of
 * the command line, the terminal stays whole.
 */
#include "base/say.h"

#include "base/buf.h"
#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { MESSAGE_MAX = 2048 };

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
	auto_buf struct buf line = BUF_INIT(5 * MESSAGE_MAX);
	char message[MESSAGE_MAX];
	ssize_t ignored;

	if (level > voice.level)
		return;
	vsnprintf(message, sizeof(message), format, ap);
	buf_printf(&line, "%sspoolhook: %s",
	    voice.journal ? level_words[level].priority : "",
	    level_words[level].word);
	text_visible(&line, message, strlen(message));
	buf_putc(&line, '\n');
	ignored = write(STDERR_FILENO, line.data, line.len);
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
