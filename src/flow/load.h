/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef FLOW_LOAD_H
#define FLOW_LOAD_H

#include "base/why.h"
#include "model/conf.h"

/*
 * Reads the configuration directory and has model/conf parse it. All or
 * nothing. Refuses directories and files that others may write, and secrets
 * that others may read; both are findings.
 *
 * Returns NULL when there is an error among the findings, or (with a sentence
 * in `why`, errno telling the kind, and then no finding) when the directory
 * cannot be read at all. Names in findings are relative to `dir`.
 */
struct conf *load_conf(
    const char *dir, struct findings *findings, struct why *why);

/* The same for other purposes than sending. */
enum load_purpose {
	LOAD_TO_SEND, /* as load_conf: every secret must be there */
	/* A credential that only the service is given is a warning. */
	LOAD_TO_CHECK,
	/* For whoever sends nothing: secrets that cannot be read here are "",
	 * so operators need no right to read them. */
	LOAD_TO_LOOK,
	/* For whoever looks after the queue, which must go on while somebody
	 * mends the configuration: as LOAD_TO_LOOK, but a webhook that holds
	 * mistakes is left out, with a LOAD_LEFT_OUT warning for its file. */
	LOAD_TO_TEND,
	/* For whoever drops events: the settings alone. Who may submit need not
	 * be able to read the webhooks, and one that is wrong stops nobody. */
	LOAD_TO_SUBMIT,
};
struct conf *load_conf_for(enum load_purpose purpose, const char *dir,
    struct findings *findings, struct why *why);

/* The code of findings about files that we have no permission to read, secrets
 * among them. */
#define LOAD_NOT_PERMITTED CONF_NOT_PERMITTED

/* The code of warnings about files that are left out; not of `check`. */
#define LOAD_LEFT_OUT "left-out"

/* `given` (-c), else $SPOOLHOOK_CONFIG, else /etc/spoolhook. Lent. */
const char *load_dir(const char *given);

#endif
