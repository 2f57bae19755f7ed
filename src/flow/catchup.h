/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef FLOW_CATCHUP_H
#define FLOW_CATCHUP_H

#include "flow/record.h"

struct conf;
struct store;

/*
 * Writes the lines that the log lacks because the last daemon died between a
 * commit and its line: `accepted` and `unmatched`, `attempt`, and the
 * `delivered` or `dead` of an attempt. Asked once, at the start, before
 * anything new is written. What it writes has the member `happened`. When it
 * cannot, it says so and the daemon goes on.
 */
void catchup_run(
    struct record *record, struct store *store, const struct conf *conf);

#endif
