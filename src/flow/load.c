/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * flow/load: from a configuration directory to a struct conf. It owns what
 * concerns files: which ones are webhooks, who may write them, where their
 * secrets lie and who may read those (flow/secret). What is in them is judged
 * by model/conf. It promises to look at every file and to say all that is
 * wrong, and never to follow a configuration that strangers may write. It only
 * reads: nothing is left behind when we die.
 */
#include "flow/load.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"
#include "flow/secret.h"
#include "model/id.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* No configuration written by people is larger; one that is made by a program
 * is bounded all the same. */
enum { FILE_MAX = 1024 * 1024, WEBHOOKS_MAX = 10000 };

struct load {
	const char *dir;
	struct conf_draft *draft;
	struct findings *findings;
	struct secret_places places;
	struct conf_secrets secrets;
	bool tends; /* webhooks with mistakes are left out */
};

static void say(struct load *load, enum severity severity, const char *file,
    const char *code, const char *message, const char *help)
{
	findings_add_file(load->findings, severity, file, code, message, help);
}

/* Sticky bits do not excuse: who may add a file here may add a webhook. */
static void refuse_writable(
    struct load *load, const char *shown, const struct stat *st)
{
	auto_free char *help = NULL;

	if (!(st->st_mode & S_IWOTH))
		return;
	help = mem_printf("chmod o-w %s", shown);
	say(load, SEVERITY_ERROR, shown, "writable-by-others",
	    "others may write it, so its content cannot be trusted", help);
}

/* Opens without waiting for the other end of a pipe. */
static int open_file(int dir, const char *name, struct why *why)
{
	int fd =
	    openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	return fd < 0 ? fail(why, "cannot be opened: %m") : fd;
}

/*
 * Reads one file; -1 when it cannot be used, which was said. *missing (unless
 * NULL) is set, and nothing said, when there is no such file.
 */
static int read_file(struct load *load, int dir, const char *name,
    const char *shown, struct buf *out, bool *missing)
{
	struct why why = { "" };
	auto_close int fd = open_file(dir, name, &why);
	struct stat st;

	if (fd < 0 && errno == ENOENT && missing) {
		*missing = true;
		return -1;
	}
	if (fd < 0) {
		say(load, SEVERITY_ERROR, shown,
		    errno == EACCES ? LOAD_NOT_PERMITTED : "unreadable",
		    why.text, NULL);
		return -1;
	}
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		say(load, SEVERITY_ERROR, shown, "unreadable",
		    "is not a regular file", NULL);
		return -1;
	}
	refuse_writable(load, shown, &st);
	if (file_read_fd(fd, shown, out, &why) == 0)
		return 0;
	say(load, SEVERITY_ERROR, shown, "unreadable", why.text, NULL);
	return -1;
}

static void load_settings(struct load *load, int dir)
{
	static const char name[] = "spoolhook.json";
	auto_buf struct buf text = BUF_INIT(FILE_MAX);
	bool missing = false;
	bool there = read_file(load, dir, name, name, &text, &missing) == 0;

	conf_draft_settings(load->draft, name, there ? buf_text(&text) : NULL,
	    text.len, &load->secrets, load->findings);
}

/* ---- webhooks ---------------------------------------------------------- */

static bool ends_with(const char *name, const char *end)
{
	size_t len = strlen(name);
	size_t tail = strlen(end);

	return len >= tail && strcmp(name + len - tail, end) == 0;
}

/* What editors, packagers and cautious people leave beside. */
static bool is_leftover(const char *name)
{
	static const char *const ends[] = { "~", ".bak", ".swp", ".disabled",
		NULL };
	size_t i;

	for (i = 0; ends[i]; i++) {
		if (ends_with(name, ends[i]))
			return true;
	}
	return name[0] == '.' || strstr(name, ".dpkg-") || strstr(name, ".rpm");
}

static bool is_folder(int dir, const char *name)
{
	struct stat st;

	return fstatat(dir, name, &st, 0) == 0 && S_ISDIR(st.st_mode);
}

static void load_webhook(
    struct load *load, int dir, const char *name, const char *shown)
{
	auto_buf struct buf text = BUF_INIT(FILE_MAX);
	auto_free char *id = mem_strndup(name, strlen(name) - strlen(".json"));
	struct findings aside = { 0 };

	if (!id_is_name(id)) {
		say(load, SEVERITY_ERROR, shown, "bad-file-name",
		    "the name of a webhook's file is of small letters, "
		    "digits, '-' and '_', at most 63 before \".json\"",
		    NULL);
		return;
	}
	if (read_file(load, dir, name, shown, &text, NULL) < 0)
		return;
	conf_draft_webhook(load->draft, id, shown, buf_text(&text), text.len,
	    &load->secrets, load->tends ? &aside : load->findings);
	if (aside.errors)
		say(load, SEVERITY_WARNING, shown, LOAD_LEFT_OUT,
		    "has mistakes and is left out; \"spoolhook check\" shows "
		    "them",
		    NULL);
	findings_clear(&aside);
}

static void load_entry(
    struct load *load, int dir, const char *folder, const char *name)
{
	auto_free char *shown = file_join(folder, name);

