/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * cmd/status: what is going on, in one look: the daemon, the queue, each
 * webhook, and what is in the way. Reads the store, so it works with the daemon
 * down.
 */
#include "base/jot.h"
#include "base/mem.h"
#include "base/now.h"
#include "base/say.h"
#include "base/text.h"
#include "cmd/verb.h"
#include "port/spool.h"
#include "port/store.h"

#include <stdio.h>
#include <string.h>

struct overview {
	const struct args *args;
	const struct conf *conf;
	struct store *store;
	int pid;
	int64_t now_ms;
	int64_t events, unmatched, mails;
	int64_t by_state[STATE_DEAD + 1];
	int64_t deferred;
	int64_t oldest_ms;
	struct buf json; /* members of "webhooks" or "troubles" */
	struct buf text; /* the table */
	int64_t troubles;
};

static const char *state_of(
    const struct conf *conf, const char *id, const struct webhook **webhook)
{
	*webhook = conf_webhook(conf, id);
	if (!*webhook)
		return "not configured";
	return (*webhook)->enabled ? "enabled" : "disabled";
}

static void jot_counts(
    struct buf *json, const struct webhook_counts *c, const char *state)
{
	jot_open(json, NULL, '{');
	jot_str(json, "webhook", c->webhook);
	jot_str(json, "state", state);
	jot_int(json, "queued",
	    c->by_state[STATE_CHAINED] + c->by_state[STATE_WAITING] -
		c->deferred);
	jot_int(json, "deferred", c->deferred);
	jot_int(json, "active", c->by_state[STATE_ACTIVE]);
	jot_int(json, "held", c->by_state[STATE_HELD]);
	jot_int(json, "delivered", c->by_state[STATE_DELIVERED]);
	jot_int(json, "dead", c->by_state[STATE_DEAD]);
	jot_time(json, "oldest", c->oldest_ms);
	jot_time(json, "last_success", c->last_success_ms);
	jot_time(json, "last_failure", c->last_failure_ms);
	if (c->last_status)
		jot_int(json, "last_status", c->last_status);
	else
		jot_null(json, "last_status");
	jot_str(json, "last_code",
	    c->last_code && *c->last_code ? c->last_code : NULL);
	jot_close(json, '}');
}

static const char *ago(const struct overview *o, int64_t ms, char out[48])
{
	char span[TEXT_DURATION_SIZE];

	if (ms < 0)
		return "never";
	snprintf(out, 48, "%s ago", text_short_duration(span, o->now_ms - ms));
	return out;
}

static void print_counts(
    struct overview *o, const struct webhook_counts *c, const char *state)
{
	char success[48];
	char failure[48];

	buf_printf(&o->text, "  %-20s %-9s %7lld %8lld %9lld %6lld  %-12s ",
	    c->webhook, state,
	    (long long)(c->by_state[STATE_CHAINED] +
		c->by_state[STATE_WAITING] + c->by_state[STATE_ACTIVE] +
		c->by_state[STATE_HELD] - c->deferred),
	    (long long)c->deferred, (long long)c->by_state[STATE_DELIVERED],
	    (long long)c->by_state[STATE_DEAD],
	    ago(o, c->last_success_ms, success));
	if (c->last_failure_ms < 0)
		buf_puts(&o->text, "-");
	else if (c->last_status)
		buf_printf(&o->text, "HTTP %d, %s", c->last_status,
		    ago(o, c->last_failure_ms, failure));
	else
		buf_printf(&o->text, "%s, %s", c->last_code ? c->last_code : "",
		    ago(o, c->last_failure_ms, failure));
	buf_putc(&o->text, '\n');
}

static int add_webhook(void *arg, const struct webhook_counts *counts)
{
	struct overview *o = arg;
	const struct webhook *webhook;
	const char *state = state_of(o->conf, counts->webhook, &webhook);
	size_t i;

	for (i = 0; i <= STATE_DEAD; i++)
		o->by_state[i] += counts->by_state[i];
	o->deferred += counts->deferred;
	if (counts->oldest_ms >= 0 &&
	    (o->oldest_ms < 0 || counts->oldest_ms < o->oldest_ms))
		o->oldest_ms = counts->oldest_ms;
	if (o->args->common.json)
		jot_counts(&o->json, counts, state);
	else
		print_counts(o, counts, state);
	return 0;
}

static int add_trouble(
    void *arg, const char *name, const char *value, int64_t ms)
{
	struct overview *o = arg;

	o->troubles++;
	if (o->args->common.json) {
		jot_open(&o->json, NULL, '{');
		jot_str(&o->json, "what", strchr(name, '/') + 1);
		jot_str(&o->json, "message", value);
		jot_time(&o->json, "since", ms);
		jot_close(&o->json, '}');
		return 0;
	}
	buf_puts(&o->text, "  ");
	text_visible(&o->text, value, strlen(value));
	buf_putc(&o->text, '\n');
	return 0;
}

