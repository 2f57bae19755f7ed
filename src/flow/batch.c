/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * flow/batch: events on their way into the store.
 *
 * Owns everything that the store is lent for as long as it commits them: the
 * events, their bytes, the webhooks that take them. Promises that the bytes are
 * the file's own and that the plan outlives the batch. It reads no file and
 * commits nothing. If we die, the file is still there.
 */
#include "flow/batch.h"

#include "base/file.h"
#include "base/mem.h"
#include "model/match.h"

#include <assert.h>
#include <string.h>

struct batch *batch_new(struct plan *plan, const struct dropped *file)
{
	struct batch *batch = mem_zalloc(sizeof(*batch));

	batch->fd = -1;
	batch->plan = plan_hold(plan);
	batch->file = *file;
	batch->file.name = mem_strdup(file->name);
	return batch;
}

static void clear_item(struct batch_item *item)
{
	event_clear(&item->event);
	free(item->body);
	free(item->hits);
	free(item->routes);
	*item = (struct batch_item){ 0 };
}

void batch_reset(struct batch *batch)
{
	size_t i;

	for (i = 0; i < batch->count; i++)
		clear_item(&batch->items[i]);
	batch->count = 0;
	batch->bytes = 0;
}

void batch_free(struct batch *batch)
{
	if (!batch)
		return;
	batch_reset(batch);
	file_cleanup(&batch->fd);
	plan_drop(batch->plan);
	free(batch->file.name);
	free(batch->events);
	free(batch->items);
	free(batch);
}

bool batch_full(const struct batch *batch)
{
	return batch->count == BATCH_EVENTS_MAX ||
	    batch->bytes >= BATCH_BYTES_MAX;
}

static void match(struct batch *batch, struct batch_item *item)
{
	const struct conf *conf = batch->plan->conf;
	const struct webhook **hits =
	    mem_grow(NULL, conf->webhook_count, sizeof(*hits));
	size_t i;
	size_t e;

	item->hit_count = match_event(conf, &item->event, hits);
	for (i = 0; i < item->hit_count; i++)
		item->route_count += hits[i]->endpoint_count;
	item->hits = mem_grow(hits, item->hit_count, sizeof(*hits));
	item->routes = mem_array(item->route_count, sizeof(*item->routes));
	item->route_count = 0;
	for (i = 0; i < item->hit_count; i++) {
		for (e = 0; e < item->hits[i]->endpoint_count; e++) {
			struct route_row *row =
			    &item->routes[item->route_count++];

			row->endpoint =
			    plan_of(batch->plan, item->hits[i], e)->number;
			row->ordered = item->hits[i]->ordered;
		}
	}
}

static struct batch_item *make_room(struct batch *batch)
{
	assert(batch->count < BATCH_EVENTS_MAX);
	if (batch->count == batch->room) {
		batch->room = batch->room ? BATCH_EVENTS_MAX : 1;
		batch->items =
		    mem_grow(batch->items, batch->room, sizeof(*batch->items));
	}
	return &batch->items[batch->count];
}

void batch_add(struct batch *batch, struct event *event, const char *bytes,
    size_t len, const char id[ID_SIZE])
{
	struct batch_item *item = make_room(batch);

	*item = (struct batch_item){ .event = *event, .len = len };
	*event = (struct event){ 0 };
	memcpy(item->id, id, ID_SIZE);
	item->body = mem_dup(bytes, len);
	match(batch, item);
	batch->count++;
	batch->bytes += len;
}

void batch_seal(
    struct batch *batch, const struct receipt *receipt, int64_t now_ms)
{
	struct work_accept *work = &batch->accept;
	size_t i;

	batch->events = mem_array(batch->count, sizeof(*batch->events));
	for (i = 0; i < batch->count; i++) {
		const struct batch_item *item = &batch->items[i];
		struct accepted_event *row = &batch->events[i];

		memcpy(row->id, item->id, ID_SIZE);
		row->type = item->event.type;
		row->incident = item->event.incident;
		row->service = item->event.service;
		row->alert_source = item->event.alert_source;
		row->message = item->event.message;
		row->body = item->body;
		row->body_len = item->len;
		row->routes = item->routes;
		row->route_count = item->route_count;
	}
	work->work.kind = WORK_ACCEPT;
	work->now_ms = now_ms;
	work->source = batch->file.name;
	work->events = batch->events;
	work->count = batch->count;
	work->has_receipt = true;
	work->receipt = *receipt;
}
