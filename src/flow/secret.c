/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * flow/secret: tokens, passwords and URLs that lie outside of the
 * configuration: in a file, in the environment, among systemd's credentials.
 * It promises that a file which everybody may read is refused, as it is no
 * secret any more, and that neither value nor part of one gets into a message.
 * It keeps nothing: a reload fetches anew.
 */
#include "flow/secret.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A token, a URL or a password; certificates do not come this way. */
enum { SECRET_MAX = 64 * 1024 };

static char *fail_null(struct why *why, const char *what, const char *name)
{
	fail(why, "%s %s", name, what);
	return NULL;
}

/* One newline at the end is the editor's and not the secret's. */
static void trim(struct buf *text)
{
	if (text->len && text->data[text->len - 1] == '\n')
		text->len--;
	if (text->data)
		text->data[text->len] = '\0';
}

/* Who may read a credential is the service manager's promise, kept by its
 * directory; a file is as the operator left it. */
static char *read_open(
    int fd, const char *path, bool credential, struct why *why)
{
	auto_buf struct buf text = BUF_INIT(SECRET_MAX);
	struct stat st;
	char *value = NULL;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return fail_null(why, "is not a regular file", path);
	if (!credential && (st.st_mode & S_IRWXO)) {
		fail(why, "others may use %s; chmod o= it", path);
		return NULL;
	}
	if (file_read_fd(fd, path, &text, why) == 0) {
		trim(&text);
		if (memchr(buf_text(&text), '\0', text.len))
			fail_null(why, "holds a NUL", path);
		else
			value = mem_strndup(buf_text(&text), text.len);
	}
	if (text.data)
		explicit_bzero(text.data, text.cap);
	return value;
}

/* NULL with errno ENOENT when there is no such file, EACCES when there may be one
 * that we may not read. */
static char *read_path(const char *path, bool credential, struct why *why)
{
	auto_close int fd =
	    open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	char *value;

	if (fd < 0) {
		int kind = errno;

		fail(why, "%s: cannot open: %m", path);
		errno = kind;
		return NULL;
	}
	value = read_open(fd, path, credential, why);
	if (!value)
		errno = EINVAL;
	return value;
}

static char *fetch_file(const struct secret_places *places, const char *name,
    const char *base, struct why *why)
{
	auto_free char *beside = file_join(base, name);
	auto_free char *below = file_join(places->dir, name);
	char *value = read_path(beside, false, why);

	if (value || errno != ENOENT || strcmp(beside, below) == 0)
		return value;
	value = read_path(below, false, why);
	if (!value && errno == ENOENT)
		fail(why, "there is neither %s nor %s", beside, below);
	return value;
}

static char *fetch_variable(const char *name, struct why *why)
{
	const char *value = getenv(name);

	if (!value)
		return fail_null(why, "is not set in the environment", name);
	return mem_strdup(value);
}

static char *fetch_credential(const char *name, struct why *why)
{
	const char *dir = getenv("CREDENTIALS_DIRECTORY");
	auto_free char *path = NULL;

	if (strchr(name, '/') || name[0] == '.')
		return fail_null(why, "is no name of a credential", name);
	if (!dir || !*dir)
		return fail_null(why,
		    "is a credential, but $CREDENTIALS_DIRECTORY is not set: "
		    "only the service is given it",
		    name);
	path = file_join(dir, name);
	return read_path(path, true, why);
}

char *secret_fetch(void *arg, const char *kind, const char *name,
    const char *base, struct why *why)
{
	const struct secret_places *places = arg;

	if (strcmp(kind, "file") == 0)
		return fetch_file(places, name, base, why);
	if (strcmp(kind, "env") == 0)
		return fetch_variable(name, why);
	return fetch_credential(name, why);
}
