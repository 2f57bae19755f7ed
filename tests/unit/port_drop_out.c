/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/* How files leave a drop box: nothing goes that was not read. */
#include "port/drop.h"

#include "base/mem.h"
#include "scratch.h"
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

static char json[] = "*.json";
static char *patterns[] = { json, NULL };
static struct drop *drop;

static void open_in(void)
{
	struct why why = { "" };

	drop_close(drop);
	drop = drop_open("in", patterns, true, &why);
	if (!drop) {
		printf("Bail out! %s\n", why.text);
		exit(1);
	}
}

/* Opens and closes it; the mark is what a reader would have. */
static struct drop_mark mark_of(const char *name)
{
	enum drop_answer answer = DROP_GONE;
	struct drop_mark mark = { 0 };
	int fd = -1;

	if (drop_take(drop, name, &answer, &fd, &mark, NULL) < 0 || fd < 0)
		printf("# cannot take %s\n", name);
	close(fd);
	return mark;
}

static void is_removed(const char *name, const struct drop_mark *mark,
    enum drop_removal wanted, const char *test)
{
	enum drop_removal removal = DROP_REMOVED;
	struct why why = { "" };

	if (drop_remove(drop, name, -1, mark, &removal, &why) < 0) {
		ok(0, "%s", test);
		printf("# %s\n", why.text);
		return;
	}
	is_int(removal, wanted, test);
}

static void what_was_read_goes(void)
{
	struct drop_mark mark;

	scratch_put("in/a.json", "{}");
	mark = mark_of("a.json");
	is_removed("a.json", &mark, DROP_REMOVED, "a file that was read goes");
	is_int(scratch_count("in"), 0, "and leaves nothing behind");
	is_removed(
	    "a.json", &mark, DROP_MISSING, "one that somebody took is missing");
}

static void what_was_not_read_stays(void)
{
	struct drop_mark mark;

	scratch_put("in/a.json", "{}");
	mark = mark_of("a.json");
	scratch_put("in/a.json", "{\"more\":1}");
	is_removed("a.json", &mark, DROP_CHANGED, "a file written to stays");
	is_str(scratch_get("in/a.json"), "{\"more\":1}", "as it is");
	mark = mark_of("a.json");
	scratch_put("in/b", "{\"more\":2}");
	rename("in/b", "in/a.json");
	is_removed("a.json", &mark, DROP_CHANGED, "one put in its place stays");
	is_str(scratch_get("in/a.json"), "{\"more\":2}", "as it is");
	mark = mark_of("a.json");
	unlink("in/a.json");
	mkdir("in/a.json", 0700);
	is_removed("a.json", &mark, DROP_CHANGED, "so does a directory");
	rmdir("in/a.json");
	mkfifo("in/a.json", 0600);
	is_removed("a.json", &mark, DROP_CHANGED, "and a pipe");
	unlink("in/a.json");
}

static void what_is_being_written_stays(void)
{
	struct drop_mark mark;
	bool sure;
	int writer;
	int fd;

	scratch_put("in/a.json", "{}");
	mark = mark_of("a.json");
	fd = open("in/a.json", O_RDONLY | O_CLOEXEC);
	drop_unwritten(fd, &sure);
	close(fd);
	if (!sure) {
		printf("# no leases on this file system\n");
		return;
	}
	writer = open("in/a.json", O_WRONLY | O_APPEND | O_CLOEXEC);
	is_removed("a.json", &mark, DROP_WRITTEN,
	    "a file that is open for writing stays");
	is_int(scratch_count("in"), 1, "under its name");
	close(writer);
	is_removed("a.json", &mark, DROP_REMOVED, "and goes once it is closed");
}

static void any_name_can_go(void)
{
	char name[NAME_MAX + 1];
	char path[NAME_MAX + 4];
	struct drop_mark mark;

	memset(name, 'n', sizeof(name));
	snprintf(name + NAME_MAX - 5, 6, ".json");
	snprintf(path, sizeof(path), "in/%s", name);
	scratch_put(path, "{}");
	mark = mark_of(name);
	is_removed(name, &mark, DROP_REMOVED, "the longest name can go");
	scratch_put("in/ \n\xff.json", "{}");
	mark = mark_of(" \n\xff.json");
	is_removed(" \n\xff.json", &mark, DROP_REMOVED, "and one of odd bytes");
	is_int(scratch_count("in"), 0, "without a trace");
}

