/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef FLOW_RECORD_OWN_H
#define FLOW_RECORD_OWN_H

#include "base/buf.h"
#include "base/say.h"
#include "flow/record.h"

/* What the record's files share among themselves; for nobody else. */

/* Starts a line; NULL when its level is not logged. The caller adds members
 * and ends it. */
struct buf *line_begin(struct record *record, enum say_level level,
    const char *kind, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* Adds text from an event, which may be of any length: a line has a bound. */
void line_cut(struct buf *line, const char *key, const char *text);
void line_end(struct record *record);

#endif
