/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef CMD_DESK_H
#define CMD_DESK_H

#include "cmd/verb.h"
#include "flow/record.h"
#include "model/pause.h"
#include "port/store.h"

#include <stdbool.h>
#include <stddef.h>

/* What verbs that act on the queue share. */

/* Who runs this verb. */
struct actor desk_actor(void);

/* The log, for lines about what this verb does; a new file belongs to who
 * owns its directory. NULL, and said, when it cannot be written: the verb goes
 * on without it. */
struct record *desk_record(const struct conf *conf);

/* Asks on a terminal; false for anything but yes. */
bool desk_asks(void); /* standard input and error are a terminal */
bool desk_confirm(const char *question);

/* The daemon's pid, 0 when none runs, -1 when it is not known yet. */
int desk_daemon(const struct conf *conf);
/* True when we may not look into the spool: what it hides is not known, least
 * of all that no daemon runs. */
bool desk_is_closed(const struct conf *conf);

/* The pauses that hold now. */
struct pauses {
	struct {
		char *webhook;
		struct pause pause;
		int64_t since_ms;
	} * all;
	size_t count;
};
int desk_pauses(struct store *store, struct pauses *out, struct why *why);
/* The same for a verb that gets by without the store: none when it cannot be
 * read. */
void desk_pauses_of(const struct conf *conf, struct pauses *out);
/* NULL when the webhook is not paused. Lent. */
const struct pause *pauses_find(
    const struct pauses *pauses, const char *webhook);
void pauses_clear(struct pauses *pauses);

/* Writes a note in a transaction of its own; NULL removes it. */
int desk_note(
    struct store *store, const char *name, const char *value, struct why *why);

/* Looks for each operand among the webhooks; false, and said, when one is
 * none. */
bool desk_webhooks_known(const struct args *args, const struct conf *conf);
/* That there is no such webhook, with the nearest that there is: as a sentence,
 * the caller's; or said. */
char *desk_no_webhook(const struct conf *conf, const char *id);
void desk_unknown_webhook(const struct conf *conf, const char *id);

#endif
