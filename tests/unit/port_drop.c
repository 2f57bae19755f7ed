/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/* port/drop with real directories: what is listed, what is opened. Taking files
 * out is in port_drop_out.c. */
#include "port/drop.h"

#include "base/mem.h"
#include "scratch.h"
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <locale.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>

static char json[] = "*.json";
static char jsonl[] = "*.jsonl";
static char ndjson[] = "*.ndjson";
static char *patterns[] = { json, jsonl, ndjson, NULL };

static struct drop *open_in(void)
{
	struct why why = { "" };
	struct drop *drop = drop_open("in", patterns, true, &why);

	if (!drop) {
		printf("Bail out! %s\n", why.text);
		exit(1);
	}
	return drop;
}

/* Names of a sweep, oldest first, with a space after each. */
static const char *swept(struct drop *drop, size_t max, bool *more)
{
	static char names[65536];
	struct drop_list list;
	struct why why = { "" };
	size_t used = 0;
	size_t i;

	names[0] = '\0';
	if (drop_sweep(drop, max, NULL, &list, &why) < 0)
		return why.text[0] ? "failed" : NULL;
	for (i = 0; i < list.count && used < sizeof(names) - 300; i++)
		used += (size_t)snprintf(names + used, sizeof(names) - used,
		    "%s ", list.entries[i].name);
	*more = list.more;
	drop_list_clear(&list);
	return names;
}

static void a_missing_directory_is_said_or_made(void)
{
	struct why why = { "" };
	struct drop *drop = drop_open("in", patterns, false, &why);

	ok(!drop, "a directory that is not there is not made unasked");
	has_str(why.text, "in: cannot open directory: No such file",
	    "and the sentence names it");
	drop = drop_open("in", patterns, true, &why);
	ok(drop && scratch_count("in") == 0, "asked, it is made, and empty");
	is_str(drop_path(drop), "in", "it knows its path");
	drop_close(drop);
}

static void only_fitting_names_are_listed(void)
{
	static const char *const names[] = { "in/a.json", "in/b.jsonl",
		"in/c.ndjson", "in/.hidden.json", "in/d.json.tmp",
		"in/e.json.part", "in/f.json.swp", "in/g.json~", "in/h.xml",
		"in/.taken-1-0-i.json", "in/json", "in/j.JSON" };
	struct drop *drop = open_in();
	bool more = true;
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		scratch_put(names[i], "");
	is_str(swept(drop, 100, &more), "a.json b.jsonl c.ndjson ",
	    "dotted, temporary and foreign names are left alone");
	ok(!more, "and nothing more waits");
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unlink(names[i]);
	scratch_put("in/\xff\xfe.json", "");
	is_str(swept(drop, 100, &more), "\xff\xfe.json ",
	    "a name that is no UTF-8 is a name");
	setlocale(LC_CTYPE, "C.UTF-8");
	is_str(swept(drop, 100, &more), "\xff\xfe.json ",
	    "in a UTF-8 locale as well");
	setlocale(LC_CTYPE, "C");
	unlink("in/\xff\xfe.json");
	drop_close(drop);
}

/* Change times cannot be set: files are made until the clock has moved on. */
static void put_later(const char *name, const char *earlier)
{
	struct stat before;
	struct stat after;

	if (stat(earlier, &before) < 0)
		return;
	do {
		unlink(name);
		scratch_put(name, "");
		stat(name, &after);
	} while (before.st_ctim.tv_sec == after.st_ctim.tv_sec &&
	    before.st_ctim.tv_nsec == after.st_ctim.tv_nsec);
}

static void the_oldest_come_first(void)
{
	struct drop *drop = open_in();
	bool more = false;

	scratch_put("in/z.json", "");
	put_later("in/m.json", "in/z.json");
	put_later("in/a.json", "in/m.json");
	put_later("in/k.json", "in/a.json");
	is_str(swept(drop, 9, &more), "z.json m.json a.json k.json ",
	    "age counts, not the name");
	is_str(swept(drop, 2, &more), "z.json m.json ",
	    "a small sweep takes the oldest");
	ok(more, "and says that there are others");
	is_str(swept(drop, 0, &more), "", "a sweep of none lists none");
	ok(more, "but says that there are some");
	drop_close(drop);
	scratch_remove("in");
}

