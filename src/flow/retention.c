/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * flow/retention: when history goes.
 *
 * Owns the walk under way: over the events in the store, then over the files.
 * Promises that a step is small, that steps leave the store time for others,
 * and that what is open is never touched. A walk that the store refuses ends,
 * and the next one begins from the oldest again; so it does if we die in the
 * middle.
 */
#include "flow/retention.h"

#include "base/mem.h"
#include "base/now.h"
#include "base/say.h"
#include "flow/leftovers.h"

#include <stdio.h>
#include <unistd.h>

enum {
	SECOND = 1000,
	MINUTE = 60 * SECOND,
	BY_AGE_MS = 60 * MINUTE,
	BY_SIZE_MS = MINUTE,
	/* After the start others have more urgent work. */
	FIRST_MS = 5 * SECOND,
	/* Between steps: more than a step takes. */
	BREATH_MS = 15,
	/* Far behind: so much of max_size too much, or a walk so long. At 25 us
	 * an event a large step and its commit take some 12 ms, so 15,000
	 * events a second may go; 64 and 15 ms are 3,000. */
	EXCESS_PART = 10,
	LONG_WALK_MS = 10 * MINUTE,
	SHORT_BREATH_MS = 5,
};

enum phase {
	PHASE_REST,
	PHASE_EVENTS, /* by age, and by size */
	PHASE_FILES,
	PHASE_SIZE, /* only by size */
};

struct retention_desk {
	struct retention_sides sides;
	enum phase phase;
	struct work_prune work;
	bool asking;
	bool stopping;
	struct attic *attic;
	struct leftovers *left; /* walked after it */
	struct pruned pruned; /* by this walk */
	int64_t next_ms; /* steady: of the next step or walk */
	int64_t begun_ms; /* steady: this walk */
	int64_t age_due_ms; /* steady: of the next walk by age */
};

struct retention_desk *retention_open(const struct retention_sides *sides)
{
	struct retention_desk *desk = mem_zalloc(sizeof(*desk));
	int64_t since_ms = now_wall_ms() - sides->last_ms;
	int64_t now_ms = now_steady_ms();
	int64_t swept = attic_sweep(sides->spool->dir);

	desk->sides = *sides;
	desk->next_ms = now_ms + (sides->once ? 0 : FIRST_MS);
	desk->age_due_ms = desk->next_ms;
	/* A clock that went back makes it due as well. */
	if (since_ms >= 0 && since_ms < BY_AGE_MS)
		desk->age_due_ms = now_ms + BY_AGE_MS - since_ms;
	if (swept)
		say_info("rejected/: %lld unfinished files of a process that "
			 "was killed are removed; their lines come again",
		    (long long)swept);
	return desk;
}

void retention_close(struct retention_desk *desk)
{
	if (!desk)
		return;
	attic_close(desk->attic);
	leftovers_close(desk->left);
	free(desk);
}

void retention_limits(
    const struct retention *kept, int64_t now_ms, struct work_prune *out)
{
	out->delivered_before_ms = now_ms - kept->delivered_ms;
	out->dead_before_ms = now_ms - kept->dead_ms;
	out->unmatched_before_ms = now_ms - kept->unmatched_ms;
	out->max_bytes = kept->max_size;
}

void retention_files(
    const struct retention *kept, int64_t now_ms, struct attic_case *out)
{
	out->now_ms = now_ms;
	out->rejected_before_ms = now_ms - kept->rejected_ms;
	out->failed_before_ms = now_ms - kept->dead_ms;
	out->max_bytes = kept->max_size;
}

/* ---- a walk -------------------------------------------------------------- */

static const struct retention *rule(const struct retention_desk *desk)
{
	return &dispatch_plan(desk->sides.dispatch)->conf->retention;
}

struct retention_pace retention_pace(
    const struct work_prune *last, int64_t walked_ms)
{
	bool behind = walked_ms > LONG_WALK_MS ||
	    (last->max_bytes && last->excess > last->max_bytes / EXCESS_PART);

	if (behind)
		return (
		    struct retention_pace){ PRUNE_STEP_MAX, SHORT_BREATH_MS };
	return (struct retention_pace){ PRUNE_STEP, BREATH_MS };
}

/* Before the next step, which it makes fit. */
static int64_t breathe(struct retention_desk *desk, int64_t steady_ms)
{
	struct retention_pace pace =
	    retention_pace(&desk->work, steady_ms - desk->begun_ms);

	desk->work.step = pace.step;
	return steady_ms + (desk->sides.once ? 0 : pace.breath_ms);
}

