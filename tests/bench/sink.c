/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * A receiver that is no bottleneck: HTTP/1.1 on 127.0.0.1, one thread, epoll,
 * no allocation per request. It prints its port, answers until TERM comes, and
 * writes one line for each request to its log:
 *
 *     TIME_NS STATUS NUMBER PATH      (CLOCK_MONOTONIC, when it was read whole)
 *
 * NUMBER is the event's own ("bench":"0000000042" in the body), or -1. The
 * first word of the path says what happens: /hang never answers, /delay/MS
 * answers later, /flaky refuses every third, all others get 204. Two paths
 * are for whoever measures: /sink/count answers how many got 2xx and how many
 * came at all (after the log was written out), /sink/set/NAME/STATUS makes
 * /NAME answer so from now on.
 *
 *     sink LOG [PORT]
 */
#include "base/mem.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	REQUEST_MAX = 1024 * 1024,
	BUFFER_START = 16 * 1024,
	EVENTS = 512,
	LOG_BYTES = 256 * 1024,
	LINE_MAX_BYTES = 320,
	PATH_MAX_BYTES = 128,
	RULES = 64,
	ANSWERS_BYTES = 8192,
};

static const char number_key[] = "\"bench\":\"";

struct conn {
	char *bytes;
	size_t len;
	size_t cap;
	bool waiting; /* for its delay, or for ever */
	int64_t answer_ns; /* 0: never */
	int next; /* among the delayed, -1 ends */
};

struct request {
	char path[PATH_MAX_BYTES];
	const char *body;
	size_t body_len;
	size_t len; /* all of it */
};

struct rule {
	char name[PATH_MAX_BYTES];
	int status;
};

/* What was gathered for one connection, sent at once. */
struct answers {
	char bytes[ANSWERS_BYTES];
	size_t len;
};

static struct conn *conns;
static size_t conn_max;
static int delayed = -1; /* oldest first */
static int delayed_last = -1;
static struct rule rules[RULES];
static size_t rule_count;
static uint64_t answered_good;
static uint64_t came;
static uint64_t flaky_count;
static int log_fd = -1;
static char log_bytes[LOG_BYTES];
static size_t log_len;
static int epoll;
static volatile sig_atomic_t ended;

