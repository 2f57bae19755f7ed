/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * flow/clerk: the daemon's main thread, in named phases: open everything, from
 * here on we must not die, turn after turn, close everything.
 *
 * Owns the loop and its watchers, and wires the parts together; every decision
 * is made in the part that it belongs to. One turn: letters are handed out,
 * then intake, dispatch and notices each do what has become possible. If we
 * die in the middle, the store knows what was promised.
 */
#include "flow/clerk.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/now.h"
#include "base/say.h"
#include "base/version.h"
#include "flow/committer.h"
#include "flow/dispatch.h"
#include "flow/intake.h"
#include "flow/load.h"
#include "flow/notice.h"
#include "flow/plan.h"
#include "flow/record.h"
#include "flow/wire.h"
#include "port/http.h"
#include "port/sd.h"
#include "port/spool.h"
#include "port/store.h"
#include "port/watch.h"

#include <ev.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
	/* After TERM, calls under way get this long. */
	STOP_MS = 10000,
	/* A commit that fails for another reason than space this often in a
	 * row means that the store cannot be written. */
	STORE_FAILURES_MAX = 20,
};

enum { SIGNALS = 5 };

struct clerk {
	const struct clerk_case *from;
	struct ev_loop *loop;
	struct watch *watch;
	struct spool spool;
	struct store *store;
	struct record *record;
	struct committer *committer;
	struct wire *wire;
	struct dispatch *dispatch;
	struct intake *intake;
	struct notice_desk *notice;
	struct mailbox works; /* answers of the store */
	struct mailbox calls; /* answers of the wire */
	int failed_dir;
	char *mail_folder;
	int64_t generation;
	struct plan *coming; /* its endpoints are being numbered */

	ev_async letters;
	ev_io bell;
	ev_timer rescan; /* the directory is the truth */
	ev_timer alarm; /* whatever comes due next */
	ev_timer deadline; /* after TERM */
	ev_timer heartbeat; /* for the service manager */
	ev_idle more; /* intake has more to do at once */
	ev_signal signals[SIGNALS];
	bool stopping;
	int store_failures;
	enum clerk_end end;
};

/* ---- letters ------------------------------------------------------------- */

static void wake(void *arg)
{
	struct clerk *c = arg;

	ev_async_send(c->loop, &c->letters);
}

struct endpoints {
	struct work_endpoints work; /* first */
	struct plan *plan;
};

/* A new configuration is in use once its endpoints have their numbers. */
static void ask_numbers(struct clerk *c, struct plan *plan)
{
	struct endpoints *ask = mem_zalloc(sizeof(*ask));
	size_t i;

	ask->plan = plan;
	ask->work.work.kind = WORK_ENDPOINTS;
	ask->work.count = plan->count;
	ask->work.rows = mem_array(plan->count, sizeof(*ask->work.rows));
	for (i = 0; i < plan->count; i++) {
		ask->work.rows[i].webhook = plan->targets[i].webhook->id;
		ask->work.rows[i].endpoint = plan->targets[i].endpoint->id;
	}
	committer_send(c->committer, &ask->work.work);
}

static void use_plan(struct clerk *c, struct endpoints *answer)
{
	struct plan *plan = answer->plan;
	size_t i;

	for (i = 0; i < plan->count; i++) {
		plan->targets[i].number = answer->work.rows[i].number;
		plan->targets[i].next_due_ms = answer->work.rows[i].next_due_ms;
	}
	plan_index(plan);
	dispatch_use(c->dispatch, plan);
	dispatch_touch_all(c->dispatch, now_wall_ms());
	intake_use(c->intake);
	notice_ring(c->notice);
	plan_drop(plan);
}

static void numbered(struct clerk *c, struct work *work)
{
	struct endpoints *answer = (struct endpoints *)work;

	if (work->failed) {
		/* The disk is full, or worse: the committer said it. Asked
		 * again with the next turn of the rescan timer. */
		plan_drop(c->coming);
		c->coming = answer->plan;
	} else {
		use_plan(c, answer);
	}
	free(answer->work.rows);
	free(answer);
}

