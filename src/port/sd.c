/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * port/sd: the service manager's protocol, spoken without its library: one
 * datagram to the socket named in the environment.
 *
 * It promises that a missing, full or dead manager costs nothing but the
 * message. It never answers, and keeps no descriptor open between messages, so
 * nothing is left if we die.
 */
#include "port/sd.h"

#include "base/file.h"
#include "base/text.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum { PATIENCE_S = 1 };

/* Paths, and abstract names that start with '@'; 0 for what is neither. */
static socklen_t fill(struct sockaddr_un *address, const char *name)
{
	size_t len = strlen(name);

	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if ((name[0] != '/' && name[0] != '@') || len < 2 ||
	    len >= sizeof(address->sun_path))
		return 0;
	memcpy(address->sun_path, name, len);
	if (name[0] == '@')
		address->sun_path[0] = '\0';
	/* An abstract name is as long as it is told to be; a path has a NUL. */
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len +
	    (name[0] == '/'));
}

void sd_notify_state(const char *state)
{
	const char *name = getenv("NOTIFY_SOCKET");
	struct timeval patience = { .tv_sec = PATIENCE_S };
	struct sockaddr_un address;
	auto_close int fd = -1;
	socklen_t len;

	if (!name)
		return;
	len = fill(&address, name);
	if (!len)
		return;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	sendto(fd, state, strlen(state), MSG_NOSIGNAL,
	    (const struct sockaddr *)&address, len);
}

long sd_watchdog_ms(void)
{
	const char *usec = getenv("WATCHDOG_USEC");
	const char *pid = getenv("WATCHDOG_PID");
	int64_t number;

	if (pid &&
	    (!text_int(pid, 1, INT32_MAX, &number) || number != getpid()))
		return 0;
	if (!usec || !text_int(usec, 1, INT64_MAX / 10 - 1, &number))
		return 0;
	return number < 1000 ? 1 : (long)(number / 1000);
}
