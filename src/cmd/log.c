/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * cmd/log: `spoolhook log`, with journalctl's habits. It reads the log file that
 * the configuration names, picks lines, prints them for people or as they are,
 * and with -f goes on with what is appended, through rotation.
 *
 * It changes nothing, and needs no daemon and no store. A line that is no JSON,
 * left by a full disk, is shown to people and left out for programs.
 */
#include "base/mem.h"
#include "base/say.h"
#include "base/text.h"
#include "cmd/log_line.h"
#include "cmd/verb.h"
#include "port/journal.h"

#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <regex.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
	LOOK_EVERY_MS = 200,
	TAIL_DEFAULT = 10,
	LINES_MAX = 1000 * 1000 * 1000,
	/* A line whose every byte is shown as \xNN, and colours. */
	SHORT_MAX = 4 * JOURNAL_LINE_MAX + 256,
};

static const struct verb_option options[] = {
	{ .letter = 'f', .name = "follow", .help = "go on with new lines" },
	{ .letter = 'n',
	    .name = "lines",
	    .argument = "N",
	    .help = "only the last N (with -f: 10)" },
	{ .letter = 'S',
	    .name = "since",
	    .argument = "TIME",
	    .help = "not before TIME: \"2026-11-23 10:05\", today, -2h" },
	{ .letter = 'U',
	    .name = "until",
	    .argument = "TIME",
	    .help = "not after TIME" },
	{ .letter = 'g',
	    .name = "grep",
	    .argument = "ERE",
	    .help = "lines that match the expression" },
	{ .letter = 'o',
	    .name = "output",
	    .argument = "FORM",
	    .help = "short (for people) or json (the lines as they are)" },
	{ .name = "webhook",
	    .argument = "ID",
	    .help = "lines about this webhook",
	    .repeats = true },
	{ .name = "status",
	    .argument = "CODE",
	    .help = "attempts with this status: 503, 5xx or 429,5xx",
	    .repeats = true },
	{ .name = "failed",
	    .help = "what was lost: dead, rejected, mail_failed" },
	{ .name = NULL },
};

struct query {
	const struct args *args;
	const char *path;
	int64_t since_ms; /* -1: no limit */
	int64_t until_ms;
	regex_t grep;
	bool has_grep;
	bool has_webhook;
	bool has_status;
	bool failed;
	bool json;
	bool follow;
	long lines; /* -1: all */
	int64_t skip; /* matches to pass over, so that `lines` are left */
	int64_t found;
	int64_t broken;
};

static volatile sig_atomic_t stopped;

static void stop(int number)
{
	(void)number;
	stopped = 1;
}

/* ---- picking ------------------------------------------------------------ */

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

/* True when the list of good codes has the status. */
static bool codes_take(const char *list, json_int_t status)
{
	char text[32];

	snprintf(text, sizeof(text), "%lld", (long long)status);
	if (strlen(text) != 3)
		return false;
	for (; *list; list += list[3] ? 4 : 3) {
		if (strncmp(list, text, list[1] == 'x' ? 1 : 3) == 0)
			return true;
	}
	return false;
}

static bool about_webhook(const json_t *line, const char *id)
{
	const json_t *list = json_object_get(line, "webhooks");
	size_t i;

	if (strcmp(log_line_text(line, "webhook"), id) == 0)
		return true;
	for (i = 0; i < json_array_size(list); i++) {
		const char *one = json_string_value(json_array_get(list, i));

		if (one && strcmp(one, id) == 0)
			return true;
	}
	return false;
}

static bool has_status(const json_t *line, const char *list)
{
	const json_t *status = json_object_get(line, "status");

	return json_is_integer(status) &&
	    codes_take(list, json_integer_value(status));
}

/* True when any value given to the option suits the line. */
static bool any(const struct query *q, const char *option, const json_t *line,
    bool (*suits)(const json_t *line, const char *value))
{
	size_t i;

	for (i = 0; i < q->args->given_count; i++) {
		if (strcmp(q->args->given[i].option->name, option) == 0 &&
		    suits(line, q->args->given[i].value))
			return true;
	}
	return false;
}

