/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * port/smtp: one message to one server, by libesmtp. It owns the library's
 * session, the envelope and the password, and turns what the library and the
 * server said (port/smtp_trace, port/smtp_tls) into one sentence.
 *
 * It promises that "sent" means 2xx for the recipient and for the message; that
 * settings which are wrong are told from recipients who are refused, so that a
 * mistyped password loses no mail; and that no password is in any text. It has
 * no limit on the whole: whoever calls it ends the process when time is up. If
 * we die in the middle the server may or may not have the message: the caller
 * sends it again.
 */
#include "port/smtp.h"

#include "base/mem.h"
#include "model/mail.h"
#include "port/smtp_tls.h"
#include "port/smtp_trace.h"

/* These first: libesmtp.h declares more when they were included. */
#include <auth-client.h>
#include <openssl/ssl.h>

#include <assert.h>
#include <libesmtp.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { HELLO_MAX = 255 };

struct talk {
	struct smtp_job *job;
	struct smtp_result *result;
	char *host; /* of the server, without its port */
	struct smtp_tls tls;
	auth_context_t auth;
	smtp_session_t session;
	smtp_message_t message;
	smtp_recipient_t *recipients;
	struct smtp_trace trace;
	bool connected;
	bool no_starttls;
	bool fed; /* the message was handed over */
	bool told;
};

__attribute__((format(printf, 4, 5))) static void complain(
    struct talk *talk, int code, bool permanent, const char *format, ...)
{
	struct smtp_result *result = talk->result;
	va_list ap;
	int used = snprintf(result->error, sizeof(result->error),
	    "%.100s: ", talk->job->settings->server);

	va_start(ap, format);
	vsnprintf(result->error + used, sizeof(result->error) - (size_t)used,
	    format, ap);
	va_end(ap);
	smtp_trim(result->error);
	result->code = code;
	result->permanent = permanent;
}

/* ---- what the library tells on its way ---------------------------------- */

static void monitor(const char *data, int len, int writing, void *arg)
{
	struct talk *talk = arg;

	if (len <= 0)
		return;
	if (writing == SMTP_CB_READING)
		smtp_trace_read(&talk->trace, data, (size_t)len);
	if (writing == SMTP_CB_WRITING)
		smtp_trace_written(&talk->trace, data, (size_t)len);
}

static void settle(struct talk *talk);

static void answered(struct talk *talk)
{
	if (talk->told || !talk->job->answered)
		return;
	talk->told = true;
	settle(talk);
	talk->job->answered(talk->job->arg);
}

static void event(smtp_session_t session, int number, void *arg, ...)
{
	struct talk *talk = arg;
	va_list ap;

	(void)session;
	if (number == SMTP_EV_CONNECT) {
		talk->connected = true;
		smtp_trace_begin(&talk->trace);
	}
	if (number == SMTP_EV_EXTNA_STARTTLS)
		talk->no_starttls = true;
	if (number == SMTP_EV_STARTTLS_OK)
		talk->trace.secure = true;
	if (number == SMTP_EV_MESSAGESENT)
		answered(talk);
	if (number == SMTP_EV_WRONG_PEER_CERTIFICATE) {
		/* The library knows no addresses and no partial names; OpenSSL
		 * has already compared the name, or there were no session. */
		va_start(ap, arg);
		*va_arg(ap, int *) = 1;
		va_end(ap);
	}
}

static const char *source(void **context, int *len, void *arg)
{
	struct talk *talk = arg;

	(void)context;
	if (!len) {
		talk->fed = false;
		return NULL;
	}
	*len = talk->fed ? 0 : (int)talk->job->len;
	talk->fed = true;
	return talk->job->message;
}

static int open_tls(struct talk *talk, struct why *why)
{
	const struct mail_settings *settings = talk->job->settings;

	if (settings->starttls == STARTTLS_OFF) {
		smtp_starttls_enable(talk->session, Starttls_DISABLED);
		return 0;
	}
	if (smtp_tls_open(&talk->tls, talk->host, settings->ca_file,
		&talk->trace.injected, why) < 0)
		return -1;
	smtp_starttls_enable(talk->session, Starttls_REQUIRED);
	smtp_starttls_set_ctx(talk->session, talk->tls.context);
	return 0;
}

/* ---- password ----------------------------------------------------------- */

static int credentials(
    auth_client_request_t request, char **result, int fields, void *arg)
{
	const struct talk *talk = arg;
	const struct mail_settings *settings = talk->job->settings;
	static char none[] = "";
	int i;

	for (i = 0; i < fields; i++) {
		if (request[i].flags & AUTH_USER)
			result[i] = settings->user;
		else if (request[i].flags & AUTH_PASS)
			result[i] = settings->password;
		else
			result[i] = none;
	}
	return 1;
}

