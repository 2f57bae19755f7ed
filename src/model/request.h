/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef MODEL_REQUEST_H
#define MODEL_REQUEST_H

#include "model/conf.h"

#include <stddef.h>
#include <stdint.h>

/*
 * The exact request of one attempt, from event × webhook × endpoint. Built by
 * the same code for delivery, and for whoever only wants to look at it. It owns
 * all its strings: the configuration may be replaced while it is on its way.
 */
enum request_aim {
	AIM_CALL,
	/* Only look whether the peer is there, for `check --online`: connect,
	 * for https shake hands, send no request. With status 0 and FAULT_NONE
	 * all went well. */
	AIM_LOOK,
	/* The same for smtp:// with EHLO and STARTTLS, which must be there. */
	AIM_LOOK_STARTTLS,
};

struct request {
	const char *method; /* static */
	char *url;
	struct header *headers; /* in the order they are sent */
	size_t header_count;
	char *body;
	size_t body_len;
	int64_t timeout_ms;
	int64_t connect_timeout_ms;
	enum request_aim aim;
};

struct request_case {
	const struct conf *conf;
	const struct webhook *webhook;
	const struct endpoint *endpoint;
	const char *event_id;
	const char *event_type;
	int attempt; /* from 1 */
	int64_t now_ms;
};

/* Sent with every request: Content-Type, User-Agent (both may be replaced by
 * a configured header), webhook-id, webhook-timestamp in whole seconds
 * (Standard Webhooks), Spoolhook-Event, Spoolhook-Attempt; then the webhook's
 * headers, then the endpoint's, which replace those of the same name, whatever
 * its case. What in the event's type is no visible ASCII is sent as '?'. The
 * body is the event's own bytes; the request takes them over (they came from
 * malloc). */
void request_build(struct request *request, const struct request_case *from,
    char **body, size_t body_len);
void request_clear(struct request *request);

/* True for names that a configuration may not set: Host, Content-Length,
 * Transfer-Encoding, webhook-*, spoolhook-*. */
bool request_header_reserved(const char *name);
/* A token of RFC 9110; a value without control characters but tabs. */
bool request_header_name_valid(const char *name);
bool request_header_value_valid(const char *value);

#endif
