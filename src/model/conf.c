/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * model/conf: from files' bytes to one struct conf, all or nothing. The draft
 * takes spoolhook.json first, for it holds what webhooks begin with, then the
 * webhooks one by one; at its end it is handed over whole, or thrown away when
 * any finding is an error. What holds for single keys lies in the tables of
 * conf_settings and conf_webhook; here is what holds between files. It never
 * opens a file; a draft that dies with us leaves nothing behind.
 */
#include "model/conf.h"

#include "base/mem.h"
#include "model/conf_part.h"
#include "model/directory.h"
#include "model/id.h"

#include <stdlib.h>
#include <string.h>

struct conf_draft {
	struct conf *conf;
	struct webhook defaults;
	json_t *default_filter;
	json_t *names; /* "webhook-endpoint" to the webhook's id */
};

/*
 * Every key that may stand in a configuration. A value is shown in a finding
 * only when all keys around it are here: what is forgotten is covered.
 */
const char *const conf_known_keys[] = {
	/* spoolhook.json */
	"spool", "dir", "inputs", "pattern", "settle", "rescan",
	"max_event_size", "min_free", "retention", "delivered", "dead",
	"unmatched", "rejected", "max_size", "log", "file", "level", "delivery",
	"max_in_flight", "user_agent", "ca_file", "proxy", "mail", "server",
	"starttls", "auth", "user", "password", "from", "hello", "timeout",
	"to", "metrics", "textfile", "interval", "webhooks_dir",
	"templates_dir", "defaults", "$schema",
	/* webhooks */
	"name", "description", "enabled", "triggers", "filter", "endpoints",
	"id", "url", "method", "headers", "connect_timeout", "concurrency",
	"order", "retry", "max_retries", "delays", "jitter", "never",
	"retry_after_max", "give_up_after", "breaker", "failures", "rest",
	"failure_email", "env", "credential", "prefix", "suffix",
	/* filters */
	"all", "any", "not", "service", "alert_source", "field", "op", "value",
	NULL
};

struct conf_draft *conf_draft_new(const char *dir)
{
	struct conf_draft *draft = mem_zalloc(sizeof(*draft));

	draft->conf = mem_alloc(sizeof(*draft->conf));
	settings_init(draft->conf, dir);
	webhook_init(&draft->defaults);
	draft->names = json_object();
	if (!draft->names)
		mem_exhausted();
	return draft;
}

void conf_draft_settings(struct conf_draft *draft, const char *file,
    const char *bytes, size_t len, const struct conf_secrets *secrets,
    struct findings *findings)
{
	struct settings settings = { .conf = draft->conf,
		.defaults = &draft->defaults };
	struct source source;
	struct reader r;

	if (bytes) {
		findings->files++;
		source_open(&source, file, bytes, len, conf_known_keys);
		reader_init(&r, &source, draft->conf->dir, secrets);
		if (source.root)
			settings_read(&r, source.root, &settings);
		reader_clear(&r);
		source_close(&source, findings);
	}
	draft->default_filter = settings.default_filter;
	settings_complete(draft->conf);
}

const char *conf_draft_webhooks_dir(const struct conf_draft *draft)
{
	return draft->conf->webhooks_dir;
}

static void ignore_fault(void *arg, const char *pointer, const char *code,
    const char *message, const char *help)
{
	(void)arg;
	(void)pointer;
	(void)code;
	(void)message;
	(void)help;
}

/* It was compiled, and its mistakes were said, with the defaults. */
static void apply_default_filter(
    const struct conf_draft *draft, struct webhook *webhook, json_t *json)
{
	struct filter_faults silent = { .add = ignore_fault };

	if (draft->default_filter && !json_object_get(json, "filter"))
		webhook->filter =
		    filter_compile(draft->default_filter, &silent);
}

/*
 * Webhook "a" with endpoint "b-c" and webhook "a-b" with endpoint "c" would
 * share the ids of their deliveries.
 */
static void check_names(
    struct conf_draft *draft, struct reader *r, const struct webhook *webhook)
{
	size_t i;

	for (i = 0; i < webhook->endpoint_count; i++) {
		auto_free char *name =
		    mem_printf("%s-%s", webhook->id, webhook->endpoints[i].id);
		const char *owner =
		    json_string_value(json_object_get(draft->names, name));
		size_t outer = reader_enter(r, "endpoints");
		size_t mark = reader_enter_index(r, i);

		(void)mark;
		reader_enter(r, "id");
		if (owner && strcmp(owner, webhook->id) != 0)
			reader_say(r, "id-collision",
			    "give one of the endpoints another id",
			    "makes \"%s\" of webhook and endpoint, as webhook "
			    "\"%s\" does",
			    name, owner);
		reader_leave(r, outer);
		if (!owner)
			json_object_set_new(
			    draft->names, name, json_string(webhook->id));
	}
}

