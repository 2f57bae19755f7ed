/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * model/conf_show: from a struct conf back to JSON with the keys that people
 * write. It promises to tell every key, so that what is shown is all that
 * applies, and to tell no secret; durations and sizes come as they are read.
 * "Changed" is not remembered from the files but found by comparing with the
 * defaults, so a default that is written out counts as none. Pure.
 */
#include "model/conf_show.h"

#include "base/mem.h"
#include "base/text.h"
#include "model/conf_part.h"
#include "model/mask.h"

#include <string.h>

enum { SHOWN_MAX = 64 * 1024 };

static json_t *sure(json_t *json)
{
	if (!json)
		mem_exhausted();
	return json;
}

static void put(json_t *object, const char *key, json_t *value)
{
	if (json_object_set_new(object, key, sure(value)) < 0)
		mem_exhausted();
}

static void add(json_t *list, json_t *value)
{
	if (json_array_append_new(list, sure(value)) < 0)
		mem_exhausted();
}

static void put_text(json_t *object, const char *key, const char *text)
{
	put(object, key, text ? json_string(text) : json_null());
}

static void put_duration(json_t *object, const char *key, int64_t ms)
{
	char text[TEXT_DURATION_SIZE];

	put_text(object, key, text_exact_duration(text, ms));
}

static void put_size(json_t *object, const char *key, int64_t bytes)
{
	static const char *const units[] = { "", "K", "M", "G", "T" };
	auto_free char *text = NULL;
	size_t unit = 0;

	while (bytes && bytes % 1024 == 0 && unit < 4) {
		bytes /= 1024;
		unit++;
	}
	text = mem_printf("%lld%s", (long long)bytes, units[unit]);
	put_text(object, key, text);
}

static json_t *list_of(char *const *texts)
{
	json_t *list = sure(json_array());

	for (; texts && *texts; texts++)
		add(list, json_string(*texts));
	return list;
}

/* ---- what must not be seen --------------------------------------------- */

void conf_show_origin(struct buf *out, const json_t *origin)
{
	static const char *const kinds[] = { "file", "env", "credential" };
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		const char *name =
		    json_string_value(json_object_get(origin, kinds[i]));

		if (!name)
			continue;
		buf_printf(out, "<%s:", kinds[i]);
		text_visible(out, name, strlen(name));
		buf_putc(out, '>');
		return;
	}
	buf_puts(out, mask_text);
}

static json_t *place(const json_t *origin)
{
	auto_buf struct buf shown = BUF_INIT(SHOWN_MAX);

	conf_show_origin(&shown, origin);
	return json_string(buf_text(&shown));
}

static void put_secret(
    json_t *object, const char *key, const char *value, const json_t *origin)
{
	if (origin)
		put(object, key, place(origin));
	else
		put_text(object, key, value ? mask_text : NULL);
}

static void put_url(
    json_t *object, const char *key, const char *url, const json_t *origin)
{
	auto_buf struct buf shown = BUF_INIT(SHOWN_MAX);

	if (origin) {
		put(object, key, place(origin));
		return;
	}
	if (url)
		mask_url(&shown, url, false);
	put_text(object, key, url ? buf_text(&shown) : NULL);
}

static json_t *headers(const struct header *list, size_t count)
{
	json_t *object = sure(json_object());
	size_t i;

	for (i = 0; i < count; i++)
		put_secret(object, list[i].name, list[i].value, list[i].origin);
	return object;
}

/* ---- webhooks ---------------------------------------------------------- */

static json_t *retry(const struct retry_policy *policy)
{
	json_t *object = sure(json_object());
	json_t *delays = sure(json_array());
	json_t *never = sure(json_array());
	char text[TEXT_DURATION_SIZE];
	int i;

	for (i = 0; i < policy->delay_count; i++)
		add(delays,
		    json_string(
			text_exact_duration(text, policy->delays_ms[i])));
	for (i = 0; i < policy->never_count; i++)
		add(never, json_integer(policy->never[i]));
	put(object, "max_retries", json_integer(policy->max_retries));
	put(object, "delays", delays);
	put(object, "jitter", json_real(policy->jitter));
	put(object, "never", never);
	put_duration(object, "retry_after_max", policy->retry_after_max_ms);
	put_duration(object, "give_up_after", policy->give_up_after_ms);
	return object;
}

static json_t *breaker(const struct breaker_policy *policy)
{
	json_t *object = sure(json_object());

	put(object, "failures", json_integer(policy->failures));
	put_duration(object, "rest", policy->rest_ms);
	return object;
}

static json_t *endpoints(const struct webhook *webhook)
{
	json_t *list = sure(json_array());
	size_t i;

	for (i = 0; i < webhook->endpoint_count; i++) {
		const struct endpoint *endpoint = &webhook->endpoints[i];
		json_t *object = sure(json_object());

		put_text(object, "id", endpoint->id);
		put_url(object, "url", endpoint->url, endpoint->url_origin);
		put_text(object, "method", endpoint->method);
		put(object, "headers",
		    headers(endpoint->headers, endpoint->header_count));
		add(list, object);
	}
	return list;
}

/* Without an id it is what webhooks begin with. */
static json_t *show_webhook(const struct webhook *webhook)
{
	json_t *object = sure(json_object());
	json_t *filter = filter_json(webhook->filter);

	put_text(object, "name", webhook->name);
	put_text(object, "description", webhook->description);
	put(object, "enabled", json_boolean(webhook->enabled));
	put(object, "triggers", list_of(webhook->triggers));
	put(object, "filter", filter ? filter : json_null());
	if (webhook->id)
		put(object, "endpoints", endpoints(webhook));
	put(object, "headers",
	    headers(webhook->headers, webhook->header_count));
	put_duration(object, "timeout", webhook->timeout_ms);
	put_duration(object, "connect_timeout", webhook->connect_timeout_ms);
	put(object, "concurrency", json_integer(webhook->concurrency));
	put_text(object, "order", webhook->ordered ? "incident" : "none");
	put(object, "retry", retry(&webhook->retry));
	put(object, "breaker", breaker(&webhook->breaker));
	put(object, "failure_email",
	    webhook->failure_email ? list_of(webhook->failure_email)
				   : json_null());
	return object;
}

