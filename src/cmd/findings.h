/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef CMD_FINDINGS_H
#define CMD_FINDINGS_H

#include "cmd/verb.h"
#include "model/finding.h"

#include <stdio.h>

/* Prints all findings, in colour when `args` says so; as JSON lines with
 * --json. */
void print_findings(
    const struct args *args, const struct findings *findings, FILE *out);
/* `3 files, 1 error, 1 warning`, with what was left out. */
void print_findings_count(const struct findings *findings, FILE *out);
/* The exit code of a configuration with these findings: 78, or 77 when all
 * errors are files that we may not read; 0 without errors. */
int findings_code(const struct findings *findings);
/* Says why the configuration directory cannot be opened; the exit code, by
 * errno: 77, 66 or 78. */
int say_no_conf(const struct why *why, int kind);

#endif
