/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * flow/clerk: the daemon's main thread, in named phases: open everything, from
 * here on we must not die, turn after turn, close everything.
 *
 * Owns the loop and its watchers, and hands out letters; every decision is made
 * in the part that it belongs to. One turn: letters are handed out, then
 * intake, dispatch and notices each do what has become possible. If we die in
 * the middle, the store knows what was promised.
 */
#include "flow/clerk_own.h"

#include "base/mem.h"
#include "base/now.h"
#include "base/say.h"
#include "base/text.h"
#include "base/version.h"
#include "flow/parts.h"
#include "flow/reload.h"
#include "model/clock.h"
#include "port/sd.h"
#include "port/watch.h"

#include <ev.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

enum {
	/* After TERM, calls under way get this long: more than a call's usual
	 * limit, less than what service managers wait. */
	STOP_MS = 20000,
	/* The last letters of the store get this long. */
	DRAIN_MS = 10000,
	/* A sign of life in the store, for `health`. */
	HEARTBEAT_MS = 10000,
	/* While many files are taken out, the bell is answered so often. */
	LULL_MS = 2,
};

static void wake(void *arg)
{
	struct clerk *c = arg;

	ev_async_send(c->loop, &c->letters);
}

/* ---- turns --------------------------------------------------------------- */

/* How long until something comes due, -1 for never. */
static int64_t time_left(const struct clerk *c)
{
	const struct parts *p = &c->parts;
	int64_t wall = now_earlier(
	    dispatch_next_ms(p->dispatch), notice_next_ms(p->notice));
	int64_t steady = now_earlier(
	    intake_next_ms(p->intake), retention_next_ms(p->retention));

	wall = now_earlier(wall, warden_next_ms(p->warden));
	if (wall >= 0)
		wall = wall > now_wall_ms() ? wall - now_wall_ms() : 0;
	if (steady >= 0)
		steady =
		    steady > now_steady_ms() ? steady - now_steady_ms() : 0;
	return now_earlier(wall, steady);
}

static void set_alarm(struct clerk *c)
{
	int64_t wait = time_left(c);

	ev_timer_stop(c->loop, &c->alarm);
	if (wait < 0)
		return;
	/* One millisecond more: the clocks are read in whole ones. */
	ev_timer_set(&c->alarm, (double)(wait + 1) / 1000, 0);
	ev_timer_start(c->loop, &c->alarm);
}

static void watch_boxes(struct clerk *c)
{
	struct intake *intake = c->parts.intake;
	struct why why;
	size_t i;

	if (!c->watch || !intake_rewatch(intake))
		return;
	for (i = 0; intake_path(intake, i); i++) {
		if (watch_add(c->watch, intake_path(intake, i), &why) < 0)
			say_warning(
			    "%s; it is swept every spool.rescan", why.text);
	}
	/* Where that may not be, the rescan tells that a box is gone. */
	for (i = 0; intake_path(intake, i); i++)
		watch_add_parent(c->watch, intake_path(intake, i), NULL);
	/* What came between the sweep and the watch. */
	intake_ring(intake);
}

/* What leaves no row in the store is counted there from time to time; a kill
 * costs the counts of one interval. */
static void hand_on_sums(struct clerk *c)
{
	struct record_sum sum;

	while (record_next_sum(c->parts.record, &sum))
		notes_count(c->parts.notes, sum.name, sum.label, sum.count);
}

static void beat(struct clerk *c)
{
	char pid[24];

	snprintf(pid, sizeof(pid), "%ld", (long)getpid());
	notes_put(c->parts.notes, "daemon/heartbeat", pid);
	notes_logged(c->parts.notes);
	hand_on_sums(c);
}

/* The first configuration is in use, and its drop boxes are watched. */
static void announce(struct clerk *c)
{
	const struct plan *plan = dispatch_plan(c->parts.dispatch);

	if (c->ready || !plan)
		return;
	c->ready = true;
	notes_put(c->parts.notes, "daemon/started", VERSION);
	beat(c);
	sd_notify_state("READY=1");
	say_info("%s %s, %zu webhook%s, drop box %s", VERSION,
	    c->from->once ? "delivers what is due" : "is ready",
	    plan->conf->webhook_count,
	    plan->conf->webhook_count == 1 ? "" : "s",
	    plan->conf->inputs[0].dir);
}

