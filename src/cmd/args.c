/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * cmd/args: the command line. The verbs and their options are tables
 * (cmd/verb.h), so help, parsing and did-you-mean read the same rows.
 */
#include "cmd/args.h"

#include "base/mem.h"
#include "base/now.h"
#include "base/say.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

const struct verb_option common_options[] = {
	{ 'c', "config", "DIR", "configuration directory", false, false },
	{ 0, "json", NULL, "machine output: JSON lines", false, false },
	{ 'q', "quiet", NULL, "only errors on stderr", false, false },
	{ 'v', "verbose", NULL, "tell more on stderr", false, false },
	{ 0, "color", "WHEN", "auto, always or never", false, false },
	{ 'h', "help", NULL, "how this command is used", false, false },
	{ 0, "version", NULL, "the version, with its libraries", false, false },
	{ 0, NULL, NULL, NULL, false, false },
};

static const struct verb_option *by_name(
    const struct verb_option *options, const char *name, size_t len)
{
	for (; options && options->name; options++) {
		if (strlen(options->name) == len &&
		    strncmp(options->name, name, len) == 0)
			return options;
	}
	return NULL;
}

static const struct verb_option *by_letter(
    const struct verb_option *options, char letter)
{
	for (; options && options->name; options++) {
		if (options->letter == letter)
			return options;
	}
	return NULL;
}

static const char *verb_name(const struct args *args)
{
	return args->verb ? args->verb->name : "";
}

/* "spoolhook queue: " or "spoolhook: " stands before a mistake. */
static const char *verb_colon(const struct args *args)
{
	return args->verb ? ": " : "";
}

static int unknown_option(const struct args *args, const char *given)
{
	const char *words[64];
	size_t count = 0;
	const struct verb_option *o;
	const char *name = given + strspn(given, "-");
	auto_free char *plain = mem_strndup(name, strcspn(name, "="));
	const char *near;

	for (o = args->verb ? args->verb->options : NULL; o && o->name; o++)
		words[count++] = o->name;
	for (o = common_options; o->name; o++)
		words[count++] = o->name;
	words[count] = NULL;
	near = text_nearest(plain, words);
	if (near)
		say_error("%s%sunknown option \"%s\" (did you mean \"--%s\"?)",
		    verb_name(args), verb_colon(args), given, near);
	else
		say_error("%s%sunknown option \"%s\" (try \"spoolhook "
			  "help%s%s\")",
		    verb_name(args), verb_colon(args), given,
		    args->verb ? " " : "", verb_name(args));
	return EXIT_USAGE;
}

static void remember(
    struct args *args, const struct verb_option *option, const char *value)
{
	args->given =
	    mem_grow(args->given, args->given_count + 1, sizeof(*args->given));
	args->given[args->given_count].option = option;
	args->given[args->given_count].value = value;
	args->given_count++;
}

static int missing_argument(
    const struct args *args, const struct verb_option *option)
{
	say_error("%s%soption \"--%s\" needs %s", verb_name(args),
	    verb_colon(args), option->name, option->argument);
	return EXIT_USAGE;
}

static int long_option(struct args *args, char **argv, int argc, int *i)
{
	const char *name = argv[*i] + 2;
	size_t len = strcspn(name, "=");
	const char *value = name[len] ? name + len + 1 : NULL;
	const struct verb_option *option = NULL;

	if (args->verb)
		option = by_name(args->verb->options, name, len);
	if (!option)
		option = by_name(common_options, name, len);
	if (!option)
		return unknown_option(args, argv[*i]);
	if (!option->argument && value) {
		say_error("%s%soption \"--%s\" takes no argument",
		    verb_name(args), verb_colon(args), option->name);
		return EXIT_USAGE;
	}
	if (option->argument && !value && !option->optional_argument) {
		if (++*i >= argc)
			return missing_argument(args, option);
		value = argv[*i];
	}
	remember(args, option, value ? value : "");
	return EXIT_OK;
}

static int short_options(struct args *args, char **argv, int argc, int *i)
{
	const char *at;

	for (at = argv[*i] + 1; *at; at++) {
		const struct verb_option *option = NULL;

		if (args->verb)
			option = by_letter(args->verb->options, *at);
		if (!option)
			option = by_letter(common_options, *at);
		if (!option)
			return unknown_option(args, argv[*i]);
		if (!option->argument) {
			remember(args, option, "");
			continue;
		}
		if (at[1])
			remember(args, option, at + 1);
		else if (++*i < argc)
			remember(args, option, argv[*i]);
		else
			return missing_argument(args, option);
		return EXIT_OK;
	}
	return EXIT_OK;
}

int args_unknown_verb(const char *word)
{
	const char *names[64];
	size_t count = 0;
	const struct verb *const *v;
	const char *near;

	for (v = verb_table; *v; v++) {
		if (!(*v)->plumbing)
			names[count++] = (*v)->name;
	}
	names[count] = NULL;
	near = text_nearest(word, names);
	if (near)
		say_error("unknown command \"%s\" (did you mean \"%s\"?)", word,
		    near);
	else
		say_error(
		    "unknown command \"%s\" (try \"spoolhook help\")", word);
	return EXIT_USAGE;
}

const struct verb *args_verb(const char *word)
{
	const struct verb *const *v;

	for (v = verb_table; *v; v++) {
		if (strcmp((*v)->name, word) == 0)
			return *v;
	}
	return NULL;
}

