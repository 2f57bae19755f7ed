/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef CMD_ONLINE_H
#define CMD_ONLINE_H

#include "base/why.h"
#include "model/conf.h"
#include "model/finding.h"

#include <stddef.h>

/*
 * Looks whether the peers of a configuration are there: each endpoint's name,
 * connection and TLS handshake, without a request; the mail server's EHLO and
 * STARTTLS. What is wrong becomes a finding at its URL: an error when it points
 * at the configuration (name, certificate, no STARTTLS), a warning when the
 * peer may only be down. Returns how many peers were not there, -1 when nothing
 * could be looked at.
 */
int online_check(
    const struct conf *conf, struct findings *findings, struct why *why);

#endif
