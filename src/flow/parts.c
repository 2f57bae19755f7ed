/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * flow/parts: opens and closes what the daemon consists of.
 *
 * Owns the order: the lock before the store, receipts before the store's
 * thread, threads before the desks that send to them. Promises that a failure
 * half way closes what was opened. Never decides anything while the daemon
 * runs. If we die in the middle, the lock goes with us and the store knows
 * what was promised.
 */
#include "flow/parts.h"

#include "base/file.h"
#include "base/mem.h"
#include "flow/catchup.h"
#include "port/http.h"
#include "port/store.h"

#include <unistd.h>

static int open_spool(
    struct parts *p, const struct conf *conf, bool *busy, struct why *why)
{
	enum spool_lock answer;
	pid_t holder;

	if (spool_open(&p->spool, conf->spool_dir, true, why) < 0 ||
	    spool_lock(&p->spool, &answer, &holder, why) < 0)
		return -1;
	if (answer == SPOOL_LOCKED)
		return 0;
	*busy = true;
	return fail(why,
	    "%s: a daemon is running there already, pid %ld; stop it, or give "
	    "this one another spool.dir",
	    p->spool.path, (long)holder);
}

static int open_ports(struct parts *p, const struct conf *conf, struct why *why)
{
	struct http_settings http = { conf->ca_file, conf->proxy,
		conf->max_in_flight };
	auto_free char *db = spool_path(&p->spool, "spool.db");

	p->mail_folder = spool_path(&p->spool, "mail");
	p->failed_dir = file_open_dir(p->spool.dir, "failed", true, 0750, why);
	if (p->failed_dir < 0)
		return -1;
	p->store = store_open(db, STORE_DAEMON, why);
	if (!p->store)
		return -1;
	p->record = record_open(conf->log_file, conf->log_level, why);
	if (!p->record)
		return -1;
	catchup_run(p->record, p->store, conf);
	p->wire = wire_open(&http, &p->calls, why);
	if (!p->wire)
		return -1;
	p->names = names_open(&p->calls, why);
	if (!p->names)
		return -1;
	p->remover = remover_open(&p->removals, why);
	return p->remover ? 0 : -1;
}

/* Receipts are read before the store's thread starts. */
static int read_receipts(
    struct parts *p, struct work_receipts *work, struct why *why)
{
	bool full;

	*work = (struct work_receipts){ .work.kind = WORK_RECEIPTS };
	return store_commit(p->store, &work->work, &full, why);
}

/* What has to be asked before the store's thread starts. */
struct past {
	struct work_receipts left;
	char last_id[ID_SIZE];
	int64_t pruned_ms;
};

static int keep_time(void *arg, const char *name, const char *value, int64_t ms)
{
	(void)name;
	(void)value;
	*(int64_t *)arg = ms;
	return 0;
}

static int read_past(struct parts *p, struct past *past, struct why *why)
{
	past->pruned_ms = 0;
	store_last_id(p->store, past->last_id);
	if (store_notes(
		p->store, RETENTION_NOTE, keep_time, &past->pruned_ms, why) < 0)
		return -1;
	return read_receipts(p, &past->left, why);
}

static void open_desks(
    struct parts *p, const struct parts_case *from, const struct past *past)
{
	p->notes = notes_open(p->committer);
	p->dispatch = dispatch_open(&(struct dispatch_sides){
	    .committer = p->committer,
	    .wire = p->wire,
	    .names = p->names,
	    .record = p->record,
	    .notes = p->notes,
	    .failed_dir = p->failed_dir,
	});
	p->intake =
	    intake_open(&(struct intake_sides){ &p->spool, p->committer,
			    p->remover, p->dispatch, p->record, past->last_id },
		past->left.receipts, past->left.count);
	p->notice = notice_open(&(struct notice_sides){
	    .committer = p->committer,
	    .dispatch = p->dispatch,
	    .record = p->record,
	    .loop = from->loop,
	    .program = from->program,
	    .mail_folder = p->mail_folder,
	});
	p->warden = warden_open(
	    &(struct warden_sides){ p->committer, p->dispatch, p->record });
	p->retention = retention_open(&(struct retention_sides){
	    .spool = &p->spool,
	    .committer = p->committer,
	    .dispatch = p->dispatch,
	    .notes = p->notes,
	    .record = p->record,
	    .last_ms = past->pruned_ms,
	    .once = from->once,
	});
	p->textfile = textfile_open(from->loop, from->program);
}

int parts_open(
    struct parts *p, const struct parts_case *from, bool *busy, struct why *why)
{
	struct past past;

	*p = (struct parts){
		.spool = { .dir = -1, .lock = -1 },
		.failed_dir = -1,
	};
	*busy = false;
	mailbox_init(&p->works, from->wake, from->arg);
	mailbox_init(&p->calls, from->wake, from->arg);
	mailbox_init(&p->removals, from->wake, from->arg);
	if (open_spool(p, from->conf, busy, why) < 0 ||
	    open_ports(p, from->conf, why) < 0 || read_past(p, &past, why) < 0)
		return -1;
	p->committer = committer_open(p->store, &p->works, why);
	if (!p->committer) {
		free(past.left.receipts);
		return -1;
	}
	open_desks(p, from, &past);
	return 0;
}

void parts_close(struct parts *p)
{
	wire_close(p->wire);
	names_close(p->names);
	remover_close(p->remover);
	committer_close(p->committer);
	notice_close(p->notice);
	intake_close(p->intake);
	dispatch_close(p->dispatch);
	warden_close(p->warden);
	retention_close(p->retention);
	textfile_close(p->textfile);
	notes_close(p->notes);
	record_close(p->record);
	store_close(p->store);
	if (p->failed_dir >= 0)
		close(p->failed_dir);
	free(p->mail_folder);
	spool_close(&p->spool);
	mailbox_clear(&p->works);
	mailbox_clear(&p->calls);
	mailbox_clear(&p->removals);
}

bool parts_quiet(const struct parts *p)
{
	return dispatch_quiet(p->dispatch) && intake_quiet(p->intake) &&
	    notice_quiet(p->notice) && notes_quiet(p->notes) &&
	    warden_quiet(p->warden) && retention_quiet(p->retention);
}
