/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * cmd/send: one real try, now, for each endpoint of a webhook: the "test"
 * button. The request is the daemon's own, and so is the client that carries
 * it; but nothing is queued, logged, retried or counted, and neither order nor
 * breaker hear of it. Works for a disabled webhook, too: that is when people
 * try it.
 */
#include "base/jot.h"
#include "base/mem.h"
#include "base/say.h"
#include "base/text.h"
#include "cmd/samples.h"
#include "cmd/trial.h"
#include "flow/oneshot.h"
#include "model/mask.h"
#include "model/trigger.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

static const struct verb_option options[] = {
	{ .name = "endpoint",
	    .argument = "ID",
	    .help = "only to this endpoint of the webhook" },
	{ .name = NULL },
};

enum { LINE_MAX_BYTES = 64 * 1024 };

/* The phases of a call, in their order. */
static const struct {
	const char *name; /* for people */
	const char *key;
	size_t offset;
} phases[] = {
	{ "dns", "dns_ms", offsetof(struct answer, dns_us) },
	{ "connect", "connect_ms", offsetof(struct answer, connect_us) },
	{ "tls", "tls_ms", offsetof(struct answer, tls_us) },
	{ "first byte", "first_byte_ms",
	    offsetof(struct answer, first_byte_us) },
	{ "total", "duration_ms", offsetof(struct answer, duration_us) },
};
enum { PHASES = sizeof(phases) / sizeof(*phases) };

static int64_t phase_us(const struct answer *answer, size_t i)
{
	return *(const int64_t *)(const void *)((const char *)answer +
	    phases[i].offset);
}

/* ---- for people -------------------------------------------------------- */

static void print_phases(const struct answer *answer)
{
	const char *comma = "";
	size_t i;

	fputs("  ", stdout);
	for (i = 0; i < PHASES; i++) {
		int64_t us = phase_us(answer, i);

		if (us < 0)
			continue;
		printf("%s%s %lld.%lld ms", comma, phases[i].name,
		    (long long)us / 1000, (long long)us % 1000 / 100);
		comma = ", ";
	}
	if (*answer->remote)
		printf("; %s", answer->remote);
	putchar('\n');
}

/* Each line of what came back behind a mark, so that it cannot pose as ours. */
static void print_answer(const struct answer *answer)
{
	size_t at = 0;

	while (at < answer->body_len) {
		const char *line = answer->body + at;
		const char *end = memchr(line, '\n', answer->body_len - at);
		size_t len = end ? (size_t)(end - line) : answer->body_len - at;

		fputs("  | ", stdout);
		verb_print_visible(line, len);
		putchar('\n');
		at += len + 1;
	}
	if (answer->bytes_in > (int64_t)answer->body_len)
		printf(
		    "  | … (%lld bytes in all)\n", (long long)answer->bytes_in);
}

static void print_outcome(const struct trial *trial,
    const struct endpoint *endpoint, const struct answer *answer)
{
	bool good = answer_delivered(answer);
	auto_buf struct buf url = BUF_INIT(LINE_MAX_BYTES);

	trial_show_url(&url, endpoint);
	printf("%s/%s  %s %s\n  %s", trial->webhook->id, endpoint->id,
	    endpoint->method, buf_text(&url),
	    verb_paint(trial->args, good ? PAINT_GREEN : PAINT_RED));
	if (answer->status)
		printf("HTTP %d", answer->status);
	else
		fputs(fault_word(answer->fault), stdout);
	fputs(verb_paint(trial->args, PAINT_OFF), stdout);
	if (*answer->error) {
		fputs(": ", stdout);
		verb_print_visible(answer->error, strlen(answer->error));
	}
	putchar('\n');
	print_phases(answer);
	print_answer(answer);
}

/* ---- for programs ------------------------------------------------------ */