static void count_failure(struct clerk *c, const struct work *work)
{
	if (!work->failed)
		c->store_failures = 0;
	/* A full disk is waited for. */
	if (!work->failed || work->full)
		return;
	if (++c->store_failures < STORE_FAILURES_MAX || c->stopping)
		return;
	say_error("the store cannot be written; ending, so that nobody relies "
		  "on a daemon that accepts nothing");
	c->end = CLERK_FAILED;
	c->stopping = true;
	ev_break(c->loop, EVBREAK_ALL);
}

static void work_came(struct clerk *c, struct work *work)
{
	count_failure(c, work);
	switch (work->kind) {
	case WORK_ACCEPT:
		intake_accepted(c->intake, work);
		return;
	case WORK_FORGET:
		intake_forgotten(c->intake, work);
		return;
	case WORK_NOTE:
		intake_noted(c->intake, work);
		return;
	case WORK_CLAIM:
		dispatch_claimed(c->dispatch, work);
		return;
	case WORK_SETTLE:
		dispatch_settled(c->dispatch, work);
		return;
	case WORK_DIGEST:
	case WORK_MAIL_ADD:
	case WORK_MAIL_NEXT:
	case WORK_MAIL_DONE:
		notice_answered(c->notice, work);
		return;
	case WORK_ENDPOINTS:
		numbered(c, work);
		return;
	case WORK_FLUSH:
		dispatch_touch_all(c->dispatch, now_wall_ms());
		free(work);
		return;
	case WORK_RECEIPTS:
	case WORK_PRUNE:
		return;
	}
}

static void take_letters(struct clerk *c)
{
	struct letter *l = mailbox_take(&c->calls);

	while (l) {
		struct letter *next = l->next;

		dispatch_called(c->dispatch, (struct wire_call *)l);
		l = next;
	}
	l = mailbox_take(&c->works);
	while (l) {
		struct letter *next = l->next;

		work_came(c, (struct work *)l);
		l = next;
	}
}

/* ---- turns --------------------------------------------------------------- */

static int64_t earlier(int64_t a, int64_t b)
{
	if (a < 0)
		return b;
	return b < 0 || a < b ? a : b;
}

/* Sets the alarm for whatever comes due next. */
static void set_alarm(struct clerk *c)
{
	int64_t wall =
	    earlier(dispatch_next_ms(c->dispatch), notice_next_ms(c->notice));
	int64_t steady = intake_next_ms(c->intake);
	int64_t wait = -1;

	if (wall >= 0)
		wait = wall - now_wall_ms();
	if (wall >= 0 && wait < 0)
		wait = 0;
	if (steady >= 0) {
		int64_t left = steady - now_steady_ms();

		wait = earlier(wait, left < 0 ? 0 : left);
	}
	ev_timer_stop(c->loop, &c->alarm);
	if (wait < 0)
		return;
	/* One millisecond more: the clocks are read in whole ones. */
	ev_timer_set(&c->alarm, (double)(wait + 1) / 1000, 0);
	ev_timer_start(c->loop, &c->alarm);
}

static void watch_boxes(struct clerk *c)
{
	struct why why;
	size_t i;

	if (!c->watch || !intake_rewatch(c->intake))
		return;
	for (i = 0; intake_path(c->intake, i); i++) {
		if (watch_add(c->watch, intake_path(c->intake, i), &why) < 0)
			say_warning(
			    "%s; it is swept every spool.rescan", why.text);
	}
	/* What came between the sweep and the watch. */
	intake_ring(c->intake);
}

static bool all_quiet(const struct clerk *c)
{
	return dispatch_quiet(c->dispatch) && intake_quiet(c->intake) &&
	    notice_quiet(c->notice);
}

/* Once: everything is done when nobody has anything to do before some time. */
static bool once_over(const struct clerk *c)
{
	return c->from->once && dispatch_plan(c->dispatch) &&
	    intake_idle(c->intake) && dispatch_quiet(c->dispatch) &&
	    notice_idle(c->notice);
}

