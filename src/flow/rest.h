/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef FLOW_REST_H
#define FLOW_REST_H

#include "flow/call.h"
#include "flow/notes.h"
#include "flow/plan.h"

#include <stdint.h>

/*
 * An endpoint's breaker (model/breaker.h) in the daemon: what an attempt tells
 * it, and who hears of it.
 */

/* Takes an attempt's outcome to heart, in the target and in the call, whose
 * settlement keeps it. Trouble of our own tells nothing about the endpoint. */
void rest_learn(struct target *target, struct call *call, int64_t now_ms);
/* Shows under what is in the way (`status`, `health`) that it rests, or does
 * not any more. */
void rest_note(struct notes *notes, const struct target *target);

#endif
