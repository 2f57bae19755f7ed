/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * The request of one attempt: which headers, in which order, with whose values,
 * and that no event can smuggle in one of its own.
 */
#include "model/request.h"

#include "base/mem.h"
#include "base/version.h"

#include "tap.h"

#include <stdbool.h>

static struct header own[2];
static struct header other[2];
static struct conf conf;
static struct endpoint endpoint;
static struct webhook webhook;

/* For fields that are not const, though nobody writes through them. */
static char *lend(const char *text)
{
	return (char *)(uintptr_t)text;
}

static void set_up(void)
{
	conf = (struct conf){ 0 };
	endpoint = (struct endpoint){
		.id = lend("audit"),
		.url = lend("https://example.org/in?k=v"),
		.method = "PUT",
		.headers = other,
	};
	webhook = (struct webhook){
		.id = lend("pager"),
		.headers = own,
		.timeout_ms = 15000,
		.connect_timeout_ms = 5000,
	};
}

static struct header header(const char *name, const char *value)
{
	return (struct header){ .name = lend(name), .value = lend(value) };
}

static void build(struct request *request, const char *type)
{
	struct request_case from = {
		.conf = &conf,
		.webhook = &webhook,
		.endpoint = &endpoint,
		.event_id = "01HFZZZZZZ000001",
		.event_type = type,
		.attempt = 3,
		.now_ms = 1700000000999,
	};
	char *body = mem_strdup("{\"a\": 1.10}");

	request_build(request, &from, &body, strlen("{\"a\": 1.10}"));
	ok(!body, "the body was taken over");
}

static const char *value(const struct request *request, const char *name)
{
	const char *found = NULL;
	size_t i;

	for (i = 0; i < request->header_count; i++) {
		if (strcmp(request->headers[i].name, name) != 0)
			continue;
		if (found)
			return "(twice)";
		found = request->headers[i].value;
	}
	return found;
}

static void plain(void)
{
	static const char *const order[] = { "Content-Type", "User-Agent",
		"webhook-id", "webhook-timestamp", "Spoolhook-Event",
		"Spoolhook-Attempt" };
	struct request r;
	bool same = true;
	size_t i;

	set_up();
	build(&r, "incident_triggered");
	is_str(r.method, "PUT", "the method is the endpoint's");
	is_str(r.url, "https://example.org/in?k=v", "and so is the URL");
	is_str(r.body, "{\"a\": 1.10}", "the body is the event's own bytes");
	is_int((long long)r.body_len, 11, "of the given length");
	is_int(r.timeout_ms, 15000, "the time limit is the webhook's");
	is_int(r.connect_timeout_ms, 5000, "and so is that of connecting");
	is_str(value(&r, "Content-Type"), "application/json", "it is JSON");
	is_str(value(&r, "User-Agent"), "spoolhook/" VERSION, "it says who");
	is_str(value(&r, "webhook-id"), "01HFZZZZZZ000001-pager-audit",
	    "webhook-id is the delivery's id");
	is_str(value(&r, "webhook-timestamp"), "1700000000",
	    "webhook-timestamp is in whole seconds");
	is_str(value(&r, "Spoolhook-Event"), "incident_triggered",
	    "Spoolhook-Event is the event's type as it spells it");
	is_str(value(&r, "Spoolhook-Attempt"), "3", "the attempt's number");
	is_int((long long)r.header_count, 6, "and nothing else");
	for (i = 0; i < r.header_count; i++)
		same &= strcmp(r.headers[i].name, order[i]) == 0;
	ok(same, "in the order that is promised");
	request_clear(&r);
	ok(!r.headers && !r.body && !r.url, "a cleared request is empty");
	request_clear(&r);
}

