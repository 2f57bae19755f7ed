/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef CMD_CURL_H
#define CMD_CURL_H

#include "base/buf.h"
#include "cmd/trial.h"

/*
 * Adds a curl command that makes the same request, for any shell. A secret
 * is fetched from where it lies when the command runs, and reaches curl by a
 * pipe, so it is neither in the text nor in the list of processes. What the
 * configuration holds in clear is masked all the same; a comment says what to
 * put in.
 */
void curl_command(struct buf *out, const struct trial *trial,
    const struct endpoint *endpoint, const struct request *request);

#endif
