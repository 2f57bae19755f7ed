/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * model/conf: what a configuration may hold and what not, what it means when
 * it holds nothing, and how defaults and webhooks come together.
 */
#include "base/buf.h"
#include "base/mem.h"
#include "base/say.h"
#include "model/conf.h"

#include "tap.h"
#include <string.h>

static struct findings findings;
static struct buf shown = BUF_INIT(8 * 1024 * 1024);
static struct conf *conf;

/* Three secrets exist; all others do not. */
static char *fetch(void *arg, const char *kind, const char *name,
    const char *base, struct why *why)
{
	(void)arg;
	(void)base;
	if (strcmp(name, "token") == 0)
		return mem_printf("%s-s3cret", kind);
	if (strcmp(name, "lines") == 0)
		return mem_strdup("s3cret\nInjected: 1");
	if (strcmp(name, "url") == 0)
		return mem_strdup("https://me:s3cret@host.example/hook");
	if (strcmp(name, "empty") == 0)
		return mem_strdup("");
	fail(why, "there is no %s", name);
	return NULL;
}

static enum secrets_need need;

/* Loads spoolhook.json (NULL: none) and webhooks: id, text, …, NULL. What was
 * found is in `shown`, the result in `conf`. */
static void load(const char *settings, const char *const *webhooks)
{
	struct conf_secrets secrets = { .need = need, .fetch = fetch };
	struct conf_draft *draft = conf_draft_new("/etc/x");
	size_t i;

	conf_free(conf);
	findings_clear(&findings);
	buf_reset(&shown);
	conf_draft_settings(draft, "spoolhook.json", settings,
	    settings ? strlen(settings) : 0, &secrets, &findings);
	for (i = 0; webhooks && webhooks[i]; i += 2) {
		auto_free char *file =
		    mem_printf("webhooks.d/%s.json", webhooks[i]);

		conf_draft_webhook(draft, webhooks[i], file, webhooks[i + 1],
		    strlen(webhooks[i + 1]), &secrets, &findings);
	}
	conf = conf_draft_finish(draft, &findings);
	for (i = 0; i < findings.count; i++)
		finding_print(&findings.all[i], &shown);
}

static void load_webhook(const char *text)
{
	load(NULL, (const char *const[]){ "w", text, NULL });
}

/* One endpoint, and then more keys. */
static void load_keys(const char *keys)
{
	auto_free char *text =
	    mem_printf("{\"endpoints\": [\"https://h/\"],\n%s}", keys);

	load_webhook(text);
}

static bool found(const char *code)
{
	size_t i;

	for (i = 0; i < findings.count; i++) {
		if (strcmp(findings.all[i].code, code) == 0)
			return true;
	}
	return false;
}

/* Exactly one error, of this code. */
static bool refused(const char *code)
{
	bool only = !conf && findings.errors == 1 && found(code);

	if (!only)
		printf("# found: %s\n", buf_text(&shown));
	return only;
}

