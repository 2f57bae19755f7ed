/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * model/split: where events begin and end in a file. It keeps no bytes and
 * allocates nothing: the caller's window is all it sees, and its state is what
 * must be known of the bytes that left the window. What it decides depends on
 * the file alone, never on how the window happened to be filled; so verdicts
 * on size look at no byte behind the one that is too many. It judges form
 * only: whether an object is an event is the event parser's business.
 */
#include "model/split.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char mark[] = "\xef\xbb\xbf";
enum { MARK_LEN = sizeof(mark) - 1 };

/* One look at one window. */
struct look {
	struct split *split;
	const char *window;
	size_t len;
	bool whole;
	struct split_piece *piece;
};

void split_init(struct split *split, bool lines, size_t size_max)
{
	*split = (struct split){
		.form = lines ? SPLIT_LINES : SPLIT_UNKNOWN,
		.size_max = size_max,
		.line = 1,
		.column = 1,
	};
}

static void locate(struct look *k, size_t at)
{
	k->piece->line = k->split->line;
	k->piece->column = k->split->column;
	scan_advance(k->window, at, &k->piece->line, &k->piece->column);
}

/* Ends a look: the first `next` bytes are done with. */
static enum split_answer leave(
    struct look *k, enum split_answer answer, size_t next)
{
	scan_advance(k->window, next, &k->split->line, &k->split->column);
	k->piece->next = next;
	return answer;
}

static void span(struct look *k, size_t start, size_t end)
{
	k->piece->start = start;
	k->piece->end = end;
	locate(k, start);
}

__attribute__((format(printf, 4, 5))) static void blame(
    struct look *k, size_t at, const char *code, const char *format, ...)
{
	va_list ap;

	locate(k, at);
	k->piece->code = code;
	va_start(ap, format);
	vsnprintf(k->piece->message, sizeof(k->piece->message), format, ap);
	va_end(ap);
}

static enum split_answer broken(struct look *k, const struct scan_fault *fault)
{
	span(k, fault->at, fault->at);
	blame(k, fault->at, fault->code, "%s", fault->message);
	return leave(k, SPLIT_BROKEN, 0);
}

/* The window ends inside a value that starts at `at`. */
static enum split_answer unfinished(
    struct look *k, size_t at, const char *sentence)
{
	if (!k->whole)
		return leave(k, SPLIT_MORE, at);
	span(k, at, k->len);
	blame(k, k->len, "truncated", "%s", sentence);
	return leave(k, SPLIT_EARLY, at);
}

static enum split_answer cut(
    struct look *k, size_t start, size_t end, size_t next)
{
	span(k, start, end);
	k->split->count++;
	return leave(k, SPLIT_EVENT, next);
}

static size_t blank(const struct look *k, size_t at)
{
	return scan_blank(k->window, k->len, at, 0);
}

/* The offset of the first newline in [start, end), `end` without one. */
static size_t newline(const struct look *k, size_t start, size_t end)
{
	const char *found =
	    end > start ? memchr(k->window + start, '\n', end - start) : NULL;

	return found ? (size_t)(found - k->window) : end;
}

static bool has_newline(const struct look *k, size_t start, size_t end)
{
	return newline(k, start, end) < end;
}

static size_t behind_line(const struct look *k, size_t at)
{
	size_t end = newline(k, at, k->len);

	return end < k->len ? end + 1 : end;
}

/* How far a value at `start` is looked at: one byte more than it may have. */
static size_t reach(const struct look *k, size_t start)
{
	size_t most = k->split->size_max + 1;

	return k->len - start < most ? k->len : start + most;
}

static enum split_answer too_large(struct look *k, size_t start, size_t next)
{
	span(k, start, reach(k, start));
	blame(k, start, "too_large", "an event is larger than %zu bytes",
	    k->split->size_max);
	return leave(k, SPLIT_TOO_LARGE, next);
}

enum grip { GRIP_WHOLE, GRIP_EARLY, GRIP_BAD, GRIP_TOO_LARGE };

/* Scans the value at `start`. A number may go on behind the window. */
static enum grip grip(
    struct look *k, size_t start, size_t *end, struct scan_fault *fault)
{
	size_t limit = reach(k, start);
	bool over = limit - start > k->split->size_max;

	switch (scan_value(k->window, limit, start, 0, NULL, end, fault)) {
	case SCAN_BAD:
		return GRIP_BAD;
	case SCAN_EARLY:
		return over ? GRIP_TOO_LARGE : GRIP_EARLY;
	case SCAN_WHOLE:
		break;
	}
	if (*end - start > k->split->size_max)
		return GRIP_TOO_LARGE;
	if (*end == k->len && !k->whole && k->window[start] != '{' &&
	    k->window[start] != '[')
		return GRIP_EARLY;
	return GRIP_WHOLE;
}

/*
 * JSON lines. The end of a line, without its CR, in *end; false when the
 * window does not show it.
 */