static void rest(struct retention_desk *desk, int64_t steady_ms)
{
	desk->phase = PHASE_REST;
	desk->next_ms = steady_ms + BY_SIZE_MS;
	if (desk->age_due_ms < desk->next_ms)
		desk->next_ms = desk->age_due_ms;
}

static void tell(struct retention_desk *desk)
{
	struct actor by = { "spoolhook", (int64_t)geteuid() };
	const struct pruned *pruned = &desk->pruned;

	if (pruned->events || pruned->squeezed || pruned->rejected ||
	    pruned->failed || pruned->mails)
		record_pruned(desk->sides.record, pruned, &by);
}

static void end_walk(struct retention_desk *desk, int64_t steady_ms)
{
	tell(desk);
	if (desk->phase == PHASE_FILES)
		notes_put(desk->sides.notes, RETENTION_NOTE, "");
	rest(desk, steady_ms);
}

static void begin_walk(struct retention_desk *desk, int64_t steady_ms)
{
	desk->begun_ms = steady_ms;
	desk->pruned = (struct pruned){ 0 };
	desk->work = (struct work_prune){ .work.kind = WORK_PRUNE };
	retention_limits(rule(desk), now_wall_ms(), &desk->work);
	desk->phase = PHASE_EVENTS;
	if (steady_ms >= desk->age_due_ms) {
		desk->age_due_ms = steady_ms + BY_AGE_MS;
		return;
	}
	desk->phase = PHASE_SIZE;
	desk->work.delivered_before_ms = 0;
	desk->work.dead_before_ms = 0;
	desk->work.unmatched_before_ms = 0;
}

static void ask(struct retention_desk *desk)
{
	desk->asking = true;
	committer_send(desk->sides.committer, &desk->work.work);
}

void retention_pruned(struct retention_desk *desk, struct work *work)
{
	int64_t now_ms = now_steady_ms();

	desk->asking = false;
	desk->next_ms = breathe(desk, now_ms);
	if (work->failed) {
		tell(desk);
		rest(desk, now_ms);
		return;
	}
	desk->pruned.events += desk->work.events;
	desk->pruned.squeezed += desk->work.squeezed;
	if (desk->work.cursor)
		return;
	if (desk->phase == PHASE_SIZE)
		end_walk(desk, now_ms);
	else
		desk->phase = PHASE_FILES;
}

static void open_attic(struct retention_desk *desk)
{
	struct attic_case from = { .spool_dir = desk->sides.spool->dir };

	retention_files(rule(desk), now_wall_ms(), &from);
	desk->attic = attic_open(&from);
}

static void open_leftovers(struct retention_desk *desk)
{
	const struct conf *conf = dispatch_plan(desk->sides.dispatch)->conf;

	desk->left = leftovers_open(desk->sides.spool->dir, conf->inputs,
	    conf->input_count, now_wall_ms());
}

static void close_leftovers(struct retention_desk *desk)
{
	int64_t count = leftovers_count(desk->left);

	if (count)
		say_info("%lld files that processes left when they were killed "
			 "are removed",
		    (long long)count);
	leftovers_close(take(&desk->left));
}

static void walk_files(struct retention_desk *desk, int64_t steady_ms)
{
	struct attic_counts counts;

	if (!desk->attic) {
		open_attic(desk);
		open_leftovers(desk);
	}
	desk->next_ms = breathe(desk, steady_ms);
	if (attic_step(desk->attic) || leftovers_step(desk->left))
		return;
	counts = attic_counts(desk->attic);
	attic_close(take(&desk->attic));
	close_leftovers(desk);
	desk->pruned.rejected = counts.rejected;
	desk->pruned.failed = counts.failed;
	desk->pruned.mails = counts.mails;
	end_walk(desk, steady_ms);
}

void retention_turn(struct retention_desk *desk, int64_t steady_ms)
{
	if (desk->asking || desk->stopping || steady_ms < desk->next_ms ||
	    !dispatch_plan(desk->sides.dispatch))
		return;
	if (desk->phase == PHASE_REST)
		begin_walk(desk, steady_ms);
	if (desk->phase == PHASE_FILES)
		walk_files(desk, steady_ms);
	else
		ask(desk);
}

int64_t retention_next_ms(const struct retention_desk *desk)
{
	return desk->asking || desk->stopping ? -1 : desk->next_ms;
}

void retention_stop(struct retention_desk *desk)
{
	desk->stopping = true;
}

bool retention_idle(const struct retention_desk *desk)
{
	return desk->stopping ||
	    (desk->phase == PHASE_REST && now_steady_ms() < desk->next_ms);
}

bool retention_quiet(const struct retention_desk *desk)
{
	return !desk->asking;
}