static int print_json(struct overview *o, struct why *why)
{
	int64_t queued;

	jot_open(&o->json, NULL, '{');
	jot_open(&o->json, "webhooks", '[');
	if (store_counts(o->store, add_webhook, o, why) < 0)
		return -1;
	jot_close(&o->json, ']');
	jot_open(&o->json, "troubles", '[');
	if (store_notes(o->store, "trouble/", add_trouble, o, why) < 0)
		return -1;
	jot_close(&o->json, ']');
	queued = o->by_state[STATE_CHAINED] + o->by_state[STATE_WAITING] -
	    o->deferred;
	jot_bool(&o->json, "running", o->pid != 0);
	if (o->pid > 0)
		jot_int(&o->json, "pid", o->pid);
	else
		jot_null(&o->json, "pid");
	jot_str(&o->json, "spool", o->conf->spool_dir);
	jot_int(&o->json, "events", o->events);
	jot_int(&o->json, "unmatched", o->unmatched);
	jot_int(&o->json, "queued", queued);
	jot_int(&o->json, "deferred", o->deferred);
	jot_int(&o->json, "active", o->by_state[STATE_ACTIVE]);
	jot_int(&o->json, "held", o->by_state[STATE_HELD]);
	jot_int(&o->json, "delivered", o->by_state[STATE_DELIVERED]);
	jot_int(&o->json, "dead", o->by_state[STATE_DEAD]);
	jot_time(&o->json, "oldest", o->oldest_ms);
	jot_int(&o->json, "mails_waiting", o->mails);
	jot_close(&o->json, '}');
	puts(buf_text(&o->json));
	return 0;
}

static void print_head(const struct overview *o)
{
	char age[48];

	if (o->pid)
		printf("spoolhook is %srunning%s, pid %d\n",
		    verb_paint(o->args, PAINT_GREEN),
		    verb_paint(o->args, PAINT_OFF), o->pid);
	else
		printf("spoolhook is %snot running%s (start it with "
		       "\"spoolhook run\")\n",
		    verb_paint(o->args, PAINT_RED),
		    verb_paint(o->args, PAINT_OFF));
	printf("spool          %s, drop box %s\n", o->conf->spool_dir,
	    o->conf->inputs[0].dir);
	printf("queue          %lld queued, %lld deferred, %lld active, %lld "
	       "held",
	    (long long)(o->by_state[STATE_CHAINED] +
		o->by_state[STATE_WAITING] - o->deferred),
	    (long long)o->deferred, (long long)o->by_state[STATE_ACTIVE],
	    (long long)o->by_state[STATE_HELD]);
	if (o->oldest_ms >= 0)
		printf("; oldest accepted %s", ago(o, o->oldest_ms, age));
	printf("\nkept           %lld events (%lld unmatched), %lld delivered, "
	       "%lld dead\n",
	    (long long)o->events, (long long)o->unmatched,
	    (long long)o->by_state[STATE_DELIVERED],
	    (long long)o->by_state[STATE_DEAD]);
	if (o->mails)
		printf("mail           %lld waiting to be sent\n",
		    (long long)o->mails);
}

static int print_text(struct overview *o, struct why *why)
{
	struct buf webhooks;

	if (store_counts(o->store, add_webhook, o, why) < 0)
		return -1;
	webhooks = o->text;
	o->text = (struct buf)BUF_INIT(SIZE_MAX / 8);
	if (store_notes(o->store, "trouble/", add_trouble, o, why) < 0) {
		buf_clear(&webhooks);
		return -1;
	}
	print_head(o);
	if (webhooks.len)
		printf("\n%s  %-20s %-9s %7s %8s %9s %6s  %-12s %s%s\n%s",
		    verb_paint(o->args, PAINT_BOLD), "WEBHOOK", "STATE",
		    "QUEUED", "DEFERRED", "DELIVERED", "DEAD", "LAST SUCCESS",
		    "LAST FAILURE", verb_paint(o->args, PAINT_OFF),
		    webhooks.data);
	if (o->troubles)
		printf("\n%sIn the way%s\n%s",
		    verb_paint(o->args, PAINT_YELLOW),
		    verb_paint(o->args, PAINT_OFF), buf_text(&o->text));
	buf_clear(&webhooks);
	return 0;
}

static int holder(const struct conf *conf)
{
	struct spool spool;
	int pid;

	if (spool_open(&spool, conf->spool_dir, false, NULL) < 0)
		return 0;
	pid = (int)spool_holder(&spool);
	spool_close(&spool);
	return pid;
}

static int status(struct overview *o)
{
	struct why why;
	int code = EXIT_OK;

	o->store = verb_store(o->args, o->conf, false, &code);
	if (!o->store)
		return code;
	if (store_totals(o->store, &o->events, &o->unmatched, &o->mails, &why) <
		0 ||
	    (o->args->common.json ? print_json(o, &why) : print_text(o, &why)) <
		0) {
		say_error("%s", why.text);
		code = EXIT_IO;
	}
	store_close(o->store);
	return verb_finish(code);
}

static int run(const struct args *args)
{
	struct overview o = {
		.args = args,
		.oldest_ms = -1,
		.json = BUF_INIT(SIZE_MAX / 8),
		.text = BUF_INIT(SIZE_MAX / 8),
	};
	struct conf *conf;
	int code;

	if (args->operand_count)
		return verb_usage(
		    args, "unexpected argument \"%s\"", args->operands[0]);
	conf = verb_conf(args, &code);
	if (!conf)
		return code;
	o.conf = conf;
	o.now_ms = now_wall_ms();
	o.pid = holder(conf);
	code = status(&o);
	buf_clear(&o.json);
	buf_clear(&o.text);
	conf_free(conf);
	return code;
}

const struct verb verb_status = {
	.name = "status",
	.group = "Service",
	.operands = "",
	.summary = "tell what is going on",
	.run = run,
};