/* Mistakes in spoolhook.json. */
static void bad_settings(void)
{
	static const struct {
		const char *text, *code, *name;
	} cases[] = {
		{ "[]", "wrong-type", "a list is no configuration" },
		{ "null", "wrong-type", "null is no configuration" },
		{ "{\"spol\": {}}", "unknown-key", "an unknown key" },
		{ "{\"spool\": {\"dri\": \"x\"}}", "unknown-key",
		    "an unknown key further inside" },
		{ "{\"log\": {}, \"log\": {}}", "duplicate-key",
		    "a key that is there twice" },
		{ "{\"spool\": []}", "wrong-type", "a list for an object" },
		{ "{\"spool\": {\"dir\": 7}}", "wrong-type",
		    "a number for a path" },
		{ "{\"spool\": {\"dir\": \"\"}}", "bad-value", "no path" },
		{ "{\"spool\": {\"settle\": 60}}", "wrong-type",
		    "a duration without unit" },
		{ "{\"spool\": {\"settle\": \"60 s\"}}", "bad-duration",
		    "a duration with a blank" },
		{ "{\"spool\": {\"settle\": \"1ms\"}}", "out-of-range",
		    "a duration that is too short" },
		{ "{\"spool\": {\"rescan\": \"2h\"}}", "out-of-range",
		    "a duration that is too long" },
		{ "{\"spool\": {\"max_event_size\": \"1 MB\"}}", "bad-size",
		    "a size with a strange unit" },
		{ "{\"spool\": {\"max_event_size\": \"65M\"}}", "out-of-range",
		    "a size that is too large" },
		{ "{\"spool\": {\"min_free\": null}}", "wrong-type",
		    "null for a size" },
		{ "{\"spool\": {\"inputs\": {}}}", "wrong-type",
		    "an object for inputs" },
		{ "{\"spool\": {\"inputs\": [{}]}}", "missing-key",
		    "an input without directory" },
		{ "{\"spool\": {\"inputs\": [\"x\"]}}", "wrong-type",
		    "a text for an input" },
		{ "{\"spool\": {\"inputs\": [{\"dir\":\"a\"},{\"dir\":\"a\"}"
		  "]}}",
		    "duplicate-input", "the same input twice" },
		{ "{\"spool\": {\"inputs\": [{\"dir\":\"a\",\"pattern\":\" "
		  "\"}]}}",
		    "bad-value", "an empty pattern" },
		{ "{\"spool\": {\"inputs\": [{\"dir\":\"a\",\"pattern\":\"b/"
		  "*\"}]}}",
		    "bad-value", "a pattern with a slash" },
		{ "{\"retention\": {\"dead\": \"3651d\"}}", "bad-duration",
		    "eleven years" },
		{ "{\"log\": {\"level\": \"verbose\"}}", "bad-value",
		    "an unknown level" },
		{ "{\"delivery\": {\"max_in_flight\": 0}}", "out-of-range",
		    "nothing in flight" },
		{ "{\"delivery\": {\"max_in_flight\": 2.5}}", "wrong-type",
		    "a half" },
		{ "{\"delivery\": {\"user_agent\": \"a\\nb\"}}", "bad-value",
		    "a user agent of two lines" },
		{ "{\"delivery\": {\"proxy\": \"socks5://p\"}}", "bad-url",
		    "a proxy that is not HTTP" },
		{ "{\"mail\": {\"server\": \"m.example:465\"}}", "smtps",
		    "port 465" },
		{ "{\"mail\": {\"server\": \"m.example:0\"}}", "bad-value",
		    "port 0" },
		{ "{\"mail\": {\"server\": \"a b:25\"}}", "bad-value",
		    "a server with a blank" },
		{ "{\"mail\": {\"starttls\": \"on\"}}", "bad-value",
		    "STARTTLS on" },
		{ "{\"mail\": {\"auth\": {\"user\": \"u\"}}}", "missing-key",
		    "a user without password" },
		{ "{\"mail\": {\"server\": \"m.example:25\", \"auth\": "
		  "{\"user\":\"u\",\"password\":\"p\"}}}",
		    "auth-in-clear", "a password over an open line" },
		{ "{\"mail\": {\"from\": \"a@b@c\"}}", "bad-value",
		    "an address with two @" },
		{ "{\"mail\": {\"to\": [\"a@b\\r\\nBcc: x@y\"]}}", "bad-value",
		    "an address with a line break" },
		{ "{\"mail\": {\"to\": [\"\xc3\xa4@b\"]}}", "bad-value",
		    "an address outside of ASCII" },
		{ "{\"mail\": {\"to\": \"a@b\"}}", "wrong-type",
		    "a text for a list" },
		{ "{\"mail\": {\"hello\": \"-x y\"}}", "bad-value",
		    "a name with a blank for EHLO" },
		{ "{\"defaults\": {\"endpoints\": []}}", "unknown-key",
		    "endpoints for all" },
		{ "{\"defaults\": {\"timeout\": \"0\"}}", "out-of-range",
		    "a bad default" },
		{ "{\"defaults\": {\"filter\": {\"al\": []}}}", "unknown-key",
		    "a bad filter among the defaults" },
		{ "{\"$schema\": 1}", "wrong-type", "a number for a schema" },
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		load(cases[i].text, NULL);
		ok(refused(cases[i].code), "spoolhook.json: %s is refused",
		    cases[i].name);
	}
}

