/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * model/suite_judge: compares what a case expects with what would be sent. It
 * says all that differs, each with both sides. A secret's value is neither
 * compared nor told. Pure.
 */
#include "model/suite.h"

#include "base/jot.h"
#include "base/mem.h"
#include "base/text.h"
#include "model/mask.h"
#include "model/path.h"
#include "model/relation.h"

#include <string.h>
#include <strings.h>

enum { SHOWN_MAX = 1024, POINTER_MAX = 4096, SIDE_MAX = 200 };

static const char nothing[] = "nothing";

/* ---- both sides, for people -------------------------------------------- */

/* A value as JSON, cut to fit. */
static void show(struct buf *out, const json_t *value)
{
	char *text;
	size_t len;

	if (!value) {
		buf_puts(out, nothing);
		return;
	}
	text = json_dumps(
	    value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(15));
	if (!text)
		mem_exhausted();
	len = strlen(text);
	if (len <= SIDE_MAX) {
		text_visible(out, text, len);
	} else {
		for (len = SIDE_MAX; (text[len] & 0xc0) == 0x80;)
			len--;
		text_visible(out, text, len);
		buf_puts(out, "\xe2\x80\xa6");
	}
	free(text);
}

static void tell(const struct suite_faults *faults, const char *pointer,
    const char *what, const json_t *wanted, const char *got)
{
	auto_buf struct buf left = BUF_INIT(SHOWN_MAX);
	auto_buf struct buf shown = BUF_INIT(SHOWN_MAX);

	text_visible(&shown, what, strnlen(what, SIDE_MAX));
	show(&left, wanted);
	faults->add(
	    faults->arg, pointer, buf_text(&shown), buf_text(&left), got);
}

static void tell_value(const struct suite_faults *faults, const char *pointer,
    const char *what, const json_t *wanted, const json_t *got)
{
	auto_buf struct buf right = BUF_INIT(SHOWN_MAX);

	show(&right, got);
	tell(faults, pointer, what, wanted, buf_text(&right));
}

static json_t *expectation(const json_t *test, const char *key)
{
	return json_object_get(json_object_get(test, "expect"), key);
}

/* ---- the event --------------------------------------------------------- */

static char *pointer_to(const char *above, const char *token)
{
	struct buf out = BUF_INIT(POINTER_MAX);

	buf_puts(&out, above);
	map_pointer_add(&out, token);
	return buf_steal(&out);
}

bool suite_change(const json_t *test, json_t *event, char **pointer)
{
	const char *text;
	json_t *value;

	json_object_foreach(json_object_get(test, "set"), text, value)
	{
		struct path *path = path_parse(text, NULL);
		bool set = path && path_set(path, event, json_deep_copy(value));

		path_free(path);
		if (set)
			continue;
		*pointer = pointer_to("/set", text);
		return false;
	}
	return true;
}

/* ---- webhooks, match and endpoints ----------------------------------------------- */

static json_t *ids_of(const struct webhook *webhook, bool matches)
{
	json_t *list = json_array();
	size_t i;

	for (i = 0; matches && i < webhook->endpoint_count; i++) {
		if (json_array_append_new(
			list, json_string(webhook->endpoints[i].id)) < 0)
			mem_exhausted();
	}
	return list;
}

static bool holds(const json_t *list, const json_t *value)
{
	size_t i;

	for (i = 0; i < json_array_size(list); i++) {
		if (json_equal(json_array_get(list, i), value))
			return true;
	}
	return false;
}

/* In any order. */
static bool same_members(const json_t *a, const json_t *b)
{
	size_t i;

	if (json_array_size(a) != json_array_size(b))
		return false;
	for (i = 0; i < json_array_size(a); i++) {
		if (!holds(b, json_array_get(a, i)))
			return false;
	}
	return true;
}

const json_t *suite_webhooks(const json_t *test)
{
	return expectation(test, "webhooks");
}

bool suite_is_about_one(const json_t *test)
{
	const json_t *expect = json_object_get(test, "expect");
	size_t others = json_object_size(expect);

	if (json_object_get(expect, "webhooks"))
		others--;
	return others > 0 || json_object_get(test, "endpoint");
}

bool suite_judge_webhooks(
    const json_t *test, const json_t *takers, const struct suite_faults *faults)
{
	const json_t *wanted = suite_webhooks(test);

	if (!wanted || same_members(wanted, takers))
		return true;
	tell_value(faults, "/expect/webhooks", "webhooks", wanted, takers);
	return false;
}