static bool is_failure(const json_t *line)
{
	static const char *const kinds[] = { "dead", "rejected", "mail_failed",
		NULL };
	const char *kind = log_line_text(line, "kind");
	size_t i;

	for (i = 0; kinds[i]; i++) {
		if (strcmp(kinds[i], kind) == 0)
			return true;
	}
	return false;
}

/* What is asked of members; a line that is no JSON has none. */
static bool asks_members(const struct query *q)
{
	return q->since_ms >= 0 || q->until_ms >= 0 || q->has_webhook ||
	    q->has_status || q->failed;
}

static bool asks(const struct query *q)
{
	return q->has_grep || asks_members(q);
}

static bool in_time(const struct query *q, const json_t *line)
{
	int64_t ms;

	if (q->since_ms < 0 && q->until_ms < 0)
		return true;
	ms = log_line_ms(line);
	return ms >= 0 && ms >= q->since_ms &&
	    (q->until_ms < 0 || ms <= q->until_ms);
}

/* `json` is NULL for a broken line. */
static bool takes(const struct query *q, const char *text, const json_t *json)
{
	if (q->has_grep && regexec(&q->grep, text, 0, NULL, 0) != 0)
		return false;
	if (!json)
		return !asks_members(q);
	if (q->failed && !is_failure(json))
		return false;
	if (q->has_webhook && !any(q, "webhook", json, about_webhook))
		return false;
	if (q->has_status && !any(q, "status", json, has_status))
		return false;
	return in_time(q, json);
}

/* ---- printing ----------------------------------------------------------- */

static void print_raw(const char *text, size_t len)
{
	/* JSON leaves C1 and bidirectional marks as they are: good for
	 * programs, not for terminals. */
	if (isatty(STDOUT_FILENO))
		verb_print_visible(text, len);
	else
		fwrite(text, 1, len, stdout);
	putchar('\n');
}

static void print_short(
    const struct query *q, const char *text, size_t len, const json_t *json)
{
	auto_buf struct buf out = BUF_INIT(SHORT_MAX);

	if (json)
		log_line_short(&out, q->args, json);
	else
		text_visible(&out, text, len);
	puts(buf_text(&out));
}

static void judge(struct query *q, const char *text, size_t len)
{
	json_auto_t *json = json_loadb(text, len, 0, NULL);

	if (!json_is_object(json)) {
		json_decref(json);
		json = NULL;
	}
	if (!takes(q, text, json))
		return;
	if (!json && q->json) {
		q->broken++;
		return;
	}
	q->found++;
	if (q->found <= q->skip)
		return;
	if (q->json)
		print_raw(text, len);
	else
		print_short(q, text, len, json);
}

/* ---- the course --------------------------------------------------------- */

static void read_on(struct query *q, struct journal_reader *reader)
{
	const char *line;
	size_t len;

	while (!stopped && (line = journal_next(reader, &len)) != NULL)
		judge(q, line, len);
}

/* With a filter the last N matches are known only after a first reading, which
 * keeps nothing but their number. */
static int count_matches(struct query *q, struct why *why)
{
	struct journal_reader *reader = journal_read(q->path, why);

	if (!reader)
		return -1;
	q->skip = INT64_MAX;
	read_on(q, reader);
	journal_reader_close(reader);
	q->skip = q->found > q->lines ? q->found - q->lines : 0;
	q->found = 0;
	q->broken = 0;
	return 0;
}

static int find_tail(
    struct query *q, struct journal_reader *reader, struct why *why)
{
	if (q->lines < 0)
		return 0;
	if (asks(q))
		return count_matches(q, why);
	return journal_seek_tail(reader, q->lines, why);
}

/* Sleeps a little; false when nobody reads our output any more. */
static bool rest(void)
{
	struct pollfd out = { .fd = STDOUT_FILENO };

	return poll(&out, 1, LOOK_EVERY_MS) <= 0 ||
	    !(out.revents & (POLLERR | POLLHUP | POLLNVAL));
}

static void follow(struct query *q, struct journal_reader *reader)
{
	const struct sigaction action = { .sa_handler = stop };

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	while (!stopped && !ferror(stdout)) {
		fflush(stdout);
		if (!rest())
			return;
		read_on(q, reader);
	}
}

