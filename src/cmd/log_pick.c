/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * cmd/log_pick: which lines of the log an operator wants to see. It owns the
 * compiled expression; it judges one line at a time by what stands in it, keeps
 * nothing of it, and takes members of another type for missing ones. A mistake
 * on the command line is answered with what to type instead.
 */
#include "cmd/log_pick.h"

#include "base/text.h"
#include "cmd/log_line.h"
#include "model/id.h"
#include "model/trigger.h"

#include <stdio.h>
#include <string.h>

/* ---- one value ---------------------------------------------------------- */

static bool is_member(const json_t *line, const char *key, const char *value)
{
	return strcmp(log_line_text(line, key), value) == 0;
}

static bool is_webhook(const json_t *line, const char *key, const char *value)
{
	const json_t *list = json_object_get(line, "webhooks");
	size_t i;

	for (i = 0; i < json_array_size(list); i++) {
		const char *one = json_string_value(json_array_get(list, i));

		if (one && strcmp(one, value) == 0)
			return true;
	}
	return is_member(line, key, value);
}

static bool is_type(const json_t *line, const char *key, const char *value)
{
	return trigger_equal(log_line_text(line, key), value);
}

/* "dead,rejected" */
static bool is_among(const json_t *line, const char *key, const char *value)
{
	const char *word = log_line_text(line, key);
	size_t len = strlen(word);

	for (;; value++) {
		size_t part = strcspn(value, ",");

		if (part == len && strncmp(value, word, len) == 0)
			return true;
		value += part;
		if (!*value)
			return false;
	}
}

/* True when the list of good codes has the status: "429,5xx". */
static bool has_code(const json_t *line, const char *key, const char *list)
{
	const json_t *status = json_object_get(line, key);
	char text[32];

	snprintf(
	    text, sizeof(text), "%lld", (long long)json_integer_value(status));
	if (strlen(text) != 3)
		return false;
	for (; *list; list += list[3] ? 4 : 3) {
		if (strncmp(list, text, list[1] == 'x' ? 1 : 3) == 0)
			return true;
	}
	return false;
}

static const struct selector {
	const char *option;
	const char *key;
	bool (*suits)(const json_t *line, const char *key, const char *value);
	bool literal; /* a line that suits has the value in its bytes */
} selectors[] = {
	{ "webhook", "webhook", is_webhook, true },
	{ "endpoint", "endpoint", is_member, true },
	{ "event-type", "event_type", is_type, false },
	{ "incident", "incident", is_member, true },
	{ "kind", "kind", is_among, false },
	{ "status", "status", has_code, false },
};
enum { SELECTORS = sizeof(selectors) / sizeof(*selectors) };

/* ---- a line ------------------------------------------------------------- */

/* As it was parsed or, where that is NULL, its bytes: what these do not hold
 * the members cannot say. */
struct sight {
	const json_t *line;
	const char *text;
};

static bool shows(const struct sight *sight, const struct selector *selector,
    const char *value)
{
	if (sight->line)
		return selector->suits(sight->line, selector->key, value);
	return !selector->literal || strstr(sight->text, value);
}

/* True when the option was not given, or any of its values is seen. */
static bool suits(const struct args *args, const struct selector *selector,
    const struct sight *sight)
{
	bool given = false;
	size_t i;

	for (i = 0; i < args->given_count; i++) {
		if (strcmp(args->given[i].option->name, selector->option) != 0)
			continue;
		given = true;
		if (shows(sight, selector, args->given[i].value))
			return true;
	}
	return !given;
}

static bool shows_id(const struct sight *sight, const char *id)
{
	if (!sight->line)
		return strstr(sight->text, id) != NULL;
	return is_member(sight->line, "event_id", id) ||
	    is_member(sight->line, "delivery", id);
}

static bool suits_all(const struct args *args, const struct sight *sight)
{
	size_t i;

	for (i = 0; i < SELECTORS; i++) {
		if (!suits(args, &selectors[i], sight))
			return false;
	}
	for (i = 0; i < args->operand_count; i++) {
		if (shows_id(sight, args->operands[i]))
			return true;
	}
	return !args->operand_count;
}

static bool in_time(const struct pick *pick, int64_t ms)
{
	return ms >= pick->since_ms &&
	    (pick->until_ms < 0 || ms <= pick->until_ms);
}

static bool has_time(const struct pick *pick, const json_t *line)
{
	int64_t ms;

	if (pick->since_ms < 0 && pick->until_ms < 0)
		return true;
	ms = log_line_ms(line);
	return ms >= 0 && in_time(pick, ms);
}

bool pick_may_take(const struct pick *pick, const char *text)
{
	const struct sight sight = { .text = text };
	int64_t ms = -1;

	if (pick->since_ms >= 0 || pick->until_ms >= 0)
		ms = log_line_early_ms(text);
	if (ms >= 0 && !in_time(pick, ms))
		return false;
	/* With a backslash a value may stand there in other bytes. */
	if (pick->asks_members && !strchr(text, '\\') &&
	    !suits_all(pick->args, &sight))
		return false;
	return !pick->has_grep || regexec(&pick->grep, text, 0, NULL, 0) == 0;
}

