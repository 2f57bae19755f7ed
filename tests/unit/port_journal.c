/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/* port/journal: lines out and back, through full disks and rotations. */
#include "port/journal.h"

#include "base/mem.h"
#include "scratch.h"
#include "tap.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

static const char path[] = "log/delivery.jsonl";

static int append(struct journal *journal, const char *line, long long ms)
{
	size_t missing;

	return journal_append(journal, line, strlen(line), ms, &missing, NULL);
}

static const char *next(struct journal_reader *reader)
{
	size_t len;

	return journal_next(reader, &len);
}

static void lines_are_appended(void)
{
	struct why why = { "" };
	struct journal *journal = journal_open(path, &why);
	struct stat st;

	ok(journal, "a missing file and its directory are made");
	is_int(append(journal, "{\"a\":1}", 0), 0, "a line is appended");
	is_int(append(journal, "{\"a\":2}", 0), 0, "and another");
	is_str(scratch_get(path), "{\"a\":1}\n{\"a\":2}\n",
	    "each stands on its own line");
	stat(path, &st);
	is_int(st.st_mode & 07777, 0640, "others cannot read it");
	stat("log", &st);
	is_int(st.st_mode & 07777, 0750, "nor look into its directory");
	journal_close(journal);
	journal = journal_open("no/such/folder/log", &why);
	ok(!journal, "a directory two levels up is not invented");
	has_str(why.text, "no/such/folder", "the sentence names it");
}

static mode_t mode_of(const char *name)
{
	struct stat st = { 0 };

	stat(name, &st);
	return st.st_mode & 07777;
}

/* What a member of the group does is logged as well as what the daemon does. */
static void a_group_may_share_it(void)
{
	static const char shared[] = "shared/delivery.jsonl";
	mode_t mask = umask(027);

	mkdir("shared", 0700);
	chmod("shared", 02770);
	journal_close(journal_open(shared, NULL));
	is_int(mode_of(shared), 0660,
	    "in a directory that is the group's so is the log, by any umask");
	chmod(shared, 0640);
	journal_close(journal_open(shared, NULL));
	is_int(mode_of(shared), 0660, "one that was not becomes so");
	chmod("shared", 02750);
	chmod(shared, 0640);
	journal_close(journal_open(shared, NULL));
	is_int(mode_of(shared), 0640, "but not where the group may only look");
	umask(mask);
}

static void half_a_line_stays_alone(void)
{
	struct journal *journal;

	scratch_put(path, "{\"whole\":1}\n{\"ha");
	journal = journal_open(path, NULL);
	append(journal, "{\"b\":1}", 0);
	is_str(scratch_get(path), "{\"whole\":1}\n{\"ha\n{\"b\":1}\n",
	    "a line after half a line starts on its own");
	append(journal, "{\"b\":2}", 0);
	is_str(scratch_get(path),
	    "{\"whole\":1}\n{\"ha\n{\"b\":1}\n{\"b\":2}\n",
	    "and no empty line comes after");
	journal_close(journal);
}

