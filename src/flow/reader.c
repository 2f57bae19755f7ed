/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * flow/reader: from a descriptor to events.
 *
 * Owns the window and the place in the file. Promises: an event's bytes are the
 * file's own; a file that is refused is refused with line and column; memory
 * is bounded by the size of one event, not of the file. It decides nothing
 * about acceptance, and dying in the middle leaves nothing behind but a hidden
 * scraps file.
 */
#include "flow/reader.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* One read(2). Most files are smaller, and are read by one. */
enum { BLOCK = 64 * 1024 };

/* FNV-1a over every fourth byte, four times, for a processor has several hands.
 * It tells a grown file from a rewritten one, against no enemy: who may write
 * the file may as well drop another. */
enum { LANES = 4 };

struct digest {
	uint64_t lanes[LANES];
	uint64_t len;
};

static const uint64_t basis = 0xcbf29ce484222325u;
static const uint64_t prime = 0x100000001b3u;

static uint64_t hash_byte(uint64_t hash, char byte)
{
	return (hash ^ (unsigned char)byte) * prime;
}

static void digest_start(struct digest *d)
{
	*d = (struct digest){ { basis, basis, basis, basis }, 0 };
}

static void digest_add(struct digest *d, const char *bytes, size_t len)
{
	const char *end = bytes + len;
	uint64_t *lane = d->lanes;

	while (bytes < end && d->len % LANES) {
		lane[d->len % LANES] = hash_byte(lane[d->len % LANES], *bytes);
		d->len++;
		bytes++;
	}
	for (; end - bytes >= LANES; bytes += LANES, d->len += LANES) {
		lane[0] = hash_byte(lane[0], bytes[0]);
		lane[1] = hash_byte(lane[1], bytes[1]);
		lane[2] = hash_byte(lane[2], bytes[2]);
		lane[3] = hash_byte(lane[3], bytes[3]);
	}
	for (; bytes < end; bytes++, d->len++)
		lane[d->len % LANES] = hash_byte(lane[d->len % LANES], *bytes);
}

static int64_t digest_value(const struct digest *d)
{
	uint64_t hash = d->len;
	size_t i;

	for (i = 0; i < LANES; i++)
		hash = (hash ^ d->lanes[i]) * prime;
	return (int64_t)hash;
}

struct reader {
	struct reader_case from;
	struct buf window;
	size_t at; /* what of the window was used up */
	int64_t offset; /* in the file, of window.data[at] */
	struct digest digest; /* of everything before offset */
	bool whole; /* the window reaches the file's end */
	bool begun; /* the form is known and was allowed */
	struct split split;
	struct scraps *scraps;
	bool kept_before; /* the last bad line: it is in rejected/ already */
	int64_t good;
	struct refusal refusal;
	char code[32];
	char message[256];
};

bool reader_same_start(int fd, int64_t done, int64_t hash)
{
	struct digest running;
	int64_t at = 0;

	digest_start(&running);
	while (at < done) {
		char block[16384];
		size_t want = done - at < (int64_t)sizeof(block)
		    ? (size_t)(done - at)
		    : sizeof(block);
		ssize_t got = pread(fd, block, want, at);

		if (got <= 0)
			return false;
		digest_add(&running, block, (size_t)got);
		at += got;
	}
	return digest_value(&running) == hash;
}

static void start_over(struct reader *r)
{
	buf_reset(&r->window);
	r->at = 0;
	r->offset = 0;
	digest_start(&r->digest);
	r->whole = false;
	r->good = 0;
	split_init(&r->split, r->from.lines, (size_t)r->from.size_max);
}

struct reader *reader_open(const struct reader_case *from)
{
	struct reader *r = mem_zalloc(sizeof(*r));

	r->from = *from;
	r->from.file.name = mem_strdup(from->file.name);
	/* Room for one event, a block behind it, and a splitter's look ahead. */
	r->window.max = (size_t)from->size_max + 4 * BLOCK;
	start_over(r);
	return r;
}

void reader_free(struct reader *r)
{
	if (!r)
		return;
	file_cleanup(&r->from.fd);
	scraps_free(r->scraps);
	buf_clear(&r->window);
	free(r->from.file.name);
	free(r);
}

int reader_take_fd(struct reader *r)
{
	int fd = r->from.fd;

	r->from.fd = -1;
	return fd;
}

const struct dropped *reader_file(const struct reader *r)
{
	return &r->from.file;
}

int reader_rewind(struct reader *r, struct why *why)
{
	if (lseek(r->from.fd, 0, SEEK_SET) < 0)
		return fail(why, "%s: cannot seek: %m", r->from.file.name);
	start_over(r);
	return 0;
}

int64_t reader_index(const struct reader *r)
{
	return r->good - 1;
}

bool reader_by_parts(const struct reader *r)
{
	return r->split.form == SPLIT_LINES;
}

