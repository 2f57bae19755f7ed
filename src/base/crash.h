/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef BASE_CRASH_H
#define BASE_CRASH_H

/*
 * Named moments at which tests/fault/points.t kills the program: the edges
 * between two of the places that an event, an answer or a mail is written down
 * in. `crash_point(accept_committed);` stands at the moment itself. Only a build
 * with -DCRASH_POINTS (`make crash`) looks at them; in any other a call is
 * nothing at all, but its name must be in the table.
 *
 * The environment of such a build: SPOOLHOOK_CRASH=NAME:N dies, as by kill -9,
 * when the moment comes for the N-th time; SPOOLHOOK_CRASH_TRACE=FILE gets a
 * line NAME each time that one comes.
 */
#define CRASH_TABLE(X)                                             \
	/* a file on its way in */                                 \
	X(accept_committing) /* the group is with the store */     \
	X(accept_committed) /* nobody was told yet */              \
	X(accept_logged) /* the file is still in the box */        \
	X(file_taken) /* it lies under a private name */           \
	X(file_removed) /* its receipt is still there */           \
	X(receipt_forgotten)                                       \
	X(reason_written) /* the refused file is in the box */     \
	X(file_rejected) /* it lies in rejected/, not logged */    \
	X(scraps_written) /* good lines are not accepted yet */    \
	X(scraps_kept)                                             \
	/* a delivery on its way out */                            \
	X(claim_committed) /* taken, not started */                \
	X(call_started)                                            \
	X(answer_came) /* only we know it */                       \
	X(failed_written) /* failed/ has the file, no row tells */ \
	X(settle_committing)                                       \
	X(settle_committed) /* the log has no line */              \
	X(settle_logged)                                           \
	/* a mail */                                               \
	X(mail_queued)                                             \
	X(mail_started)                                            \
	X(mail_went) /* the server has it, the store knows not */  \
	X(mail_settled)                                            \
	/* the configuration, history */                           \
	X(reload_checked) /* good, not in use */                   \
	X(reload_used)                                             \
	X(prune_step)                                              \
	/* submit */                                               \
	X(submit_written) /* whole, under a hidden name */         \
	X(submit_named) /* not synced, nothing was told */         \
	X(submit_synced) /* nothing was told */

#define CRASH_NAME(name) CRASH_##name,
enum crash_point { CRASH_TABLE(CRASH_NAME) CRASH_POINT_COUNT };
#undef CRASH_NAME

#ifdef CRASH_POINTS
void crash_at(enum crash_point point);
#define crash_point(name) crash_at(CRASH_##name)
#else
#define crash_point(name) ((void)CRASH_##name)
#endif

#endif