static enum clerk_end verdict(const struct clerk *c)
{
	if (!c->from->once || c->end == CLERK_FAILED)
		return c->end;
	if (dispatch_totals(c->dispatch).dead)
		return CLERK_DIED;
	return dispatch_waiting(c->dispatch) ? CLERK_WAITING : CLERK_DONE;
}

static void turn(struct clerk *c)
{
	bool more;

	take_letters(c);
	more = intake_turn(c->intake);
	watch_boxes(c);
	dispatch_turn(c->dispatch, now_wall_ms());
	if (dispatch_deaths(c->dispatch))
		notice_ring(c->notice);
	notice_turn(c->notice, now_wall_ms());
	if (more)
		ev_idle_start(c->loop, &c->more);
	else
		ev_idle_stop(c->loop, &c->more);
	if ((c->stopping && all_quiet(c)) || (!more && once_over(c)))
		ev_break(c->loop, EVBREAK_ALL);
	else
		set_alarm(c);
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
	int64_t look = intake_next_ms(c->intake);

	(void)loop;
	(void)events;
	if (look >= 0 && look <= now_steady_ms())
		intake_ring(c->intake);
	turn(c);
}

static void on_bell(struct ev_loop *loop, ev_io *w, int events)
{
	struct clerk *c = w->data;

	(void)loop;
	(void)events;
	if (!watch_drain(c->watch))
		return;
	/* A drop box, or the bell of a verb that changed the store. */
	intake_ring(c->intake);
	if (spool_rang(&c->spool) && dispatch_plan(c->dispatch))
		dispatch_touch_all(c->dispatch, now_wall_ms());
	turn(c);
}

static void on_rescan(struct ev_loop *loop, ev_timer *w, int events)
{
	struct clerk *c = w->data;

	(void)loop;
	(void)events;
	if (c->coming)
		ask_numbers(c, take(&c->coming));
	intake_ring(c->intake);
	notice_ring(c->notice);
	if (dispatch_plan(c->dispatch))
		dispatch_touch_all(c->dispatch, now_wall_ms());
	turn(c);
}

static void on_heartbeat(struct ev_loop *loop, ev_timer *w, int events)
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

static void on_term(struct clerk *c)
{
	if (c->stopping) {
		ev_break(c->loop, EVBREAK_ALL);
		return;
	}
	sd_notify_state("STOPPING=1");
	say_info("stopping: calls under way get %d s", STOP_MS / 1000);
	c->stopping = true;
	intake_stop(c->intake);
	dispatch_stop(c->dispatch);
	notice_stop(c->notice);
	ev_timer_set(&c->deadline, (double)STOP_MS / 1000, 0);
	ev_timer_start(c->loop, &c->deadline);
}

static void refuse_reload(
    struct clerk *c, const struct findings *findings, const struct why *why)
{
	const struct finding *first = findings->count ? findings->all : NULL;
	auto_buf struct buf text = BUF_INIT(4096);
	size_t i;

	for (i = 0; i < findings->count; i++) {
		if (findings->all[i].severity != SEVERITY_ERROR)
			continue;
		if (first->severity != SEVERITY_ERROR)
			first = &findings->all[i];
		buf_reset(&text);
		finding_print_short(&findings->all[i], &text);
		say_error("%s", buf_text(&text));
	}
	buf_reset(&text);
	if (first)
		finding_print_short(first, &text);
	else
		buf_puts(&text, why->text);
	say_error("the configuration is not loaded; generation %lld goes on "
		  "(\"spoolhook check\" shows all)",
	    (long long)c->generation);
	record_reload_failed(
	    c->record, buf_text(&text), findings->errors, c->generation);
}

static int apply(struct clerk *c, const struct conf *conf, struct why *why)
{
	struct http_settings http = { conf->ca_file, conf->proxy,
		conf->max_in_flight };

	if (strcmp(conf->spool_dir,
		dispatch_plan(c->dispatch)->conf->spool_dir) != 0)
		return fail(
		    why, "spool.dir cannot be changed by a reload: restart");
	if (wire_configure(c->wire, &http, why) < 0)
		return -1;
	return record_configure(
	    c->record, conf->log_file, conf->log_level, why);
}