/* Mistakes in a webhook, beside one good endpoint. */
static void bad_keys(void)
{
	static const struct {
		const char *keys, *code, *name;
	} cases[] = {
		{ "\"retry\": {\"max_retires\": 3}", "unknown-key",
		    "a mistyped key" },
		{ "\"name\": \"\"", "bad-value", "an empty name" },
		{ "\"name\": \"a\\u001bb\"", "bad-value",
		    "a name that writes to terminals" },
		{ "\"enabled\": \"yes\"", "wrong-type", "yes for true" },
		{ "\"enabled\": 1", "wrong-type", "1 for true" },
		{ "\"triggers\": \"*\"", "wrong-type",
		    "a text for the triggers" },
		{ "\"triggers\": []", "out-of-range", "no trigger" },
		{ "\"triggers\": [\"a b\"]", "bad-value",
		    "a trigger with a blank" },
		{ "\"timeout\": \"2h\"", "out-of-range", "a long timeout" },
		{ "\"concurrency\": 257", "out-of-range", "too much at once" },
		{ "\"order\": \"event\"", "bad-value", "an unknown order" },
		{ "\"retry\": {\"max_retries\": -1}", "out-of-range",
		    "fewer than no retries" },
		{ "\"retry\": {\"max_retries\": \"3\"}", "wrong-type",
		    "a text for a number" },
		{ "\"retry\": {\"max_retries\": 99999999999999}",
		    "out-of-range", "a huge number" },
		{ "\"retry\": {\"delays\": []}", "out-of-range", "no delay" },
		{ "\"retry\": {\"delays\": [\"1s\", 2]}", "wrong-type",
		    "a delay without unit" },
		{ "\"retry\": {\"jitter\": 1.5}", "out-of-range",
		    "too much jitter" },
		{ "\"retry\": {\"jitter\": \"0.1\"}", "wrong-type",
		    "a text for jitter" },
		{ "\"retry\": {\"never\": [600]}", "out-of-range",
		    "a status that is none" },
		{ "\"retry\": {\"never\": [\"4xx\"]}", "wrong-type",
		    "a class of statuses" },
		{ "\"breaker\": {\"rest\": \"0\"}", "out-of-range",
		    "a breaker without rest" },
		{ "\"failure_email\": [\"me\"]", "bad-value",
		    "an address without @" },
		{ "\"headers\": []", "wrong-type", "a list of headers" },
		{ "\"headers\": {\"A B\": \"x\"}", "bad-header",
		    "a header's name with a blank" },
		{ "\"headers\": {\"\": \"x\"}", "bad-header",
		    "a header without name" },
		{ "\"headers\": {\"A\": \"\"}", "bad-header",
		    "a header without value" },
		{ "\"headers\": {\"A\": \"x\\r\\nB: y\"}", "bad-header",
		    "a header that starts another" },
		{ "\"headers\": {\"A\": 1}", "wrong-type",
		    "a number for a header" },
		{ "\"headers\": {\"Host\": \"x\"}", "reserved-header",
		    "a reserved header" },
		{ "\"headers\": {\"Webhook-Id\": \"x\"}", "reserved-header",
		    "a reserved header in other letters" },
		{ "\"headers\": {\"X-A\": \"1\", \"x-a\": \"2\"}",
		    "duplicate-header", "a header twice" },
		{ "\"headers\": {\"A\": {}}", "secret", "a secret of no kind" },
		{ "\"headers\": {\"A\": {\"file\":\"token\",\"env\":\"token\"}"
		  "}",
		    "secret", "a secret of two kinds" },
		{ "\"headers\": {\"A\": {\"file\":\"gone\"}}", "secret",
		    "a secret that is not there" },
		{ "\"headers\": {\"A\": {\"credential\":\"gone\"}}", "secret",
		    "a credential that is not there" },
		{ "\"headers\": {\"A\": {\"file\":\"empty\"}}", "secret",
		    "a secret of nothing" },
		{ "\"headers\": {\"A\": {\"env\":\"lines\"}}", "bad-header",
		    "a secret of two lines" },
		{ "\"headers\": {\"A\": {\"file\":\"token\",\"prefx\":\"B\"}}",
		    "unknown-key", "an unknown key in a secret" },
		{ "\"filter\": {\"field\":\"a\",\"op\":\"matches\","
		  "\"value\":\"(\"}",
		    "bad-pattern", "a broken pattern" },
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		load_keys(cases[i].keys);
		ok(refused(cases[i].code), "webhook: %s is refused",
		    cases[i].name);
		ok(!strstr(buf_text(&shown), "s3cret"),
		    "and no secret is told of");
	}
}

