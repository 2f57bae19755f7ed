/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * Whether name servers answer: silent, absent, lying and failing ones do not,
 * and nobody waits longer than the time that was given.
 */
#include "port/resolver.h"

#include "base/now.h"

#include "tap.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SHORT_MS = 300, LONG_MS = 10000, QUESTION_MIN = 17 };

/* What a server does with a question. */
enum manner { SILENT, GOOD, REFUSING, FAILING, OTHER_ID, ECHO, TINY };

static int bind_server(struct resolver_server *server)
{
	struct sockaddr_in *in = (struct sockaddr_in *)&server->address;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	memset(server, 0, sizeof(*server));
	in->sin_family = AF_INET;
	in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	server->len = sizeof(*in);
	if (bind(fd, (struct sockaddr *)in, server->len) < 0 ||
	    getsockname(fd, (struct sockaddr *)in, &server->len) < 0)
		exit(1);
	return fd;
}

static void serve(int fd, enum manner manner)
{
	unsigned char text[512];
	struct sockaddr_storage from;
	socklen_t len = sizeof(from);

	for (;;) {
		ssize_t got = recvfrom(
		    fd, text, sizeof(text), 0, (struct sockaddr *)&from, &len);

		if (got < QUESTION_MIN || manner == SILENT)
			continue;
		if (manner != ECHO)
			text[2] |= 0x80;
		if (manner == FAILING)
			text[3] |= 2;
		if (manner == REFUSING)
			text[3] |= 5;
		if (manner == OTHER_ID)
			text[0] ^= 0xff;
		if (manner == TINY)
			got = 3;
		sendto(fd, text, (size_t)got, 0, (struct sockaddr *)&from, len);
	}
}

static pid_t start(struct resolver_server *server, enum manner manner)
{
	int fd = bind_server(server);
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		serve(fd, manner);
	}
	close(fd);
	return pid;
}

static void stop(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void one(enum manner manner, bool wanted, const char *name)
{
	struct resolver_server server;
	pid_t pid = start(&server, manner);
	int64_t begin = now_steady_ms();
	bool got = resolver_answers(&server, 1, wanted ? LONG_MS : SHORT_MS);

	ok(got == wanted, "%s", name);
	ok(now_steady_ms() - begin < LONG_MS / 2, "and nobody waits long");
	stop(pid);
}

static void absent(void)
{
	struct resolver_server server;
	int64_t begin = now_steady_ms();

	close(bind_server(&server));
	ok(!resolver_answers(&server, 1, LONG_MS), "one that is not there");
	ok(now_steady_ms() - begin < LONG_MS / 2, "is known at once");
	ok(!resolver_answers(NULL, 0, LONG_MS), "and so is having none");
}

static void several(void)
{
	struct resolver_server servers[RESOLVER_SERVERS_MAX];
	pid_t silent = start(&servers[0], SILENT);
	pid_t good = start(&servers[2], GOOD);

	close(bind_server(&servers[1]));
	ok(resolver_answers(servers, 3, LONG_MS),
	    "one good server among a silent and an absent one is enough");
	stop(silent);
	stop(good);
}

int main(void)
{
	struct resolver_server servers[RESOLVER_SERVERS_MAX];

	one(SILENT, false, "a silent server does not answer");
	one(FAILING, false, "a server failure is no answer");
	one(OTHER_ID, false, "nor is one to another question");
	one(ECHO, false, "nor is the question itself");
	one(TINY, false, "nor are three bytes");
	one(GOOD, true, "a good one answers");
	one(REFUSING, true, "one that refuses is there, too");
	absent();
	several();
	ok(resolver_servers(servers) <= RESOLVER_SERVERS_MAX,
	    "the host's own servers can be read");
	return done();
}