/* A file size limit ends a write in its middle, as a full disk does. */
static void a_full_disk_is_said(void)
{
	struct rlimit before;
	struct rlimit tight;
	struct why why = { "" };
	struct journal *journal;
	size_t missing;

	scratch_put(path, "");
	journal = journal_open(path, NULL);
	append(journal, "0123456789", 0);
	sigaction(SIGXFSZ, &(struct sigaction){ .sa_handler = SIG_IGN }, NULL);
	getrlimit(RLIMIT_FSIZE, &before);
	tight = before;
	tight.rlim_cur = 16;
	setrlimit(RLIMIT_FSIZE, &tight);
	is_int(journal_append(journal, "abcdefghij", 10, 0, &missing, &why), -1,
	    "a line that fits in part is a failure");
	has_str(why.text, "only a part of a line", "which is said");
	is_int(journal_append(journal, "k\nl\nm", 5, 0, &missing, &why), -1,
	    "one that does not fit at all, too");
	has_str(why.text, "cannot write", "which is said");
	is_int((int64_t)missing, 3, "and it is told how many are missing");
	setrlimit(RLIMIT_FSIZE, &before);
	is_int(append(journal, "nop", 0), 0, "with room again it goes on");
	is_str(scratch_get(path), "0123456789\nabcde\nnop\n",
	    "the half line is not joined to the next");
	tight.rlim_cur = 29;
	setrlimit(RLIMIT_FSIZE, &tight);
	is_int(journal_append(journal, "q\nr\nstuvw\nx", 11, 0, &missing, &why),
	    -1, "of several lines some may fit");
	is_int((int64_t)missing, 2, "those that do not are missing");
	setrlimit(RLIMIT_FSIZE, &before);
	append(journal, "y\nz", 0);
	is_str(scratch_get(path), "0123456789\nabcde\nnop\nq\nr\nstuv\ny\nz\n",
	    "and the others are whole");
	journal_close(journal);
	journal = journal_open("/dev/full", NULL);
	is_int(journal_append(journal, "x", 1, 0, &missing, &why), -1,
	    "a device that is full fails");
	has_str(why.text, "No space left", "with the reason");
	journal_close(journal);
}

static void rotation_is_noticed(void)
{
	struct journal *journal;

	scratch_put(path, "");
	unlink("log/delivery.jsonl.1");
	journal = journal_open(path, NULL);
	append(journal, "one", 1000);
	rename(path, "log/delivery.jsonl.1");
	append(journal, "two", 1500);
	is_str(scratch_get("log/delivery.jsonl.1"), "one\ntwo\n",
	    "within a second it writes on where it was");
	append(journal, "three", 2000);
	is_str(scratch_get(path), "three\n", "after a second, into a new file");
	is_str(scratch_get("log/delivery.jsonl.1"), "one\ntwo\n",
	    "and no more into the old one");
	rename(path, "log/delivery.jsonl.1");
	is_int(journal_reopen(journal, NULL), 0, "asked, it reopens at once");
	append(journal, "four", 2001);
	is_str(scratch_get(path), "four\n", "and writes there");
	unlink(path);
	append(journal, "five", 99000);
	is_str(scratch_get(path), "five\n", "a removed file comes back");
	journal_close(journal);
}

static void no_new_file_means_the_old_one(void)
{
	struct why why = { "" };
	struct journal *journal = journal_open(path, NULL);
	size_t missing;

	scratch_put(path, "");
	rename(path, "log/moved");
	mkdir(path, 0700);
	is_int(journal_append(journal, "kept", 4, 5000, &missing, &why), -1,
	    "when no new file can be opened, that is a failure");
	has_str(why.text, "log/delivery.jsonl: cannot open", "and said");
	is_str(scratch_get("log/moved"), "kept\n",
	    "but the line is not lost: it is in the old one");
	rmdir(path);
	journal_close(journal);
}

enum { WRITERS = 4, LINES = 500 };

static void write_many(char letter)
{
	struct journal *journal = journal_open(path, NULL);
	char line[3000];
	size_t missing;
	int i;

	memset(line, letter, sizeof(line));
	for (i = 0; i < LINES; i++)
		journal_append(journal, line, (size_t)(i % 2 ? 3000 : 17), 0,
		    &missing, NULL);
	_exit(0);
}

static int is_pure(const char *line, size_t len)
{
	const char letter[] = { line[0], '\0' };

	return (len == 17 || len == 3000) && strspn(line, letter) == len;
}

