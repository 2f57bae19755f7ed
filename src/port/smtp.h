/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef PORT_SMTP_H
#define PORT_SMTP_H

#include "base/why.h"
#include "model/conf.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * One message to one SMTP server, by libesmtp. Blocks, so it is called in the
 * mail child only (cmd/mail.c). A recipient has been served when the server
 * answered 2xx both to its RCPT and to the message.
 */
struct smtp_recipient {
	const char *address;
	int code; /* out: the server's last word for it, 0 when none came */
	bool sent; /* out */
	bool permanent; /* out: 5xx, another try is of no use */
	char text[200]; /* out */
};

struct smtp_result {
	size_t sent;
	int code; /* of the first failure, 0 for none */
	char error[256]; /* a sentence: what failed at which step */
	bool permanent; /* configuration: certificate, password, no STARTTLS */
};

/* `message` is RFC 5322 text with CRLF line ends. -1 only when nothing could be
 * tried; what the server says is in the result and the recipients. */
int smtp_send(const struct mail_settings *settings, const char *from,
    const char *message, size_t len, struct smtp_recipient *recipients,
    size_t count, struct smtp_result *result, struct why *why);
const char *smtp_library(void);

#endif
