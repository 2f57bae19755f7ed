/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * flow/reload: from a directory of files to the plan in use.
 *
 * Owns the generations and the plan that is on its way. Promises: a bad
 * configuration is refused whole, with its first error in the log and all of
 * them on stderr, and the running one stays; deliveries that wait take the new
 * URL; those of an endpoint that is gone wait, and are told of. Never touches a
 * delivery. If we die in the middle, the next start loads what is on the disk.
 */
#include "flow/reload.h"

#include "base/buf.h"
#include "base/crash.h"
#include "base/mem.h"
#include "base/say.h"
#include "flow/load.h"
#include "port/http.h"
#include "port/sd.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

struct reload {
	struct reload_sides sides;
	int64_t generation; /* in use, 0 for none */
	int64_t newest; /* the last one that was loaded */
	struct plan *coming; /* the store could not number it yet */
	int asking;
	bool wanted; /* HUP came before anything was in use */
	struct stray *told; /* whom we told of already */
	size_t told_count;
};

struct endpoints {
	struct work_endpoints work; /* first */
	struct plan *plan;
};

struct reload *reload_open(const struct reload_sides *sides)
{
	struct reload *r = mem_zalloc(sizeof(*r));

	r->sides = *sides;
	return r;
}

static void free_strays(struct stray *strays, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		free(strays[i].webhook);
		free(strays[i].endpoint);
	}
	free(strays);
}

void reload_close(struct reload *r)
{
	if (!r)
		return;
	free_strays(r->told, r->told_count);
	plan_drop(r->coming);
	free(r);
}

int64_t reload_generation(const struct reload *r)
{
	return r->generation;
}

bool reload_quiet(const struct reload *r)
{
	return r->asking == 0;
}

/* ---- numbers ------------------------------------------------------------- */

/* Tells one URL from another (FNV-1a). So few bits that a secret in it cannot be
 * found again from them. */
static int64_t place_of(const char *url)
{
	uint32_t hash = 2166136261u;

	for (; *url; url++)
		hash = (hash ^ (unsigned char)*url) * 16777619u;
	return (int64_t)hash + 1;
}

static void ask_numbers(struct reload *r, struct plan *plan)
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
		ask->work.rows[i].place =
		    place_of(plan->targets[i].endpoint->url);
	}
	r->asking++;
	committer_send(r->sides.parts->committer, &ask->work.work);
}

static void free_endpoints(struct endpoints *ask)
{
	plan_drop(ask->plan);
	work_endpoints_clear(&ask->work);
	free(ask->work.rows);
	free(ask);
}

/* ---- strays -------------------------------------------------------------- */

static bool is_among(
    const struct stray *stray, const struct stray *all, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		if (strcmp(stray->webhook, all[i].webhook) == 0 &&
		    strcmp(stray->endpoint, all[i].endpoint) == 0)
			return true;
	}
	return false;
}

static void note_stray(
    struct reload *r, const struct stray *stray, const char *text)
{
	auto_free char *name = mem_printf(
	    "trouble/webhook %s/%s", stray->webhook, stray->endpoint);

	notes_put(r->sides.parts->notes, name, text);
}

static void tell_of(struct reload *r, const struct stray *stray)
{
	bool one = stray->open == 1;
	auto_free char *text = mem_printf(
	    "%s/%s is no longer configured; %lld deliver%s for it: put it back "
	    "and reload, or \"spoolhook queue delete --webhook %s\"",
	    stray->webhook, stray->endpoint, (long long)stray->open,
	    one ? "y waits" : "ies wait", stray->webhook);

	say_warning("%s", text);
	note_stray(r, stray, text);
}

/* Deliveries whose endpoint was taken out wait for it, or for an operator:
 * each such endpoint is told of once, and again when it comes and goes. */
static void tell_of_strays(struct reload *r, struct work_endpoints *work)
{
	size_t i;

	for (i = 0; i < work->stray_count; i++) {
		if (!is_among(&work->strays[i], r->told, r->told_count))
			tell_of(r, &work->strays[i]);
	}
	for (i = 0; i < r->told_count; i++) {
		if (!is_among(&r->told[i], work->strays, work->stray_count))
			note_stray(r, &r->told[i], NULL);
	}
	free_strays(r->told, r->told_count);
	r->told = take(&work->strays);
	r->told_count = work->stray_count;
	work->stray_count = 0;
}

/* ---- into use ------------------------------------------------------------ */

/* For `status` and `reload`: what is in use since when, and what came of the
 * last reload, "ok GENERATION" or "failed GENERATION SENTENCE". */
static void note_outcome(struct reload *r, const char *failure)
{
	struct notes *notes = r->sides.parts->notes;
	auto_free char *number = mem_printf("%lld", (long long)r->generation);
	auto_free char *outcome = failure
	    ? mem_printf("failed %s %s", number, failure)
	    : mem_printf("ok %s", number);

	if (!failure)
		notes_put(notes, "daemon/generation", number);
	notes_put(notes, "daemon/reload", outcome);
}

