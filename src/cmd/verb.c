/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * cmd/verb: what verbs share besides the command line: usage messages, the
 * store beside a running daemon, output that leaves a terminal whole.
 */
#include "cmd/verb.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/say.h"
#include "base/text.h"
#include "port/spool.h"
#include "port/store.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int verb_usage(const struct args *args, const char *format, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	say_error("%s: %s (try \"spoolhook help %s\")", args->verb->name, text,
	    args->verb->name);
	return EXIT_USAGE;
}

int verb_one_of(const struct args *args, const char *const *names)
{
	const char *first = NULL;

	for (; *names; names++) {
		if (!args_has(args, *names))
			continue;
		if (first)
			return verb_usage(args,
			    "--%s and --%s cannot go together", first, *names);
		first = *names;
	}
	return EXIT_OK;
}

int verb_finish(int code)
{
	bool before = ferror(stdout); /* why is forgotten by now */

	if (fflush(stdout) == 0 && !before)
		return code;
	if (before)
		say_error("cannot write the output");
	else if (errno != EPIPE)
		say_error("cannot write the output: %m");
	return EXIT_IO;
}

static const char members_only[] =
    "the queue is for root, the user spoolhook and the group hookadm";
static const char not_made_yet[] =
    "no daemon has run here yet (\"spoolhook run\" starts one)";

/* Says why the store is out of reach, and what would help. */
static int say_unreachable(const char *text, int kind)
{
	if (kind == EACCES || kind == EPERM) {
		say_error("%s; %s", text, members_only);
		return EXIT_NOT_PERMITTED;
	}
	if (kind == ENOENT) {
		say_error("%s; %s", text, not_made_yet);
		return EXIT_NO_INPUT;
	}
	say_error("%s", text);
	return EXIT_NO_INPUT;
}

/* What else is wrong with the file the store knows best. */
static int reach_store(const char *spool_dir, const char *path, bool change)
{
	struct spool spool;
	struct why why;
	int kind;

	if (spool_open(&spool, spool_dir, false, &why) < 0)
		return say_unreachable(why.text, errno);
	spool_close(&spool);
	if (access(path, change ? R_OK | W_OK : R_OK) == 0)
		return EXIT_OK;
	kind = errno;
	if (kind != EACCES && kind != ENOENT)
		return EXIT_OK;
	fail(&why, "%s: %m", path);
	return say_unreachable(why.text, kind);
}

struct store *verb_store(
    const struct args *args, const struct conf *conf, bool change, int *code)
{
	auto_free char *path = file_join(conf->spool_dir, "spool.db");
	struct store *store;
	struct why why;

	(void)args;
	*code = reach_store(conf->spool_dir, path, change);
	if (*code != EXIT_OK)
		return NULL;
	store = store_open(path, change ? STORE_VERB : STORE_LOOK, &why);
	if (store)
		return store;
	*code = EXIT_IO;
	/* Whoever reads a database with a write-ahead log writes beside it. */
	if (access(path, W_OK) < 0 && errno == EACCES)
		*code = say_unreachable(why.text, EACCES);
	else
		say_error("%s", why.text);
	return NULL;
}

int verb_warn_daemon(const struct args *args, const struct conf *conf)
{
	struct spool spool;
	pid_t holder;
	bool known;

	if (spool_open(&spool, conf->spool_dir, false, NULL) < 0)
		return -1;
	errno = 0;
	holder = spool_holder(&spool);
	known = errno != EACCES;
	spool_close(&spool);
	if (!holder && known && !args->common.quiet)
		say_warning("no daemon is running on %s", conf->spool_dir);
	return (int)holder;
}

void verb_ring(const struct conf *conf)
{
	struct spool spool;

	if (spool_open(&spool, conf->spool_dir, false, NULL) < 0)
		return;
	spool_ring(&spool);
	spool_close(&spool);
}

void verb_print_visible(const char *text, size_t len)
{
	struct buf b = BUF_INIT(len * 4 + 1);

	text_visible(&b, text, len);
	fputs(buf_text(&b), stdout);
	buf_clear(&b);
}

void verb_print_lines(const char *text, size_t len)
{
	size_t at = 0;

	if (!isatty(STDOUT_FILENO)) {
		fwrite(text, 1, len, stdout);
		return;
	}
	while (at < len) {
		size_t line = 0;

		while (at + line < len && !strchr("\n\t", text[at + line]))
			line++;
		verb_print_visible(text + at, line);
		at += line;
		if (at < len)
			putchar(text[at] ? text[at] : '?');
		at++;
	}
}

char *verb_command(const struct args *args, const char *words)
{
	const char *dir = args->common.config_dir;
	auto_buf struct buf quoted = BUF_INIT(SIZE_MAX / 8);
	auto_buf struct buf out = BUF_INIT(SIZE_MAX / 8);

	buf_printf(&out, "spoolhook %s", words);
	if (!dir)
		return buf_steal(&out);
	text_shell(&quoted, dir);
	buf_puts(&out, " -c ");
	text_visible(&out, buf_text(&quoted), quoted.len);
	return buf_steal(&out);
}

const char *verb_paint(const struct args *args, enum paint paint)
{
	static const char *const sequences[] = {
		[PAINT_OFF] = "\033[0m",
		[PAINT_RED] = "\033[31m",
		[PAINT_GREEN] = "\033[32m",
		[PAINT_YELLOW] = "\033[33m",
		[PAINT_DIM] = "\033[2m",
		[PAINT_BOLD] = "\033[1m",
	};

	return args->common.color ? sequences[paint] : "";
}
