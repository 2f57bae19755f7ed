/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * cmd/health: the plugin of Nagios and its kin (Monitoring Plugins Development
 * Guidelines): one line with what matters first, performance data behind the
 * bar, and 0, 1, 2 or 3. It judges age, not count: a thousand deliveries that
 * leave within seconds are no trouble, one that has waited for an hour is.
 * Whatever goes wrong with the asking itself is UNKNOWN. Reads only.
 */
#include "base/jot.h"
#include "base/mem.h"
#include "base/now.h"
#include "base/say.h"
#include "base/text.h"
#include "cmd/desk.h"
#include "cmd/verb.h"
#include "cmd/vitals.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum health { HEALTH_OK, HEALTH_WARNING, HEALTH_CRITICAL, HEALTH_UNKNOWN };

static const struct verb_option options[] = {
	{ .letter = 'w',
	    .name = "warning",
	    .argument = "LIMITS",
	    .help = "as in oldest=1h,dead=1; \"off\" for none" },
	{ .letter = 'c',
	    .name = "critical",
	    .argument = "LIMITS",
	    .help = "likewise; -c DIR stands before \"health\"" },
	{ .name = NULL },
};

enum { MINUTE_MS = 60 * 1000, HOUR_MS = 60 * MINUTE_MS };
enum { LIMITS_TEXT_MAX = 1024, LINE_MAX_BYTES = 64 * 1024 };
#define OFF INT64_MAX

/* What can be judged; a value at its limit is over it. */
static const struct measure {
	const char *name;
	const char *words; /* behind the value, for people */
	bool is_time; /* in milliseconds, an age */
	size_t offset; /* in struct vitals; unused for an age */
	int64_t warning, critical; /* without options */
} measures[] = {
	{ "oldest", "oldest", true, 0, HOUR_MS, 4 * HOUR_MS },
	{ "deferred", "deferred", false, offsetof(struct vitals, deferred), OFF,
	    OFF },
	{ "queued", "queued", false, offsetof(struct vitals, queued), OFF,
	    OFF },
	{ "dead", "dead in 24 h", false, offsetof(struct vitals, dead), 1,
	    OFF },
	{ "rejected", "rejected in 24 h", false,
	    offsetof(struct vitals, rejected), OFF, OFF },
	{ "troubles", "in the way", false, offsetof(struct vitals, troubles), 1,
	    OFF },
	{ "held", "held", false, offsetof(struct vitals, held), OFF, OFF },
	{ "paused", "webhooks paused", false, offsetof(struct vitals, paused),
	    OFF, OFF },
	{ "mails", "mails waiting", false, offsetof(struct vitals, mails), OFF,
	    OFF },
};
enum { MEASURES = sizeof(measures) / sizeof(*measures) };

struct check {
	const struct args *args;
	int64_t now_ms;
	int64_t warning[MEASURES];
	int64_t critical[MEASURES];
	int64_t value[MEASURES];
	enum health health;
	struct buf problems; /* what is over its limit */
	struct buf rest;
};

static const char *word(enum health health)
{
	static const char *const words[] = { "OK", "WARNING", "CRITICAL",
		"UNKNOWN" };

	return words[health];
}

/* ---- limits ------------------------------------------------------------ */

static int find(const char *name)
{
	int i;

	for (i = 0; i < MEASURES; i++) {
		if (strcmp(measures[i].name, name) == 0)
			return i;
	}
	return -1;
}

static bool read_limit(int i, const char *text, int64_t *limit)
{
	if (strcmp(text, "off") == 0) {
		*limit = OFF;
		return true;
	}
	if (measures[i].is_time)
		return text_duration(text, limit);
	return text_int(text, 0, INT64_MAX - 1, limit);
}

static int fail_name(struct why *why, const char *option, const char *name)
{
	const char *names[MEASURES + 1] = { NULL };
	const char *near;
	int i;

	for (i = 0; i < MEASURES; i++)
		names[i] = measures[i].name;
	near = text_nearest(name, names);
	if (near)
		return fail(why, "--%s: no \"%.40s\" (did you mean \"%s\"?)",
		    option, name, near);
	return fail(why,
	    "--%s: no \"%.40s\"; there are oldest, deferred, queued, dead, "
	    "rejected, troubles, held, paused, mails",
	    option, name);
}

