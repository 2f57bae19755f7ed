/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * Makes events and drops them: the four samples of tests/data on one line
 * each, padded to a size, each with a number of its own ("bench") and an
 * incident of its own. Files are written in a folder beside the drop box and
 * renamed in, so that no doorbell rings for half a file.
 *
 *     drop [-b BYTES] [-f FIRST] [-i INCIDENTS] [-r RATE] [-s SERVICES]
 *          [-t TIMES] [-l] COUNT FOLDER
 *
 * -f numbers from FIRST; -i lets the events share so many incidents; -r drops
 * so many a second, evenly, instead of as fast as it goes; -s spreads them over
 * the services svc-00000 … ; -l makes one JSON-lines file of all. -t writes
 * "NUMBER TIME_NS" for each, CLOCK_MONOTONIC just before its rename. Nothing
 * is synced. It is started in the top folder of the source.
 */
#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { KINDS = 4, BYTES_MIN = 180, EVENT_MAX = 1024 * 1024 };

/* An event whose number, incident and service are written over. */
struct mould {
	struct buf text;
	size_t number_at, incident_at, service_at;
};

struct job {
	long bytes, first, incidents, rate, services, count;
	const char *times;
	const char *folder;
	bool lines;
};

static struct mould moulds[KINDS];
static FILE *times;

