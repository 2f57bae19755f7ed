/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/* flow/remover: accepted files out of their boxes, by another hand. */
#include "flow/remover.h"

#include "base/mem.h"
#include "scratch.h"
#include "tap.h"

#include <stdio.h>
#include <unistd.h>

enum { FILES = 200 };

static struct drop *open_in(void)
{
	scratch_remove("in");
	mkdir("in", 0700);
	return drop_open("in", NULL, false, NULL);
}

/* A file in the box, looked at and to be removed. */
static struct removal *accepted(struct drop *drop, const char *name)
{
	struct removal *removal = mem_zalloc(sizeof(*removal));
	auto_free char *path = mem_printf("in/%s", name);
	enum drop_answer answer;
	struct why why;

	scratch_put(path, "{}");
	removal->drop = drop_hold(drop);
	removal->file.name = mem_strdup(name);
	drop_take(drop, name, &answer, &removal->fd, &removal->file.mark, &why);
	return removal;
}

static void forget(struct removal *removal)
{
	drop_close(removal->drop);
	free(removal->file.name);
	free(removal);
}

static struct removal *next_answer(struct mailbox *answers)
{
	struct letter *l = mailbox_wait_for(answers, 10000);

	/* One at a time here. */
	return l && !l->next ? (struct removal *)l : NULL;
}

static void many_come_back_in_order(struct mailbox *answers)
{
	struct remover *remover = remover_open(answers, NULL);
	struct drop *drop = open_in();
	struct letter *l;
	bool in_order = true;
	int removed = 0;
	char name[32];
	int i;

	for (i = 0; i < FILES; i++) {
		snprintf(name, sizeof(name), "%03d.json", i);
		remover_send(remover, accepted(drop, name));
	}
	ok(!mailbox_take(answers) && access("in/000.json", F_OK) == 0,
	    "what was sent waits until it is flushed");
	drop_close(drop);
	remover_close(remover);
	l = mailbox_take(answers);
	while (l) {
		struct removal *removal = (struct removal *)l;

		l = l->next;
		snprintf(name, sizeof(name), "%03d.json", removed);
		in_order = in_order && strcmp(removal->file.name, name) == 0;
		removed += !removal->failed &&
		    removal->answer == DROP_REMOVED && removal->fd == -1;
		forget(removal);
	}
	is_int(removed, FILES, "the end waits for all that was sent");
	ok(in_order, "they come back in the order in which they went");
	is_int(rmdir("in"), 0, "and the box is empty");
}

static void other_content_is_left_alone(struct mailbox *answers)
{
	struct remover *remover = remover_open(answers, NULL);
	struct drop *drop = open_in();
	struct removal *removal = accepted(drop, "a.json");

	scratch_put("in/new", "{ \"other\": 1 }");
	rename("in/new", "in/a.json");
	remover_send(remover, removal);
	remover_flush(remover);
	removal = next_answer(answers);
	ok(removal && !removal->failed && removal->answer == DROP_CHANGED,
	    "another file under the name is told of");
	is_str(scratch_get("in/a.json"), "{ \"other\": 1 }", "and stays");
	forget(removal);
	removal = accepted(drop, "b.json");
	rename("in", "in.old");
	drop_close(drop);
	remover_send(remover, removal);
	remover_flush(remover);
	removal = next_answer(answers);
	ok(removal && removal->answer == DROP_REMOVED &&
		access("in.old/b.json", F_OK) < 0,
	    "a box that was replaced meanwhile is still the file's");
	forget(removal);
	remover_close(remover);
	scratch_remove("in.old");
}

int main(void)
{
	struct mailbox answers;

	scratch_begin();
	mailbox_init(&answers, NULL, NULL);
	many_come_back_in_order(&answers);
	other_content_is_left_alone(&answers);
	remover_close(NULL);
	mailbox_clear(&answers);
	scratch_end();
	return done();
}