/* ---- settings ---------------------------------------------------------- */

static json_t *spool(const struct conf *conf)
{
	json_t *object = sure(json_object());
	json_t *inputs = sure(json_array());
	size_t i;

	for (i = 0; i < conf->input_count; i++) {
		json_t *input = sure(json_object());

		put_text(input, "dir", conf->inputs[i].dir);
		put(input, "pattern", list_of(conf->inputs[i].patterns));
		add(inputs, input);
	}
	put_text(object, "dir", conf->spool_dir);
	put(object, "inputs", inputs);
	put_duration(object, "settle", conf->settle_ms);
	put_duration(object, "rescan", conf->rescan_ms);
	put_size(object, "max_event_size", conf->max_event_size);
	put_size(object, "min_free", conf->min_free);
	return object;
}

static json_t *retention(const struct retention *kept)
{
	json_t *object = sure(json_object());

	put_duration(object, "delivered", kept->delivered_ms);
	put_duration(object, "dead", kept->dead_ms);
	put_duration(object, "unmatched", kept->unmatched_ms);
	put_duration(object, "rejected", kept->rejected_ms);
	put_size(object, "max_size", kept->max_size);
	return object;
}

static json_t *log_settings(const struct conf *conf)
{
	static const char *const levels[] = { "error", "warning", "info",
		"debug" };
	json_t *object = sure(json_object());

	put_text(object, "file", conf->log_file);
	put_text(object, "level", levels[conf->log_level]);
	return object;
}

static json_t *delivery(const struct conf *conf)
{
	json_t *object = sure(json_object());

	put(object, "max_in_flight", json_integer(conf->max_in_flight));
	put_text(object, "user_agent", conf->user_agent);
	put_text(object, "ca_file", conf->ca_file);
	put_url(object, "proxy", conf->proxy, conf->proxy_origin);
	return object;
}

static json_t *mail(const struct mail_settings *settings)
{
	json_t *object = sure(json_object());
	json_t *auth = json_null();

	if (settings->user) {
		auth = sure(json_object());
		put_text(auth, "user", settings->user);
		put_secret(auth, "password", settings->password,
		    settings->password_origin);
	}
	put_text(object, "server", settings->server);
	put_text(object, "starttls",
	    settings->starttls == STARTTLS_REQUIRED ? "required" : "off");
	put_text(object, "ca_file", settings->ca_file);
	put(object, "auth", auth);
	put_text(object, "from", settings->from);
	put_text(object, "hello", settings->hello);
	put_duration(object, "timeout", settings->timeout_ms);
	put(object, "to", list_of(settings->to));
	return object;
}

static json_t *metrics(const struct conf *conf)
{
	json_t *object = sure(json_object());

	put_text(object, "textfile", conf->metrics_textfile);
	put_duration(object, "interval", conf->metrics_interval_ms);
	return object;
}

static json_t *show_settings(const struct conf *conf)
{
	json_t *object = sure(json_object());

	put(object, "spool", spool(conf));
	put(object, "retention", retention(&conf->retention));
	put(object, "log", log_settings(conf));
	put(object, "delivery", delivery(conf));
	put(object, "mail", mail(&conf->mail));
	put(object, "metrics", metrics(conf));
	put_text(object, "webhooks_dir", conf->webhooks_dir);
	put_text(object, "templates_dir", conf->templates_dir);
	return object;
}

json_t *conf_show(const struct conf *conf)
{
	json_t *object = show_settings(conf);
	json_t *webhooks = sure(json_object());
	size_t i;

	for (i = 0; i < conf->webhook_count; i++)
		put(webhooks, conf->webhooks[i]->id,
		    show_webhook(conf->webhooks[i]));
	put(object, "webhooks", webhooks);
	return object;
}

json_t *conf_show_defaults(const char *dir)
{
	struct conf *conf = mem_alloc(sizeof(*conf));
	struct webhook webhook;
	json_t *object;

	settings_init(conf, dir);
	settings_complete(conf);
	webhook_init(&webhook);
	object = show_settings(conf);
	put(object, "defaults", show_webhook(&webhook));
	webhook_clear(&webhook);
	conf_free(conf);
	return object;
}

/* ---- what differs ------------------------------------------------------ */

/* Takes out of `object` what `base` holds as well. */
static void subtract(json_t *object, const json_t *base)
{
	const char *key;
	json_t *value;
	void *next;

	json_object_foreach_safe(object, next, key, value)
	{
		json_t *other = json_object_get(base, key);

		if (json_is_object(value) && json_is_object(other)) {
			subtract(value, other);
			if (!json_object_size(value))
				json_object_del(object, key);
		} else if (other && json_equal(value, other)) {
			json_object_del(object, key);
		}
	}
}

json_t *conf_show_changed(const struct conf *conf)
{
	json_auto_t *defaults = conf_show_defaults(conf->dir);
	json_t *base = json_object_get(defaults, "defaults");
	json_t *object = conf_show(conf);
	const char *id;
	json_t *webhook;

	json_object_foreach(json_object_get(object, "webhooks"), id, webhook)
	{
		(void)id;
		subtract(webhook, base);
	}
	subtract(object, defaults);
	return object;
}