static void permission_is_named(void)
{
	enum drop_removal removal;
	struct why why = { "" };
	struct drop_mark mark;

	scratch_put("in/a.json", "{}");
	mark = mark_of("a.json");
	chmod("in", 0755);
	chmod(".", 0755);
	if (geteuid() == 0 && seteuid(65534) < 0)
		perror("seteuid");
	if (getuid() != 0)
		chmod("in", 0555);
	is_int(drop_remove(drop, "a.json", -1, &mark, &removal, &why), -1,
	    "without permission it cannot be taken out");
	has_str(why.text, "in/a.json: cannot take it out, which needs write",
	    "and the sentence says which is missing");
	is_int(drop_move(drop, "a.json", AT_FDCWD, "b.json", &why), -1,
	    "nor moved");
	has_str(why.text, "which needs write", "for the same reason");
	if (seteuid(getuid()) < 0)
		perror("seteuid");
	chmod("in", 0755);
	is_str(scratch_get("in/a.json"), "{}", "it is where it was");
	unlink("in/a.json");
}

/* ---- the death of the one who takes ------------------------------------- */

static void what_was_being_taken_comes_back(void)
{
	char name[64];
	struct drop_mark before;
	struct drop_mark after;

	scratch_put("in/x.json", "{}");
	before = mark_of("x.json");
	rename("in/x.json", "in/.taken-77-0-x.json");
	scratch_put("in/.taken-77-1-y.json", "{\"old\":1}");
	scratch_put("in/y.json", "{\"new\":1}");
	scratch_put("in/.taken-77-2-z", "");
	scratch_put("in/z", "");
	scratch_put("in/z-1", "");
	scratch_put("in/.taken-by-aliens", "");
	scratch_put("in/.taken-1-2-", "");
	scratch_put("in/.taken-1-2-.dot", "");
	is_int(drop_recover(drop, NULL), 3, "a dead taker's files come back");
	after = mark_of("x.json");
	ok(!before.born || drop_mark_equal(&before, &after),
	    "as the content that they were");
	is_str(scratch_get("in/y.json"), "{\"new\":1}",
	    "a name that is taken again is not written over");
	is_str(scratch_get("in/y-1.json"), "{\"old\":1}",
	    "the file gets one like it, with its ending");
	ok(scratch_has("in/z-2"), "or the next that is free");
	ok(scratch_has("in/.taken-by-aliens") &&
		scratch_has("in/.taken-1-2-") &&
		scratch_has("in/.taken-1-2-.dot"),
	    "what is none of ours stays");
	is_int(drop_recover(drop, NULL), 0, "a second time nothing is left");
	snprintf(name, sizeof(name), "%s", "in");
	scratch_remove(name);
	open_in();
}

static void long_names_come_back_with_their_ending(void)
{
	char taken[NAME_MAX + 4];
	struct drop_list list;

	snprintf(taken, sizeof(taken), "in/.taken-77-0-");
	memset(taken + strlen(taken), 'n', NAME_MAX + 3 - strlen(taken));
	snprintf(taken + NAME_MAX + 3 - 5, 6, ".json");
	scratch_put(taken, "{}");
	is_int(drop_recover(drop, NULL), 1, "a long name comes back");
	is_int(drop_sweep(drop, 9, NULL, &list, NULL), 0, "(swept)");
	is_int((long)list.count, 1, "with its ending, so that it is judged");
	drop_list_clear(&list);
	scratch_remove("in");
	open_in();
}

/* ---- moving ------------------------------------------------------------- */