static void die(const char *what)
{
	fprintf(stderr, "drop: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* ---- events -------------------------------------------------------------- */

/* Without the spaces between its tokens. */
static void squeeze(struct buf *out, const char *text)
{
	bool inside = false;

	for (; *text; text++) {
		if (*text == '"')
			inside = !inside;
		if (inside && *text == '\\')
			buf_add(out, text++, 1);
		if (inside || !strchr(" \t\r\n", *text))
			buf_add(out, text, 1);
	}
}

static void read_sample(struct buf *out, const char *kind)
{
	auto_free char *path = mem_printf("tests/data/%s.json", kind);
	auto_free char *text = mem_zalloc(EVENT_MAX);
	FILE *in = fopen(path, "r");

	if (!in)
		die(path);
	if (!fread(text, 1, EVENT_MAX - 1, in))
		die(path);
	fclose(in);
	squeeze(out, text);
}

/* The sample without its id and service, which the mould gives. */
static void add_rest(struct mould *m, const char *kind)
{
	auto_buf struct buf sample = BUF_INIT(EVENT_MAX);
	const char *type;
	const char *service;
	const char *behind;

	read_sample(&sample, kind);
	type = strstr(buf_text(&sample), "\"event_type\"");
	service = strstr(buf_text(&sample), "\"service\"");
	behind = service ? strchr(service, '}') : NULL;
	if (!type || !behind)
		die("a sample is not as it was");
	buf_add(&m->text, type, (size_t)(service - type));
	buf_puts(&m->text, behind + 2);
	m->text.len--; /* the last brace */
}

static void add_small(struct mould *m, const char *kind)
{
	buf_printf(&m->text, "\"event_type\":\"incident_%s\"", kind);
}

static size_t add_slot(struct mould *m, const char *key, const char *digits)
{
	size_t at;

	buf_printf(&m->text, "%s", key);
	at = m->text.len;
	buf_printf(&m->text, "%s\"", digits);
	return at;
}

static void make_mould(struct mould *m, const char *kind, long bytes)
{
	static const char pad[] = ",\"padding\":\"";
	size_t rest;

	m->text = (struct buf)BUF_INIT(EVENT_MAX);
	m->number_at = add_slot(m, "{\"bench\":\"", "0000000000");
	m->incident_at = add_slot(m, ",\"id\":\"", "000000000000000000000000");
	m->service_at =
	    add_slot(m, ",\"service\":{\"id\":\"1\",\"slug\":\"", "svc-00000");
	buf_puts(&m->text, "},");
	if (bytes < 2200)
		add_small(m, kind);
	else
		add_rest(m, kind);
	buf_puts(&m->text, pad);
	rest = m->text.len + strlen("\"}\n");
	while (rest++ < (size_t)bytes)
		buf_puts(&m->text, "x");
	buf_puts(&m->text, "\"}\n");
}

/* Exactly as many characters as stand there. */
static void fill(char *at, int width, long number)
{
	char text[32];

	snprintf(text, sizeof(text), "%0*ld", width, number);
	memcpy(at, text, strlen(text));
}

static const struct buf *cast(const struct job *job, long number)
{
	struct mould *m = &moulds[number % KINDS];
	char *text = m->text.data;

	fill(text + m->number_at, 10, number);
	fill(text + m->incident_at, 24, number % job->incidents);
	fill(text + m->service_at + 4, 5, number % job->services);
	return &m->text;
}

/* ---- dropping ------------------------------------------------------------ */

static void put(int fd, const struct buf *text, const char *name)
{
	if (write(fd, text->data, text->len) != (ssize_t)text->len)
		die(name);
}

static void tell(long number)
{
	if (times)
		fprintf(times, "%ld %lld\n", number, (long long)now_ns());
}

static int make(int folder, const char *name)
{
	int fd =
	    openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	if (fd < 0)
		die(name);
	return fd;
}

static void move_in(int from, const char *name, int to)
{
	if (renameat(from, name, to, name) < 0)
		die(name);
}

static void drop_one(const struct job *job, int from, int to, long number)
{
	char name[64];
	int fd;

	snprintf(name, sizeof(name), "event-%010ld.json", number);
	fd = make(from, name);
	put(fd, cast(job, number), name);
	close(fd);
	tell(number);
	move_in(from, name, to);
}

static void wait_until(int64_t ns)
{
	struct timespec t = { ns / 1000000000, ns % 1000000000 };

	while (
	    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
		continue;
}

static void drop_files(const struct job *job, int from, int to)
{
	int64_t start = now_ns();
	long i;

	for (i = 0; i < job->count; i++) {
		if (job->rate)
			wait_until(start + i * 1000000000 / job->rate);
		drop_one(job, from, to, job->first + i);
	}
}

static void drop_lines(const struct job *job, int from, int to)
{
	enum { CHUNK = 1024 * 1024 };
	auto_buf struct buf chunk = BUF_INIT(2 * CHUNK);
	char name[64];
	long i;
	int fd;

	snprintf(name, sizeof(name), "events-%ld.jsonl", job->first);
	fd = make(from, name);
	for (i = 0; i < job->count; i++) {
		const struct buf *text = cast(job, job->first + i);

		buf_add(&chunk, text->data, text->len);
		if (chunk.len < CHUNK && i + 1 < job->count)
			continue;
		put(fd, &chunk, name);
		buf_reset(&chunk);
	}
	close(fd);
	tell(job->first);
	move_in(from, name, to);
}

static int open_folder(const char *path)
{
	int fd;

	mkdir(path, 0755);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		die(path);
	return fd;
}

static void work(const struct job *job)
{
	static const char *const kinds[KINDS] = { "triggered", "reassigned",
		"acknowledged", "resolved" };
	auto_free char *beside = mem_printf("%s.writing", job->folder);
	int from = open_folder(beside);
	int to = open_folder(job->folder);
	int i;

	for (i = 0; i < KINDS; i++)
		make_mould(&moulds[i], kinds[i], job->bytes);
	if (job->times && !(times = fopen(job->times, "w")))
		die(job->times);
	if (job->lines)
		drop_lines(job, from, to);
	else
		drop_files(job, from, to);
	if (times && fclose(times) != 0)
		die(job->times);
	rmdir(beside);
}

static int usage(void)
{
	fprintf(stderr,
	    "usage: drop [-b BYTES] [-f FIRST] [-i INCIDENTS] [-r RATE] "
	    "[-s SERVICES] [-t TIMES] [-l] COUNT FOLDER\n");
	return 64;
}

int main(int argc, char **argv)
{
	struct job job = {
		.bytes = 2500, .incidents = 1000000000, .services = 1
	};
	int c;

	while ((c = getopt(argc, argv, "b:f:i:lr:s:t:")) != -1) {
		long value = optarg ? strtol(optarg, NULL, 10) : 0;

		switch (c) {
		case 'b':
			job.bytes = value;
			break;
		case 'f':
			job.first = value;
			break;
		case 'i':
			job.incidents = value;
			break;
		case 'l':
			job.lines = true;
			break;
		case 'r':
			job.rate = value;
			break;
		case 's':
			job.services = value;
			break;
		case 't':
			job.times = optarg;
			break;
		default:
			return usage();
		}
	}
	if (argc - optind != 2 || job.incidents < 1 || job.services < 1 ||
	    job.services > 100000 || job.bytes < BYTES_MIN)
		return usage();
	job.count = strtol(argv[optind], NULL, 10);
	job.folder = argv[optind + 1];
	work(&job);
	return 0;
}
