/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * cmd/reload: checks the configuration, has the daemon load it, and tells what
 * came of it. A configuration that `check` refuses is never handed over. The
 * outcome comes from the daemon, by a note in the store: a signal alone tells
 * nothing. Changes nothing itself.
 */
#include "base/jot.h"
#include "base/mem.h"
#include "base/now.h"
#include "base/say.h"
#include "base/text.h"
#include "cmd/desk.h"
#include "cmd/findings.h"
#include "cmd/verb.h"
#include "flow/load.h"
#include "port/store.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { WAIT_MS = 10 * 1000, LOOK_MS = 20 };

#define OUTCOME_NOTE "daemon/reload"

/* "ok GENERATION" or "failed GENERATION SENTENCE". */
struct report {
	char *text; /* "" before the first */
	int64_t ms;
};

static int keep(void *arg, const char *name, const char *value, int64_t ms)
{
	struct report *outcome = arg;

	if (strcmp(name, OUTCOME_NOTE) != 0)
		return 0;
	free(outcome->text);
	outcome->text = mem_strdup(value);
	outcome->ms = ms;
	return 0;
}

static int look(struct store *store, struct report *out, struct why *why)
{
	*out = (struct report){ mem_strdup(""), -1 };
	return store_notes(store, OUTCOME_NOTE, keep, out, why) < 0 ? -1 : 0;
}

/* True when another outcome than `before` is there. */
static bool await(struct store *store, const struct report *before,
    struct report *after, struct why *why)
{
	int64_t until_ms = now_steady_ms() + WAIT_MS;
	struct timespec pause = { .tv_nsec = LOOK_MS * 1000000L };

	for (;;) {
		if (look(store, after, why) < 0)
			return false;
		if (after->ms != before->ms ||
		    strcmp(after->text, before->text) != 0)
			return true;
		free(take(&after->text));
		if (now_steady_ms() >= until_ms) {
			fail(why,
			    "the daemon has not told the outcome within 10 s; "
			    "\"spoolhook status\" shows it once it did");
			return false;
		}
		nanosleep(&pause, NULL);
	}
}

static void print_json(bool good, int64_t generation, const char *sentence)
{
	auto_buf struct buf line = BUF_INIT(16 * 1024);

	jot_open(&line, NULL, '{');
	jot_bool(&line, "reloaded", good);
	if (generation >= 0)
		jot_int(&line, "generation", generation);
	else
		jot_null(&line, "generation");
	jot_str(&line, "error", good ? NULL : sentence);
	jot_close(&line, '}');
	puts(buf_text(&line));
}

/* Behind the next blank; the end when there is none. */
static const char *behind(const char *text)
{
	size_t len = strcspn(text, " ");

	return text + len + (text[len] == ' ');
}

static int64_t read_generation(const char *text)
{
	auto_free char *digits = mem_strndup(text, strcspn(text, " "));
	int64_t number;

	return text_int(digits, 0, INT64_MAX, &number) ? number : 0;
}

static int tell(const struct args *args, const char *text)
{
	bool good = text_starts(text, "ok ");
	int64_t generation = read_generation(behind(text));
	const char *sentence = behind(behind(text));

	if (args->common.json)
		print_json(good, generation, sentence);
	else if (good && !args->common.quiet)
		printf("generation %lld is in use\n", (long long)generation);
	if (good)
		return EXIT_OK;
	say_error("the daemon refused the configuration: %s", sentence);
	say_error("generation %lld goes on", (long long)generation);
	return EXIT_BAD_CONFIG;
}

static int signal_daemon(int pid)
{
	if (pid > 0 && kill(pid, SIGHUP) == 0)
		return EXIT_OK;
	if (pid > 0 && errno == EPERM) {
		say_error("pid %d: not permitted to signal the daemon; try "
			  "\"systemctl reload spoolhook\"",
		    pid);
		return EXIT_NOT_PERMITTED;
	}
	say_error("no daemon is running; \"spoolhook run\" starts one");
	return EXIT_NO_DAEMON;
}

static int reload_over(
    const struct args *args, const struct conf *conf, struct store *store)
{
	struct report before = { 0 };
	struct report after = { 0 };
	struct why why = { "" };
	int code = EXIT_TRY_AGAIN;

	if (look(store, &before, &why) == 0) {
		code = signal_daemon(desk_daemon(conf));
		if (code == EXIT_OK && await(store, &before, &after, &why))
			code = tell(args, after.text);
		else if (code == EXIT_OK)
			code = EXIT_TRY_AGAIN;
	}
	if (why.text[0])
		say_error("%s", why.text);
	free(before.text);
	free(after.text);
	return code;
}

/* For programs, when the daemon was not told. */
static void print_refusal(const struct findings *findings)
{
	auto_buf struct buf text = BUF_INIT(4096);
	size_t i = 0;

	while (findings->all[i].severity != SEVERITY_ERROR)
		i++;
	finding_print_short(&findings->all[i], &text);
	print_json(false, -1, buf_text(&text));
}

/* NULL, and *code, when it must not be handed over. */
static struct conf *check(const struct args *args, int *code)
{
	const char *dir = load_dir(args->common.config_dir);
	struct findings findings = { 0 };
	struct args plain = *args;
	struct why why = { "" };
	struct conf *conf = load_conf_for(LOAD_TO_CHECK, dir, &findings, &why);

	*code = EXIT_OK;
	plain.common.json = false;
	print_findings(&plain, &findings, stderr);
	if (!conf && !findings.errors) {
		*code = say_no_conf(&why, errno);
	} else if (!conf) {
		*code = findings_code(&findings);
		if (args->common.json)
			print_refusal(&findings);
		say_error(
		    "%s: bad configuration; the daemon was not told", dir);
	}
	findings_clear(&findings);
	return conf;
}

static int run(const struct args *args)
{
	struct store *store;
	struct conf *conf;
	int code;

	if (args->operand_count)
		return verb_usage(args, "takes no operand");
	conf = check(args, &code);
	if (!conf)
		return code;
	/* A spool that we may not look into hides its daemon. */
	if (!desk_daemon(conf) && !desk_is_closed(conf)) {
		code = signal_daemon(0);
	} else {
		store = verb_store(args, conf, false, &code);
		if (store)
			code = reload_over(args, conf, store);
		store_close(store);
	}
	conf_free(conf);
	return verb_finish(code);
}

const struct verb verb_reload = {
	.name = "reload",
	.group = "Service",
	.operands = "",
	.summary = "check the configuration and have the daemon load it",
	.run = run,
};
