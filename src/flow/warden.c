/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * flow/warden: has the store tend to pauses, to rests that an operator ends and
 * to deliveries without an endpoint, and tells of what it did.
 *
 * Owns the question under way. Promises that a pause ends by itself and is told
 * of, that a rest ends when a verb asks for it, and that no delivery is dropped
 * because its webhook's file is gone. It
 * decides nothing itself. If we die in the middle, the next daemon asks again.
 */
#include "flow/warden.h"

#include "base/mem.h"
#include "base/now.h"
#include "base/say.h"

#include <unistd.h>

struct warden {
	struct warden_sides sides;
	struct work_tend work;
	int64_t *numbers;
	int64_t next_ms; /* wall: a pause ends */
	bool asking;
	bool wanted;
	bool stopping;
};

struct warden *warden_open(const struct warden_sides *sides)
{
	struct warden *warden = mem_zalloc(sizeof(*warden));

	warden->sides = *sides;
	warden->next_ms = -1;
	return warden;
}

void warden_close(struct warden *warden)
{
	if (!warden)
		return;
	free(warden->numbers);
	free(warden);
}

void warden_ring(struct warden *warden)
{
	warden->wanted = true;
}

static void ask(struct warden *warden, const struct plan *plan, int64_t now_ms)
{
	free(warden->numbers);
	warden->numbers = mem_array(plan->count, sizeof(*warden->numbers));
	for (size_t i = 0; i < plan->count; i++)
		warden->numbers[i] = plan->by_number[i]->number;
	warden->work = (struct work_tend){
		.work.kind = WORK_TEND,
		.now_ms = now_ms,
		.numbers = warden->numbers,
		.number_count = plan->count,
	};
	warden->wanted = false;
	warden->asking = true;
	committer_send(warden->sides.committer, &warden->work.work);
}

void warden_turn(struct warden *warden, int64_t now_ms)
{
	const struct plan *plan = dispatch_plan(warden->sides.dispatch);

	if (warden->asking || warden->stopping || !plan)
		return;
	if (warden->wanted ||
	    (warden->next_ms >= 0 && warden->next_ms <= now_ms))
		ask(warden, plan, now_ms);
}

int64_t warden_next_ms(const struct warden *warden)
{
	return warden->asking || warden->stopping ? -1 : warden->next_ms;
}

static void tell_resumed(struct warden *warden)
{
	struct actor by = { "spoolhook", (int64_t)geteuid() };

	for (size_t i = 0; i < warden->work.resumed_count; i++) {
		const char *webhook = warden->work.resumed[i];

		say_info("%s goes on: its pause is over", webhook);
		record_resumed(
		    warden->sides.record, webhook, "its time is over", &by);
	}
}

/* The clock of now: a rest that began after the question is over, too. */
static void end_rests(struct warden *warden)
{
	int64_t now_ms = now_wall_ms();

	for (size_t i = 0; i < warden->work.hurried_count; i++)
		dispatch_hurry(
		    warden->sides.dispatch, warden->work.hurried[i], now_ms);
}

static void tell_moved(struct warden *warden)
{
	struct actor by = { "spoolhook", (int64_t)geteuid() };

	for (size_t i = 0; i < warden->work.moved_count; i++) {
		const struct tended *moved = &warden->work.moved[i];

		record_parked(warden->sides.record,
		    moved->held ? "held" : "released", moved->webhook,
		    moved->endpoint, moved->count, &by);
	}
}

void warden_tended(struct warden *warden, struct work *work)
{
	struct work_tend *tend = &warden->work;

	warden->asking = false;
	if (work->failed) {
		/* Asked again with the next rescan. */
		warden->next_ms = -1;
		return;
	}
	warden->next_ms = tend->next_ms;
	warden->wanted |= tend->more;
	tell_resumed(warden);
	end_rests(warden);
	tell_moved(warden);
	if (tend->resumed_count || tend->moved_count)
		dispatch_touch_all(warden->sides.dispatch, tend->now_ms);
	work_tend_clear(tend);
}

void warden_stop(struct warden *warden)
{
	warden->stopping = true;
}

bool warden_quiet(const struct warden *warden)
{
	return !warden->asking;
}
