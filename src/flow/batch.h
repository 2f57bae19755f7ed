/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef FLOW_BATCH_H
#define FLOW_BATCH_H

#include "flow/plan.h"
#include "model/event.h"
#include "model/id.h"
#include "port/drop.h"
#include "port/store.h"

#include <stdbool.h>
#include <stddef.h>

/* Events of one file on their way into the store. */
enum { BATCH_EVENTS_MAX = 64 };
/* Bodies of one batch; one event may pass it alone. */
enum { BATCH_BYTES_MAX = 1024 * 1024 };

/* A file that was taken from a drop box. */
struct dropped {
	unsigned input;
	char *name;
	struct drop_mark mark;
};

struct batch_item {
	struct event event;
	char id[ID_SIZE];
	char *body;
	size_t len;
	const struct webhook **hits;
	size_t hit_count;
	struct route_row *routes;
	size_t route_count;
};

struct batch {
	struct work_accept accept; /* first: the store's work is ours */
	struct dropped file;
	int fd; /* of the file, until it is taken out; -1: closed already */
	struct plan *plan; /* that it was matched with */
	bool last; /* with it all of the file is accepted */
	unsigned serial; /* the intake's: of its reading of the file */
	struct accepted_event *events;
	struct batch_item *items; /* room for `room`; most files hold one */
	size_t room;
	size_t count;
	size_t bytes;
};

struct batch *batch_new(struct plan *plan, const struct dropped *file);
void batch_free(struct batch *batch);
/* Matches the event and adds it. Takes over the event, copies the bytes. */
void batch_add(struct batch *batch, struct event *event, const char *bytes,
    size_t len, const char id[ID_SIZE]);
bool batch_full(const struct batch *batch);
/* Throws the events away; the batch stays. */
void batch_reset(struct batch *batch);
/* Fills in the work for the store. `receipt` says how far the file is done. */
void batch_seal(
    struct batch *batch, const struct receipt *receipt, int64_t now_ms);

#endif
