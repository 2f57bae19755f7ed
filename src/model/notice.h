/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef MODEL_NOTICE_H
#define MODEL_NOTICE_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The failure mail of spoolhook-webhook(5): which webhook, endpoint, event and
 * incident, how many attempts, the last error and answer, and the commands to
 * look and to resend. A first notice and a digest are the same thing with one
 * or more deaths in it. Pure: the clock, the host's name and the token come as
 * arguments.
 *
 * Everything but the addresses may come from strangers: it never reaches a
 * header raw, and the body shows it as text_visible does.
 */
struct notice_death { /* like store's death_row; all text is lent */
	const char *endpoint; /* its id */
	const char *url; /* masked (model/mask.h); NULL: no longer configured */
	const char *event_id;
	const char *event_type;
	const char *incident; /* "" for none */
	const char *message;
	int tries;
	int64_t died_ms;
	int last_status; /* 0 when no answer came */
	const char *last_code; /* error_code word, or "" */
	const char *last_error; /* a sentence, or "" */
	const char *last_answer; /* text of the last answer, or "" */
};

/* So many deaths are listed; the rest is counted. */
enum { NOTICE_LISTED_MAX = 20 };

struct notice {
	const char *webhook; /* its id */
	const char *name; /* NULL or "": the id */
	const struct notice_death *deaths; /* oldest first, at least one */
	size_t death_count;
	int64_t total; /* of all deaths that this mail tells of */
	const char *from; /* `a@b`, `Name <a@b>`; NULL: spoolhook@host */
	char *const *to; /* the same forms, NULL-ended; NULL: nobody */
	const char *host; /* this host's name */
	int64_t now_ms;
	const char *token; /* unique; becomes the Message-ID's left side */
	const char *config_dir; /* for `-c` in commands; NULL: the default */
};

/* One endpoint that rests because attempts failed in a row, or that works
 * again after its people were told that it rests. Text is lent. */
struct notice_rest {
	const char *endpoint; /* its id */
	const char *url; /* masked; NULL: no longer configured */
	bool resting;
	int failures; /* in a row */
	int64_t since_ms; /* when the rest began */
	int64_t longest_ms; /* between two probes; 0: unknown */
	int64_t give_up_ms; /* how long deliveries wait; 0: unknown */
	int last_status; /* 0 when no answer came */
	const char *last_code; /* error_code word, or "" */
};

/* The envelope and the message; the strings are the caller's. */
struct notice_mail {
	char *from; /* an address */
	char *recipients; /* addresses, one a line; NULL: nobody wants it */
	char *message; /* RFC 5322 text, CRLF, 7-bit; NULL: nobody wants it */
	size_t message_len;
};

/* Addresses that are none (mail_address) are left out. */
void notice_compose(const struct notice *notice, struct notice_mail *mail);
/* The same frame around one endpoint's rest; deaths are not looked at. */
void notice_compose_rest(const struct notice *notice,
    const struct notice_rest *rest, struct notice_mail *mail);
void notice_mail_clear(struct notice_mail *mail);

#endif