static void bad_endpoints(void)
{
	static const struct {
		const char *endpoints, *code, *name;
	} cases[] = {
		{ "\"https://h/\"", "wrong-type", "a text for the list" },
		{ "[]", "out-of-range", "no endpoint" },
		{ "[7]", "wrong-type", "a number" },
		{ "[{}]", "missing-key", "an endpoint without URL" },
		{ "[\"\"]", "bad-url", "an empty URL" },
		{ "[\"h.example/x\"]", "bad-url", "a URL without scheme" },
		{ "[\"ftp://h/\"]", "bad-url", "FTP" },
		{ "[\"file:///etc/passwd\"]", "bad-url", "a file" },
		{ "[\"https://\"]", "bad-url", "a URL without host" },
		{ "[\"https:///x\"]", "bad-url", "a URL with path only" },
		{ "[\"https://me:s3cret@/x\"]", "bad-url",
		    "a URL with user only" },
		{ "[\"https://h:99999/\"]", "bad-url", "a port too high" },
		{ "[\"https://h:/\"]", "bad-url", "an empty port" },
		{ "[\"https://h:s3cret/x\"]", "bad-url",
		    "a port that is no number" },
		{ "[\"https://[::1/\"]", "bad-url", "half an IPv6 address" },
		{ "[\"https://a b/\"]", "bad-url", "a host with a blank" },
		{ "[\"https://h\\\\@x/\"]", "bad-url",
		    "a backslash that parsers differ about" },
		{ "[\"https://h/\\r\\nX: y\"]", "bad-url",
		    "a URL with a line break" },
		{ "[\"https://h/\xc3\xa4\"]", "bad-url",
		    "a URL outside of ASCII" },
		{ "[{\"url\": \"https://h\", \"method\": \"GET\"}]",
		    "unknown-method", "GET" },
		{ "[{\"url\": \"https://h\", \"method\": \"post\"}]",
		    "unknown-method", "a method in small letters" },
		{ "[{\"url\": \"https://h\", \"id\": \"A\"}]", "bad-id",
		    "an id in capitals" },
		{ "[{\"url\": \"https://h\", \"id\": \"a/b\"}]", "bad-id",
		    "an id that is a path" },
		{ "[{\"url\":\"https://h\",\"id\":\"a\"},"
		  "{\"url\":\"https://i\",\"id\":\"a\"}]",
		    "duplicate-endpoint", "an id twice" },
		{ "[{\"url\":\"https://h\",\"id\":\"1\"},\"https://i\"]",
		    "duplicate-endpoint", "an id that is another's index" },
		{ "[{\"url\": {\"file\": \"token\"}}]", "bad-url",
		    "a secret that is no URL" },
		{ "[{\"url\":\"https://h\",\"headers\":{\"Host\":\"x\"}}]",
		    "reserved-header", "a reserved header" },
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		auto_free char *text =
		    mem_printf("{\"endpoints\": %s}", cases[i].endpoints);

		load_webhook(text);
		ok(refused(cases[i].code), "endpoints: %s is refused",
		    cases[i].name);
		ok(!strstr(buf_text(&shown), "s3cret"),
		    "and no secret is shown");
	}
	load_webhook("{}");
	ok(refused("missing-key"), "a webhook without endpoints is refused");
}

