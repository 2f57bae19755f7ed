/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef CMD_SAMPLES_H
#define CMD_SAMPLES_H

/*
 * One event of each known type, to try filters, endpoints and receivers with.
 * `incident_triggered` and its three fellows give the documented v1 payloads,
 * byte for byte; every other type of trigger_known (`incident.triggered` with
 * the dot among them) a v2 payload of the same incident.
 *
 * The text ends with a newline and is the caller's; NULL for unknown types.
 */
char *sample_make(const char *type);

#endif
