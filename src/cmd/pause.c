/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * cmd/pause: a webhook is sent nothing until it is resumed or a time is over;
 * its events queue meanwhile. The pause is one note in the store: from its
 * commit the daemon claims nothing for the webhook, and it outlives restarts.
 * What is on the wire at that moment ends as it would. If we die in the middle,
 * some of the named webhooks are paused and the rest are not.
 */
#include "model/pause.h"
#include "base/jot.h"
#include "base/mem.h"
#include "base/now.h"
#include "base/say.h"
#include "base/text.h"
#include "cmd/desk.h"
#include "cmd/verb.h"

#include <stdio.h>
#include <string.h>

static const struct verb_option options[] = {
	{ 0, "reason", "TEXT", "why, for status and the log", false, false },
	{ 0, "for", "DUR", "resume by itself after this time", false, false },
	{ 0, NULL, NULL, NULL, false, false },
};

struct pausing {
	const struct args *args;
	const struct conf *conf;
	struct store *store;
	struct record *record;
	struct actor by;
	int64_t until_ms; /* 0: without end */
	char *reason; /* "" for none */
};

static void print_json(const struct pausing *p, const char *webhook)
{
	auto_buf struct buf line = BUF_INIT(16 * 1024);

	jot_open(&line, NULL, '{');
	jot_str(&line, "webhook", webhook);
	jot_str(&line, "result", "paused");
	jot_time(&line, "until", p->until_ms ? p->until_ms : -1);
	jot_str(&line, "reason", *p->reason ? p->reason : NULL);
	jot_close(&line, '}');
	puts(buf_text(&line));
}

static void tell(const struct pausing *p, const char *webhook)
{
	auto_free char *resume = verb_command(p->args, "resume");
	char when[TEXT_TIME_SIZE];

	if (p->record)
		record_paused(p->record, webhook, *p->reason ? p->reason : NULL,
		    p->until_ms, &p->by);
	if (p->args->common.json)
		print_json(p, webhook);
	else if (p->until_ms)
		printf("%s: paused until %s\n", webhook,
		    text_local_time(when, p->until_ms));
	else
		printf("%s: paused; \"%s %s\" lets it go on\n", webhook, resume,
		    webhook);
}

static int pause_one(
    const struct pausing *p, const char *webhook, struct why *why)
{
	auto_free char *name = mem_printf(PAUSE_NOTES "%s", webhook);
	auto_free char *by = mem_strdup(p->by.name);
	auto_free char *text = pause_print(&(struct pause){
	    .until_ms = p->until_ms,
	    .uid = p->by.uid,
	    .by = by,
	    .reason = p->reason,
	});

	if (desk_note(p->store, name, text, why) < 0)
		return -1;
	tell(p, webhook);
	return 0;
}

static int pause_all(struct pausing *p)
{
	struct why why;
	int code = EXIT_OK;
	size_t i;

	p->store = verb_store(p->args, p->conf, true, &code);
	if (!p->store)
		return code;
	p->record = desk_record(p->conf);
	for (i = 0; code == EXIT_OK && i < p->args->operand_count; i++) {
		if (pause_one(p, p->args->operands[i], &why) == 0)
			continue;
		say_error("%s", why.text);
		code = EXIT_IO;
	}
	record_close(p->record);
	store_close(p->store);
	verb_ring(p->conf);
	verb_warn_daemon(p->args, p->conf);
	return verb_finish(code);
}

/* A line of text that does no harm to a log or a terminal. */
static char *clean(const char *reason)
{
	auto_buf struct buf text = BUF_INIT(PAUSE_REASON_MAX);

	if (reason)
		text_visible(&text, reason, strlen(reason));
	return mem_strdup(buf_text(&text));
}

static int run(const struct args *args)
{
	struct pausing p = { .args = args, .by = desk_actor() };
	int64_t for_ms = args_duration(args, "for", 0);
	auto_conf struct conf *conf = NULL;
	int code;

	if (!args->operand_count)
		return verb_usage(args, "which webhook?");
	if (args_has(args, "for") && for_ms <= 0)
		return verb_usage(args, "--for needs a time like 30m or 2h");
	conf = verb_conf(args, &code);
	if (!conf)
		return code;
	p.conf = conf;
	p.until_ms = for_ms ? now_wall_ms() + for_ms : 0;
	p.reason = clean(args_value(args, "reason"));
	code = desk_webhooks_known(args, conf) ? pause_all(&p) : EXIT_NO;
	free(p.reason);
	return code;
}

const struct verb verb_pause = {
	.name = "pause",
	.group = "Service",
	.operands = "WEBHOOK…",
	.summary = "send nothing to a webhook for now; events queue",
	.options = options,
	.run = run,
};
