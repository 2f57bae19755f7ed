/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * cmd/select: from words on a command line to deliveries in the store. Owns
 * what it reads from standard input, a line at a time; promises that what is
 * no id is said and never taken for "everything". Changes nothing.
 */
#include "cmd/select.h"

#include "base/mem.h"
#include "base/say.h"
#include "base/text.h"
#include "cmd/desk.h"
#include "model/id.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

enum { STATUS_MIN = 100, STATUS_MAX = 599 };

static const char *const state_words[] = { "queued", "deferred", "active",
	"held", "delivered", "dead", "all", NULL };

/* ---- options ----------------------------------------------------------- */

static int unknown_state(const struct args *args, const char *word)
{
	const char *near = text_nearest(word, state_words);

	if (near)
		return verb_usage(args,
		    "unknown state \"%s\" (did you mean \"%s\"?)", word, near);
	return verb_usage(args,
	    "unknown state \"%s\"; there are queued, deferred, active, held, "
	    "delivered, dead and all",
	    word);
}

/* "queued" is two states of the store; "deferred" is told from it by tries. */
static int read_state(struct selection *s, const char *word)
{
	enum state state;

	if (strcmp(word, "all") == 0) {
		s->query.all_states = true;
		return EXIT_OK;
	}
	if (!state_from_word(word, &state))
		return unknown_state(s->args, word);
	s->word = word;
	s->query.all_states = false;
	s->query.states = 1u << state;
	if (state == STATE_WAITING)
		s->query.states |= 1u << STATE_CHAINED;
	return EXIT_OK;
}

/* "503" or "5xx". */
static bool read_code(const char *word, size_t len, int *low, int *high)
{
	auto_free char *code = mem_strndup(word, len);
	int64_t number;

	if (len == 3 && strcmp(code + 1, "xx") == 0 && code[0] >= '1' &&
	    code[0] <= '5') {
		*low = (code[0] - '0') * 100;
		*high = *low + 99;
		return true;
	}
	if (!text_int(code, STATUS_MIN, STATUS_MAX, &number))
		return false;
	*low = *high = (int)number;
	return true;
}

static int read_statuses(struct selection *s, const char *list)
{
	const char *at = list;

	for (;;) {
		size_t len = strcspn(at, ",");
		size_t n = s->status_count;

		if (n == SELECT_STATUSES_MAX ||
		    !read_code(
			at, len, &s->statuses[n].low, &s->statuses[n].high))
			return verb_usage(s->args,
			    "--status: \"%s\" is no list of statuses like 503, "
			    "5xx or 429,5xx",
			    list);
		s->status_count++;
		if (!at[len])
			return EXIT_OK;
		at += len + 1;
	}
}

int selection_read(struct selection *s, const struct args *args,
    size_t first_operand, unsigned states)
{
	const char *word = args_value(args, "state");
	const char *status = args_value(args, "status");
	int code = EXIT_OK;

	*s = (struct selection){
		.args = args,
		.ids = args->operands + first_operand,
		.id_count = args->operand_count - first_operand,
		.query = {
			.webhook = args_value(args, "webhook"),
			.endpoint = args_value(args, "endpoint"),
			.event_type = args_value(args, "event-type"),
			.incident = args_value(args, "incident"),
			.since_ms = args_moment(args, "since", 0),
			.until_ms = args_moment(args, "until", 0),
			.states = states,
		},
	};
	s->query.all_states = s->id_count > 0;
	s->narrowed = s->query.webhook || s->query.endpoint ||
	    s->query.event_type || s->query.incident || s->query.since_ms ||
	    s->query.until_ms || word || status;
	if (word)
		code = read_state(s, word);
	if (code == EXIT_OK && status)
		code = read_statuses(s, status);
	return code;
}

bool selection_uses_stdin(const struct selection *s)
{
	size_t i;

	for (i = 0; i < s->id_count; i++) {
		if (strcmp(s->ids[i], "-") == 0)
			return true;
	}
	return false;
}

/* ---- the walk ---------------------------------------------------------- */

struct walk {
	struct selection *selection;
	int (*each)(void *arg, const struct delivery_row *row);
	void *arg;
	int64_t found;
};

static bool answered_so(const struct selection *s, int status)
{
	size_t i;

	for (i = 0; i < s->status_count; i++) {
		if (status >= s->statuses[i].low &&
		    status <= s->statuses[i].high)
			return true;
	}
	return s->status_count == 0;
}

static int look(void *arg, const struct delivery_row *row)
{
	struct walk *walk = arg;
	struct selection *s = walk->selection;

	if (s->word && strcmp(s->word, state_word(row->state, row->tries)) != 0)
		return 0;
	if (!answered_so(s, row->last_status))
		return 0;
	walk->found++;
	if (walk->each(walk->arg, row))
		s->over = true;
	return s->over;
}