static int choose_verb(struct args *args, const char *word)
{
	args->verb = args_verb(word);
	return args->verb ? EXIT_OK : args_unknown_verb(word);
}

static int operand(struct args *args, char *word)
{
	if (!args->verb)
		return choose_verb(args, word);
	args->operands = mem_grow(
	    args->operands, args->operand_count + 2, sizeof(*args->operands));
	args->operands[args->operand_count++] = word;
	args->operands[args->operand_count] = NULL;
	return EXIT_OK;
}

static bool terminal_colors(void)
{
	const char *no = getenv("NO_COLOR");
	const char *term = getenv("TERM");

	return !(no && *no) && term && strcmp(term, "dumb") != 0 &&
	    isatty(STDOUT_FILENO);
}

static int settle_common(struct args *args)
{
	const char *color = args_value(args, "color");

	args->common.config_dir = args_value(args, "config");
	args->common.json = args_has(args, "json");
	args->common.quiet = args_has(args, "quiet");
	args->common.verbose = args_has(args, "verbose");
	if (!color || strcmp(color, "auto") == 0)
		args->common.color = terminal_colors();
	else if (strcmp(color, "always") == 0)
		args->common.color = true;
	else if (strcmp(color, "never") != 0) {
		say_error("--color is \"auto\", \"always\" or \"never\", not "
			  "\"%s\"",
		    color);
		return EXIT_USAGE;
	}
	if (args->common.quiet)
		say_set_level(SAY_ERROR);
	else if (args->common.verbose)
		say_set_level(SAY_DEBUG);
	return EXIT_OK;
}

int args_parse(struct args *args, int argc, char **argv)
{
	bool only_operands = false;
	int code = EXIT_OK;
	int i;

	*args = (struct args){ 0 };
	args->operands = mem_array(1, sizeof(*args->operands));
	for (i = 1; i < argc && code == EXIT_OK; i++) {
		if (only_operands || argv[i][0] != '-' || !argv[i][1])
			code = operand(args, argv[i]);
		else if (strcmp(argv[i], "--") == 0)
			only_operands = true;
		else if (argv[i][1] == '-')
			code = long_option(args, argv, argc, &i);
		else
			code = short_options(args, argv, argc, &i);
	}
	return code == EXIT_OK ? settle_common(args) : code;
}

void args_clear(struct args *args)
{
	free(args->given);
	free(args->operands);
	*args = (struct args){ 0 };
}

bool args_has(const struct args *args, const char *name)
{
	return args_value(args, name) != NULL;
}

const char *args_value(const struct args *args, const char *name)
{
	size_t i;

	for (i = args->given_count; i-- > 0;) {
		if (strcmp(args->given[i].option->name, name) == 0)
			return args->given[i].value;
	}
	return NULL;
}

/* Ends the process: an argument that cannot be read has no way on. */
static void __attribute__((noreturn))
bad_value(const struct args *args, const char *name, const char *wanted)
{
	say_error("%s: --%s: \"%s\" is no %s", verb_name(args), name,
	    args_value(args, name), wanted);
	exit(EXIT_USAGE);
}

int64_t args_duration(
    const struct args *args, const char *name, int64_t fallback_ms)
{
	const char *value = args_value(args, name);
	int64_t ms;

	if (!value || !*value)
		return fallback_ms;
	if (!text_duration(value, &ms))
		bad_value(args, name, "duration (like 500ms, 90s, 1h30m, 7d)");
	return ms;
}

int64_t args_int(const struct args *args, const char *name, int64_t min,
    int64_t max, int64_t fallback)
{
	const char *value = args_value(args, name);
	auto_free char *wanted = NULL;
	int64_t number;

	if (!value)
		return fallback;
	if (text_int(value, min, max, &number))
		return number;
	wanted = mem_printf(
	    "whole number from %lld to %lld", (long long)min, (long long)max);
	bad_value(args, name, wanted);
}

int64_t args_moment(
    const struct args *args, const char *name, int64_t fallback_ms)
{
	const char *value = args_value(args, name);
	int64_t ms;

	if (!value)
		return fallback_ms;
	if (!text_moment(value, now_wall_ms(), &ms))
		bad_value(args, name,
		    "time (like \"2026-11-23 10:05\", today, -2h, @1640002987)");
	return ms;
}

static void print_option(const struct verb_option *o)
{
	char left[64];
	char letter[8] = "    ";

	if (o->letter)
		snprintf(letter, sizeof(letter), "-%c, ", o->letter);
	snprintf(left, sizeof(left), "%s--%s%s%s%s", letter, o->name,
	    o->optional_argument ? "[="
		: o->argument	 ? " "
				 : "",
	    o->argument ? o->argument : "", o->optional_argument ? "]" : "");
	printf("  %-28s %s\n", left, o->help);
}

void args_print_help(const struct verb *verb)
{
	const struct verb_option *o;

	printf("usage: spoolhook %s [OPTION]…%s%s\n\n%s\n", verb->name,
	    *verb->operands ? " " : "", verb->operands, verb->summary);
	if (verb->options && verb->options->name)
		printf("\nOptions:\n");
	for (o = verb->options; o && o->name; o++)
		print_option(o);
	printf("\nOptions of every command:\n");
	for (o = common_options; o->name; o++)
		print_option(o);
}