/* "oldest=1h,dead=1" over what is there. */
static int read_limits(const struct args *args, const char *option,
    int64_t limits[MEASURES], struct why *why)
{
	const char *at = args_value(args, option);

	while (at && *at) {
		size_t len = strcspn(at, ",");
		auto_free char *part = mem_strndup(at, len);
		char *equals = strchr(part, '=');
		int i;

		at += len + (at[len] == ',');
		if (!equals)
			return fail(why, "--%s: \"%.40s\" is not NAME=LIMIT",
			    option, part);
		*equals = '\0';
		i = find(part);
		if (i < 0)
			return fail_name(why, option, part);
		if (!read_limit(i, equals + 1, &limits[i]))
			return fail(why, "--%s: %s=%.40s: that is no %s",
			    option, part, equals + 1,
			    measures[i].is_time ? "duration (like 90s, 1h30m)"
						: "number");
	}
	return 0;
}

/* ---- judging ----------------------------------------------------------- */

static void worsen(struct check *check, enum health health)
{
	if (health > check->health)
		check->health = health;
}

static int64_t value_of(
    const struct check *check, const struct vitals *vitals, int i)
{
	if (!measures[i].is_time)
		return *(const int64_t *)(const void *)((const char *)vitals +
		    measures[i].offset);
	if (vitals->oldest_ms < 0 || vitals->oldest_ms > check->now_ms)
		return 0;
	return check->now_ms - vitals->oldest_ms;
}

static void put_words(struct buf *out, int i, int64_t value)
{
	char span[TEXT_DURATION_SIZE];

	if (out->len)
		buf_puts(out, ", ");
	if (measures[i].is_time && !value)
		buf_puts(out, "nothing waits");
	else if (measures[i].is_time)
		buf_printf(out, "%s %s", measures[i].words,
		    text_short_duration(span, value));
	else
		buf_printf(out, "%lld %s", (long long)value, measures[i].words);
}

/* Zeros of all but the usual three only make the line long. */
static bool worth_telling(const struct check *check, int i)
{
	return check->value[i] || strcmp(measures[i].name, "oldest") == 0 ||
	    strcmp(measures[i].name, "deferred") == 0 ||
	    strcmp(measures[i].name, "dead") == 0;
}

static void judge(struct check *check, const struct vitals *vitals)
{
	int i;

	for (i = 0; i < MEASURES; i++) {
		int64_t value = value_of(check, vitals, i);
		enum health health = HEALTH_OK;

		check->value[i] = value;
		if (value >= check->critical[i])
			health = HEALTH_CRITICAL;
		else if (value >= check->warning[i])
			health = HEALTH_WARNING;
		worsen(check, health);
		if (health != HEALTH_OK)
			put_words(&check->problems, i, value);
		else if (worth_telling(check, i))
			put_words(&check->rest, i, value);
	}
}

static void judge_daemon(
    struct check *check, const struct conf *conf, const struct vitals *vitals)
{
	char span[TEXT_DURATION_SIZE];
	struct buf *out = &check->problems;

	if (vitals_alive(vitals))
		return;
	worsen(check, HEALTH_CRITICAL);
	if (!vitals->pid)
		buf_puts(out, "no daemon runs on ");
	else if (vitals->heartbeat_ms < 0)
		buf_printf(out, "daemon %d is not ready on ", vitals->pid);
	else
		buf_printf(out, "daemon %d gave no sign of life for %s on ",
		    vitals->pid,
		    text_short_duration(
			span, check->now_ms - vitals->heartbeat_ms));
	text_visible(out, conf->spool_dir, strlen(conf->spool_dir));
}

/* What runs is not what lies in the files, and nobody else may say so. */
static void judge_reload(struct check *check, const struct vitals *vitals)
{
	auto_free char *command = verb_command(check->args, "check");
	size_t i;

	if (!vitals->pid || !vitals->reload_failed)
		return;
	worsen(check, HEALTH_WARNING);
	/* The bar would begin performance data. */
	for (i = 0; command[i]; i++) {
		if (command[i] == '|')
			command[i] = '/';
	}
	buf_printf(&check->problems,
	    "%sthe last reload was refused (\"%s\" tells why)",
	    check->problems.len ? ", " : "", command);
}

/* ---- the line ---------------------------------------------------------- */

static void put_limit(struct buf *out, int i, int64_t limit)
{
	if (limit != OFF)
		buf_printf(out, "%lld",
		    (long long)(measures[i].is_time ? limit / 1000 : limit));
	buf_putc(out, ';');
}

/* 'label'=value[UOM];[warn];[crit];[min] */
static void put_performance(struct buf *out, const struct check *check)
{
	int i;

	for (i = 0; i < MEASURES; i++) {
		bool is_time = measures[i].is_time;

		buf_printf(out, " %s=%lld%s;", measures[i].name,
		    (long long)(is_time ? check->value[i] / 1000
					: check->value[i]),
		    is_time ? "s" : "");
		put_limit(out, i, check->warning[i]);
		put_limit(out, i, check->critical[i]);
		buf_putc(out, '0');
	}
}

