/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * flow/wire: the thread of the network. It owns a libev loop, the HTTP client
 * and the list of calls under way; letters come in through two mailboxes
 * (calls, and orders to it), answers go out through the clerk's. Nothing else
 * is shared, so there is no lock but those of the mailboxes.
 *
 * Promises: each call comes back once, with an answer or, when the wire is
 * closed, as FAULT_LOCAL. An order holds for the calls that are sent after it.
 * Never logs, never touches files, never waits for anything but its loop. If we
 * die in the middle, calls under way are lost with us: the store still has
 * their deliveries as active, and they are tried again.
 */
#include "flow/wire.h"

#include "base/mem.h"
#include "base/now.h"
#include "base/thread.h"
#include "flow/gate.h"
#include "model/ending.h"

#include <assert.h>
#include <ev.h>

enum order_kind { ORDER_CONFIGURE, ORDER_STOP };

struct order {
	struct letter letter;
	enum order_kind kind;
	struct http_settings settings;
	char *ca_file;
	char *proxy;
};

struct wire {
	pthread_t thread;
	struct ev_loop *loop;
	struct ev_async woken;
	struct ev_timer timer;
	struct ev_prepare parting;
	struct http *http;
	struct mailbox calls;
	struct mailbox orders;
	struct mailbox *answers;
	struct parcel back; /* what goes into it at the end of a turn */
	bool started; /* calls that the client has not looked at */
	struct wire_call *under_way;
	struct gates *gates;
	struct order stop; /* so that closing needs no memory */
};

/* ---- calls ------------------------------------------------------------- */

static void enlist(struct wire *wire, struct wire_call *call)
{
	call->before = NULL;
	call->after = wire->under_way;
	if (call->after)
		call->after->before = call;
	wire->under_way = call;
}

static void strike_off(struct wire *wire, struct wire_call *call)
{
	if (call->before)
		call->before->after = call->after;
	else
		wire->under_way = call->after;
	if (call->after)
		call->after->before = call->before;
	call->before = NULL;
	call->after = NULL;
}

static void start(struct wire *wire, struct wire_call *call)
{
	enlist(wire, call);
	http_start(wire->http, &call->request, call);
	wire->started = true;
}

static void take_in(struct wire *wire, struct wire_call *call)
{
	if (!call->room || gate_enter(wire->gates, call))
		start(wire, call);
}

/* One came back: the next in line goes. After a failure nobody does: whether it
 * is worth trying is the clerk's business. */
static void pass_on(struct wire *wire, const struct wire_call *call)
{
	struct wire_call *next;

	if (!call->room)
		return;
	while (call->answer.fault != FAULT_NONE &&
	    (next = gate_turn_away(wire->gates, call))) {
		next->unsent = true;
		parcel_add(&wire->back, &next->letter);
	}
	next = gate_leave(wire->gates, call);
	if (next)
		start(wire, next);
}

/* Brings home what is finished; asked after each thing that the client did. */
static void bring_home(struct wire *wire)
{
	struct answer answer;
	void *token;

	while (http_reap(wire->http, &token, &answer)) {
		struct wire_call *call = token;

		call->answer = answer;
		strike_off(wire, call);
		pass_on(wire, call);
		parcel_add(&wire->back, &call->letter);
	}
}

static void abandon(struct wire *wire, struct wire_call *call)
{
	static const struct ending stopping = { .end = END_STOPPING };

	call->answer = (struct answer){
		.started_ms = now_wall_ms(),
		.dns_us = -1,
		.connect_us = -1,
		.tls_us = -1,
		.first_byte_us = -1,
		.retry_after_ms = -1,
	};
	ending_judge(&stopping, &call->answer);
	call->abandoned = true;
	parcel_add(&wire->back, &call->letter);
}

static void abandon_all(struct wire *wire)
{
	struct letter *letter = mailbox_take(&wire->calls);
	struct wire_call *in_line;

	while ((in_line = gates_turn_away(wire->gates)))
		abandon(wire, in_line);
	while (wire->under_way) {
		struct wire_call *call = wire->under_way;

		strike_off(wire, call);
		abandon(wire, call);
	}
	while (letter) {
		struct letter *next = letter->next;

		abandon(wire, (struct wire_call *)letter);
		letter = next;
	}
}

/* ---- the client's wishes ----------------------------------------------- */

static void socket_ready(struct ev_loop *loop, struct ev_io *io, int revents)
{
	struct wire *wire = io->data;
	int want = 0;

	(void)loop;
	if (revents & EV_READ)
		want |= HTTP_READ;
	if (revents & EV_WRITE)
		want |= HTTP_WRITE;
	http_ready(wire->http, io->fd, want); /* may free io */
	bring_home(wire);
}

static void watch(void *arg, int fd, int want, void **slot)
{
	struct wire *wire = arg;
	struct ev_io *io = *slot;
	int events = 0;

	if (io)
		ev_io_stop(wire->loop, io);
	if (!want) {
		free(io);
		*slot = NULL;
		return;
	}
	if (!io) {
		io = mem_zalloc(sizeof(*io));
		ev_init(io, socket_ready);
		io->data = wire;
		*slot = io;
	}
	if (want & HTTP_READ)
		events |= EV_READ;
	if (want & HTTP_WRITE)
		events |= EV_WRITE;
	ev_io_set(io, fd, events);
	ev_io_start(wire->loop, io);
}

static void time_is_up(
    struct ev_loop *loop, struct ev_timer *timer, int revents)
{
	struct wire *wire = timer->data;

	(void)loop;
	(void)revents;
	http_tick(wire->http);
	bring_home(wire);
}

