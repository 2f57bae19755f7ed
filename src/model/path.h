/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef MODEL_PATH_H
#define MODEL_PATH_H

#include "base/why.h"

#include <jansson.h>
#include <stdbool.h>

/*
 * A path into an event: `a.b`, `a["odd key"]`, `list[0]`, `list[-1]` (from the
 * end), `list[*].x` (any element). Compiled once, walked often.
 */
struct path;

/* Of a path's text, in bytes, and of its steps. */
enum { PATH_TEXT_MAX = 1024, PATH_STEPS_MAX = 64 };

/* NULL and a sentence that names the column when the text is no path. */
struct path *path_parse(const char *text, struct why *why);
void path_free(struct path *path);
const char *path_text(const struct path *path);

/* Calls `visit` for every value that the path reaches (several with `[*]`)
 * until it returns true; returns whether it did. A path that reaches nothing
 * calls nothing. */
bool path_walk(const struct path *path, const json_t *root,
    bool (*visit)(void *arg, const json_t *value), void *arg);
/* The first value reached, NULL when there is none. Lent. */
const json_t *path_first(const struct path *path, const json_t *root);
/* Puts `value`, whose reference it takes, where the path leads, and makes the
 * objects on the way. False when it leads nowhere: through a value that is no
 * object, to an element that is not there, or by `[*]`. */
bool path_set(const struct path *path, json_t *root, json_t *value);
/* True when the path's first key is `key`. */
bool path_starts_at(const struct path *path, const char *key);

#endif