static void writers_do_not_tear_lines(void)
{
	struct journal_reader *reader;
	const char *line;
	int whole = 0;
	int torn = 0;
	size_t len;
	int i;

	scratch_put(path, "");
	fflush(stdout);
	for (i = 0; i < WRITERS; i++) {
		if (fork() == 0)
			write_many((char)('a' + i));
	}
	while (wait(NULL) > 0)
		;
	reader = journal_read(path, NULL);
	while ((line = journal_next(reader, &len)) != NULL) {
		if (is_pure(line, len))
			whole++;
		else
			torn++;
	}
	is_int(torn, 0, "four writers at once tear no line");
	is_int(whole, WRITERS * LINES, "and lose none");
	journal_reader_close(reader);
}

/* ---- reading ------------------------------------------------------------ */

static void put_more(const char *name, const char *text)
{
	FILE *file = fopen(name, "ae");

	if (!file || fputs(text, file) < 0 || fclose(file) != 0)
		exit(1);
}

static void only_whole_lines_are_read(void)
{
	struct journal_reader *reader;

	scratch_put(path, "one\n\ntwo\nthr");
	reader = journal_read(path, NULL);
	is_str(next(reader), "one", "lines come in order");
	is_str(next(reader), "two", "empty ones are left out");
	is_str(next(reader), NULL, "half a line is not handed out");
	put_more(path, "ee");
	is_str(next(reader), NULL, "nor when it grows");
	put_more(path, "\nfour\n");
	is_str(next(reader), "three", "but once it is whole");
	is_str(next(reader), "four", "and the next one after it");
	is_str(next(reader), NULL, "then there is no more for now");
	journal_reader_close(reader);
}

static void rotation_is_followed(void)
{
	struct journal_reader *reader;

	scratch_put(path, "one\n");
	reader = journal_read(path, NULL);
	is_str(next(reader), "one", "(reading)");
	rename(path, "log/old");
	is_str(next(reader), NULL, "a moved file with no new one: wait");
	scratch_put(path, "");
	put_more("log/old", "two\n");
	is_str(
	    next(reader), "two", "what is still written to the old one comes");
	put_more("log/old", "three\n");
	put_more(path, "four\n");
	is_str(next(reader), "three", "the old one is read to its end");
	is_str(next(reader), "four", "then the new one");
	scratch_put(path, "");
	is_str(next(reader), NULL, "a file that was emptied has no line");
	put_more(path, "five\n");
	is_str(next(reader), "five", "and is read from its start");
	journal_reader_close(reader);
}

static void a_file_may_come_later(void)
{
	struct journal_reader *reader;
	struct why why = { "" };

	unlink(path);
	reader = journal_read(path, &why);
	ok(reader, "a file that is not there yet can be read");
	is_int(journal_seek_tail(reader, 3, &why), 3, "lacks all of its tail");
	is_str(next(reader), NULL, "and no line");
	scratch_put(path, "here\n");
	is_str(next(reader), "here", "until it is there");
	journal_reader_close(reader);
}

static void is_tail(long lines, const char *wanted, const char *name)
{
	struct journal_reader *reader = journal_read(path, NULL);

	journal_seek_tail(reader, lines, NULL);
	is_str(next(reader), wanted, name);
	journal_reader_close(reader);
}

static void is_lacking(long lines, long missing, const char *name)
{
	struct journal_reader *reader = journal_read(path, NULL);

	is_int(journal_seek_tail(reader, lines, NULL), missing, name);
	journal_reader_close(reader);
}

static int tail_letter(long lines)
{
	struct journal_reader *reader = journal_read(path, NULL);
	const char *line;
	int letter;

	journal_seek_tail(reader, lines, NULL);
	line = next(reader);
	letter = line ? line[0] : 0;
	journal_reader_close(reader);
	return letter;
}

