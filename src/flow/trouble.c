/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * flow/trouble: notes about paths.
 *
 * Owns the "trouble/" names of drop boxes and files among the store's notes;
 * flow/notes sends them. It decides nothing and says nothing. If we die with a
 * note under way, the next start finds the same trouble again.
 */
#include "flow/trouble.h"

#include "base/mem.h"
#include "flow/notes.h"

struct trouble {
	struct notes *notes;
};

struct trouble *trouble_open(struct committer *committer)
{
	struct trouble *trouble = mem_zalloc(sizeof(*trouble));

	trouble->notes = notes_open(committer);
	return trouble;
}

void trouble_close(struct trouble *trouble)
{
	if (!trouble)
		return;
	notes_close(trouble->notes);
	free(trouble);
}

void trouble_note(
    struct trouble *trouble, const char *path, const char *sentence)
{
	auto_free char *name = mem_printf("trouble/%s", path);

	notes_put(trouble->notes, name, sentence);
}

void trouble_strike(struct trouble *trouble)
{
	trouble_note(trouble, "", NULL);
}

bool trouble_noted(struct trouble *trouble, struct work *work)
{
	return notes_answered(trouble->notes, work);
}

bool trouble_quiet(const struct trouble *trouble)
{
	return notes_quiet(trouble->notes);
}
