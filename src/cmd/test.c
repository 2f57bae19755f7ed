/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * cmd/test: runs the unit tests of a configuration (model/suite): does the
 * webhook take this event, where would it go, and with what. Matching and
 * building requests is the daemon's own code; nothing is sent. The output is
 * TAP, for prove(1) and CI, or JSON lines. Whether a webhook is enabled is not
 * asked: tests are written before it is. Reads files only.
 */
#include "base/file.h"
#include "base/jot.h"
#include "base/mem.h"
#include "base/now.h"
#include "base/say.h"
#include "base/text.h"
#include "cmd/findings.h"
#include "cmd/places.h"
#include "cmd/samples.h"
#include "cmd/verb.h"
#include "flow/load.h"
#include "model/explain.h"
#include "model/id.h"
#include "model/suite.h"
#include "model/trigger.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static const struct verb_option options[] = { { .name = NULL } };

enum { FILE_MAX = 16 * 1024 * 1024, FILES_MAX = 10000 };
enum { OUTPUT_MAX = 1024 * 1024, NAME_SHOWN_MAX = 2048 };

struct bench {
	const struct args *args;
	const struct conf *conf;
	struct suite *suites;
	size_t suite_count;
	struct findings findings;
	size_t number; /* of the case, from 1 over all files */
	size_t failed;
};

/* One case while it is judged. */
struct trial {
	struct bench *bench;
	const struct suite *suite;
	const struct webhook *webhook;
	json_t *test;
	char *pointer; /* of the case in its file */
	const char *endpoint; /* that a request is judged for, or NULL */
	size_t faults;
	struct buf text; /* what failed, for people */
	struct buf json; /* and for programs */
};

/* ---- the files --------------------------------------------------------- */

static void add_suite(struct bench *b, const char *path)
{
	auto_buf struct buf text = BUF_INIT(FILE_MAX);
	struct suite suite;
	struct why why;

	if (file_read(AT_FDCWD, path, &text, &why) < 0) {
		findings_add_file(&b->findings, SEVERITY_ERROR, path,
		    "unreadable", why.text, NULL);
		return;
	}
	if (suite_open(&suite, path, buf_text(&text), text.len, &b->findings) <
	    0)
		return;
	b->suites = mem_grow(b->suites, b->suite_count + 1, sizeof(*b->suites));
	b->suites[b->suite_count++] = suite;
}

static int is_suite(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);

	return entry->d_name[0] != '.' && len > 5 &&
	    strcmp(entry->d_name + len - 5, ".json") == 0;
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int add_directory(struct bench *b)
{
	auto_free char *dir = file_join(b->conf->dir, "tests.d");
	struct dirent **entries = NULL;
	int count = scandir(dir, &entries, is_suite, by_bytes);
	int i;

	for (i = 0; i < count; i++) {
		auto_free char *path = file_join(dir, entries[i]->d_name);

		if (i < FILES_MAX)
			add_suite(b, path);
		free(entries[i]);
	}
	free(entries);
	if (count > 0)
		return EXIT_OK;
	say_error("test: there are no tests in %s; spoolhook-webhook(5) tells "
		  "how to write them",
	    dir);
	return EXIT_NO_INPUT;
}

/* ---- a case's event ---------------------------------------------------- */

static void say_event(struct trial *t, const char *code, const char *message)
{
	auto_free char *pointer = mem_printf("%s/event", t->pointer);

	suite_say(t->suite, pointer, code, message, NULL, &t->bench->findings);
}

static char *read_event_file(struct trial *t, const char *name)
{
	const char *slash = strrchr(t->suite->file, '/');
	auto_free char *folder = mem_strndup(
	    t->suite->file, slash ? (size_t)(slash - t->suite->file) : 0);
	auto_free char *path = file_join(folder, name);
	struct buf text = BUF_INIT(FILE_MAX);
	struct why why;

	if (file_read(AT_FDCWD, path, &text, &why) == 0 &&
	    strlen(buf_text(&text)) == text.len)
		return buf_steal(&text);
	if (text.len)
		fail(&why, "%s: holds a NUL", path);
	buf_clear(&text);
	say_event(t, "no-event", why.text);
	return NULL;
}

/* The event's text, with the changes of "set" in it; the caller's. */
static char *change(struct trial *t, const char *text)
{
	json_auto_t *event = NULL;
	auto_free char *below = NULL;
	auto_free char *pointer = NULL;
	json_error_t error;
	char *changed;

	event = json_loads(text, JSON_ALLOW_NUL, &error);
	if (!event) {
		say_event(t, "no-event", error.text);
		return NULL;
	}
	if (!suite_change(t->test, event, &below)) {
		pointer = mem_printf("%s%s", t->pointer, below);
		suite_say(t->suite, pointer, "bad-path",
		    "leads nowhere in this event",
		    "objects on the way are made, elements of lists are not",
		    &t->bench->findings);
		return NULL;
	}
	changed = json_dumps(event, JSON_COMPACT);
	if (!changed)
		mem_exhausted();
	return changed;
}

