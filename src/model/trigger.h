/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef MODEL_TRIGGER_H
#define MODEL_TRIGGER_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Event types as triggers. They are an open set; `incident_triggered` and
 * `incident.triggered` are the same trigger, so '.' equals '_'.
 */
bool trigger_equal(const char *a, const char *b);
/* An order in which equal triggers are equal, as strcmp's. */
int trigger_compare(const char *a, const char *b);
/* True when `trigger` takes events of `type`; "*" takes all. */
bool trigger_takes(const char *trigger, const char *type);
/* True when one of them does; NULL-ended. */
bool trigger_among(char *const *triggers, const char *type);

/* The four that the hosted page lists ("Supported Events"), the default, NULL-ended. */
extern const char *const trigger_defaults[];
/* Every type that is known to exist (v1 and v2 pages), NULL-ended. For
 * did-you-mean hints and samples only: unknown types are no mistake. */
extern const char *const trigger_known[];

#endif
