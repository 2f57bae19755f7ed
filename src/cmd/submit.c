/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * cmd/submit: the safe way in, and the one that tells event ids.
 *
 * It looks at the events as the daemon will, writes them beside, syncs, and
 * renames them into the spool's drop box; so it works with the daemon down, and
 * status 0 means that the events outlive a power cut. The file's name carries
 * the ids. It never changes the events, and never submits half of an input. If
 * we die in the middle, a hidden file stays that nobody picks up.
 */
#include "base/crash.h"
#include "base/dice.h"
#include "base/file.h"
#include "base/jot.h"
#include "base/mem.h"
#include "base/now.h"
#include "base/say.h"
#include "base/text.h"
#include "cmd/compose.h"
#include "cmd/events.h"
#include "cmd/progress.h"
#include "cmd/verb.h"
#include "model/event.h"
#include "model/id.h"
#include "port/spool.h"
#include "port/store.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const struct verb_option options[] = {
	{ 0, "event", "TYPE", "build an event of this type", false, false },
	{ 0, "message", "TEXT", "its message", false, false },
	{ 0, "description", "TEXT", "its description", false, false },
	{ 0, "service", "SLUG", "its service", false, false },
	{ 0, "source", "NAME", "its alert source", false, false },
	{ 0, "severity", "VALUE", "its tag severity", false, false },
	{ 0, "incident", "ID", "its incident (default: a new one)", false,
	    false },
	{ 0, "tag", "NAME=VALUE", "a tag", false, true },
	{ 0, "set", "PATH=VALUE", "any member, as text", false, true },
	{ 0, "wait", "DURATION", "wait until it is delivered or dead (1m)",
	    true, false },
	{ 0, NULL, NULL, NULL, false, false },
};

/* One input may be large; it is read into memory to be refused as a whole. */
enum { INPUT_MAX = 1 << 30, WAIT_MS = 60000, POLL_MS = 50, AGE_MS = 100 };

struct submission {
	const struct args *args;
	const struct conf *conf;
	struct id_maker ids;
	int64_t wait_ms;
	char (*accepted)[ID_SIZE];
	size_t count;
};

/* An input that is looked at, with the bar that tells how far. */
struct looking {
	const struct buf *input;
	struct progress progress;
};

static void look_at(struct event_walk *walk, struct event *event,
    const char *bytes, const struct split_piece *piece)
{
	struct looking *looking = walk->arg;

	event_clear(event);
	progress_to(
	    &looking->progress, bytes + piece->next - buf_text(looking->input));
}

/* Looks at everything as the daemon will; *count is the number of events, and
 * *lines tells whether they are JSON lines. */
static int look(const struct submission *s, const char *name,
    const struct buf *input, bool *lines, size_t *count)
{
	struct looking looking = { .input = input };
	struct event_walk walk = {
		.name = name,
		.so = "; nothing of it was submitted",
		.size_max = (size_t)s->conf->max_event_size,
		.lines = *lines,
		.each = look_at,
		.arg = &looking,
	};
	int code;

	progress_start(
	    &looking.progress, s->args, "checking", (int64_t)input->len);
	code = events_walk(&walk, input);
	progress_end(&looking.progress);
	*lines = walk.lines;
	*count = walk.count;
	return code;
}

/* What keeps a file out of a drop box; the last row is everything else. */
static const struct {
	int error;
	int code;
	const char *advice;
} refusals[] = {
	{ EACCES, EXIT_NOT_PERMITTED, "; become a member of group hookdrop" },
	{ EPERM, EXIT_NOT_PERMITTED, "; become a member of group hookdrop" },
	{ ENOSPC, EXIT_TRY_AGAIN, "; try again when there is space" },
	{ EDQUOT, EXIT_TRY_AGAIN, "; try again when there is space" },
	{ ENOENT, EXIT_CANNOT_CREATE,
	    "; \"spoolhook run\" makes it at its first start" },
	{ 0, EXIT_CANNOT_CREATE, "" },
};

static int cannot_drop(const char *dir)
{
	int error = errno;
	size_t i;

	for (i = 0; refusals[i].error && refusals[i].error != error; i++)
		;
	say_error("%s: cannot drop a file there: %s%s", dir, strerror(error),
	    refusals[i].advice);
	return refusals[i].code;
}

/* JSON lines need not wait when they were written before they got their name.
 * The times that tell it move in steps of some milliseconds. */
static void age(int fd)
{
	int64_t ms = now_wall_ms() - AGE_MS;
	const struct timespec times[2] = {
		{ .tv_nsec = UTIME_OMIT },
		{ .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 },
	};

	futimens(fd, times);
}

static int write_all(int fd, const struct buf *input)
{
	/* The daemon reads it as its group, whatever the umask is. */
	if (fchmod(fd, 0640) < 0 ||
	    file_write_fd(fd, "", buf_text(input), input->len, NULL) < 0)
		return -1;
	age(fd);
	return fsync(fd);
}

/* The daemon leaves lines alone while somebody has them open for writing. */
static int lay_down(int dir, const char *name, int *fd)
{
	close(*fd);
	*fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	crash_point(submit_written);
	return *fd < 0 ? -1 : 0;
}

