/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef MODEL_CONF_SHOW_H
#define MODEL_CONF_SHOW_H

#include "base/buf.h"
#include "model/conf.h"

#include <jansson.h>

/*
 * A configuration as JSON for people and jq: what applies, with all defaults
 * filled in, by the keys of the files. No secret is in it: a value that lies
 * elsewhere comes as "<file:NAME>" (or env, credential), the value of any other
 * header as the mask, a URL without its user and its query.
 *
 * The settings of spoolhook.json, and in "webhooks" each webhook by its id. The
 * caller's reference.
 */
json_t *conf_show(const struct conf *conf);

/* What applies when nothing is written; "defaults" tells what webhooks begin
 * with. `dir` is the configuration directory. */
json_t *conf_show_defaults(const char *dir);

/* What in `conf` differs from the built-in defaults; ids and endpoints of
 * webhooks stay. */
json_t *conf_show_changed(const struct conf *conf);

/* Where a secret lies: "<file:NAME>", as it stands in a shown configuration;
 * the mask for NULL. Can be shown on a terminal. */
void conf_show_origin(struct buf *out, const json_t *origin);

#endif
