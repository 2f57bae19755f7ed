/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * cmd/completion: scripts by which bash, zsh and fish complete commands,
 * options, webhooks, states and deliveries. The scripts hold no lists: they
 * call this verb again (`completion words WORD…`, the last of which is being
 * typed), which reads the same tables
 * as the command line does and, for ids, the configuration and the store. So a
 * script that was installed once stays right. Candidates only; a mistake here
 * is silence.
 */
#include "base/mem.h"
#include "base/say.h"
#include "cmd/args.h"
#include "cmd/log_pick.h"
#include "cmd/verb.h"
#include "flow/load.h"
#include "model/trigger.h"
#include "port/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct verb_option options[] = { { .name = NULL } };

/* ---- the scripts ------------------------------------------------------- */

static const char bash_script[] =
    "# bash completion for spoolhook; load it by\n"
    "#   source <(spoolhook completion bash)\n"
    "_spoolhook()\n"
    "{\n"
    "\tlocal word=${COMP_WORDS[COMP_CWORD]} IFS=$'\\n'\n"
    "\tlocal words=(\"${COMP_WORDS[@]:1:COMP_CWORD}\")\n"
    "\tlocal all\n"
    "\t[[ $word == = ]] && word=\n"
    "\tall=$(\"${COMP_WORDS[0]}\" completion words -- \"${words[@]}\" "
    "2>/dev/null)\n"
    "\tif [[ $all == :files ]]; then\n"
    "\t\tcompopt -o filenames\n"
    "\t\tCOMPREPLY=($(compgen -f -- \"$word\"))\n"
    "\telse\n"
    "\t\tCOMPREPLY=($(compgen -W \"$all\" -- \"$word\"))\n"
    "\tfi\n"
    "}\n"
    "complete -F _spoolhook spoolhook\n";

static const char zsh_script[] =
    "#compdef spoolhook\n"
    "# zsh completion for spoolhook; load it by\n"
    "#   source <(spoolhook completion zsh)\n"
    "_spoolhook()\n"
    "{\n"
    "\tlocal -a all\n"
    "\t[[ $PREFIX == --*=* ]] && compset -P '*='\n"
    "\tall=(\"${(@f)$($words[1] completion words -- "
    "\"${(@)words[2,CURRENT]}\" 2>/dev/null)}\")\n"
    "\tif [[ $all[1] == :files ]]; then\n"
    "\t\t_files\n"
    "\telse\n"
    "\t\tcompadd -a all\n"
    "\tfi\n"
    "}\n"
    "if [[ $funcstack[1] == _spoolhook ]]; then\n"
    "\t_spoolhook \"$@\"\n"
    "else\n"
    "\tcompdef _spoolhook spoolhook\n"
    "fi\n";

static const char fish_script[] =
    "# fish completion for spoolhook; load it by\n"
    "#   spoolhook completion fish | source\n"
    "function __spoolhook_words\n"
    "\tset -l words (commandline -opc)\n"
    "\tset -l last (commandline -ct)\n"
    "\tset -l before (string match -r -- '^--[a-z-]+=' $last)\n"
    "\tset -l all ($words[1] completion words -- $words[2..-1] \"$last\" "
    "2>/dev/null)\n"
    "\tif test \"$all[1]\" = :files\n"
    "\t\tset all (__fish_complete_path (string replace -- \"$before\" '' "
    "$last))\n"
    "\tend\n"
    "\tfor word in $all\n"
    "\t\techo -- \"$before$word\"\n"
    "\tend\n"
    "end\n"
    "complete -c spoolhook -f -a '(__spoolhook_words)'\n";

static const struct {
	const char *shell;
	const char *script;
} scripts[] = {
	{ "bash", bash_script },
	{ "zsh", zsh_script },
	{ "fish", fish_script },
};
enum { SCRIPTS = sizeof(scripts) / sizeof(*scripts) };

/* ---- candidates -------------------------------------------------------- */

/* A command line that is being typed, as far as it goes. */
struct typing {
	const char *config_dir;
	const struct verb *verb;
	const struct verb_option
	    *open; /* an option whose argument comes next */
	size_t operands;
};

/* So many of the latest deliveries are offered. */
enum { DELIVERIES_MAX = 50 };

static void offer_list(const char *const *words)
{
	for (; *words; words++)
		puts(*words);
}