static void print_json(const struct trial *trial,
    const struct endpoint *endpoint, const struct oneshot *shot)
{
	const struct answer *answer = &shot->answer;
	auto_buf struct buf out = BUF_INIT(SIZE_MAX / 8);
	auto_buf struct buf host = BUF_INIT(LINE_MAX_BYTES);
	size_t i;

	mask_url_host(&host, endpoint->url);
	jot_open(&out, NULL, '{');
	jot_str(&out, "webhook", trial->webhook->id);
	jot_str(&out, "endpoint", endpoint->id);
	jot_str(&out, "method", endpoint->method);
	jot_str(&out, "url_host", buf_text(&host));
	jot_bool(&out, "delivered", answer_delivered(answer));
	jot_int(&out, "status", answer->status);
	jot_str(&out, "error_code",
	    *fault_word(answer->fault) ? fault_word(answer->fault) : NULL);
	jot_str(&out, "error", *answer->error ? answer->error : NULL);
	for (i = 0; i < PHASES; i++) {
		int64_t us = phase_us(answer, i);

		if (us >= 0)
			jot_int(&out, phases[i].key, us / 1000);
		else
			jot_null(&out, phases[i].key);
	}
	jot_int(&out, "bytes_out", answer->bytes_out);
	jot_int(&out, "bytes_in", answer->bytes_in);
	jot_str(&out, "remote", answer->remote);
	jot_bytes(&out, "answer", answer->body, answer->body_len);
	jot_close(&out, '}');
	puts(buf_text(&out));
}

/* ---- sending ----------------------------------------------------------- */

static int send_to(const struct trial *trial, const struct endpoint *endpoint,
    const struct event_item *item)
{
	struct oneshot shot = { .answer = { 0 } };
	struct why why = { "" };
	int code = EXIT_OK;

	trial_request(trial, endpoint, item, &shot.request);
	if (oneshot_run(trial->conf, &shot, 1, &why) < 0) {
		say_error("%s", why.text);
		code = EXIT_IO;
	} else if (trial->args->common.json) {
		print_json(trial, endpoint, &shot);
	} else if (!trial->args->common.quiet) {
		print_outcome(trial, endpoint, &shot.answer);
	}
	if (code == EXIT_OK && !answer_delivered(&shot.answer))
		code = EXIT_NO;
	request_clear(&shot.request);
	/* People watch: what is known is shown before the next call. */
	fflush(stdout);
	return code;
}

/* Of the first trigger that there is a sample for. */
static char *sample_for(const struct webhook *webhook)
{
	char **trigger;

	for (trigger = webhook->triggers; *trigger; trigger++) {
		char *sample = sample_make(*trigger);

		if (sample)
			return sample;
	}
	return sample_make(trigger_known[0]);
}

static int load(const struct trial *trial, struct event_list *list)
{
	const struct args *args = trial->args;
	int code;

	if (args->operand_count == 1)
		return events_take(list, trial->conf, "the sample",
		    sample_for(trial->webhook));
	code = events_load(list, trial->conf, args->operands[1]);
	if (code != EXIT_OK || list->count == 1)
		return code;
	code = verb_usage(args,
	    "one event at a time, the file holds %zu; \"spoolhook submit\" "
	    "takes many",
	    list->count);
	events_clear(list);
	return code;
}

static int send_all(const struct args *args, const struct conf *conf)
{
	const struct endpoint *endpoint = NULL;
	struct event_list list = { .count = 0 };
	struct trial trial;
	int worst = EXIT_OK;
	int code = trial_open(&trial, args, conf);

	if (code == EXIT_OK)
		code = load(&trial, &list);
	if (code != EXIT_OK)
		return code;
	while ((endpoint = trial_next(&trial, endpoint))) {
		code = send_to(&trial, endpoint, &list.items[0]);
		worst = code > worst ? code : worst;
	}
	events_clear(&list);
	return worst;
}

static int run(const struct args *args)
{
	auto_conf struct conf *conf = NULL;
	int code;

	if (!args->operand_count || args->operand_count > 2)
		return verb_usage(
		    args, "name a webhook, and perhaps a file with an event");
	conf = verb_conf(args, &code);
	if (!conf)
		return code;
	return verb_finish(send_all(args, conf));
}

const struct verb verb_send = {
	.name = "send",
	.group = "Configuration",
	.operands = "WEBHOOK [FILE|-]",
	.summary = "try a webhook now, outside the queue",
	.options = options,
	.run = run,
};
