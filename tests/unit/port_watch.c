/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/* port/watch with real directories: what rings, what does not, what survives. */
#include "port/watch.h"

#include "scratch.h"
#include "tap.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>

enum { PATIENCE_MS = 5000 };

static struct watch *watch;

static void add(const char *path)
{
	struct why why = { "" };

	if (watch_add(watch, path, &why) < 0)
		printf("# %s\n", why.text);
}

/* True when the bell rings within the bound. */
static bool rang(void)
{
	struct pollfd fd = { .fd = watch_fd(watch), .events = POLLIN };

	while (poll(&fd, 1, PATIENCE_MS) == 1) {
		if (watch_drain(watch, NULL))
			return true;
	}
	return false;
}

/* inotify queues before the call that caused it returns: no need to wait. */
static bool silent(void)
{
	return !watch_drain(watch, NULL);
}

static void quiet(void)
{
	watch_drain(watch, NULL);
}

static int watches_of_kernel(void)
{
	char name[64];
	const char *text;
	int count = 0;

	snprintf(name, sizeof(name), "/proc/self/fdinfo/%d", watch_fd(watch));
	text = scratch_get(name);
	while (text && (text = strstr(text, "inotify wd:")) != NULL) {
		text++;
		count++;
	}
	return count;
}

static void every_way_in_rings(void)
{
	int fd;

	mkdir("in", 0700);
	scratch_put("elsewhere", "{}");
	add("in");
	ok(silent(), "a directory that was just added does not ring");
	rename("elsewhere", "in/a.json");
	ok(rang(), "rename into it rings");
	scratch_put("in/b.json", "{}");
	ok(rang(), "writing in place and closing rings");
	quiet();
	scratch_put("elsewhere", "{}");
	ok(link("elsewhere", "in/c.json") == 0 && rang(), "link() rings");
	quiet();
	chmod("in/a.json", 0640);
	ok(rang(), "a chmod that may make a file readable rings");
	fd = open("in/slow.json", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	quiet();
	ok(fd >= 0 && write(fd, "{", 1) == 1 && silent(),
	    "writing does not ring");
	close(fd);
	ok(rang(), "but the writer's close does");
}

static char came[256];

static void moved_in(void *arg, const char *path, const char *name)
{
	(void)arg;
	snprintf(came, sizeof(came), "%s/%s", path, name);
}

static void whoever_comes_by_rename_is_told(void)
{
	const struct watch_listener listener = { moved_in, NULL };

	quiet();
	scratch_put("in/written.json", "{}");
	watch_drain(watch, &listener);
	is_str(came, "", "what is written in place did not come by rename");
	scratch_put("elsewhere", "{}");
	rename("elsewhere", "in/.hidden");
	watch_drain(watch, &listener);
	is_str(came, "", "dotted names are nobody's");
	rename("in/.hidden", "in/moved.json");
	watch_drain(watch, &listener);
	is_str(came, "in/moved.json", "what came by rename is told of");
}

static void our_own_traffic_is_silent(void)
{
	quiet();
	rename("in/a.json", "in/.taken-1-0-a.json");
	unlink("in/.taken-1-0-a.json");
	scratch_put("in/.hidden", "{}");
	ok(silent(), "dotted names come and go without a sound");
}

static void the_bell_rings(void)
{
	int fd;

	scratch_put("bell", "");
	add("bell");
	quiet();
	fd = open("bell", O_WRONLY | O_CLOEXEC);
	futimens(fd, NULL);
	ok(rang(), "touching a watched file rings");
	close(fd);
	quiet();
}

static void adding_twice_is_nothing(void)
{
	int before = watches_of_kernel();

	add("in");
	add("in");
	is_int(watches_of_kernel(), before, "to add again changes nothing");
	scratch_put("in/again.json", "{}");
	ok(rang(), "and it still rings");
	quiet();
}

static void a_replaced_directory_rings_again(void)
{
	int before = watches_of_kernel();

	rename("in", "in.old");
	mkdir("in", 0700);
	ok(rang(), "moving the directory away rings");
	scratch_put("in/lost.json", "{}");
	ok(silent(), "(the new one is not yet watched)");
	add("in");
	is_int(watches_of_kernel(), before, "the old one is forgotten");
	quiet();
	scratch_put("in/new.json", "{}");
	ok(rang(), "the new one rings once it was added");
	quiet();
	scratch_put("in.old/x.json", "{}");
	ok(silent(), "the old one no longer");
}

static void a_removed_directory_comes_back(void)
{
	int before = watches_of_kernel();
	int i;

	for (i = 0; i < 3; i++) {
		scratch_remove("in");
		if (i == 0)
			ok(rang(), "removing the directory rings");
		mkdir("in", 0700);
		add("in");
		quiet();
	}
	is_int(watches_of_kernel(), before,
	    "removed and made three times, it is watched once");
	scratch_put("in/back.json", "{}");
	ok(rang(), "and rings");
	quiet();
}

/* The daemon holds its drop boxes open, and so they live on without a name. */
static void a_removed_directory_that_is_held_rings(void)
{
	struct why why = { "" };
	int before = watches_of_kernel();
	int held;

	mkdir("in/held", 0700);
	add("in/held");
	held = open("in/held", O_PATH | O_CLOEXEC);
	quiet();
	rmdir("in/held");
	ok(silent(), "a directory that is held tells not that it was removed");
	close(held);
	quiet();
	mkdir("house", 0700);
	mkdir("house/in", 0700);
	add("house/in");
	is_int(watch_add_parent(watch, "house/in", &why), 0,
	    "its parent may be watched for that");
	is_int(watch_add_parent(watch, "house/in", &why), 0, "and again");
	is_int(watches_of_kernel(), before + 2, "which is one watch");
	held = open("house/in", O_PATH | O_CLOEXEC);
	quiet();
	scratch_put("house/in/x.json", "{}");
	ok(rang(), "files in it ring as before");
	unlink("house/in/x.json");
	scratch_put("house/other", "");
	unlink("house/other");
	ok(silent(), "what else comes and goes in the parent rings not");
	rmdir("house/in");
	ok(rang(), "but that it was removed does");
	close(held);
	mkdir("house/in", 0700);
	add("house/in");
	quiet();
}

static void a_busy_parent_is_left_alone(void)
{
	int before = watches_of_kernel();
	int held;
	int i;

	for (i = 0; i < 1000; i++) {
		/* The kernel makes one of two that are alike. */
		const char *name = i % 2 ? "house/other" : "house/another";

		scratch_put(name, "");
		unlink(name);
	}
	watch_drain(watch, NULL);
	is_int(watches_of_kernel(), before - 1,
	    "a parent where much goes away is no longer watched");
	quiet();
	watch_calm(watch);
	is_int(watches_of_kernel(), before, "until it is asked for again");
	held = open("house/in", O_PATH | O_CLOEXEC);
	rmdir("house/in");
	ok(rang(), "and then it rings");
	close(held);
	quiet();
}

static void a_parent_may_be_one_of_ours(void)
{
	struct why why = { "" };
	int before;

	mkdir("in/inner", 0700);
	add("in/inner");
	before = watches_of_kernel();
	is_int(watch_add_parent(watch, "in/inner", &why), -1,
	    "a directory that is watched for files is not watched as a parent");
	scratch_put("in/still.json", "{}");
	ok(rang(), "and rings as before");
	add("house");
	is_int(watches_of_kernel(), before, "a parent may become one of ours");
	quiet();
	scratch_put("house/new.json", "{}");
	ok(rang(), "and rings then");
	watch_calm(watch);
	scratch_put("house/newer.json", "{}");
	ok(rang(), "which stays so");
	is_int(watch_add_parent(watch, "nowhere/x", &why), -1,
	    "a parent that is not there is said");
	quiet();
}

static void a_missing_directory_is_said(void)
{
	struct why why = { "" };

	is_int(watch_add(watch, "nowhere", &why), -1,
	    "a directory that is not there cannot be watched");
	has_str(why.text, "nowhere: cannot watch: No such file",
	    "and the sentence says so");
}

/* More than the kernel keeps: the queue overflows. */
static void an_overflow_rings(void)
{
	const char *text =
	    scratch_get("/proc/sys/fs/inotify/max_queued_events");
	long most = text ? atol(text) : 16384;
	long i;

	if (most > 200000) {
		ok(1, "an overflow rings # SKIP the queue is too long here");
		return;
	}
	for (i = 0; i < most / 2 + 10; i++) {
		chmod("bell", 0600);
		chmod("in", 0700);
	}
	ok(rang(), "an overflow rings");
	ok(silent(), "and leaves the queue empty");
	scratch_put("in/after.json", "{}");
	ok(rang(), "after it the bell works as before");
	quiet();
}

static void its_descriptor_stays_here(void)
{
	ok(fcntl(watch_fd(watch), F_GETFD) & FD_CLOEXEC,
	    "no child inherits the descriptor");
}

static void it_opens_again(void)
{
	struct why why = { "" };

	watch_close(watch);
	watch = watch_open(&why);
	ok(watch, "closed, it can be opened again");
	add("in");
	scratch_put("in/second.json", "{}");
	ok(rang(), "and rings");
	watch_close(watch);
	watch = NULL;
}

/* The library's select() ends the process above FD_SETSIZE. */
static void high_numbers_are_refused(void)
{
	struct rlimit limit;
	struct why why = { "" };
	int fds[1100];
	int count = 0;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max < 2000 ? limit.rlim_max : 2000;
	setrlimit(RLIMIT_NOFILE, &limit);
	while (
	    count < 1100 && (fds[count] = open("/", O_PATH | O_CLOEXEC)) >= 0)
		count++;
	ok(!watch_open(&why), "with over 1023 files open it refuses");
	has_str(why.text, "too many files", "instead of ending the process");
	while (count-- > 0)
		close(fds[count]);
}

int main(void)
{
	struct why why = { "" };

	scratch_begin();
	watch = watch_open(&why);
	if (!watch) {
		printf("1..0 # SKIP %s\n", why.text);
		scratch_end();
		return 0;
	}
	its_descriptor_stays_here();
	every_way_in_rings();
	whoever_comes_by_rename_is_told();
	our_own_traffic_is_silent();
	the_bell_rings();
	adding_twice_is_nothing();
	a_replaced_directory_rings_again();
	a_removed_directory_comes_back();
	a_removed_directory_that_is_held_rings();
	a_busy_parent_is_left_alone();
	a_parent_may_be_one_of_ours();
	a_missing_directory_is_said();
	an_overflow_rings();
	it_opens_again();
	high_numbers_are_refused();
	scratch_end();
	return done();
}