static void collisions(void)
{
	load(NULL,
	    (const char *const[]){ "a",
		"{\"endpoints\": [{\"id\": \"b-c\", \"url\": \"http://h\"}]}",
		"a-b",
		"{\"endpoints\": [{\"id\": \"c\", \"url\": \"http://h\"}]}",
		NULL });
	ok(refused("id-collision"),
	    "two webhooks never share the id of a delivery");
	has_str(buf_text(&shown), "webhooks.d/a-b.json:1:23",
	    "which is said at the second one");
}

static void all_at_once(void)
{
	load("{\"spol\": 1, \"log\": {\"level\": 3}}",
	    (const char *const[]){
		"a", "{\"endpoints\": [1], \"x\": 2}", "b", "not JSON", NULL });
	ok(!conf && findings.errors == 5 && findings.count == 5,
	    "all mistakes of all files are found at once");
	has_str(buf_text(&shown), "did you mean \"spool\"?",
	    "with the nearest key as help");
	is_int((long long)findings.files, 3, "all files are looked at");
	load(NULL, NULL);
	ok(conf && !findings.count,
	    "a mistake of one load is no mistake of the next");
}

static void warnings(void)
{
	load_keys("\"triggers\": [\"incident_trigered\", \"my.own.type\"]");
	ok(conf && findings.warnings == 1 && found("unknown-trigger"),
	    "a trigger that looks mistyped is a warning, a strange one none");
	load_keys("\"retry\": {\"never\": [204]}");
	ok(conf && found("no-effect"),
	    "a success that is never retried is a warning");
	load("{\"mail\": {\"server\": \"localhost:25\", \"auth\": {\"user\": "
	     "\"u\", \"password\": \"p\"}}}",
	    NULL);
	ok(conf && findings.warnings == 1 && found("auth-in-clear"),
	    "a password in clear within the host is a warning");
}

static void built_in(void)
{
	load(NULL, NULL);
	is_str(conf->spool_dir, "/var/spool/spoolhook",
	    "without a file, the spool is where it belongs");
	is_str(conf->inputs[0].dir, "/var/spool/spoolhook/incoming",
	    "its drop box is an input");
	is_str(conf->inputs[0].patterns[2], "*.ndjson",
	    "of JSON in files and lines");
	is_str(conf->log_file, "/var/spool/spoolhook/log/delivery.jsonl",
	    "the log lies in the spool");
	is_str(conf->webhooks_dir, "/etc/x/webhooks.d",
	    "webhooks lie in the configuration");
	ok(conf->settle_ms == 60000 && conf->rescan_ms == 30000 &&
		conf->max_event_size == 1048576 &&
		conf->min_free == 64 * 1048576,
	    "the spool's numbers are those of the manual");
	ok(conf->retention.delivered_ms == 7 * 86400000LL &&
		conf->retention.dead_ms == 30 * 86400000LL &&
		conf->retention.unmatched_ms == 86400000 &&
		conf->retention.rejected_ms == 30 * 86400000LL,
	    "and so are the days that things are kept");
	ok(conf->max_in_flight == 256 && conf->log_level == SAY_INFO &&
		!conf->mail.server && conf->mail.timeout_ms == 60000 &&
		conf->mail.starttls == STARTTLS_OFF && !conf->mail.to[0],
	    "and all the rest");
	load("{}", NULL);
	ok(conf && !findings.count, "an empty object is a configuration");
}

static void webhook_built_in(void)
{
	const struct webhook *w;

	load_keys("");
	w = conf_webhook(conf, "w");
	ok(w && w->enabled && w->ordered && w->concurrency == 8 && !w->filter &&
		!w->failure_email && !w->header_count,
	    "a webhook of endpoints alone is on, in order, 8 at a time");
	is_str(w->name, "w", "its name is its id");
	ok(w->timeout_ms == 15000 && w->connect_timeout_ms == 5000 &&
		w->retry.max_retries == 3 && w->retry.delay_count == 3 &&
		w->retry.delays_ms[2] == 600000 && w->breaker.failures == 10 &&
		w->breaker.rest_ms == 300000,
	    "its numbers are those of the manual");
	is_str(w->triggers[3] ? "four" : "fewer", "four",
	    "it takes the four types of incident events");
	is_str(w->endpoints[0].id, "0",
	    "an endpoint without id is called by its index");
	is_str(w->endpoints[0].method, "POST", "and is posted to");
	ok(webhook_endpoint(w, "0") == &w->endpoints[0] &&
		!webhook_endpoint(w, "1") && !conf_webhook(conf, "v"),
	    "webhooks and endpoints are found by their ids");
}