/* Once: everything is done when nobody has anything to do before some time. */
static bool once_over(const struct clerk *c)
{
	const struct parts *p = &c->parts;

	return c->from->once && c->ready && intake_idle(p->intake) &&
	    notice_idle(p->notice) && retention_idle(p->retention) &&
	    parts_quiet(p);
}

static bool all_quiet(const struct clerk *c)
{
	return parts_quiet(&c->parts) && reload_quiet(c->reload);
}

/* First of all: whoever reads the wall clock after this finds his times moved
 * along with it. */
static void look_at_clock(struct clerk *c)
{
	int64_t now_ms = now_wall_ms();
	int64_t jump_ms = clock_jump(&c->clock, now_ms, now_steady_ms());
	char span[TEXT_DURATION_SIZE];

	if (!jump_ms)
		return;
	say_warning("the clock was set %s by %s; what waits moves along",
	    jump_ms < 0 ? "back" : "ahead",
	    text_short_duration(span, jump_ms < 0 ? -jump_ms : jump_ms));
	dispatch_clock(c->parts.dispatch, jump_ms, now_ms);
	notice_clock(c->parts.notice, jump_ms);
}

static void turn(struct clerk *c)
{
	struct parts *p = &c->parts;
	bool more;

	look_at_clock(c);
	clerk_take_letters(c);
	more = intake_turn(p->intake);
	watch_boxes(c);
	announce(c);
	dispatch_turn(p->dispatch, now_wall_ms());
	if (dispatch_news(p->dispatch))
		notice_ring(p->notice);
	notice_turn(p->notice, now_wall_ms());
	warden_turn(p->warden, now_wall_ms());
	retention_turn(p->retention, now_steady_ms());
	if (more)
		ev_idle_start(c->loop, &c->more);
	else
		ev_idle_stop(c->loop, &c->more);
	if ((c->stopping && all_quiet(c)) || (!more && once_over(c)))
		ev_break(c->loop, EVBREAK_ALL);
	else
		set_alarm(c);
}

/* What all of this turn sent to another thread goes as one, and so do its log
 * lines: before the works, for one of them may tell that the log is whole. */
static void on_parting(struct ev_loop *loop, ev_prepare *w, int events)
{
	struct clerk *c = w->data;

	(void)loop;
	(void)events;
	record_flush(c->parts.record);
	committer_flush(c->parts.committer);
	remover_flush(c->parts.remover);
}

static void on_letters(struct ev_loop *loop, ev_async *w, int events)
{
	(void)loop;
	(void)events;
	turn(w->data);
}

static void on_more(struct ev_loop *loop, ev_idle *w, int events)
{
	(void)loop;
	(void)events;
	turn(w->data);
}

static void on_alarm(struct ev_loop *loop, ev_timer *w, int events)
{
	struct clerk *c = w->data;
	int64_t look = intake_next_ms(c->parts.intake);

	(void)loop;
	(void)events;
	if (look >= 0 && look <= now_steady_ms())
		intake_ring(c->parts.intake);
	turn(c);
}

/* Another process may have changed the store. */
static void look_everywhere(struct clerk *c)
{
	warden_ring(c->parts.warden);
	if (dispatch_plan(c->parts.dispatch))
		dispatch_touch_all(c->parts.dispatch, now_wall_ms());
}

static void on_lull(struct ev_loop *loop, ev_timer *w, int events)
{
	struct clerk *c = w->data;

	(void)events;
	ev_io_start(loop, &c->bell);
}

/* Taking a file out rings too. What is dropped meanwhile can wait that long:
 * there is enough to do. */
static void lull(struct clerk *c)
{
	ev_io_stop(c->loop, &c->bell);
	ev_timer_set(&c->lull, (double)LULL_MS / 1000, 0);
	ev_timer_start(c->loop, &c->lull);
}

static void moved_in(void *arg, const char *path, const char *name)
{
	struct clerk *c = arg;

	intake_moved_in(c->parts.intake, path, name);
}

static void on_bell(struct ev_loop *loop, ev_io *w, int events)
{
	struct clerk *c = w->data;
	const struct watch_listener listener = { moved_in, c };
	bool rang = watch_drain(c->watch, &listener);

	(void)loop;
	(void)events;
	if (intake_clears(c->parts.intake))
		lull(c);
	if (!rang)
		return;
	/* A drop box, or the bell of a verb that changed the store. */
	intake_ring(c->parts.intake);
	if (spool_rang(&c->parts.spool))
		look_everywhere(c);
	turn(c);
}

