/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef PORT_HTTP_H
#define PORT_HTTP_H

#include "base/why.h"
#include "model/answer.h"
#include "model/request.h"

#include <stdbool.h>

/*
 * HTTP/1.1 by libcurl's multi interface, driven from outside: the owner's loop
 * watches the sockets and the timer that it is asked to, calls http_ready and
 * http_tick, and reaps what is finished. One thread only.
 */
struct http;

enum http_want { HTTP_READ = 1, HTTP_WRITE = 2 };

struct http_loop {
	void *arg;
	/* Watch `fd` for `want` (0: no more); *slot is the watcher's own place
	 * for its state, NULL at first, kept until want is 0. */
	void (*watch)(void *arg, int fd, int want, void **slot);
	/* Call http_tick after `ms`; 0 at once, -1 no timer. */
	void (*alarm)(void *arg, long ms);
};

struct http_settings {
	const char *ca_file; /* NULL: the system's */
	const char *proxy; /* NULL: none; the environment is ignored */
	int max_connections; /* kept open at most, over all endpoints */
};

/* Global set-up of the library; once, before threads. Ignores SIGPIPE, which
 * a TLS connection that breaks off would raise. */
int http_begin(struct why *why);
/* The library's name and version. Lent. */
const char *http_library(void);

/* Whether the settings can be used at all: a CA file that cannot be read fails
 * here, once, instead of in every call. May be called by any thread. */
int http_check(const struct http_settings *settings, struct why *why);

struct http *http_open(const struct http_settings *settings,
    const struct http_loop *loop, struct why *why);
/* Ends calls that are under way; their tokens are not reaped. Watchers are
 * given back through `watch` meanwhile. */
void http_close(struct http *http);
/* New settings for the calls that start from now on; a CA file of the same
 * name is read again. On failure the old ones stay. */
int http_configure(
    struct http *http, const struct http_settings *settings, struct why *why);

/* Starts a call. `request` is lent until its token is reaped. A failure to
 * start is reaped too, as FAULT_LOCAL. */
void http_start(struct http *http, const struct request *request, void *token);
/* A watched socket is ready; HTTP_READ, HTTP_WRITE or both. */
void http_ready(struct http *http, int fd, int want);
/* The alarm went off. */
void http_tick(struct http *http);
/* Takes one finished call; false when there is none. Ask after each of the
 * three above, until false. */
bool http_reap(struct http *http, void **token, struct answer *answer);

#endif