static void offer_files(void)
{
	puts(":files");
}

static void offer_verbs(void)
{
	const struct verb *const *v;

	for (v = verb_table; *v; v++) {
		if (!(*v)->plumbing)
			puts((*v)->name);
	}
}

static void offer_options(const struct typing *typing)
{
	const struct verb_option *o =
	    typing->verb ? typing->verb->options : NULL;

	for (; o && o->name; o++)
		printf("--%s\n", o->name);
	for (o = common_options; o->name; o++)
		printf("--%s\n", o->name);
}

static struct conf *load(const struct typing *typing)
{
	struct findings findings = { 0 };
	struct conf *conf = load_conf_for(
	    LOAD_TO_LOOK, load_dir(typing->config_dir), &findings, NULL);

	findings_clear(&findings);
	return conf;
}

static void offer_webhooks(const struct typing *typing)
{
	struct conf *conf = load(typing);
	size_t i;

	for (i = 0; conf && i < conf->webhook_count; i++)
		puts(conf->webhooks[i]->id);
	conf_free(conf);
}

static void offer_endpoints(const struct typing *typing)
{
	struct conf *conf = load(typing);
	size_t i;
	size_t j;

	for (i = 0; conf && i < conf->webhook_count; i++) {
		for (j = 0; j < conf->webhooks[i]->endpoint_count; j++)
			puts(conf->webhooks[i]->endpoints[j].id);
	}
	conf_free(conf);
}

static int offer_delivery(void *arg, const struct delivery_row *row)
{
	(void)arg;
	puts(row->delivery);
	return 0;
}

static void offer_deliveries(const struct typing *typing)
{
	struct conf *conf = load(typing);
	struct delivery_query query = { .all_states = true,
		.newest_first = true,
		.limit = DELIVERIES_MAX };
	auto_free char *path = NULL;
	struct store *store = NULL;

	if (conf)
		path = mem_printf("%s/spool.db", conf->spool_dir);
	if (conf)
		store = store_open(path, STORE_LOOK, NULL);
	if (store)
		store_deliveries(store, &query, offer_delivery, NULL, NULL);
	store_close(store);
	conf_free(conf);
}

static void offer_states(const struct typing *typing)
{
	static const char *const states[] = { "queued", "deferred", "active",
		"held", "delivered", "dead", "all", NULL };

	(void)typing;
	offer_list(states);
}

static void offer_types(const struct typing *typing)
{
	(void)typing;
	offer_list(trigger_known);
}

static void offer_kinds(const struct typing *typing)
{
	(void)typing;
	offer_list(pick_kinds);
}

static void offer_colors(const struct typing *typing)
{
	static const char *const words[] = { "auto", "always", "never", NULL };

	(void)typing;
	offer_list(words);
}

static void offer_shells(const struct typing *typing)
{
	size_t i;

	(void)typing;
	for (i = 0; i < SCRIPTS; i++)
		puts(scripts[i].shell);
}

static void offer_all_verbs(const struct typing *typing)
{
	(void)typing;
	offer_verbs();
}

static void offer_show(const struct typing *typing)
{
	(void)typing;
	puts("show");
}

static void offer_queue_verbs(const struct typing *typing)
{
	static const char *const words[] = { "list", "summary", "hold",
		"release", "retry", "delete", NULL };

	offer_list(words);
	offer_deliveries(typing);
}

/* ---- what stands where ------------------------------------------------- */

/* By option: what its argument is. Others are files or free text. */
static const struct {
	const char *option;
	void (*offer)(const struct typing *typing);
} arguments[] = {
	{ "webhook", offer_webhooks },
	{ "expect", offer_webhooks },
	{ "endpoint", offer_endpoints },
	{ "state", offer_states },
	{ "event", offer_types },
	{ "event-type", offer_types },
	{ "kind", offer_kinds },
	{ "color", offer_colors },
};

/* By verb: what its operands are; `first` tells only the first one. Others are
 * files. */
static const struct {
	const char *verb;
	void (*offer)(const struct typing *typing);
	bool first;
} places[] = {
	{ "render", offer_webhooks, true },
	{ "send", offer_webhooks, true },
	{ "pause", offer_webhooks, false },
	{ "resume", offer_webhooks, false },
	{ "flush", offer_webhooks, false },
	{ "show", offer_deliveries, false },
	{ "resend", offer_deliveries, false },
	{ "log", offer_deliveries, false },
	{ "queue", offer_queue_verbs, true },
	{ "queue", offer_deliveries, false },
	{ "sample", offer_types, true },
	{ "config", offer_show, true },
	{ "completion", offer_shells, true },
	{ "help", offer_all_verbs, true },
};