static void print_json(const struct check *check, const char *message)
{
	auto_buf struct buf out = BUF_INIT(LINE_MAX_BYTES);
	int i;

	jot_open(&out, NULL, '{');
	jot_str(&out, "state", word(check->health));
	jot_int(&out, "code", check->health);
	jot_str(&out, "message", message);
	for (i = 0; i < MEASURES; i++) {
		auto_free char *key = mem_printf(
		    measures[i].is_time ? "%s_ms" : "%s", measures[i].name);

		jot_int(&out, key, check->value[i]);
	}
	jot_close(&out, '}');
	puts(buf_text(&out));
}

static int print(const struct check *check)
{
	auto_buf struct buf line = BUF_INIT(LINE_MAX_BYTES);

	buf_add(&line, buf_text(&check->problems), check->problems.len);
	if (check->problems.len && check->rest.len)
		buf_puts(&line, "; ");
	buf_add(&line, buf_text(&check->rest), check->rest.len);
	if (check->args->common.json) {
		print_json(check, buf_text(&line));
		return check->health;
	}
	buf_puts(&line, " |");
	put_performance(&line, check);
	printf("SPOOLHOOK %s - %s\n", word(check->health), buf_text(&line));
	return check->health;
}

/* The bar would begin performance data. */
static int unknown(struct check *check, const char *message)
{
	auto_buf struct buf shown = BUF_INIT(LINE_MAX_BYTES);
	size_t i;

	text_visible(&shown, message, strlen(message));
	for (i = 0; i < shown.len; i++) {
		if (shown.data[i] == '|')
			shown.data[i] = '/';
	}
	check->health = HEALTH_UNKNOWN;
	if (check->args->common.json)
		print_json(check, buf_text(&shown));
	else
		printf("SPOOLHOOK UNKNOWN - %s\n", buf_text(&shown));
	return HEALTH_UNKNOWN;
}

/* ---- the check --------------------------------------------------------- */

static struct store *open_store(const struct conf *conf, struct why *why)
{
	auto_free char *path = mem_printf("%s/spool.db", conf->spool_dir);

	return store_open(path, STORE_LOOK, why);
}

static int unknown_closed(struct check *check, const struct conf *conf)
{
	auto_free char *message =
	    mem_printf("%s: permission denied; make this user a member of "
		       "hookadm",
		conf->spool_dir);

	return unknown(check, message);
}

/* Without a store there is nothing but the daemon to judge. */
static int check_without(
    struct check *check, const struct conf *conf, const struct why *why)
{
	struct vitals none = { .pid = desk_daemon(conf), .heartbeat_ms = -1 };

	if (desk_is_closed(conf))
		return unknown_closed(check, conf);
	if (none.pid)
		return unknown(check, why->text);
	judge_daemon(check, conf, &none);
	return print(check);
}

static int check_store(struct check *check, const struct conf *conf)
{
	struct why why = { "" };
	struct store *store = open_store(conf, &why);
	struct vitals vitals;
	int got;

	if (!store)
		return check_without(check, conf, &why);
	got = vitals_read(&vitals, conf, store, check->now_ms, &why);
	store_close(store);
	if (got < 0)
		return unknown(check, why.text);
	judge_daemon(check, conf, &vitals);
	judge_reload(check, &vitals);
	judge(check, &vitals);
	return print(check);
}

static int run_check(struct check *check)
{
	const struct args *args = check->args;
	struct why why = { "" };
	struct conf *conf;
	int code;

	if (args->operand_count)
		return unknown(check, "this check takes no operand");
	if (read_limits(args, "warning", check->warning, &why) < 0 ||
	    read_limits(args, "critical", check->critical, &why) < 0)
		return unknown(check, why.text);
	conf = verb_conf(args, &code);
	if (!conf)
		return unknown(check,
		    "the configuration cannot be used; \"spoolhook check\" "
		    "tells why");
	code = check_store(check, conf);
	conf_free(conf);
	return code;
}

static int run(const struct args *args)
{
	struct check check = {
		.args = args,
		.now_ms = now_wall_ms(),
		.problems = BUF_INIT(LINE_MAX_BYTES / 4),
		.rest = BUF_INIT(LINE_MAX_BYTES / 4),
	};
	int code;
	int i;

	for (i = 0; i < MEASURES; i++) {
		check.warning[i] = measures[i].warning;
		check.critical[i] = measures[i].critical;
	}
	code = run_check(&check);
	buf_clear(&check.problems);
	buf_clear(&check.rest);
	return verb_finish(code) == EXIT_IO ? HEALTH_UNKNOWN : code;
}

const struct verb verb_health = {
	.name = "health",
	.group = "Service",
	.operands = "",
	.summary = "a check for Nagios, Icinga and the like",
	.options = options,
	.run = run,
};