static bool line_end(const struct look *k, size_t start, size_t *end)
{
	size_t stop = newline(k, start, k->len);

	*end = stop;
	if (stop > start && k->window[stop - 1] == '\r')
		(*end)--;
	return stop < k->len || k->whole;
}

static size_t trim(const struct look *k, size_t start, size_t end)
{
	while (end > start && strchr(" \t\r", k->window[end - 1]) &&
	    k->window[end - 1])
		end--;
	return end;
}

static enum split_answer bad_line(
    struct look *k, size_t start, size_t end, const struct scan_fault *fault)
{
	span(k, start, end);
	blame(k, fault->at, fault->code, "%s", fault->message);
	k->split->count++;
	return leave(k, SPLIT_BAD_LINE, behind_line(k, end));
}

static enum split_answer cut_line(struct look *k, size_t start, size_t end)
{
	struct scan_fault fault;
	size_t stop;

	end = trim(k, start, end);
	switch (scan_value(k->window, end, start, 0, NULL, &stop, &fault)) {
	case SCAN_WHOLE:
		if (stop == end)
			return cut(k, start, end, behind_line(k, end));
		fault = (struct scan_fault){ blank(k, stop), "syntax",
			"a line holds one value, here begins another" };
		break;
	case SCAN_EARLY:
		if (!has_newline(k, end, k->len))
			return unfinished(k, start, fault.message);
		break;
	case SCAN_BAD:
		break;
	}
	return bad_line(k, start, end, &fault);
}

static enum split_answer large_line(struct look *k, size_t start)
{
	struct split *split = k->split;

	split->skipping = !has_newline(k, start, k->len);
	split->skipped = false;
	split->count++;
	return too_large(k, start, behind_line(k, start));
}

static enum split_answer next_line(struct look *k, size_t at)
{
	struct split *split = k->split;
	size_t start = blank(k, at);
	size_t end;
	bool shown;

	if (start == k->len && k->whole && split->count)
		return leave(k, SPLIT_END, start);
	if (start == k->len)
		return unfinished(k, start, "there is nothing in the file");
	shown = line_end(k, start, &end);
	if (end - start > split->size_max)
		return large_line(k, start);
	if (!shown)
		return leave(k, SPLIT_MORE, start);
	return cut_line(k, start, end);
}

/* Drops what there is of a line that was too large. */
static enum split_answer skip_line(struct look *k)
{
	struct split *split = k->split;

	if (split->skipped || (!k->len && k->whole)) {
		split->skipping = false;
		split->skipped = false;
		return next_line(k, 0);
	}
	split->skipped = has_newline(k, 0, k->len);
	return leave(k, SPLIT_MORE, behind_line(k, 0));
}

/*
 * An array. True when what stands at *at belongs between elements, and was
 * taken.
 */
static bool take_mark(struct look *k, size_t *at)
{
	struct split *split = k->split;
	char c = k->window[*at];

	if (split->closed)
		return false;
	if (c == ']' && (split->comma || !split->count))
		split->closed = true;
	else if (c == ',' && split->comma)
		split->comma = false;
	else
		return false;
	(*at)++;
	return true;
}

static enum split_answer cut_element(struct look *k, size_t start)
{
	struct scan_fault fault;
	size_t end = start;

	switch (grip(k, start, &end, &fault)) {
	case GRIP_WHOLE:
		k->split->comma = true;
		return cut(k, start, end, end);
	case GRIP_EARLY:
		return unfinished(k, start, "the text ends inside an array");
	case GRIP_BAD:
		return broken(k, &fault);
	case GRIP_TOO_LARGE:
		return too_large(k, start, 0);
	}
	assert(!"a grip");
	return SPLIT_BROKEN;
}

static enum split_answer next_element(struct look *k, size_t at)
{
	struct split *split = k->split;

	do
		at = blank(k, at);
	while (at < k->len && take_mark(k, &at));
	if (at == k->len && split->closed)
		return leave(k, k->whole ? SPLIT_END : SPLIT_MORE, at);
	if (at == k->len)
		return unfinished(k, at, "the text ends inside an array");
	if (split->closed)
		return broken(k,
		    &(struct scan_fault){
			at, "syntax", "something stands behind the array" });
	if (split->comma)
		return broken(k,
		    &(struct scan_fault){ at, "syntax",
			"expected ',' or ']' behind an element" });
	return cut_element(k, at);
}

/* What follows one object: nothing, or it was the first of many lines. */
static enum split_answer behind_object(struct look *k, size_t at)
{
	struct split *split = k->split;

	at = blank(k, at);
	if (at == k->len)
		return leave(k, k->whole ? SPLIT_END : SPLIT_MORE, at);
	locate(k, at);
	if (split->one_line && k->piece->line > split->end_line) {
		split->form = SPLIT_LINES;
		return next_line(k, at);
	}
	return broken(k,
	    &(struct scan_fault){ at, "syntax",
		"something stands behind the object; several events are "
		"an array or one a line" });
}