static bool is_one_of(void *arg, uint64_t inode, int64_t ctime_ns)
{
	const uint64_t *skipped = arg;

	return ctime_ns > 0 && (inode == skipped[0] || inode == skipped[1]);
}

static void those_that_stay_keep_nobody_out(void)
{
	struct drop *drop = open_in();
	uint64_t skipped[2] = { 0 };
	const struct drop_skip skip = { is_one_of, skipped };
	struct drop_list list;
	struct stat st;

	scratch_put("in/stays.json", "");
	scratch_put("in/stays-too.json", "");
	put_later("in/young.json", "in/stays-too.json");
	stat("in/stays.json", &st);
	skipped[0] = st.st_ino;
	stat("in/stays-too.json", &st);
	skipped[1] = st.st_ino;
	is_int(drop_sweep(drop, 1, &skip, &list, NULL), 0,
	    "a sweep with some left out");
	is_str(list.count ? list.entries[0].name : "", "young.json",
	    "lists the oldest of the others");
	ok(!list.more, "and does not wait for those left out");
	drop_list_clear(&list);
	drop_close(drop);
	scratch_remove("in");
}

static void a_full_directory_costs_no_memory(void)
{
	enum { FILES = 1000, MAX = 16 };
	struct drop *drop = open_in();
	struct drop_list list;
	char name[64];
	int sorted = 1;
	size_t j;
	int i;

	for (i = 0; i < FILES; i++) {
		snprintf(
		    name, sizeof(name), "in/%05d.json", (i * 7919) % FILES);
		scratch_put(name, "");
	}
	is_int(
	    drop_sweep(drop, MAX, NULL, &list, NULL), 0, "thousands of files");
	is_int((long)list.count, MAX, "are listed up to the bound");
	ok(list.cap <= 64, "with memory for no more");
	for (j = 1; j < list.count; j++) {
		const struct drop_entry *a = &list.entries[j - 1];
		const struct drop_entry *b = &list.entries[j];

		sorted &= a->ctime_ns < b->ctime_ns ||
		    (a->ctime_ns == b->ctime_ns &&
			strcmp(a->name, b->name) < 0);
	}
	ok(sorted, "by change time, then name");
	is_int(list.entries[0].name[0], '0', "from the first that was made");
	drop_list_clear(&list);
	drop_close(drop);
	scratch_remove("in");
}

static void a_replaced_directory_is_noticed(void)
{
	struct why why = { "" };
	struct drop *drop = open_in();
	struct drop_list list;
	bool more;

	ok(!drop_replaced(drop), "a directory that stays is not replaced");
	rename("in", "in.old");
	ok(drop_replaced(drop), "moved away, it is");
	mkdir("in", 0700);
	scratch_put("in/new.json", "");
	ok(drop_replaced(drop), "with a new one it is still another");
	drop_close(drop_hold(drop));
	is_str(swept(drop, 9, &more), "",
	    "who still holds it sees what was moved away");
	drop_close(drop);
	drop = open_in();
	is_str(swept(drop, 9, &more), "new.json ", "opened anew it is listed");
	scratch_remove("in");
	is_int(drop_sweep(drop, 9, NULL, &list, &why), -1,
	    "a directory that vanished cannot be listed");
	has_str(why.text, "in: cannot list: No such file", "which is said");
	drop_close(drop);
	scratch_remove("in.old");
}

/* ---- opening ------------------------------------------------------------ */

static void is_taken(struct drop *drop, const char *name,
    enum drop_answer wanted, const char *because, const char *test)
{
	enum drop_answer answer = DROP_OPENED;
	struct why why = { "" };
	struct drop_mark mark;
	int fd;

