/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * flow/names: the thread that tells an unknown name from a host without name
 * servers. Owns a mailbox, and calls from names_look until they lie in the
 * clerk's.
 *
 * Promises that each call comes back once, after LOOK_MS at most for each look
 * that is under way, and that name servers are asked once for all calls of the
 * next CACHE_MS. Never logs. If we die in the middle, the store has the
 * deliveries as active, and they are tried again.
 */
#include "flow/names.h"

#include "base/mem.h"
#include "base/now.h"
#include "base/thread.h"
#include "port/resolver.h"

#include <stdio.h>

enum { LOOK_MS = 2000, CACHE_MS = 3000 };

struct names {
	pthread_t thread;
	struct mailbox box;
	struct mailbox *answers;
	struct letter stop;
	int64_t looked_ms; /* steady; 0: never */
	bool answering; /* what was seen then */
};

static bool look(struct names *names)
{
	struct resolver_server servers[RESOLVER_SERVERS_MAX];
	int64_t now_ms = now_steady_ms();
	int count;

	if (names->looked_ms && now_ms - names->looked_ms < CACHE_MS)
		return names->answering;
	count = resolver_servers(servers);
	names->answering = resolver_answers(servers, count, LOOK_MS);
	names->looked_ms = now_steady_ms();
	return names->answering;
}

static void amend(struct answer *answer)
{
	answer->fault = FAULT_LOCAL;
	snprintf(answer->error, sizeof(answer->error),
	    "no name server of this host answers");
}

static void *work(void *arg)
{
	struct names *names = arg;
	bool going = true;

	while (going) {
		struct letter *l = mailbox_wait(&names->box);

		while (l) {
			struct letter *next = l->next;

			if (l == &names->stop) {
				going = false;
			} else {
				struct wire_call *call = (struct wire_call *)l;

				if (!look(names))
					amend(&call->answer);
				mailbox_put(names->answers, l);
			}
			l = next;
		}
	}
	return NULL;
}

struct names *names_open(struct mailbox *answers, struct why *why)
{
	struct names *names = mem_zalloc(sizeof(*names));

	names->answers = answers;
	mailbox_init(&names->box, NULL, NULL);
	if (thread_start(&names->thread, "names", work, names, why) == 0)
		return names;
	mailbox_clear(&names->box);
	free(names);
	return NULL;
}

void names_look(struct names *names, struct wire_call *call)
{
	mailbox_put(&names->box, &call->letter);
}

void names_close(struct names *names)
{
	if (!names)
		return;
	mailbox_put(&names->box, &names->stop);
	pthread_join(names->thread, NULL);
	mailbox_clear(&names->box);
	free(names);
}
