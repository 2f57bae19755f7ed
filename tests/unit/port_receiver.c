/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * The receiver behind `listen`: requests come out as they were sent, late
 * answers hold up nobody, and closing waits for nobody.
 */
#include "port/receiver.h"

#include "base/mem.h"
#include "base/now.h"

#include "peer.h"
#include "tap.h"

enum { PATIENCE_MS = 20000 };

static struct receiver *receiver;

static int dial(void)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)receiver_port(receiver)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	struct timeval limit = { .tv_sec = PATIENCE_MS / 1000 };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		perror("# connect");
	return fd;
}

static int ask(const char *request)
{
	int fd = dial();

	if (send(fd, request, strlen(request), MSG_NOSIGNAL) < 0)
		perror("# send");
	return fd;
}

/* Waits on the bell for the next request; NULL when patience is over. */
static struct received *next_request(void)
{
	int64_t end = now_steady_ms() + PATIENCE_MS;
	struct received *received = NULL;

	while (!received && now_steady_ms() < end) {
		struct pollfd p = { .fd = receiver_fd(receiver),
			.events = POLLIN };

		poll(&p, 1, 100);
		received = receiver_take(receiver);
	}
	return received;
}

/* The status of the answer on the socket, 0 when it was closed instead. */
static int status_of(int fd)
{
	char text[512];
	ssize_t got = recv(fd, text, sizeof(text) - 1, 0);
	int status = 0;

	text[got < 0 ? 0 : got] = '\0';
	sscanf(text, "HTTP/1.1 %d", &status);
	close(fd);
	return status;
}

static const char *header_of(const struct received *r, const char *name)
{
	size_t i;

	for (i = 0; i < r->header_count; i++) {
		if (strcmp(r->headers[i].name, name) == 0)
			return r->headers[i].value;
	}
	return NULL;
}

static void open_receiver(void)
{
	struct why why = { "" };

	receiver = receiver_open("127.0.0.1", 0, &why);
	ok(receiver != NULL, "it listens %s", why.text);
	if (!receiver)
		exit(1);
	ok(receiver_port(receiver) > 0, "on a free port that it tells");
}

static void refusals(void)
{
	struct why why = { "" };
	int port;
	int fd = peer_listen(&port);

	ok(!receiver_open("127.0.0.1", port, &why), "a taken port is refused");
	has_str(why.text, "Address already in use", "with the reason");
	ok(!receiver_open("localhost", 0, &why), "a name is no address");
	ok(!receiver_open("192.0.2.1", 0, &why), "nor is somebody else's ours");
	close(fd);
}

static void one_request(void)
{
	int fd = ask("PUT /a%20b?c=d&e HTTP/1.1\r\nHost: x\r\nX-A: 1\r\n"
		     "X-Empty:\r\nContent-Length: 7\r\n\r\n{\"a\":1}");
	struct received *r = next_request();

	ok(r != NULL, "a request arrives");
	is_str(r->method, "PUT", "its method");
	is_str(r->target, "/a%20b?c=d&e", "its target as it was sent");
	is_str(header_of(r, "X-A"), "1", "a header");
	is_str(header_of(r, "X-Empty"), "", "an empty one");
	is_str(r->body, "{\"a\":1}", "its body");
	is_int((long long)r->body_len, 7, "of its length");
	ok(!r->too_large, "which is not too large");
	receiver_answer(receiver, r, 503, 0);
	is_int(status_of(fd), 503, "the status that was told is answered");
	received_free(r);
}

static void chunks_and_zeros(void)
{
	static const char head[] = "POST / HTTP/1.1\r\nHost: x\r\n"
				   "Transfer-Encoding: chunked\r\n\r\n";
	static const char body[] = "3\r\na\0b\r\n2\r\ncd\r\n0\r\n\r\n";
	int fd = dial();
	struct received *r;

	send(fd, head, sizeof(head) - 1, MSG_NOSIGNAL);
	send(fd, body, sizeof(body) - 1, MSG_NOSIGNAL);
	r = next_request();
	ok(r && r->body_len == 5 && memcmp(r->body, "a\0bcd", 5) == 0,
	    "chunks are put together, zeros and all");
	receiver_answer(receiver, r, 204, 0);
	is_int(status_of(fd), 204, "204 has no body to wait for");
	received_free(r);
}

static void too_large(void)
{
	size_t size = RECEIVED_BODY_MAX + 1;
	auto_free char *body = mem_zalloc(size);
	char head[128];
	size_t sent = 0;
	struct received *r;
	int fd = dial();

	snprintf(head, sizeof(head),
	    "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n", size);
	send(fd, head, strlen(head), MSG_NOSIGNAL);
	while (sent < size) {
		ssize_t n = send(fd, body + sent, size - sent, MSG_NOSIGNAL);

		if (n <= 0)
			break;
		sent += (size_t)n;
	}
	r = next_request();
	ok(r && r->too_large, "a body past the bound is marked");
	ok(r && r->body_len <= RECEIVED_BODY_MAX, "and not held");
	receiver_answer(receiver, r, 413, 0);
	is_int(status_of(fd), 413, "and can be answered all the same");
	received_free(r);
}

static void late_answers(void)
{
	int slow = ask("POST /slow HTTP/1.1\r\nHost: x\r\n\r\n");
	struct received *first = next_request();
	struct received *second;
	int fast;

	receiver_answer(receiver, first, 200, 60000);
	is_int(receiver_owed(receiver), 1, "an answer with a delay is owed");
	fast = ask("POST /fast HTTP/1.1\r\nHost: x\r\n\r\n");
	second = next_request();
	receiver_answer(receiver, second, 201, 0);
	is_int(status_of(fast), 201, "it holds up no other request");
	received_free(first);
	received_free(second);
	close(slow);
}

static void a_delay(void)
{
	int fd = ask("POST / HTTP/1.1\r\nHost: x\r\n\r\n");
	struct received *r = next_request();
	int64_t start = now_steady_ms();

	receiver_answer(receiver, r, 200, 150);
	is_int(status_of(fd), 200, "a delayed answer comes");
	ok(now_steady_ms() - start >= 149, "and not before its time");
	received_free(r);
}

/* Left over: an answer in its delay, a request that nobody took, one that was
 * taken and not answered, half a request. */
static void closing(void)
{
	int64_t start = now_steady_ms();
	int taken = ask("POST /taken HTTP/1.1\r\nHost: x\r\n\r\n");
	struct received *r = next_request();
	struct pollfd bell = { .fd = receiver_fd(receiver), .events = POLLIN };
	int half = ask("POST /half HTTP/1.1\r\nHost: x\r\nContent-Le");
	int waiting = ask("POST /waiting HTTP/1.1\r\nHost: x\r\n\r\n");

	ok(poll(&bell, 1, PATIENCE_MS) == 1, "a request waits to be taken");
	receiver_close(receiver);
	ok(now_steady_ms() - start < PATIENCE_MS, "closing waits for nobody");
	is_int(status_of(taken), 0, "who was not answered sees the end");
	is_int(status_of(waiting), 0, "and so does who was not taken");
	is_int(status_of(half), 0, "and who was not done");
	received_free(r);
	receiver_close(NULL);
}

int main(void)
{
	refusals();
	open_receiver();
	one_request();
	chunks_and_zeros();
	too_large();
	a_delay();
	late_answers();
	closing();
	return done();
}
