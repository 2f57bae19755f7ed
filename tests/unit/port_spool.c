/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/* port/spool: its parts, its lock between processes, its bell and its names. */
#include "port/spool.h"

#include "base/mem.h"
#include "scratch.h"
#include "tap.h"

#include <limits.h>
#include <signal.h>
#include <sys/wait.h>

static unsigned mode_of(const char *name)
{
	struct stat st;

	return lstat(name, &st) == 0 ? st.st_mode & 07777 : 0;
}

static void what_is_missing_is_said_or_made(void)
{
	struct spool spool;
	struct why why = { "" };

	is_int(spool_open(&spool, "spool", false, &why), -1,
	    "a spool that is not there is not made unasked");
	has_str(why.text, "spool: cannot open directory: No such file",
	    "the sentence names it");
	spool_close(&spool);
	umask(022);
	is_int(spool_open(&spool, "spool", true, &why), 0, "asked, it is made");
	is_int(scratch_count("spool"), 6, "with its five parts and the bell");
	is_int(mode_of("spool"), 0750, "others do not come in");
	is_int(mode_of("spool/incoming"), 0750,
	    "incoming is the group's, less the umask");
	is_int(mode_of("spool/bell"), 0660,
	    "the group may ring, whatever the umask");
	spool_close(&spool);
	spool_close(&spool);
	chmod("spool/incoming", 03730);
	is_int(spool_open(&spool, "spool", true, &why), 0, "it opens again");
	is_int(
	    mode_of("spool/incoming"), 03730, "what is there keeps its mode");
	spool_close(&spool);
}

static void a_file_in_the_way_is_said(void)
{
	struct spool spool;
	struct why why = { "" };

	scratch_put("file", "");
	is_int(
	    spool_open(&spool, "file", true, &why), -1, "a file is no spool");
	has_str(why.text, "file: cannot open directory: Not a directory",
	    "and the sentence says why");
}

static void paths_are_joined(const struct spool *spool)
{
	auto_free char *inside = spool_path(spool, "spool.db");
	auto_free char *outside = spool_path(spool, "/elsewhere/x");

	is_str(inside, "spool/spool.db", "a name is below the spool");
	is_str(outside, "/elsewhere/x", "an absolute path is itself");
}

/* A process that holds the lock until it is killed. */
static pid_t hold_elsewhere(void)
{
	int ready[2];
	pid_t pid;
	char c;

	if (pipe(ready) < 0)
		exit(1);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		enum spool_lock answer;
		struct spool spool;
		pid_t holder;

		if (spool_open(&spool, "spool", false, NULL) < 0 ||
		    spool_lock(&spool, &answer, &holder, NULL) < 0 ||
		    answer != SPOOL_LOCKED || write(ready[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ready[1]);
	if (read(ready[0], &c, 1) != 1)
		exit(1);
	close(ready[0]);
	return pid;
}

static void one_daemon_at_a_time(struct spool *spool)
{
	enum spool_lock answer = SPOOL_BUSY;
	pid_t holder = -7;
	pid_t other;

	is_int(spool_holder(spool), 0, "no daemon: no holder");
	other = hold_elsewhere();
	is_int(spool_holder(spool), other, "the daemon's pid is known");
	is_int(spool_lock(spool, &answer, &holder, NULL), 0,
	    "to ask for a lock that is held is no failure");
	is_int(answer, SPOOL_BUSY, "but it is not given");
	is_int(holder, other, "and the holder is named");
	is_int(spool->lock, -1, "nothing is kept of it");
	kill(other, SIGKILL);
	waitpid(other, NULL, 0);
	is_int(spool_holder(spool), 0,
	    "after kill -9 nobody holds it, whatever the file says");
	is_int(spool_lock(spool, &answer, &holder, NULL), 0, "it can be had");
	is_int(answer, SPOOL_LOCKED, "by the next one");
	is_int(spool_holder(spool), getpid(), "who is then the holder");
}

static void a_verb_sees_us(struct spool *spool)
{
	int status;
	pid_t self = getpid();
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		struct spool seen;

		if (spool_open(&seen, "spool", false, NULL) < 0)
			_exit(2);
		_exit(spool_holder(&seen) != self);
	}
	waitpid(pid, &status, 0);
	is_int(status, 0, "another process sees our pid");
	if (truncate("spool/lock", 0) < 0)
		perror("truncate");
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		struct spool seen;

		if (spool_open(&seen, "spool", false, NULL) < 0)
			_exit(2);
		_exit(spool_holder(&seen) != -1);
	}
	waitpid(pid, &status, 0);
	is_int(status, 0, "a held lock without a pid is still held");
	spool_close(spool);
	is_int(spool_open(spool, "spool", false, NULL), 0, "(opened anew)");
	is_int(spool_holder(spool), 0, "closing lets the lock go");
}

