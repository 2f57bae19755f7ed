/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef MODEL_SPLIT_H
#define MODEL_SPLIT_H

#include "model/scan.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * Cuts a dropped file into its events: one object, an array of objects, or
 * JSON lines. It reads through a window that the caller moves along the file,
 * so a file may be larger than memory; each event must fit the window.
 *
 * The caller holds bytes [offset, offset + len) of the file and asks again
 * and again:
 *
 *	SPLIT_EVENT	an event's bytes are [piece.start, piece.end) of the
 *			window; everything before piece.next is done with
 *	SPLIT_BAD_LINE	JSON lines: the line [start, end) is not JSON (code,
 *			message, line, column); go on after it
 *	SPLIT_BROKEN	not what a file of this form may hold; an object or
 *			an array is refused whole, also what was cut before
 *	SPLIT_MORE	the window ends before the next event does: move it up
 *			to piece.next, read on, ask again; `whole` tells the
 *			splitter that the file has no more bytes
 *	SPLIT_EARLY	the file ends too early: inside a value, or before
 *			there is anything at all
 *	SPLIT_END	all was cut; only white space is left. Nothing was cut
 *			when the file is an empty array
 *	SPLIT_TOO_LARGE	an event is over size_max. In lines it costs that line,
 *			whose white space at the end counts: what the window
 *			has of it goes with piece.next, and while `skipping`
 *			stands, SPLIT_MORE gives piece.next for the rest of it
 *			(also when the file is whole)
 *
 * So events of an object or an array may be accepted only at SPLIT_END, those
 * of lines one by one. Lines and columns count from 1 in the file, columns in
 * characters. A byte order mark before the first value is no part of anything.
 */
enum split_answer {
	SPLIT_EVENT,
	SPLIT_BAD_LINE,
	SPLIT_BROKEN,
	SPLIT_MORE,
	SPLIT_EARLY,
	SPLIT_END,
	SPLIT_TOO_LARGE,
};

enum split_form {
	SPLIT_UNKNOWN, /* not enough was seen yet */
	SPLIT_OBJECT, /* one event; may turn into lines, but only when another
			 line follows it very far behind */
	SPLIT_ARRAY,
	SPLIT_LINES,
};

struct split {
	enum split_form form;
	size_t size_max; /* of one event, in bytes */
	size_t line; /* of the window's first byte, from 1 */
	size_t column;
	size_t count; /* events and bad lines so far */
	bool begun; /* a byte order mark was looked for */
	bool comma; /* array: a comma or ']' must come next */
	bool closed; /* array: its ']' was seen */
	bool one_line; /* object: it began and ended on one line */
	size_t end_line; /* object: the line of its end */
	bool skipping; /* lines: what is dropped is of a line too large */
	bool skipped; /* lines: its end was seen */
};

struct split_piece {
	size_t start;
	size_t end;
	size_t next; /* what the window may drop; never behind its end */
	size_t line; /* of `start`, or of the fault */
	size_t column;
	const char *code; /* of a fault, as in struct scan_fault */
	char message[160];
};

/*
 * Starts at a file's first byte. `lines` when the name says JSON lines
 * (.jsonl, .ndjson). Without it a file is lines when its first value ends on
 * its first line and another line follows, or when its first line is no JSON,
 * and no beginning of an array, but another line is an object by itself that
 * begins in the first column; for that as many bytes are looked at as one event
 * may have.
 */
void split_init(struct split *split, bool lines, size_t size_max);
/*
 * Looks at window[0..len); `whole` when the file ends there. Before it asks
 * again the caller drops `piece->next` bytes from the window's front; the
 * splitter has already counted their lines. The cuts are the same whatever the
 * window's steps; it must be able to hold size_max + 2 bytes. Each call looks
 * at no more than it cuts and the value that did not fit, so a window that
 * doubles keeps the work linear.
 */
enum split_answer split_next(struct split *split, const char *window,
    size_t len, bool whole, struct split_piece *piece);

#endif