static void add_webhook(struct conf *conf, struct webhook *webhook)
{
	conf->webhooks = mem_grow(
	    conf->webhooks, conf->webhook_count + 1, sizeof(struct webhook *));
	conf->webhooks[conf->webhook_count++] = webhook;
}

static void read_webhook(struct conf_draft *draft, struct reader *r,
    struct webhook *webhook, json_t *json)
{
	webhook_read(r, json, webhook);
	apply_default_filter(draft, webhook, json);
	check_names(draft, r, webhook);
}

void conf_draft_webhook(struct conf_draft *draft, const char *id,
    const char *file, const char *bytes, size_t len,
    const struct conf_secrets *secrets, struct findings *findings)
{
	struct webhook *webhook = mem_alloc(sizeof(*webhook));
	size_t errors = findings->errors;
	struct source source;
	struct reader r;

	findings->files++;
	webhook_copy(webhook, &draft->defaults);
	webhook->id = mem_strdup(id);
	source_open(&source, file, bytes, len, conf_known_keys);
	reader_init(&r, &source, draft->conf->webhooks_dir, secrets);
	if (source.root)
		read_webhook(draft, &r, webhook, source.root);
	reader_clear(&r);
	source_close(&source, findings);
	if (!webhook->name)
		webhook->name = mem_strdup(id);
	if (findings->errors == errors) {
		add_webhook(draft->conf, webhook);
		return;
	}
	webhook_clear(webhook);
	free(webhook);
}

static int by_id(const void *a, const void *b)
{
	const struct webhook *const *x = a;
	const struct webhook *const *y = b;

	return strcmp((*x)->id, (*y)->id);
}

static bool any_looks_deeper(const struct conf *conf)
{
	size_t i;

	for (i = 0; i < conf->webhook_count; i++) {
		if (filter_looks_deeper(conf->webhooks[i]->filter))
			return true;
	}
	return false;
}

struct conf *conf_draft_finish(
    struct conf_draft *draft, struct findings *findings)
{
	struct conf *conf = draft->conf;

	if (conf->webhook_count)
		qsort(conf->webhooks, conf->webhook_count,
		    sizeof(struct webhook *), by_id);
	webhook_clear(&draft->defaults);
	json_decref(draft->default_filter);
	json_decref(draft->names);
	free(draft);
	if (!findings->errors) {
		conf->directory =
		    directory_new(conf->webhooks, conf->webhook_count);
		conf->looks_deeper = any_looks_deeper(conf);
		return conf;
	}
	conf_free(conf);
	return NULL;
}

static void clear_mail(struct mail_settings *mail)
{
	if (mail->password)
		explicit_bzero(mail->password, strlen(mail->password));
	free(mail->server);
	free(mail->ca_file);
	free(mail->user);
	free(mail->password);
	json_decref(mail->password_origin);
	free(mail->from);
	free(mail->hello);
	list_free(mail->to);
}

static void free_inputs(struct conf *conf)
{
	size_t i;

	for (i = 0; i < conf->input_count; i++) {
		free(conf->inputs[i].dir);
		list_free(conf->inputs[i].patterns);
	}
	free(conf->inputs);
}

void conf_free(struct conf *conf)
{
	size_t i;

	if (!conf)
		return;
	directory_free(conf->directory);
	for (i = 0; i < conf->webhook_count; i++) {
		webhook_clear(conf->webhooks[i]);
		free(conf->webhooks[i]);
	}
	free(conf->webhooks);
	free_inputs(conf);
	clear_mail(&conf->mail);
	free(conf->dir);
	free(conf->spool_dir);
	free(conf->log_file);
	free(conf->user_agent);
	free(conf->ca_file);
	free(conf->proxy);
	json_decref(conf->proxy_origin);
	free(conf->metrics_textfile);
	free(conf->webhooks_dir);
	free(conf->templates_dir);
	free(conf);
}

static int against_id(const void *id, const void *element)
{
	const struct webhook *const *webhook = element;

	return strcmp(id, (*webhook)->id);
}

const struct webhook *conf_webhook(const struct conf *conf, const char *id)
{
	struct webhook **found;

	if (!conf->webhook_count)
		return NULL;
	found = bsearch(id, conf->webhooks, conf->webhook_count,
	    sizeof(struct webhook *), against_id);
	return found ? *found : NULL;
}

const struct endpoint *webhook_endpoint(
    const struct webhook *webhook, const char *id)
{
	size_t i;

	for (i = 0; i < webhook->endpoint_count; i++) {
		if (strcmp(webhook->endpoints[i].id, id) == 0)
			return &webhook->endpoints[i];
	}
	return NULL;
}