static void the_lock_follows_no_link(struct spool *spool)
{
	enum spool_lock answer;
	struct why why = { "" };
	pid_t holder;

	scratch_put("victim", "precious");
	unlink("spool/lock");
	if (symlink("../victim", "spool/lock") < 0)
		perror("symlink");
	is_int(spool_lock(spool, &answer, &holder, &why), -1,
	    "a link in the lock's place is refused");
	has_str(why.text, "spool/lock: cannot open", "with a sentence");
	is_str(scratch_get("victim"), "precious", "and not written through");
	unlink("spool/lock");
}

static void the_bell_is_touched(struct spool *spool)
{
	struct timespec long_ago[2] = { { .tv_sec = 1 }, { .tv_sec = 1 } };
	struct stat st;

	utimensat(AT_FDCWD, "spool/bell", long_ago, 0);
	spool_ring(spool);
	ok(stat("spool/bell", &st) == 0 && st.st_mtim.tv_sec > 1,
	    "ringing touches the bell");
	unlink("spool/bell");
	spool_ring(spool);
	is_int(mode_of("spool/bell"), 0660, "a missing bell is hung up");
	unlink("spool/bell");
	if (symlink("../victim", "spool/bell") < 0)
		perror("symlink");
	utimensat(AT_FDCWD, "victim", long_ago, 0);
	spool_ring(spool);
	ok(stat("victim", &st) == 0 && st.st_mtim.tv_sec == 1,
	    "a link in its place is not followed");
	unlink("spool/bell");
	spool_ring(spool);
	ok(spool_rang(spool) && !spool_rang(spool), "a ring is heard once");
	spool_ring(spool);
	ok(spool_rang(spool), "the next one, within the same tick, as well");
	unlink("spool/bell");
	ok(!spool_rang(spool), "a bell that is gone is silent");
}

static void is_name(const struct spool *spool, const char *name,
    const char *wanted, const char *test)
{
	auto_free char *got = spool_rejected_name(spool, name);

	is_str(got, wanted, test);
}

static void refused_files_get_free_names(struct spool *spool)
{
	char path[64];
	int i;

	is_name(spool, "a.json", "a.json", "a name that is free is kept");
	scratch_put("spool/rejected/a.json", "");
	is_name(spool, "a.json", "a.json.1", "one that is taken is numbered");
	scratch_put("spool/rejected/a.json.1.why.json", "");
	is_name(
	    spool, "a.json", "a.json.2", "a reason alone takes a name, too");
	if (symlink("nowhere", "spool/rejected/b.json") < 0)
		perror("symlink");
	is_name(spool, "b.json", "b.json.1", "so does a dangling link");
	scratch_put("spool/rejected/c.json.why.json", "");
	is_name(spool, "c.json", "c.json.1",
	    "a refused file called like a reason is not written over");
	for (i = 2; i < 100; i++) {
		snprintf(path, sizeof(path), "spool/rejected/a.json.%d", i);
		scratch_put(path, "");
	}
	is_name(spool, "a.json", "a.json.100", "the hundredth finds a number");
	is_name(spool, "\xff\n.json", "\xff\n.json",
	    "hostile bytes in a name stay bytes");
}

static void long_names_are_cut(struct spool *spool)
{
	char name[NAME_MAX + 1];
	auto_free char *first = NULL;
	auto_free char *path = NULL;
	auto_free char *second = NULL;
	size_t i;

	memset(name, 'n', NAME_MAX);
	name[NAME_MAX] = '\0';
	first = spool_rejected_name(spool, name);
	is_int((long)(strlen(first) + strlen(".why.json")), NAME_MAX,
	    "the longest name leaves room for its reason");
	path = mem_printf("spool/rejected/%s", first);
	scratch_put(path, "");
	second = spool_rejected_name(spool, name);
	is_int((long)(strlen(second) + strlen(".why.json")), NAME_MAX,
	    "and for a number");
	ok(strcmp(first, second) != 0 && strstr(second, "n.1"),
	    "which makes it another");
	for (i = 0; i + 1 < NAME_MAX; i += 2)
		memcpy(name + i, "\xc3\xa9", 2);
	name[i] = '\0';
	free(take(&first));
	first = spool_rejected_name(spool, name);
	is_int((long)strlen(first) % 2, 0,
	    "a character of two bytes is not cut in half");
}

int main(void)
{
	struct spool spool;

	scratch_begin();
	what_is_missing_is_said_or_made();
	a_file_in_the_way_is_said();
	if (spool_open(&spool, "spool", true, NULL) < 0)
		return 1;
	paths_are_joined(&spool);
	one_daemon_at_a_time(&spool);
	a_verb_sees_us(&spool);
	the_lock_follows_no_link(&spool);
	the_bell_is_touched(&spool);
	refused_files_get_free_names(&spool);
	long_names_are_cut(&spool);
	spool_close(&spool);
	scratch_end();
	return done();
}
