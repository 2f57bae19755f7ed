/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * flow/record: the writer of delivery.jsonl. One function per kind of line, all
 * built from the same head (what operators do is in record_desk.c). When the log cannot be written the daemon goes on:
 * the store holds the truth, the loss is counted and said once.
 */
#include "flow/record.h"
#include "flow/record_own.h"

#include "base/jot.h"
#include "base/mem.h"
#include "base/now.h"
#include "base/say.h"
#include "base/text.h"
#include "base/version.h"
#include "model/mask.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A line holds no payload; the longest parts are ids and sentences. */
enum { LINE_MAX_BYTES = 64 * 1024, MSG_MAX = 512, SHOWN_MAX = 1024 };
/* Lines that wait to be written go when there are so many bytes of them. */
enum { WAITING_MAX = 32 * 1024 };

/* Whatever is told of with another code is counted with the last of its name,
 * "other". */
static const struct {
	const char *name;
	const char *label;
} sums[] = {
	{ "mail", "sent" },
	{ "mail", "failed" },
	{ "rejected", "syntax" },
	{ "rejected", "utf8" },
	{ "rejected", "truncated" },
	{ "rejected", "too_deep" },
	{ "rejected", "too_large" },
	{ "rejected", "not_event" },
	{ "rejected", "unsupported" },
	{ "rejected", "not_regular" },
	{ "rejected", "several_links" },
	{ "rejected", "other" },
};
enum { SUM_COUNT = sizeof(sums) / sizeof(*sums) };

struct record {
	struct journal *journal;
	char *path;
	enum say_level level;
	int64_t lost;
	struct buf line;
	struct buf waiting; /* whole lines, each with its newline */
	bool gathers; /* whoever made them flushes */
	int64_t sums[SUM_COUNT];
	int64_t happened_ms; /* of late lines, -1 for none */
};

static void add_up(struct record *record, const char *name, const char *label)
{
	size_t i;

	for (i = 0; i + 1 < SUM_COUNT; i++) {
		if (strcmp(sums[i].name, name) == 0 &&
		    strcmp(sums[i].label, label) == 0)
			break;
	}
	record->sums[i]++;
}

bool record_next_sum(struct record *record, struct record_sum *sum)
{
	size_t i;

	for (i = 0; i < SUM_COUNT; i++) {
		if (!record->sums[i])
			continue;
		*sum = (struct record_sum){ sums[i].name, sums[i].label,
			record->sums[i] };
		record->sums[i] = 0;
		return true;
	}
	return false;
}

struct record *record_open(const char *path, int level, struct why *why)
{
	struct record *record = mem_zalloc(sizeof(*record));

	record->journal = journal_open(path, why);
	if (!record->journal) {
		free(record);
		return NULL;
	}
	record->path = mem_strdup(path);
	record->level = (enum say_level)level;
	record->line.max = LINE_MAX_BYTES;
	record->waiting.max = WAITING_MAX + LINE_MAX_BYTES + 1;
	record->happened_ms = -1;
	return record;
}

void record_close(struct record *record)
{
	if (!record)
		return;
	record_flush(record);
	journal_close(record->journal);
	buf_clear(&record->line);
	buf_clear(&record->waiting);
	free(record->path);
	free(record);
}

void record_late(struct record *record, int64_t happened_ms)
{
	record->happened_ms = happened_ms;
}

void record_reopen(struct record *record)
{
	struct why why;

	record_flush(record);
	if (journal_reopen(record->journal, &why) < 0)
		say_error("%s; the log goes on in the old file", why.text);
}

int record_configure(
    struct record *record, const char *path, int level, struct why *why)
{
	struct journal *journal;

	record->level = (enum say_level)level;
	if (strcmp(path, record->path) == 0)
		return 0;
	journal = journal_open(path, why);
	if (!journal)
		return -1;
	record_flush(record);
	journal_close(record->journal);
	record->journal = journal;
	free(record->path);
	record->path = mem_strdup(path);
	return 0;
}

