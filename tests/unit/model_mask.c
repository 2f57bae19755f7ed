/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/* No secret of a URL is shown, and of what is no URL nothing at all. */
#include "model/mask.h"

#include "base/mem.h"
#include "tap.h"

static char *shown(const char *url, bool secret)
{
	struct buf out = BUF_INIT(4096);

	mask_url(&out, url, secret);
	return buf_steal(&out);
}

static void shows(const char *url, const char *wanted, const char *name)
{
	auto_free char *got = shown(url, false);

	is_str(got, wanted, name);
}

static void shows_secret(const char *url, const char *wanted, const char *name)
{
	auto_free char *got = shown(url, true);

	is_str(got, wanted, name);
}

static void host(const char *url, const char *wanted, const char *name)
{
	struct buf out = BUF_INIT(4096);
	auto_free char *got = NULL;

	mask_url_host(&out, url);
	got = buf_steal(&out);
	is_str(got, wanted, name);
}

static void broken(void)
{
	static const char *const urls[] = { "https://ann:se/cret@host/",
		"https://ann:se?cret@host/", "https://ann:secret#@host/",
		"https://ann:secret", "https://@/secret", "https:///secret",
		"https://[::1/secret", "https://ho st/secret",
		"https://host:secret/", "https://host:123456/secret",
		"//ann:secret", "secret@", "", "\\secret", "::secret", NULL };
	size_t i;

	for (i = 0; urls[i]; i++) {
		auto_free char *got = shown(urls[i], false);

		ok(!strstr(got, "secret") && !strstr(got, "cret"),
		    "nothing is shown of %s", urls[i]);
	}
	host("https://ann:se/cret@host/", "\xe2\x80\xa6",
	    "nor does a host come of it");
}

static void parts(void)
{
	shows("https://hooks.example.org/v1/incidents",
	    "https://hooks.example.org/v1/incidents", "a plain URL is shown");
	shows("http://127.0.0.1:8080/", "http://127.0.0.1:8080/",
	    "so is its port");
	shows("http://[2001:db8::1]:8080/x", "http://[2001:db8::1]:8080/x",
	    "and an address in brackets");
	shows("https://ann:secret@host/x", "https://host/x",
	    "user and password are not");
	shows("https://ann@host", "https://host", "nor is a user alone");
	shows("https://a@b:secret@host/x", "https://host/x",
	    "nor is a user that holds an @");
	shows("https://host/x?token=secret&b=1", "https://host/x?\xe2\x80\xa6",
	    "nor is the query");
	shows("https://host?token=secret", "https://host?\xe2\x80\xa6",
	    "also behind a bare host");
	shows("https://host/x#secret", "https://host/x#\xe2\x80\xa6",
	    "nor is the fragment");
	shows("https://host/@ann/x", "https://host/@ann/x",
	    "an @ in the path is only an @");
	shows("host.example:80/x?y", "host.example:80/x?\xe2\x80\xa6",
	    "a URL without its scheme is read all the same");
	shows("https://host/\x1b[2J\n", "https://host/\\x1b[2J\\x0a",
	    "what would reach into a terminal is made visible");
}

static void secrets(void)
{
	shows_secret("https://hooks.example.org/T0/B0/secret",
	    "https://hooks.example.org/\xe2\x80\xa6",
	    "of a secret URL only scheme and host are shown");
	shows_secret("https://ann:secret@host?x", "https://host/\xe2\x80\xa6",
	    "and nothing of the rest");
	shows_secret("secret text", "\xe2\x80\xa6",
	    "of a secret that is no URL nothing is");
}

static void hosts(void)
{
	host("https://ann:secret@hooks.example.org:8443/x?y",
	    "hooks.example.org:8443", "the log gets host and port");
	host("https://[::1]/x", "[::1]", "also of an address in brackets");
}

int main(void)
{
	broken();
	parts();
	secrets();
	hosts();
	ok(strlen(mask_text) > 0 && strlen(mask_text) < 8,
	    "a header's mask tells nothing of its length");
	return done();
}
