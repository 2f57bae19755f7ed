/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef FLOW_LEFTOVERS_H
#define FLOW_LEFTOVERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Files that belong to nobody, for the process that would have gone on with
 * them was killed: .submit-ID.tmp in a drop box, which was never told of, and a
 * .why.json in rejected/ whose file lies under another name or is gone. They go
 * when they are an hour old, for no process takes so long between two files.
 */
struct leftovers;
struct input;

/* Begins a walk through rejected/ and the drop boxes, whose paths are copied. */
struct leftovers *leftovers_open(int spool_dir, const struct input *inputs,
    size_t input_count, int64_t now_ms);
/* Looks at some names; false when the walk is over. A directory that cannot be
 * read is passed over. */
bool leftovers_step(struct leftovers *left);
/* How many were removed. */
int64_t leftovers_count(const struct leftovers *left);
void leftovers_close(struct leftovers *left);

#endif
