/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef FLOW_RELOAD_H
#define FLOW_RELOAD_H

#include "flow/parts.h"
#include "model/conf.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * Configurations coming into use: the one that the daemon starts with, and
 * those that HUP brings. All or nothing: what cannot be loaded or applied
 * changes nothing that runs. A configuration is in use, and said to be, once
 * the store has numbered its endpoints.
 */
struct reload;

struct reload_sides {
	struct parts *parts;
	const char *conf_dir;
};

struct reload *reload_open(const struct reload_sides *sides);
void reload_close(struct reload *reload);

/* Brings the first configuration into use; takes it over. */
void reload_begin(struct reload *reload, struct conf *conf);
/* Loads the directory again (HUP). Before the first one is in use it is
 * remembered and done then. */
void reload_ask(struct reload *reload);
/* Asks the store again for what it could not number. */
void reload_retry(struct reload *reload);

/* The answer to WORK_ENDPOINTS: puts the plan into use. */
void reload_numbered(struct reload *reload, struct work *work);
/* True when nothing is under way in the committer. */
bool reload_quiet(const struct reload *reload);
/* Of the configuration in use, from 1; 0: none is yet. */
int64_t reload_generation(const struct reload *reload);

#endif