static void complain(
    struct selection *s, const char *before, const char *id, const char *after)
{
	s->unknown++;
	if (!s->silent)
		say_error("%s\"%.200s\"%s", before, id, after);
}

static int walk_id(
    struct walk *walk, struct store *store, const char *id, struct why *why)
{
	struct selection *s = walk->selection;
	struct delivery_query query = s->query;
	const char *rest;

	if (!id_is_event(id) && !id_is_delivery(id, &rest)) {
		complain(s, "", id,
		    " is no event or delivery id (\"spoolhook queue\" lists "
		    "them)");
		return 0;
	}
	query.id = id;
	walk->found = 0;
	if (store_deliveries(store, &query, look, walk, why) < 0)
		return -1;
	if (!walk->found)
		complain(s, "there is no delivery ", id,
		    s->narrowed ? " that fits the selectors" : " in the store");
	return 0;
}

/* The "delivery" of a JSON line, else its "event_id"; NULL: neither. */
static char *id_in_json(const char *line)
{
	json_auto_t *json = json_loads(line, 0, NULL);
	const char *id = json_string_value(json_object_get(json, "delivery"));

	if (!id)
		id = json_string_value(json_object_get(json, "event_id"));
	return mem_strdup(id);
}

static int walk_line(
    struct walk *walk, struct store *store, char *line, struct why *why)
{
	auto_free char *id = NULL;

	line += strspn(line, " \t");
	if (*line == '{') {
		id = id_in_json(line);
		if (!id)
			complain(walk->selection, "standard input: ", line,
			    " is no JSON line with \"delivery\"");
		return id ? walk_id(walk, store, id, why) : 0;
	}
	line[strcspn(line, " \t\r\n")] = '\0';
	return *line ? walk_id(walk, store, line, why) : 0;
}

static int walk_stdin(struct walk *walk, struct store *store, struct why *why)
{
	auto_free char *line = NULL;
	size_t size = 0;
	int got = 0;

	while (got == 0 && !walk->selection->over &&
	    getline(&line, &size, stdin) >= 0)
		got = walk_line(walk, store, line, why);
	if (got == 0 && ferror(stdin))
		return fail(why, "standard input: cannot read: %m");
	return got;
}

int selection_walk(struct selection *s, struct store *store,
    int (*each)(void *arg, const struct delivery_row *row), void *arg,
    struct why *why)
{
	struct walk walk = { .selection = s, .each = each, .arg = arg };
	size_t i;

	s->unknown = 0;
	s->over = false;
	if (!s->id_count)
		return store_deliveries(store, &s->query, look, &walk, why) < 0
		    ? -1
		    : 0;
	for (i = 0; i < s->id_count && !s->over; i++) {
		int got = strcmp(s->ids[i], "-") == 0
		    ? walk_stdin(&walk, store, why)
		    : walk_id(&walk, store, s->ids[i], why);

		if (got < 0)
			return -1;
	}
	return 0;
}

static bool has_endpoint(const struct conf *conf, const char *id)
{
	size_t i;

	for (i = 0; i < conf->webhook_count; i++) {
		if (webhook_endpoint(conf->webhooks[i], id))
			return true;
	}
	return false;
}

/* A trigger takes both spellings; an event has one of them. */
static char *other_spelling(const char *type)
{
	size_t at = strlen("incident");
	char *other;

	if (strncmp(type, "incident", at) != 0 || !strchr("._", type[at]) ||
	    !type[at])
		return NULL;
	other = mem_strdup(type);
	other[at] = type[at] == '.' ? '_' : '.';
	return other;
}

/* What may be mistyped, as a sentence, the caller's; NULL: nothing. */
static char *mistyped(const struct selection *s, const struct conf *conf)
{
	const struct delivery_query *q = &s->query;
	auto_free char *other = NULL;

	if (q->webhook && !conf_webhook(conf, q->webhook))
		return desk_no_webhook(conf, q->webhook);
	if (q->endpoint && !has_endpoint(conf, q->endpoint))
		return mem_printf("no webhook has an endpoint \"%.200s\" "
				  "(\"spoolhook config show webhooks\" shows "
				  "all)",
		    q->endpoint);
	if (q->event_type)
		other = other_spelling(q->event_type);
	return other ? mem_printf("is it \"%.200s\"?", other) : NULL;
}

void selection_say_none(
    const struct selection *s, const struct conf *conf, const char *end)
{
	auto_free char *hint = mistyped(s, conf);

	say_error("no delivery matched%s%s%s", end, hint ? "; " : "",
	    hint ? hint : "");
}