void reader_receipt(const struct reader *r, bool whole, struct receipt *receipt)
{
	const struct drop_mark *mark = &r->from.file.mark;

	*receipt = (struct receipt){
		.device = mark->device,
		.inode = mark->inode,
		.birth_ns = mark->birth_ns,
		.mtime_ns = mark->mtime_ns,
		.size = whole ? mark->size : -1,
		.done = r->offset,
		.hash = digest_value(&r->digest),
	};
}

bool reader_unchanged(const struct reader *r)
{
	struct drop_mark now;

	return drop_mark_of(r->from.fd, &now) == 0 &&
	    drop_mark_equal(&now, &r->from.file.mark);
}

const struct refusal *reader_refusal(const struct reader *r)
{
	return &r->refusal;
}

int reader_keep_scraps(struct reader *r, const char *path, int64_t now_ms,
    struct record *record, struct why *why)
{
	if (!r->scraps)
		return 0;
	return scraps_keep(r->scraps, path, now_ms, record, why);
}

static void use_up(struct reader *r, size_t len)
{
	digest_add(&r->digest, r->window.data + r->at, len);
	r->at += len;
	r->offset += (int64_t)len;
}

/* How much to read now. The window doubles: what is in it is scanned again
 * each time, and an event may be large. */
static size_t portion(const struct reader *r)
{
	int64_t left = r->from.file.mark.size - r->offset -
	    (int64_t)(r->window.len - r->at);
	size_t most = r->window.len > BLOCK ? r->window.len : BLOCK;

	if (most > r->window.max - r->window.len)
		most = r->window.max - r->window.len;
	if (left <= 0)
		return 0;
	return left < (int64_t)most ? (size_t)left : most;
}

/* Reads on behind the window, up to where the file ended when it was looked
 * at. A file that shrank meanwhile simply ends earlier. */
static int read_on(struct reader *r, struct why *why)
{
	size_t want;
	ssize_t got;

	buf_shift(&r->window, r->at);
	r->at = 0;
	want = portion(r);
	r->whole = want == 0;
	if (r->whole)
		return 0;
	if (!buf_reserve(&r->window, want))
		return fail(why, "%s: no room for a line of this length",
		    r->from.file.name);
	do {
		got = read(r->from.fd, r->window.data + r->window.len, want);
	} while (got < 0 && errno == EINTR);
	if (got < 0)
		return fail(why, "%s: cannot read: %m", r->from.file.name);
	r->window.len += (size_t)got;
	r->window.data[r->window.len] = '\0';
	if (got == 0)
		r->whole = true;
	return 0;
}

static enum read_answer refuse(struct reader *r, const char *code,
    const char *message, size_t line, size_t column)
{
	snprintf(r->code, sizeof(r->code), "%s", code);
	snprintf(r->message, sizeof(r->message), "%s", message);
	r->refusal = (struct refusal){
		.code = r->code,
		.message = r->message,
		.line = line,
		.column = column,
	};
	return READ_REFUSED;
}

/* A bad line is kept aside; its newline goes with it. */
static int scrap(struct reader *r, const struct split_piece *piece,
    const char *code, const char *message, struct why *why)
{
	struct refusal refusal = { code, message, piece->line, piece->column };

	r->kept_before = r->from.skip_done &&
	    r->offset + (int64_t)piece->start < r->from.skip;
	if (r->kept_before)
		return 0;
	if (!r->scraps) {
		r->scraps = scraps_open(r->from.spool, why);
		if (!r->scraps)
			return -1;
		refuse(r, code, message, piece->line, piece->column);
	}
	return scraps_add(r->scraps, r->window.data + r->at + piece->start,
	    piece->next - piece->start, &refusal, why);
}

/* A last line that is cut off, in a file that may still grow: then none of it
 * is taken, for what was accepted could not be told from what was added. */
static bool tail_is_early(struct reader *r)
{
	int64_t size = r->from.file.mark.size;
	int64_t len = size < r->from.size_max ? size : r->from.size_max;
	auto_free char *tail = mem_alloc((size_t)len + 1);
	ssize_t got = pread(r->from.fd, tail, (size_t)len, size - len);
	const char *line;
	struct scan_fault fault;
	size_t left;
	size_t end;

	if (got <= 0)
		return false;
	line = memrchr(tail, '\n', (size_t)got);
	line = line ? line + 1 : tail;
	left = (size_t)(tail + got - line);
	if (scan_blank(line, left, 0, 0) == left)
		return false;
	return scan_value(line, left, 0, 0, NULL, &end, &fault) == SCAN_EARLY;
}

/* May JSON lines be taken now? READ_EVENT: yes. */
static enum read_answer judge_lines(struct reader *r)
{
	bool sure;

	if (!drop_unwritten(r->from.fd, &sure) && sure)
		return READ_WRITTEN;
	if (r->from.renamed)
		return READ_EVENT;
	if (!r->from.still)
		return READ_WAIT;
	return !r->from.settled && tail_is_early(r) ? READ_EARLY : READ_EVENT;
}

