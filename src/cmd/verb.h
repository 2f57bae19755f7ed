/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef CMD_VERB_H
#define CMD_VERB_H

#include "base/buf.h"
#include "base/why.h"
#include "model/conf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What all verbs share: the table row that describes one, its options, the
 * common options, and the ways a verb ends. One verb is one file and one row
 * of the table in cmd/main.c.
 */

/* Exit codes (sysexits(3), EXIT STATUS in spoolhook(1)). */
enum {
	EXIT_OK = 0,
	EXIT_NO = 1, /* ran well, the answer is no */
	EXIT_USAGE = 64,
	EXIT_BAD_EVENT = 65,
	EXIT_NO_INPUT = 66,
	EXIT_NO_DAEMON = 69,
	EXIT_BUG = 70,
	EXIT_CANNOT_CREATE = 73,
	EXIT_IO = 74,
	EXIT_TRY_AGAIN = 75,
	EXIT_NOT_PERMITTED = 77,
	EXIT_BAD_CONFIG = 78,
};

/* An option of a verb. With `argument` (its name in the help) it takes one:
 * `--since TIME`, `--since=TIME`, `-S TIME`, `-STIME`. */
struct verb_option {
	char letter; /* 0: none */
	const char *name; /* without dashes; NULL ends the table */
	const char *argument; /* NULL: a flag */
	const char *help;
	bool optional_argument; /* `--wait` or `--wait=DUR` */
	bool repeats; /* may be given several times */
};

/* The common options, as given. */
struct common {
	const char *config_dir;
	bool json;
	bool quiet;
	bool verbose;
	bool color; /* decided: --color, NO_COLOR, TERM, terminal */
};

/* A parsed command line. Options and operands may be mixed; `--` ends
 * options. */
struct args {
	struct common common;
	const struct verb *verb;
	struct {
		const struct verb_option *option;
		const char *value; /* "" for a flag */
	} * given;
	size_t given_count;
	char **operands; /* NULL-ended */
	size_t operand_count;
};

struct verb {
	const char *name;
	const char *group; /* heading in `help` */
	const char *operands; /* "[FILE|-]…" for the synopsis, "" for none */
	const char *summary; /* one line */
	const struct verb_option *options;
	int (*run)(const struct args *args);
	bool plumbing; /* not listed by `help` */
};

/* True when the option was given. */
bool args_has(const struct args *args, const char *name);
/* The last value given, NULL when not given. */
const char *args_value(const struct args *args, const char *name);
/* A duration, count or moment that was given; a bad one says so and ends the
 * process with 64. `fallback` when not given. */
int64_t args_duration(
    const struct args *args, const char *name, int64_t fallback_ms);
int64_t args_int(const struct args *args, const char *name, int64_t min,
    int64_t max, int64_t fallback);
int64_t args_moment(
    const struct args *args, const char *name, int64_t fallback_ms);

/* Says `spoolhook: VERB: …` and how to get help; returns EXIT_USAGE. */
int verb_usage(const struct args *args, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Options of which one may be given, NULL-ended: EXIT_USAGE, and said, when
 * there are two. */
int verb_one_of(const struct args *args, const char *const *names);
/* Ends a verb because its output could not be written: checks and flushes
 * stdout; returns `code`, or EXIT_IO after saying so. */
int verb_finish(int code);

/* Loads the configuration; on failure prints the findings on stderr, sets
 * *code (78, 77, 66) and returns NULL. Free with conf_free, or declare it as
 * `auto_conf struct conf *conf = NULL`. */
#define auto_conf __attribute__((cleanup(verb_conf_cleanup)))
void verb_conf_cleanup(struct conf **conf);
struct conf *verb_conf(const struct args *args, int *code);

/* Opens the store of the configuration's spool to look or to change; on
 * failure says so, sets *code and returns NULL. */
struct store *verb_store(
    const struct args *args, const struct conf *conf, bool change, int *code);
/* Warns once, on stderr, that no daemon runs. Returns its pid, 0 for none, -1
 * (and no word) when that cannot be seen from here. */
int verb_warn_daemon(const struct args *args, const struct conf *conf);
/* Tells a running daemon that the store has news. */
void verb_ring(const struct conf *conf);

/* Writes bytes from outside to stdout so that a terminal stays whole. */
void verb_print_visible(const char *text, size_t len);
/* The same for text of several lines: newlines and tabs stay, and so does
 * everything when stdout is no terminal. */
void verb_print_lines(const char *text, size_t len);
/* Escape sequence, or "" without colour. */
enum paint {
	PAINT_OFF,
	PAINT_RED,
	PAINT_GREEN,
	PAINT_YELLOW,
	PAINT_DIM,
	PAINT_BOLD
};
const char *verb_paint(const struct args *args, enum paint paint);

/* A command to type next, of the same configuration when -c named one:
 * `spoolhook resend -c DIR`. Fit for a terminal; the caller's to free. */
char *verb_command(const struct args *args, const char *words);

/* The verbs, each in its own file. */
extern const struct verb verb_reload, verb_flush, verb_pause, verb_resume,
    verb_prune;
extern const struct verb verb_run, verb_submit, verb_sample, verb_check,
    verb_list, verb_status, verb_queue, verb_show, verb_log, verb_report,
    verb_resend, verb_listen, verb_mail, verb_help, verb_config, verb_route,
    verb_render, verb_send, verb_health, verb_metrics, verb_test,
    verb_completion;
extern const struct verb *const verb_table[]; /* NULL-ended */

#endif
