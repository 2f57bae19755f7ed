/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * flow/oneshot: opens the wire, sends calls in bounded batches, waits for the
 * answers, closes the wire. Connections are not kept from one run to the next,
 * so phase times are those of a new connection. It writes nothing anywhere; if
 * we die in the middle, a peer may have got a request that nobody remembers,
 * which is what a person who tries something out expects.
 */
#include "flow/oneshot.h"

#include "base/mem.h"
#include "flow/wire.h"

struct batch {
	struct wire *wire;
	struct mailbox answers;
	struct wire_call *calls;
	size_t waiting;
};

static void send_one(struct batch *batch, struct oneshot *shot)
{
	struct wire_call *call = &batch->calls[batch->waiting++];

	*call = (struct wire_call){ .request = shot->request, .owner = shot };
	wire_send(batch->wire, call);
}

static void gather(struct batch *batch)
{
	while (batch->waiting) {
		struct letter *letter = mailbox_wait(&batch->answers);

		while (letter) {
			struct wire_call *call = (struct wire_call *)letter;
			struct oneshot *shot = call->owner;

			letter = letter->next;
			shot->answer = call->answer;
			batch->waiting--;
		}
	}
}

static void run(struct batch *batch, struct oneshot *shots, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		send_one(batch, &shots[i]);
		if (batch->waiting == ONESHOT_MAX)
			gather(batch);
	}
	gather(batch);
}

int oneshot_run(const struct conf *conf, struct oneshot *shots, size_t count,
    struct why *why)
{
	struct http_settings settings = {
		.ca_file = conf->ca_file,
		.proxy = conf->proxy,
		.max_connections = ONESHOT_MAX,
	};
	struct batch batch = { .calls = NULL };

	if (http_begin(why) < 0)
		return -1;
	mailbox_init(&batch.answers, NULL, NULL);
	batch.wire = wire_open(&settings, &batch.answers, why);
	if (!batch.wire) {
		mailbox_clear(&batch.answers);
		return -1;
	}
	batch.calls = mem_array(ONESHOT_MAX, sizeof(*batch.calls));
	run(&batch, shots, count);
	wire_close(batch.wire);
	mailbox_clear(&batch.answers);
	free(batch.calls);
	return 0;
}
