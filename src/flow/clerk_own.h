/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef FLOW_CLERK_OWN_H
#define FLOW_CLERK_OWN_H

#include "flow/clerk.h"
#include "flow/parts.h"
#include "flow/reload.h"
#include "model/clock.h"

#include <ev.h>
#include <stdbool.h>

/* What the clerk's files share among themselves; for nobody else. */

enum { SIGNALS = 5 };

struct clerk {
	const struct clerk_case *from;
	struct ev_loop *loop;
	struct watch *watch;
	struct parts parts;
	struct reload *reload;

	ev_prepare parting; /* before the loop waits */
	ev_async letters;
	ev_io bell;
	ev_timer lull; /* until the bell is answered again */
	ev_timer rescan; /* the directory is the truth */
	ev_timer alarm; /* whatever comes due next */
	ev_timer deadline; /* after TERM */
	ev_timer heartbeat; /* for `health` */
	ev_timer watchdog; /* for the service manager */
	ev_idle more; /* intake has more to do at once */
	ev_signal signals[SIGNALS];
	struct clock_watch clock;
	bool ready; /* and said so */
	bool stopping;
	int store_failures;
	enum clerk_end end;
};

/* Hands out what lies in the mailboxes (clerk_letters.c), and the letters of a
 * list that was taken out already. */
void clerk_take_letters(struct clerk *c);
void clerk_take_works(struct clerk *c, struct letter *l);

#endif