static void on_hup(struct clerk *c)
{
	struct findings findings = { 0 };
	struct why why = { "" };
	struct conf *conf;

	if (!dispatch_plan(c->dispatch) || c->stopping)
		return;
	sd_notify_state("RELOADING=1");
	conf = load_conf(c->from->conf_dir, &findings, &why);
	if (conf && apply(c, conf, &why) < 0) {
		conf_free(conf);
		conf = NULL;
		findings_clear(&findings);
	}
	if (conf) {
		c->generation++;
		record_reloaded(c->record, conf, c->generation);
		say_info("configuration generation %lld is in use: %zu "
			 "webhooks",
		    (long long)c->generation, conf->webhook_count);
		ask_numbers(c, plan_new(conf, c->generation));
	} else {
		refuse_reload(c, &findings, &why);
	}
	findings_clear(&findings);
	sd_notify_state("READY=1");
}

static void on_usr1(struct clerk *c)
{
	record_reopen(c->record);
}

static void on_usr2(struct clerk *c)
{
	struct work_flush *flush = mem_zalloc(sizeof(*flush));

	flush->work.kind = WORK_FLUSH;
	flush->now_ms = now_wall_ms();
	committer_send(c->committer, &flush->work);
	intake_ring(c->intake);
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

/* ---- opening and closing ------------------------------------------------- */

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

static void start_watchers(struct clerk *c)
{
	double rescan = (double)c->from->conf->rescan_ms / 1000;
	double beat = (double)sd_watchdog_ms() / 3000;

	c->letters.data = c->more.data = c->alarm.data = c;
	c->rescan.data = c->deadline.data = c->bell.data = c;
	ev_async_start(c->loop, &c->letters);
	ev_timer_set(&c->rescan, rescan, rescan);
	ev_timer_start(c->loop, &c->rescan);
	if (c->watch) {
		ev_io_set(&c->bell, watch_fd(c->watch), EV_READ);
		ev_io_start(c->loop, &c->bell);
	}
	if (beat > 0) {
		ev_timer_set(&c->heartbeat, beat, beat);
		ev_timer_start(c->loop, &c->heartbeat);
	}
	watch_signals(c);
}

static void init_watchers(struct clerk *c)
{
	c->loop = ev_default_loop(EVFLAG_AUTO | EVFLAG_NOENV);
	ev_async_init(&c->letters, on_letters);
	ev_io_init(&c->bell, on_bell, -1, EV_READ);
	ev_timer_init(&c->rescan, on_rescan, 0, 0);
	ev_timer_init(&c->alarm, on_alarm, 0, 0);
	ev_timer_init(&c->deadline, on_deadline, 0, 0);
	ev_timer_init(&c->heartbeat, on_heartbeat, 0, 0);
	ev_idle_init(&c->more, on_more);
}

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

static int open_spool(struct clerk *c, struct why *why)
{
	enum spool_lock answer;
	pid_t holder;

	if (spool_open(&c->spool, c->from->conf->spool_dir, true, why) < 0 ||
	    spool_lock(&c->spool, &answer, &holder, why) < 0)
		return -1;
	if (answer == SPOOL_LOCKED)
		return 0;
	c->end = CLERK_BUSY;
	return fail(why,
	    "%s: a daemon is running there already, pid %ld; stop it, or give "
	    "this one another spool.dir",
	    c->spool.path, (long)holder);
}

static int open_ports(struct clerk *c, struct why *why)
{
	const struct conf *conf = c->from->conf;
	struct http_settings http = { conf->ca_file, conf->proxy,
		conf->max_in_flight };
	auto_free char *db = spool_path(&c->spool, "spool.db");

	c->mail_folder = spool_path(&c->spool, "mail");
	c->failed_dir = file_open_dir(c->spool.dir, "failed", true, 0750, why);
	if (c->failed_dir < 0)
		return -1;
	c->store = store_open(db, STORE_DAEMON, why);
	if (!c->store)
		return -1;
	c->record = record_open(conf->log_file, conf->log_level, why);
	if (!c->record)
		return -1;
	c->wire = wire_open(&http, &c->calls, why);
	return c->wire ? 0 : -1;
}

/* Receipts are read before the store's thread starts. */
static int read_receipts(
    struct clerk *c, struct work_receipts *work, struct why *why)
{
	bool full;

	*work = (struct work_receipts){ .work.kind = WORK_RECEIPTS };
	return store_commit(c->store, &work->work, &full, why);
}

static int open_flow(struct clerk *c, struct why *why)
{
	struct work_receipts left;
	char last_id[ID_SIZE];

	if (read_receipts(c, &left, why) < 0)
		return -1;
	store_last_id(c->store, last_id);
	c->committer = committer_open(c->store, &c->works, why);
	if (!c->committer) {
		free(left.receipts);
		return -1;
	}
	c->dispatch = dispatch_open(&(struct dispatch_sides){
	    c->committer, c->wire, c->record, c->failed_dir });
	c->intake = intake_open(&(struct intake_sides){ &c->spool, c->committer,
				    c->dispatch, c->record, last_id },
	    left.receipts, left.count);
	c->notice = notice_open(&(struct notice_sides){
	    .committer = c->committer,
	    .dispatch = c->dispatch,
	    .record = c->record,
	    .loop = c->loop,
	    .program = c->from->program,
	    .mail_folder = c->mail_folder,
	});
	return 0;
}

static int open_all(struct clerk *c, struct why *why)
{
	mailbox_init(&c->works, wake, c);
	mailbox_init(&c->calls, wake, c);
	open_watch(c);
	init_watchers(c);
	if (open_spool(c, why) < 0 || open_ports(c, why) < 0 ||
	    open_flow(c, why) < 0)
		return -1;
	if (c->watch) {
		auto_free char *bell = spool_path(&c->spool, "bell");

		spool_ring(&c->spool);
		watch_add(c->watch, bell, NULL);
	}
	return 0;
}

/* The last letters: what was settled is written down, the files of committed
 * events are removed. What the store cannot take in this time is left to the
 * next start. */
static void drain(struct clerk *c)
{
	int64_t until_ms = now_steady_ms() + STOP_MS;

	intake_stop(c->intake);
	dispatch_stop(c->dispatch);
	notice_stop(c->notice);
	take_letters(c);
	while (!all_quiet(c) && now_steady_ms() < until_ms) {
		struct letter *l = mailbox_wait_for(&c->works, 100);

		while (l) {
			struct letter *next = l->next;

			work_came(c, (struct work *)l);
			l = next;
		}
	}
}

static void close_all(struct clerk *c)
{
	wire_close(c->wire);
	if (c->notice)
		drain(c);
	committer_close(c->committer);
	notice_close(c->notice);
	intake_close(c->intake);
	dispatch_close(c->dispatch);
	plan_drop(c->coming);
	record_close(c->record);
	store_close(c->store);
	watch_close(c->watch);
	if (c->failed_dir >= 0)
		close(c->failed_dir);
	free(c->mail_folder);
	spool_close(&c->spool);
	mailbox_clear(&c->works);
	mailbox_clear(&c->calls);
}

enum clerk_end clerk_run(const struct clerk_case *from, struct why *why)
{
	struct clerk c = {
		.from = from,
		.failed_dir = -1,
		.generation = 1,
		.end = CLERK_DONE,
		.spool = { .dir = -1, .lock = -1 },
	};
	struct conf *conf = from->conf;

	if (open_all(&c, why) < 0) {
		conf_free(conf);
		close_all(&c);
		return c.end == CLERK_BUSY ? CLERK_BUSY : CLERK_FAILED;
	}
	/* From here on we must not die. */
	start_watchers(&c);
	record_started(c.record, conf);
	ask_numbers(&c, plan_new(conf, c.generation));
	sd_notify_state("READY=1");
	say_info("%s %s, %zu webhooks, drop box %s", VERSION,
	    from->once ? "delivers what is due" : "is ready",
	    conf->webhook_count, conf->inputs[0].dir);
	ev_run(c.loop, 0);
	c.end = verdict(&c);
	record_stopped(
	    c.record, from->once ? "all that was due is done" : "by signal");
	close_all(&c);
	return c.end;
}
