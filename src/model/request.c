/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * model/request: the one place where a request is put together, whether it is
 * going to be sent or only looked at. It promises that nothing from an event
 * can start a header of its own, and that the names which are ours keep our
 * values whatever the configuration says.
 *
 * Everything is copied but the body, which may be large and is taken over.
 * It never sends, never reads a clock and never throws dice. Nothing is lost if
 * we die in the middle.
 */
#include "model/request.h"

#include "base/mem.h"
#include "base/version.h"
#include "model/id.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* Event types are short words; this much of an odd one is sent. */
enum { TYPE_SENT_MAX = 128 };

static const char *const reserved[] = { "Host", "Content-Length",
	"Transfer-Encoding" };
static const char *const reserved_prefixes[] = { "webhook-", "spoolhook-" };

enum {
	RESERVED_COUNT = sizeof(reserved) / sizeof(reserved[0]),
	PREFIX_COUNT = sizeof(reserved_prefixes) / sizeof(reserved_prefixes[0])
};

bool request_header_reserved(const char *name)
{
	size_t i;

	for (i = 0; i < RESERVED_COUNT; i++) {
		if (strcasecmp(name, reserved[i]) == 0)
			return true;
	}
	for (i = 0; i < PREFIX_COUNT; i++) {
		const char *prefix = reserved_prefixes[i];

		if (strncasecmp(name, prefix, strlen(prefix)) == 0)
			return true;
	}
	return false;
}

/* RFC 9110 section 5.6.2: tchar. */
static bool is_token(char c)
{
	if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
	    (c >= 'a' && c <= 'z'))
		return true;
	return c && strchr("!#$%&'*+-.^_`|~", c);
}

bool request_header_name_valid(const char *name)
{
	const char *c;

	for (c = name; *c; c++) {
		if (!is_token(*c))
			return false;
	}
	return c > name;
}

bool request_header_value_valid(const char *value)
{
	for (; *value; value++) {
		unsigned char c = (unsigned char)*value;

		if ((c < ' ' && c != '\t') || c == 0x7f)
			return false;
	}
	return true;
}

static struct header *find(struct request *request, const char *name)
{
	size_t i;

	for (i = 0; i < request->header_count; i++) {
		if (strcasecmp(request->headers[i].name, name) == 0)
			return &request->headers[i];
	}
	return NULL;
}

static void put(struct request *request, const struct header *from)
{
	struct header *header = find(request, from->name);

	if (header) {
		free(header->name);
		free(header->value);
		json_decref(header->origin);
	} else {
		header = &request->headers[request->header_count++];
	}
	header->name = mem_strdup(from->name);
	header->value = mem_strdup(from->value);
	header->secret = from->secret;
	header->origin = json_incref(from->origin);
}

static void put_text(
    struct request *request, const char *name, const char *value)
{
	put(request,
	    &(struct header){
		.name = (char *)(uintptr_t)name,
		.value = (char *)(uintptr_t)value,
	    });
}

static void put_configured(
    struct request *request, const struct header *headers, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		const struct header *header = &headers[i];

		if (!request_header_reserved(header->name))
			put(request, header);
	}
}

/* The type comes from the event: what cannot stand in a header becomes '?'. */
static void put_type(struct request *request, const char *type)
{
	char shown[TYPE_SENT_MAX + 1];
	size_t i;

	for (i = 0; i < TYPE_SENT_MAX && type[i]; i++)
		shown[i] = type[i] > ' ' && type[i] <= '~' ? type[i] : '?';
	shown[i] = '\0';
	put_text(request, "Spoolhook-Event", shown);
}

static void put_number(struct request *request, const char *name, int64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%lld", (long long)value);
	put_text(request, name, text);
}

enum { OWN_HEADERS = 6 };

static void put_own(struct request *request, const struct request_case *from)
{
	const char *agent = from->conf->user_agent;
	char delivery[ID_DELIVERY_SIZE];

	id_delivery(
	    delivery, from->event_id, from->webhook->id, from->endpoint->id);
	put_text(request, "Content-Type", "application/json");
	put_text(request, "User-Agent", agent ? agent : "spoolhook/" VERSION);
	put_text(request, "webhook-id", delivery);
	put_number(request, "webhook-timestamp", from->now_ms / 1000);
	put_type(request, from->event_type);
	put_number(request, "Spoolhook-Attempt", from->attempt);
}

void request_build(struct request *request, const struct request_case *from,
    char **body, size_t body_len)
{
	const struct webhook *webhook = from->webhook;
	const struct endpoint *endpoint = from->endpoint;

	*request = (struct request){
		.method = endpoint->method,
		.url = mem_strdup(endpoint->url),
		.headers = mem_array(OWN_HEADERS + webhook->header_count +
			endpoint->header_count,
		    sizeof(struct header)),
		.body = take(body),
		.body_len = body_len,
		.timeout_ms = webhook->timeout_ms,
		.connect_timeout_ms = webhook->connect_timeout_ms,
	};
	put_own(request, from);
	put_configured(request, webhook->headers, webhook->header_count);
	put_configured(request, endpoint->headers, endpoint->header_count);
}

void request_clear(struct request *request)
{
	size_t i;

	for (i = 0; i < request->header_count; i++) {
		free(request->headers[i].name);
		free(request->headers[i].value);
		json_decref(request->headers[i].origin);
	}
	free(request->headers);
	free(request->url);
	free(request->body);
	*request = (struct request){ 0 };
}