static void open_auth(struct talk *talk)
{
	const struct mail_settings *settings = talk->job->settings;

	if (!settings->user || !settings->password)
		return;
	auth_client_init();
	talk->auth = auth_create_context();
	if (!talk->auth)
		mem_exhausted();
	auth_set_mechanism_flags(talk->auth, AUTH_PLUGIN_PLAIN, 0);
	auth_set_interact_cb(talk->auth, credentials, talk);
	smtp_auth_set_context(talk->session, talk->auth);
}

/* ---- the end: who was served, and one sentence -------------------------- */

static int class(int code)
{
	return code / 100;
}

/* What the server said for each. `ours`: the settings are at fault, and no
 * refusal counts against a recipient. */
static void judge(struct talk *talk, bool ours)
{
	const smtp_status_t *whole =
	    smtp_message_transfer_status(talk->message);
	size_t i;

	talk->result->sent = 0;
	for (i = 0; i < talk->job->count; i++) {
		const smtp_status_t *word =
		    smtp_recipient_status(talk->recipients[i]);
		struct smtp_target *target = &talk->job->targets[i];

		if (class(word->code) == 2)
			word = whole;
		target->sent = word == whole && class(whole->code) == 2;
		/* 354 is no last word: it asked for the message. */
		target->code = class(word->code) == 3 ? 0 : word->code;
		target->permanent = class(target->code) == 5 && !ours;
		smtp_clean(target->text, sizeof(target->text),
		    target->code ? word->text : "");
		talk->result->sent += target->sent;
	}
}

/* True when a refusal may be due to us having no, or the wrong, password. */
static bool unknown_to_server(const struct talk *talk)
{
	size_t i;
	int code = smtp_reverse_path_status(talk->message)->code;

	if (talk->trace.auth_code >= 400)
		return true;
	for (i = 0; i < talk->job->count && code != 530; i++)
		code = smtp_recipient_status(talk->recipients[i])->code;
	return code == 530;
}

static const struct smtp_target *first_failure(const struct talk *talk)
{
	size_t i;

	for (i = 0; i < talk->job->count; i++) {
		if (!talk->job->targets[i].sent && talk->job->targets[i].code)
			return &talk->job->targets[i];
	}
	return NULL;
}

static bool blame_tls(struct talk *talk)
{
	const char *reason = smtp_tls_error();

	if (talk->no_starttls)
		complain(talk, 0, true,
		    "the server offers no STARTTLS, which is required");
	else if (talk->trace.injected)
		complain(talk, 0, false,
		    "the server sent text between STARTTLS and TLS");
	else if (talk->tls.fault)
		complain(talk, 0, true, "certificate refused: %s",
		    smtp_tls_fault(&talk->tls));
	else if (talk->trace.step == STEP_STARTTLS &&
	    class(talk->trace.reply_code) == 2)
		complain(talk, 0, false, "TLS failed: %s",
		    reason ? reason : "the server broke off");
	else
		return false;
	return true;
}

static bool blame_connection(struct talk *talk)
{
	char text[128] = "";
	int error = smtp_errno();

	if (talk->connected)
		return false;
	smtp_strerror(error, text, sizeof(text));
	/* Negative: the system's; else the resolver's. */
	complain(talk, 0, false, "cannot %s: %s",
	    error < 0 ? "connect" : "look up the server", text);
	return true;
}

static bool blame_password(struct talk *talk)
{
	if (!unknown_to_server(talk))
		return false;
	if (talk->trace.auth_code >= 400)
		complain(talk, talk->trace.auth_code,
		    class(talk->trace.auth_code) == 5,
		    "authentication failed: %s", talk->trace.auth_reply);
	else if (talk->auth)
		complain(talk, 530, true,
		    "authentication failed: the server offers no way "
		    "that fits");
	else
		complain(talk, 530, true,
		    "the server wants a user and a password (mail.auth)");
	return true;
}

static bool blame_answer(struct talk *talk)
{
	const smtp_status_t *sender = smtp_reverse_path_status(talk->message);
	const smtp_status_t *whole =
	    smtp_message_transfer_status(talk->message);
	const struct smtp_target *target = first_failure(talk);
	char text[160];

	smtp_clean(text, sizeof(text), sender->text);
	if (class(sender->code) > 3)
		complain(talk, sender->code, class(sender->code) == 5,
		    "sender <%.60s> refused: %d %s", talk->job->from,
		    sender->code, text);
	else if (target && whole->code == target->code &&
	    class(whole->code) > 3)
		complain(talk, target->code, false, "message refused: %d %s",
		    target->code, target->text);
	else if (target)
		complain(talk, target->code, false,
		    "recipient <%.80s> %s: %d %s", target->address,
		    target->permanent ? "refused" : "deferred", target->code,
		    target->text);
	else if (class(talk->trace.reply_code) > 3)
		complain(talk, talk->trace.reply_code, false, "%s: %s",
		    smtp_step_name(talk->trace.step), talk->trace.reply);
	else
		return false;
	return true;
}

