/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * cmd/conf_verb: how verbs come to their configuration, and how findings are
 * shown. A verb that sends nothing gets by without the right to read secrets,
 * submit without the webhooks, and who looks after the queue without those that
 * hold mistakes; the table is here. Warnings are for `check` and the daemon:
 * other verbs show findings only when there is no configuration to work with,
 * or when something of it is missing.
 */
#include "base/buf.h"
#include "base/say.h"
#include "cmd/findings.h"
#include "flow/load.h"

#include <errno.h>
#include <string.h>

enum { FINDING_MAX = 64 * 1024 };

/* Other verbs look. */
static const struct {
	const char *verb;
	enum load_purpose purpose;
} purposes[] = {
	{ "run", LOAD_TO_SEND },
	{ "send", LOAD_TO_SEND },
	{ "mail", LOAD_TO_SEND },
	{ "submit", LOAD_TO_SUBMIT },
	{ "status", LOAD_TO_TEND },
	{ "health", LOAD_TO_TEND },
	{ "metrics", LOAD_TO_TEND },
	{ "queue", LOAD_TO_TEND },
	{ "show", LOAD_TO_TEND },
	{ "resend", LOAD_TO_TEND },
	{ "flush", LOAD_TO_TEND },
	{ "pause", LOAD_TO_TEND },
	{ "resume", LOAD_TO_TEND },
	{ "prune", LOAD_TO_TEND },
	{ "log", LOAD_TO_TEND },
	{ "report", LOAD_TO_TEND },
};

static enum load_purpose purpose_of(const struct verb *verb)
{
	size_t i;

	for (i = 0; i < sizeof(purposes) / sizeof(purposes[0]); i++) {
		if (strcmp(verb->name, purposes[i].verb) == 0)
			return purposes[i].purpose;
	}
	return LOAD_TO_LOOK;
}

/* Dresses the word "error" or "warning" of the first line. */
static void print_coloured(
    const struct args *args, const struct finding *finding, FILE *out)
{
	auto_buf struct buf text = BUF_INIT(FINDING_MAX);
	const char *word = severity_word(finding->severity);
	const char *at;
	int head;

	finding_print(finding, &text);
	at = strstr(buf_text(&text), word);
	if (!args->common.color || !at) {
		fputs(buf_text(&text), out);
		return;
	}
	head = (int)(at - buf_text(&text));
	fprintf(out, "%.*s%s%s%s%s", head, buf_text(&text),
	    verb_paint(args,
		finding->severity == SEVERITY_ERROR ? PAINT_RED : PAINT_YELLOW),
	    word, verb_paint(args, PAINT_OFF), at + strlen(word));
}

static void print_json(const struct finding *finding, FILE *out)
{
	auto_buf struct buf line = BUF_INIT(FINDING_MAX);

	finding_print_json(finding, &line);
	fprintf(out, "%s\n", buf_text(&line));
}

void print_findings(
    const struct args *args, const struct findings *findings, FILE *out)
{
	size_t i;

	for (i = 0; i < findings->count; i++) {
		if (args->common.json)
			print_json(&findings->all[i], out);
		else
			print_coloured(args, &findings->all[i], out);
	}
}

void print_findings_count(const struct findings *findings, FILE *out)
{
	size_t left = findings->errors + findings->warnings - findings->count;

	fprintf(out, "%zu file%s, %zu error%s, %zu warning%s", findings->files,
	    findings->files == 1 ? "" : "s", findings->errors,
	    findings->errors == 1 ? "" : "s", findings->warnings,
	    findings->warnings == 1 ? "" : "s");
	if (left)
		fprintf(out, " (%zu not shown)", left);
	fputc('\n', out);
}

int findings_code(const struct findings *findings)
{
	size_t refused = 0;
	size_t i;

	if (!findings->errors)
		return EXIT_OK;
	for (i = 0; i < findings->count; i++)
		refused +=
		    strcmp(findings->all[i].code, LOAD_NOT_PERMITTED) == 0;
	return refused == findings->errors ? EXIT_NOT_PERMITTED
					   : EXIT_BAD_CONFIG;
}

int say_no_conf(const struct why *why, int kind)
{
	bool absent = kind == ENOENT || kind == ENOTDIR;

	say_error("%s%s", why->text,
	    absent ? "; -c DIR or SPOOLHOOK_CONFIG names another" : "");
	if (kind == EACCES || kind == EPERM)
		return EXIT_NOT_PERMITTED;
	return absent ? EXIT_NO_INPUT : EXIT_BAD_CONFIG;
}

static void tell_left_out(const struct findings *findings)
{
	size_t i;

	for (i = 0; i < findings->count; i++) {
		const struct finding *finding = &findings->all[i];

		if (strcmp(finding->code, LOAD_LEFT_OUT) == 0)
			say_warning("%s %s", finding->file, finding->message);
	}
}

struct conf *verb_conf(const struct args *args, int *code)
{
	const char *dir = load_dir(args->common.config_dir);
	struct findings findings = { 0 };
	struct args plain = *args;
	struct why why = { "" };
	struct conf *conf;

	conf = load_conf_for(purpose_of(args->verb), dir, &findings, &why);
	if (!conf && !findings.errors) {
		*code = say_no_conf(&why, errno);
	} else if (!conf) {
		*code = findings_code(&findings);
		plain.common.json = false;
		plain.common.color = false;
		print_findings(&plain, &findings, stderr);
		say_error("%s: bad configuration; nothing was done", dir);
	}
	tell_left_out(&findings);
	findings_clear(&findings);
	return conf;
}

void verb_conf_cleanup(struct conf **conf)
{
	conf_free(*conf);
}
