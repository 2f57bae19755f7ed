/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * cmd/report_page: the page itself: where it goes, its head with the policy
 * that lets it load nothing, its tabs, its foot, and the small words that all
 * parts use.
 *
 * The style sheet and the script are compiled in from cmd/report/. The policy
 * (Content-Security-Policy) names both by their SHA-256, so no other style or
 * script runs, wherever it came from; that is also why nothing here writes an
 * inline style or handler. If we die, the file at the path is the old one.
 */
#include "cmd/report.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/version.h"
#include "cmd/trial.h"
#include "model/html.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PASS_AT = 64 * 1024, PAGE_MODE = 0640, HASH_SIZE = 64 };
enum { URL_SHOWN_MAX = 64 * 1024 };

static const char css[] = {
#include "cmd/report/page.css.inc"
};
static const char script[] = {
#include "cmd/report/page.js.inc"
};

/* ---- where it goes ----------------------------------------------------- */

int page_open(struct page *page, const char *path, struct why *why)
{
	const char *slash = strrchr(path, '/');
	int head = slash ? (int)(slash + 1 - path) : 0;

	*page = (struct page){
		.text = BUF_INIT(SIZE_MAX / 8),
		.fd = STDOUT_FILENO,
		.why = why,
	};
	if (strcmp(path, "-") == 0)
		return 0;
	page->path = mem_strdup(path);
	page->beside = mem_printf(
	    "%.*s.%.200s.%d.tmp", head, path, path + head, (int)getpid());
	page->fd = open(page->beside,
	    O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, PAGE_MODE);
	if (page->fd >= 0)
		return 0;
	return fail(why, "%s: cannot create: %m", page->beside);
}

static void pass_all(struct page *page)
{
	const char *name = page->path ? page->path : "standard output";

	if (!page->failed && page->text.len)
		page->failed = file_write_fd(page->fd, name, page->text.data,
				   page->text.len, page->why) < 0;
	buf_reset(&page->text);
}

int page_pass(struct page *page)
{
	if (page->text.len >= PASS_AT)
		pass_all(page);
	return page->failed ? -1 : 0;
}

int page_close(struct page *page)
{
	pass_all(page);
	if (page->failed)
		return -1;
	if (!page->path)
		return 0;
	if (fsync(page->fd) < 0)
		return fail(page->why, "%s: cannot sync: %m", page->beside);
	if (rename(page->beside, page->path) < 0)
		return fail(
		    page->why, "%s: cannot rename into place: %m", page->path);
	free(take(&page->beside));
	return 0;
}

void page_drop(struct page *page)
{
	if (page->beside && page->fd >= 0)
		unlink(page->beside);
	if (page->path && page->fd >= 0)
		close(page->fd);
	free(page->beside);
	free(page->path);
	buf_clear(&page->text);
	*page = (struct page){ .fd = -1 };
}

/* ---- head, tabs, foot -------------------------------------------------- */

static void hash(const char *bytes, size_t len, char out[HASH_SIZE])
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned size = 0;

	if (EVP_Digest(bytes, len, digest, &size, EVP_sha256(), NULL) != 1)
		mem_exhausted();
	EVP_EncodeBlock((unsigned char *)out, digest, (int)size);
}

static void policy(struct buf *out)
{
	char style_hash[HASH_SIZE];
	char script_hash[HASH_SIZE];

	hash(css, sizeof(css), style_hash);
	hash(script, sizeof(script), script_hash);
	buf_printf(out,
	    "<meta http-equiv=\"Content-Security-Policy\" content=\""
	    "default-src 'none'; style-src 'sha256-%s'; "
	    "script-src 'sha256-%s'; img-src data:; base-uri 'none'; "
	    "form-action 'none'\">\n",
	    style_hash, script_hash);
}

static const char *const tabs[] = { "Overview", "Logs", "Webhooks", "Queue",
	"Rejected" };
enum { TABS = sizeof(tabs) / sizeof(*tabs) };

static void title(struct buf *out, const struct report *report)
{
	if (report->title)
		html_put(out, "%s", report->title);
	else
		html_put(out, "spoolhook on %s", report->host);
}

/* Radio buttons and the style sheet make the tabs. */
static void tab_buttons(struct buf *out)
{
	for (int i = 0; i < TABS; i++)
		html_put(out,
		    "<input type=\"radio\" name=\"tab\" class=\"tab\" "
		    "id=\"t%d\"%s>",
		    i, i ? "" : " checked");
	buf_puts(out, "\n<nav aria-label=\"Views\">");
	for (int i = 0; i < TABS; i++)
		html_put(out, "<label for=\"t%d\">%s</label>", i, tabs[i]);
	buf_puts(out, "</nav>\n<main>\n");
}

/* Where the zone begins that text_local_time puts last. */
static char *zone_in(char *local)
{
	char *blank = strrchr(local, ' ');

	return blank ? blank : local + strlen(local);
}

static void period(struct report *report)
{
	struct buf *out = &report->page.text;
	char now[TEXT_TIME_SIZE];

	buf_puts(out, "<p>");
	if (report->webhook)
		html_put(out, "webhook %s, ", report->webhook);
	buf_puts(out, "from ");
	report_time(report, report->since_ms);
	buf_puts(out, " to ");
	report_time(report, report->until_ms);
	html_put(out, ", in the time zone%s</p>",
	    zone_in(text_local_time(now, report->now_ms)));
}