static void on_rescan(struct ev_loop *loop, ev_timer *w, int events)
{
	struct clerk *c = w->data;

	(void)loop;
	(void)events;
	reload_retry(c->reload);
	if (c->watch)
		watch_calm(c->watch);
	intake_ring(c->parts.intake);
	notice_ring(c->parts.notice);
	look_everywhere(c);
	turn(c);
}

static void on_heartbeat(struct ev_loop *loop, ev_timer *w, int events)
{
	struct clerk *c = w->data;

	(void)loop;
	(void)events;
	/* While the disk is full they would pile up. */
	if (c->ready && notes_quiet(c->parts.notes))
		beat(c);
	turn(c);
}

static void on_watchdog(struct ev_loop *loop, ev_timer *w, int events)
{
	(void)loop;
	(void)w;
	(void)events;
	sd_notify_state("WATCHDOG=1");
}

/* ---- signals ------------------------------------------------------------- */

static void on_deadline(struct ev_loop *loop, ev_timer *w, int events)
{
	(void)w;
	(void)events;
	say_warning("calls that are still under way are broken off and made "
		    "again at the next start");
	ev_break(loop, EVBREAK_ALL);
}

static void stop_desks(struct clerk *c)
{
	intake_stop(c->parts.intake);
	dispatch_stop(c->parts.dispatch);
	notice_stop(c->parts.notice);
	warden_stop(c->parts.warden);
	retention_stop(c->parts.retention);
}

static void on_term(struct clerk *c)
{
	if (c->stopping) {
		ev_break(c->loop, EVBREAK_ALL);
		return;
	}
	sd_notify_state("STOPPING=1");
	say_info("stopping: calls under way get %d s", STOP_MS / 1000);
	c->stopping = true;
	stop_desks(c);
	hand_on_sums(c);
	ev_timer_set(&c->deadline, (double)STOP_MS / 1000, 0);
	ev_timer_start(c->loop, &c->deadline);
}

static void on_hup(struct clerk *c)
{
	if (!c->stopping)
		reload_ask(c->reload);
}

static void on_usr1(struct clerk *c)
{
	record_reopen(c->parts.record);
}

static void on_usr2(struct clerk *c)
{
	dispatch_flush(c->parts.dispatch, now_wall_ms());
	intake_ring(c->parts.intake);
	notice_ring(c->parts.notice);
}

static const struct {
	int signal;
	void (*act)(struct clerk *c);
} signal_table[SIGNALS] = {
	{ SIGTERM, on_term },
	{ SIGINT, on_term },
	{ SIGHUP, on_hup },
	{ SIGUSR1, on_usr1 },
	{ SIGUSR2, on_usr2 },
};

static void on_signal(struct ev_loop *loop, ev_signal *w, int events)
{
	struct clerk *c = w->data;

	(void)loop;
	(void)events;
	signal_table[w - c->signals].act(c);
	turn(c);
}

/* ---- the loop ------------------------------------------------------------ */

/* libev would abort(); memory that ends is said, and ended, in one place. */
static void *allocate(void *p, long size)
{
	if (size)
		return mem_grow(p, (size_t)size, 1);
	free(p);
	return NULL;
}

static void init_watchers(struct clerk *c)
{
	ev_set_allocator(allocate);
	c->loop = ev_default_loop(EVFLAG_AUTO | EVFLAG_NOENV);
	ev_prepare_init(&c->parting, on_parting);
	c->parting.data = c;
	ev_async_init(&c->letters, on_letters);
	ev_io_init(&c->bell, on_bell, -1, EV_READ);
	ev_timer_init(&c->lull, on_lull, 0, 0);
	ev_timer_init(&c->rescan, on_rescan, 0, 0);
	ev_timer_init(&c->alarm, on_alarm, 0, 0);
	ev_timer_init(&c->deadline, on_deadline, 0, 0);
	ev_timer_init(&c->heartbeat, on_heartbeat, 0, 0);
	ev_timer_init(&c->watchdog, on_watchdog, 0, 0);
	ev_idle_init(&c->more, on_more);
	c->letters.data = c->more.data = c->alarm.data = c;
	c->rescan.data = c->heartbeat.data = c->bell.data = c->lull.data = c;
}

static void watch_signals(struct clerk *c)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	size_t i;

	sigaction(SIGPIPE, &ignore, NULL);
	for (i = 0; i < SIGNALS; i++) {
		ev_signal_init(
		    &c->signals[i], on_signal, signal_table[i].signal);
		c->signals[i].data = c;
		ev_signal_start(c->loop, &c->signals[i]);
	}
}