static bool is_sample(const char *name)
{
	size_t i;

	for (i = 0; trigger_known[i]; i++) {
		if (strcmp(trigger_known[i], name) == 0)
			return true;
	}
	return false;
}

static char *event_text(struct trial *t)
{
	json_t *given = json_object_get(t->test, "event");
	const char *name = json_string_value(given);
	auto_free char *text = NULL;

	if (!name) {
		text = json_dumps(given, JSON_COMPACT);
		if (!text)
			mem_exhausted();
	} else if (is_sample(name)) {
		text = sample_make(name);
	} else {
		text = read_event_file(t, name);
	}
	if (!text || !json_object_get(t->test, "set"))
		return take(&text);
	return change(t, text);
}

/* ---- judging ----------------------------------------------------------- */

static void add_fault(void *arg, const char *pointer, const char *what,
    const char *wanted, const char *got)
{
	struct trial *t = arg;
	auto_free char *whole = mem_printf("%s%s", t->pointer, pointer);
	size_t line;
	size_t column;

	suite_place(t->suite, whole, &line, &column);
	t->faults++;
	buf_printf(&t->text, "#   %s:%zu:%zu: ", t->suite->file, line, column);
	if (t->endpoint)
		buf_printf(&t->text, "endpoint %s: ", t->endpoint);
	buf_printf(&t->text, "%s: wanted %s, got %s\n", what, wanted, got);
	jot_open(&t->json, NULL, '{');
	jot_int(&t->json, "line", (int64_t)line);
	jot_int(&t->json, "column", (int64_t)column);
	jot_str(&t->json, "endpoint", t->endpoint);
	jot_str(&t->json, "what", what);
	jot_str(&t->json, "wanted", wanted);
	jot_str(&t->json, "got", got);
	jot_close(&t->json, '}');
}

/* Why it was not taken; or, when it should not have been, what it passed. */
static void add_decision(struct trial *t, const struct explanation *explanation)
{
	size_t i;

	if (explanation->answer == EXPLAIN_TAKES) {
		buf_printf(
		    &t->text, "#   webhook %s takes it: ", t->webhook->id);
		filter_print(t->webhook->filter, &t->text);
		buf_putc(&t->text, '\n');
	}
	if (explanation->answer == EXPLAIN_TRIGGER)
		buf_printf(&t->text, "#   no trigger of webhook %s fits\n",
		    t->webhook->id);
	for (i = 0; i < explanation->count; i++) {
		const struct clause *clause = &explanation->clauses[i];
		auto_free char *pointer =
		    mem_printf("/filter%s", clause->pointer);
		struct place place;

		place_find(&place, t->bench->conf, t->webhook->id, pointer);
		buf_printf(&t->text,
		    "#   decided by %s:%zu: %s%s: the event "
		    "has %s\n",
		    place.file, place.line, clause->passed ? "not " : "",
		    clause->text, clause->saw ? clause->saw : "none");
		place_clear(&place);
	}
}

static void judge_request(
    struct trial *t, const struct event *event, const char *text, size_t i)
{
	struct suite_faults faults = { .arg = t, .add = add_fault };
	const struct endpoint *endpoint = &t->webhook->endpoints[i];
	auto_free char *body = mem_strdup(text);
	struct request request;
	struct request_case from = {
		.conf = t->bench->conf,
		.webhook = t->webhook,
		.endpoint = endpoint,
		.event_id = "0000000000000000",
		.event_type = event->type,
		.attempt = 1,
		.now_ms = now_wall_ms(),
	};

	t->endpoint = endpoint->id;
	request_build(&request, &from, &body, strlen(text));
	suite_judge_request(t->test, &request, &faults);
	request_clear(&request);
	t->endpoint = NULL;
}

static void judge(struct trial *t, const struct event *event, const char *text)
{
	struct suite_faults faults = { .arg = t, .add = add_fault };
	const char *only = suite_endpoint(t->test);
	struct explanation explanation;
	bool takes;
	size_t i;

	explain_rules(&explanation, t->webhook, event);
	takes = explanation.answer == EXPLAIN_TAKES;
	suite_judge_match(t->test, t->webhook, takes, &faults);
	if (takes != suite_match(t->test))
		add_decision(t, &explanation);
	explain_clear(&explanation);
	for (i = 0; takes && i < t->webhook->endpoint_count; i++) {
		if (!only || strcmp(only, t->webhook->endpoints[i].id) == 0)
			judge_request(t, event, text, i);
	}
}

/* ---- output ------------------------------------------------------------ */

static void print_json(const struct trial *t, const char *name)
{
	auto_buf struct buf out = BUF_INIT(2 * OUTPUT_MAX);
	size_t line;
	size_t column;

	suite_place(t->suite, t->pointer, &line, &column);
	jot_open(&out, NULL, '{');
	jot_str(&out, "file", t->suite->file);
	jot_int(&out, "line", (int64_t)line);
	jot_str(&out, "webhook", t->webhook->id);
	jot_str(&out, "name", name);
	jot_bool(&out, "ok", !t->faults);
	jot_raw(&out, "failures", buf_text(&t->json), t->json.len);
	jot_close(&out, '}');
	puts(buf_text(&out));
}

