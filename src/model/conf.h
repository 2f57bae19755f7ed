/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef MODEL_CONF_H
#define MODEL_CONF_H

#include "base/why.h"
#include "model/breaker.h"
#include "model/filter.h"
#include "model/finding.h"
#include "model/retry.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The configuration: settings and all webhooks, immutable once loaded. The
 * parser gets bytes, never files; whoever calls it has read them
 * (flow/load.h). Times are milliseconds, sizes bytes, paths are joined with
 * the folder of the file that held them.
 */
struct header {
	char *name;
	char *value;
	bool secret; /* it came from a file, the environment or a credential */
	json_t *origin; /* of a secret: where it lies, see secret_origin */
};

enum { CONF_HEADERS_MAX = 64, CONF_ENDPOINTS_MAX = 64 };

struct endpoint {
	char *id;
	char *url;
	bool url_secret;
	json_t *url_origin; /* of a secret URL */
	const char *method; /* "POST", "PUT" or "PATCH"; static */
	struct header *headers; /* its own, added after the webhook's */
	size_t header_count;
};

struct webhook {
	char *id;
	char *name; /* the id when not given */
	char *description; /* "" when not given */
	bool enabled;
	char **triggers; /* NULL-ended */
	struct filter *filter; /* NULL passes all */
	struct endpoint *endpoints;
	size_t endpoint_count;
	struct header *headers;
	size_t header_count;
	int64_t timeout_ms;
	int64_t connect_timeout_ms;
	int concurrency;
	bool ordered; /* "order": "incident" */
	struct retry_policy retry;
	struct breaker_policy breaker;
	char **failure_email; /* NULL-ended; NULL: mail.to */
	size_t first_target; /* for flow/plan.h: where its endpoints start */
};

struct input {
	char *dir;
	char **patterns; /* fnmatch(3), NULL-ended */
};

struct retention {
	int64_t delivered_ms, dead_ms, unmatched_ms, rejected_ms;
	int64_t max_size; /* of the database, in bytes; 0: no limit */
};

enum starttls { STARTTLS_OFF, STARTTLS_REQUIRED };

struct mail_settings {
	char *server; /* "host:port", NULL: write .eml files */
	enum starttls starttls;
	char *ca_file; /* NULL: the system's */
	char *user; /* NULL: no AUTH */
	char *password;
	json_t *password_origin; /* NULL: it stands in the configuration */
	char *from; /* NULL: spoolhook@ the host's name */
	char *hello; /* NULL: the host's name */
	int64_t timeout_ms;
	char **to; /* NULL-ended, may be empty */
};

struct conf {
	char *dir; /* the configuration directory */
	char *spool_dir;
	struct input *inputs; /* the first is SPOOL/incoming, unless it stands
				 among the others */
	size_t input_count;
	int64_t settle_ms;
	int64_t rescan_ms;
	int64_t max_event_size;
	int64_t min_free;
	struct retention retention;
	char *log_file;
	int log_level; /* enum say_level */
	int max_in_flight;
	char *user_agent; /* NULL: spoolhook/VERSION */
	char *ca_file; /* NULL: the system's */
	char *proxy; /* NULL: none; the environment is never looked at */
	json_t *proxy_origin; /* of a secret one */
	struct mail_settings mail;
	char *metrics_textfile; /* NULL: none */
	int64_t metrics_interval_ms;
	char *webhooks_dir;
	char *templates_dir;
	struct webhook **webhooks; /* sorted by id */
	size_t webhook_count;
	struct directory *directory; /* of the webhooks; NULL: ask each */
	bool looks_deeper; /* a filter does (model/filter.h) */
};

/* What a secret that cannot be had means. */
enum secrets_need {
	SECRETS_NEEDED, /* an error */
	SECRETS_CHECKED, /* an error, for a credential only a warning */
	SECRETS_OPTIONAL, /* nothing: its value is "" */
};

/* Where secrets come from, given by the caller. `kind` is "file", "env" or
 * "credential"; `base` the folder of the configuration file. Returns the
 * secret, the caller's, one trailing newline removed; NULL with a sentence, and
 * errno EACCES when nothing but a permission is wanting. */
#define CONF_NOT_PERMITTED "not-permitted" /* the code of that finding */
struct conf_secrets {
	void *arg;
	enum secrets_need need;
	char *(*fetch)(void *arg, const char *kind, const char *name,
	    const char *base, struct why *why);
};

/*
 * Where a secret lies, for whoever shows the configuration or tells a person
 * how to get at it: {"file"|"env"|"credential": NAME, "prefix"?, "suffix"?,
 * "base": the folder of the file that says so}. Never the secret itself.
 * Counted by jansson.
 *
 * Every key that may stand in a configuration; NULL-ended. Values below other
 * keys are never shown (model/source.h).
 */
extern const char *const conf_known_keys[];

/* A configuration in the making: settings, what webhooks begin with, and the
 * webhooks so far. */
struct conf_draft;

/* Begins with built-in defaults. */
struct conf_draft *conf_draft_new(const char *dir);
/* Takes spoolhook.json's bytes; NULL bytes: the file does not exist. `file`
 * is the name shown in findings. */
void conf_draft_settings(struct conf_draft *draft, const char *file,
    const char *bytes, size_t len, const struct conf_secrets *secrets,
    struct findings *findings);
/* The folder to look for webhooks in, known after the settings. Lent. */
const char *conf_draft_webhooks_dir(const struct conf_draft *draft);
/* Takes one file of it; the id is the file's name without ".json". A webhook
 * with an error among the findings is not kept. */
void conf_draft_webhook(struct conf_draft *draft, const char *id,
    const char *file, const char *bytes, size_t len,
    const struct conf_secrets *secrets, struct findings *findings);
/* Looks across files, frees the draft and hands the configuration over; NULL
 * when the findings hold an error. */
struct conf *conf_draft_finish(
    struct conf_draft *draft, struct findings *findings);
void conf_free(struct conf *conf);

/* NULL when there is none. Lent. */
const struct webhook *conf_webhook(const struct conf *conf, const char *id);
const struct endpoint *webhook_endpoint(
    const struct webhook *webhook, const char *id);

#endif
