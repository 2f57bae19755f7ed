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
 * in `why`, and then no finding) when the directory cannot be read at all.
 */
struct conf *load_conf(
    const char *dir, struct findings *findings, struct why *why);

/* `given` (-c), else $SPOOLHOOK_CONFIG, else /etc/spoolhook. Lent. */
const char *load_dir(const char *given);

#endif
