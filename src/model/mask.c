/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * model/mask: what may be seen of a URL. It shows parts that it has understood
 * and nothing else: user and password, query and fragment never, and of a
 * text whose host or port makes no sense only the mask, for a password with a
 * stray '/' or '?' in it looks like that. What it shows passes text_visible,
 * so a URL cannot write to a terminal either.
 */
#include "model/mask.h"

#include "base/text.h"

#include <ctype.h>
#include <string.h>

const char mask_text[] = "***";

static const char ellipsis[] = "\xe2\x80\xa6";

struct parts {
	size_t scheme; /* length, without "://"; 0 when there is none */
	const char *host; /* with its port */
	size_t host_len; /* 0 when it makes no sense */
	const char *path; /* up to the query */
	size_t path_len;
	char tail; /* '?', '#', or NUL when the path ends the URL */
};

static size_t scheme_length(const char *url)
{
	size_t len = 0;

	while (isalnum((unsigned char)url[len]) ||
	    (len && url[len] && strchr("+-.", url[len])))
		len++;
	return strncmp(url + len, "://", 3) == 0 ? len : 0;
}

static bool port_fits(const char *s, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		if (!isdigit((unsigned char)s[i]))
			return false;
	}
	return len <= 5;
}

/* A name, an IPv4 address or one in brackets, and maybe a port. */
static bool host_fits(const char *s, size_t len)
{
	size_t i = 0;

	if (len && s[0] == '[') {
		while (i < len && s[i] != ']')
			i++;
		if (i == len)
			return false;
		i++;
	}
	for (; i < len && s[i] != ':'; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c < 0x80 && !isalnum(c) && !strchr("-._~", c))
			return false;
	}
	return i && (i == len || port_fits(s + i + 1, len - i - 1));
}

static struct parts take_apart(const char *url)
{
	struct parts parts = { .scheme = scheme_length(url) };
	const char *start = parts.scheme ? url + parts.scheme + 3 : url;
	size_t len = strcspn(start, "/?#\\");
	const char *at = memrchr(start, '@', len);

	parts.host = at ? at + 1 : start;
	parts.host_len = len - (size_t)(parts.host - start);
	if (!host_fits(parts.host, parts.host_len))
		parts.host_len = 0;
	parts.path = start + len;
	parts.path_len = strcspn(parts.path, "?#");
	parts.tail = parts.path[parts.path_len];
	return parts;
}

void mask_url(struct buf *out, const char *url, bool secret)
{
	struct parts parts = take_apart(url);

	if (parts.scheme) {
		text_visible(out, url, parts.scheme);
		buf_puts(out, "://");
	}
	if (!parts.host_len) {
		buf_puts(out, ellipsis);
		return;
	}
	text_visible(out, parts.host, parts.host_len);
	if (secret) {
		buf_printf(out, "/%s", ellipsis);
		return;
	}
	text_visible(out, parts.path, parts.path_len);
	if (parts.tail)
		buf_printf(out, "%c%s", parts.tail, ellipsis);
}

void mask_url_host(struct buf *out, const char *url)
{
	struct parts parts = take_apart(url);

	if (!parts.host_len) {
		buf_puts(out, ellipsis);
		return;
	}
	text_visible(out, parts.host, parts.host_len);
}