/* Judged once, when the form is known. */
static bool may_begin(struct reader *r, enum read_answer *answer)
{
	if (r->begun || r->split.form == SPLIT_UNKNOWN)
		return true;
	*answer = reader_by_parts(r) ? judge_lines(r) : READ_EVENT;
	r->begun = *answer == READ_EVENT;
	return r->begun;
}

/* The file ends inside an event, or before there is one. */
static enum read_answer end_early(
    struct reader *r, struct split_piece *piece, struct why *why)
{
	if (reader_by_parts(r) && piece->start < piece->end) {
		piece->next = r->window.len - r->at;
		if (scrap(r, piece, piece->code, piece->message, why) < 0)
			return READ_FAILED;
		use_up(r, piece->next);
		return READ_END;
	}
	if (!r->from.settled)
		return READ_EARLY;
	return refuse(
	    r, piece->code, piece->message, piece->line, piece->column);
}

/* Everything was read. Lines of which none is an event are refused as a file,
 * and so is an array without one. */
static enum read_answer end(struct reader *r)
{
	if (r->scraps && !r->good && !r->from.skip)
		return READ_REFUSED;
	if (!r->good && !r->from.skip)
		return refuse(
		    r, "not_event", "there is no event in this file", 0, 0);
	return READ_END;
}

/* The piece is an event's bytes, or so it seems. False when the reader is to go
 * on to the next. */
static bool take_event(struct reader *r, const struct split_piece *piece,
    struct event *event, enum read_answer *answer, struct why *why)
{
	int (*parse)(struct event *, const char *, size_t, const char **,
	    struct why *) = r->from.skim ? event_skim : event_parse;
	const char *bytes = r->window.data + r->at + piece->start;
	struct why reason;
	const char *code;

	r->good++;
	if (r->offset + (int64_t)piece->end <= r->from.skip)
		return false;
	*answer = READ_EVENT;
	if (parse(event, bytes, piece->end - piece->start, &code, &reason) == 0)
		return true;
	r->good--;
	if (!reader_by_parts(r)) {
		*answer =
		    refuse(r, code, reason.text, piece->line, piece->column);
		return true;
	}
	*answer = READ_FAILED;
	return scrap(r, piece, code, reason.text, why) < 0;
}

/* A line that is no event costs itself, an array's element the array. */
static bool drop_piece(struct reader *r, const struct split_piece *piece,
    enum read_answer *answer, struct why *why)
{
	if (!reader_by_parts(r)) {
		*answer = refuse(
		    r, piece->code, piece->message, piece->line, piece->column);
		return true;
	}
	*answer = READ_FAILED;
	return scrap(r, piece, piece->code, piece->message, why) < 0;
}

/* The window ends before the next piece does. What goes of it may be more of a
 * line that was too large. */
static bool go_on(struct reader *r, const struct split_piece *piece,
    enum read_answer *answer, struct why *why)
{
	*answer = READ_FAILED;
	if (r->split.skipping && r->scraps && !r->kept_before &&
	    scraps_add(
		r->scraps, r->window.data + r->at, piece->next, NULL, why) < 0)
		return true;
	use_up(r, piece->next);
	return read_on(r, why) < 0;
}

static enum read_answer finish(struct reader *r, enum split_answer cut,
    struct split_piece *piece, struct why *why)
{
	enum read_answer answer = READ_END;

	if (cut == SPLIT_EARLY)
		answer = end_early(r, piece, why);
	else
		use_up(r, r->window.len - r->at);
	return answer == READ_END ? end(r) : answer;
}

enum read_answer reader_next(struct reader *r, struct event *event,
    const char **bytes, size_t *len, struct why *why)
{
	for (;;) {
		struct split_piece piece;
		enum read_answer answer = READ_FAILED;
		enum split_answer cut =
		    split_next(&r->split, r->window.data + r->at,
			r->window.len - r->at, r->whole, &piece);
		bool over = false;

		if (!may_begin(r, &answer))
			return answer;
		*bytes = r->window.data + r->at + piece.start;
		*len = piece.end - piece.start;
		switch (cut) {
		case SPLIT_EVENT:
			over = take_event(r, &piece, event, &answer, why);
			break;
		case SPLIT_BAD_LINE:
		case SPLIT_TOO_LARGE:
			over = drop_piece(r, &piece, &answer, why);
			break;
		case SPLIT_MORE:
			if (go_on(r, &piece, &answer, why))
				return answer;
			continue;
		case SPLIT_BROKEN:
			return refuse(r, piece.code, piece.message, piece.line,
			    piece.column);
		case SPLIT_EARLY:
		case SPLIT_END:
			return finish(r, cut, &piece, why);
		}
		if (over && answer != READ_EVENT)
			return answer;
		use_up(r, piece.next);
		if (over)
			return answer;
	}
}
