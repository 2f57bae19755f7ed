/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * cmd/check: says all that is wrong with a configuration, as compilers do, so
 * that editors and CI understand it. It reads what the daemon would read and
 * changes nothing. Ends with 78 when the daemon would refuse. With --online it
 * also looks whether the peers are there (cmd/online), and ends with 1 when one
 * is not, though it may come.
 */
#include "base/say.h"
#include "cmd/findings.h"
#include "cmd/online.h"
#include "flow/load.h"

#include <errno.h>

static const struct verb_option options[] = {
	{ .name = "online",
	    .help = "also connect to endpoints and mail server, send nothing" },
	{ .name = NULL },
};

static int finish(const struct args *args, const struct findings *findings)
{
	print_findings(args, findings, stdout);
	if (!args->common.json && !args->common.quiet) {
		fputs("check: ", stdout);
		print_findings_count(findings, stdout);
	}
	return verb_finish(findings_code(findings));
}

static int run(const struct args *args)
{
	const char *dir = load_dir(args->common.config_dir);
	struct findings findings = { 0 };
	struct why why = { "" };
	struct conf *conf;
	int absent = 0;
	int code;

	if (args->operand_count)
		return verb_usage(args,
		    "takes no operand; -c DIR names the "
		    "configuration directory");
	conf = load_conf_for(LOAD_TO_CHECK, dir, &findings, &why);
	if (!conf && !findings.errors)
		return say_no_conf(&why, errno);
	if (conf && args_has(args, "online") &&
	    (absent = online_check(conf, &findings, &why)) < 0)
		say_error("%s", why.text);
	code = finish(args, &findings);
	if (absent && code == EXIT_OK)
		code = absent < 0 ? EXIT_IO : EXIT_NO;
	conf_free(conf);
	findings_clear(&findings);
	return code;
}

const struct verb verb_check = {
	.name = "check",
	.group = "Configuration",
	.operands = "",
	.summary = "say all that is wrong with the configuration",
	.options = options,
	.run = run,
};
