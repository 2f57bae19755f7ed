/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * model/conf_endpoint: where a webhook sends: "endpoints" and "headers" of a
 * configuration. Promises that what it lets pass can be put on the wire as it
 * stands: URLs that mean one thing, header names and values that cannot end a
 * line, methods that the contract names. Ids are unique within the webhook.
 */
#include "base/mem.h"
#include "model/conf_check.h"
#include "model/conf_part.h"
#include "model/id.h"
#include "model/request.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *const methods[] = { "POST", "PUT", "PATCH", NULL };

/* ---- headers ----------------------------------------------------------- */

static bool check_name(struct reader *r, json_t *headers, const char *name)
{
	const char *other;
	json_t *ignored;

	if (!request_header_name_valid(name)) {
		reader_say_key(r, "bad-header", NULL,
		    "\"%.64s\" is no name for a header", name);
		return false;
	}
	if (request_header_reserved(name)) {
		reader_say_key(r, "reserved-header", NULL,
		    "header \"%.64s\" is set by spoolhook itself", name);
		return false;
	}
	json_object_foreach(headers, other, ignored)
	{
		(void)ignored;
		if (other == name || strcmp(other, name) == 0)
			return true;
		if (strcasecmp(other, name) != 0)
			continue;
		reader_say_key(r, "duplicate-header",
		    "letter case makes no difference in names of headers",
		    "header \"%.64s\" is there twice", name);
		return false;
	}
	return true;
}

static struct header *place_for(
    const char *name, struct header **headers, size_t *count)
{
	struct header *header;
	size_t i;

	for (i = 0; i < *count; i++) {
		header = &(*headers)[i];
		if (strcasecmp(header->name, name) == 0)
			return header;
	}
	*headers = mem_grow(*headers, *count + 1, sizeof(**headers));
	header = &(*headers)[(*count)++];
	*header = (struct header){ 0 };
	return header;
}

static void read_header(struct reader *r, const char *name, json_t *json,
    struct header **headers, size_t *count)
{
	auto_free char *value = NULL;
	struct header *header;
	const char *wrong;
	bool secret;

	value = read_secret(r, json, &secret);
	if (!value)
		return;
	wrong = secret && !*value ? NULL : check_header_value(value);
	if (wrong) {
		reader_say(r, "bad-header", NULL, "%s", wrong);
		return;
	}
	header = place_for(name, headers, count);
	free(header->name);
	free(header->value);
	json_decref(header->origin);
	*header = (struct header){ .name = mem_strdup(name),
		.value = take(&value),
		.secret = secret,
		.origin = secret_origin(r, json) };
}

void headers_read(
    struct reader *r, json_t *json, struct header **headers, size_t *count)
{
	const char *name;
	json_t *value;

	if (!json_is_object(json)) {
		reader_say_type(r, json, "an object { }");
		return;
	}
	if (json_object_size(json) > CONF_HEADERS_MAX) {
		reader_say(r, "out-of-range", NULL,
		    "must not hold more than %d headers", CONF_HEADERS_MAX);
		return;
	}
	json_object_foreach(json, name, value)
	{
		size_t mark = reader_enter(r, name);

		if (check_name(r, json, name))
			read_header(r, name, value, headers, count);
		reader_leave(r, mark);
	}
}

void headers_free(struct header *headers, size_t count)
{
	while (count--) {
		free(headers[count].name);
		free(headers[count].value);
		json_decref(headers[count].origin);
	}
	free(headers);
}

struct header *headers_copy(const struct header *headers, size_t count)
{
	struct header *copy = mem_array(count, sizeof(*copy));
	size_t i;

	for (i = 0; i < count; i++)
		copy[i] = (struct header){ .name = mem_strdup(headers[i].name),
			.value = mem_strdup(headers[i].value),
			.secret = headers[i].secret,
			.origin = json_incref(headers[i].origin) };
	return copy;
}

/* ---- endpoints --------------------------------------------------------- */

char *url_read(struct reader *r, json_t *json, bool *secret)
{
	auto_free char *url = read_secret(r, json, secret);
	const char *wrong;

	if (!url || (*secret && !*url))
		return take(&url);
	wrong = check_url(url);
	if (!wrong)
		return take(&url);
	reader_say(r, "bad-url", NULL, "%s", wrong);
	return NULL;
}

