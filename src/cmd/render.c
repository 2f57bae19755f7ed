/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * cmd/render: the request that an event would become, for each endpoint of a
 * webhook, from the same code that builds it for sending; what the HTTP library
 * adds is told as well. Values of configured headers are masked, and so are a
 * URL's user and query. Sends nothing and stores nothing.
 */
#include "base/jot.h"
#include "base/mem.h"
#include "base/say.h"
#include "base/text.h"
#include "cmd/curl.h"
#include "cmd/trial.h"
#include "model/conf_show.h"
#include "model/explain.h"
#include "model/mask.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

static const struct verb_option options[] = {
	{ .name = "endpoint",
	    .argument = "ID",
	    .help = "only this endpoint of the webhook" },
	{ .name = "curl", .help = "print a curl command, for sh" },
	{ .name = "body", .help = "print the body and nothing else" },
	{ .name = NULL },
};

enum { LINE_MAX_BYTES = 64 * 1024 };

struct rendering {
	const struct trial *trial;
	const struct endpoint *endpoint;
	const struct request *request;
	bool first; /* nothing was printed yet */
};

/* "***", "<file:NAME>", or the value of a header that is ours. */
static void show_value(
    const struct rendering *r, const struct header *header, struct buf *out)
{
	if (header->origin)
		conf_show_origin(out, header->origin);
	else if (trial_is_configured(r->trial, r->endpoint, header->name))
		buf_puts(out, mask_text);
	else
		text_visible(out, header->value, strlen(header->value));
}

/* The library makes a header of the URL's user, unless there is one. */
static bool has_user(const struct rendering *r)
{
	const char *host = strstr(r->endpoint->url, "://");

	return host &&
	    !trial_is_configured(r->trial, r->endpoint, "Authorization") &&
	    memchr(host + 3, '@', strcspn(host + 3, "/?#"));
}

/* ---- for people -------------------------------------------------------- */

static void print_headers(const struct rendering *r)
{
	auto_buf struct buf host = BUF_INIT(LINE_MAX_BYTES);
	size_t i;

	if (*r->endpoint->url)
		mask_url_host(&host, r->endpoint->url);
	printf("Host: %s\n", host.len ? buf_text(&host) : mask_text);
	if (has_user(r))
		printf("Authorization: %s\n", mask_text);
	puts("Accept: */*");
	for (i = 0; i < r->request->header_count; i++) {
		const struct header *header = &r->request->headers[i];
		auto_buf struct buf value = BUF_INIT(LINE_MAX_BYTES);

		show_value(r, header, &value);
		printf("%s: %s\n", header->name, buf_text(&value));
	}
	printf("Content-Length: %zu\n", r->request->body_len);
}

static void print_body(const struct request *request)
{
	verb_print_lines(request->body, request->body_len);
	if (!request->body_len || request->body[request->body_len - 1] != '\n')
		putchar('\n');
}

static void print_request(const struct rendering *r)
{
	const struct args *args = r->trial->args;
	auto_buf struct buf url = BUF_INIT(LINE_MAX_BYTES);

	if (!r->first)
		putchar('\n');
	trial_show_url(&url, r->endpoint);
	printf("%s# webhook %s, endpoint %s%s\n", verb_paint(args, PAINT_DIM),
	    r->trial->webhook->id, r->endpoint->id,
	    verb_paint(args, PAINT_OFF));
	printf("%s%s %s HTTP/1.1%s\n", verb_paint(args, PAINT_BOLD),
	    r->request->method, buf_text(&url), verb_paint(args, PAINT_OFF));
	print_headers(r);
	putchar('\n');
	print_body(r->request);
}

/* ---- for programs ------------------------------------------------------ */

static void print_json(const struct rendering *r)
{
	const struct request *request = r->request;
	auto_buf struct buf out = BUF_INIT(SIZE_MAX / 8);
	auto_buf struct buf url = BUF_INIT(LINE_MAX_BYTES);
	size_t i;

	trial_show_url(&url, r->endpoint);
	jot_open(&out, NULL, '{');
	jot_str(&out, "webhook", r->trial->webhook->id);
	jot_str(&out, "endpoint", r->endpoint->id);
	jot_str(&out, "method", request->method);
	jot_str(&out, "url", buf_text(&url));
	jot_open(&out, "headers", '{');
	for (i = 0; i < request->header_count; i++) {
		auto_buf struct buf value = BUF_INIT(LINE_MAX_BYTES);

		show_value(r, &request->headers[i], &value);
		jot_str(&out, request->headers[i].name, buf_text(&value));
	}
	jot_close(&out, '}');
	jot_int(&out, "timeout_ms", request->timeout_ms);
	jot_int(&out, "connect_timeout_ms", request->connect_timeout_ms);
	jot_bytes(&out, "body", request->body, request->body_len);
	jot_close(&out, '}');
	puts(buf_text(&out));
}

static void print_curl(const struct rendering *r)
{
	auto_buf struct buf out = BUF_INIT(SIZE_MAX / 8);

	if (!r->first)
		putchar('\n');
	curl_command(&out, r->trial, r->endpoint, r->request);
	fputs(buf_text(&out), stdout);
}

/* ---- what to render ---------------------------------------------------- */

static void render(struct rendering *r)
{
	const struct args *args = r->trial->args;

	if (args->common.json)
		print_json(r);
	else if (args_has(args, "curl"))
		print_curl(r);
	else if (args_has(args, "body"))
		print_body(r->request);
	else
		print_request(r);
	r->first = false;
}

/* A preview of what will not happen misleads. */
static void warn_unless_taken(
    const struct trial *trial, const struct event *event)
{
	struct explanation explanation;

	explain_webhook(&explanation, trial->webhook, event);
	if (explanation.answer != EXPLAIN_TAKES && !trial->args->common.quiet)
		say_warning("webhook %s does not take this event (%s); "
			    "\"spoolhook route\" tells more",
		    trial->webhook->id, explain_word(explanation.answer));
	explain_clear(&explanation);
}

static void render_event(const struct trial *trial,
    const struct event_item *item, struct rendering *r)
{
	const struct endpoint *endpoint = NULL;

	warn_unless_taken(trial, &item->event);
	while ((endpoint = trial_next(trial, endpoint))) {
		struct request request;

		trial_request(trial, endpoint, item, &request);
		r->endpoint = endpoint;
		r->request = &request;
		render(r);
		request_clear(&request);
	}
}

static int render_file(const struct args *args, const struct conf *conf)
{
	struct trial trial;
	struct rendering r = { .trial = &trial, .first = true };
	struct event_list list;
	int code = trial_open(&trial, args, conf);
	size_t i;

	if (code != EXIT_OK)
		return code;
	code = events_load(&list, conf, args->operands[1]);
	for (i = 0; i < list.count; i++)
		render_event(&trial, &list.items[i], &r);
	events_clear(&list);
	return code;
}

static int run(const struct args *args)
{
	static const char *const forms[] = { "curl", "json", "body", NULL };
	auto_conf struct conf *conf = NULL;
	int code = verb_one_of(args, forms);

	if (code != EXIT_OK)
		return code;
	if (args->operand_count != 2)
		return verb_usage(args,
		    "name a webhook and a file with an event; \"spoolhook "
		    "sample | spoolhook render WEBHOOK -\" tries one");
	conf = verb_conf(args, &code);
	if (!conf)
		return code;
	return verb_finish(render_file(args, conf));
}

const struct verb verb_render = {
	.name = "render",
	.group = "Configuration",
	.operands = "WEBHOOK FILE|-",
	.summary = "show the request that an event would become",
	.options = options,
	.run = run,
};
