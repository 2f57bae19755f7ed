/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * model/source: text in; JSON, places and findings out. jansson knows neither
 * comments nor positions, so the text is scanned by model/map, and a copy in
 * which comments and trailing commas are blanks, offset by offset the same, is
 * what jansson gets. It promises that no secret is in a line that is shown:
 * what may be shown is told to it, everything else is covered. Never prints,
 * never reads a file; nothing to lose when we die.
 */
#include "model/source.h"

#include "base/mem.h"
#include "base/text.h"
#include "model/source_hide.h"

#include <stdlib.h>
#include <string.h>

struct source_fault {
	enum severity severity;
	size_t start;
	size_t end;
	size_t order; /* in which it was said */
	const char *code;
	char *pointer;
	char *message;
	char *help;
};

static const char byte_order_mark[] = "\xef\xbb\xbf";

static void say_at(struct source *source, struct source_fault *fault)
{
	if (source->fault_count == SOURCE_FAULTS_MAX) {
		source->uncounted[fault->severity]++;
		free(fault->pointer);
		free(fault->message);
		free(fault->help);
		return;
	}
	source->faults = mem_grow(
	    source->faults, source->fault_count + 1, sizeof(*source->faults));
	fault->order = source->fault_count;
	source->faults[source->fault_count++] = *fault;
}

static void say_syntax(struct source *source, size_t at, const char *code,
    const char *message, const char *help)
{
	struct source_fault fault = { .severity = SEVERITY_ERROR,
		.start = at,
		.end = at + 1,
		.code = code,
		.pointer = mem_strdup(""),
		.message = mem_strdup(message),
		.help = mem_strdup(help) };

	say_at(source, &fault);
}

/* A comma that only a bracket follows is no JSON; all else stays. */
static char *plain_copy(const struct source *source)
{
	char *copy = mem_dup(source->text, source->len);
	size_t at = 0;

	while (at < source->len) {
		size_t next = source_skip(source->text, source->len, at);

		if (source->text[at] == '/')
			memset(copy + at, ' ', next - at);
		if (source->text[at] == ',') {
			size_t behind = scan_blank(
			    source->text, source->len, next, SCAN_RELAXED);

			if (behind < source->len &&
			    strchr("]}", source->text[behind]))
				copy[at] = ' ';
		}
		at = next;
	}
	return copy;
}

static void parse(struct source *source)
{
	auto_free char *copy = plain_copy(source);
	json_error_t error;
	size_t at;

	source->root = json_loadb(copy, source->len, JSON_DECODE_ANY, &error);
	if (source->root)
		return;
	/* The text is well formed: it is a number out of range or a NUL. */
	at = error.position > 0 ? (size_t)error.position - 1 : 0;
	say_syntax(
	    source, at < source->len ? at : 0, "syntax", error.text, NULL);
}

static void say_twins(struct source *source)
{
	size_t i;

	for (i = 0; i < source->map.twin_count; i++) {
		const struct map_twin *twin = &source->map.twins[i];
		const struct map_entry *again =
		    &source->map.entries[twin->again];
		struct source_fault fault = { .severity = SEVERITY_ERROR,
			.start = again->key_start,
			.end = again->key_end,
			.code = "duplicate-key",
			.pointer = map_pointer(&source->map, twin->again) };
		size_t line;
		size_t column;

		scan_position(source->text, source->len,
		    source->map.entries[twin->first].key_start, &line, &column);
		fault.message =
		    mem_printf("duplicate key \"%.64s\"", again->key);
		fault.help = mem_printf(
		    "it was set before at %zu:%zu; leave one of them", line,
		    column);
		say_at(source, &fault);
		if (source->fault_count == SOURCE_FAULTS_MAX)
			return;
	}
}

static void say_scan(struct source *source, enum scan_answer answer,
    const struct scan_fault *fault)
{
	const char *code =
	    strcmp(fault->code, "too_deep") == 0 ? "too-deep" : fault->code;
	const char *help = NULL;

	if (source->len >= 3 && fault->at == 0 &&
	    memcmp(source->text, byte_order_mark, 3) == 0)
		help = "the file starts with a byte order mark; save it as "
		       "plain UTF-8";
	else if (scan_blank(source->text, source->len, 0, SCAN_RELAXED) ==
	    source->len)
		help = "the file is empty; {} is the least that it may hold";
	else if (answer == SCAN_EARLY)
		help = "a bracket or a quote is not closed";
	say_syntax(source, fault->at, code, fault->message, help);
}

void source_open(struct source *source, const char *file, const char *text,
    size_t len, const char *const *known)
{
	struct scan_fault fault = { .code = "syntax" };
	enum scan_answer answer;
	size_t end = 0;

	*source = (struct source){
		.file = file, .text = text, .len = len, .known = known
	};
	answer = map_scan(&source->map, text, len, SCAN_RELAXED, &end, &fault);
	source_hide_comments(source);
	if (answer != SCAN_WHOLE) {
		source_hide_tokens(source);
		say_scan(source, answer, &fault);
		return;
	}
	end = scan_blank(text, len, end, SCAN_RELAXED);
	if (end < len) {
		map_clear(&source->map);
		source_hide_tokens(source);
		say_syntax(source, end, "syntax",
		    "something follows behind the end of the object", NULL);
		return;
	}
	source_hide_values(source);
	say_twins(source);
	parse(source);
}

