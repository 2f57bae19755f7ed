/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef MODEL_PRETTY_H
#define MODEL_PRETTY_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * Indents JSON text for people, two blanks a level. Strings and numbers stay
 * byte for byte what they are: 1e3 does not become 1000.0. What is no JSON
 * comes out with odd breaks, and whole. Stops at the first token that would
 * pass the ceiling of `out`; returns whether all of it fitted.
 */
bool pretty_json(struct buf *out, const char *json, size_t len);

#endif
