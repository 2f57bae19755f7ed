/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * cmd/vitals: gathers the numbers from the store, the spool's directories and
 * the daemon's lock. Reads only, takes no lock, and so works with the daemon up
 * or down. The numbers are of one moment, but not of one snapshot.
 */
#include "cmd/vitals.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"
#include "cmd/desk.h"
#include "model/pause.h"

#include <dirent.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

/* ---- the store --------------------------------------------------------- */

static int add_webhook(void *arg, const struct webhook_counts *counts)
{
	struct vitals *v = arg;

	v->queued += counts->by_state[STATE_CHAINED] +
	    counts->by_state[STATE_WAITING] - counts->deferred;
	v->deferred += counts->deferred;
	v->active += counts->by_state[STATE_ACTIVE];
	v->held += counts->by_state[STATE_HELD];
	v->dead += counts->by_state[STATE_DEAD];
	if (counts->oldest_ms >= 0 &&
	    (v->oldest_ms < 0 || counts->oldest_ms < v->oldest_ms))
		v->oldest_ms = counts->oldest_ms;
	return 0;
}

static int keep_acceptance(void *arg, const struct delivery_row *row)
{
	*(int64_t *)arg = row->accepted_ms;
	return 1;
}

/* Deliveries are listed by their age, so the first is the oldest. */
static int find_oldest(struct vitals *v, struct store *store, struct why *why)
{
	struct delivery_query query = {
		.states = 1u << STATE_CHAINED | 1u << STATE_WAITING |
		    1u << STATE_ACTIVE,
		.limit = 1,
	};

	v->oldest_ms = -1;
	return store_deliveries(
		   store, &query, keep_acceptance, &v->oldest_ms, why) < 0
	    ? -1
	    : 0;
}

static int count_dead(void *arg, const struct delivery_row *row)
{
	(void)row;
	++*(int64_t *)arg;
	return 0;
}

static int count_recent_dead(
    struct vitals *v, struct store *store, struct why *why)
{
	struct delivery_query query = {
		.states = 1u << STATE_DEAD,
		.changed_since_ms = v->now_ms - DEAD_RECENT_MS,
		.limit = DEAD_COUNT_MAX,
	};

	v->dead = 0;
	return store_deliveries(store, &query, count_dead, &v->dead, why) < 0
	    ? -1
	    : 0;
}

static bool is_pause(const char *name, const char *value, int64_t now_ms)
{
	struct pause pause;
	bool holds;

	if (!text_starts(name, PAUSE_NOTES) || !pause_parse(value, &pause))
		return false;
	holds = pause_holds(&pause, now_ms);
	pause_clear(&pause);
	return holds;
}

static void keep_generation(struct vitals *v, const char *value, int64_t ms)
{
	text_int(value, 0, INT64_MAX, &v->generation);
	v->loaded_ms = ms;
}

static int add_note(void *arg, const char *name, const char *value, int64_t ms)
{
	struct vitals *v = arg;

	if (strcmp(name, "daemon/heartbeat") == 0)
		v->heartbeat_ms = ms;
	else if (strcmp(name, "daemon/started") == 0)
		v->started_ms = ms;
	else if (strcmp(name, "daemon/generation") == 0)
		keep_generation(v, value, ms);
	else if (strcmp(name, "daemon/reload") == 0)
		v->reload_failed = !text_starts(value, "ok ");
	else if (text_starts(name, "trouble/"))
		v->troubles++;
	else if (is_pause(name, value, v->now_ms))
		v->paused++;
	return 0;
}

static int ask_store(struct vitals *v, struct store *store, struct why *why)
{
	if (store_counts(store, add_webhook, v, why) < 0 ||
	    store_notes(store, "", add_note, v, why) < 0 ||
	    store_totals(store, &v->events, &v->unmatched, &v->mails, why) < 0)
		return -1;
	if (v->held && find_oldest(v, store, why) < 0)
		return -1;
	return v->dead ? count_recent_dead(v, store, why) : 0;
}

/* ---- files ------------------------------------------------------------- */

static int64_t size_of(const struct conf *conf, const char *name)
{
	auto_free char *path = mem_printf("%s/%s", conf->spool_dir, name);
	struct stat st;

	return stat(path, &st) < 0 ? 0 : (int64_t)st.st_size;
}

static void look_at_disk(struct vitals *v, const struct conf *conf)
{
	struct statvfs fs;

	v->spool_bytes =
	    size_of(conf, "spool.db") + size_of(conf, "spool.db-wal");
	v->free_bytes = -1;
	if (statvfs(conf->spool_dir, &fs) == 0)
		v->free_bytes = (int64_t)fs.f_bavail * (int64_t)fs.f_frsize;
}

static bool is_reason(const char *name)
{
	size_t len = strlen(name);
	size_t end = strlen(".why.json");

	return len > end && strcmp(name + len - end, ".why.json") == 0;
}

/* By its reason, which is written when it is rejected. */
static void count_rejected(struct vitals *v, const struct conf *conf)
{
	auto_free char *path = mem_printf("%s/rejected", conf->spool_dir);
	DIR *dir = opendir(path);
	struct dirent *entry;
	struct stat st;

	while (dir && (entry = readdir(dir))) {
		if (!is_reason(entry->d_name))
			continue;
		v->rejected_files++;
		if (fstatat(dirfd(dir), entry->d_name, &st, 0) == 0 &&
		    (int64_t)st.st_mtime * 1000 >= v->now_ms - DEAD_RECENT_MS)
			v->rejected++;
	}
	if (dir)
		closedir(dir);
}

int vitals_read(struct vitals *vitals, const struct conf *conf,
    struct store *store, int64_t now_ms, struct why *why)
{
	*vitals = (struct vitals){ .now_ms = now_ms,
		.heartbeat_ms = -1,
		.started_ms = -1,
		.loaded_ms = -1,
		.oldest_ms = -1 };
	vitals->pid = desk_daemon(conf);
	count_rejected(vitals, conf);
	look_at_disk(vitals, conf);
	return ask_store(vitals, store, why);
}

bool vitals_alive(const struct vitals *vitals)
{
	return vitals->pid && vitals->heartbeat_ms >= 0 &&
	    vitals->now_ms - vitals->heartbeat_ms <= HEARTBEAT_LATE_MS;
}
