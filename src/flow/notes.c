/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * flow/notes: sends lines for `status` to the store and forgets them.
 *
 * Owns each note until its answer is back. Promises nothing about when it is
 * written; whoever notes decides nothing by it. If we die in the middle, a
 * line may be missing, or stay until the next daemon knows better.
 */
#include "flow/notes.h"

#include "base/mem.h"
#include "base/now.h"

struct note {
	struct work_note work; /* first */
	char *name;
	char *value;
};

struct count {
	struct work_count work; /* first */
	char *name;
	char *label;
};

struct notes {
	struct committer *committer;
	int under_way;
	struct log_mark whole; /* what the log is known to have */
};

struct notes *notes_open(struct committer *committer)
{
	struct notes *notes = mem_zalloc(sizeof(*notes));

	notes->committer = committer;
	notes->whole.event = -1;
	return notes;
}

void notes_close(struct notes *notes)
{
	free(notes);
}

void notes_put(struct notes *notes, const char *name, const char *value)
{
	struct note *note = mem_zalloc(sizeof(*note));

	note->name = mem_strdup(name);
	note->value = mem_strdup(value);
	note->work.work.kind = WORK_NOTE;
	note->work.now_ms = now_wall_ms();
	note->work.name = note->name;
	note->work.value = note->value;
	note->work.sender = notes;
	notes->under_way++;
	committer_send(notes->committer, &note->work.work);
}

void notes_count(
    struct notes *notes, const char *name, const char *label, int64_t more)
{
	struct count *count = mem_zalloc(sizeof(*count));

	count->name = mem_strdup(name);
	count->label = mem_strdup(label);
	count->work.work.kind = WORK_COUNT;
	count->work.name = count->name;
	count->work.label = count->label;
	count->work.more = more;
	notes->under_way++;
	committer_send(notes->committer, &count->work.work);
}

/* What could not be committed is not counted. */
static void counted(struct notes *notes, struct count *count)
{
	notes->under_way--;
	free(count->name);
	free(count->label);
	free(count);
}

void notes_logged(struct notes *notes)
{
	struct work_logged *logged = mem_zalloc(sizeof(*logged));

	logged->work.kind = WORK_LOGGED;
	logged->now_ms = now_wall_ms();
	logged->whole = notes->whole;
	notes->under_way++;
	committer_send(notes->committer, &logged->work);
}

/* Answers come in order: what was committed before this is written down. */
static void logged(struct notes *notes, struct work_logged *work)
{
	notes->under_way--;
	if (!work->work.failed)
		notes->whole = work->newest;
	free(work);
}

bool notes_answered(struct notes *notes, struct work *work)
{
	struct note *note = (struct note *)work;

	if (work->kind == WORK_LOGGED) {
		logged(notes, (struct work_logged *)work);
		return true;
	}
	if (work->kind == WORK_COUNT) {
		counted(notes, (struct count *)work);
		return true;
	}
	if (note->work.sender != notes)
		return false;
	notes->under_way--;
	free(note->name);
	free(note->value);
	free(note);
	return true;
}

bool notes_quiet(const struct notes *notes)
{
	return notes->under_way == 0;
}
