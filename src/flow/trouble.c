/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * flow/trouble: notes on their way into the store.
 *
 * Owns the notes that are under way, and the "trouble/" names among the
 * store's notes. It decides nothing and says nothing. If we die with a note
 * under way, the next start finds the same trouble again.
 */
#include "flow/trouble.h"

#include "base/mem.h"
#include "base/now.h"

struct note {
	struct work_note work; /* first */
	char *name;
	char *value;
};

struct trouble {
	struct committer *committer;
	int under_way;
};

struct trouble *trouble_open(struct committer *committer)
{
	struct trouble *trouble = mem_zalloc(sizeof(*trouble));

	trouble->committer = committer;
	return trouble;
}

void trouble_close(struct trouble *trouble)
{
	free(trouble);
}

void trouble_note(
    struct trouble *trouble, const char *path, const char *sentence)
{
	struct note *note = mem_zalloc(sizeof(*note));

	note->name = mem_printf("trouble/%s", path);
	note->value = mem_strdup(sentence);
	note->work.work.kind = WORK_NOTE;
	note->work.now_ms = now_wall_ms();
	note->work.name = note->name;
	note->work.value = note->value;
	trouble->under_way++;
	committer_send(trouble->committer, &note->work.work);
}

void trouble_strike(struct trouble *trouble)
{
	trouble_note(trouble, "", NULL);
}

void trouble_noted(struct trouble *trouble, struct work *work)
{
	struct note *note = (struct note *)work;

	trouble->under_way--;
	free(note->name);
	free(note->value);
	free(note);
}

bool trouble_quiet(const struct trouble *trouble)
{
	return !trouble->under_way;
}