static void offer_argument(const struct typing *typing)
{
	size_t i;

	for (i = 0; i < sizeof(arguments) / sizeof(*arguments); i++) {
		if (strcmp(arguments[i].option, typing->open->name) == 0) {
			arguments[i].offer(typing);
			return;
		}
	}
	offer_files();
}

static void offer_operand(const struct typing *typing)
{
	size_t i;

	for (i = 0; i < sizeof(places) / sizeof(*places); i++) {
		if (strcmp(places[i].verb, typing->verb->name) == 0 &&
		    (!places[i].first || !typing->operands)) {
			places[i].offer(typing);
			return;
		}
	}
	/* An operand that is not in the table is a file, if there is any. */
	if (*typing->verb->operands)
		offer_files();
}

/* ---- reading what was typed -------------------------------------------- */

static const struct verb_option *find(
    const struct verb_option *o, const char *word)
{
	for (; o && o->name; o++) {
		if (word[1] == '-' ? strcmp(o->name, word + 2) == 0
				   : o->letter && o->letter == word[1])
			return o;
	}
	return NULL;
}

static void read_option(struct typing *typing, const char *word)
{
	const struct verb_option *o =
	    find(typing->verb ? typing->verb->options : NULL, word);

	if (!o)
		o = find(common_options, word);
	/* `-cDIR` and `--config=DIR` hold theirs. */
	if (o && o->argument && !o->optional_argument &&
	    (word[1] == '-' || !word[2]))
		typing->open = o;
}

static void read_word(struct typing *typing, const char *word)
{
	/* bash takes `--option=word` apart, the sign a word of its own. */
	if (strcmp(word, "=") == 0)
		return;
	if (typing->open) {
		if (typing->open == find(common_options, "--config"))
			typing->config_dir = word;
		typing->open = NULL;
	} else if (word[0] == '-' && word[1]) {
		read_option(typing, word);
	} else if (!typing->verb) {
		typing->verb = args_verb(word);
	} else {
		typing->operands++;
	}
}

/* `--option=` and what is being typed of its argument. */
static void read_last(struct typing *typing, const char *word)
{
	auto_free char *name = mem_strndup(word, strcspn(word, "="));
	const struct verb_option *o;

	if (typing->open || strncmp(word, "--", 2) != 0 || !strchr(word, '='))
		return;
	o = find(typing->verb ? typing->verb->options : NULL, name);
	if (!o)
		o = find(common_options, name);
	if (o && o->argument)
		typing->open = o;
}

static int offer(const struct args *args)
{
	struct typing typing = { .config_dir = args->common.config_dir };
	size_t last = args->operand_count - 1;
	size_t i;

	for (i = 1; i < last; i++)
		read_word(&typing, args->operands[i]);
	if (last)
		read_last(&typing, args->operands[last]);
	if (!typing.open && last && args->operands[last][0] == '-') {
		offer_options(&typing);
		return verb_finish(EXIT_OK);
	}
	if (typing.open) {
		offer_argument(&typing);
		return verb_finish(EXIT_OK);
	}
	if (typing.verb)
		offer_operand(&typing);
	else
		offer_verbs();
	return verb_finish(EXIT_OK);
}

static int run(const struct args *args)
{
	size_t i;

	if (args->operand_count && strcmp(args->operands[0], "words") == 0)
		return offer(args);
	if (args->operand_count != 1)
		return verb_usage(args, "name a shell: bash, zsh or fish");
	for (i = 0; i < SCRIPTS; i++) {
		if (strcmp(scripts[i].shell, args->operands[0]) == 0) {
			fputs(scripts[i].script, stdout);
			return verb_finish(EXIT_OK);
		}
	}
	return verb_usage(
	    args, "\"%.40s\" is none of bash, zsh and fish", args->operands[0]);
}

const struct verb verb_completion = {
	.name = "completion",
	.group = "Develop",
	.operands = "bash|zsh|fish",
	.summary = "print a script that completes commands",
	.options = options,
	.run = run,
};