static void repeat(struct clerk *c, ev_timer *timer, int64_t ms)
{
	if (ms <= 0)
		return;
	ev_timer_set(timer, (double)ms / 1000, (double)ms / 1000);
	ev_timer_start(c->loop, timer);
}

static void start_watchers(struct clerk *c)
{
	ev_async_start(c->loop, &c->letters);
	/* Answers that came before rang in vain. */
	ev_async_send(c->loop, &c->letters);
	ev_prepare_start(c->loop, &c->parting);
	committer_gather(c->parts.committer);
	record_gather(c->parts.record);
	repeat(c, &c->rescan, c->from->conf->rescan_ms);
	repeat(c, &c->heartbeat, HEARTBEAT_MS);
	repeat(c, &c->watchdog, sd_watchdog_ms() / 3);
	if (c->watch) {
		ev_io_set(&c->bell, watch_fd(c->watch), EV_READ);
		ev_io_start(c->loop, &c->bell);
	}
	watch_signals(c);
}

/* ---- opening and closing ------------------------------------------------- */

/* The watcher first: its library aborts on descriptors over 1023. Without it
 * the sweep every spool.rescan does the work. */
static void open_watch(struct clerk *c)
{
	struct why why;

	c->watch = watch_open(&why);
	if (!c->watch)
		say_warning("%s; drop boxes are swept every spool.rescan only",
		    why.text);
}

static void watch_bell(struct clerk *c)
{
	auto_free char *bell = spool_path(&c->parts.spool, "bell");

	if (!c->watch)
		return;
	spool_ring(&c->parts.spool);
	watch_add(c->watch, bell, NULL);
}

static int open_all(struct clerk *c, struct why *why)
{
	struct parts_case from = {
		.conf = c->from->conf,
		.program = c->from->program,
		.once = c->from->once,
		.wake = wake,
		.arg = c,
	};
	bool busy;

	open_watch(c);
	init_watchers(c);
	from.loop = c->loop;
	if (parts_open(&c->parts, &from, &busy, why) < 0) {
		c->end = busy ? CLERK_BUSY : CLERK_FAILED;
		return -1;
	}
	c->reload =
	    reload_open(&(struct reload_sides){ &c->parts, c->from->conf_dir });
	watch_bell(c);
	return 0;
}

/* The last letters: what was settled is written down, the files of committed
 * events are removed. What the store cannot take in this time is left to the
 * next start. */
static void drain(struct clerk *c)
{
	int64_t until_ms = now_steady_ms() + DRAIN_MS;

	stop_desks(c);
	/* What the wire has left may be handed to the names, and comes back. */
	wire_close(take(&c->parts.wire));
	clerk_take_letters(c);
	names_close(take(&c->parts.names));
	clerk_take_letters(c);
	while (!all_quiet(c) && now_steady_ms() < until_ms) {
		committer_flush(c->parts.committer);
		remover_flush(c->parts.remover);
		clerk_take_works(c, mailbox_wait_for(&c->parts.works, 10));
		clerk_take_letters(c);
	}
}

static void close_all(struct clerk *c)
{
	parts_close(&c->parts);
	reload_close(c->reload);
	watch_close(c->watch);
}

static enum clerk_end verdict(const struct clerk *c)
{
	if (!c->from->once || c->end == CLERK_FAILED)
		return c->end;
	if (dispatch_totals(c->parts.dispatch).dead)
		return CLERK_DIED;
	if (dispatch_waiting(c->parts.dispatch) ||
	    intake_waiting(c->parts.intake))
		return CLERK_WAITING;
	return CLERK_DONE;
}

enum clerk_end clerk_run(const struct clerk_case *from, struct why *why)
{
	struct clerk c = { .from = from, .end = CLERK_DONE };
	struct conf *conf = from->conf;

	if (open_all(&c, why) < 0) {
		conf_free(conf);
		close_all(&c);
		return c.end;
	}
	/* From here on we must not die. */
	start_watchers(&c);
	record_started(c.parts.record, conf);
	look_at_clock(&c);
	dispatch_clock(c.parts.dispatch, 0, now_wall_ms());
	reload_begin(c.reload, conf);
	ev_run(c.loop, 0);
	drain(&c);
	c.end = verdict(&c);
	record_stopped(c.parts.record,
	    c.end == CLERK_FAILED	    ? "the store cannot be written"
		: from->once && !c.stopping ? "all that was due is done"
					    : "by signal");
	close_all(&c);
	return c.end;
}
