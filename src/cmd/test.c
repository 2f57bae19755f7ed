/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * cmd/test: runs the unit tests of a configuration (model/suite): does the
 * webhook take this event, where would it go, and with what. Nothing is sent;
 * a case is judged in test_judge.c. The output is TAP, for prove(1) and CI, or JSON lines. Whether a webhook is enabled is not
 * asked: tests are written before it is. Reads files only.
 */
#include "cmd/test.h"
#include "base/file.h"
#include "base/jot.h"
#include "base/mem.h"
#include "base/say.h"
#include "base/text.h"
#include "cmd/desk.h"
#include "cmd/findings.h"
#include "flow/load.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static const struct verb_option options[] = { { .name = NULL } };

enum { FILES_MAX = 10000 };
enum { OUTPUT_MAX = 1024 * 1024, NAME_SHOWN_MAX = 2048 };

/* ---- the files --------------------------------------------------------- */

static void add_suite(struct bench *b, const char *path)
{
	auto_buf struct buf text = BUF_INIT(TEST_FILE_MAX);
	struct suite suite;
	struct why why;

	if (file_read(AT_FDCWD, path, &text, &why) < 0) {
		say_error("test: %s", why.text);
		b->unread = true;
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
	jot_str(&out, "webhook", t->webhook ? t->webhook->id : NULL);
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
	printf("%s%s%s %zu - %s%s",
	    verb_paint(args, t->faults ? PAINT_RED : PAINT_GREEN),
	    t->faults ? "not ok" : "ok", verb_paint(args, PAINT_OFF),
	    t->bench->number, t->webhook ? t->webhook->id : "",
	    t->webhook ? ": " : "");
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
	if (!test_judge(t))
		return;
	t->bench->number++;
	t->bench->failed += t->faults > 0;
	print(t);
}

static const struct webhook *find_webhook(struct bench *b,
    const struct suite *suite, const char *pointer, const char *id)
{
	const struct webhook *webhook = conf_webhook(b->conf, id);
	auto_free char *message = NULL;

	if (webhook)
		return webhook;
	message = desk_no_webhook(b->conf, id);
	suite_say(
	    suite, pointer, "unknown-webhook", message, NULL, &b->findings);
	return NULL;
}

static bool has_webhooks(struct bench *b, const struct suite *suite, size_t i)
{
	const json_t *ids = suite_webhooks(suite_case(suite, i));
	bool all = true;
	size_t k;

	for (k = 0; k < json_array_size(ids); k++) {
		const char *id = json_string_value(json_array_get(ids, k));
		auto_free char *pointer =
		    mem_printf("/cases/%zu/expect/webhooks/%zu", i, k);

		all &= find_webhook(b, suite, pointer, id) != NULL;
	}
	return all;
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

static void run_nth(struct bench *b, const struct suite *suite,
    const struct webhook *webhook, size_t i)
{
	struct trial t = { .bench = b,
		.suite = suite,
		.webhook = webhook,
		.test = suite_case(suite, i),
		.pointer = mem_printf("/cases/%zu", i),
		.text = BUF_INIT(OUTPUT_MAX),
		.json = BUF_INIT(OUTPUT_MAX) };

	if (has_endpoint(b, suite, webhook, i) && has_webhooks(b, suite, i))
		run_case(&t);
	buf_clear(&t.text);
	buf_clear(&t.json);
	free(t.pointer);
}

static void run_suite(struct bench *b, const struct suite *suite)
{
	const char *id = suite_webhook(suite);
	const struct webhook *webhook = NULL;
	size_t i;

	if (id) {
		webhook = find_webhook(b, suite, "/webhook", id);
		if (!webhook)
			return;
	}
	if (webhook && !webhook->enabled && !b->args->common.json)
		printf("# webhook %s is disabled; this is what it would do\n",
		    webhook->id);
	for (i = 0; i < suite_count(suite); i++)
		run_nth(b, suite, webhook, i);
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
	if (b->unread)
		return EXIT_NO_INPUT;
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
	auto_conf struct conf *conf = NULL;
	int code;

	conf = verb_conf(args, &code);
	if (!conf)
		return code;
	b.conf = conf;
	return verb_finish(run_all(&b));
}

const struct verb verb_test = {
	.name = "test",
	.group = "Configuration",
	.operands = "[FILE]…",
	.summary = "run the tests of the configuration, CONFIG/tests.d",
	.options = options,
	.run = run,
};
