/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * base/text: text in, values out, and back. Pure; reads the time zone only
 * where a person's local time is meant.
 */
#include "base/text.h"

#include "base/mem.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE };
/* A bound that no schedule needs and that leaves room for sums. */
static const int64_t DURATION_MAX = 3650 * 24 * (int64_t)HOUR;

bool text_int(const char *s, int64_t min, int64_t max, int64_t *out)
{
	int64_t value = 0;

	if (!*s)
		return false;
	for (; *s; s++) {
		int digit = *s - '0';

		if (!isdigit((unsigned char)*s) ||
		    value > (INT64_MAX - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	if (value < min || value > max)
		return false;
	*out = value;
	return true;
}

/* Reads digits at *s; false when there are none or too many. */
static bool digits(const char **s, int64_t *out)
{
	const char *start = *s;
	int64_t value = 0;

	while (isdigit((unsigned char)**s)) {
		if (*s - start > 12)
			return false;
		value = value * 10 + (**s - '0');
		(*s)++;
	}
	*out = value;
	return *s > start;
}

static const struct {
	const char *unit;
	int64_t ms;
} units[] = {
	{ "ms", 1 },
	{ "s", SECOND },
	{ "m", MINUTE },
	{ "h", HOUR },
	{ "d", 24 * (int64_t)HOUR },
};

enum { UNIT_COUNT = sizeof(units) / sizeof(units[0]) };

static int64_t unit_at(const char **s)
{
	size_t i;

	for (i = 0; i < UNIT_COUNT; i++) {
		size_t len = strlen(units[i].unit);

		if (strncmp(*s, units[i].unit, len) == 0) {
			*s += len;
			return units[i].ms;
		}
	}
	return 0;
}

bool text_duration(const char *s, int64_t *out_ms)
{
	int64_t total = 0;

	if (strcmp(s, "0") == 0) {
		*out_ms = 0;
		return true;
	}
	if (!*s)
		return false;
	while (*s) {
		int64_t number;
		int64_t unit;

		if (!digits(&s, &number))
			return false;
		unit = unit_at(&s);
		if (!unit || number > DURATION_MAX / unit)
			return false;
		total += number * unit;
		if (total > DURATION_MAX)
			return false;
	}
	*out_ms = total;
	return true;
}

bool text_size(const char *s, int64_t *out)
{
	static const char letters[] = "KMGT";
	const char *letter;
	int64_t value;

	if (!digits(&s, &value))
		return false;
	if (*s) {
		letter = strchr(letters, *s);
		if (!letter || s[1])
			return false;
		for (; letter >= letters; letter--) {
			if (value > INT64_MAX / 1024)
				return false;
			value *= 1024;
		}
	}
	*out = value;
	return true;
}

/* A log has many lines of one second: its text is kept. */
static const char *spell_second(time_t second)
{
	static _Thread_local time_t known = -1;
	static _Thread_local char text[TEXT_TIME_SIZE];
	struct tm tm;

	if (second == known)
		return text;
	gmtime_r(&second, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	known = second;
	return text;
}

char *text_time(char out[TEXT_TIME_SIZE], int64_t wall_ms)
{
	int ms = wall_ms < 0 ? 0 : (int)(wall_ms % 1000);
	const char *second = spell_second((time_t)(wall_ms / 1000));
	size_t len = strlen(second);

	memcpy(out, second, len);
	out[len++] = '.';
	out[len++] = (char)('0' + ms / 100);
	out[len++] = (char)('0' + ms / 10 % 10);
	out[len++] = (char)('0' + ms % 10);
	out[len++] = 'Z';
	out[len] = '\0';
	return out;
}

char *text_local_time(char out[TEXT_TIME_SIZE], int64_t wall_ms)
{
	time_t seconds = (time_t)(wall_ms / 1000);
	struct tm tm;

	localtime_r(&seconds, &tm);
	if (!strftime(out, TEXT_TIME_SIZE, "%Y-%m-%d %H:%M:%S %z", &tm))
		out[0] = '\0';
	return out;
}

static char *spell(char out[TEXT_DURATION_SIZE], int64_t ms, int parts)
{
	size_t used = 0;
	size_t i;

	if (ms < 0)
		ms = 0;
	snprintf(out, TEXT_DURATION_SIZE, "0s");
	for (i = UNIT_COUNT; i-- > 0 && parts > 0;) {
		int64_t count = ms / units[i].ms;

		if (!count) {
			if (used)
				parts--;
			continue;
		}
		used += (size_t)snprintf(out + used, TEXT_DURATION_SIZE - used,
		    "%lld%s", (long long)count, units[i].unit);
		ms %= units[i].ms;
		parts--;
	}
	return out;
}

char *text_short_duration(char out[TEXT_DURATION_SIZE], int64_t ms)
{
	if (ms <= 0) {
		snprintf(out, TEXT_DURATION_SIZE, "0ms");
		return out;
	}
	/* Milliseconds beside seconds tell a person nothing. */
	if (ms >= 10 * SECOND)
		ms -= ms % SECOND;
	else if (ms >= SECOND) {
		snprintf(out, TEXT_DURATION_SIZE, "%.1fs", (double)ms / 1000);
		return out;
	}
	return spell(out, ms, 2);
}

char *text_exact_duration(char out[TEXT_DURATION_SIZE], int64_t ms)
{
	return spell(out, ms, UNIT_COUNT);
}

/* The start of the local day that `days` lie before now. */
static int64_t midnight(int64_t now_ms, int days)
{
	time_t seconds = (time_t)(now_ms / 1000);
	struct tm tm;

	localtime_r(&seconds, &tm);
	tm.tm_mday -= days;
	tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
	tm.tm_isdst = -1;
	return (int64_t)mktime(&tm) * 1000;
}

static bool calendar_moment(const char *s, int64_t *out_ms)
{
	static const char *const utc_forms[] = { "%Y-%m-%dT%H:%M:%SZ",
		"%Y-%m-%dT%H:%M:%S%z", NULL };
	static const char *const local_forms[] = { "%Y-%m-%d %H:%M:%S",
		"%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d", NULL };
	auto_free char *plain = mem_strdup(s);
	char *dot = strchr(plain, '.');
	int64_t ms = 0;
	size_t i;

	if (dot) {
		char *end = dot + 1;
		int64_t scale = 100;

		for (; isdigit((unsigned char)*end); end++) {
			ms += (*end - '0') * scale;
			scale /= 10;
		}
		memmove(dot, end, strlen(end) + 1);
	}
	for (i = 0; utc_forms[i]; i++) {
		struct tm tm = { 0 };
		const char *end = strptime(plain, utc_forms[i], &tm);

		if (end && !*end) {
			long offset = tm.tm_gmtoff;

			*out_ms = ((int64_t)timegm(&tm) - offset) * 1000 + ms;
			return true;
		}
	}
	for (i = 0; local_forms[i]; i++) {
		struct tm tm = { .tm_isdst = -1 };
		const char *end = strptime(plain, local_forms[i], &tm);

		if (end && !*end) {
			*out_ms = (int64_t)mktime(&tm) * 1000 + ms;
			return true;
		}
	}
	return false;
}

static bool relative_moment(const char *s, int64_t now_ms, int64_t *out_ms)
{
	static const char ago[] = " ago";
	auto_free char *span = NULL;
	size_t len = strlen(s);
	int64_t ms;

	if (s[0] == '-')
		span = mem_strdup(s + 1);
	else if (len > sizeof(ago) && strcmp(s + len - 4, ago) == 0)
		span = mem_strndup(s, len - 4);
	if (!span || !text_duration(span, &ms))
		return false;
	*out_ms = now_ms - ms;
	return true;
}

bool text_moment(const char *s, int64_t now_ms, int64_t *out_ms)
{
	int64_t seconds;

	if (strcmp(s, "now") == 0)
		*out_ms = now_ms;
	else if (strcmp(s, "today") == 0)
		*out_ms = midnight(now_ms, 0);
	else if (strcmp(s, "yesterday") == 0)
		*out_ms = midnight(now_ms, 1);
	else if (s[0] == '@' && text_int(s + 1, 0, INT64_MAX / 1000, &seconds))
		*out_ms = seconds * 1000;
	else
		return relative_moment(s, now_ms, out_ms) ||
		    calendar_moment(s, out_ms);
	return true;
}

size_t text_utf8_width(const char *s, size_t len)
{
	const unsigned char *u = (const unsigned char *)s;
	size_t width;
	size_t i;

	if (!len)
		return 0;
	if (u[0] < 0x80)
		return 1;
	if (u[0] < 0xc2 || u[0] > 0xf4)
		return 0;
	width = u[0] < 0xe0 ? 2 : u[0] < 0xf0 ? 3 : 4;
	if (len < width)
		return 0;
	for (i = 1; i < width; i++) {
		if ((u[i] & 0xc0) != 0x80)
			return 0;
	}
	if ((u[0] == 0xe0 && u[1] < 0xa0) || (u[0] == 0xed && u[1] > 0x9f) ||
	    (u[0] == 0xf0 && u[1] < 0x90) || (u[0] == 0xf4 && u[1] > 0x8f))
		return 0;
	return width;
}

/* Eight bytes at a time: a continuation byte has its highest bit set and the
 * one below it not. */
size_t text_characters(const char *s, size_t len)
{
	static const uint64_t lowest = 0x0101010101010101u;
	size_t more = 0; /* continuation bytes */
	size_t i;

	for (i = 0; i + sizeof(uint64_t) <= len; i += sizeof(uint64_t)) {
		uint64_t eight;

		memcpy(&eight, s + i, sizeof(eight));
		eight = (eight >> 7) & ~(eight >> 6) & lowest;
		more += (size_t)((eight * lowest) >> 56);
	}
	for (; i < len; i++)
		more += ((unsigned char)s[i] & 0xc0) == 0x80;
	return len - more;
}

/* Characters that change how a line reads without being seen: C1 controls,
 * zero-width and bidirectional marks. */
static bool hides(const unsigned char *u, size_t width)
{
	if (width == 2)
		return u[0] == 0xc2 && u[1] < 0xa0;
	if (width == 3 && u[0] == 0xe2 && u[1] == 0x80)
		return (u[2] >= 0x8b && u[2] <= 0x8f) ||
		    (u[2] >= 0xa8 && u[2] <= 0xae);
	if (width == 3 && u[0] == 0xe2 && u[1] == 0x81)
		return u[2] >= 0xa6 && u[2] <= 0xa9;
	return width == 3 && u[0] == 0xef && u[1] == 0xbb && u[2] == 0xbf;
}

void text_visible(struct buf *b, const char *s, size_t len)
{
	size_t i = 0;

	while (i < len) {
		const unsigned char *u = (const unsigned char *)s + i;
		size_t width = text_utf8_width(s + i, len - i);

		if (width && !(width == 1 && (u[0] < 0x20 || u[0] == 0x7f)) &&
		    !hides(u, width)) {
			buf_add(b, u, width);
			i += width;
			continue;
		}
		buf_printf(b, "\\x%02x", u[0]);
		i++;
	}
}

enum { WORD_MAX = 64 };

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* One row of the distances: of the first i + 1 letters of a to the beginnings
 * of b. Two letters that changed places are one slip, not two. */
static void next_row(
    const char *a, const char *b, size_t i, size_t row[3][WORD_MAX + 1])
{
	size_t *now = row[(i + 1) % 3];
	const size_t *last = row[i % 3];
	const size_t *before = row[(i + 2) % 3];
	size_t j;

	now[0] = i + 1;
	for (j = 0; b[j]; j++) {
		size_t best = last[j] + (a[i] != b[j]);

		best = least(best, least(last[j + 1], now[j]) + 1);
		if (i && j && a[i] == b[j - 1] && a[i - 1] == b[j])
			best = least(best, before[j - 1] + 1);
		now[j + 1] = best;
	}
}

/* How many slips of the pen make a of b (optimal string alignment). */
static size_t distance(const char *a, const char *b)
{
	size_t row[3][WORD_MAX + 1];
	size_t i;

	for (i = 0; i <= strlen(b); i++)
		row[0][i] = i;
	for (i = 0; a[i]; i++)
		next_row(a, b, i, row);
	return row[i % 3][strlen(b)];
}

const char *text_nearest(const char *word, const char *const *words)
{
	const char *nearest = NULL;
	size_t best = 3;

	if (strlen(word) > WORD_MAX)
		return NULL;
	for (; *words; words++) {
		size_t edits;

		if (strlen(*words) > WORD_MAX)
			continue;
		edits = distance(word, *words);
		if (edits < best && edits * 2 < strlen(*words)) {
			best = edits;
			nearest = *words;
		}
	}
	return nearest;
}

static bool shell_safe(const char *s)
{
	for (; *s; s++) {
		if (!isalnum((unsigned char)*s) && !strchr("/._-+:@", *s))
			return false;
	}
	return true;
}

void text_shell(struct buf *b, const char *s)
{
	if (*s && shell_safe(s)) {
		buf_puts(b, s);
		return;
	}
	buf_putc(b, '\'');
	for (; *s; s++) {
		if (*s == '\'')
			buf_puts(b, "'\\''");
		else
			buf_putc(b, *s);
	}
	buf_putc(b, '\'');
}

bool text_starts(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}