static void configured(void)
{
	struct request r;

	set_up();
	own[0] = header("X-Team", "sre");
	own[1] = header("content-type", "application/vnd.x+json");
	other[0] = header("x-TEAM", "audit");
	other[1] = header("Authorization", "Bearer hunter2");
	other[1].secret = true;
	webhook.header_count = 2;
	endpoint.header_count = 2;
	build(&r, "x");
	is_str(value(&r, "content-type"), "application/vnd.x+json",
	    "a configured header replaces ours, whatever its case");
	ok(!value(&r, "Content-Type"), "and ours is not sent besides");
	is_str(value(&r, "x-TEAM"), "audit", "the endpoint's wins");
	ok(!value(&r, "X-Team"), "over the webhook's");
	is_str(
	    value(&r, "Authorization"), "Bearer hunter2", "others are added");
	ok(r.headers[r.header_count - 1].secret, "and stay marked as secret");
	is_int((long long)r.header_count, 8, "each once");
	request_clear(&r);

	set_up();
	conf.user_agent = lend("acme/1");
	build(&r, "x");
	is_str(value(&r, "User-Agent"), "acme/1", "user_agent is configurable");
	request_clear(&r);
}

static void ours_stay_ours(void)
{
	struct request r;

	set_up();
	own[0] = header("WEBHOOK-ID", "forged");
	own[1] = header("spoolhook-attempt", "99");
	webhook.header_count = 2;
	build(&r, "x");
	ok(!value(&r, "WEBHOOK-ID") && !value(&r, "spoolhook-attempt"),
	    "reserved names are not taken from a configuration");
	is_str(value(&r, "Spoolhook-Attempt"), "3", "our values stay");
	request_clear(&r);
}

static void hostile_types(void)
{
	struct request r;
	char huge[4096];

	set_up();
	build(&r, "a\r\nX-Evil: 1");
	is_str(value(&r, "Spoolhook-Event"), "a??X-Evil:?1",
	    "a type cannot start a header of its own");
	request_clear(&r);
	build(&r, "caf\xc3\xa9\x7f\x01");
	is_str(value(&r, "Spoolhook-Event"), "caf????", "only visible ASCII");
	request_clear(&r);
	memset(huge, 'x', sizeof(huge) - 1);
	huge[sizeof(huge) - 1] = '\0';
	build(&r, huge);
	ok(strlen(value(&r, "Spoolhook-Event")) <= 128, "and not much of it");
	request_clear(&r);
	build(&r, "");
	is_str(value(&r, "Spoolhook-Event"), "", "an empty type is sent empty");
	request_clear(&r);
}

static void names(void)
{
	ok(request_header_reserved("Host"), "Host is reserved");
	ok(request_header_reserved("content-LENGTH"), "in any case");
	ok(request_header_reserved("Transfer-Encoding"), "Transfer-Encoding");
	ok(request_header_reserved("Webhook-Signature"), "webhook-*");
	ok(request_header_reserved("Spoolhook-Event"), "spoolhook-*");
	ok(!request_header_reserved("Hostess"), "Hostess is not");
	ok(!request_header_reserved("User-Agent"), "User-Agent is not");
	ok(!request_header_reserved("Webhook"), "Webhook is not");
	ok(request_header_name_valid("X-Team_1.a~b"), "a token is a name");
	ok(!request_header_name_valid(""), "nothing is no name");
	ok(!request_header_name_valid("X Team"), "no spaces in names");
	ok(!request_header_name_valid("X-Team:"), "no colons");
	ok(!request_header_name_valid("X\r\nY"), "no line ends");
	ok(!request_header_name_valid("X-\xc3\xa4"), "no umlauts");
	ok(request_header_value_valid("a b\tc \xc3\xa4"),
	    "a value may hold text");
	ok(request_header_value_valid(""), "or nothing");
	ok(!request_header_value_valid("a\nb"), "but no line feed");
	ok(!request_header_value_valid("a\rb"), "no carriage return");
	ok(!request_header_value_valid("a\x1b[31m"), "no escape sequence");
}

int main(void)
{
	plain();
	configured();
	ours_stay_ours();
	hostile_types();
	names();
	return done();
}
