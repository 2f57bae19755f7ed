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
#include "model/html.h"
#include "model/mask.h"

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
	buf_puts(out, "</h1><p>from ");
	report_time(out, report->since_ms);
	buf_puts(out, " to ");
	report_time(out, report->now_ms);
	buf_puts(out, "</p></header>\n");
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

void report_time(struct buf *out, int64_t ms)
{
	char utc[TEXT_TIME_SIZE];
	char local[TEXT_TIME_SIZE];

	html_put(out, "<time datetime=\"%s\">%s</time>", text_time(utc, ms),
	    text_local_time(local, ms));
}

void report_badge(struct buf *out, const char *word)
{
	html_put(out, "<span class=\"badge %s\">%s</span>", word, word);
}

void report_target(struct buf *out, const char *webhook, const char *endpoint)
{
	html_put(out, "%s<span class=\"slash\">/</span>%s", webhook, endpoint);
}

/* A secret URL may be one that we have no right to read. */
void report_url(struct buf *out, const struct endpoint *endpoint)
{
	auto_buf struct buf url = BUF_INIT(URL_SHOWN_MAX);

	if (*endpoint->url)
		mask_url(&url, endpoint->url, endpoint->url_secret);
	html_put(out, "%s %s", endpoint->method,
	    url.len ? buf_text(&url) : "(its URL is a secret)");
}
