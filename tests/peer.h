/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef TESTS_PEER_H
#define TESTS_PEER_H

/*
 * An HTTP peer that misbehaves as asked: the path says how (see the table at
 * the end). A process of its own, with a child for each connection, on a free
 * port of 127.0.0.1; it dies with the test, or by peer_end.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PEER_REQUEST_MAX = 256 * 1024 };

struct peer {
	pid_t pid;
	int port;
};

struct peer_talk {
	int fd;
	char path[256];
	char *text; /* the request, head and body */
	size_t len;
};

static void peer_send(struct peer_talk *talk, const void *data, size_t len)
{
	const char *at = data;

	while (len) {
		ssize_t sent = send(talk->fd, at, len, MSG_NOSIGNAL);

		if (sent <= 0)
			_exit(0);
		at += sent;
		len -= (size_t)sent;
	}
}

static void peer_say(struct peer_talk *talk, const char *text)
{
	peer_send(talk, text, strlen(text));
}

/* Waits until the other side closes, and ends. */
static void peer_hang(struct peer_talk *talk)
{
	char byte;

	while (recv(talk->fd, &byte, 1, 0) > 0)
		continue;
	_exit(0);
}

static void peer_reset(struct peer_talk *talk)
{
	struct linger linger = { .l_onoff = 1, .l_linger = 0 };

	setsockopt(talk->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	close(talk->fd);
	_exit(0);
}

static void peer_flood(struct peer_talk *talk, const char *start)
{
	char block[4096];

	memset(block, 'x', sizeof(block));
	peer_say(talk, start);
	for (;;)
		peer_send(talk, block, sizeof(block));
}

static void peer_many(
    struct peer_talk *talk, const char *start, const char *again)
{
	peer_say(talk, start);
	for (;;)
		peer_say(talk, again);
}

static void peer_drip(struct peer_talk *talk)
{
	struct pollfd p = { .fd = talk->fd, .events = POLLIN };

	peer_say(talk, "HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n");
	while (poll(&p, 1, 20) == 0)
		peer_say(talk, ".");
}

/* Sends back what came. */
static void peer_echo(struct peer_talk *talk)
{
	char head[96];

	snprintf(head, sizeof(head),
	    "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", talk->len);
	peer_say(talk, head);
	peer_send(talk, talk->text, talk->len);
}

/* /status/NNN[/RETRY-AFTER] */
static void peer_status(struct peer_talk *talk)
{
	char after[128] = "";
	char answer[512];
	int status = 0;

	sscanf(talk->path, "/status/%d/%127s", &status, after);
	snprintf(answer, sizeof(answer),
	    "HTTP/1.1 %d Word\r\nLocation: /ok\r\n%s%s%s"
	    "Content-Length: 4\r\n\r\nbody",
	    status, *after ? "Retry-After: " : "", after, *after ? "\r\n" : "");
	peer_say(talk, answer);
}

/* Retry-After as a date, 90 s ahead. */
static void peer_date(struct peer_talk *talk)
{
	time_t when = time(NULL) + 90;
	char answer[256];
	struct tm tm;

	gmtime_r(&when, &tm);
	strftime(answer, sizeof(answer),
	    "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n"
	    "Retry-After: %a, %d %b %Y %H:%M:%S GMT\r\n\r\n",
	    &tm);
	peer_say(talk, answer);
}

static const struct {
	const char *path; /* a prefix */
	void (*act)(struct peer_talk *talk);
	const char *say; /* when act is NULL: this, and close */
} peer_acts[] = {
	{ "/ok", NULL, "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n" },
	{ "/echo", peer_echo, NULL },
	{ "http://", peer_echo, NULL },
	{ "/status/", peer_status, NULL },
	{ "/date", peer_date, NULL },
	{ "/silent", peer_hang, NULL },
	{ "/reset", peer_reset, NULL },
	{ "/drip", peer_drip, NULL },
	{ "/close", NULL, "" },
	{ "/garbage", NULL, "\x01\x02\xff\xfe garbage \x1b[31m\r\n\r\n" },
	{ "/half-status", NULL, "HTTP/1." },
	{ "/half-header", NULL, "HTTP/1.1 200 OK\r\nContent-Le" },
	{ "/short", NULL, "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nabc" },
	{ "/bad-chunk", NULL,
	    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n" },
	{ "/cut-chunk", NULL,
	    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nab" },
	{ "/interim", NULL,
	    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nX: y\r\n\r\n"
	    "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone" },
	{ "/only-interim", NULL, "HTTP/1.1 100 Continue\r\n\r\n" },
	{ "/switch", NULL,
	    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n" },
	{ "/binary", NULL,
	    "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n\x1b[31m\xff\x01" },
	{ "/until-close", NULL, "HTTP/1.1 200 OK\r\n\r\nthe end is the end" },
};

static void peer_floods(struct peer_talk *talk)
{
	const char *path = talk->path;

	if (strcmp(path, "/flood/body") == 0)
		peer_flood(talk, "HTTP/1.1 200 OK\r\n\r\n");
	if (strcmp(path, "/flood/error") == 0)
		peer_flood(talk, "HTTP/1.1 500 Bad\r\n\r\n");
	if (strcmp(path, "/flood/header") == 0)
		peer_flood(talk, "HTTP/1.1 200 OK\r\nX-Big: ");
	if (strcmp(path, "/flood/status") == 0)
		peer_flood(talk, "HTTP/1.1 200 ");
	if (strcmp(path, "/flood/headers") == 0)
		peer_many(talk, "HTTP/1.1 200 OK\r\n", "X-More: and more\r\n");
	if (strcmp(path, "/flood/interim") == 0)
		peer_many(talk, "", "HTTP/1.1 102 Wait\r\n\r\n");
}

/* What is too long to be kept is read all the same: to close on unread bytes
 * would reset the connection under the answer. */
static void peer_drain(const struct peer_talk *talk, size_t rest)
{
	char block[4096];

	while (rest) {
		ssize_t got = recv(talk->fd, block,
		    rest < sizeof(block) ? rest : sizeof(block), 0);

		if (got <= 0)
			_exit(0);
		rest -= (size_t)got;
	}
}

/* Reads one request, as long as its Content-Length says. */
static void peer_read(struct peer_talk *talk)
{
	size_t want = SIZE_MAX;

	while (talk->len < want && talk->len < PEER_REQUEST_MAX) {
		ssize_t got = recv(talk->fd, talk->text + talk->len,
		    PEER_REQUEST_MAX - talk->len, 0);
		char *end;
		char *length;

		if (got <= 0)
			_exit(0);
		talk->len += (size_t)got;
		talk->text[talk->len] = '\0';
		end = strstr(talk->text, "\r\n\r\n");
		length = strcasestr(talk->text, "Content-Length: ");
		if (end && want == SIZE_MAX)
			want = (size_t)(end + 4 - talk->text) +
			    (length ? strtoul(length + 16, NULL, 10) : 0);
	}
	if (want != SIZE_MAX && want > talk->len)
		peer_drain(talk, want - talk->len);
	sscanf(talk->text, "%*s %255[^ ?]", talk->path);
}

static void peer_serve(int fd)
{
	static char text[PEER_REQUEST_MAX + 1];
	struct peer_talk talk = { .fd = fd, .text = text };
	size_t i;

	peer_read(&talk);
	peer_floods(&talk);
	for (i = 0; i < sizeof(peer_acts) / sizeof(peer_acts[0]); i++) {
		const char *path = peer_acts[i].path;

		if (strncmp(talk.path, path, strlen(path)) != 0)
			continue;
		if (peer_acts[i].act)
			peer_acts[i].act(&talk);
		else
			peer_say(&talk, peer_acts[i].say);
		break;
	}
	_exit(0);
}

/* A bound, listening socket on a free port; 0 backlog is the kernel's least. */
static int peer_listen(int *port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, len) < 0 ||
	    listen(fd, 128) < 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &len) < 0) {
		perror("# cannot listen");
		exit(1);
	}
	*port = ntohs(address.sin_port);
	return fd;
}

/* A port that nobody listens on. */
__attribute__((unused)) static int peer_free_port(void)
{
	int port;

	close(peer_listen(&port));
	return port;
}

static void peer_run(int listener)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		int fd = accept(listener, NULL, NULL);
		pid_t pid;

		while (waitpid(-1, NULL, WNOHANG) > 0)
			continue;
		if (fd < 0)
			_exit(0);
		pid = fork();
		if (pid == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			close(listener);
			peer_serve(fd);
		}
		close(fd);
	}
}

__attribute__((unused)) static void peer_start(struct peer *peer)
{
	int listener = peer_listen(&peer->port);

	fflush(stdout);
	peer->pid = fork();
	if (peer->pid == 0)
		peer_run(listener);
	close(listener);
}

__attribute__((unused)) static void peer_end(struct peer *peer)
{
	kill(peer->pid, SIGKILL);
	waitpid(peer->pid, NULL, 0);
}

#endif
