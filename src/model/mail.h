/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef MODEL_MAIL_H
#define MODEL_MAIL_H

#include "base/buf.h"
#include "base/why.h"
#include "model/conf.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * What the daemon and its mail child say to one another, and the few facts
 * about addresses and messages that both need. Pure.
 *
 * The child reads one line of JSON (a mail_job: the running configuration's
 * settings, so that no secret stands on a command line), then the message to
 * the end of its input; it writes one line of JSON (a mail_result).
 */

/* A mailbox is at most 254 bytes (RFC 5321 section 4.5.3.1.3). */
enum { MAIL_ADDRESS_MAX = 254, MAIL_RECIPIENTS_MAX = 100 };
/* A line of a message without its CRLF (RFC 5322 section 2.1.1). */
enum { MAIL_LINE_MAX = 998, MAIL_MESSAGE_MAX = 1024 * 1024 };

/* The address in `a@example.org` or `Some Name <a@example.org>`, the caller's
 * string; NULL when there is none: not ASCII (libesmtp has no SMTPUTF8),
 * blanks, control characters, no local part or domain, too long. A domain
 * without dots ("root@localhost") is fine. */
char *mail_address(const char *text);

/* Adds the message with CRLF line ends. Text without a header block gets an
 * empty one, else all of it would be taken for headers. -1 with a sentence when
 * it is empty, holds a NUL or a line over MAIL_LINE_MAX. */
int mail_normalise(
    struct buf *out, const char *message, size_t len, struct why *why);

/* ---- the daemon's line to its child ------------------------------------- */

struct mail_job {
	struct mail_settings settings; /* `to` is not part of it */
	char *from; /* an address */
	char **recipients; /* addresses, NULL-ended, at least one */
	size_t recipient_count;
};

/* Adds the line with its newline. `recipients` are addresses, one a line. */
void mail_job_print(struct buf *out, const struct mail_settings *settings,
    const char *from, const char *recipients);
int mail_job_parse(
    struct mail_job *job, const char *line, size_t len, struct why *why);
void mail_job_clear(struct mail_job *job);

/* ---- the child's answer ------------------------------------------------- */

struct mail_result {
	char *sent; /* addresses, one a line; "" for none, never NULL */
	char *left; /* to be tried again later */
	char *refused; /* for good: another try is of no use (5xx) */
	bool permanent; /* nobody is served before the settings are changed:
			 * password, certificate, no STARTTLS, sender refused */
	int code; /* SMTP code of the first failure, 0 for none */
	char error[256]; /* a sentence, fit for a log; "" when all is sent */
};

void mail_result_clear(struct mail_result *result);
/* Adds the line with its newline. */
void mail_result_print(struct buf *out, const struct mail_result *result);
/* -1 with a sentence when the bytes are no such line; then nothing is set. */
int mail_result_parse(
    struct mail_result *result, const char *line, size_t len, struct why *why);
/* A result in which nobody was served and all stays to be done. */
void mail_result_failed(
    struct mail_result *result, const char *recipients, const char *error);

#endif
