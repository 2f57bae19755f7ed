/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * flow/textfile: one child at a time, started by a timer and reaped by the
 * loop. A child that is not done when the next one is due is killed; one that
 * fails has said why on our standard error, so it is asked again after twice
 * the time, up to an hour, and not every few seconds. Nothing waits for it. If
 * we die in the middle, the file is as old as it then is; it tells its age.
 */
#include "flow/textfile.h"

#include "base/mem.h"
#include "base/say.h"
#include "port/child.h"

#include <ev.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { PAUSE_MAX_MS = 60 * 60 * 1000 };
/* By then the store knows that we live. */
enum { FIRST_MS = 500 };

struct textfile {
	struct ev_loop *loop;
	const char *program;
	char *conf_dir;
	char *path; /* NULL: none is wanted */
	int64_t interval_ms;
	int64_t pause_ms; /* the interval, longer after failures */
	struct child child;
	ev_child exit;
	ev_timer timer;
};

static void set_timer(struct textfile *t, int64_t ms)
{
	ev_timer_stop(t->loop, &t->timer);
	if (!t->path)
		return;
	ev_timer_set(&t->timer, (double)ms / 1000, 0);
	ev_timer_start(t->loop, &t->timer);
}

static void fail_once(struct textfile *t)
{
	t->pause_ms *= 2;
	if (t->pause_ms > PAUSE_MAX_MS)
		t->pause_ms = PAUSE_MAX_MS;
}

static void ended(struct ev_loop *loop, ev_child *watcher, int events)
{
	struct textfile *t = watcher->data;

	(void)events;
	ev_child_stop(loop, watcher);
	child_clear(&t->child);
	if (watcher->rstatus == 0)
		t->pause_ms = t->interval_ms;
	else
		fail_once(t);
	set_timer(t, t->pause_ms);
}

static void start(struct textfile *t)
{
	static char config[] = "-c";
	static char verb[] = "metrics";
	static char output[] = "-o";
	char *argv[] = { (char *)(uintptr_t)t->program, config, t->conf_dir,
		verb, output, t->path, NULL };
	struct why why;

	if (child_spawn(&t->child, argv, &why) < 0) {
		say_warning("the metrics cannot be written: %s", why.text);
		fail_once(t);
		return;
	}
	child_close_in(&t->child);
	ev_child_set(&t->exit, t->child.pid, 0);
	ev_child_start(t->loop, &t->exit);
}

/* Comes once when it is time to start, and once more if the child is late. */
static void on_timer(struct ev_loop *loop, ev_timer *watcher, int events)
{
	struct textfile *t = watcher->data;

	(void)loop;
	(void)events;
	if (t->child.pid)
		child_kill(&t->child);
	else
		start(t);
	set_timer(t, t->pause_ms);
}

struct textfile *textfile_open(struct ev_loop *loop, const char *program)
{
	struct textfile *t = mem_zalloc(sizeof(*t));

	t->loop = loop;
	t->program = program;
	t->child = (struct child)CHILD_INIT;
	ev_child_init(&t->exit, ended, 0, 0);
	ev_timer_init(&t->timer, on_timer, 0, 0);
	t->exit.data = t;
	t->timer.data = t;
	return t;
}

void textfile_use(struct textfile *t, const struct conf *conf)
{
	free(t->conf_dir);
	free(t->path);
	t->conf_dir = mem_strdup(conf->dir);
	t->path = mem_strdup(conf->metrics_textfile);
	t->interval_ms = t->pause_ms = conf->metrics_interval_ms;
	if (!t->child.pid)
		set_timer(t, FIRST_MS);
}

void textfile_close(struct textfile *t)
{
	if (!t)
		return;
	ev_timer_stop(t->loop, &t->timer);
	ev_child_stop(t->loop, &t->exit);
	child_clear(&t->child);
	free(t->conf_dir);
	free(t->path);
	free(t);
}