static int cannot_read(const struct why *why, int error)
{
	say_error("%s", why->text);
	return error == EACCES || error == EPERM ? EXIT_NOT_PERMITTED : EXIT_IO;
}

static void tell_end(const struct query *q)
{
	if (q->args->common.quiet)
		return;
	if (access(q->path, F_OK) < 0 && errno == ENOENT)
		say_info("%s: nothing has been logged yet", q->path);
	if (q->broken)
		say_warning("%s: %lld broken line%s left out", q->path,
		    (long long)q->broken, q->broken == 1 ? " was" : "s were");
}

static int show(struct query *q)
{
	struct why why = { "" };
	struct journal_reader *reader = journal_read(q->path, &why);

	if (!reader)
		return cannot_read(&why, errno);
	if (find_tail(q, reader, &why) < 0) {
		journal_reader_close(reader);
		return cannot_read(&why, 0);
	}
	read_on(q, reader);
	if (q->follow)
		follow(q, reader);
	journal_reader_close(reader);
	tell_end(q);
	return verb_finish(
	    asks(q) && !q->found && !q->follow ? EXIT_NO : EXIT_OK);
}

/* ---- the command line --------------------------------------------------- */

static int read_form(struct query *q)
{
	static const char *const forms[] = { "short", "json", NULL };
	const char *form = args_value(q->args, "output");
	const char *near;

	q->json = q->args->common.json;
	if (!form)
		return EXIT_OK;
	q->json = strcmp(form, "json") == 0;
	if (q->json || strcmp(form, "short") == 0)
		return EXIT_OK;
	near = text_nearest(form, forms);
	return verb_usage(q->args, "--output: %s%s%s",
	    near ? "did you mean \"" : "the forms are short and json",
	    near ? near : "", near ? "\"?" : "");
}

static int read_codes(struct query *q)
{
	size_t i;

	for (i = 0; i < q->args->given_count; i++) {
		if (strcmp(q->args->given[i].option->name, "status") == 0 &&
		    !codes_are_good(q->args->given[i].value))
			return verb_usage(q->args,
			    "--status takes codes such as 503, 5xx or 429,5xx");
	}
	return EXIT_OK;
}

static int read_grep(struct query *q)
{
	const char *pattern = args_value(q->args, "grep");
	char text[256];
	int error;

	if (!pattern)
		return EXIT_OK;
	error = regcomp(&q->grep, pattern, REG_EXTENDED | REG_NOSUB);
	if (error) {
		regerror(error, &q->grep, text, sizeof(text));
		return verb_usage(q->args, "--grep: %s", text);
	}
	q->has_grep = true;
	return EXIT_OK;
}

static int read_query(struct query *q)
{
	const struct args *args = q->args;
	int code = read_form(q);

	if (args->operand_count)
		return verb_usage(args, "it takes no operands");
	q->since_ms = args_moment(args, "since", -1);
	q->until_ms = args_moment(args, "until", -1);
	q->has_webhook = args_has(args, "webhook");
	q->has_status = args_has(args, "status");
	q->failed = args_has(args, "failed");
	q->follow = args_has(args, "follow");
	q->lines = (long)args_int(
	    args, "lines", 0, LINES_MAX, q->follow ? TAIL_DEFAULT : -1);
	if (q->until_ms >= 0 && q->since_ms > q->until_ms)
		return verb_usage(args, "--since is after --until");
	if (q->until_ms >= 0 && q->follow)
		return verb_usage(args, "--follow has no end: drop --until");
	if (code == EXIT_OK)
		code = read_codes(q);
	return code == EXIT_OK ? read_grep(q) : code;
}

static int run(const struct args *args)
{
	struct query q = { .args = args };
	int code = read_query(&q);
	struct conf *conf;

	if (code != EXIT_OK)
		return code;
	conf = verb_conf(args, &code);
	if (conf) {
		q.path = conf->log_file;
		code = show(&q);
		conf_free(conf);
	}
	if (q.has_grep)
		regfree(&q.grep);
	return code;
}

const struct verb verb_log = {
	.name = "log",
	.group = "Look back",
	.operands = "",
	.summary = "show what was done, attempt by attempt",
	.options = options,
	.run = run,
};
