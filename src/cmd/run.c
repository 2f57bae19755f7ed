/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * cmd/run: the daemon in the foreground, or one round of it for cron. What it
 * does is flow/clerk.h; here are its options and its exit codes.
 */
#include "base/mem.h"
#include "base/say.h"
#include "cmd/verb.h"
#include "flow/clerk.h"
#include "flow/load.h"
#include "port/http.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct verb_option options[] = {
	{ 0, "once", NULL, "deliver all that is due, then end (for cron)",
	    false, false },
	{ 0, NULL, NULL, NULL, false, false },
};

/* Descriptors are what calls in flight need: as many as we may have. */
static void raise_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static int reach(const char *dir)
{
	return faccessat(AT_FDCWD, dir, R_OK | W_OK | X_OK, AT_EACCESS);
}

/* Whether it is for want of a right that the spool cannot be used, or made. */
static bool forbidden(const char *spool)
{
	auto_free char *copy = mem_strdup(spool);

	if (reach(spool) == 0 || (errno == ENOENT && reach(dirname(copy)) == 0))
		return false;
	return errno == EACCES || errno == EPERM;
}

static int exit_code(
    enum clerk_end end, const char *spool, const struct why *why)
{
	switch (end) {
	case CLERK_DONE:
		return EXIT_OK;
	case CLERK_WAITING:
		return EXIT_TRY_AGAIN;
	case CLERK_DIED:
		return EXIT_NO;
	case CLERK_BUSY:
		say_error("%s", why->text);
		return EXIT_TRY_AGAIN;
	case CLERK_FAILED:
		if (why->text[0])
			say_error("%s", why->text);
		return forbidden(spool) ? EXIT_NOT_PERMITTED : EXIT_IO;
	}
	return EXIT_BUG;
}

static int run(const struct args *args)
{
	struct why why = { "" };
	struct clerk_case from = {
		.conf_dir = load_dir(args->common.config_dir),
		.program = "/proc/self/exe",
		.once = args_has(args, "once"),
	};
	auto_free char *spool = NULL;
	int code;

	if (args->operand_count)
		return verb_usage(
		    args, "unexpected argument \"%s\"", args->operands[0]);
	say_set_journal(getenv("JOURNAL_STREAM") != NULL);
	umask(027);
	raise_descriptors();
	if (http_begin(&why) < 0) {
		say_error("%s", why.text);
		return EXIT_BUG;
	}
	from.conf = verb_conf(args, &code);
	/* A file that the daemon may not read is the configuration's mistake,
	 * not that of who starts it. */
	if (!from.conf)
		return code == EXIT_NOT_PERMITTED ? EXIT_BAD_CONFIG : code;
	if (!args->common.quiet && !args->common.verbose)
		say_set_level((enum say_level)from.conf->log_level);
	spool = mem_strdup(from.conf->spool_dir); /* the clerk takes the conf */
	return exit_code(clerk_run(&from, &why), spool, &why);
}

const struct verb verb_run = {
	.name = "run",
	.group = "Service",
	.operands = "",
	.summary = "run the daemon in the foreground",
	.options = options,
	.run = run,
};
