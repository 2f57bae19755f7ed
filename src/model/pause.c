/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * model/pause: a pause as text and back. Pure; it owns nothing but the strings
 * it hands out. A text that it cannot read is no pause for those who show one,
 * though the store may still obey its number.
 */
#include "model/pause.h"

#include "base/mem.h"
#include "base/text.h"

#include <string.h>

char *pause_print(const struct pause *pause)
{
	return mem_printf("%lld %lld %s %s", (long long)pause->until_ms,
	    (long long)pause->uid, pause->by, pause->reason);
}

/* The next word, "" at the end; *at moves behind it and its blank. */
static char *word(const char **at)
{
	size_t len = strcspn(*at, " ");
	char *copy = mem_strndup(*at, len);

	*at += len + ((*at)[len] == ' ');
	return copy;
}

static bool number(const char **at, int64_t *out)
{
	auto_free char *digits = word(at);

	return text_int(digits, 0, INT64_MAX, out);
}

bool pause_parse(const char *text, struct pause *out)
{
	struct pause pause = { 0 };
	const char *at = text;

	if (!number(&at, &pause.until_ms) || !number(&at, &pause.uid))
		return false;
	pause.by = word(&at);
	pause.reason = mem_strdup(at);
	*out = pause;
	return true;
}

void pause_clear(struct pause *pause)
{
	free(pause->by);
	free(pause->reason);
	*pause = (struct pause){ 0 };
}

bool pause_holds(const struct pause *pause, int64_t now_ms)
{
	return !pause->until_ms || now_ms < pause->until_ms;
}