static const char *const level_words[] = {
	[SAY_ERROR] = "error",
	[SAY_WARNING] = "warning",
	[SAY_INFO] = "info",
	[SAY_DEBUG] = "debug",
};

struct buf *line_begin(struct record *record, enum say_level level,
    const char *kind, const char *format, ...)
{
	struct buf *line = &record->line;
	char msg[MSG_MAX];
	va_list ap;

	if (level > record->level)
		return NULL;
	va_start(ap, format);
	vsnprintf(msg, sizeof(msg), format, ap);
	va_end(ap);
	buf_reset(line);
	jot_open(line, NULL, '{');
	jot_time(line, "ts", now_wall_ms());
	jot_str(line, "level", level_words[level]);
	jot_str(line, "kind", kind);
	jot_str(line, "msg", msg);
	jot_int(line, "v", 1);
	if (record->happened_ms >= 0)
		jot_time(line, "happened", record->happened_ms);
	return line;
}

void line_cut(struct buf *line, const char *key, const char *text)
{
	jot_bytes(line, key, text, strnlen(text, SHOWN_MAX));
}

void record_gather(struct record *record)
{
	record->gathers = true;
}

void record_flush(struct record *record)
{
	struct buf *lines = &record->waiting;
	struct why why;
	size_t missing;

	if (!lines->len)
		return;
	if (journal_append(record->journal, lines->data, lines->len - 1,
		now_steady_ms(), &missing, &why) == 0) {
		if (record->lost)
			say_info("the log can be written again; %lld line%s "
				 "lost",
			    (long long)record->lost,
			    record->lost == 1 ? " was" : "s were");
		record->lost = 0;
	} else {
		if (!record->lost)
			say_error(
			    "%s; deliveries go on without log lines", why.text);
		record->lost += (int64_t)missing;
	}
	buf_reset(lines);
}

void line_end(struct record *record)
{
	struct buf *line = &record->line;

	jot_close(line, '}');
	if (line->over) {
		/* Only a hostile event type or incident id is this long. */
		record->lost++;
		return;
	}
	buf_add(&record->waiting, line->data, line->len);
	buf_putc(&record->waiting, '\n');
	if (!record->gathers || record->waiting.len >= WAITING_MAX)
		record_flush(record);
}

void record_started(struct record *record, const struct conf *conf)
{
	struct buf *line = line_begin(record, SAY_INFO, "started",
	    "spoolhook %s started with %zu webhook%s", VERSION,
	    conf->webhook_count, conf->webhook_count == 1 ? "" : "s");

	if (!line)
		return;
	jot_str(line, "version", VERSION);
	jot_int(line, "pid", getpid());
	jot_int(line, "webhooks", (int64_t)conf->webhook_count);
	line_end(record);
}

void record_stopped(struct record *record, const char *reason)
{
	struct buf *line = line_begin(
	    record, SAY_INFO, "stopped", "spoolhook stopped: %s", reason);

	if (!line)
		return;
	jot_str(line, "reason", reason);
	jot_int(line, "pid", getpid());
	line_end(record);
}

void record_reloaded(
    struct record *record, const struct conf *conf, int64_t generation)
{
	struct buf *line = line_begin(record, SAY_INFO, "reloaded",
	    "configuration generation %lld is in use, %zu webhook%s",
	    (long long)generation, conf->webhook_count,
	    conf->webhook_count == 1 ? "" : "s");

	if (!line)
		return;
	jot_int(line, "generation", generation);
	jot_int(line, "webhooks", (int64_t)conf->webhook_count);
	line_end(record);
}

void record_reload_failed(
    struct record *record, const char *why, size_t errors, int64_t generation)
{
	struct buf *line = line_begin(record, SAY_ERROR, "reload_failed",
	    "configuration refused, generation %lld goes on: %s",
	    (long long)generation, why);

	if (!line)
		return;
	jot_int(line, "generation", generation);
	jot_int(line, "errors", (int64_t)errors);
	jot_str(line, "error", why);
	line_end(record);
}

