/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef FLOW_TEXTFILE_H
#define FLOW_TEXTFILE_H

#include "model/conf.h"

struct ev_loop;

/*
 * Keeps the file of metrics.textfile fresh while the daemon runs: every
 * metrics.interval a child process of our own program writes it (`spoolhook
 * metrics -o FILE`). Reading a large store takes time, and the daemon has
 * none.
 */
struct textfile;

/* `loop` must be the default loop (ev_child); `program` is our own path. Both
 * are lent. */
struct textfile *textfile_open(struct ev_loop *loop, const char *program);
/* A configuration came into use; what it names is copied. The first file is
 * written soon. */
void textfile_use(struct textfile *textfile, const struct conf *conf);
/* A child that still writes is left to it: the file is replaced whole, or not
 * at all. NULL is fine. */
void textfile_close(struct textfile *textfile);

#endif
