/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef FLOW_SECRET_H
#define FLOW_SECRET_H

#include "base/why.h"

/* Fetches what a configuration names instead of holding it. */
struct secret_places {
	const char *dir; /* the configuration directory */
};

/* A `fetch` for struct conf_secrets (model/conf.h); `arg` is a struct
 * secret_places. Files are looked for beside the file that names them, then in
 * the configuration directory; credentials in $CREDENTIALS_DIRECTORY
 * (systemd.exec(5)). No sentence repeats a value. NULL: errno as there. */
char *secret_fetch(void *arg, const char *kind, const char *name,
    const char *base, struct why *why);

#endif
