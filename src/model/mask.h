/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef MODEL_MASK_H
#define MODEL_MASK_H

#include "base/buf.h"

#include <stdbool.h>

/* The one place where secrets are hidden: everything that is shown, logged,
 * mailed or reported passes here. */

/* The URL without user, password and query values: `https://host/path?…`. A
 * secret URL (it came from a file, env or credential) shows only its scheme
 * and host: `https://host/…`. Of a text that is no URL only "…" is seen. */
void mask_url(struct buf *out, const char *url, bool secret);
/* Only `host[:port]` of the URL, for the log's url_host; "…" when there is
 * none. */
void mask_url_host(struct buf *out, const char *url);
/* What stands for a header's value, whatever its length. */
extern const char mask_text[];

#endif
