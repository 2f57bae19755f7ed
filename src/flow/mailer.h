/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef FLOW_MAILER_H
#define FLOW_MAILER_H

#include "base/why.h"
#include "model/mail.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ev_loop;

/*
 * Sends mails, one at a time, each by a child process of our own program
 * (`spoolhook mail --settings-on-stdin`), which can neither hang nor crash the
 * daemon: it is killed when its time is up. Where no server is configured the
 * mail becomes a file in `mail/`. Decides nothing: when to try again is the
 * caller's.
 */
struct mailer;

struct mailer_letter {
	const struct mail_settings *settings;
	const char *from; /* an address */
	const char *recipients; /* addresses, one a line */
	const char *message; /* RFC 5322 text, CRLF */
	size_t len;
	/* Without a server the file is `FOLDER/TIME-WEBHOOK-NUMBER.eml`, TIME
	 * from queued_ms. With the mail's row as its number a mail that is
	 * written again after a crash takes the same name. */
	const char *folder;
	const char *webhook;
	int64_t queued_ms;
	int64_t number;
};

/* `loop` must be the default loop (ev_child); `program` is our own path, such
 * as "/proc/self/exe". Both are lent for the mailer's life. The process must
 * ignore SIGPIPE: a child that dies early is no reason to follow it. */
struct mailer *mailer_open(struct ev_loop *loop, const char *program);
/* Kills a child that still runs; its `done` is not called any more. NULL is
 * fine. */
void mailer_close(struct mailer *mailer);
/* True from mailer_send until `done` is called. */
bool mailer_busy(const struct mailer *mailer);

/* Where a letter without a server is written; the caller's string. */
char *mailer_file(const struct mailer_letter *letter);

/*
 * Starts one; the mailer must not be busy. Everything in `letter` is copied.
 * `done` is called exactly once, always from the loop and never from inside
 * mailer_send; the mailer is free again by then, so `done` may send the next
 * mail. The result is lent for the call. -1 when nothing could be started (no
 * processes, no descriptors): `done` will not be called; try again later.
 */
int mailer_send(struct mailer *mailer, const struct mailer_letter *letter,
    void (*done)(void *arg, const struct mail_result *result), void *arg,
    struct why *why);

#endif