static void the_tail_is_found(void)
{
	auto_free char *text = mem_alloc(200001);
	int i;

	scratch_put(path, "1\n2\n3\nhalf");
	is_tail(2, "2", "the last two whole lines");
	is_tail(3, "1", "all of them");
	is_tail(99, "1", "more than there are");
	is_tail(0, NULL, "none");
	scratch_put(path, "");
	is_tail(5, NULL, "the tail of nothing");
	scratch_put(path, "1\n2\n3\nhalf");
	is_lacking(2, 0, "a tail that is there lacks nothing");
	is_lacking(3, 0, "nor does one that is the whole file");
	is_lacking(5, 2, "one that is longer lacks the rest");
	memset(text, 'x', 200000);
	text[200000] = '\0';
	for (i = 0; i < 4; i++)
		text[i * 50000 + 49999] = '\n';
	text[50000] = 'y';
	text[150000] = 'z';
	scratch_put(path, text);
	is_int(tail_letter(1), 'z', "lines longer than a block: the last one");
	is_int(tail_letter(3), 'y', "the last three");
	is_int(tail_letter(4), 'x', "the last four");
}

static void long_lines_are_passed_over(void)
{
	size_t len = 3 * (size_t)JOURNAL_LINE_MAX;
	auto_free char *text = mem_alloc(len + 1);
	struct journal_reader *reader;

	memset(text, 'x', len);
	text[len] = '\0';
	scratch_put(path, "before\n");
	put_more(path, text);
	put_more(path, "\nafter\n");
	reader = journal_read(path, NULL);
	is_str(next(reader), "before", "a line before a monster is read");
	is_str(next(reader), "after", "the monster is passed over");
	is_str(next(reader), NULL, "and that is all");
	journal_reader_close(reader);
}

static void what_cannot_be_read_is_said(void)
{
	struct why why = { "" };
	struct journal_reader *reader;

	if (symlink("loop", "loop") < 0 || mkfifo("pipe", 0600) < 0)
		perror("symlink, mkfifo");
	ok(!journal_read("loop", &why), "a symbolic link is not followed");
	has_str(why.text, "loop: not a regular file", "with a sentence");
	ok(!journal_read("pipe", &why), "nor is a pipe waited for");
	has_str(why.text, "pipe: not a regular file", "with a sentence");
	ok(!journal_read("pipe/x", &why), "a file that cannot be opened fails");
	has_str(why.text, "pipe/x: cannot open", "with a sentence");
	scratch_put(path, "one\ntw");
	reader = journal_read(path, NULL);
	is_str(next(reader), "one", "a line before half a line is read");
	is_str(next(reader), NULL, "half a line is not");
	is_int(journal_verdict(reader, &why), -1, "and the reader knows it");
	has_str(why.text, "its last line is not whole", "with a sentence");
	journal_reader_close(reader);
}

/* Where strangers may put names, root must not write where they point. */
static void links_of_strangers(void)
{
	struct journal *journal;
	struct why why = { "" };

	if (mkdir("theirs", 0700) < 0 || chmod("theirs", 0770) < 0 ||
	    symlink("../target", "theirs/log") < 0 || mkdir("own", 0700) < 0 ||
	    symlink("../target", "own/log") < 0)
		perror("mkdir, symlink");
	ok(!journal_open("theirs/log", &why),
	    "a link that others may have made is not followed");
	has_str(why.text, "symbolic link", "with a sentence");
	ok(access("target", F_OK) < 0, "and nothing is made there");
	journal = journal_open("own/log", &why);
	ok(journal != NULL, "a link of our own is");
	journal_close(journal);
	unlink("target");
	unlink("theirs/log");
	unlink("own/log");
	rmdir("theirs");
	rmdir("own");
}

int main(void)
{
	scratch_begin();
	lines_are_appended();
	a_group_may_share_it();
	half_a_line_stays_alone();
	a_full_disk_is_said();
	rotation_is_noticed();
	no_new_file_means_the_old_one();
	writers_do_not_tear_lines();
	only_whole_lines_are_read();
	rotation_is_followed();
	a_file_may_come_later();
	the_tail_is_found();
	long_lines_are_passed_over();
	what_cannot_be_read_is_said();
	links_of_strangers();
	scratch_end();
	return done();
}
