/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * cmd/help: `spoolhook help [VERB]`. Reads the table of verbs; the manual page
 * spoolhook(1) tells the rest.
 */
#include "base/say.h"
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

static int run(const struct args *args)
{
	const struct verb *verb;

	/* `spoolhook --help` comes here too, with no verb. */
	if (!args->verb || !args->operand_count) {
		print_overview();
		return verb_finish(EXIT_OK);
	}
	verb = args_verb(args->operands[0]);
	if (!verb)
		return args_unknown_verb(args->operands[0]);
	args_print_help(verb);
	return verb_finish(EXIT_OK);
}

const struct verb verb_help = {
	.name = "help",
	.group = "Help",
	.operands = "[COMMAND]",
	.summary = "list the commands, or tell the options of one",
	.run = run,
};