static void die(const char *what)
{
	fprintf(stderr, "sink: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* ---- the log ------------------------------------------------------------- */

static void write_out(void)
{
	size_t done = 0;

	while (done < log_len) {
		ssize_t n = write(log_fd, log_bytes + done, log_len - done);

		if (n < 0 && errno != EINTR)
			die("log");
		if (n > 0)
			done += (size_t)n;
	}
	log_len = 0;
}

static long number_of(const struct request *request)
{
	const char *at = memmem(request->body, request->body_len, number_key,
	    sizeof(number_key) - 1);

	return at ? strtol(at + sizeof(number_key) - 1, NULL, 10) : -1;
}

static void write_down(const struct request *request, int status)
{
	int n;

	if (log_len + LINE_MAX_BYTES > sizeof(log_bytes))
		write_out();
	n = snprintf(log_bytes + log_len, LINE_MAX_BYTES, "%lld %d %ld %s\n",
	    (long long)now_ns(), status, number_of(request), request->path);
	log_len += (size_t)n;
}

/* ---- answers ------------------------------------------------------------- */

static void flush_answers(int fd, struct answers *out)
{
	/* A peer that does not read a few bytes has gone. */
	if (out->len)
		send(fd, out->bytes, out->len, MSG_NOSIGNAL | MSG_DONTWAIT);
	out->len = 0;
}

static void add_answer(
    int fd, struct answers *out, int status, const char *body)
{
	if (out->len + 256 > sizeof(out->bytes))
		flush_answers(fd, out);
	if (status == 204)
		out->len += (size_t)snprintf(out->bytes + out->len, 256,
		    "HTTP/1.1 204 No Content\r\n\r\n");
	else
		out->len += (size_t)snprintf(out->bytes + out->len, 256,
		    "HTTP/1.1 %d Sink\r\nContent-Length: %zu\r\n\r\n%s", status,
		    strlen(body), body);
}

/* ---- what happens to a request ------------------------------------------- */

static void set_rule(char *text)
{
	char *slash = strrchr(text, '/');
	size_t i;

	if (!slash)
		return;
	*slash = '\0';
	for (i = 0; i < rule_count; i++) {
		if (strcmp(rules[i].name, text) == 0)
			break;
	}
	if (i == RULES)
		return;
	if (i == rule_count)
		rule_count++;
	snprintf(rules[i].name, sizeof(rules[i].name), "%s", text);
	rules[i].status = (int)strtol(slash + 1, NULL, 10);
}

static int status_of(const char *path)
{
	size_t i;

	if (strncmp(path, "/flaky", 6) == 0)
		return ++flaky_count % 3 == 0 ? 500 : 204;
	for (i = 0; i < rule_count; i++) {
		if (strcmp(path + 1, rules[i].name) == 0)
			return rules[i].status;
	}
	return 204;
}

/* Requests of whoever measures; true when it was one. */
static bool control(int fd, struct request *request, struct answers *out)
{
	char text[64];

	if (strncmp(request->path, "/sink/", 6) != 0)
		return false;
	if (strncmp(request->path, "/sink/set/", 10) == 0)
		set_rule(request->path + 10);
	write_out();
	snprintf(text, sizeof(text), "%llu %llu\n",
	    (unsigned long long)answered_good, (unsigned long long)came);
	add_answer(fd, out, 200, text);
	return true;
}

static void delay(int fd, long ms)
{
	struct conn *conn = &conns[fd];

	conn->waiting = true;
	conn->answer_ns = now_ns() + (int64_t)ms * 1000000;
	conn->next = -1;
	if (delayed < 0)
		delayed = fd;
	else
		conns[delayed_last].next = fd;
	delayed_last = fd;
}

static void serve(int fd, struct request *request, struct answers *out)
{
	int status;

	if (control(fd, request, out))
		return;
	came++;
	if (strncmp(request->path, "/hang", 5) == 0) {
		write_down(request, 0);
		conns[fd].waiting = true;
		conns[fd].answer_ns = 0;
		return;
	}
	status = status_of(request->path);
	write_down(request, status);
	answered_good += status / 100 == 2;
	if (strncmp(request->path, "/delay/", 7) == 0)
		delay(fd, strtol(request->path + 7, NULL, 10));
	else
		add_answer(fd, out, status, "");
}

/* ---- reading ------------------------------------------------------------- */

static size_t length_of(const char *head, size_t len)
{
	static const char name[] = "\r\ncontent-length:";
	size_t i;

	for (i = 0; i + sizeof(name) <= len; i++) {
		if (head[i] == '\r' &&
		    strncasecmp(head + i, name, sizeof(name) - 1) == 0)
			return strtoul(head + i + sizeof(name) - 1, NULL, 10);
	}
	return 0;
}

/* 1 one whole request, 0 more has to come, -1 nothing that we understand. */
static int cut(const struct conn *conn, size_t from, struct request *request)
{
	const char *head = conn->bytes + from;
	size_t len = conn->len - from;
	const char *end = memmem(head, len, "\r\n\r\n", 4);
	const char *path;
	size_t path_len = 0;

	if (!end)
		return len < BUFFER_START ? 0 : -1;
	path = memchr(head, ' ', (size_t)(end - head));
	if (!path)
		return -1;
	path++;
	while (path + path_len < end && path[path_len] > ' ')
		path_len++;
	snprintf(request->path, sizeof(request->path), "%.*s",
	    path_len < PATH_MAX_BYTES ? (int)path_len : PATH_MAX_BYTES - 1,
	    path);
	request->body = end + 4;
	request->body_len = length_of(head, (size_t)(end - head));
	request->len = (size_t)(end + 4 - head) + request->body_len;
	if (request->len > REQUEST_MAX)
		return -1;
	return request->len <= len;
}

static void leave(int fd)
{
	/* One that is delayed is closed when its time has come. */
	if (conns[fd].waiting && conns[fd].answer_ns) {
		epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL);
		return;
	}
	free(conns[fd].bytes);
	conns[fd] = (struct conn){ 0 };
	close(fd);
}

static bool serve_all(int fd)
{
	struct conn *conn = &conns[fd];
	struct answers out = { .len = 0 };
	struct request request;
	size_t at = 0;
	int got = 0;

	while (!conn->waiting && at < conn->len) {
		got = cut(conn, at, &request);
		if (got != 1)
			break;
		at += request.len;
		serve(fd, &request, &out);
	}
	flush_answers(fd, &out);
	memmove(conn->bytes, conn->bytes + at, conn->len - at);
	conn->len -= at;
	return got >= 0;
}

static bool make_room(struct conn *conn)
{
	size_t cap = conn->cap ? conn->cap * 2 : BUFFER_START;

	if (conn->len < conn->cap)
		return true;
	if (cap > 2 * REQUEST_MAX)
		return false;
	conn->bytes = mem_grow(conn->bytes, cap, 1);
	conn->cap = cap;
	return true;
}

static void ready(int fd)
{
	struct conn *conn = &conns[fd];
	ssize_t n;

	if (!make_room(conn)) {
		leave(fd);
		return;
	}
	n = recv(fd, conn->bytes + conn->len, conn->cap - conn->len, 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		leave(fd);
		return;
	}
	conn->len += (size_t)n;
	if (!serve_all(fd))
		leave(fd);
}

static void answer_delayed(void)
{
	int64_t now = now_ns();
	struct answers out = { .len = 0 };

	while (delayed >= 0 && conns[delayed].answer_ns <= now) {
		int fd = delayed;

		delayed = conns[fd].next;
		conns[fd].waiting = false;
		add_answer(fd, &out, 204, "");
		flush_answers(fd, &out);
		if (!serve_all(fd))
			leave(fd);
	}
}

static int patience_ms(void)
{
	int64_t left;

	if (delayed < 0)
		return -1;
	left = conns[delayed].answer_ns - now_ns();
	return left < 0 ? 0 : (int)(left / 1000000) + 1;
}

/* ---- the socket ---------------------------------------------------------- */

static void watch(int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0)
		die("epoll");
}

