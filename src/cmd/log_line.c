/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * cmd/log_line: a log line for people. An attempt is told by its numbers; every
 * other kind has a sentence of its own in `msg`. Members may be missing or of
 * another type: the file is only believed as far as it goes.
 */
#include "cmd/log_line.h"

#include "base/text.h"

#include <string.h>
#include <time.h>

const char *log_line_text(const json_t *line, const char *key)
{
	const char *text = json_string_value(json_object_get(line, key));

	return text ? text : "";
}

static int64_t moment(const json_t *line, const char *key)
{
	const char *text = log_line_text(line, key);
	int64_t ms;

	/* Only full times: "now" is none in a log. */
	if (!strchr(text, 'T') || !text_moment(text, 0, &ms))
		return -1;
	return ms;
}

int64_t log_line_ms(const json_t *line)
{
	return moment(line, "ts");
}

int64_t log_line_early_ms(const char *text)
{
	static const char before[] = "{\"ts\":\"";
	char time[TEXT_TIME_SIZE];
	size_t len;
	int64_t ms;

	if (!text_starts(text, before))
		return -1;
	text += strlen(before);
	len = strcspn(text, "\"");
	if (len >= sizeof(time) || !memchr(text, 'T', len))
		return -1;
	memcpy(time, text, len);
	time[len] = '\0';
	return text_moment(time, 0, &ms) ? ms : -1;
}

static void add_visible(struct buf *out, const char *text)
{
	text_visible(out, text, strlen(text));
}

/* Nov 23 10:05:12.123, in local time as in journalctl. */
static void add_time(struct buf *out, const struct args *args, int64_t ms)
{
	time_t seconds = (time_t)(ms / 1000);
	char text[64];
	struct tm tm;

	buf_puts(out, verb_paint(args, PAINT_DIM));
	if (ms < 0 || !localtime_r(&seconds, &tm) ||
	    !strftime(text, sizeof(text), "%b %d %H:%M:%S", &tm))
		buf_puts(out, "(no time)");
	else
		buf_printf(out, "%s.%03d", text, (int)(ms % 1000));
	buf_puts(out, verb_paint(args, PAINT_OFF));
	buf_putc(out, ' ');
}

static void add_duration(struct buf *out, const char *before, double ms)
{
	char text[TEXT_DURATION_SIZE];

	if (ms >= 0 && ms < 1e15)
		buf_printf(out, "%s%s", before,
		    text_short_duration(text, (int64_t)(ms + 0.5)));
}

/* "503", or what went wrong when there was no status. */
static void add_answer(struct buf *out, const json_t *line)
{
	const json_t *status = json_object_get(line, "status");
	const char *error = log_line_text(line, "error");

	if (json_is_integer(status))
		buf_printf(out, "%lld", (long long)json_integer_value(status));
	else
		add_visible(
		    out, *error ? error : log_line_text(line, "error_code"));
}

static void add_attempt(struct buf *out, const json_t *line)
{
	const json_t *duration = json_object_get(line, "duration_ms");
	int64_t next = moment(line, "next_attempt");
	int64_t now = log_line_ms(line);

	add_visible(out, log_line_text(line, "webhook"));
	buf_putc(out, '/');
	add_visible(out, log_line_text(line, "endpoint"));
	buf_putc(out, ' ');
	add_visible(out, log_line_text(line, "event_id"));
	buf_printf(out, " try %lld/%lld: ",
	    (long long)json_integer_value(json_object_get(line, "try")),
	    (long long)json_integer_value(json_object_get(line, "max_tries")));
	add_answer(out, line);
	if (json_is_number(duration))
		add_duration(out, " in ", json_number_value(duration));
	if (next >= 0 && now >= 0)
		add_duration(
		    out, ", next in ", next > now ? (double)(next - now) : 0);
	if (strcmp(log_line_text(line, "outcome"), "dead") == 0)
		buf_puts(out, ", given up");
}

static void add_sentence(struct buf *out, const json_t *line)
{
	const char *id = log_line_text(line, "event_id");
	const char *msg = log_line_text(line, "msg");

	add_visible(out, id);
	if (*id)
		buf_putc(out, ' ');
	add_visible(out, *msg ? msg : log_line_text(line, "kind"));
}

static enum paint paint_of(const json_t *line)
{
	static const struct {
		const char *key;
		const char *value;
		enum paint paint;
	} paints[] = {
		{ "level", "error", PAINT_RED },
		{ "outcome", "dead", PAINT_RED },
		{ "level", "warning", PAINT_YELLOW },
		{ "outcome", "delivered", PAINT_GREEN },
		{ "kind", "delivered", PAINT_GREEN },
	};
	size_t i;

	for (i = 0; i < sizeof(paints) / sizeof(paints[0]); i++) {
		if (strcmp(log_line_text(line, paints[i].key),
			paints[i].value) == 0)
			return paints[i].paint;
	}
	return PAINT_OFF;
}

void log_line_short(
    struct buf *out, const struct args *args, const json_t *line)
{
	enum paint paint = paint_of(line);

	add_time(out, args, log_line_ms(line));
	if (paint != PAINT_OFF)
		buf_puts(out, verb_paint(args, paint));
	if (strcmp(log_line_text(line, "kind"), "attempt") == 0)
		add_attempt(out, line);
	else
		add_sentence(out, line);
	if (paint != PAINT_OFF)
		buf_puts(out, verb_paint(args, PAINT_OFF));
}
