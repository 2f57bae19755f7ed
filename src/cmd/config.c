/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * cmd/config: `config show` prints the configuration that applies, as clean
 * JSON that jq can read: comments gone, defaults filled in, secrets as the
 * place where they lie. What may be seen is decided in model/conf_show. Reads
 * the configuration only, so it works with the daemon up or down, and tells
 * what a reload would load.
 */
#include "base/mem.h"
#include "base/say.h"
#include "base/text.h"
#include "cmd/verb.h"
#include "flow/load.h"
#include "model/conf_show.h"
#include "model/path.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

enum { DIGITS = 15 };

static const struct verb_option options[] = {
	{ .name = "changed", .help = "only what differs from the defaults" },
	{ .name = "defaults", .help = "what applies when nothing is written" },
	{ .name = NULL },
};

static void print(const struct args *args, const json_t *json)
{
	size_t flags = JSON_ENCODE_ANY | JSON_REAL_PRECISION(DIGITS);
	char *text = json_dumps(
	    json, flags | (args->common.json ? JSON_COMPACT : JSON_INDENT(2)));

	if (!text)
		mem_exhausted();
	verb_print_lines(text, strlen(text));
	putchar('\n');
	free(text);
}

/* The member nearest to a word; NULL: none is near. Lent by the object. */
static const char *nearest(json_t *object, const char *word)
{
	const char *names[64] = { NULL };
	const char *name;
	json_t *value;
	size_t count = 0;

	json_object_foreach(object, name, value)
	{
		(void)value;
		if (count < 63)
			names[count++] = name;
	}
	return text_nearest(word, names);
}

/* Of a.b.c the first part that is not there is looked at. */
static int say_no_key(const struct args *args, json_t *shown, const char *key)
{
	json_t *object = shown;
	json_t *next;
	const char *part = key;
	auto_free char *word = NULL;
	const char *near;
	size_t len;

	for (;;) {
		len = strcspn(part, ".");
		next = json_object_getn(object, part, len);
		if (!next)
			break;
		object = next;
		part += len + (part[len] == '.');
	}
	word = mem_strndup(part, len);
	near = nearest(object, word);
	if (near)
		say_error("%s: there is no \"%s\" (did you mean \"%.*s%s\"?)",
		    args->verb->name, key, (int)(part - key), key, near);
	else
		say_error("%s: there is no \"%s\"; \"spoolhook config show\" "
			  "shows all",
		    args->verb->name, key);
	return EXIT_NO;
}

static int print_key(const struct args *args, json_t *shown, const char *key)
{
	struct why why;
	struct path *path = path_parse(key, &why);
	const json_t *value;

	if (!path)
		return verb_usage(
		    args, "\"%.64s\" is no key: %s", key, why.text);
	value = path_first(path, shown);
	path_free(path);
	if (!value)
		return say_no_key(args, shown, key);
	print(args, value);
	return EXIT_OK;
}

static int show(const struct args *args, json_t *shown)
{
	int code = EXIT_OK;
	size_t i;

	if (args->operand_count == 1)
		print(args, shown);
	for (i = 1; i < args->operand_count; i++) {
		int one = print_key(args, shown, args->operands[i]);

		if (one != EXIT_OK)
			code = one;
	}
	return verb_finish(code);
}

static int show_defaults(const struct args *args)
{
	json_auto_t *shown =
	    conf_show_defaults(load_dir(args->common.config_dir));

	return show(args, shown);
}

static int run(const struct args *args)
{
	static const char *const forms[] = { "changed", "defaults", NULL };
	json_auto_t *shown = NULL;
	auto_conf struct conf *conf = NULL;
	int code = verb_one_of(args, forms);

	if (code != EXIT_OK)
		return code;
	if (!args->operand_count || strcmp(args->operands[0], "show") != 0)
		return verb_usage(args, "say \"spoolhook config show\"");
	if (args_has(args, "defaults"))
		return show_defaults(args);
	conf = verb_conf(args, &code);
	if (!conf)
		return code;
	shown = args_has(args, "changed") ? conf_show_changed(conf)
					  : conf_show(conf);
	return show(args, shown);
}

const struct verb verb_config = {
	.name = "config",
	.group = "Configuration",
	.operands = "show [KEY…]",
	.summary = "show the configuration that applies, as JSON",
	.options = options,
	.run = run,
};
