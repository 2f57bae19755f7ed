/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * The limit: a bare libcurl multi loop that posts numbered bodies from memory
 * and does nothing else. No file, no store, no log, no retry. What spoolhook
 * reaches is told in parts of what this one reaches in the same round.
 *
 *     raw [-b BYTES] [-c CONCURRENCY] [-n COUNT] [-p PATHS] URL
 *
 * CONCURRENCY is for each path; with -p the posts go to URL0 … URL(PATHS-1),
 * each body to all of them. Prints "RATE CPU_US" per post, and fails when one
 * post did.
 */
#include "base/mem.h"

#include <curl/curl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { NUMBER_AT = 10, NUMBER_DIGITS = 10 };

struct path {
	char *url;
	long next; /* number of the next body */
};

struct slot {
	CURL *easy;
	char *body;
	struct path *path;
};

static long bytes = 2500;
static long concurrency = 8;
static long count = 100000;
static long paths = 1;
static long ended;
static long failed;
static CURLM *multi;
static struct curl_slist *headers;

static double wall_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double cpu_s(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	    1e-6 * (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

static size_t swallow(char *data, size_t size, size_t n, void *arg)
{
	(void)data;
	(void)arg;
	return size * n;
}

static void prepare(struct slot *slot)
{
	slot->easy = curl_easy_init();
	slot->body = mem_zalloc((size_t)bytes + 1);
	memset(slot->body, 'x', (size_t)bytes);
	memcpy(slot->body, "{\"bench\":\"", NUMBER_AT);
	slot->body[NUMBER_AT + NUMBER_DIGITS] = '"';
	curl_easy_setopt(slot->easy, CURLOPT_URL, slot->path->url);
	curl_easy_setopt(
	    slot->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(slot->easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(slot->easy, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(slot->easy, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(slot->easy, CURLOPT_WRITEFUNCTION, swallow);
	curl_easy_setopt(slot->easy, CURLOPT_POSTFIELDS, slot->body);
	curl_easy_setopt(slot->easy, CURLOPT_POSTFIELDSIZE, bytes);
	curl_easy_setopt(slot->easy, CURLOPT_PRIVATE, slot);
}

/* Posts the next body, if there is one. */
static void post(struct slot *slot)
{
	char digits[24];

	if (slot->path->next == count)
		return;
	snprintf(digits, sizeof(digits), "%010ld", slot->path->next++);
	memcpy(slot->body + NUMBER_AT, digits, NUMBER_DIGITS);
	curl_multi_add_handle(multi, slot->easy);
}

static void reap(void)
{
	CURLMsg *msg;
	int left;

	while ((msg = curl_multi_info_read(multi, &left))) {
		CURL *easy = msg->easy_handle;
		CURLcode result = msg->data.result;
		struct slot *slot;
		long status = 0;

		curl_easy_getinfo(easy, CURLINFO_PRIVATE, &slot);
		curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
		failed += result != CURLE_OK || status / 100 != 2;
		ended++;
		curl_multi_remove_handle(multi, easy);
		post(slot);
	}
}

static void work(void)
{
	int running;

	while (ended < count * paths) {
		curl_multi_perform(multi, &running);
		reap();
		curl_multi_perform(multi, &running);
		if (running == paths * concurrency)
			curl_multi_poll(multi, NULL, 0, 1000, NULL);
	}
}

static void set_up(const char *url)
{
	struct path *all = mem_array((size_t)paths, sizeof(*all));
	struct slot *slots =
	    mem_array((size_t)(paths * concurrency), sizeof(*slots));
	long i;

	curl_global_init(CURL_GLOBAL_DEFAULT);
	multi = curl_multi_init();
	curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, paths * concurrency + 8);
	headers = curl_slist_append(NULL, "Content-Type: application/json");
	for (i = 0; i < paths; i++)
		all[i].url =
		    paths == 1 ? mem_strdup(url) : mem_printf("%s%ld", url, i);
	for (i = 0; i < paths * concurrency; i++) {
		slots[i].path = &all[i % paths];
		prepare(&slots[i]);
		post(&slots[i]);
	}
}

int main(int argc, char **argv)
{
	double wall;
	double cpu;
	int c;

	while ((c = getopt(argc, argv, "b:c:n:p:")) != -1) {
		if (c == '?')
			return 64;
		*(c == 'b'	   ? &bytes
			: c == 'c' ? &concurrency
			: c == 'n' ? &count
				   : &paths) = strtol(optarg, NULL, 10);
	}
	if (argc - optind != 1)
		return 64;
	wall = wall_s();
	cpu = cpu_s();
	set_up(argv[optind]);
	work();
	wall = wall_s() - wall;
	cpu = cpu_s() - cpu;
	printf("%.0f %.2f\n", (double)(count * paths) / wall,
	    cpu * 1e6 / (double)(count * paths));
	return failed ? 1 : 0;
}