/* The entry of the pointer or of the nearest parent that exists. */
static const struct map_entry *nearest(
    const struct source *source, const char *pointer)
{
	auto_free char *path = mem_strdup(pointer);

	for (;;) {
		const struct map_entry *entry = map_find(&source->map, path);
		char *slash = strrchr(path, '/');

		if (entry || !slash)
			return entry;
		*slash = '\0';
	}
}

void source_say(struct source *source, enum severity severity,
    enum source_part part, const char *pointer, const char *code,
    const char *message, const char *help)
{
	const struct map_entry *entry = NULL;
	struct source_fault fault = { .severity = severity,
		.code = code,
		.pointer = mem_strdup(pointer),
		.message = mem_strdup(message),
		.help = mem_strdup(help) };

	if (source->fault_count < SOURCE_FAULTS_MAX)
		entry = nearest(source, pointer);
	if (entry && part == SOURCE_KEY && entry->key_end) {
		fault.start = entry->key_start;
		fault.end = entry->key_end;
	} else if (entry) {
		fault.start = entry->start;
		fault.end = entry->end;
	}
	say_at(source, &fault);
}

void source_cover(struct source *source, const char *pointer)
{
	const struct map_entry *entry;

	/* Nothing more is shown then. */
	if (source->fault_count >= SOURCE_FAULTS_MAX)
		return;
	entry = map_find(&source->map, pointer);
	if (entry)
		source_hide_within(source, entry->start, entry->end);
}

/* ---- findings ---------------------------------------------------------- */

static size_t width_at(const char *text, size_t len)
{
	size_t width = text_utf8_width(text, len);

	return width ? width : 1;
}

/* One column a character: what has no column of its own comes as '?'. */
static void show_character(
    struct buf *out, const char *text, size_t width, char cover)
{
	auto_buf struct buf visible = BUF_INIT(64);

	if (cover || *text == '\t') {
		buf_putc(out, cover ? cover : ' ');
		return;
	}
	text_visible(&visible, text, width);
	if (visible.len == width)
		buf_add(out, text, width);
	else
		buf_putc(out, '?');
}

static void lay_covers(
    const struct source *source, size_t start, size_t len, char *covers)
{
	size_t i;

	for (i = 0; i < source->hidden_count; i++) {
		const struct source_span *span = &source->hidden[i];
		size_t from = span->start > start ? span->start - start : 0;
		size_t to = span->end > start ? span->end - start : 0;

		if (to > len)
			to = len;
		if (from < to)
			memset(covers + from, span->cover, to - from);
	}
}

static char *show_line(const struct source *source, size_t start, size_t len)
{
	auto_buf struct buf out = BUF_INIT((size_t)SOURCE_LINE_MAX * 4);
	char covers[SOURCE_LINE_MAX] = { 0 };
	size_t at;

	if (!len || len > SOURCE_LINE_MAX)
		return NULL;
	lay_covers(source, start, len, covers);
	for (at = 0; at < len;) {
		size_t width = width_at(source->text + start + at, len - at);

		show_character(
		    &out, source->text + start + at, width, covers[at]);
		at += width;
	}
	while (out.len && out.data[out.len - 1] == ' ')
		out.data[--out.len] = '\0';
	return buf_steal(&out);
}

static size_t characters(const char *text, size_t len)
{
	size_t count = 0;
	size_t i;

	for (i = 0; i < len; i++)
		count += ((unsigned char)text[i] & 0xc0) != 0x80;
	return count;
}

static void locate(const struct source *source,
    const struct source_fault *fault, struct finding *finding)
{
	const char *text = source->text;
	size_t at = fault->start < source->len ? fault->start : source->len;
	size_t start = at;
	size_t stop = at;
	size_t end;

	scan_position(text, source->len, at, &finding->line, &finding->column);
	while (start > 0 && text[start - 1] != '\n')
		start--;
	while (stop < source->len && text[stop] != '\n')
		stop++;
	if (stop > start && text[stop - 1] == '\r')
		stop--;
	end = fault->end < stop ? fault->end : stop;
	finding->end_column =
	    finding->column + (end > at ? characters(text + at, end - at) : 1);
	finding->source = show_line(source, start, stop - start);
}

static int by_start(const void *a, const void *b)
{
	const struct source_fault *x = a;
	const struct source_fault *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return (x->order > y->order) - (x->order < y->order);
}

static void hand_over(const struct source *source, struct source_fault *fault,
    struct findings *findings)
{
	struct finding finding = { .severity = fault->severity,
		.file = mem_strdup(source->file),
		.code = fault->code,
		.pointer = fault->pointer,
		.message = fault->message,
		.help = fault->help };

	locate(source, fault, &finding);
	findings_add(findings, &finding);
}

void source_close(struct source *source, struct findings *findings)
{
	size_t i;

	if (source->fault_count)
		qsort(source->faults, source->fault_count,
		    sizeof(*source->faults), by_start);
	for (i = 0; i < source->fault_count; i++)
		hand_over(source, &source->faults[i], findings);
	findings->errors += source->uncounted[SEVERITY_ERROR];
	findings->warnings += source->uncounted[SEVERITY_WARNING];
	free(source->faults);
	free(source->hidden);
	map_clear(&source->map);
	json_decref(source->root);
	*source = (struct source){ 0 };
}
