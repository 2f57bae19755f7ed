/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef MODEL_CONF_CHECK_H
#define MODEL_CONF_CHECK_H

#include <stdbool.h>

/*
 * What single texts of a configuration must look like. Each check returns NULL
 * for a good text, else what is wrong with it, to be put behind the key's name
 * ("must start with …"); static text that never quotes the value, which may be
 * a secret.
 */

enum { URL_MAX = 8192, ADDRESS_MAX = 254 };

/* http:// or https://, a host, perhaps a port; printable ASCII throughout. */
const char *check_url(const char *url);
/* One '@', printable ASCII, nothing that would need quotes in a header. */
const char *check_address(const char *address);
const char *check_sender(const char *sender);
/* `host` or `host:port`. */
const char *check_server(const char *server);
/* A host's name, as the EHLO line has it. */
const char *check_host(const char *host);
/* An event type: letters, digits, '_', '.', '-'; or "*". */
const char *check_trigger(const char *trigger);
/* A pattern of fnmatch(3) for names in one directory. */
const char *check_pattern(const char *pattern);
/* A header's value, also as a secret; never empty. */
const char *check_header_value(const char *value);
/* Any text in one line, printable. */
const char *check_line(const char *text);
/* The same, but of several lines. */
const char *check_prose(const char *text);
/* A line that is not empty. */
const char *check_word(const char *text);

/* True for a host:port that is this host: localhost, 127.…, [::1]. */
bool server_is_loopback(const char *server);
/* The port of host:port, 0 when none is written. */
int server_port(const char *server);

#endif
