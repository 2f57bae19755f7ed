/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef MODEL_CONF_PART_H
#define MODEL_CONF_PART_H

#include "model/conf_read.h"

/* What the model/conf files share among themselves. */

/* Filled from spoolhook.json's object. `defaults` and `default_filter` (what a
 * webhook without a filter gets; NULL for none) take its "defaults". */
struct settings {
	struct conf *conf;
	struct webhook *defaults;
	json_t *default_filter;
};
/* Built-in settings for a configuration in `dir`. */
void settings_init(struct conf *conf, const char *dir);
void settings_read(struct reader *r, json_t *json, struct settings *settings);
/* What no key sets until all are read: inputs, the log's place. */
void settings_complete(struct conf *conf);

/* Built-in defaults of a webhook. */
void webhook_init(struct webhook *webhook);
void webhook_copy(struct webhook *to, const struct webhook *from);
void webhook_clear(struct webhook *webhook);
/* Reads "defaults": any key but endpoints. */
void webhook_read_defaults(
    struct reader *r, json_t *json, struct webhook *webhook);
/* Reads a webhook's own file over its defaults. */
void webhook_read(struct reader *r, json_t *json, struct webhook *webhook);

/* Reads "headers" over what is there: a name that is there is replaced. */
void headers_read(
    struct reader *r, json_t *json, struct header **headers, size_t *count);
void headers_free(struct header *headers, size_t count);
struct header *headers_copy(const struct header *headers, size_t count);
/* Reads "endpoints". */
void endpoints_read(struct reader *r, json_t *json, struct webhook *webhook);
/* Reads a URL or where it lies; NULL when it is wrong (was said). */
char *url_read(struct reader *r, json_t *json, bool *secret);

#endif