/* True when a line from `at` up to `limit` is an object by itself. The last
 * one counts only when it is known to end there. */
static bool object_line(const struct look *k, size_t at, size_t limit)
{
	while (at < limit) {
		size_t end = behind_line(k, at);
		struct scan_fault fault;
		size_t stop;

		if (end > limit ||
		    (end == limit && k->window[end - 1] != '\n' && !k->whole))
			return false;
		if (k->window[at] == '{' &&
		    scan_value(k->window, end, at, 0, NULL, &stop, &fault) ==
			SCAN_WHOLE &&
		    blank(k, stop) >= end)
			return true;
		at = end;
	}
	return false;
}

/* The first value breaks on its first line, or where the next one begins:
 * maybe it is only one bad line of many. */
static enum split_answer doubt(
    struct look *k, size_t start, const struct scan_fault *fault)
{
	size_t second = behind_line(k, start);
	size_t limit = reach(k, start);

	if (fault->at > blank(k, second))
		return broken(k, fault);
	if (object_line(k, second, limit)) {
		k->split->form = SPLIT_LINES;
		return next_line(k, start);
	}
	if (!k->whole && limit - start <= k->split->size_max)
		return leave(k, SPLIT_MORE, start);
	return broken(k, fault);
}

/* One event, or the first of many lines: what follows it tells, but nobody
 * waits for that for longer than an event may be. */
static enum split_answer first_object(struct look *k, size_t start, size_t end)
{
	struct split *split = k->split;
	size_t rest = blank(k, end);
	bool one_line = !has_newline(k, start, end);

	if (one_line && rest == k->len && !k->whole &&
	    k->len - start <= split->size_max)
		return leave(k, SPLIT_MORE, start);
	locate(k, end);
	split->end_line = k->piece->line;
	split->one_line = one_line;
	split->form = SPLIT_OBJECT;
	if (one_line && rest < k->len && has_newline(k, end, rest))
		split->form = SPLIT_LINES;
	return cut(k, start, end, end);
}

/* A value that is neither object nor array may only be a line of many. */
static enum split_answer first_scalar(struct look *k, size_t start, size_t end)
{
	struct scan_fault fault = { start, "not_event",
		"expected '{' or '[', an event or an array of events" };
	size_t limit = reach(k, start);
	size_t rest = scan_blank(k->window, limit, end, 0);

	if (rest < limit && has_newline(k, end, rest)) {
		k->split->form = SPLIT_LINES;
		return next_line(k, start);
	}
	if (rest == limit && !k->whole && limit - start <= k->split->size_max)
		return leave(k, SPLIT_MORE, start);
	return rest < limit ? doubt(k, start, &fault) : broken(k, &fault);
}

static enum split_answer first_value(struct look *k, size_t at)
{
	size_t start = blank(k, at);
	struct scan_fault fault;
	size_t end = start;

	if (start == k->len)
		return unfinished(k, start, "there is nothing in the file");
	if (k->window[start] == '[') {
		k->split->form = SPLIT_ARRAY;
		return next_element(k, start + 1);
	}
	switch (grip(k, start, &end, &fault)) {
	case GRIP_WHOLE:
		return k->window[start] == '{' ? first_object(k, start, end)
					       : first_scalar(k, start, end);
	case GRIP_EARLY:
		return unfinished(k, start, "the text ends inside a value");
	case GRIP_BAD:
		return doubt(k, start, &fault);
	case GRIP_TOO_LARGE:
		return too_large(k, start, 0);
	}
	assert(!"a grip");
	return SPLIT_BROKEN;
}

/* Looks for a byte order mark; false when the window is too short to tell. It
 * is written before the first column, and takes none. */
static bool begin(struct look *k, size_t *at)
{
	size_t shown = k->len < MARK_LEN ? k->len : MARK_LEN;

	*at = 0;
	if (k->split->begun)
		return true;
	if (!shown)
		return true;
	if (memcmp(k->window, mark, shown) != 0) {
		k->split->begun = true;
		return true;
	}
	if (shown < MARK_LEN)
		return false;
	k->split->begun = true;
	k->split->column = 0;
	*at = MARK_LEN;
	return true;
}

enum split_answer split_next(struct split *split, const char *window,
    size_t len, bool whole, struct split_piece *piece)
{
	struct look k = { split, window, len, whole, piece };
	size_t at;

	*piece = (struct split_piece){ 0 };
	if (!begin(&k, &at))
		return unfinished(&k, 0, "there is nothing in the file");
	if (split->skipping)
		return skip_line(&k);
	switch (split->form) {
	case SPLIT_UNKNOWN:
		return first_value(&k, at);
	case SPLIT_OBJECT:
		return behind_object(&k, at);
	case SPLIT_ARRAY:
		return next_element(&k, at);
	case SPLIT_LINES:
		return next_line(&k, at);
	}
	assert(!"a form");
	return SPLIT_BROKEN;
}
