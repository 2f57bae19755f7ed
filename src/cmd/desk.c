/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * cmd/desk: what verbs that act on the queue share: who acts, where it is
 * written down, questions on a terminal, pauses. Owns nothing for longer than
 * a call. Never asks off a terminal.
 */
#include "cmd/desk.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/now.h"
#include "base/say.h"
#include "base/text.h"
#include "port/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct actor desk_actor(void)
{
	static char number[24];
	uid_t uid = getuid();
	const struct passwd *user = getpwuid(uid);

	snprintf(number, sizeof(number), "%ld", (long)uid);
	return (struct actor){ user ? user->pw_name : number, (int64_t)uid };
}

/* ---- the log ----------------------------------------------------------- */

/* A log that root's verb makes must not be one that the daemon cannot write. */
static void hand_over(const char *path)
{
	auto_close int fd = -1;
	auto_free char *folder = NULL;
	const char *slash = strrchr(path, '/');
	struct stat st;

	if (geteuid() != 0 || !slash)
		return;
	folder = mem_strndup(path, (size_t)(slash - path) + 1);
	if (stat(folder, &st) < 0)
		return;
	fd = open(
	    path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (fd >= 0 && fchown(fd, st.st_uid, st.st_gid) < 0)
		say_warning("%s: cannot give it to the owner of its directory: "
			    "%m",
		    path);
}

struct record *desk_record(const struct conf *conf)
{
	struct record *record;
	struct why why;

	hand_over(conf->log_file);
	record = record_open(conf->log_file, conf->log_level, &why);
	if (!record)
		say_warning(
		    "%s; what this command does is not logged there", why.text);
	return record;
}

/* ---- questions --------------------------------------------------------- */

bool desk_asks(void)
{
	return isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
}

bool desk_confirm(const char *question)
{
	char answer[16];

	fprintf(stderr, "%s [y/N] ", question);
	fflush(stderr);
	if (!fgets(answer, sizeof(answer), stdin)) {
		fputc('\n', stderr);
		return false;
	}
	answer[strcspn(answer, "\r\n")] = '\0';
	return strcasecmp(answer, "y") == 0 || strcasecmp(answer, "yes") == 0;
}

int desk_daemon(const struct conf *conf)
{
	struct spool spool;
	int pid;

	if (spool_open(&spool, conf->spool_dir, false, NULL) < 0)
		return 0;
	pid = (int)spool_holder(&spool);
	spool_close(&spool);
	return pid;
}

bool desk_is_closed(const struct conf *conf)
{
	return access(conf->spool_dir, R_OK | X_OK) < 0 && errno == EACCES;
}

/* ---- pauses ------------------------------------------------------------ */

static int keep_pause(
    void *arg, const char *name, const char *value, int64_t ms)
{
	struct pauses *pauses = arg;
	struct pause pause;
	size_t n = pauses->count;

	if (!pause_parse(value, &pause))
		return 0;
	if (!pause_holds(&pause, now_wall_ms())) {
		pause_clear(&pause);
		return 0;
	}
	pauses->all = mem_grow(pauses->all, n + 1, sizeof(*pauses->all));
	pauses->all[n].webhook = mem_strdup(name + strlen(PAUSE_NOTES));
	pauses->all[n].pause = pause;
	pauses->all[n].since_ms = ms;
	pauses->count++;
	return 0;
}

int desk_pauses(struct store *store, struct pauses *out, struct why *why)
{
	*out = (struct pauses){ 0 };
	return store_notes(store, PAUSE_NOTES, keep_pause, out, why) < 0 ? -1
									 : 0;
}

void desk_pauses_of(const struct conf *conf, struct pauses *out)
{
	auto_free char *path = file_join(conf->spool_dir, "spool.db");
	struct store *store;

	*out = (struct pauses){ 0 };
	if (access(path, R_OK) < 0)
		return;
	store = store_open(path, STORE_LOOK, NULL);
	if (!store)
		return;
	desk_pauses(store, out, NULL);
	store_close(store);
}

const struct pause *pauses_find(
    const struct pauses *pauses, const char *webhook)
{
	size_t i;

	for (i = 0; i < pauses->count; i++) {
		if (strcmp(pauses->all[i].webhook, webhook) == 0)
			return &pauses->all[i].pause;
	}
	return NULL;
}

void pauses_clear(struct pauses *pauses)
{
	size_t i;

	for (i = 0; i < pauses->count; i++) {
		free(pauses->all[i].webhook);
		pause_clear(&pauses->all[i].pause);
	}
	free(pauses->all);
	*pauses = (struct pauses){ 0 };
}

/* ---- small things ------------------------------------------------------ */

int desk_note(
    struct store *store, const char *name, const char *value, struct why *why)
{
	struct work_note note = {
		.work.kind = WORK_NOTE,
		.now_ms = now_wall_ms(),
		.name = name,
		.value = value,
	};
	bool full;

	return store_commit(store, &note.work, &full, why);
}

static const char *nearest(const struct conf *conf, const char *id)
{
	auto_free const char **ids =
	    mem_array(conf->webhook_count + 1, sizeof(*ids));
	size_t i;

	for (i = 0; i < conf->webhook_count; i++)
		ids[i] = conf->webhooks[i]->id;
	return text_nearest(id, ids);
}

char *desk_no_webhook(const struct conf *conf, const char *id)
{
	const char *near = nearest(conf, id);

	if (near)
		return mem_printf(
		    "there is no webhook \"%.200s\" (did you mean \"%s\"?)", id,
		    near);
	return mem_printf("there is no webhook \"%.200s\" (\"spoolhook "
			  "list\" shows all)",
	    id);
}

void desk_unknown_webhook(const struct conf *conf, const char *id)
{
	auto_free char *sentence = desk_no_webhook(conf, id);

	say_error("%s", sentence);
}

bool desk_webhooks_known(const struct args *args, const struct conf *conf)
{
	bool known = true;
	size_t i;

	for (i = 0; i < args->operand_count; i++) {
		if (conf_webhook(conf, args->operands[i]))
			continue;
		desk_unknown_webhook(conf, args->operands[i]);
		known = false;
	}
	return known;
}