/* The first one is no news: the daemon says that it is ready. */
static void publish(struct reload *r, const struct conf *conf)
{
	note_outcome(r, NULL);
	warden_ring(r->sides.parts->warden);
	textfile_use(r->sides.parts->textfile, conf);
	if (r->generation == 1)
		return;
	record_reloaded(r->sides.parts->record, conf, r->generation);
	say_info("configuration generation %lld is in use: %zu webhook%s",
	    (long long)r->generation, conf->webhook_count,
	    conf->webhook_count == 1 ? "" : "s");
	sd_notify_state("READY=1");
}

static void use(struct reload *r, struct endpoints *answer)
{
	struct parts *parts = r->sides.parts;
	struct plan *plan = answer->plan;
	size_t i;

	for (i = 0; i < plan->count; i++) {
		plan->targets[i].number = answer->work.rows[i].number;
		plan->targets[i].next_due_ms = answer->work.rows[i].next_due_ms;
		plan->targets[i].breaker = answer->work.rows[i].breaker;
	}
	plan_index(plan);
	r->generation = plan->generation;
	dispatch_use(parts->dispatch, plan);
	intake_use(parts->intake);
	dispatch_tell(parts->dispatch);
	notice_ring(parts->notice);
	tell_of_strays(r, &answer->work);
	crash_point(reload_used);
	publish(r, plan->conf);
}

void reload_numbered(struct reload *r, struct work *work)
{
	struct endpoints *answer = (struct endpoints *)work;

	r->asking--;
	if (answer->plan->generation < r->newest) {
		/* A newer one overtook it while the store could not write. */
		free_endpoints(answer);
		return;
	}
	if (work->failed) {
		/* The disk is full, or worse: the committer said it. */
		plan_drop(r->coming);
		r->coming = take(&answer->plan);
	} else {
		use(r, answer);
	}
	free_endpoints(answer);
	if (r->generation && r->wanted) {
		r->wanted = false;
		reload_ask(r);
	}
}

void reload_retry(struct reload *r)
{
	if (r->coming)
		ask_numbers(r, take(&r->coming));
}

void reload_begin(struct reload *r, struct conf *conf)
{
	r->newest = 1;
	ask_numbers(r, plan_new(conf, r->newest));
}

/* ---- HUP ----------------------------------------------------------------- */

static const struct finding *first_error(const struct findings *findings)
{
	size_t i;

	for (i = 0; i < findings->count; i++) {
		if (findings->all[i].severity == SEVERITY_ERROR)
			return &findings->all[i];
	}
	return NULL;
}

static void say_errors(const struct findings *findings)
{
	auto_buf struct buf text = BUF_INIT(4096);
	size_t i;

	for (i = 0; i < findings->count; i++) {
		if (findings->all[i].severity != SEVERITY_ERROR)
			continue;
		buf_reset(&text);
		finding_print_short(&findings->all[i], &text);
		say_error("%s", buf_text(&text));
	}
}

static void refuse(
    struct reload *r, const struct findings *findings, const struct why *why)
{
	const struct finding *first = first_error(findings);
	auto_buf struct buf text = BUF_INIT(4096);

	if (first)
		finding_print_short(first, &text);
	else
		buf_puts(&text, why->text);
	say_errors(findings);
	if (!first)
		say_error("%s", why->text);
	say_error("the configuration is not loaded; generation %lld goes on "
		  "(\"spoolhook check\" shows all)",
	    (long long)r->generation);
	record_reload_failed(r->sides.parts->record, buf_text(&text),
	    findings->errors ? findings->errors : 1, r->generation);
	note_outcome(r, buf_text(&text));
	sd_notify_state("READY=1");
}

/* What may fail comes before what changes something. */
static int apply(struct reload *r, const struct conf *conf, struct why *why)
{
	struct parts *parts = r->sides.parts;
	const struct conf *now = dispatch_plan(parts->dispatch)->conf;
	struct http_settings http = { conf->ca_file, conf->proxy,
		conf->max_in_flight };

	if (strcmp(conf->spool_dir, now->spool_dir) != 0)
		return fail(
		    why, "spool.dir cannot be changed by a reload: restart");
	if (http_check(&http, why) < 0 ||
	    record_configure(
		parts->record, conf->log_file, conf->log_level, why) < 0)
		return -1;
	return wire_configure(parts->wire, &http, why);
}

/* sd_notify(3): whoever waits for a reload tells it from the last one by its
 * time. */
static void notify_reloading(void)
{
	struct timespec now;
	char text[64];

	clock_gettime(CLOCK_MONOTONIC, &now);
	snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%lld",
	    (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
	sd_notify_state(text);
}

void reload_ask(struct reload *r)
{
	struct findings findings = { 0 };
	struct why why = { "" };
	struct conf *conf;

	if (!r->generation) {
		r->wanted = true;
		return;
	}
	notify_reloading();
	conf = load_conf(r->sides.conf_dir, &findings, &why);
	if (conf && apply(r, conf, &why) < 0) {
		conf_free(conf);
		conf = NULL;
		findings_clear(&findings);
	}
	if (!conf) {
		refuse(r, &findings, &why);
	} else {
		crash_point(reload_checked);
		plan_drop(take(&r->coming));
		ask_numbers(r, plan_new(conf, ++r->newest));
	}
	findings_clear(&findings);
}
