/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef FLOW_NAMES_H
#define FLOW_NAMES_H

#include "base/why.h"
#include "flow/wire.h"

/*
 * A second look at calls that ended because a name did not resolve: when no
 * name server of this host answers, that is no fault of the endpoint. A thread
 * of its own, for the look may take a moment.
 */
struct names;

/* `answers` is lent until names_close returns. */
struct names *names_open(struct mailbox *answers, struct why *why);
/* Takes a call whose fault is FAULT_DNS, and puts it into the mailbox again,
 * its fault then FAULT_DNS or FAULT_LOCAL. */
void names_look(struct names *names, struct wire_call *call);
/* Puts what it was given back, and joins the thread. NULL is fine. */
void names_close(struct names *names);

#endif
