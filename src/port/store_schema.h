/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef PORT_STORE_SCHEMA_H
#define PORT_STORE_SCHEMA_H

#include "base/why.h"

#include <stdbool.h>

struct sql;

/*
 * Brings the database to the version that this program knows, step by step,
 * each step a transaction of its own; a process that dies in between, or that
 * meets another one at it, goes on where the steps ended. Without `change` it
 * only looks. Fails for databases of other programs and of newer spoolhooks.
 */
int schema_prepare(
    struct sql *sql, const char *path, bool change, struct why *why);

#endif
