/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef FLOW_READER_H
#define FLOW_READER_H

#include "base/why.h"
#include "flow/batch.h"
#include "flow/record.h"
#include "flow/refuse.h"
#include "model/event.h"
#include "model/split.h"
#include "port/spool.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Reads one dropped file event by event through a window that moves along it,
 * so the file's size does not matter. Tells whether the file is complete, and
 * keeps the bad lines of JSON lines aside. It reads as much as the file had
 * when it was looked at: what is added meanwhile is for the next look.
 */
struct reader;

struct reader_case {
	struct dropped file; /* the name is copied */
	int fd; /* taken over */
	int64_t size_max; /* of one event */
	bool skim; /* events need not be parsed whole (model/event.h) */
	bool lines; /* its name says JSON lines */
	bool renamed; /* it came by rename: JSON lines need not wait */
	bool still; /* nothing changed for a moment */
	bool settled; /* unchanged for so long that nothing more will come */
	int64_t skip; /* bytes that were accepted before */
	bool skip_done; /* … and the bad lines among them were kept, too */
	const struct spool *spool;
};

enum read_answer {
	READ_EVENT,
	READ_END, /* all was read; nothing but bad lines is left out */
	READ_EARLY, /* it ends too early, and may grow */
	READ_WAIT, /* JSON lines that changed a moment ago */
	READ_WRITTEN, /* JSON lines that a process has open for writing */
	READ_REFUSED, /* the whole file, see reader_refusal */
	READ_FAILED, /* our own trouble; why tells */
};

struct reader *reader_open(const struct reader_case *from);
void reader_free(struct reader *reader);
/* Hands over the descriptor when everything was read. */
int reader_take_fd(struct reader *r);
const struct dropped *reader_file(const struct reader *reader);

/* The next event that was not accepted before. `event` is the caller's; its
 * bytes are lent until the next call. */
enum read_answer reader_next(struct reader *reader, struct event *event,
    const char **bytes, size_t *len, struct why *why);
/* The place of the last event among those of the file, from 0. */
int64_t reader_index(const struct reader *reader);
/* JSON lines may be accepted bit by bit; an array only as a whole. */
bool reader_by_parts(const struct reader *reader);
/* Goes back to the start: an array too long for one batch was checked. */
int reader_rewind(struct reader *reader, struct why *why);
/* How far it has read, with the hash of what lies before. `whole`: nothing of
 * the file is left to do, its bad lines are kept, too. Only then is `size` that
 * of the file; else it is -1. */
void reader_receipt(
    const struct reader *reader, bool whole, struct receipt *receipt);
/* True when the file is still what it was when it was opened. Bytes that were
 * written over while we read may make sense, but no event. */
bool reader_unchanged(const struct reader *reader);
/* Why the whole file is refused. Lent. */
const struct refusal *reader_refusal(const struct reader *reader);
/* Bad lines among good ones: keeps them in rejected/. */
int reader_keep_scraps(struct reader *reader, const char *path, int64_t now_ms,
    struct record *record, struct why *why);

/* True when the first `done` bytes of the file hash to `hash`: it is the
 * content that was accepted, perhaps with more behind it. */
bool reader_same_start(int fd, int64_t done, int64_t hash);

#endif
