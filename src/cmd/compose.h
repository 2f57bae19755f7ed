/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef CMD_COMPOSE_H
#define CMD_COMPOSE_H

#include "cmd/verb.h"

/*
 * Builds a v1 event from the options of `submit`, so that quoting is never the
 * business of a shell script: --event --message --description --service
 * --source --severity --incident --tag K=V --set PATH=VALUE.
 */

/* True when any of these options was given. */
bool compose_asked(const struct args *args);
/* The event's JSON, the caller's; NULL after saying what is wrong. `id` is
 * used as the incident's id when none was given. */
char *compose_event(const struct args *args, const char *id, int64_t now_ms);

#endif
