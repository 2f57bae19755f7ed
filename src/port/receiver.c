/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * port/receiver: libmicrohttpd with a thread for each connection. Such a
 * thread gathers one request, puts it into the mailbox and sleeps until its
 * owner has answered and the answer's delay is over; that is all that a
 * `struct exchange` is for. A request belongs to whoever took it out, an
 * exchange to its thread.
 *
 * Promises: no body over RECEIVED_BODY_MAX is held; closing waits for no delay
 * and no peer. Never interprets a request, never logs. If we die in the
 * middle, peers see a connection that breaks off, and try again.
 */
#include "port/receiver.h"

#include "base/buf.h"
#include "base/mem.h"

#include <assert.h>
#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* Room for the headers of one request, and the answer's. */
enum { CONNECTION_MEMORY = 64 * 1024, BACKLOG = 128 };

struct exchange {
	struct received *received; /* until it is handed over */
	struct buf body;
	bool begun;
	bool answered;
	int status;
	int64_t delay_ms;
};

struct receiver {
	struct MHD_Daemon *daemon;
	int port;
	int bell;
	struct mailbox arrived;
	struct letter *pending; /* taken out of the mailbox */
	pthread_mutex_t lock; /* of the members below and of answers */
	pthread_cond_t changed;
	bool closing;
	int owed;
};

static void ring(void *arg)
{
	struct receiver *receiver = arg;
	uint64_t one = 1;
	ssize_t done = write(receiver->bell, &one, sizeof(one));

	(void)done; /* a full counter is readable all the same */
}

void received_free(struct received *received)
{
	size_t i;

	if (!received)
		return;
	for (i = 0; i < received->header_count; i++) {
		free(received->headers[i].name);
		free(received->headers[i].value);
	}
	free(received->headers);
	free(received->method);
	free(received->target);
	free(received->body);
	free(received);
}

/* ---- a connection's thread --------------------------------------------- */

/* The first the library tells of a request, and the only time it shows the
 * target as it was sent. What is returned comes back with each later call. */
static void *target_came(
    void *arg, const char *target, struct MHD_Connection *connection)
{
	struct exchange *exchange = mem_zalloc(sizeof(*exchange));

	(void)arg;
	(void)connection;
	exchange->body.max = RECEIVED_BODY_MAX;
	exchange->received = mem_zalloc(sizeof(*exchange->received));
	exchange->received->target = mem_strdup(target);
	return exchange;
}

static enum MHD_Result header_came(
    void *arg, enum MHD_ValueKind kind, const char *name, const char *value)
{
	struct received *received = arg;
	struct received_header *header;

	(void)kind;
	received->headers = mem_grow(received->headers,
	    received->header_count + 1, sizeof(*received->headers));
	header = &received->headers[received->header_count++];
	header->name = mem_strdup(name);
	header->value = mem_strdup(value ? value : "");
	return MHD_YES;
}

static void begin(struct exchange *exchange, struct MHD_Connection *connection,
    const char *method)
{
	exchange->begun = true;
	exchange->received->method = mem_strdup(method);
	MHD_get_connection_values(
	    connection, MHD_HEADER_KIND, header_came, exchange->received);
}

static void hand_over(struct receiver *receiver, struct exchange *exchange)
{
	struct received *received = take(&exchange->received);

	received->too_large = exchange->body.over;
	received->body_len = exchange->body.len;
	received->body = buf_steal(&exchange->body);
	received->exchange = exchange;
	mailbox_put(&receiver->arrived, &received->letter);
}

static struct timespec after(int64_t ms)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += ms / 1000;
	until.tv_nsec += (ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	return until;
}

/* Sleeps until the answer is given and due; false when we are closing. */
static bool await(struct receiver *receiver, struct exchange *exchange)
{
	struct timespec until;
	bool go_on;
	int rc = 0;

	pthread_mutex_lock(&receiver->lock);
	while (!receiver->closing && !exchange->answered)
		pthread_cond_wait(&receiver->changed, &receiver->lock);
	until = after(exchange->delay_ms);
	while (!receiver->closing && exchange->delay_ms && rc != ETIMEDOUT)
		rc = pthread_cond_timedwait(
		    &receiver->changed, &receiver->lock, &until);
	go_on = !receiver->closing;
	pthread_mutex_unlock(&receiver->lock);
	return go_on;
}

static enum MHD_Result send_answer(
    struct MHD_Connection *connection, int status)
{
	struct MHD_Response *response =
	    MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
	enum MHD_Result done;

	if (!response)
		return MHD_NO;
	done = MHD_queue_response(connection, (unsigned)status, response);
	MHD_destroy_response(response);
	return done;
}

/* Called first with nothing, then for each piece of the body, then once more
 * at its end. MHD_NO ends the connection. */
static enum MHD_Result request_came(void *arg,
    struct MHD_Connection *connection, const char *path, const char *method,
    const char *version, const char *data, size_t *len, void **context)
{
	struct receiver *receiver = arg;
	struct exchange *exchange = *context;

	(void)path;
	(void)version;
	if (!exchange->begun) {
		begin(exchange, connection, method);
		return MHD_YES;
	}
	if (*len) {
		buf_add(&exchange->body, data, *len);
		*len = 0;
		return MHD_YES;
	}
	hand_over(receiver, exchange);
	if (!await(receiver, exchange))
		return MHD_NO;
	return send_answer(connection, exchange->status);
}

