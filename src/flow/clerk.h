/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef FLOW_CLERK_H
#define FLOW_CLERK_H

#include "base/why.h"
#include "model/conf.h"

#include <stdbool.h>

/*
 * The daemon: the clerk is its main thread, with the default libev loop. It
 * owns files and decisions; the store commits and the wire talks to the
 * network, each in a thread of its own, and answers come back as letters.
 */
struct clerk_case {
	struct conf *conf; /* taken over */
	const char *conf_dir; /* to load it again from */
	const char *program; /* our own path, for the mail child */
	bool once; /* deliver all that is due, then end */
};

enum clerk_end {
	CLERK_DONE, /* ended by a signal, or once: nothing is left waiting */
	CLERK_WAITING, /* once: something is left waiting */
	CLERK_DIED, /* once: a delivery died in this run */
	CLERK_BUSY, /* another daemon has the spool; why names its pid */
	CLERK_FAILED, /* could not start or go on; why tells */
};

enum clerk_end clerk_run(const struct clerk_case *from, struct why *why);

#endif