/* The new name is safe once its directory is. A drop box that may be written
 * but not read cannot be synced by itself; its file system can. */
static int sync_name(const char *path, int file)
{
	auto_close int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	crash_point(submit_named);
	return dir >= 0 ? fsync(dir) : syncfs(file);
}

static bool fits(const struct input *input, const char *name)
{
	char *const *pattern;

	for (pattern = input->patterns; *pattern; pattern++) {
		if (fnmatch(*pattern, name, 0) == 0)
			return true;
	}
	return false;
}

/* The spool's own drop box, or the first that takes such a name. */
static const char *find_box(const struct conf *conf, const char *name)
{
	auto_free char *own = file_join(conf->spool_dir, "incoming");
	const char *found = NULL;
	size_t i;

	for (i = 0; i < conf->input_count; i++) {
		const struct input *input = &conf->inputs[i];

		if (!fits(input, name))
			continue;
		if (strcmp(input->dir, own) == 0)
			return input->dir;
		if (!found)
			found = input->dir;
	}
	return found;
}

static int no_box(const char *name)
{
	say_error("no drop box takes a file named \"%s\": give one of "
		  "spool.inputs the pattern \"*.json *.jsonl\"",
	    name);
	return EXIT_BAD_CONFIG;
}

/* The spool's own drop box is made when it is missing, as by the daemon's first
 * start, so that events can be handed in before that; and it is on the disk
 * before anything lies in it. */
static int make_box(const struct conf *conf, const char *path)
{
	auto_free char *own = file_join(conf->spool_dir, "incoming");
	struct spool spool;

	if (strcmp(path, own) != 0) {
		errno = ENOENT;
		return -1;
	}
	umask(027);
	if (spool_open(&spool, conf->spool_dir, true, NULL) < 0 ||
	    syncfs(spool.dir) < 0)
		return -1;
	spool_close(&spool);
	return open(path, O_DIRECTORY | O_CLOEXEC | O_PATH);
}

static int open_box(const struct conf *conf, const char *path)
{
	int dir = open(path, O_DIRECTORY | O_CLOEXEC | O_PATH);

	return dir < 0 && errno == ENOENT ? make_box(conf, path) : dir;
}

