/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * model/conf_check: the small grammars of a configuration: URLs (the part of
 * RFC 3986 that HTTP has use for), mail addresses, servers. Stricter than the
 * libraries that get them later, so that nothing passes here that is read in
 * two ways there. Never looks a name up, never repeats a value; pure.
 */
#include "model/conf_check.h"

#include "base/mem.h"
#include "base/text.h"
#include "model/mail.h"
#include "model/request.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

enum { PORT_MAX = 65535, HOST_MAX = 253, TRIGGER_MAX = 128 };

static bool is_graph(const char *s)
{
	for (; *s; s++) {
		if (*s <= 0x20 || *s >= 0x7f)
			return false;
	}
	return true;
}

static bool consists_of(const char *s, size_t len, const char *others)
{
	size_t i;

	for (i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];

		if (!c || (!isalnum(c) && !strchr(others, c)))
			return false;
	}
	return true;
}

static bool is_port(const char *s, size_t len)
{
	int port = 0;
	size_t i;

	if (!len || len > 5)
		return false;
	for (i = 0; i < len; i++) {
		if (!isdigit((unsigned char)s[i]))
			return false;
		port = port * 10 + (s[i] - '0');
	}
	return port >= 1 && port <= PORT_MAX;
}

/* The host of `host[:port]`, and what is behind it. */
static const char *check_authority(const char *s, size_t len)
{
	const char *port;
	size_t host = len;

	if (len && s[0] == '[') {
		const char *close = memchr(s, ']', len);

		if (!close || close - s < 3)
			return "has no ']' behind its IPv6 address";
		host = (size_t)(close - s) + 1;
		if (!consists_of(s + 1, host - 2, ":.%"))
			return "has a bad IPv6 address";
		port = host < len ? close + 1 : NULL;
	} else {
		port = memchr(s, ':', len);
		host = port ? (size_t)(port - s) : len;
		if (host > HOST_MAX || !consists_of(s, host, "-._"))
			return "has a host with characters that no host "
			       "name has";
	}
	if (!host)
		return "has no host";
	if (port && (*port != ':' || !is_port(port + 1, len - host - 1)))
		return "has a bad port; it is a number from 1 to 65535";
	return NULL;
}

const char *check_url(const char *url)
{
	const char *user;
	size_t len;

	if (strlen(url) > URL_MAX)
		return "is longer than 8192 bytes";
	if (!is_graph(url))
		return "holds a blank, control character or letter outside "
		       "of ASCII; write it as %XX";
	if (strncasecmp(url, "http://", 7) == 0)
		url += 7;
	else if (strncasecmp(url, "https://", 8) == 0)
		url += 8;
	else
		return "must start with http:// or https://";
	len = strcspn(url, "/?#");
	if (memchr(url, '\\', len))
		return "holds a backslash";
	user = memrchr(url, '@', len);
	if (user) {
		len -= (size_t)(user + 1 - url);
		url = user + 1;
	}
	return check_authority(url, len);
}

const char *check_address(const char *address)
{
	const char *at = strchr(address, '@');

	if (!is_graph(address))
		return "must be a mail address in ASCII without blanks";
	if (!at || at != strrchr(address, '@'))
		return "must be a mail address with one '@'";
	if (at == address || !at[1] || strlen(address) > ADDRESS_MAX)
		return "must be a mail address such as \"oncall@example.org\"";
	if (strpbrk(address, "<>()[]\\,;:\""))
		return "must be a plain mail address, without name, brackets "
		       "or quotes";
	return NULL;
}

/* A person's name may stand before the address. */
const char *check_sender(const char *sender)
{
	auto_free char *address = mail_address(sender);

	if (!address)
		return "must be a mail address such as \"hooks@example.org\" or "
		       "\"Webhooks <hooks@example.org>\"";
	return NULL;
}

const char *check_server(const char *server)
{
	const char *wrong;

	if (!is_graph(server))
		return "must be HOST:PORT in ASCII without blanks";
	if (server[0] == '[')
		return "cannot be an IPv6 address; give the server a name";
	wrong = check_authority(server, strlen(server));
	return wrong && !strstr(wrong, "port")
	    ? "must be HOST:PORT, such as \"localhost:25\""
	    : wrong;
}

const char *check_host(const char *host)
{
	size_t len = strlen(host);

	if (!len || len > HOST_MAX || !consists_of(host, len, "-._[]:"))
		return "must be a host name, such as \"hooks.example.org\"";
	return NULL;
}

const char *check_trigger(const char *trigger)
{
	size_t len = strlen(trigger);

	if (strcmp(trigger, "*") == 0)
		return NULL;
	if (!len || len > TRIGGER_MAX || !consists_of(trigger, len, "_.-"))
		return "must be an event type, such as "
		       "\"incident_triggered\", or \"*\" for all";
	return NULL;
}

const char *check_pattern(const char *pattern)
{
	if (!*pattern || strchr(pattern, '/'))
		return "must be a pattern for file names, such as \"*.json\"";
	return check_line(pattern);
}

const char *check_header_value(const char *value)
{
	if (!*value)
		return "is empty";
	if (!request_header_value_valid(value))
		return "holds a line break or NUL";
	return NULL;
}

const char *check_line(const char *text)
{
	for (; *text; text++) {
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return "holds a control character";
	}
	return NULL;
}

const char *check_prose(const char *text)
{
	for (; *text; text++) {
		if (((unsigned char)*text < 0x20 && *text != '\n' &&
			*text != '\t') ||
		    *text == 0x7f)
			return "holds a control character";
	}
	return NULL;
}

const char *check_word(const char *text)
{
	return *text ? check_line(text) : "is empty";
}

bool server_is_loopback(const char *server)
{
	size_t len = strcspn(server, ":");

	return (len == 9 && strncasecmp(server, "localhost", len) == 0) ||
	    (text_starts(server, "127.") &&
		strspn(server, "0123456789.") == len);
}

int server_port(const char *server)
{
	const char *colon = strrchr(server, ':');
	int64_t port;

	if (!colon || !text_int(colon + 1, 1, PORT_MAX, &port))
		return 0;
	return (int)port;
}
