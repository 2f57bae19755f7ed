/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/* Files are read whole within bounds, and written whole or not at all. */
#include "base/file.h"

#include "base/mem.h"
#include "tap.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static int here; /* a folder of our own */

static bool holds(const char *name, const char *wanted)
{
	auto_buf struct buf text = BUF_INIT(1 << 20);

	return file_read(here, name, &text, NULL) == 0 &&
	    strcmp(buf_text(&text), wanted) == 0;
}

static int entries(void)
{
	DIR *dir = fdopendir(openat(here, ".", O_RDONLY | O_DIRECTORY));
	struct dirent *entry;
	int count = 0;

	while ((entry = readdir(dir)))
		count += entry->d_name[0] != '.' || strlen(entry->d_name) > 2;
	closedir(dir);
	return count;
}

static void missing(void)
{
	auto_buf struct buf text = BUF_INIT(16);
	struct why why = { "" };

	is_int(file_read(here, "none", &text, &why), -1,
	    "what is not there cannot be read");
	is_str(why.text, "none: cannot open: No such file or directory",
	    "and the sentence says so");
	is_int(file_read(here, ".", &text, &why), -1, "nor can a directory");
	has_str(why.text, ".: cannot read", "and that is told, too");
	is_int(file_write(here, "none/x", "x", 1, 0600, &why), -1,
	    "nothing is written into a missing folder");
	has_str(why.text, "cannot create", "which is told");
	is_int(file_open_dir(here, "none", false, 0700, &why), -1,
	    "a missing folder cannot be opened");
	is_int(file_sync_dir(here, "none", &why), -1, "nor synced");
	is_int(file_read_fd(-1, "gone", &text, &why), -1,
	    "a closed descriptor cannot be read");
	is_int(file_write_fd(-1, "gone", "x", 1, &why), -1, "nor written");
	is_str(why.text, "gone: cannot write: Bad file descriptor",
	    "and the name is the caller's");
}

static void writing(void)
{
	struct why why = { "" };
	struct stat st = { 0 };

	is_int(file_write(here, "a", "first", 5, 0640, &why), 0,
	    "a file is written");
	ok(holds("a", "first"), "whole");
	fstatat(here, "a", &st, 0);
	is_int(st.st_mode & 0777, 0640, "with its mode");
	is_int(file_write(here, "a", "2nd", 3, 0600, &why), 0,
	    "it can be replaced");
	ok(holds("a", "2nd"), "whole again");
	is_int(file_write(here, "empty", "", 0, 0600, &why), 0,
	    "an empty file is one");
	ok(holds("empty", ""), "and reads as one");
	is_int(entries(), 2, "nothing else is left beside them");
}

static void planted(void)
{
	struct why why = { "" };

	ok(symlinkat("a", here, "link") == 0, "somebody planted a link");
	is_int(file_write(here, "link", "new", 3, 0600, &why), 0,
	    "writing over a link replaces the link");
	ok(holds("a", "2nd") && holds("link", "new"), "not where it points");
	unlinkat(here, "link", 0);
	mkdirat(here, "dir", 0700);
	is_int(file_write(here, "dir", "x", 1, 0600, &why), -1,
	    "a folder is not replaced by a file");
	has_str(why.text, "dir: cannot rename into place", "which is told");
	is_int(file_write(here, "dir/x", "in", 2, 0600, &why), 0,
	    "a file may be written in a folder below");
	ok(holds("dir/x", "in"), "where it then is");
	is_int(entries(), 3, "no trial is left behind");
}

/* A file size limit stands for a full disk: the write fails half way. */
static void full_disk(void)
{
	struct rlimit old;
	struct rlimit small;
	struct why why = { "" };
	auto_free char *data = mem_zalloc(100000);

	getrlimit(RLIMIT_FSIZE, &old);
	small = old;
	small.rlim_cur = 5000;
	sigaction(SIGXFSZ, &(struct sigaction){ .sa_handler = SIG_IGN }, NULL);
	setrlimit(RLIMIT_FSIZE, &small);
	is_int(file_write(here, "a", data, 100000, 0600, &why), -1,
	    "a write that does not fit fails");
	setrlimit(RLIMIT_FSIZE, &old);
	has_str(why.text, "cannot write: File too large", "and says why");
	ok(holds("a", "2nd"), "the file stays as it was");
	is_int(entries(), 3, "and its half copy is taken away");
}

static void bounds(void)
{
	auto_buf struct buf text = BUF_INIT(3);
	struct why why = { "" };

	is_int(file_read(here, "a", &text, &why), 0,
	    "a file may be as large as the ceiling");
	buf_reset(&text);
	file_write(here, "a", "four", 4, 0600, NULL);
	is_int(file_read(here, "a", &text, &why), -1, "and no larger");
	is_str(why.text, "a: larger than 3 bytes", "which is told");
}

static void pipes(void)
{
	auto_buf struct buf text = BUF_INIT(1 << 20);
	int ends[2];

	if (!ok(pipe(ends) == 0, "there is a pipe"))
		return;
	is_int(file_write_fd(ends[1], "pipe", "through", 7, NULL), 0,
	    "a pipe can be written");
	close(ends[1]);
	is_int(file_read_fd(ends[0], "pipe", &text, NULL), 0,
	    "and read to its end");
	is_str(buf_text(&text), "through", "in whole");
	close(ends[0]);
}

static void folders(void)
{
	auto_close int made = file_open_dir(here, "made", true, 0700, NULL);
	auto_close int again = file_open_dir(here, "made", true, 0700, NULL);
	struct why why = { "" };

	ok(made >= 0, "a folder is made");
	ok(again >= 0, "or taken when it is there");
	ok(fcntl(made, F_GETFD) & FD_CLOEXEC, "no child inherits it");
	is_int(file_open_dir(here, "a", true, 0700, &why), -1,
	    "a file is no folder");
	has_str(why.text, "Not a directory", "which is told");
}

static void joining(void)
{
	static const char *const cases[][3] = {
		{ "/etc/spoolhook", "webhooks.d", "/etc/spoolhook/webhooks.d" },
		{ "/etc/spoolhook", "/var/spool", "/var/spool" },
		{ "", "x", "x" },
		{ ".", "x", "x" },
		{ "a", "../b", "a/../b" },
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		auto_free char *got = file_join(cases[i][0], cases[i][1]);

		is_str(got, cases[i][2],
		    "names are relative to a folder, but for absolute ones");
	}
}

static void clean_up(const char *folder)
{
	unlinkat(here, "a", 0);
	unlinkat(here, "empty", 0);
	unlinkat(here, "dir/x", 0);
	unlinkat(here, "dir", AT_REMOVEDIR);
	unlinkat(here, "made", AT_REMOVEDIR);
	is_int(rmdir(folder), 0, "nothing is left over");
	close(here);
}

int main(void)
{
	char folder[] = "/tmp/base_file.XXXXXX";

	if (!ok(mkdtemp(folder) != NULL, "there is a folder to work in"))
		return done();
	here = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	missing();
	writing();
	planted();
	full_disk();
	bounds();
	pipes();
	folders();
	joining();
	clean_up(folder);
	return done();
}
