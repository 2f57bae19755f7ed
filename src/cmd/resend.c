/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * cmd/resend: dead, delivered or held deliveries go back into the queue, due
 * now, with the same delivery id and all their tries.
 */
#include "base/mem.h"
#include "base/now.h"
#include "base/say.h"
#include "cmd/verb.h"
#include "model/id.h"
#include "port/store.h"

#include <stdio.h>
#include <string.h>

struct resending {
	const struct args *args;
	int64_t *rows;
	char (*names)[ID_DELIVERY_SIZE];
	size_t count;
	size_t done;
	int code;
};

static int gather(void *arg, const struct delivery_row *row)
{
	struct resending *r = arg;

	r->rows = mem_grow(r->rows, r->count + 1, sizeof(*r->rows));
	r->names = mem_grow(r->names, r->count + 1, sizeof(*r->names));
	r->rows[r->count] = row->row;
	memcpy(r->names[r->count], row->delivery, ID_DELIVERY_SIZE);
	r->count++;
	return 0;
}

static void worse(struct resending *r, int code)
{
	if (r->code == EXIT_OK || code == EXIT_IO)
		r->code = code;
}

static void resend(struct resending *r, struct store *store, size_t i)
{
	enum changed answer;
	struct why why;

	if (store_change(store, CHANGE_RESEND, &r->rows[i], 1, now_wall_ms(),
		&answer, &why) < 0) {
		say_error("%s", why.text);
		worse(r, EXIT_IO);
		return;
	}
	switch (answer) {
	case CHANGED:
		r->done++;
		printf("%s: queued\n", r->names[i]);
		return;
	case CHANGED_BUSY:
		say_warning("%s is being tried right now; look again with "
			    "\"spoolhook show\"",
		    r->names[i]);
		worse(r, EXIT_TRY_AGAIN);
		return;
	case CHANGED_NOT:
		say_warning("%s is in the queue already", r->names[i]);
		worse(r, EXIT_NO);
		return;
	case CHANGED_GONE:
		say_warning("%s is gone", r->names[i]);
		worse(r, EXIT_NO);
		return;
	}
}

static void find(struct resending *r, struct store *store, const char *id)
{
	struct delivery_query query = { .id = id, .all_states = true };
	size_t before = r->count;
	const char *rest;
	struct why why;

	if (!id_is_event(id) && !id_is_delivery(id, &rest)) {
		say_error("\"%s\" is no event or delivery id", id);
		worse(r, EXIT_NO);
		return;
	}
	if (store_deliveries(store, &query, gather, r, &why) < 0) {
		say_error("%s", why.text);
		worse(r, EXIT_IO);
	} else if (r->count == before) {
		say_error("there is no delivery \"%s\" in the store", id);
		worse(r, EXIT_NO);
	}
}

/* `-` reads ids from standard input, one a line. */
static void find_all(struct resending *r, struct store *store)
{
	size_t i;

	for (i = 0; i < r->args->operand_count; i++) {
		char line[256];

		if (strcmp(r->args->operands[i], "-") != 0) {
			find(r, store, r->args->operands[i]);
			continue;
		}
		while (fgets(line, sizeof(line), stdin)) {
			line[strcspn(line, " \t\r\n")] = '\0';
			if (*line)
				find(r, store, line);
		}
	}
}

static int resend_all(const struct args *args, const struct conf *conf)
{
	struct resending r = { .args = args };
	struct store *store = verb_store(args, conf, true, &r.code);
	size_t i;

	if (!store)
		return r.code;
	find_all(&r, store);
	for (i = 0; i < r.count; i++)
		resend(&r, store, i);
	store_close(store);
	if (r.done) {
		verb_ring(conf);
		verb_warn_daemon(args, conf);
	}
	free(r.rows);
	free(r.names);
	return verb_finish(r.code);
}

static int run(const struct args *args)
{
	struct conf *conf;
	int code;

	if (!args->operand_count)
		return verb_usage(args,
		    "which event or delivery? (\"-\" reads ids from standard "
		    "input)");
	conf = verb_conf(args, &code);
	if (!conf)
		return code;
	code = resend_all(args, conf);
	conf_free(conf);
	return code;
}

const struct verb verb_resend = {
	.name = "resend",
	.group = "Queue",
	.operands = "ID…|-",
	.summary = "send delivered, dead or held deliveries again",
	.run = run,
};