	if (is_leftover(name))
		return;
	if (ends_with(name, ".json"))
		load_webhook(load, dir, name, shown);
	else if (!is_folder(dir, name))
		say(load, SEVERITY_WARNING, shown, "ignored-file",
		    "is no webhook: its name does not end in \".json\"", NULL);
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* The folder as findings name it: below the directory, without that. */
static const char *shown_folder(const struct load *load, const char *path)
{
	size_t len = strlen(load->dir);

	if (strncmp(path, load->dir, len) == 0 && path[len] == '/')
		return path + len + 1;
	return path;
}

static void say_no_folder(struct load *load, const char *folder)
{
	auto_free char *message = NULL;

	if (errno == ENOENT) {
		say(load, SEVERITY_WARNING, folder, "no-webhooks",
		    "there is no such directory, and so there are no webhooks",
		    NULL);
		return;
	}
	message = mem_printf("cannot be opened: %m");
	say(load, SEVERITY_ERROR, folder,
	    errno == EACCES ? LOAD_NOT_PERMITTED : "unreadable", message, NULL);
}

/* The folder itself and the one above are no files of it. */
static int is_file(const struct dirent *entry)
{
	return strcmp(entry->d_name, ".") != 0 &&
	    strcmp(entry->d_name, "..") != 0;
}

static void load_entries(struct load *load, int dir, const char *folder)
{
	struct dirent **entries = NULL;
	int count = scandirat(dir, ".", &entries, is_file, by_bytes);
	int i;

	if (count < 0) {
		say_no_folder(load, folder);
		return;
	}
	if (count > WEBHOOKS_MAX)
		say(load, SEVERITY_ERROR, folder, "too-many",
		    "holds more than 10000 files", NULL);
	for (i = 0; i < count; i++) {
		if (count <= WEBHOOKS_MAX)
			load_entry(load, dir, folder, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
}

static void load_webhooks(struct load *load)
{
	const char *path = conf_draft_webhooks_dir(load->draft);
	const char *folder = shown_folder(load, path);
	auto_close int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat st;

	if (dir < 0) {
		say_no_folder(load, folder);
		return;
	}
	if (fstat(dir, &st) == 0)
		refuse_writable(load, folder, &st);
	load_entries(load, dir, folder);
}

/* ---- all --------------------------------------------------------------- */

static bool doubt_ca_file(struct load *load, enum severity severity,
    const char *path, const char *key)
{
	auto_free char *message = NULL;

	if (!path || access(path, R_OK) == 0)
		return false;
	message = mem_printf("\"%s\" %s cannot be read: %m", key, path);
	say(load, severity, "spoolhook.json", "ca-file", message, NULL);
	return true;
}

/* Without the authorities no HTTPS delivery would work, so nobody starts or
 * reloads with that; a mail can wait until they are there. */
static bool lacks_ca_file(
    struct load *load, const struct conf *conf, enum load_purpose purpose)
{
	bool sends = purpose == LOAD_TO_SEND || purpose == LOAD_TO_CHECK;

	doubt_ca_file(
	    load, SEVERITY_WARNING, conf->mail.ca_file, "mail.ca_file");
	return doubt_ca_file(load, sends ? SEVERITY_ERROR : SEVERITY_WARNING,
		   conf->ca_file, "delivery.ca_file") &&
	    sends;
}

static enum secrets_need need_for(enum load_purpose purpose)
{
	switch (purpose) {
	case LOAD_TO_SEND:
		break;
	case LOAD_TO_CHECK:
		/* Within the service (ExecStartPre=) there is no excuse. */
		return getenv("CREDENTIALS_DIRECTORY") ? SECRETS_NEEDED
						       : SECRETS_CHECKED;
	case LOAD_TO_LOOK:
	case LOAD_TO_TEND:
	case LOAD_TO_SUBMIT:
		return SECRETS_OPTIONAL;
	}
	return SECRETS_NEEDED;
}

struct conf *load_conf_for(enum load_purpose purpose, const char *dir,
    struct findings *findings, struct why *why)
{
	/* Mails and messages name it wherever they are read. */
	auto_free char *real = realpath(dir, NULL);
	struct load load = { .dir = real ? real : dir, .findings = findings };
	auto_close int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat st;
	struct conf *conf;

	if (fd < 0) {
		int kind = errno;

		fail(why, "%s: cannot open the configuration directory: %m",
		    dir);
		errno = kind;
		return NULL;
	}
	load.places.dir = load.dir;
	load.secrets.arg = &load.places;
	load.secrets.need = need_for(purpose);
	load.tends = purpose == LOAD_TO_TEND;
	load.secrets.fetch = secret_fetch;
	load.draft = conf_draft_new(load.dir);
	if (fstat(fd, &st) == 0)
		refuse_writable(&load, dir, &st);
	load_settings(&load, fd);
	if (purpose != LOAD_TO_SUBMIT)
		load_webhooks(&load);
	conf = conf_draft_finish(load.draft, findings);
	if (conf && lacks_ca_file(&load, conf, purpose)) {
		conf_free(conf);
		return NULL;
	}
	return conf;
}

struct conf *load_conf(
    const char *dir, struct findings *findings, struct why *why)
{
	return load_conf_for(LOAD_TO_SEND, dir, findings, why);
}

const char *load_dir(const char *given)
{
	const char *dir = given;

	if (!dir)
		dir = getenv("SPOOLHOOK_CONFIG");
	return dir && *dir ? dir : "/etc/spoolhook";
}