static int drop(const struct submission *s, const char *id, bool lines,
    const struct buf *input)
{
	auto_free char *hidden = mem_printf(".submit-%s.tmp", id);
	auto_free char *name =
	    mem_printf("submit-%s.%s", id, lines ? "jsonl" : "json");
	const char *path = find_box(s->conf, name);
	auto_close int fd = -1;
	auto_close int dir = -1;

	if (!path)
		return no_box(name);
	dir = open_box(s->conf, path);
	if (dir < 0)
		return cannot_drop(path);
	fd = openat(dir, hidden,
	    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (fd < 0)
		return cannot_drop(path);
	if (write_all(fd, input) < 0 || lay_down(dir, hidden, &fd) < 0 ||
	    renameat(dir, hidden, dir, name) < 0) {
		int error = errno;

		unlinkat(dir, hidden, 0);
		errno = error;
		return cannot_drop(path);
	}
	if (sync_name(path, fd) == 0)
		return EXIT_OK;
	say_error("%s: cannot sync: %m", path);
	return EXIT_IO;
}

static void tell(struct submission *s, const char *first, size_t count)
{
	size_t i;

	crash_point(submit_synced);
	s->accepted =
	    mem_grow(s->accepted, s->count + count, sizeof(*s->accepted));
	for (i = 0; i < count; i++) {
		char *id = s->accepted[s->count++];

		id_nth(first, i, id);
		if (s->args->common.json)
			printf("{\"event_id\":\"%s\"}\n", id);
		else
			puts(id);
	}
	fflush(stdout);
}

static int submit_bytes(
    struct submission *s, const char *name, const struct buf *input, bool lines)
{
	char first[ID_SIZE];
	char last[ID_SIZE];
	size_t count;
	int code = look(s, name, input, &lines, &count);

	if (code != EXIT_OK)
		return code;
	id_make(&s->ids, now_wall_ms(), (uint32_t)dice_roll(), first);
	/* The next input's ids lie behind these. */
	id_nth(first, count - 1, last);
	id_maker_init(&s->ids, last);
	code = drop(s, first, lines, input);
	if (code == EXIT_OK)
		tell(s, first, count);
	return code;
}

static int submit_file(struct submission *s, const char *name)
{
	auto_buf struct buf input = BUF_INIT(INPUT_MAX);
	bool standard = strcmp(name, "-") == 0;
	struct why why;
	int got;

	got = standard
	    ? file_read_fd(STDIN_FILENO, "standard input", &input, &why)
	    : file_read(AT_FDCWD, name, &input, &why);
	if (got < 0) {
		say_error("%s", why.text);
		return EXIT_NO_INPUT;
	}
	return submit_bytes(s, standard ? "standard input" : name, &input,
	    events_are_lines(name));
}

static int submit_composed(struct submission *s)
{
	auto_buf struct buf input = BUF_INIT(INPUT_MAX);
	auto_free char *text = NULL;
	char id[ID_SIZE];

	id_make(&s->ids, now_wall_ms(), (uint32_t)dice_roll(), id);
	text = compose_event(s->args, id, now_wall_ms());
	if (!text)
		return EXIT_USAGE;
	buf_puts(&input, text);
	buf_putc(&input, '\n');
	return submit_bytes(s, "the event", &input, false);
}

/* ---- --wait -------------------------------------------------------------- */

struct fate {
	int64_t open, dead, all;
};

static int count_fate(void *arg, const struct delivery_row *row)
{
	struct fate *fate = arg;

	fate->all++;
	fate->open += row->state < STATE_DELIVERED;
	fate->dead += row->state == STATE_DEAD;
	return 0;
}

/* 1 all is over, 0 not yet, -1 could not. */
static int look_after(struct store *store, const char *id, struct fate *fate)
{
	struct delivery_query query = { .id = id, .all_states = true };
	struct event_row event;
	struct why why;
	int found = store_event(store, id, &event, &why);

	if (found == 1) {
		event_row_clear(&event);
		*fate = (struct fate){ 0 };
		if (store_deliveries(store, &query, count_fate, fate, &why) < 0)
			found = -1;
	}
	if (found < 0)
		say_error("%s", why.text);
	return found < 1 ? found : fate->open == 0;
}

/* EXIT_OK: delivered; EXIT_NO: it died, or nobody takes it. */
static int wait_one(struct store *store, const char *id, int64_t until_ms)
{
	struct fate fate = { 0 };
	int over;

	while ((over = look_after(store, id, &fate)) == 0) {
		if (now_steady_ms() >= until_ms) {
			say_warning("%s is not delivered yet (see \"spoolhook "
				    "show %s\")",
			    id, id);
			return EXIT_TRY_AGAIN;
		}
		nanosleep(
		    &(struct timespec){ .tv_nsec = POLL_MS * 1000000L }, NULL);
	}
	if (over < 0)
		return EXIT_IO;
	if (!fate.all)
		say_warning("%s: no webhook takes it", id);
	return fate.dead || !fate.all ? EXIT_NO : EXIT_OK;
}

static int wait_for(struct submission *s, struct store *store, int64_t until_ms)
{
	int code = EXIT_OK;
	size_t i;

	for (i = 0; i < s->count; i++) {
		int one = wait_one(store, s->accepted[i], until_ms);

		if (one == EXIT_IO || one == EXIT_TRY_AGAIN)
			return one;
		if (one != EXIT_OK)
			code = one;
	}
	return code;
}

/* Who may drop need not be one who may look at what became of it. */
static bool may_look(const struct conf *conf)
{
	auto_free char *path = file_join(conf->spool_dir, "spool.db");

	return access(path, R_OK) == 0 || errno != EACCES;
}

static int wait_all(struct submission *s)
{
	int64_t until_ms = now_steady_ms() + s->wait_ms;
	struct store *store;
	int code;

	if (!may_look(s->conf)) {
		say_error("the events are submitted, but --wait looks at the "
			  "queue, which is for root, the spoolhook user and "
			  "group hookadm");
		return EXIT_NOT_PERMITTED;
	}
	if (!verb_warn_daemon(s->args, s->conf)) {
		say_error("the events are submitted, but --wait needs a "
			  "running daemon (\"spoolhook run\")");
		return EXIT_NO_DAEMON;
	}
	store = verb_store(s->args, s->conf, false, &code);
	if (!store)
		return code;
	code = wait_for(s, store, until_ms);
	store_close(store);
	return code;
}

static int submit_all(struct submission *s)
{
	const struct args *args = s->args;
	int code = EXIT_OK;
	size_t i;

	if (compose_asked(args))
		code = submit_composed(s);
	else if (!args->operand_count)
		code = submit_file(s, "-");
	for (i = 0; i < args->operand_count; i++) {
		int one = submit_file(s, args->operands[i]);

		if (code == EXIT_OK)
			code = one;
	}
	if (s->count && args_has(args, "wait")) {
		int waited = wait_all(s);

		if (code == EXIT_OK)
			code = waited;
	}
	return code;
}

static int run(const struct args *args)
{
	struct submission s = { .args = args };
	auto_conf struct conf *conf = NULL;
	int code;

	if (compose_asked(args) && args->operand_count)
		return verb_usage(
		    args, "give files, or options to build an event from");
	if (!compose_asked(args) && !args->operand_count &&
	    isatty(STDIN_FILENO))
		return verb_usage(args,
		    "give a file, \"-\" for standard input, or options like "
		    "--event and --message");
	conf = verb_conf(args, &code);
	if (!conf)
		return code;
	s.conf = conf;
	s.wait_ms = args_duration(args, "wait", WAIT_MS);
	code = submit_all(&s);
	free(s.accepted);
	return verb_finish(code);
}

const struct verb verb_submit = {
	.name = "submit",
	.group = "Input",
	.operands = "[FILE|-]…",
	.summary = "hand events in, from files or built from options",
	.options = options,
	.run = run,
};