static void read_id(
    struct reader *r, const struct key *key, json_t *json, void *field)
{
	struct endpoint *endpoint = field;
	const char *id = json_string_value(json);

	(void)key;
	if (!id) {
		reader_say_type(r, json, "a text");
		return;
	}
	if (!id_is_name(id)) {
		reader_say(r, "bad-id",
		    "a letter or digit first; then also '-' and '_'; at most "
		    "63 characters",
		    "must be of small letters, digits, '-' and '_'");
		return;
	}
	free(endpoint->id);
	endpoint->id = mem_strdup(id);
}

static void read_url(
    struct reader *r, const struct key *key, json_t *json, void *field)
{
	struct endpoint *endpoint = field;

	(void)key;
	free(endpoint->url);
	json_decref(endpoint->url_origin);
	endpoint->url = url_read(r, json, &endpoint->url_secret);
	endpoint->url_origin = secret_origin(r, json);
}

static void read_method(
    struct reader *r, const struct key *key, json_t *json, void *field)
{
	struct endpoint *endpoint = field;
	auto_free char *help = NULL;
	const char *method = json_string_value(json);
	size_t i;

	(void)key;
	if (!method) {
		reader_say_type(r, json, "\"POST\", \"PUT\" or \"PATCH\"");
		return;
	}
	for (i = 0; methods[i]; i++) {
		if (strcmp(method, methods[i]) == 0) {
			endpoint->method = methods[i];
			return;
		}
		if (strcasecmp(method, methods[i]) == 0)
			help = mem_printf("did you mean \"%s\"?", methods[i]);
	}
	reader_say(r, "unknown-method", help,
	    "must be \"POST\", \"PUT\" or \"PATCH\"");
}

static void read_headers(
    struct reader *r, const struct key *key, json_t *json, void *field)
{
	struct endpoint *endpoint = field;

	(void)key;
	headers_read(r, json, &endpoint->headers, &endpoint->header_count);
}

static const struct key endpoint_keys[] = {
	KEY("id", read_id),
	KEY("url", read_url),
	KEY("method", read_method),
	KEY("headers", read_headers),
	KEY_END,
};

static void read_endpoint(
    struct reader *r, json_t *json, struct endpoint *endpoint)
{
	if (json_is_string(json)) {
		endpoint->url = url_read(r, json, &endpoint->url_secret);
		return;
	}
	if (!json_is_object(json)) {
		reader_say_type(r, json, "a URL, or an object with \"url\"");
		return;
	}
	read_members(r, endpoint_keys, json, endpoint);
	if (!json_object_get(json, "url"))
		reader_say_missing(r, "url");
}

/* An id that was left out is the index, so a written "1" may clash too. */
static void check_unique(struct reader *r, const struct webhook *webhook)
{
	const struct endpoint *last =
	    &webhook->endpoints[webhook->endpoint_count - 1];
	const struct endpoint *other;
	size_t mark;

	for (other = webhook->endpoints; other < last; other++) {
		if (strcmp(other->id, last->id) != 0)
			continue;
		mark = reader_enter(r, "id");
		reader_say(r, "duplicate-endpoint",
		    "an endpoint without an id is called by its index",
		    "is the id \"%s\" of an endpoint before it", last->id);
		reader_leave(r, mark);
		return;
	}
}

void endpoints_read(struct reader *r, json_t *json, struct webhook *webhook)
{
	size_t count = json_array_size(json);
	size_t i;

	if (!json_is_array(json)) {
		reader_say_type(r, json, "a list [ ] of URLs or objects");
		return;
	}
	if (!count || count > CONF_ENDPOINTS_MAX) {
		reader_say(r, "out-of-range", NULL,
		    "must hold from 1 to %d endpoints", CONF_ENDPOINTS_MAX);
		return;
	}
	webhook->endpoints = mem_array(count, sizeof(*webhook->endpoints));
	for (i = 0; i < count; i++) {
		struct endpoint *endpoint = &webhook->endpoints[i];
		size_t mark = reader_enter_index(r, i);

		endpoint->method = methods[0];
		read_endpoint(r, json_array_get(json, i), endpoint);
		if (!endpoint->id)
			endpoint->id = mem_printf("%zu", i);
		webhook->endpoint_count = i + 1;
		check_unique(r, webhook);
		reader_leave(r, mark);
	}
}
