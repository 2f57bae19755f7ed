/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * cmd/sample: `spoolhook sample [TYPE]` prints a ready event of a known type.
 * It needs no configuration and no daemon.
 */
#include "base/jot.h"
#include "base/mem.h"
#include "base/text.h"
#include "cmd/samples.h"
#include "cmd/verb.h"
#include "model/trigger.h"

#include <stdio.h>
#include <string.h>

enum { SHOWN_MAX = 256 };

static const struct verb_option options[] = {
	{ .letter = 'l', .name = "list", .help = "list the known types" },
	{ .name = NULL },
};

static int list(const struct args *args)
{
	const char *const *type;

	for (type = trigger_known; *type; type++) {
		auto_buf struct buf line = BUF_INIT(1024);

		if (!args->common.json) {
			puts(*type);
			continue;
		}
		jot_open(&line, NULL, '{');
		jot_str(&line, "event_type", *type);
		jot_close(&line, '}');
		puts(buf_text(&line));
	}
	return verb_finish(EXIT_OK);
}

static int unknown(const struct args *args, const char *type)
{
	auto_buf struct buf shown = BUF_INIT(SHOWN_MAX);
	const char *near = text_nearest(type, trigger_known);

	text_visible(&shown, type, strnlen(type, SHOWN_MAX / 4));
	if (near)
		return verb_usage(args,
		    "unknown event type \"%s\"; did you mean \"%s\"?",
		    buf_text(&shown), near);
	return verb_usage(args,
	    "unknown event type \"%s\"; \"spoolhook sample --list\" lists "
	    "what is known",
	    buf_text(&shown));
}

static int sample(const struct args *args)
{
	const char *type =
	    args->operand_count ? args->operands[0] : trigger_known[0];
	auto_free char *text = NULL;

	if (args_has(args, "list"))
		return list(args);
	if (args->operand_count > 1)
		return verb_usage(args, "one event type at a time");
	text = sample_make(type);
	if (!text)
		return unknown(args, type);
	fputs(text, stdout);
	return verb_finish(EXIT_OK);
}

const struct verb verb_sample = {
	.name = "sample",
	.group = "Input",
	.operands = "[TYPE]",
	.summary = "print a sample event of a type",
	.options = options,
	.run = sample,
};
