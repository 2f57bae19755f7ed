/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * cmd/events: reads events as intake does, but all of an input before anything
 * comes of it: whoever asks `route` or `render` has a handful, and wants to be
 * told of a bad one before anything is shown; whoever submits many wants all of
 * them in or none. Changes nothing, keeps nothing.
 */
#include "cmd/events.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/say.h"
#include "cmd/verb.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { INPUT_MAX = 256 * 1024 * 1024 };

bool events_are_lines(const char *name)
{
	const char *end = strrchr(name, '.');

	return end &&
	    (strcmp(end, ".jsonl") == 0 || strcmp(end, ".ndjson") == 0);
}

/* ---- one by one --------------------------------------------------------- */

static int bad(const struct event_walk *walk, const struct split_piece *at,
    const char *code, const char *message)
{
	say_error("%s:%zu:%zu: %s [%s]%s", walk->name, at->line, at->column,
	    message, code, walk->so);
	return EXIT_BAD_EVENT;
}

static int read_one(
    struct event_walk *walk, const char *bytes, const struct split_piece *piece)
{
	struct event event = { 0 };
	const char *code;
	struct why why;

	if (event_parse(&event, bytes + piece->start, piece->end - piece->start,
		&code, &why) < 0)
		return bad(walk, piece, code, why.text);
	walk->count++;
	walk->each(walk, &event, bytes, piece);
	return EXIT_OK;
}

static int end(struct event_walk *walk, const struct split *split)
{
	static const struct split_piece top = { .line = 1, .column = 1 };

	walk->lines = split->form == SPLIT_LINES;
	return walk->count
	    ? EXIT_OK
	    : bad(walk, &top, "not_event", "there is no event in it");
}

int events_walk(struct event_walk *walk, const struct buf *input)
{
	struct split split;
	size_t at = 0;

	split_init(&split, walk->lines, walk->size_max);
	for (;;) {
		struct split_piece piece = { 0 };
		const char *bytes = buf_text(input) + at;

		switch (
		    split_next(&split, bytes, input->len - at, true, &piece)) {
		case SPLIT_EVENT:
			if (read_one(walk, bytes, &piece) != EXIT_OK)
				return EXIT_BAD_EVENT;
			break;
		case SPLIT_END:
			return end(walk, &split);
		case SPLIT_MORE:
			break;
		case SPLIT_BAD_LINE:
		case SPLIT_BROKEN:
		case SPLIT_EARLY:
		case SPLIT_TOO_LARGE:
			return bad(walk, &piece, piece.code, piece.message);
		}
		at += piece.next;
	}
}

/* ---- all at once -------------------------------------------------------- */

static void add(struct event_walk *walk, struct event *event, const char *bytes,
    const struct split_piece *piece)
{
	struct event_list *list = walk->arg;

	list->items =
	    mem_grow(list->items, list->count + 1, sizeof(*list->items));
	list->items[list->count++] = (struct event_item){
		.event = *event,
		.bytes = bytes + piece->start,
		.len = piece->end - piece->start,
		.line = piece->line,
	};
}

static int cut_whole(
    struct event_list *list, const struct conf *conf, const char *name)
{
	struct event_walk walk = {
		.name = name,
		.so = "",
		.size_max = (size_t)conf->max_event_size,
		.lines = events_are_lines(name),
		.each = add,
		.arg = list,
	};
	int code = events_walk(&walk, &list->input);

	if (code != EXIT_OK)
		events_clear(list);
	return code;
}

static int read_input(struct buf *input, const char *name, struct why *why)
{
	auto_close int fd = -1;

	if (strcmp(name, "-") == 0)
		return file_read_fd(STDIN_FILENO, "standard input", input, why);
	fd = open(name, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return fail(why, "%s: cannot open: %m", name);
	return file_read_fd(fd, name, input, why);
}

int events_load(
    struct event_list *list, const struct conf *conf, const char *name)
{
	struct why why = { "" };

	*list = (struct event_list){ .input = BUF_INIT(INPUT_MAX) };
	if (read_input(&list->input, name, &why) == 0)
		return cut_whole(list, conf, name);
	say_error("%s", why.text);
	events_clear(list);
	return EXIT_NO_INPUT;
}

int events_take(struct event_list *list, const struct conf *conf,
    const char *name, char *text)
{
	size_t len = strlen(text);

	*list = (struct event_list){ .input = {
					 .data = text,
					 .len = len,
					 .cap = len + 1,
					 .max = len + 1,
				     } };
	return cut_whole(list, conf, name);
}

void events_clear(struct event_list *list)
{
	size_t i;

	for (i = 0; i < list->count; i++)
		event_clear(&list->items[i].event);
	free(list->items);
	buf_clear(&list->input);
	*list = (struct event_list){ 0 };
}
