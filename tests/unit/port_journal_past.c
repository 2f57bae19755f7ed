/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/* port/journal_past: which files are a log's past, and how they are read. */
#include "port/journal.h"

#include "base/buf.h"
#include "scratch.h"
#include "tap.h"

#include <sys/wait.h>

static const char path[] = "log/delivery.jsonl";

static const char *next(struct journal_reader *reader)
{
	size_t len;

	return journal_next(reader, &len);
}

static void empty(void)
{
	scratch_remove("log");
	if (mkdir("log", 0755) < 0)
		exit(1);
}

/* How many files of the past there are, with one reader of the present. */
static size_t count(int64_t since_ms)
{
	struct journal_reader *live = journal_read(path, NULL);
	struct journal_past *past =
	    journal_past_open(path, live, since_ms, NULL);
	size_t found = journal_past_count(past);

	journal_past_close(past);
	journal_reader_close(live);
	return found;
}

static void names_tell_what_is_past(void)
{
	static const char *const theirs[] = { "other.jsonl.1", "delivery.jsonl",
		"delivery.jsonl.", "delivery.jsonl-", "delivery.jsonl.bak",
		"delivery.jsonl1", "delivery.jsonl.1x", "delivery.jsonl.1.lz",
		"delivery.jsonl.gz", "delivery.jsonl.1.gz.tmp",
		".delivery.jsonl.1" };
	static const char *const ours[] = { "delivery.jsonl.1",
		"delivery.jsonl.2.gz", "delivery.jsonl-20261123",
		"delivery.jsonl-20261122.zst", "delivery.jsonl-2026-11-21.xz",
		"delivery.jsonl-1795446583.bz2" };
	char name[128];

	empty();
	for (size_t i = 0; i < sizeof(theirs) / sizeof(*theirs); i++) {
		snprintf(name, sizeof(name), "log/%s", theirs[i]);
		scratch_put(name, "x\n");
	}
	is_int((long long)count(-1), 0, "names like it are not its past");
	for (size_t i = 0; i < sizeof(ours) / sizeof(*ours); i++) {
		snprintf(name, sizeof(name), "log/%s", ours[i]);
		scratch_put(name, "x\n");
	}
	is_int((long long)count(-1), sizeof(ours) / sizeof(*ours),
	    "a number or a date, plain or compressed, is");
	is_int((long long)count(INT64_MAX), 0,
	    "what was written before a time is left out");
	scratch_put("log/delivery.jsonl.2", "x\n");
	is_int((long long)count(-1), sizeof(ours) / sizeof(*ours),
	    "of a plain file and what is being made of it, one counts");
}

static void a_rotation_in_between_loses_nothing(void)
{
	struct journal_reader *live;
	struct journal_past *past;
	struct journal_reader *old;

	empty();
	scratch_put(path, "live\n");
	scratch_put("log/delivery.jsonl.1", "old\n");
	live = journal_read(path, NULL);
	rename("log/delivery.jsonl.1", "log/delivery.jsonl.2");
	rename(path, "log/delivery.jsonl.1");
	past = journal_past_open(path, live, -1, NULL);
	is_int((long long)journal_past_count(past), 1,
	    "what is read as the present is not the past");
	unlink("log/delivery.jsonl.2");
	old = journal_past_read(past, 0, NULL);
	is_str(next(old), "old", "what was found can be read when it is gone");
	is_str(next(old), NULL, "to its end");
	is_int(journal_verdict(old, NULL), 0, "which is whole");
	journal_reader_close(old);
	is_str(next(live), "live", "and so can the present");
	journal_past_close(past);
	journal_reader_close(live);
}

static void too_many_are_said(void)
{
	struct journal_reader *live;
	struct journal_past *past;
	char name[64];

	empty();
	for (int i = 0; i < JOURNAL_PAST_MAX + 3; i++) {
		snprintf(name, sizeof(name), "log/delivery.jsonl.%d", i);
		scratch_put(name, "x\n");
	}
	live = journal_read(path, NULL);
	past = journal_past_open(path, live, -1, NULL);
	is_int((long long)journal_past_count(past), JOURNAL_PAST_MAX,
	    "files have a bound");
	is_int((long long)journal_past_excess(past), 3,
	    "and those beyond it are counted");
	journal_past_close(past);
	journal_reader_close(live);
}

static void no_folder_is_no_past(void)
{
	scratch_remove("log");
	is_int((long long)count(-1), 0, "without a folder there is no past");
}

static void compress(const char *name)
{
	pid_t pid = fork();
	int status = -1;

	if (pid == 0) {
		execlp("gzip", "gzip", name, (char *)NULL);
		_exit(127);
	}
	if (waitpid(pid, &status, 0) != pid || status != 0)
		exit(1);
}

/* A reader that is closed early leaves no program behind. */
static void a_program_ends_with_its_reader(void)
{
	struct journal_reader *live;
	struct journal_reader *old;
	struct journal_past *past;
	auto_buf struct buf text = BUF_INIT(8 * 1024 * 1024);

	empty();
	for (int i = 0; i < 500000; i++)
		buf_puts(&text, "{\"line\":1}\n");
	scratch_put("log/delivery.jsonl.1", buf_text(&text));
	compress("log/delivery.jsonl.1");
	live = journal_read(path, NULL);
	past = journal_past_open(path, live, -1, NULL);
	old = journal_past_read(past, 0, NULL);
	is_str(next(old), "{\"line\":1}", "a compressed file is read");
	ok(journal_at(old) > 0 && journal_at(old) <= journal_size(old),
	    "and tells how far");
	journal_reader_close(old);
	is_int(waitpid(-1, NULL, WNOHANG), -1, "no program is left");
	old = journal_past_read(past, 0, NULL);
	is_str(next(old), "{\"line\":1}", "it can be read once more");
	journal_reader_close(old);
	journal_past_close(past);
	journal_reader_close(live);
}

int main(void)
{
	scratch_begin();
	names_tell_what_is_past();
	a_rotation_in_between_loses_nothing();
	too_many_are_said();
	no_folder_is_no_past();
	a_program_ends_with_its_reader();
	scratch_end();
	return done();
}