static void files_move(int to, const char *where)
{
	struct why why = { "" };
	char shown[128];

	printf("# %s\n", where);
	scratch_put("in/bad.json", "{ no");
	is_int(drop_move(drop, "bad.json", to, "bad.json", &why), 0,
	    "a file moves");
	is_int(scratch_count("in"), 0, "away");
	snprintf(shown, sizeof(shown), "%s/bad.json", where);
	is_str(scratch_get(shown), "{ no", "whole");
	scratch_put("in/bad.json", "other");
	is_int(drop_move(drop, "bad.json", to, "bad.json", &why), -1,
	    "a name that is taken is a failure");
	has_str(why.text, "in/bad.json: ", "that names the file");
	has_str(why.text, "File exists", "and the reason");
	is_str(scratch_get(shown), "{ no", "nothing is written over");
	is_str(scratch_get("in/bad.json"), "other", "nothing is lost");
	unlink("in/bad.json");
	if (symlink("/nowhere/at/all", "in/l.json") < 0)
		perror("symlink");
	is_int(drop_move(drop, "l.json", to, "l.json", &why), 0,
	    "a link moves as a link");
	snprintf(shown, sizeof(shown), "%s/l.json", where);
	ok(scratch_has(shown) && !scratch_has("in/l.json"), "and only once");
	is_int(drop_move(drop, "none.json", to, "none.json", &why), -1,
	    "what is not there does not move");
	has_str(why.text, "in/none.json: cannot", "and the file is named");
	has_str(why.text, "No such file", "and the reason");
	is_int(scratch_count(where), 2, "nothing is left beside them");
}

static void a_directory_moves_within_one_disk(int to)
{
	mkdir("in/d.json", 0700);
	is_int(drop_move(drop, "d.json", to, "d.json", NULL), 0,
	    "a directory is moved as it is");
	ok(scratch_has("rejected/d.json"), "to where it was to go");
}

static void another_disk_has_limits(int to)
{
	struct rlimit before;
	struct rlimit tight;
	struct why why = { "" };
	char text[4097];

	mkfifo("in/p.json", 0600);
	is_int(drop_move(drop, "p.json", to, "p.json", &why), -1,
	    "a pipe cannot go to another file system");
	has_str(why.text, "in/p.json: a named pipe cannot be moved", "as said");
	ok(scratch_has("in/p.json"), "it stays");
	unlink("in/p.json");
	memset(text, 'x', 4096);
	text[4096] = '\0';
	scratch_put("in/big.json", text);
	sigaction(SIGXFSZ, &(struct sigaction){ .sa_handler = SIG_IGN }, NULL);
	getrlimit(RLIMIT_FSIZE, &before);
	tight = before;
	tight.rlim_cur = 1000;
	setrlimit(RLIMIT_FSIZE, &tight);
	is_int(drop_move(drop, "big.json", to, "big.json", &why), -1,
	    "a copy that ends in its middle fails");
	setrlimit(RLIMIT_FSIZE, &before);
	has_str(why.text, "in/big.json: ", "and names the file");
	is_str(scratch_get("in/big.json"), text, "which is where it was");
	is_int(scratch_count("far"), 2, "no half copy is left");
	unlink("in/big.json");
}

