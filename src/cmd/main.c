/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * cmd/main: one binary, one table of verbs.
 */
#include "base/mem.h"
#include "base/say.h"
#include "base/version.h"
#include "cmd/args.h"
#include "cmd/verb.h"
#include "port/http.h"
#include "port/smtp.h"

#include <jansson.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

/* In the order that `help` lists them. */
const struct verb *const verb_table[] = {
	&verb_run,
	&verb_status,
	&verb_reload,
	&verb_flush,
	&verb_pause,
	&verb_resume,
	&verb_health,
	&verb_metrics,
	&verb_submit,
	&verb_sample,
	&verb_check,
	&verb_config,
	&verb_list,
	&verb_route,
	&verb_render,
	&verb_send,
	&verb_test,
	&verb_queue,
	&verb_show,
	&verb_resend,
	&verb_prune,
	&verb_log,
	&verb_report,
	&verb_listen,
	&verb_completion,
	&verb_help,
	&verb_mail,
	NULL,
};

static int print_version(void)
{
	printf("spoolhook %s (%s, jansson %s, %s)\n", VERSION, http_library(),
	    jansson_version_str(), smtp_library());
	return verb_finish(EXIT_OK);
}

static int dispatch(const struct args *args)
{
	if (args_has(args, "version"))
		return print_version();
	if (!args->verb && args_has(args, "help"))
		return verb_help.run(args);
	if (!args->verb) {
		say_error("which command? \"spoolhook help\" lists them");
		return EXIT_USAGE;
	}
	if (args_has(args, "help")) {
		args_print_help(args->verb);
		return verb_finish(EXIT_OK);
	}
	return args->verb->run(args);
}

int main(int argc, char **argv)
{
	struct args args;
	int code;

	/* A NULL from jansson for want of memory looks like a syntax error, for
	 * which a good event would be refused: this way it never is one. */
	json_set_alloc_funcs(mem_alloc, free);
	/* Times for people follow the locale's zone only; text stays bytes. */
	setlocale(LC_CTYPE, "C");
	code = args_parse(&args, argc, argv);
	if (code == EXIT_OK)
		code = dispatch(&args);
	args_clear(&args);
	return code;
}
