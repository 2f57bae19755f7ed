/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * cmd/online: one look at each peer, by the same client that delivers. All at
 * once, so the slowest decides how long it takes. Sends no request, no mail and
 * no password; a finding names hosts, never the rest of a URL. If we die, peers
 * saw a connection that ended.
 */
#include "cmd/online.h"

#include "base/mem.h"
#include "base/text.h"
#include "cmd/places.h"
#include "flow/oneshot.h"
#include "model/mask.h"

#include <stdlib.h>
#include <string.h>

enum { MESSAGE_MAX = 4096 };

struct look {
	const struct webhook *webhook;
	size_t endpoint;
};

struct looks {
	struct oneshot *shots;
	struct look *looks;
	size_t count;
};

/* ---- judging ----------------------------------------------------------- */

static enum severity severity_of(const struct answer *answer)
{
	switch (answer->fault) {
	case FAULT_DNS:
	case FAULT_TLS:
	case FAULT_TLS_VERIFY:
		return SEVERITY_ERROR;
	case FAULT_NONE:
	case FAULT_CONNECT:
	case FAULT_TIMEOUT:
	case FAULT_RESET:
	case FAULT_HTTP_3XX:
	case FAULT_HTTP_4XX:
	case FAULT_HTTP_5XX:
	case FAULT_TOO_LARGE:
	case FAULT_DENIED:
	case FAULT_LOCAL:
		break;
	}
	return SEVERITY_WARNING;
}

static const char *help_for(const struct answer *answer)
{
	if (answer->fault == FAULT_DNS)
		return "look at the spelling; \"getent ahosts HOST\" asks for "
		       "a name";
	if (answer->fault == FAULT_TLS_VERIFY)
		return "a ca_file names whom to trust besides the system's "
		       "authorities";
	return NULL;
}

static char *message_for(const char *host, const struct answer *answer)
{
	struct buf out = BUF_INIT(MESSAGE_MAX);

	text_visible(&out, host, strnlen(host, 300));
	buf_puts(&out, ": ");
	text_visible(&out, answer->error, strlen(answer->error));
	return buf_steal(&out);
}

static void say_endpoint(const struct conf *conf, const struct look *look,
    const struct answer *answer, struct findings *findings)
{
	const struct endpoint *endpoint =
	    &look->webhook->endpoints[look->endpoint];
	auto_free char *pointer =
	    mem_printf("/endpoints/%zu/url", look->endpoint);
	auto_buf struct buf host = BUF_INIT(MESSAGE_MAX);
	auto_free char *message = NULL;

	mask_url_host(&host, endpoint->url);
	message = message_for(buf_text(&host), answer);
	place_say(conf, look->webhook->id, pointer, severity_of(answer),
	    "online", message, help_for(answer), findings);
}

/* ---- endpoints --------------------------------------------------------- */

static void add_endpoint(
    struct looks *looks, const struct webhook *webhook, size_t i)
{
	struct oneshot *shot = &looks->shots[looks->count];

	looks->looks[looks->count++] = (struct look){ webhook, i };
	*shot = (struct oneshot){ .request = {
				      .method = "POST",
				      .url = webhook->endpoints[i].url,
				      .timeout_ms = webhook->timeout_ms,
				      .connect_timeout_ms =
					  webhook->connect_timeout_ms,
				      .aim = AIM_LOOK,
				  } };
}

/* A secret URL that only the service can read was told of already. */
static void add_webhook(struct looks *looks, const struct webhook *webhook)
{
	size_t i;

	for (i = 0; i < webhook->endpoint_count; i++) {
		if (*webhook->endpoints[i].url)
			add_endpoint(looks, webhook, i);
	}
}

static size_t count_endpoints(const struct conf *conf)
{
	size_t count = 0;
	size_t i;

	for (i = 0; i < conf->webhook_count; i++)
		count += conf->webhooks[i]->endpoint_count;
	return count;
}

static int look_at_endpoints(
    const struct conf *conf, struct findings *findings, struct why *why)
{
	size_t room = count_endpoints(conf);
	struct looks looks = { mem_array(room, sizeof(*looks.shots)),
		mem_array(room, sizeof(*looks.looks)), 0 };
	int absent = 0;
	size_t i;

	for (i = 0; i < conf->webhook_count; i++)
		add_webhook(&looks, conf->webhooks[i]);
	if (oneshot_run(conf, looks.shots, looks.count, why) < 0)
		absent = -1;
	for (i = 0; absent >= 0 && i < looks.count; i++) {
		const struct answer *answer = &looks.shots[i].answer;

		if (answer->fault == FAULT_NONE)
			continue;
		absent++;
		say_endpoint(conf, &looks.looks[i], answer, findings);
	}
	free(looks.shots);
	free(looks.looks);
	return absent;
}

/* ---- the mail server --------------------------------------------------- */

static int look_at_mail(
    const struct conf *conf, struct findings *findings, struct why *why)
{
	const struct mail_settings *mail = &conf->mail;
	auto_free char *url = mem_printf(
	    "smtp://%s/%s", mail->server, mail->hello ? mail->hello : "");
	auto_free char *message = NULL;
	struct conf way = *conf;
	struct oneshot shot = { .request = {
				    .method = "POST",
				    .url = url,
				    .timeout_ms = mail->timeout_ms,
				    .connect_timeout_ms = mail->timeout_ms,
				    .aim = mail->starttls == STARTTLS_REQUIRED
					? AIM_LOOK_STARTTLS
					: AIM_LOOK,
				} };

	/* Mail goes its own way. */
	way.proxy = NULL;
	way.ca_file = mail->ca_file;
	if (oneshot_run(&way, &shot, 1, why) < 0)
		return -1;
	if (shot.answer.fault == FAULT_NONE)
		return 0;
	message = message_for(mail->server, &shot.answer);
	place_say_setting(conf, "/mail/server", severity_of(&shot.answer),
	    "online", message, help_for(&shot.answer), findings);
	return 1;
}

int online_check(
    const struct conf *conf, struct findings *findings, struct why *why)
{
	int absent = look_at_endpoints(conf, findings, why);
	int more = 0;

	if (absent >= 0 && conf->mail.server)
		more = look_at_mail(conf, findings, why);
	return absent < 0 || more < 0 ? -1 : absent + more;
}
