/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * cmd/help: `spoolhook help [VERB]`. Reads the table of verbs; the manual page
 * spoolhook(1) tells the rest.
 */
#include "base/say.h"
#include "base/text.h"
#include "cmd/args.h"
#include "cmd/verb.h"

#include <stdio.h>
#include <string.h>

static void print_overview(void)
{
	const char *group = "";
	const struct verb *const *v;

	printf("spoolhook: files in, webhooks out\n\n"
	       "usage: spoolhook [-c DIR] COMMAND [OPTION|ARGUMENT]…\n");
	for (v = verb_table; *v; v++) {
		if ((*v)->plumbing)
			continue;
		if (strcmp(group, (*v)->group) != 0)
			printf("\n%s\n", (*v)->group);
		group = (*v)->group;
		printf("  %-10s %s\n", (*v)->name, (*v)->summary);
	}
	printf("\n\"spoolhook help COMMAND\" tells its options; the manual is "
	       "spoolhook(1).\n"
	       "The configuration is looked for in -c DIR, $SPOOLHOOK_CONFIG, "
	       "/etc/spoolhook.\n");
}

static int unknown(const struct args *args, const char *word)
{
	const char *names[64];
	const char *near;
	size_t count = 0;
	const struct verb *const *v;

	for (v = verb_table; *v; v++) {
		if (!(*v)->plumbing)
			names[count++] = (*v)->name;
	}
	names[count] = NULL;
	near = text_nearest(word, names);
	if (near)
		return verb_usage(args,
		    "there is no command \"%s\"; did you mean \"%s\"?", word,
		    near);
	return verb_usage(args, "there is no command \"%s\"", word);
}

static int run(const struct args *args)
{
	const struct verb *const *v;
	const char *word;

	/* `spoolhook` alone comes here too, with no verb. */
	word = args->verb && args->operand_count ? args->operands[0] : NULL;
	if (!word) {
		print_overview();
		return verb_finish(EXIT_OK);
	}
	for (v = verb_table; *v; v++) {
		if (strcmp((*v)->name, word) == 0) {
			args_print_help(*v);
			return verb_finish(EXIT_OK);
		}
	}
	return unknown(args, word);
}

const struct verb verb_help = {
	.name = "help",
	.group = "Help",
	.operands = "[COMMAND]",
	.summary = "list the commands, or tell the options of one",
	.run = run,
};