bool pick_takes(const struct pick *pick, const json_t *json)
{
	const struct sight sight = { .line = json };

	if (!json)
		return !pick->asks_members;
	if (args_has(pick->args, "failed") &&
	    !is_among(json, "kind", "dead,rejected,mail_failed"))
		return false;
	return suits_all(pick->args, &sight) && has_time(pick, json);
}

bool pick_asks(const struct pick *pick)
{
	return pick->has_grep || pick->asks_members;
}

/* ---- the command line --------------------------------------------------- */

/* Length of one CODE of a list, with its comma or end; 0 when it is none. */
static size_t code_length(const char *s)
{
	size_t len = strcspn(s, ",");

	if (len != 3 || s[0] < '1' || s[0] > '9')
		return 0;
	if (strspn(s, "0123456789") == 3 || strncmp(s + 1, "xx", 2) == 0)
		return len;
	return 0;
}

static bool codes_are_good(const char *list)
{
	for (;;) {
		size_t len = code_length(list);

		if (!len)
			return false;
		if (!list[len])
			return true;
		list += len + 1;
	}
}

const char *const pick_kinds[] = { "started", "stopped", "reloaded",
	"reload_failed", "accepted", "rejected", "unmatched", "attempt",
	"delivered", "dead", "paused", "resumed", "breaker_open",
	"breaker_closed", "held", "released", "retried", "deleted", "resent",
	"pruned", "mail_sent", "mail_failed", NULL };

static bool is_kind(const char *word)
{
	size_t i;

	for (i = 0; pick_kinds[i]; i++) {
		if (strcmp(pick_kinds[i], word) == 0)
			return true;
	}
	return false;
}

static int read_kinds(const struct args *args, const char *list)
{
	char word[64];

	for (;; list++) {
		size_t len = strcspn(list, ",");
		const char *near;

		snprintf(word, sizeof(word), "%.*s",
		    (int)(len < sizeof(word) ? len : sizeof(word)), list);
		near = is_kind(word) ? NULL : text_nearest(word, pick_kinds);
		if (near)
			return verb_usage(
			    args, "--kind: did you mean \"%s\"?", near);
		list += len;
		if (!*list)
			return EXIT_OK;
	}
}

static int read_value(const struct args *args, size_t i)
{
	const char *name = args->given[i].option->name;
	const char *value = args->given[i].value;

	if (strcmp(name, "kind") == 0)
		return read_kinds(args, value);
	if (strcmp(name, "status") == 0 && !codes_are_good(value))
		return verb_usage(
		    args, "--status takes codes such as 503, 5xx or 429,5xx");
	return EXIT_OK;
}

static int read_ids(const struct args *args)
{
	size_t i;

	for (i = 0; i < args->operand_count; i++) {
		if (!id_is_event(args->operands[i]) &&
		    !id_is_delivery(args->operands[i], NULL))
			return verb_usage(args,
			    "its operands are ids of events and deliveries; -g "
			    "looks for text");
	}
	return EXIT_OK;
}

static int read_grep(struct pick *pick)
{
	const char *pattern = args_value(pick->args, "grep");
	char text[256];
	int error;

	if (!pattern)
		return EXIT_OK;
	error = regcomp(&pick->grep, pattern, REG_EXTENDED | REG_NOSUB);
	if (error) {
		regerror(error, &pick->grep, text, sizeof(text));
		return verb_usage(pick->args, "--grep: %s", text);
	}
	pick->has_grep = true;
	return EXIT_OK;
}

static bool asks_members(const struct pick *pick)
{
	size_t i;

	for (i = 0; i < SELECTORS; i++) {
		if (args_has(pick->args, selectors[i].option))
			return true;
	}
	return pick->since_ms >= 0 || pick->until_ms >= 0 ||
	    pick->args->operand_count || args_has(pick->args, "failed");
}

int pick_read(struct pick *pick, const struct args *args)
{
	int code = EXIT_OK;
	size_t i;

	*pick = (struct pick){
		.args = args,
		.since_ms = args_moment(args, "since", -1),
		.until_ms = args_moment(args, "until", -1),
	};
	pick->asks_members = asks_members(pick);
	if (pick->until_ms >= 0 && pick->since_ms > pick->until_ms)
		return verb_usage(args, "--since is after --until");
	for (i = 0; i < args->given_count && code == EXIT_OK; i++)
		code = read_value(args, i);
	if (code == EXIT_OK)
		code = read_ids(args);
	return code == EXIT_OK ? read_grep(pick) : code;
}

void pick_clear(struct pick *pick)
{
	if (pick->has_grep)
		regfree(&pick->grep);
	pick->has_grep = false;
}
