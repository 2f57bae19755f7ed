/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef CMD_QUEUE_H
#define CMD_QUEUE_H

#include "cmd/verb.h"

/* The parts of `queue`; each returns the exit code. */
int queue_list(const struct args *args);
int queue_summary(const struct args *args);
/* `word` is "hold", "release", "retry" or "delete"; ids are the operands
 * behind the first. */
int queue_change(const struct args *args, const char *word);

#endif