void report_head(struct report *report)
{
	struct buf *out = &report->page.text;

	buf_puts(out,
	    "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n"
	    "<meta charset=\"utf-8\">\n");
	policy(out);
	buf_puts(out,
	    "<meta name=\"viewport\" content=\"width=device-width, "
	    "initial-scale=1\">\n<meta name=\"robots\" content=\"noindex, "
	    "nofollow\">\n<meta name=\"referrer\" content=\"no-referrer\">\n"
	    "<meta name=\"color-scheme\" content=\"light dark\">\n"
	    "<link rel=\"icon\" href=\"data:,\">\n<title>");
	title(out, report);
	buf_puts(out, "</title>\n<style>");
	buf_add(out, css, sizeof(css));
	buf_puts(out, "</style>\n</head>\n<body>\n<header><h1>");
	title(out, report);
	buf_puts(out, "</h1>");
	period(report);
	buf_puts(out, "</header>\n");
	tab_buttons(out);
}

void report_foot(struct report *report)
{
	struct buf *out = &report->page.text;
	char span[TEXT_DURATION_SIZE];

	html_put(out,
	    "</main>\n<footer><p>Written by spoolhook %s on %s, spool %s, "
	    "while the daemon was %s.",
	    VERSION, report->host, report->conf->spool_dir,
	    report->running ? "running" : "not running");
	html_put(out, " What was delivered is kept for %s,",
	    text_exact_duration(span, report->conf->retention.delivered_ms));
	html_put(out,
	    " what died for %s; what is older than that is in no number "
	    "here.</p></footer>\n<script>",
	    text_exact_duration(span, report->conf->retention.dead_ms));
	buf_add(out, script, sizeof(script));
	buf_puts(out, "</script>\n</body>\n</html>\n");
}

/* ---- small words ------------------------------------------------------- */

void report_time(struct report *report, int64_t ms)
{
	char utc[TEXT_TIME_SIZE];
	char local[TEXT_TIME_SIZE];
	char now[TEXT_TIME_SIZE];
	char *zone = zone_in(text_local_time(local, ms));

	if (strcmp(zone, zone_in(text_local_time(now, report->now_ms))) == 0)
		*zone = '\0';
	html_put(&report->page.text, "<time datetime=\"%s\">%s</time>",
	    text_time(utc, ms), local);
}

void report_text(struct buf *out, const char *text)
{
	size_t len = text ? strlen(text) : 0;
	size_t cut = 0;
	size_t width;

	if (len <= REPORT_TEXT_MAX) {
		html_bytes(out, text ? text : "", len);
		return;
	}
	while (cut < REPORT_TEXT_MAX) {
		width = text_utf8_width(text + cut, len - cut);
		cut += width ? width : 1;
	}
	html_bytes(out, text, cut);
	buf_puts(out, "\u2026");
}

void report_command(
    struct report *report, const char *words, const char *operand)
{
	auto_free char *command = verb_command(report->args, words);

	html_put(&report->page.text, "%s%s%s", command, operand ? " " : "",
	    operand ? operand : "");
}

void report_shown(
    struct report *report, int64_t all, const char *order, const char *words)
{
	int64_t max = report->entries_max;

	html_put(&report->page.text,
	    "<p class=\"count\">%'lld of %'lld shown, %s.",
	    (long long)(all < max ? all : max), (long long)all, order);
	if (all > max) {
		buf_puts(&report->page.text, " To see the others: <code>");
		report_command(report, words, NULL);
		buf_puts(&report->page.text,
		    "</code>, or a page with more <code>--max-entries</code>.");
	}
	buf_puts(&report->page.text, "</p>\n");
}

/* ---- what keeps deliveries waiting ------------------------------------- */

void report_pause(struct report *report, size_t i)
{
	const struct pause *pause = &report->pauses.all[i].pause;
	struct buf *out = &report->page.text;

	buf_puts(out, "Paused since ");
	report_time(report, report->pauses.all[i].since_ms);
	if (pause->by && *pause->by)
		html_put(out, " by %s", pause->by);
	if (pause->until_ms) {
		buf_puts(out, ", until ");
		report_time(report, pause->until_ms);
	}
	if (pause->reason && *pause->reason)
		html_put(out, ": %s", pause->reason);
	else
		buf_putc(out, '.');
}

void report_rest(struct report *report, const struct report_rest *rest)
{
	struct buf *out = &report->page.text;

	report_target(out, rest->webhook, rest->endpoint);
	buf_puts(out, " rests since ");
	report_time(report, rest->breaker.since_ms);
	html_put(out, ", after %d failed %s in a row; ", rest->breaker.failures,
	    rest->breaker.failures == 1 ? "call" : "calls");
	if (rest->breaker.until_ms <= report->now_ms) {
		buf_puts(out, "the next probe is due.");
		return;
	}
	buf_puts(out, "next probe ");
	report_time(report, rest->breaker.until_ms);
	buf_putc(out, '.');
}

/* ---- badges, names ----------------------------------------------------- */

void report_badge(struct buf *out, const char *word)
{
	html_put(out, "<span class=\"badge %s\">%s</span>", word, word);
}

void report_target(struct buf *out, const char *webhook, const char *endpoint)
{
	html_put(out, "%s<span class=\"slash\">/</span>%s", webhook, endpoint);
}

void report_error(struct buf *out, int status, const char *error)
{
	char same[32];

	snprintf(same, sizeof(same), "answered %d", status);
	if (error && *error && strcmp(error, same) != 0)
		html_put(out, "<div class=\"say\">%s</div>", error);
}

void report_url(struct buf *out, const struct endpoint *endpoint)
{
	auto_buf struct buf url = BUF_INIT(URL_SHOWN_MAX);

	trial_show_url(&url, endpoint);
	html_put(out, "%s %s", endpoint->method, buf_text(&url));
}
