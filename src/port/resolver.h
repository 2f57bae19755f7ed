/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef PORT_RESOLVER_H
#define PORT_RESOLVER_H

#include <stdbool.h>
#include <sys/socket.h>

/*
 * Whether the name servers of this host answer at all. A name that does not
 * resolve is the endpoint's fault when they do, and ours when none of them
 * does; getaddrinfo(3), by which names are resolved, does not tell the two
 * apart in a way that reaches us.
 */
enum { RESOLVER_SERVERS_MAX = 3 };

struct resolver_server {
	struct sockaddr_storage address;
	socklen_t len;
};

/* Those of resolv.conf(5); returns how many. 0 when it cannot be read. */
int resolver_servers(struct resolver_server out[RESOLVER_SERVERS_MAX]);

/*
 * Asks all of them for the root's name servers, by UDP, and waits until one
 * answers or the time is over. True when one does with anything but "server
 * failure": a resolver on this host that cannot reach the world says that.
 */
bool resolver_answers(
    const struct resolver_server *servers, int count, int timeout_ms);

#endif