	is_int(drop_take(drop, name, &answer, &fd, &mark, &why), 0, test);
	is_int(answer, wanted, "… as it should");
	if (because)
		has_str(why.text, because, "… and why");
	ok((fd >= 0) == (wanted == DROP_OPENED), "… with a descriptor or not");
	if (fd >= 0)
		close(fd);
}

static void make_socket(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		perror(path);
	close(fd);
}

static void only_regular_files_are_opened(void)
{
	struct drop *drop = open_in();

	scratch_put("in/a.json", "{}");
	is_taken(drop, "a.json", DROP_OPENED, NULL, "a file is opened");
	is_taken(drop, "none.json", DROP_GONE, NULL,
	    "one that somebody took is gone");
	mkdir("in/dir.json", 0700);
	is_taken(drop, "dir.json", DROP_IRREGULAR, "a directory",
	    "a directory is irregular");
	if (symlink("a.json", "in/link.json") < 0)
		perror("symlink");
	is_taken(drop, "link.json", DROP_IRREGULAR, "a symbolic link",
	    "a link is not followed");
	mkfifo("in/pipe.json", 0600);
	is_taken(drop, "pipe.json", DROP_IRREGULAR, "a named pipe",
	    "a pipe is not waited for");
	make_socket("in/socket.json");
	is_taken(drop, "socket.json", DROP_IRREGULAR, "a socket",
	    "a socket is irregular");
	if (mknod("in/null.json", S_IFCHR | 0600, makedev(1, 3)) == 0)
		is_taken(drop, "null.json", DROP_IRREGULAR, "a device",
		    "a device is not opened");
	if (link("in/a.json", "elsewhere") < 0)
		perror("link");
	is_taken(drop, "a.json", DROP_LINKED, "2 hard links",
	    "two links are told apart: they may be a way in");
	unlink("elsewhere");
	is_taken(drop, "a.json", DROP_OPENED, NULL,
	    "with one link left it is opened");
	drop_close(drop);
}

static void what_may_not_be_read_is_said(void)
{
	struct drop *drop;

	scratch_put("in/secret\n.json", "{}");
	chmod("in/secret\n.json", 0);
	chmod("in", 0755);
	chmod(".", 0755);
	if (geteuid() == 0 && seteuid(65534) < 0)
		perror("seteuid");
	drop = open_in();
	is_taken(drop, "secret\n.json", DROP_UNREADABLE,
	    "in/secret\\x0a.json: cannot read it: Permission denied",
	    "an unreadable file is no trouble of ours");
	drop_close(drop);
	if (seteuid(getuid()) < 0)
		perror("seteuid");
	scratch_remove("in");
}

static void want_of_descriptors_is_ours(void)
{
	struct drop *drop = open_in();
	enum drop_answer answer;
	struct why why = { "" };
	struct rlimit before;
	struct rlimit tight;
	struct drop_mark mark;
	int fd;

	scratch_put("in/a.json", "{}");
	getrlimit(RLIMIT_NOFILE, &before);
	tight = before;
	tight.rlim_cur = 0;
	setrlimit(RLIMIT_NOFILE, &tight);
	is_int(drop_take(drop, "a.json", &answer, &fd, &mark, &why), -1,
	    "no descriptor left is trouble of our own");
	setrlimit(RLIMIT_NOFILE, &before);
	has_str(why.text, "in/a.json: cannot open: Too many open files",
	    "which is said");
	drop_close(drop);
}

/* ---- marks and writers -------------------------------------------------- */

static struct drop_mark mark_of(const char *path)
{
	struct drop_mark mark = { 0 };
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (drop_mark_of(fd, &mark) < 0)
		perror(path);
	close(fd);
	return mark;
}

