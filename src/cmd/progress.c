/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * cmd/progress: one line on the terminal that is drawn over itself. It owns
 * that line and nothing else, and writes to standard error only. The cursor
 * always stands at the start of the line, so that whatever else is said, also
 * by a shell after we died in the middle, is written over the bar and not
 * behind it. Plain text, so there is no colour to turn off.
 */
#include "cmd/progress.h"

#include "base/now.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CELLS = 30 };

static bool is_seen(const struct args *args)
{
	const char *term = getenv("TERM");

	return !args->common.quiet && isatty(STDERR_FILENO) && term && *term &&
	    strcmp(term, "dumb") != 0;
}

void progress_start(struct progress *progress, const struct args *args,
    const char *what, int64_t total)
{
	*progress = (struct progress){ .total = total };
	if (!is_seen(args))
		return;
	progress->what = what;
	progress->begun_ms = now_steady_ms();
	progress->next_ms = progress->begun_ms + PROGRESS_QUIET_MS;
}

/* What is left, guessed by what was done; "" when there is nothing to guess
 * from. */
static const char *rest(const struct progress *progress, int64_t done,
    int64_t now_ms, char out[TEXT_DURATION_SIZE])
{
	double spent = (double)(now_ms - progress->begun_ms);
	double left = (double)(progress->total - done);

	if (done <= 0 || left <= 0)
		return "";
	return text_short_duration(
	    out, (int64_t)(spent * left / (double)done / 1000 + 1) * 1000);
}

static void draw_bar(
    const struct progress *progress, int64_t done, int64_t now_ms)
{
	char span[TEXT_DURATION_SIZE];
	char bar[CELLS + 1];
	double part = (double)done / (double)progress->total;
	const char *left = rest(progress, done, now_ms, span);

	part = part < 0 ? 0 : part > 1 ? 1 : part;
	memset(bar, ' ', CELLS);
	memset(bar, '#', (size_t)(part * CELLS));
	bar[CELLS] = '\0';
	fprintf(stderr, "%s [%s] %3d%%%s%s\033[K\r", progress->what, bar,
	    (int)(part * 100), *left ? ", left " : "", left);
}

static void draw(struct progress *progress, int64_t done, int64_t now_ms)
{
	if (progress->total > 0)
		draw_bar(progress, done, now_ms);
	else
		fprintf(stderr, "%s: %lld\033[K\r", progress->what,
		    (long long)done);
	fflush(stderr);
	progress->drawn = true;
	progress->next_ms = now_ms + PROGRESS_EVERY_MS;
}

void progress_to(struct progress *progress, int64_t done)
{
	int64_t now_ms;

	if (!progress->what)
		return;
	now_ms = now_steady_ms();
	if (now_ms >= progress->next_ms)
		draw(progress, done, now_ms);
}

void progress_hide(struct progress *progress)
{
	if (!progress->drawn)
		return;
	fputs("\033[K", stderr);
	fflush(stderr);
	progress->drawn = false;
}

void progress_end(struct progress *progress)
{
	progress_hide(progress);
	progress->what = NULL;
}
