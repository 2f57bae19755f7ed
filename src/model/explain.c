/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * model/explain: asks the questions of model/match once more and follows the
 * answer down to the conditions that decided it. A failing "all" was decided by
 * its first member that failed, a failing "any" by all of them, and below a
 * "not" the sides change. The answer itself always comes from match_webhook's
 * own functions, so what is explained is what happens. What it quotes of an
 * event is cut and made visible; a value can be as large as the event. Pure.
 */
#include "model/explain.h"

#include "base/mem.h"
#include "base/text.h"
#include "model/filter_tree.h"
#include "model/trigger.h"

#include <string.h>

enum { POINTER_MAX = 16 * 1024, TEXT_MAX = 16 * 1024, VALUES_MAX = 4 };

const char *explain_word(enum explain_answer answer)
{
	static const char *const words[] = {
		[EXPLAIN_TAKES] = "takes",
		[EXPLAIN_DISABLED] = "disabled",
		[EXPLAIN_TRIGGER] = "trigger",
		[EXPLAIN_FILTER] = "filter",
	};

	return words[answer];
}

/* ---- what a condition saw ---------------------------------------------- */

struct seen {
	struct buf text;
	size_t count;
};

static bool see(void *arg, const json_t *value)
{
	struct seen *seen = arg;
	char *text;

	if (seen->count++ >= VALUES_MAX)
		return true;
	text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
	if (!text)
		mem_exhausted();
	if (seen->text.len)
		buf_puts(&seen->text, ", ");
	text_visible(&seen->text, text, strnlen(text, SAW_MAX + 8));
	free(text);
	return false;
}

/* An object counts by its names only, any other value by itself. */
static void see_names(
    struct seen *seen, const struct filter_naming *naming, const json_t *view)
{
	const json_t *object = json_object_get(view, naming->key);
	size_t i;

	if (object && !json_is_object(object))
		see(seen, object);
	for (i = 0; json_is_object(object) && i < FILTER_NAMES_MAX; i++) {
		const json_t *name = json_object_get(object, naming->names[i]);

		if (name)
			see(seen, name);
	}
}

/* Not in the middle of a character. */
static void cut(struct buf *text)
{
	if (text->len <= SAW_MAX)
		return;
	text->len = SAW_MAX;
	while ((text->data[text->len] & 0xc0) == 0x80)
		text->len--;
	text->data[text->len] = '\0';
	buf_puts(text, "\xe2\x80\xa6");
}

static char *what_it_saw(const struct filter *filter, const json_t *view)
{
	struct seen seen = { .text = BUF_INIT(TEXT_MAX) };

	if (filter->kind == FILTER_NAMED)
		see_names(&seen, filter->naming, view);
	else
		path_walk(filter->path, view, see, &seen);
	if (!seen.count) {
		buf_clear(&seen.text);
		return NULL;
	}
	cut(&seen.text);
	return buf_steal(&seen.text);
}

/* ---- which condition decided ------------------------------------------- */

struct trail {
	struct explanation *explanation;
	const json_t *view;
	struct buf pointer;
};

static void add_clause(
    struct trail *trail, const struct filter *filter, bool passed)
{
	struct explanation *explanation = trail->explanation;
	struct buf text = BUF_INIT(TEXT_MAX);

	if (explanation->count == CLAUSES_MAX) {
		explanation->more++;
		return;
	}
	filter_print(filter, &text);
	explanation->clauses[explanation->count++] = (struct clause){
		.pointer = mem_strdup(buf_text(&trail->pointer)),
		.text = buf_steal(&text),
		.saw = what_it_saw(filter, trail->view),
		.passed = passed,
	};
}

static void follow(struct trail *trail, const struct filter *filter, bool said);

static void follow_member(
    struct trail *trail, const struct filter *filter, size_t i, bool said)
{
	size_t mark = trail->pointer.len;
	const char *key = filter->kind == FILTER_ALL ? "all" : "any";

	if (filter->kind == FILTER_NOT)
		buf_puts(&trail->pointer, "/not");
	else
		buf_printf(&trail->pointer, "/%s/%zu", key, i);
	follow(trail, filter->members[i], said);
	trail->pointer.len = mark;
	trail->pointer.data[mark] = '\0';
}

/* `one`: the first member that said so decided alone. */
static void follow_members(
    struct trail *trail, const struct filter *filter, bool said, bool one)
{
	size_t i;

	for (i = 0; i < filter->count; i++) {
		if (filter_passes(filter->members[i], trail->view) != said)
			continue;
		follow_member(trail, filter, i, said);
		if (one)
			return;
	}
}

static void follow(struct trail *trail, const struct filter *filter, bool said)
{
	switch (filter->kind) {
	case FILTER_ALL:
		follow_members(trail, filter, said, !said);
		return;
	case FILTER_ANY:
		follow_members(trail, filter, said, said);
		return;
	case FILTER_NOT:
		follow_member(trail, filter, 0, !said);
		return;
	case FILTER_NAMED:
	case FILTER_FIELD:
		add_clause(trail, filter, said);
		return;
	}
}

static void explain_filter(struct explanation *explanation,
    const struct filter *filter, const json_t *view)
{
	struct trail trail = { .explanation = explanation,
		.view = view,
		.pointer = BUF_INIT(POINTER_MAX) };

	explanation->answer = EXPLAIN_FILTER;
	buf_puts(&trail.pointer, "");
	follow(&trail, filter, false);
	buf_clear(&trail.pointer);
}

void explain_rules(struct explanation *explanation,
    const struct webhook *webhook, const struct event *event)
{
	*explanation = (struct explanation){ .answer = EXPLAIN_TAKES };
	if (!trigger_among(webhook->triggers, event->type))
		explanation->answer = EXPLAIN_TRIGGER;
	else if (!filter_passes(webhook->filter, event->view))
		explain_filter(explanation, webhook->filter, event->view);
}

void explain_webhook(struct explanation *explanation,
    const struct webhook *webhook, const struct event *event)
{
	if (webhook->enabled) {
		explain_rules(explanation, webhook, event);
		return;
	}
	*explanation = (struct explanation){ .answer = EXPLAIN_DISABLED };
}

void explain_clear(struct explanation *explanation)
{
	size_t i;

	for (i = 0; i < explanation->count; i++) {
		free(explanation->clauses[i].pointer);
		free(explanation->clauses[i].text);
		free(explanation->clauses[i].saw);
	}
	*explanation = (struct explanation){ 0 };
}