static void marks_tell_contents_apart(void)
{
	struct drop_mark first;
	struct drop_mark later;

	scratch_put("in/a.json", "{}");
	first = mark_of("in/a.json");
	later = mark_of("in/a.json");
	ok(drop_mark_equal(&first, &later), "a file that rests keeps its mark");
	rename("in/a.json", "in/b.json");
	later = mark_of("in/b.json");
	ok(!later.born || drop_mark_equal(&first, &later),
	    "renamed, it is the same content");
	scratch_put("in/b.json", "{ }");
	later = mark_of("in/b.json");
	ok(!drop_mark_equal(&first, &later), "written to, it is another");
	scratch_put("in/c.json", "{}");
	rename("in/c.json", "in/b.json");
	later = mark_of("in/b.json");
	ok(!drop_mark_equal(&first, &later), "replaced, it is another");
}

static void renamed_files_are_known(void)
{
	struct drop_mark mark;

	scratch_put("in/slow.json", "{}");
	mark = mark_of("in/slow.json");
	ok(!drop_renamed(&mark), "a file written in place was not renamed");
	put_later("in/tick", "in/slow.json");
	rename("in/slow.json", "in/moved.json");
	mark = mark_of("in/moved.json");
	ok(drop_renamed(&mark), "a file that came by rename was");
	scratch_put("in/temporary", "{}");
	put_later("in/tick", "in/temporary");
	if (link("in/temporary", "in/linked.json") < 0)
		perror("link");
	unlink("in/temporary");
	mark = mark_of("in/linked.json");
	ok(drop_renamed(&mark), "so was one that came by link()");
	scratch_put("in/linked.json", "{ }");
	mark = mark_of("in/linked.json");
	ok(!drop_renamed(&mark), "but not when it was written to since");
}

static void writers_are_seen(void)
{
	bool sure = false;
	int writer;
	int fd;

	scratch_put("in/w.json", "{}");
	fd = open("in/w.json", O_RDONLY | O_CLOEXEC);
	ok(drop_unwritten(fd, &sure), "nobody writes: unwritten");
	if (!sure) {
		printf("# no leases on this file system\n");
		close(fd);
		return;
	}
	writer = open("in/w.json", O_WRONLY | O_CLOEXEC);
	ok(!drop_unwritten(fd, &sure) && sure, "somebody has it open: written");
	close(writer);
	ok(drop_unwritten(fd, &sure) && sure, "closed: unwritten again");
	writer = open("in/w.json", O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	ok(writer >= 0, "asking leaves no lease behind that stops a writer");
	close(writer);
	close(fd);
}

/* A writer that comes while we hold the lease sends us a signal. */
static void a_broken_lease_does_not_kill(void)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		int fd = open("in/w.json", O_RDONLY | O_CLOEXEC);
		bool sure;
		int i;

		if (fork() == 0) {
			for (i = 0; i < 500; i++)
				close(open("in/w.json", O_WRONLY | O_CLOEXEC));
			_exit(0);
		}
		for (i = 0; i < 500; i++)
			drop_unwritten(fd, &sure);
		wait(&status);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	is_int(status, 0,
	    "a lease that is broken at the wrong moment is "
	    "harmless");
}

static void free_space_is_told(void)
{
	struct why why = { "" };
	int64_t bytes = -1;

	is_int(drop_free(".", &bytes, &why), 0, "free space can be asked for");
	ok(bytes > 0, "and there is some");
	is_int(drop_free("nowhere", &bytes, &why), -1, "but not of nothing");
	has_str(why.text, "nowhere: cannot ask for free space", "as is said");
}

int main(void)
{
	scratch_begin();
	a_missing_directory_is_said_or_made();
	only_fitting_names_are_listed();
	the_oldest_come_first();
	those_that_stay_keep_nobody_out();
	a_full_directory_costs_no_memory();
	a_replaced_directory_is_noticed();
	only_regular_files_are_opened();
	what_may_not_be_read_is_said();
	want_of_descriptors_is_ours();
	marks_tell_contents_apart();
	renamed_files_are_known();
	writers_are_seen();
	a_broken_lease_does_not_kill();
	free_space_is_told();
	scratch_end();
	return done();
}