static void moving_works_here_and_there(void)
{
	char far[4096];
	struct stat here;
	struct stat there;
	int to;

	mkdir("rejected", 0700);
	to = open("rejected", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	files_move(to, "rejected");
	a_directory_moves_within_one_disk(to);
	close(to);
	snprintf(far, sizeof(far), "/dev/shm/spoolhook-test-XXXXXX");
	if (stat(".", &here) < 0 || stat("/dev/shm", &there) < 0 ||
	    here.st_dev == there.st_dev || !mkdtemp(far)) {
		ok(1, "moving to another file system # SKIP there is none");
		return;
	}
	if (symlink(far, "far") < 0)
		perror("symlink");
	to = open("far", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	files_move(to, "far");
	another_disk_has_limits(to);
	close(to);
	scratch_remove(far);
}

/* ---- at any moment ------------------------------------------------------ */

/* Enough for a taker that compares nothing to be caught nearly always. */
enum { ROUNDS = 2000, QUICK_ROUNDS = ROUNDS / 4 };

static void write_number(const char *path, int number)
{
	char text[32];
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	snprintf(text, sizeof(text), "%06d", number);
	if (write(fd, text, 6) != 6)
		_exit(1);
	close(fd);
}

static int read_number(int fd)
{
	char text[7] = "";

	return read(fd, text, 6) == 6 ? (int)strtol(text, NULL, 10) : -1;
}

/* Swaps each new content with what lies there, and so knows what it took away
 * itself: the numbers come back through the pipe. */
static void swap_contents(int report)
{
	int i;

	for (i = 1; i <= ROUNDS; i++) {
		int number;
		int fd;

		write_number("in/.next", i);
		while (renameat2(AT_FDCWD, "in/.next", AT_FDCWD, "in/x.json",
			   RENAME_EXCHANGE) < 0) {
			if (renameat2(AT_FDCWD, "in/.next", AT_FDCWD,
				"in/x.json", RENAME_NOREPLACE) == 0)
				break;
		}
		fd = open("in/.next", O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		number = read_number(fd);
		close(fd);
		unlink("in/.next");
		if (write(report, &number, sizeof(number)) != sizeof(number))
			_exit(1);
	}
	_exit(0);
}

/* Reads and removes whatever is listed; marks what is gone for good. */
static void consume(char *seen)
{
	struct drop_list list;
	size_t i;

	if (drop_sweep(drop, 64, NULL, &list, NULL) < 0)
		return;
	for (i = 0; i < list.count; i++) {
		enum drop_removal removal = DROP_MISSING;
		enum drop_answer answer;
		struct drop_mark mark;
		int number = -1;
		int fd;

		if (drop_take(drop, list.entries[i].name, &answer, &fd, &mark,
			NULL) < 0 ||
		    answer != DROP_OPENED)
			continue;
		number = read_number(fd);
		close(fd);
		drop_remove(
		    drop, list.entries[i].name, -1, &mark, &removal, NULL);
		if (removal == DROP_REMOVED && number > 0 && number <= ROUNDS)
			seen[number]++;
	}
	drop_list_clear(&list);
}

static int count_missing(const char *seen, int rounds)
{
	int missing = 0;
	int i;

	for (i = 1; i <= rounds; i++)
		missing += !seen[i];
	return missing;
}

static void a_swapping_producer_loses_nothing(void)
{
	char *seen = mem_zalloc(ROUNDS + 1);
	int report[2];
	int number;
	pid_t pid;

	if (pipe2(report, O_CLOEXEC | O_NONBLOCK) < 0)
		exit(1);
	fcntl(report[1], F_SETFL, 0);
	fflush(stdout);
	pid = fork();
	if (pid == 0)
		swap_contents(report[1]);
	close(report[1]);
	while (waitpid(pid, NULL, WNOHANG) == 0) {
		consume(seen);
		while (read(report[0], &number, sizeof(number)) > 0)
			seen[number > 0 ? number : 0]++;
	}
	while (read(report[0], &number, sizeof(number)) > 0)
		seen[number > 0 ? number : 0]++;
	consume(seen);
	close(report[0]);
	is_int(count_missing(seen, ROUNDS), 0,
	    "a producer that swaps files under us: each content is its own "
	    "again or was read before it went");
	is_int(scratch_count("in"), 0, "and nothing is left over");
	free(seen);
}

/* Puts each content under one name as soon as it is free. */
static void link_contents(void)
{
	int i;

	for (i = 1; i <= QUICK_ROUNDS; i++) {
		write_number("in/.next", i);
		while (renameat2(AT_FDCWD, "in/.next", AT_FDCWD, "in/x.json",
			   RENAME_NOREPLACE) < 0)
			sched_yield();
	}
	_exit(0);
}

static void one_name_many_contents(void)
{
	char *seen = mem_zalloc(ROUNDS + 1);
	int twice = 0;
	pid_t pid;
	int i;

	fflush(stdout);
	pid = fork();
	if (pid == 0)
		link_contents();
	while (waitpid(pid, NULL, WNOHANG) == 0) {
		consume(seen);
		sched_yield();
	}
	consume(seen);
	for (i = 1; i <= QUICK_ROUNDS; i++)
		twice += seen[i] > 1;
	is_int(count_missing(seen, QUICK_ROUNDS), 0,
	    "one name, thousands of contents: all "
	    "are read");
	is_int(twice, 0, "each once");
	free(seen);
}

int main(void)
{
	scratch_begin();
	open_in();
	what_was_read_goes();
	what_was_not_read_stays();
	what_is_being_written_stays();
	any_name_can_go();
	permission_is_named();
	what_was_being_taken_comes_back();
	long_names_come_back_with_their_ending();
	moving_works_here_and_there();
	a_swapping_producer_loses_nothing();
	one_name_many_contents();
	drop_close(drop);
	scratch_end();
	return done();
}
