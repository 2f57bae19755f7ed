/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * model/conf_webhook: the table of a webhook's keys, which is also the table
 * of "defaults". A webhook begins as a copy of the defaults and its own file
 * is read over it: values are replaced whole, "retry" and "breaker" key by
 * key, headers name by name. Pure; nothing to lose when we die.
 */
#include "base/mem.h"
#include "base/text.h"
#include "model/conf_check.h"
#include "model/conf_part.h"
#include "model/trigger.h"

#include <stdlib.h>
#include <string.h>

enum {
	MS = 1,
	SECOND = 1000,
	MINUTE = 60 * SECOND,
	HOUR = 60 * MINUTE,
};
#define DAY (24 * (int64_t)HOUR)
/* What text_duration can read at all. */
#define TEN_YEARS (3650 * DAY)

enum {
	TIMEOUT_DEFAULT_MS = 15 * SECOND,
	CONNECT_TIMEOUT_DEFAULT_MS = 5 * SECOND,
	CONCURRENCY_DEFAULT = 8,
	BREAKER_FAILURES_DEFAULT = 10,
	BREAKER_REST_DEFAULT_MS = 5 * MINUTE,
};

enum {
	CONCURRENCY_MAX = 256,
	NAME_BYTES_MAX = 200,
	DESCRIPTION_BYTES_MAX = 4096,
	TRIGGERS_MAX = 256,
	ADDRESSES_MAX = 64,
	RETRIES_MAX = 100,
	FAILURES_MAX = 1000,
};

/* ---- retry ------------------------------------------------------------- */

static void read_delays(
    struct reader *r, const struct key *key, json_t *json, void *field)
{
	static const struct key delay = { .max = TEN_YEARS };
	struct retry_policy *retry = field;
	int count = read_count(r, json, 1, RETRY_DELAYS_MAX, "durations");
	int i;

	(void)key;
	if (count < 0)
		return;
	for (i = 0; i < count; i++) {
		size_t mark = reader_enter_index(r, (size_t)i);

		read_duration(r, &delay, json_array_get(json, (size_t)i),
		    &retry->delays_ms[i]);
		reader_leave(r, mark);
	}
	retry->delay_count = count;
}

static void read_never(
    struct reader *r, const struct key *key, json_t *json, void *field)
{
	static const struct key status = { .min = 100, .max = 599 };
	struct retry_policy *retry = field;
	int count = read_count(r, json, 0, RETRY_NEVER_MAX, "HTTP statuses");
	int i;

	(void)key;
	if (count < 0)
		return;
	for (i = 0; i < count; i++) {
		size_t mark = reader_enter_index(r, (size_t)i);

		retry->never[i] = 0;
		read_int(r, &status, json_array_get(json, (size_t)i),
		    &retry->never[i]);
		if (retry->never[i] / 100 == 2)
			reader_warn(r, "no-effect", NULL,
			    "is a success and never retried anyway");
		reader_leave(r, mark);
	}
	retry->never_count = count;
}

static const struct key retry_keys[] = {
	KEY("max_retries", read_int,
	    .offset = offsetof(struct retry_policy, max_retries), .min = 0,
	    .max = RETRIES_MAX),
	KEY("delays", read_delays),
	KEY("jitter", read_share,
	    .offset = offsetof(struct retry_policy, jitter)),
	KEY("never", read_never),
	KEY("retry_after_max", read_duration,
	    .offset = offsetof(struct retry_policy, retry_after_max_ms),
	    .min = 0, .max = TEN_YEARS),
	KEY("give_up_after", read_duration,
	    .offset = offsetof(struct retry_policy, give_up_after_ms),
	    .min = MS, .max = TEN_YEARS),
	KEY_END,
};

static const struct key breaker_keys[] = {
	KEY("failures", read_int,
	    .offset = offsetof(struct breaker_policy, failures), .min = 0,
	    .max = FAILURES_MAX),
	KEY("rest", read_duration,
	    .offset = offsetof(struct breaker_policy, rest_ms), .min = MS,
	    .max = DAY),
	KEY_END,
};

/* ---- a webhook's own keys ---------------------------------------------- */

static void say_filter(void *arg, const char *pointer, const char *code,
    const char *message, const char *help)
{
	struct reader *r = arg;
	size_t mark = r->pointer.len;

	buf_puts(&r->pointer, pointer);
	source_say(r->source, SEVERITY_ERROR, SOURCE_VALUE,
	    buf_text(&r->pointer), code, message, help);
	reader_leave(r, mark);
}

static void read_filter(
    struct reader *r, const struct key *key, json_t *json, void *field)
{
	struct filter_faults faults = { .arg = r, .add = say_filter };
	struct webhook *webhook = field;

	(void)key;
	filter_free(webhook->filter);
	webhook->filter = filter_compile(json, &faults);
}

static bool is_known_trigger(const char *trigger)
{
	size_t i;

	for (i = 0; trigger_known[i]; i++) {
		if (trigger_equal(trigger, trigger_known[i]))
			return true;
	}
	return strcmp(trigger, "*") == 0;
}

/* Types are an open set, so what only looks mistyped is a warning. */
static void doubt_triggers(struct reader *r, json_t *json)
{
	size_t i;

	for (i = 0; i < json_array_size(json); i++) {
		const char *trigger =
		    json_string_value(json_array_get(json, (size_t)i));
		auto_free char *help = NULL;
		const char *near;
		size_t mark;

		if (!trigger || is_known_trigger(trigger))
			continue;
		near = text_nearest(trigger, trigger_known);
		if (!near)
			continue;
		help = mem_printf("did you mean \"%s\"?", near);
		mark = reader_enter_index(r, i);
		reader_warn(r, "unknown-trigger", help,
		    "is no event type that is known");
		reader_leave(r, mark);
	}
}