static void greet(int door)
{
	int one = 1;
	int fd;

	while ((fd = accept4(door, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >=
	    0) {
		if ((size_t)fd >= conn_max) {
			close(fd);
			return;
		}
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		conns[fd] = (struct conn){ .next = -1 };
		watch(fd);
	}
}

static int open_door(const char *port)
{
	struct sockaddr_in at = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons((uint16_t)strtoul(port, NULL, 10)),
	};
	socklen_t len = sizeof(at);
	int one = 1;
	int door =
	    socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	setsockopt(door, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(door, (struct sockaddr *)&at, sizeof(at)) < 0 ||
	    listen(door, 4096) < 0 ||
	    getsockname(door, (struct sockaddr *)&at, &len) < 0)
		die("socket");
	printf("%u\n", ntohs(at.sin_port));
	fflush(stdout);
	return door;
}

static void on_signal(int number)
{
	(void)number;
	ended = 1;
}

static void raise_limits(void)
{
	struct rlimit files;

	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	conn_max = files.rlim_cur > 65536 ? 65536 : (size_t)files.rlim_cur;
	conns = mem_array(conn_max, sizeof(*conns));
}

static void work(int door)
{
	struct epoll_event events[EVENTS];
	int i;

	while (!ended) {
		int n = epoll_wait(epoll, events, EVENTS, patience_ms());

		for (i = 0; i < n; i++) {
			if (events[i].data.fd == door)
				greet(door);
			else
				ready(events[i].data.fd);
		}
		answer_delayed();
	}
	write_out();
}

int main(int argc, char **argv)
{
	struct sigaction end = { .sa_handler = on_signal };
	int door;

	if (argc < 2 || argc > 3) {
		fprintf(stderr, "usage: sink LOG [PORT]\n");
		return 64;
	}
	log_fd = open(
	    argv[1], O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644);
	if (log_fd < 0)
		die(argv[1]);
	sigaction(SIGTERM, &end, NULL);
	sigaction(SIGINT, &end, NULL);
	raise_limits();
	epoll = epoll_create1(EPOLL_CLOEXEC);
	door = open_door(argc == 3 ? argv[2] : "0");
	watch(door);
	work(door);
	return 0;
}