static void settle(struct talk *talk)
{
	struct smtp_result *result = talk->result;

	*result = (struct smtp_result){ 0 };
	judge(talk, unknown_to_server(talk));
	if (result->sent == talk->job->count)
		return;
	if (blame_connection(talk) || blame_tls(talk) || blame_password(talk) ||
	    blame_answer(talk))
		return;
	complain(talk, 0, false, "the server broke off or did not answer at %s",
	    smtp_step_name(talk->trace.step));
}

/* ---- the session -------------------------------------------------------- */

static bool is_address(const char *text)
{
	auto_free char *address = mail_address(text);

	return address && strcmp(address, text) == 0;
}

static int check(const struct smtp_job *job, struct why *why)
{
	const char *hello = job->settings->hello;
	const char *server = job->settings->server;
	size_t i;

	assert(server && job->count && job->len < INT_MAX);
	/* The library cuts at the first colon. */
	if (!*server || strchr(server, ':') != strrchr(server, ':'))
		return fail(why,
		    "mail.server is no HOST:PORT (an IPv6 server needs a "
		    "name)");
	if (!is_address(job->from))
		return fail(why, "the sender is no address");
	for (i = 0; i < job->count; i++) {
		if (!is_address(job->targets[i].address))
			return fail(why, "recipient %zu is no address", i + 1);
	}
	for (i = 0; hello && hello[i]; i++) {
		if (hello[i] <= ' ' || hello[i] == 0x7f || i >= HELLO_MAX)
			return fail(why, "mail.hello is no host name");
	}
	return 0;
}

static void set_timeouts(struct talk *talk)
{
	static const int all[] = { Timeout_GREETING, Timeout_ENVELOPE,
		Timeout_DATA, Timeout_TRANSFER, Timeout_DATA2 };
	size_t i;

	/* Without the flag they are raised to minutes. */
	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		smtp_set_timeout(talk->session,
		    all[i] | Timeout_OVERRIDE_RFC2822_MINIMUM,
		    talk->job->settings->timeout_ms);
}

static void compose(struct talk *talk)
{
	const struct smtp_job *job = talk->job;
	size_t i;

	talk->message = smtp_add_message(talk->session);
	if (!talk->message)
		mem_exhausted();
	smtp_set_reverse_path(talk->message, job->from);
	smtp_set_messagecb(talk->message, source, talk);
	talk->recipients = mem_array(job->count, sizeof(*talk->recipients));
	for (i = 0; i < job->count; i++) {
		talk->recipients[i] =
		    smtp_add_recipient(talk->message, job->targets[i].address);
		if (!talk->recipients[i])
			mem_exhausted();
	}
}

static int open_talk(struct talk *talk, struct why *why)
{
	const struct mail_settings *settings = talk->job->settings;

	talk->host =
	    mem_strndup(settings->server, strcspn(settings->server, ":"));
	talk->session = smtp_create_session();
	if (!talk->session)
		mem_exhausted();
	if (!smtp_set_server(talk->session, settings->server))
		return fail(why, "mail.server is no HOST:PORT");
	if (settings->hello)
		smtp_set_hostname(talk->session, settings->hello);
	smtp_set_eventcb(talk->session, event, talk);
	smtp_set_monitorcb(talk->session, monitor, talk, 0);
	set_timeouts(talk);
	open_auth(talk);
	compose(talk);
	return open_tls(talk, why);
}

static void close_talk(struct talk *talk)
{
	smtp_destroy_session(talk->session);
	smtp_tls_close(&talk->tls);
	if (talk->auth) {
		auth_destroy_context(talk->auth);
		auth_client_exit();
	}
	free(talk->recipients);
	free(talk->host);
}

int smtp_send(struct smtp_job *job, struct smtp_result *result, struct why *why)
{
	/* A server that resets the connection must not end the process. */
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	struct talk talk = { .job = job, .result = result };
	struct sigaction before;
	int answer;

	if (check(job, why) < 0)
		return -1;
	answer = open_talk(&talk, why);
	if (answer == 0) {
		sigaction(SIGPIPE, &ignore, &before);
		/* Its return value says only whether a server was met. */
		smtp_start_session(talk.session);
		sigaction(SIGPIPE, &before, NULL);
		settle(&talk);
	}
	close_talk(&talk);
	return answer;
}

const char *smtp_library(void)
{
	static char text[64] = "libesmtp ";
	size_t used = sizeof("libesmtp ") - 1;

	smtp_version(text + used, sizeof(text) - used, Ver_VERSION);
	return text;
}
