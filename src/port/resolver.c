/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * port/resolver: one small question to each name server, to learn whether they
 * are there.
 *
 * Owns its sockets for the length of the call. Promises to be back when the
 * time is over, and that no answer but one to its own question, from the server
 * it was put to, counts. It resolves nothing, caches nothing and believes
 * nothing that the answer says. If we die in the middle, nothing is lost.
 */
#include "port/resolver.h"

#include "base/dice.h"
#include "base/now.h"

#include <arpa/nameser.h>
#include <netinet/in.h>
#include <poll.h>
#include <resolv.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

/* Header, the root's name (one zero byte), type and class. */
enum { QUESTION_SIZE = 12 + 1 + 2 + 2, ANSWER_MIN = 12 };
/* Of the header's third and fourth byte. */
enum { BIT_ANSWER = 0x80, MASK_RCODE = 0x0f };

int resolver_servers(struct resolver_server out[RESOLVER_SERVERS_MAX])
{
	struct __res_state state;
	int count = 0;
	int i;

	memset(&state, 0, sizeof(state));
	if (res_ninit(&state) < 0)
		return 0;
	for (i = 0; i < state.nscount && count < RESOLVER_SERVERS_MAX; i++) {
		struct resolver_server *server = &out[count];
		const struct sockaddr_in6 *six = state._u._ext.nsaddrs[i];

		memset(server, 0, sizeof(*server));
		if (state.nsaddr_list[i].sin_family == AF_INET) {
			server->len = sizeof(struct sockaddr_in);
			memcpy(&server->address, &state.nsaddr_list[i],
			    server->len);
		} else if (six) {
			server->len = sizeof(struct sockaddr_in6);
			memcpy(&server->address, six, server->len);
		} else {
			continue;
		}
		count++;
	}
	res_nclose(&state);
	return count;
}

static void put_question(unsigned char out[QUESTION_SIZE], uint16_t id)
{
	memset(out, 0, QUESTION_SIZE);
	out[0] = (unsigned char)(id >> 8);
	out[1] = (unsigned char)(id & 0xff);
	out[2] = 0x01; /* recursion desired */
	out[5] = 1; /* one question */
	out[14] = ns_t_ns;
	out[16] = ns_c_in;
}

/* A connected socket takes answers from nobody else, and tells of a server that
 * is not there. */
static int ask(const struct resolver_server *server, uint16_t id)
{
	unsigned char question[QUESTION_SIZE];
	int fd = socket(server->address.ss_family,
	    SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -1;
	put_question(question, id);
	if (connect(fd, (const struct sockaddr *)&server->address,
		server->len) == 0 &&
	    send(fd, question, sizeof(question), 0) == QUESTION_SIZE)
		return fd;
	close(fd);
	return -1;
}

enum heard { HEARD_GOOD, HEARD_BAD, HEARD_NOTHING };

static enum heard listen_to(int fd, uint16_t id)
{
	unsigned char answer[512];
	ssize_t len = recv(fd, answer, sizeof(answer), 0);

	if (len < 0)
		return HEARD_BAD;
	if (len < ANSWER_MIN || answer[0] != id >> 8 ||
	    answer[1] != (id & 0xff) || !(answer[2] & BIT_ANSWER))
		return HEARD_NOTHING;
	return (answer[3] & MASK_RCODE) == ns_r_servfail ? HEARD_BAD
							 : HEARD_GOOD;
}

/* One round of listening; true when a good answer came. */
static bool hear(struct pollfd *polls, int count, uint16_t id, int *open)
{
	int i;

	for (i = 0; i < count; i++) {
		enum heard heard = HEARD_NOTHING;

		if (polls[i].fd >= 0 && polls[i].revents)
			heard = listen_to(polls[i].fd, id);
		if (heard == HEARD_GOOD)
			return true;
		if (heard == HEARD_NOTHING)
			continue;
		close(polls[i].fd);
		polls[i].fd = -1;
		(*open)--;
	}
	return false;
}

static bool await(
    struct pollfd *polls, int count, int open, uint16_t id, int timeout_ms)
{
	int64_t end_ms = now_steady_ms() + timeout_ms;

	while (open > 0) {
		int64_t left = end_ms - now_steady_ms();

		if (left <= 0 || poll(polls, (nfds_t)count, (int)left) < 0)
			return false;
		if (hear(polls, count, id, &open))
			return true;
	}
	return false;
}

bool resolver_answers(
    const struct resolver_server *servers, int count, int timeout_ms)
{
	struct pollfd polls[RESOLVER_SERVERS_MAX];
	uint16_t id = (uint16_t)dice_roll();
	bool answers;
	int open = 0;
	int i;

	if (count > RESOLVER_SERVERS_MAX)
		count = RESOLVER_SERVERS_MAX;
	for (i = 0; i < count; i++) {
		polls[i] = (struct pollfd){
			.fd = ask(&servers[i], id),
			.events = POLLIN,
		};
		open += polls[i].fd >= 0;
	}
	answers = await(polls, count, open, id, timeout_ms);
	for (i = 0; i < count; i++) {
		if (polls[i].fd >= 0)
			close(polls[i].fd);
	}
	return answers;
}
