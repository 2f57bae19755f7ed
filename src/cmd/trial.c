/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * cmd/trial: chooses what a person named and builds its requests. It sends
 * nothing and stores nothing; the event ids that it makes up are thrown away.
 */
#include "cmd/trial.h"

#include "base/dice.h"
#include "base/mem.h"
#include "base/now.h"
#include "base/say.h"
#include "cmd/desk.h"
#include "model/conf_show.h"
#include "model/mask.h"

#include <string.h>
#include <strings.h>

static int say_no_webhook(const struct args *args, const struct conf *conf)
{
	auto_free char *sentence = desk_no_webhook(conf, args->operands[0]);

	say_error("%s: %s", args->verb->name, sentence);
	return EXIT_USAGE;
}

static int say_no_endpoint(const struct trial *trial, const char *id)
{
	auto_buf struct buf ids = BUF_INIT(4096);
	size_t i;

	for (i = 0; i < trial->webhook->endpoint_count; i++)
		buf_printf(&ids, "%s%s", i ? ", " : "",
		    trial->webhook->endpoints[i].id);
	return verb_usage(trial->args,
	    "webhook %s has no endpoint \"%.64s\", but %s", trial->webhook->id,
	    id, buf_text(&ids));
}

int trial_open(
    struct trial *trial, const struct args *args, const struct conf *conf)
{
	const char *endpoint = args_value(args, "endpoint");

	*trial = (struct trial){ .args = args, .conf = conf };
	trial->webhook = conf_webhook(conf, args->operands[0]);
	if (!trial->webhook)
		return say_no_webhook(args, conf);
	if (!endpoint)
		return EXIT_OK;
	trial->only = webhook_endpoint(trial->webhook, endpoint);
	return trial->only ? EXIT_OK : say_no_endpoint(trial, endpoint);
}

const struct endpoint *trial_next(
    const struct trial *trial, const struct endpoint *last)
{
	const struct webhook *webhook = trial->webhook;

	if (trial->only)
		return last ? NULL : trial->only;
	if (!last)
		return webhook->endpoints;
	last++;
	return last < webhook->endpoints + webhook->endpoint_count ? last
								   : NULL;
}

void trial_request(const struct trial *trial, const struct endpoint *endpoint,
    const struct event_item *item, struct request *request)
{
	auto_free char *body = mem_strndup(item->bytes, item->len);
	struct request_case from = {
		.conf = trial->conf,
		.webhook = trial->webhook,
		.endpoint = endpoint,
		.event_type = item->event.type,
		.attempt = 1,
		.now_ms = now_wall_ms(),
	};
	char event_id[ID_SIZE];
	struct id_maker ids;

	id_maker_init(&ids, "");
	id_make(&ids, from.now_ms, (uint32_t)dice_roll(), event_id);
	from.event_id = event_id;
	request_build(request, &from, &body, item->len);
}

static bool among(const struct header *headers, size_t count, const char *name)
{
	size_t i;

	for (i = 0; i < count; i++) {
		if (strcasecmp(headers[i].name, name) == 0)
			return true;
	}
	return false;
}

bool trial_is_configured(const struct trial *trial,
    const struct endpoint *endpoint, const char *name)
{
	const struct webhook *webhook = trial->webhook;

	return among(webhook->headers, webhook->header_count, name) ||
	    among(endpoint->headers, endpoint->header_count, name);
}

void trial_show_url(struct buf *out, const struct endpoint *endpoint)
{
	if (endpoint->url_secret && !*endpoint->url)
		conf_show_origin(out, endpoint->url_origin);
	else
		mask_url(out, endpoint->url, endpoint->url_secret);
}