static void all_keys(void)
{
	load("{ \"$schema\": \"s\", // all keys\n"
	     "\"spool\": {\"dir\": \"../spool\", \"inputs\": [{\"dir\": "
	     "\"/in\", \"pattern\": \"*.a  *.b\"}, {\"dir\": \"x\", "
	     "\"pattern\": [\"*.c\"]},], \"settle\": \"1m\", \"rescan\": "
	     "\"10s\", \"max_event_size\": 2048, \"min_free\": \"1G\"},"
	     "\"retention\": {\"delivered\": \"0\", \"dead\": \"1d\", "
	     "\"unmatched\": \"1h\", \"rejected\": \"2d\"},"
	     "\"log\": {\"file\": \"d.jsonl\", \"level\": \"debug\"},"
	     "\"delivery\": {\"max_in_flight\": 9, \"user_agent\": \"u\", "
	     "\"ca_file\": \"ca.pem\", \"proxy\": \"http://me:pw@p:8080\"},"
	     "\"mail\": {\"server\": \"m.example\", \"starttls\": "
	     "\"required\", \"ca_file\": \"/ca\", \"auth\": {\"user\": \"u\", "
	     "\"password\": {\"credential\": \"token\"}}, \"from\": \"f@x\", "
	     "\"hello\": \"h.example\", \"timeout\": \"5s\", \"to\": "
	     "[\"t@x\"]},"
	     "\"webhooks_dir\": \"hooks\", \"templates_dir\": \"/t\"}",
	    NULL);
	ok(conf && !findings.count, "all keys at once are a configuration");
	if (!conf)
		return;
	is_str(conf->spool_dir, "/etc/spool",
	    "paths are relative to the file that holds them");
	is_int((long long)conf->input_count, 3,
	    "the spool's drop box stays, and others come to it");
	is_str(conf->inputs[1].patterns[1], "*.b",
	    "patterns may stand in one text");
	is_str(conf->inputs[2].dir, "/etc/x/x", "inputs are paths, too");
	is_str(conf->mail.server, "m.example:25", "mail has a port");
	is_str(conf->mail.password, "credential-s3cret",
	    "a password may lie elsewhere");
	ok(conf->log_level == SAY_DEBUG && conf->max_event_size == 2048 &&
		conf->mail.starttls == STARTTLS_REQUIRED &&
		conf->retention.delivered_ms == 0,
	    "values arrive");
}

static void merging(void)
{
	const struct webhook *w;

	load("{\"spool\": {\"dir\": \"/s\", \"inputs\": [{\"dir\": "
	     "\"/s/incoming\", \"pattern\": \"*.evt\"}]}, \"defaults\": {"
	     "\"headers\": {\"X-Team\": \"d\", \"X-Two\": \"2\"}, \"retry\": "
	     "{\"max_retries\": 5, \"jitter\": 0}, \"filter\": {\"service\": "
	     "[\"s\"]}, \"failure_email\": [\"a@b\", \"c@d\"], \"timeout\": "
	     "\"3s\"}}",
	    (const char *const[]){ "a", "{\"endpoints\": [\"http://h\"]}", "b",
		"{\"endpoints\": [{\"url\": {\"file\": \"url\"}, \"method\": "
		"\"PATCH\", \"headers\": {\"Z\": \"1\"}}], \"headers\": "
		"{\"x-team\": {\"file\": \"token\", \"prefix\": \"B \", "
		"\"suffix\": \"!\"}}, \"retry\": {\"max_retries\": 1}, "
		"\"filter\": {\"service\": [\"t\"]}, \"failure_email\": []}",
		NULL });
	ok(conf && conf->input_count == 1 &&
		strcmp(conf->inputs[0].patterns[0], "*.evt") == 0,
	    "the spool's drop box may get another pattern");
	w = conf_webhook(conf, "a");
	ok(w->header_count == 2 && w->retry.max_retries == 5 && w->filter &&
		w->timeout_ms == 3000 && w->failure_email[1],
	    "a webhook begins with the defaults");
	w = conf_webhook(conf, "b");
	ok(w->header_count == 2 && w->headers[0].secret &&
		strcmp(w->headers[0].value, "B file-s3cret!") == 0,
	    "its header replaces that of the defaults, whatever the letters");
	ok(w->retry.max_retries == 1 && w->retry.jitter < 0.01,
	    "retry comes together key by key");
	ok(w->failure_email && !w->failure_email[0],
	    "an empty list wants no mail");
	ok(w->endpoints[0].url_secret &&
		strcmp(w->endpoints[0].method, "PATCH") == 0 &&
		w->endpoints[0].header_count == 1,
	    "an endpoint has its own URL, method and headers");
}