void record_accepted(struct record *record, const char *event_id,
    const struct event *event, const char *file, size_t bytes,
    const struct webhook *const *webhooks, size_t count)
{
	struct buf *line;
	size_t i;

	if (count)
		line = line_begin(record, SAY_INFO, "accepted",
		    "%s accepted for %zu webhook%s", event->type, count,
		    count == 1 ? "" : "s");
	else
		line = line_begin(record, SAY_INFO, "unmatched",
		    "%s accepted, no webhook takes it", event->type);
	if (!line)
		return;
	jot_str(line, "event_id", event_id);
	jot_str(line, "event_type", event->type);
	line_cut(line, "incident", event->incident);
	line_cut(line, "service", event->service);
	line_cut(line, "alert_source", event->alert_source);
	jot_str(line, "file", file);
	jot_int(line, "bytes", (int64_t)bytes);
	jot_open(line, "webhooks", '[');
	for (i = 0; i < count; i++)
		jot_str(line, NULL, webhooks[i]->id);
	jot_close(line, ']');
	line_end(record);
}

void record_rejected(struct record *record, const struct refusal *refusal,
    const char *file, const char *kept_as)
{
	auto_buf struct buf shown = BUF_INIT(8192);
	auto_buf struct buf kept = BUF_INIT(2048);
	struct buf *line;

	add_up(record, "rejected", refusal->code);
	text_visible(&shown, file, strlen(file));
	text_visible(&kept, kept_as, strlen(kept_as));
	if (refusal->line)
		say_warning("%s:%zu:%zu: rejected: %s [%s]; kept as "
			    "rejected/%s",
		    buf_text(&shown), refusal->line, refusal->column,
		    refusal->message, refusal->code, buf_text(&kept));
	else
		say_warning("%s: rejected: %s [%s]; kept as rejected/%s",
		    buf_text(&shown), refusal->message, refusal->code,
		    buf_text(&kept));
	line = line_begin(record, SAY_ERROR, "rejected", "%s rejected: %s",
	    buf_text(&shown), refusal->message);
	if (!line)
		return;
	jot_str(line, "file", file);
	jot_str(line, "code", refusal->code);
	jot_str(line, "reason", refusal->message);
	if (refusal->line) {
		jot_int(line, "line", (int64_t)refusal->line);
		jot_int(line, "column", (int64_t)refusal->column);
	}
	jot_str(line, "kept_as", kept_as);
	line_end(record);
}

static size_t count_lines(const char *text)
{
	size_t count = 0;

	for (; *text; text++)
		count += *text == '\n' || !text[1];
	return count;
}

void record_mail_sent(struct record *record, const char *webhook,
    const char *recipients, const char *file)
{
	size_t count = count_lines(recipients);
	struct buf *line;

	add_up(record, "mail", "sent");
	if (file)
		line = line_begin(record, SAY_INFO, "mail_sent",
		    "failure mail about %s written to %s", webhook, file);
	else
		line = line_begin(record, SAY_INFO, "mail_sent",
		    "failure mail about %s sent to %zu address%s", webhook,
		    count, count == 1 ? "" : "es");
	if (!line)
		return;
	jot_str(line, "webhook", webhook);
	jot_int(line, "to_count", (int64_t)count);
	jot_str(line, "file", file);
	line_end(record);
}

void record_mail_failed(struct record *record, const char *webhook,
    const char *recipients, int code, const char *error, int64_t next_ms)
{
	struct buf *line;

	add_up(record, "mail", "failed");
	if (next_ms >= 0)
		say_warning("failure mail about %s cannot be sent: %s; it is "
			    "tried again",
		    webhook, error);
	else
		say_error("failure mail about %s cannot be sent: %s; given up",
		    webhook, error);
	line = line_begin(record, SAY_ERROR, "mail_failed",
	    "failure mail about %s cannot be sent: %s", webhook, error);
	if (!line)
		return;
	jot_str(line, "webhook", webhook);
	jot_int(line, "to_count", (int64_t)count_lines(recipients));
	if (code)
		jot_int(line, "smtp_code", code);
	jot_str(line, "error", error);
	jot_time(line, "next_attempt", next_ms);
	line_end(record);
}
