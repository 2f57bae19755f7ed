/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef PORT_SMTP_TRACE_H
#define PORT_SMTP_TRACE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * What went over the wire in one SMTP session, as far as a sentence about its
 * failure needs it: the last command and the last words of the server. Belongs
 * to port/smtp; the library forgets greetings and refused passwords.
 */
enum smtp_step {
	STEP_GREETING,
	STEP_EHLO,
	STEP_STARTTLS,
	STEP_AUTH,
	STEP_MAIL,
	STEP_RCPT,
	STEP_DATA,
	STEP_QUIT,
};
/* "the greeting", "EHLO", "MAIL FROM", … */
const char *smtp_step_name(enum smtp_step step);

enum { SMTP_REPLY_MAX = 512 };

struct smtp_trace {
	enum smtp_step step;
	char line[SMTP_REPLY_MAX]; /* of an answer, not yet complete */
	size_t line_len;
	char reply[SMTP_REPLY_MAX]; /* the last complete line, made visible */
	int reply_code; /* of an answer that is complete, else 0 */
	char auth_reply[SMTP_REPLY_MAX];
	int auth_code; /* the answer to AUTH, 0: none was sent */
	bool over; /* we said QUIT; nothing more is noted */
	bool secure; /* set by the owner once TLS is up */
	bool injected; /* bytes came behind the answer to STARTTLS */
};

/* A new connection: what was seen on the one before is forgotten. */
void smtp_trace_begin(struct smtp_trace *trace);
/* Bytes as they came, in pieces of any size. */
void smtp_trace_read(struct smtp_trace *trace, const char *data, size_t len);
/* Bytes that we send. Only the first word is looked at: a password may
 * follow. */
void smtp_trace_written(struct smtp_trace *trace, const char *data, size_t len);

/* A text of the server on one line, visible, cut to `size` with its NUL. */
void smtp_clean(char *out, size_t size, const char *text);
/* Cuts a last character that is not whole. */
void smtp_trim(char *text);

#endif