bool suite_match(const json_t *test)
{
	return !json_is_false(expectation(test, "match"));
}

void suite_judge_match(const json_t *test, const struct webhook *webhook,
    bool matches, const struct suite_faults *faults)
{
	const json_t *match = expectation(test, "match");
	const json_t *endpoints = expectation(test, "endpoints");
	json_auto_t *ids = ids_of(webhook, matches);
	bool wanted = suite_match(test);

	if (wanted != matches)
		tell(faults, match ? "/expect/match" : "/expect", "match",
		    wanted ? json_true() : json_false(),
		    matches ? "true" : "false");
	else if (endpoints && !same_members(endpoints, ids))
		tell_value(
		    faults, "/expect/endpoints", "endpoints", endpoints, ids);
}

/* ---- a request --------------------------------------------------------- */

static const struct header *find(
    const struct request *request, const char *name)
{
	size_t i;

	for (i = 0; i < request->header_count; i++) {
		if (strcasecmp(request->headers[i].name, name) == 0)
			return &request->headers[i];
	}
	return NULL;
}

static bool header_fits(const json_t *wanted, const struct header *header)
{
	if (json_is_boolean(wanted))
		return json_is_true(wanted) == (header != NULL);
	return header && !header->secret &&
	    strcmp(header->value, json_string_value(wanted)) == 0;
}

static void show_header(struct buf *out, const struct header *header)
{
	auto_buf struct buf quoted = BUF_INIT(SHOWN_MAX);

	if (!header) {
		buf_puts(out, nothing);
		return;
	}
	if (header->secret) {
		buf_printf(out, "a secret (%s); expect true", mask_text);
		return;
	}
	/* What the configuration sets is for its readers only. */
	if (!request_header_reserved(header->name)) {
		buf_printf(out, "another value (%s)", mask_text);
		return;
	}
	jot_bytes(
	    &quoted, NULL, header->value, strnlen(header->value, SIDE_MAX));
	text_visible(out, buf_text(&quoted), quoted.len);
}

static void judge_headers(const json_t *test, const struct request *request,
    const struct suite_faults *faults)
{
	const char *name;
	json_t *wanted;

	json_object_foreach(expectation(test, "headers"), name, wanted)
	{
		const struct header *header = find(request, name);
		auto_free char *pointer = NULL;
		auto_free char *what = NULL;
		auto_buf struct buf got = BUF_INIT(SHOWN_MAX);

		if (header_fits(wanted, header))
			continue;
		pointer = pointer_to("/expect/headers", name);
		what = mem_printf("headers.%s", name);
		show_header(&got, header);
		tell(faults, pointer, what, wanted, buf_text(&got));
	}
}

static bool fits(void *wanted, const json_t *value)
{
	const json_t *const *want = wanted;

	if (operand_is_scalar(*want))
		return scalar_equal(*want, value);
	return json_equal(*want, value);
}

static void judge_member(const json_t *body, const char *text,
    const json_t *wanted, const struct suite_faults *faults)
{
	struct path *path = path_parse(text, NULL);
	auto_free char *pointer = NULL;
	auto_free char *what = NULL;

	if (!path_walk(path, body, fits, &wanted)) {
		pointer = pointer_to("/expect/body", text);
		what = mem_printf("body.%s", text);
		tell_value(
		    faults, pointer, what, wanted, path_first(path, body));
	}
	path_free(path);
}

static void judge_body(const json_t *test, const struct request *request,
    const struct suite_faults *faults)
{
	json_t *members = expectation(test, "body");
	json_auto_t *body = NULL;
	const char *text;
	json_t *wanted;

	if (!members)
		return;
	body = json_loadb(request->body, request->body_len,
	    JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	if (!body) {
		tell(faults, "/expect/body", "body", members, "no JSON");
		return;
	}
	json_object_foreach(members, text, wanted)
	    judge_member(body, text, wanted, faults);
}

void suite_judge_request(const json_t *test, const struct request *request,
    const struct suite_faults *faults)
{
	const json_t *method = expectation(test, "method");

	if (method && strcmp(json_string_value(method), request->method) != 0) {
		auto_free char *got = mem_printf("\"%s\"", request->method);

		tell(faults, "/expect/method", "method", method, got);
	}
	judge_headers(test, request, faults);
	judge_body(test, request, faults);
}

const char *suite_endpoint(const json_t *test)
{
	return json_string_value(json_object_get(test, "endpoint"));
}