/* The answer is sent, or the connection has ended before. */
static void request_done(void *arg, struct MHD_Connection *connection,
    void **context, enum MHD_RequestTerminationCode why)
{
	struct receiver *receiver = arg;
	struct exchange *exchange = *context;

	(void)connection;
	(void)why;
	if (!exchange)
		return;
	pthread_mutex_lock(&receiver->lock);
	if (exchange->answered)
		receiver->owed--;
	pthread_mutex_unlock(&receiver->lock);
	ring(receiver);
	received_free(exchange->received);
	buf_clear(&exchange->body);
	free(exchange);
	*context = NULL;
}

/* ---- the owner's side -------------------------------------------------- */

static int bind_to(const struct addrinfo *at, struct why *why)
{
	int fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int one = 1;

	if (fd < 0)
		return fail(why, "cannot open a socket: %m");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, at->ai_addr, at->ai_addrlen) < 0 ||
	    listen(fd, BACKLOG) < 0) {
		fail(why, "%m");
		close(fd);
		return -1;
	}
	return fd;
}

static int port_of(int fd)
{
	struct sockaddr_storage at;
	socklen_t len = sizeof(at);
	char port[8];

	if (getsockname(fd, (struct sockaddr *)&at, &len) < 0 ||
	    getnameinfo((struct sockaddr *)&at, len, NULL, 0, port,
		sizeof(port), NI_NUMERICSERV) != 0)
		return 0;
	return (int)strtol(port, NULL, 10);
}

static int listen_on(const char *address, int port, struct why *why)
{
	const struct addrinfo hints = {
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
		.ai_socktype = SOCK_STREAM,
	};
	struct addrinfo *found;
	char service[16];
	int error;
	int fd;

	snprintf(service, sizeof(service), "%d", port);
	error = getaddrinfo(address, service, &hints, &found);
	if (error)
		return fail(
		    why, "%s port %d: %s", address, port, gai_strerror(error));
	fd = bind_to(found, why);
	freeaddrinfo(found);
	if (fd < 0)
		return fail_in(
		    why, "cannot listen on %s port %d", address, port);
	return fd;
}

static int start(struct receiver *receiver, int fd, struct why *why)
{
	unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD |
	    MHD_USE_THREAD_PER_CONNECTION | MHD_USE_POLL;

	receiver->daemon = MHD_start_daemon(flags, 0, NULL, NULL, request_came,
	    receiver, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_URI_LOG_CALLBACK,
	    target_came, receiver, MHD_OPTION_NOTIFY_COMPLETED, request_done,
	    receiver, MHD_OPTION_CONNECTION_LIMIT,
	    (unsigned)RECEIVER_CONNECTIONS_MAX,
	    MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY,
	    MHD_OPTION_END);
	if (!receiver->daemon)
		return fail(why, "libmicrohttpd cannot start");
	return 0;
}

static struct receiver *new_receiver(int bell)
{
	struct receiver *receiver = mem_zalloc(sizeof(*receiver));
	pthread_condattr_t attr;

	receiver->bell = bell;
	mailbox_init(&receiver->arrived, ring, receiver);
	pthread_mutex_init(&receiver->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&receiver->changed, &attr);
	pthread_condattr_destroy(&attr);
	return receiver;
}

static void free_receiver(struct receiver *receiver)
{
	pthread_cond_destroy(&receiver->changed);
	pthread_mutex_destroy(&receiver->lock);
	mailbox_clear(&receiver->arrived);
	close(receiver->bell);
	free(receiver);
}

struct receiver *receiver_open(const char *address, int port, struct why *why)
{
	struct receiver *receiver;
	int fd = listen_on(address, port, why);
	int bell;

	if (fd < 0)
		return NULL;
	bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (bell < 0) {
		fail(why, "cannot make an eventfd: %m");
		close(fd);
		return NULL;
	}
	receiver = new_receiver(bell);
	receiver->port = port_of(fd);
	if (start(receiver, fd, why) < 0) {
		close(fd);
		free_receiver(receiver);
		return NULL;
	}
	return receiver;
}

void receiver_close(struct receiver *receiver)
{
	struct received *left;

	if (!receiver)
		return;
	pthread_mutex_lock(&receiver->lock);
	receiver->closing = true;
	pthread_cond_broadcast(&receiver->changed);
	pthread_mutex_unlock(&receiver->lock);
	MHD_stop_daemon(receiver->daemon); /* joins all threads */
	while ((left = receiver_take(receiver)))
		received_free(left);
	free_receiver(receiver);
}

int receiver_port(const struct receiver *receiver)
{
	return receiver->port;
}

int receiver_fd(const struct receiver *receiver)
{
	return receiver->bell;
}

struct received *receiver_take(struct receiver *receiver)
{
	struct letter *letter;
	uint64_t rings;

	if (!receiver->pending) {
		ssize_t done = read(receiver->bell, &rings, sizeof(rings));

		(void)done; /* emptied before looking: no ring is lost */
		receiver->pending = mailbox_take(&receiver->arrived);
	}
	letter = receiver->pending;
	if (letter)
		receiver->pending = letter->next;
	return (struct received *)letter;
}

void receiver_answer(struct receiver *receiver, const struct received *received,
    int status, int64_t delay_ms)
{
	struct exchange *exchange = received->exchange;

	assert(status >= 200 && status <= 599);
	pthread_mutex_lock(&receiver->lock);
	assert(!exchange->answered);
	exchange->answered = true;
	exchange->status = status;
	exchange->delay_ms = delay_ms;
	receiver->owed++;
	pthread_cond_broadcast(&receiver->changed);
	pthread_mutex_unlock(&receiver->lock);
}

int receiver_owed(struct receiver *receiver)
{
	int owed;

	pthread_mutex_lock(&receiver->lock);
	owed = receiver->owed;
	pthread_mutex_unlock(&receiver->lock);
	return owed;
}
