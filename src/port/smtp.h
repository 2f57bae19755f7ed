/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef PORT_SMTP_H
#define PORT_SMTP_H

#include "base/why.h"
#include "model/conf.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * One message to one SMTP server, by libesmtp. Blocks, so it is called in the
 * mail child only (cmd/mail.c), which ends itself when its time is up: looking
 * up the name, connecting, and a server that drips bytes have no limit here.
 *
 * A recipient has been served when the server answered 2xx both to its RCPT and
 * to the message; nothing else counts.
 */
struct smtp_target {
	const char *address;
	int code; /* out: the server's last word for it, 0 when none came */
	bool sent; /* out */
	bool permanent; /* out: 5xx, another try is of no use */
	char text[200]; /* out: what the server said, made visible */
};

struct smtp_job {
	const struct mail_settings *settings; /* with a server */
	const char *from;
	const char *message; /* RFC 5322 text with CRLF line ends */
	size_t len;
	struct smtp_target *targets;
	size_t count; /* at least one */
	/* Or NULL. Called at most once, as soon as the server has answered for
	 * the message: what is left then is a farewell, and a server that hangs
	 * there must not cost a second mail. Targets and result are set. */
	void (*answered)(void *arg);
	void *arg;
};

struct smtp_result {
	size_t sent;
	int code; /* SMTP code of the first failure, 0 for none */
	char error[256]; /* a sentence: what failed at which step; visible */
	bool permanent; /* the settings: certificate, password, no STARTTLS,
			 * sender refused */
};

/* -1 only when nothing could be tried (an address with control characters, a CA
 * file that cannot be read); what the server says is in the result and the
 * targets. Passwords are in neither. */
int smtp_send(
    struct smtp_job *job, struct smtp_result *result, struct why *why);
/* "libesmtp 1.1.0" */
const char *smtp_library(void);

#endif