/* '#' would begin a directive, such as a test to be skipped. */
static void print_tap(const struct trial *t, const char *name)
{
	auto_buf struct buf shown = BUF_INIT(4 * NAME_SHOWN_MAX);
	const struct args *args = t->bench->args;
	size_t i;

	text_visible(&shown, name, strnlen(name, NAME_SHOWN_MAX));
	printf("%s%s%s %zu - %s: ",
	    verb_paint(args, t->faults ? PAINT_RED : PAINT_GREEN),
	    t->faults ? "not ok" : "ok", verb_paint(args, PAINT_OFF),
	    t->bench->number, t->webhook->id);
	for (i = 0; i < shown.len; i++)
		printf(shown.data[i] == '#' ? "\\%c" : "%c", shown.data[i]);
	putchar('\n');
	fputs(buf_text(&t->text), stdout);
}

static void print(const struct trial *t)
{
	const char *name = json_string_value(json_object_get(t->test, "name"));

	if (t->bench->args->common.json)
		print_json(t, name);
	else
		print_tap(t, name);
}

/* ---- all --------------------------------------------------------------- */

static void run_case(struct trial *t)
{
	auto_free char *text = event_text(t);
	struct event event = { 0 };
	const char *code;
	struct why why;

	if (!text)
		return;
	if (event_parse(&event, text, strlen(text), &code, &why) < 0) {
		say_event(t, "no-event", why.text);
		return;
	}
	jot_open(&t->json, NULL, '[');
	judge(t, &event, text);
	jot_close(&t->json, ']');
	event_clear(&event);
	t->bench->number++;
	t->bench->failed += t->faults > 0;
	print(t);
}

static const struct webhook *find_webhook(
    struct bench *b, const struct suite *suite)
{
	const char *id = suite_webhook(suite);
	const struct webhook *webhook = conf_webhook(b->conf, id);
	auto_free char *message = NULL;

	if (webhook)
		return webhook;
	message = mem_printf("there is no webhook \"%s\"", id);
	suite_say(suite, "/webhook", "unknown-webhook", message,
	    "\"spoolhook list\" lists them", &b->findings);
	return NULL;
}

static bool has_endpoint(struct bench *b, const struct suite *suite,
    const struct webhook *webhook, size_t i)
{
	const char *id = suite_endpoint(suite_case(suite, i));
	auto_free char *pointer = mem_printf("/cases/%zu/endpoint", i);

	if (!id || webhook_endpoint(webhook, id))
		return true;
	suite_say(suite, pointer, "unknown-endpoint",
	    "the webhook has no such endpoint", NULL, &b->findings);
	return false;
}

static void run_suite(struct bench *b, const struct suite *suite)
{
	const struct webhook *webhook = find_webhook(b, suite);
	size_t i;

	if (!webhook)
		return;
	if (!webhook->enabled && !b->args->common.json)
		printf("# webhook %s is disabled; this is what it would do\n",
		    webhook->id);
	for (i = 0; i < suite_count(suite); i++) {
		struct trial t = { .bench = b,
			.suite = suite,
			.webhook = webhook,
			.test = suite_case(suite, i),
			.pointer = mem_printf("/cases/%zu", i),
			.text = BUF_INIT(OUTPUT_MAX),
			.json = BUF_INIT(OUTPUT_MAX) };

		if (has_endpoint(b, suite, webhook, i))
			run_case(&t);
		buf_clear(&t.text);
		buf_clear(&t.json);
		free(t.pointer);
	}
}

/* The plan comes last: a file that cannot be used has no number of cases. */
static int finish(struct bench *b)
{
	struct args plain = *b->args;

	if (!b->args->common.json)
		printf("1..%zu\n", b->number);
	fflush(stdout);
	if (b->findings.errors) {
		plain.common.json = false;
		plain.common.color = false;
		print_findings(&plain, &b->findings, stderr);
		say_error("test: mistakes in the tests; what they tell is not "
			  "all");
		return EXIT_BAD_CONFIG;
	}
	return b->failed ? EXIT_NO : EXIT_OK;
}

static int run_all(struct bench *b)
{
	int code = EXIT_OK;
	size_t i;

	for (i = 0; i < b->args->operand_count; i++)
		add_suite(b, b->args->operands[i]);
	if (!b->args->operand_count)
		code = add_directory(b);
	if (code == EXIT_OK) {
		for (i = 0; i < b->suite_count; i++)
			run_suite(b, &b->suites[i]);
		code = finish(b);
	}
	for (i = 0; i < b->suite_count; i++)
		suite_clear(&b->suites[i]);
	free(b->suites);
	findings_clear(&b->findings);
	return code;
}

static int run(const struct args *args)
{
	struct bench b = { .args = args };
	struct conf *conf;
	int code;

	conf = verb_conf(args, &code);
	if (!conf)
		return code;
	b.conf = conf;
	code = run_all(&b);
	conf_free(conf);
	return verb_finish(code);
}

const struct verb verb_test = {
	.name = "test",
	.group = "Configuration",
	.operands = "[FILE]…",
	.summary = "run the tests of the configuration, CONFIG/tests.d",
	.options = options,
	.run = run,
};
