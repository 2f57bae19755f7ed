/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * model/conf_secret: a value that stands in the configuration itself or, as
 * `{"file": NAME}`, `{"env": NAME}` or `{"credential": NAME}`, somewhere else,
 * with a text put before and behind it. Where it lies is the caller's to look
 * (struct conf_secrets). Promises that no finding repeats the value.
 */
#include "model/conf_read.h"

#include "base/mem.h"
#include "model/conf_check.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct secret {
	char *name[3]; /* by kind */
	char *prefix;
	char *suffix;
};

static const char *const kinds[] = { "file", "env", "credential", NULL };
enum { KIND_CREDENTIAL = 2, KIND_COUNT = 3 };

enum { NAME_MAX_BYTES = 4096, AFFIX_MAX = 1024 };

static const struct key secret_keys[] = {
	KEY("file", read_text, .offset = offsetof(struct secret, name[0]),
	    .max = NAME_MAX_BYTES, .check = check_word),
	KEY("env", read_text, .offset = offsetof(struct secret, name[1]),
	    .max = NAME_MAX_BYTES, .check = check_word),
	KEY("credential", read_text, .offset = offsetof(struct secret, name[2]),
	    .max = NAME_MAX_BYTES, .check = check_word),
	KEY("prefix", read_text, .offset = offsetof(struct secret, prefix),
	    .max = AFFIX_MAX, .check = check_line),
	KEY("suffix", read_text, .offset = offsetof(struct secret, suffix),
	    .max = AFFIX_MAX, .check = check_line),
	KEY_END,
};

static void clear(struct secret *secret)
{
	size_t i;

	for (i = 0; i < KIND_COUNT; i++)
		free(secret->name[i]);
	free(secret->prefix);
	free(secret->suffix);
}

static void say_unfetched(
    struct reader *r, size_t kind, bool permitted, const struct why *why)
{
	const char *code = permitted ? "secret" : CONF_NOT_PERMITTED;

	if (r->secrets->need == SECRETS_CHECKED && kind == KIND_CREDENTIAL)
		reader_warn(
		    r, "secret", NULL, "could not be looked at: %s", why->text);
	else
		reader_say(r, code, NULL, "cannot be had: %s", why->text);
}

static char *fetch(struct reader *r, const struct secret *secret, size_t kind)
{
	struct why why = { "" };
	char *value;
	char *whole;

	errno = 0;
	value = r->secrets->fetch(
	    r->secrets->arg, kinds[kind], secret->name[kind], r->base, &why);
	if (!value) {
		if (r->secrets->need == SECRETS_OPTIONAL)
			return mem_strdup("");
		say_unfetched(r, kind, errno != EACCES, &why);
		return NULL;
	}
	if (!*value)
		reader_say(r, "secret", NULL, "is an empty secret");
	whole = mem_printf("%s%s%s", secret->prefix ? secret->prefix : "",
	    value, secret->suffix ? secret->suffix : "");
	explicit_bzero(value, strlen(value));
	free(value);
	return whole;
}

/* The one kind that is given; KIND_COUNT when there is none, or several. */
static size_t kind_of(json_t *json)
{
	size_t found = KIND_COUNT;
	size_t i;

	for (i = 0; i < KIND_COUNT; i++) {
		if (!json_object_get(json, kinds[i]))
			continue;
		if (found != KIND_COUNT)
			return KIND_COUNT;
		found = i;
	}
	return found;
}

static char *read_elsewhere(struct reader *r, json_t *json)
{
	struct secret secret = { 0 };
	size_t kind = kind_of(json);
	char *value = NULL;

	read_members(r, secret_keys, json, &secret);
	if (kind == KIND_COUNT)
		reader_say(r, "secret",
		    "write {\"file\": NAME}, {\"env\": NAME} or "
		    "{\"credential\": NAME}",
		    "must name exactly one of file, env and credential");
	else if (secret.name[kind])
		value = fetch(r, &secret, kind);
	clear(&secret);
	return value;
}

json_t *secret_origin(const struct reader *r, json_t *json)
{
	json_t *origin = json_is_object(json) ? json_copy(json) : NULL;

	if (origin &&
	    json_object_set_new(origin, "base", json_string(r->base)) < 0)
		mem_exhausted();
	return origin;
}

char *read_secret(struct reader *r, json_t *json, bool *secret)
{
	*secret = json_is_object(json);
	if (*secret)
		return read_elsewhere(r, json);
	if (json_is_string(json))
		return mem_strdup(json_string_value(json));
	reader_say_type(r, json, "a text or {\"file\": NAME}");
	return NULL;
}