/* Before the thread sleeps: calls that were started go out at once, without a
 * round of the loop for the client's timer, and what came back goes to the clerk
 * as one. */
static void part(struct ev_loop *loop, struct ev_prepare *parting, int revents)
{
	struct wire *wire = parting->data;

	(void)loop;
	(void)revents;
	while (wire->started) {
		wire->started = false;
		http_tick(wire->http);
		bring_home(wire);
	}
	mailbox_put_parcel(wire->answers, &wire->back);
}

static void set_alarm(void *arg, long ms)
{
	struct wire *wire = arg;

	ev_timer_stop(wire->loop, &wire->timer);
	if (ms < 0)
		return;
	ev_timer_set(&wire->timer, (double)ms / 1000, 0.);
	ev_timer_start(wire->loop, &wire->timer);
}

/* ---- orders ------------------------------------------------------------ */

static struct order *new_order(const struct http_settings *settings)
{
	struct order *order = mem_zalloc(sizeof(*order));

	order->kind = ORDER_CONFIGURE;
	order->settings = *settings;
	order->ca_file = mem_strdup(settings->ca_file);
	order->proxy = mem_strdup(settings->proxy);
	order->settings.ca_file = order->ca_file;
	order->settings.proxy = order->proxy;
	return order;
}

static void free_order(struct order *order)
{
	free(order->ca_file);
	free(order->proxy);
	free(order);
}

/* The settings were checked by whoever sent them; when the CA file has gone
 * since, the old ones stay. */
static void obey(struct wire *wire, struct order *order)
{
	switch (order->kind) {
	case ORDER_CONFIGURE:
		http_configure(wire->http, &order->settings, NULL);
		free_order(order);
		return;
	case ORDER_STOP:
		ev_break(wire->loop, EVBREAK_ALL);
		return;
	}
}

/* Calls are taken out before the orders: then every order that was given
 * before one of these calls is among those that are obeyed now. */
static void take_letters(
    struct ev_loop *loop, struct ev_async *woken, int revents)
{
	struct wire *wire = woken->data;
	struct letter *calls = mailbox_take(&wire->calls);
	struct letter *orders = mailbox_take(&wire->orders);
	struct letter *next;

	(void)loop;
	(void)revents;
	for (; orders; orders = next) {
		next = orders->next;
		obey(wire, (struct order *)orders);
	}
	for (; calls; calls = next) {
		next = calls->next;
		take_in(wire, (struct wire_call *)calls);
	}
	bring_home(wire);
}

/* ---- the thread -------------------------------------------------------- */

static void *work(void *arg)
{
	struct wire *wire = arg;

	ev_run(wire->loop, 0);
	http_close(wire->http);
	abandon_all(wire);
	mailbox_put_parcel(wire->answers, &wire->back);
	return NULL;
}

static void wake(void *arg)
{
	struct wire *wire = arg;

	ev_async_send(wire->loop, &wire->woken);
}

static void set_up(struct wire *wire)
{
	mailbox_init(&wire->calls, wake, wire);
	mailbox_init(&wire->orders, wake, wire);
	wire->stop.kind = ORDER_STOP;
	wire->gates = gates_new();
	ev_async_init(&wire->woken, take_letters);
	wire->woken.data = wire;
	ev_async_start(wire->loop, &wire->woken);
	ev_init(&wire->timer, time_is_up);
	wire->timer.data = wire;
	ev_prepare_init(&wire->parting, part);
	wire->parting.data = wire;
	ev_prepare_start(wire->loop, &wire->parting);
}

static void tear_down(struct wire *wire)
{
	struct letter *order = mailbox_take(&wire->orders);

	while (order) {
		struct letter *next = order->next;

		free_order((struct order *)order);
		order = next;
	}
	ev_timer_stop(wire->loop, &wire->timer);
	ev_async_stop(wire->loop, &wire->woken);
	ev_prepare_stop(wire->loop, &wire->parting);
	ev_loop_destroy(wire->loop);
	mailbox_clear(&wire->calls);
	mailbox_clear(&wire->orders);
	gates_free(wire->gates);
	free(wire);
}

struct wire *wire_open(const struct http_settings *settings,
    struct mailbox *answers, struct why *why)
{
	struct wire *wire = mem_zalloc(sizeof(*wire));
	const struct http_loop hooks = {
		.arg = wire,
		.watch = watch,
		.alarm = set_alarm,
	};

	wire->answers = answers;
	wire->loop = ev_loop_new(EVFLAG_AUTO | EVFLAG_NOENV);
	if (!wire->loop) {
		fail(why, "cannot make the network's event loop: %m");
		free(wire);
		return NULL;
	}
	set_up(wire);
	wire->http = http_open(settings, &hooks, why);
	if (!wire->http ||
	    thread_start(&wire->thread, "wire", work, wire, why) < 0) {
		http_close(wire->http);
		tear_down(wire);
		return NULL;
	}
	return wire;
}

void wire_send(struct wire *wire, struct wire_call *call)
{
	mailbox_put(&wire->calls, &call->letter);
}

int wire_configure(
    struct wire *wire, const struct http_settings *settings, struct why *why)
{
	if (http_check(settings, why) < 0)
		return -1;
	mailbox_put(&wire->orders, &new_order(settings)->letter);
	return 0;
}

void wire_close(struct wire *wire)
{
	int error;

	if (!wire)
		return;
	mailbox_put(&wire->orders, &wire->stop.letter);
	error = pthread_join(wire->thread, NULL);
	assert(!error);
	tear_down(wire);
}