/* What decides whether events are parsed whole. */
static void looking(void)
{
	static const char plain[] = "{\"endpoints\": [\"http://h\"]}";
	static const char service[] = "{\"endpoints\": [\"http://h\"], "
				      "\"filter\": {\"service\": \"s\"}}";
	static const char field[] =
	    "{\"endpoints\": [\"http://h\"], \"filter\": {\"field\": "
	    "\"status\", \"op\": \"is\", \"value\": \"x\"}}";
	static const char defaults[] =
	    "{\"defaults\": {\"filter\": {\"not\": {\"field\": "
	    "\"status\", \"op\": \"exists\"}}}}";

	load(NULL, NULL);
	ok(conf && !conf->looks_deeper, "no webhook looks at nothing");
	load(NULL, (const char *const[]){ "a", plain, "b", service, NULL });
	ok(conf && !conf->looks_deeper,
	    "without filters, or of services only, no event is parsed whole");
	load(NULL,
	    (const char *const[]){
		"a", plain, "b", field, "c", service, NULL });
	ok(conf && conf->looks_deeper,
	    "one webhook that asks for a field does");
	load(defaults, (const char *const[]){ "a", plain, NULL });
	ok(conf && conf->looks_deeper, "be it by the defaults");
}

static void needs(void)
{
	static const char keys[] = "\"headers\": {\"A\": {\"credential\": "
				   "\"gone\"}, \"B\": {\"file\": \"gone\"}}";

	need = SECRETS_OPTIONAL;
	load_keys(keys);
	ok(conf && !findings.count &&
		strcmp(conf->webhooks[0]->headers[0].value, "") == 0,
	    "who sends nothing needs no secret");
	load_webhook("{\"endpoints\": [{\"url\": {\"file\": \"gone\"}}]}");
	ok(conf && strcmp(conf->webhooks[0]->endpoints[0].url, "") == 0,
	    "nor a secret URL");
	need = SECRETS_CHECKED;
	load_keys(keys);
	ok(!conf && findings.errors == 1 && findings.warnings == 1,
	    "a check wants files, but a credential is only for the service");
	need = SECRETS_NEEDED;
}

static void floods(void)
{
	struct buf text = BUF_INIT(8 * 1024 * 1024);
	int i;

	buf_puts(&text, "\"k\": 0");
	for (i = 0; i < 20000; i++)
		buf_printf(&text, ",\n\"key%d\": %d", i, i);
	load_keys(buf_text(&text));
	ok(!conf && findings.errors == 20001 &&
		findings.count == FINDINGS_PER_FILE,
	    "20001 mistakes are counted, and told of in part");
	buf_reset(&text);
	buf_puts(&text, "\"triggers\": [\"t\"");
	for (i = 0; i < 100000; i++)
		buf_puts(&text, ",\"t\"");
	buf_puts(&text, "]");
	load_keys(buf_text(&text));
	ok(refused("out-of-range"), "a long list is one mistake");
	buf_clear(&text);
}

int main(void)
{
	bad_settings();
	bad_keys();
	bad_endpoints();
	collisions();
	all_at_once();
	warnings();
	built_in();
	webhook_built_in();
	all_keys();
	merging();
	looking();
	needs();
	floods();
	conf_free(conf);
	findings_clear(&findings);
	buf_clear(&shown);
	return done();
}
