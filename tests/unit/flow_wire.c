/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * The network thread: every call comes back once, no peer delays another, new
 * settings hold for what is sent after them, and closing leaves nothing behind.
 */
#include "flow/wire.h"

#include "base/mem.h"
#include "base/now.h"

#include "peer.h"
#include "tap.h"

#include <dirent.h>

enum { PATIENCE_MS = 20000, CROWD = 200, FEW = 8 };

static struct peer peer;
static struct mailbox answers;
static struct wire *wire;
static struct letter *taken;

static void open_wire(void)
{
	struct http_settings settings = { .max_connections = 256 };
	struct why why = { "" };

	wire = wire_open(&settings, &answers, &why);
	ok(wire != NULL, "the wire opens %s", why.text);
	if (!wire)
		exit(1);
}

static void prepare(struct wire_call *call, const char *url, int64_t limit_ms)
{
	*call = (struct wire_call){ .owner = call };
	call->request = (struct request){
		.method = "POST",
		.url = mem_strdup(url),
		.body = mem_strdup("{}"),
		.body_len = 2,
		.timeout_ms = limit_ms,
		.connect_timeout_ms = limit_ms,
	};
}

static void send_to(struct wire_call *call, const char *path, int64_t limit_ms)
{
	auto_free char *url =
	    mem_printf("http://127.0.0.1:%d%s", peer.port, path);

	prepare(call, url, limit_ms);
	wire_send(wire, call);
}

/* The next call that came back; NULL when patience is over. */
static struct wire_call *next_back(void)
{
	int64_t end = now_steady_ms() + PATIENCE_MS;
	struct letter *letter;

	while (!taken) {
		if (now_steady_ms() > end) {
			ok(0, "a call comes back at all");
			return NULL;
		}
		taken = mailbox_wait_for(&answers, 100);
	}
	letter = taken;
	taken = letter->next;
	return (struct wire_call *)letter;
}

static void exactly_once(void)
{
	struct wire_call *calls = mem_array(CROWD, sizeof(*calls));
	bool seen[CROWD] = { false };
	int good = 0;
	int i;

	for (i = 0; i < CROWD; i++)
		send_to(&calls[i], "/ok", 10000);
	for (i = 0; i < CROWD; i++) {
		struct wire_call *call = next_back();

		if (!call)
			break;
		good += call->owner == call && call->answer.status == 204 &&
		    !seen[call - calls];
		seen[call - calls] = true;
		request_clear(&call->request);
	}
	is_int(good, CROWD, "two hundred calls come back once each");
	ok(!taken && !mailbox_take(&answers), "and nothing besides");
	free(calls);
}

static void no_delay(void)
{
	struct wire_call slow[FEW];
	struct wire_call fast[FEW];
	int first = 0;
	int late = 0;
	int i;

	for (i = 0; i < FEW; i++)
		send_to(&slow[i], "/silent", 3000);
	for (i = 0; i < FEW; i++)
		send_to(&fast[i], "/ok", 10000);
	for (i = 0; i < 2 * FEW; i++) {
		struct wire_call *call = next_back();

		if (!call)
			break;
		if (i < FEW)
			first += call->answer.status == 204;
		else
			late += call->answer.fault == FAULT_TIMEOUT;
		request_clear(&call->request);
	}
	is_int(
	    first, FEW, "calls to a good peer overtake those to a silent one");
	is_int(late, FEW, "which end when their time is over");
}

static void bad_request(void)
{
	struct wire_call call;

	prepare(&call, "gopher://127.0.0.1/", 1000);
	wire_send(wire, &call);
	ok(next_back() == &call, "a call that cannot be made comes back");
	is_str(fault_word(call.answer.fault), "local", "as our own fault");
	request_clear(&call.request);
}

static void new_settings(void)
{
	auto_free char *proxy = mem_printf("http://127.0.0.1:%d", peer.port);
	struct http_settings settings = {
		.ca_file = "/nonexistent/ca.pem",
		.max_connections = 256,
	};
	struct wire_call call;
	struct why why = { "" };

	is_int(wire_configure(wire, &settings, &why), -1,
	    "settings with a missing CA file are refused");
	has_str(why.text, "/nonexistent/ca.pem", "by its name");
	settings.ca_file = NULL;
	settings.proxy = proxy;
	is_int(wire_configure(wire, &settings, &why), 0, "others are taken");
	prepare(&call, "http://endpoint.invalid/", 5000);
	wire_send(wire, &call);
	ok(next_back() == &call && call.answer.status == 200,
	    "and hold for the calls that follow");
	request_clear(&call.request);
	settings.proxy = NULL;
	is_int(wire_configure(wire, &settings, &why), 0, "and back again");
}

static void closing_abandons(void)
{
	struct wire_call calls[FEW];
	struct wire_call probe;
	int back = 0;
	int i;

	for (i = 0; i < FEW / 2; i++)
		send_to(&calls[i], "/silent", 60000);
	send_to(&probe, "/ok", 10000);
	ok(next_back() == &probe, "silent calls are under way");
	request_clear(&probe.request);
	for (; i < FEW; i++)
		send_to(&calls[i], "/silent", 60000);
	wire_close(wire);
	for (taken = mailbox_take(&answers); taken; taken = taken->next) {
		struct wire_call *call = (struct wire_call *)taken;

		back += call->answer.fault == FAULT_LOCAL &&
		    strcmp(call->answer.error, "stopping") == 0;
		request_clear(&call->request);
	}
	is_int(back, FEW, "closing hands back what is under way, or not yet");
}

static void late_signal(void)
{
	sigset_t one;
	sigset_t pending;

	sigemptyset(&one);
	sigaddset(&one, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &one, NULL);
	open_wire();
	kill(getpid(), SIGUSR1);
	sigpending(&pending);
	ok(sigismember(&pending, SIGUSR1),
	    "signals are left to the main thread");
	sigwaitinfo(&one, NULL);
	pthread_sigmask(SIG_UNBLOCK, &one, NULL);
	wire_close(wire);
}

static int descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	int count = 0;

	while (readdir(d))
		count++;
	closedir(d);
	return count;
}

static void leaves_nothing(void)
{
	struct http_settings settings = { .max_connections = 8 };
	int before = descriptors();
	struct why why;
	int i;

	for (i = 0; i < 10; i++) {
		struct wire_call call;

		wire = wire_open(&settings, &answers, &why);
		send_to(&call, "/ok", 10000);
		next_back();
		wire_close(wire);
		request_clear(&call.request);
	}
	is_int(descriptors(), before, "ten lives leave no descriptor behind");
	wire_close(NULL);
}

int main(void)
{
	struct why why = { "" };

	peer_start(&peer);
	ok(http_begin(&why) == 0, "the library is set up");
	mailbox_init(&answers, NULL, NULL);
	late_signal();
	leaves_nothing();
	open_wire();
	exactly_once();
	no_delay();
	bad_request();
	new_settings();
	closing_abandons();
	mailbox_clear(&answers);
	peer_end(&peer);
	return done();
}
