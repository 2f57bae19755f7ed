/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * cmd/resume: takes a webhook's pause away; what has queued is sent, in order.
 * Works for a webhook that is not configured any more, too. If we die in the
 * middle, some of the named webhooks go on and the rest are paused.
 */
#include "base/jot.h"
#include "base/mem.h"
#include "base/say.h"
#include "cmd/desk.h"
#include "cmd/verb.h"
#include "model/pause.h"

#include <stdio.h>

static const struct verb_option options[] = {
	{ 0, "reason", "TEXT", "why, for the log", false, false },
	{ 0, NULL, NULL, NULL, false, false },
};

struct resuming {
	const struct args *args;
	const struct conf *conf;
	struct store *store;
	struct record *record;
	struct pauses pauses;
	struct actor by;
	int code;
};

static void print(
    const struct resuming *r, const char *webhook, const char *result)
{
	auto_buf struct buf line = BUF_INIT(4096);

	if (!r->args->common.json) {
		printf("%s: %s\n", webhook, result);
		return;
	}
	jot_open(&line, NULL, '{');
	jot_str(&line, "webhook", webhook);
	jot_str(&line, "result", result);
	jot_close(&line, '}');
	puts(buf_text(&line));
}

static int resume_one(struct resuming *r, const char *webhook, struct why *why)
{
	auto_free char *name = mem_printf(PAUSE_NOTES "%s", webhook);

	if (!pauses_find(&r->pauses, webhook)) {
		r->code = EXIT_NO;
		if (conf_webhook(r->conf, webhook))
			print(r, webhook, "not paused");
		else
			desk_unknown_webhook(r->conf, webhook);
		return 0;
	}
	if (desk_note(r->store, name, NULL, why) < 0)
		return -1;
	if (r->record)
		record_resumed(
		    r->record, webhook, args_value(r->args, "reason"), &r->by);
	print(r, webhook, "resumed");
	return 0;
}

static int resume_all(struct resuming *r, struct why *why)
{
	size_t i;

	if (desk_pauses(r->store, &r->pauses, why) < 0)
		return -1;
	for (i = 0; i < r->args->operand_count; i++) {
		if (resume_one(r, r->args->operands[i], why) < 0)
			return -1;
	}
	return 0;
}

static int on_store(struct resuming *r)
{
	struct why why;

	r->store = verb_store(r->args, r->conf, true, &r->code);
	if (!r->store)
		return r->code;
	r->record = desk_record(r->conf);
	if (resume_all(r, &why) < 0) {
		say_error("%s", why.text);
		r->code = EXIT_IO;
	}
	record_close(r->record);
	pauses_clear(&r->pauses);
	store_close(r->store);
	verb_ring(r->conf);
	verb_warn_daemon(r->args, r->conf);
	return verb_finish(r->code);
}

static int run(const struct args *args)
{
	struct resuming r = { .args = args, .by = desk_actor() };
	auto_conf struct conf *conf = NULL;
	int code;

	if (!args->operand_count)
		return verb_usage(args, "which webhook?");
	conf = verb_conf(args, &code);
	if (!conf)
		return code;
	r.conf = conf;
	return on_store(&r);
}

const struct verb verb_resume = {
	.name = "resume",
	.group = "Service",
	.operands = "WEBHOOK…",
	.summary = "let a paused webhook go on",
	.options = options,
	.run = run,
};