static void read_triggers(
    struct reader *r, const struct key *key, json_t *json, void *field)
{
	struct webhook *webhook = field;

	read_list(r, key, json, &webhook->triggers);
	if (json_is_array(json) && json_array_size(json) <= TRIGGERS_MAX)
		doubt_triggers(r, json);
}

static void read_headers(
    struct reader *r, const struct key *key, json_t *json, void *field)
{
	struct webhook *webhook = field;

	(void)key;
	headers_read(r, json, &webhook->headers, &webhook->header_count);
	if (webhook->header_count > CONF_HEADERS_MAX)
		reader_say(r, "out-of-range", NULL,
		    "and the headers of \"defaults\" are more than %d",
		    CONF_HEADERS_MAX);
}

static void read_order(
    struct reader *r, const struct key *key, json_t *json, void *field)
{
	static const char *const words[] = { "none", "incident", NULL };
	struct key choice = { .words = words };
	bool *ordered = field;
	int word = *ordered;

	(void)key;
	read_choice(r, &choice, json, &word);
	*ordered = word;
}

static void read_endpoints(
    struct reader *r, const struct key *key, json_t *json, void *field)
{
	struct webhook *webhook = field;

	(void)key;
	if (webhook->id)
		endpoints_read(r, json, webhook);
	else
		reader_say_key(r, "unknown-key",
		    "each webhook names its own, in its own file",
		    "\"defaults\" cannot hold \"endpoints\"");
}

#define FIELD(member) offsetof(struct webhook, member)

/* Of a webhook's file and of "defaults", which has no id. */
static const struct key webhook_keys[] = {
	KEY("name", read_text, .offset = FIELD(name), .max = NAME_BYTES_MAX,
	    .check = check_word),
	KEY("description", read_text, .offset = FIELD(description),
	    .max = DESCRIPTION_BYTES_MAX, .check = check_prose),
	KEY("enabled", read_bool, .offset = FIELD(enabled)),
	KEY("triggers", read_triggers, .min = 1, .max = TRIGGERS_MAX,
	    .check = check_trigger),
	KEY("filter", read_filter),
	KEY("headers", read_headers),
	KEY("timeout", read_duration, .offset = FIELD(timeout_ms),
	    .min = 10 * MS, .max = HOUR),
	KEY("connect_timeout", read_duration,
	    .offset = FIELD(connect_timeout_ms), .min = 10 * MS, .max = HOUR),
	KEY("concurrency", read_int, .offset = FIELD(concurrency), .min = 1,
	    .max = CONCURRENCY_MAX),
	KEY("order", read_order, .offset = FIELD(ordered)),
	KEY("retry", read_object, .offset = FIELD(retry), .keys = retry_keys),
	KEY("breaker", read_object, .offset = FIELD(breaker),
	    .keys = breaker_keys),
	KEY("failure_email", read_list, .offset = FIELD(failure_email),
	    .max = ADDRESSES_MAX, .check = check_address),
	KEY("endpoints", read_endpoints),
	KEY("$schema", read_nothing),
	KEY_END,
};

void webhook_init(struct webhook *webhook)
{
	*webhook = (struct webhook){ .enabled = true,
		.description = mem_strdup(""),
		.timeout_ms = TIMEOUT_DEFAULT_MS,
		.connect_timeout_ms = CONNECT_TIMEOUT_DEFAULT_MS,
		.concurrency = CONCURRENCY_DEFAULT,
		.ordered = true,
		.breaker = {
		    BREAKER_FAILURES_DEFAULT, BREAKER_REST_DEFAULT_MS } };
	webhook->triggers = list_copy(trigger_defaults);
	retry_policy_default(&webhook->retry);
}

void webhook_copy(struct webhook *to, const struct webhook *from)
{
	*to = *from;
	to->id = mem_strdup(from->id);
	to->name = mem_strdup(from->name);
	to->description = mem_strdup(from->description);
	to->triggers = list_copy((const char *const *)from->triggers);
	to->failure_email = list_copy((const char *const *)from->failure_email);
	to->headers = headers_copy(from->headers, from->header_count);
	to->filter = NULL;
	to->endpoints = NULL;
	to->endpoint_count = 0;
}

void webhook_clear(struct webhook *webhook)
{
	size_t i;

	for (i = 0; i < webhook->endpoint_count; i++) {
		struct endpoint *endpoint = &webhook->endpoints[i];

		free(endpoint->id);
		free(endpoint->url);
		json_decref(endpoint->url_origin);
		headers_free(endpoint->headers, endpoint->header_count);
	}
	free(webhook->endpoints);
	headers_free(webhook->headers, webhook->header_count);
	filter_free(webhook->filter);
	list_free(webhook->triggers);
	list_free(webhook->failure_email);
	free(webhook->id);
	free(webhook->name);
	free(webhook->description);
	*webhook = (struct webhook){ 0 };
}

void webhook_read_defaults(
    struct reader *r, json_t *json, struct webhook *webhook)
{
	read_members(r, webhook_keys, json, webhook);
}

void webhook_read(struct reader *r, json_t *json, struct webhook *webhook)
{
	if (!read_members(r, webhook_keys, json, webhook))
		return;
	if (!json_object_get(json, "endpoints"))
		reader_say_missing(r, "endpoints");
}
