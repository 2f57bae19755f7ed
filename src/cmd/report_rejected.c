/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * cmd/report_rejected: the files that were refused, with the reason that lies
 * beside each. What is in rejected/ came from strangers, down to its names: a
 * reason is read only when it is a regular file of a sane size, links are never
 * followed, and a refused file that calls itself x.why.json is no reason.
 * Bounded: only the newest `max` are kept in memory. Reads only.
 */
#include "cmd/report.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"
#include "model/html.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WHY_MAX = 64 * 1024 };
static const char ending[] = ".why.json";

static bool is_why(const char *name)
{
	size_t len = strlen(name);

	return name[0] != '.' && len >= sizeof(ending) &&
	    strcmp(name + len - (sizeof(ending) - 1), ending) == 0;
}

/* A refused file of that name has a reason of its own. */
static bool is_refused(int dir, const char *name)
{
	auto_free char *why = mem_printf("%s%s", name, ending);

	return faccessat(dir, why, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static char *member(const json_t *why, const char *key)
{
	const char *text = json_string_value(json_object_get(why, key));

	return mem_strdup(text ? text : "");
}

static json_t *read_why(int dir, const char *name)
{
	auto_close int fd = openat(dir, name,
	    O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	auto_buf struct buf text = BUF_INIT(WHY_MAX);

	if (fd < 0 || file_read_fd(fd, name, &text, NULL) < 0)
		return NULL;
	return json_loadb(buf_text(&text), text.len, 0, NULL);
}

static void fill(struct rejected *row, int dir)
{
	auto_free char *file = mem_printf("%s%s", row->name, ending);
	json_t *why = read_why(dir, file);

	row->code = member(why, "code");
	row->message = member(why, "message");
	row->source = member(why, "source");
	row->line = json_integer_value(json_object_get(why, "line"));
	row->column = json_integer_value(json_object_get(why, "column"));
	json_decref(why);
}

/* Newest first; the oldest falls out when the list is full. */
static void insert(struct rejected_list *list, const char *name, int64_t ms)
{
	size_t at = list->count;

	while (at && list->rows[at - 1].ms < ms)
		at--;
	if (at == list->max)
		return;
	if (list->count == list->max)
		free(list->rows[--list->count].name);
	memmove(&list->rows[at + 1], &list->rows[at],
	    (list->count - at) * sizeof(*list->rows));
	list->count++;
	list->rows[at] = (struct rejected){
		.name = mem_strndup(name, strlen(name) - (sizeof(ending) - 1)),
		.ms = ms,
	};
}

static void consider(struct rejected_list *list, int dir, const char *name)
{
	struct stat st;
	int64_t ms;

	if (!is_why(name) || fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	    !S_ISREG(st.st_mode))
		return;
	ms = (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000;
	if (ms < list->since_ms || ms > list->until_ms || is_refused(dir, name))
		return;
	list->total++;
	insert(list, name, ms);
}

static int walk(
    struct rejected_list *list, DIR *dir, const char *path, struct why *why)
{
	struct dirent *entry;

	errno = 0;
	while ((entry = readdir(dir)) != NULL) {
		consider(list, dirfd(dir), entry->d_name);
		errno = 0;
	}
	return errno ? fail(why, "%s: cannot list: %m", path) : 0;
}

int rejected_read(struct rejected_list *list, const char *spool_dir,
    int64_t since_ms, int64_t until_ms, size_t max, struct why *why)
{
	auto_free char *path = file_join(spool_dir, "rejected");
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	int result;

	*list = (struct rejected_list){
		.max = max,
		.since_ms = since_ms,
		.until_ms = until_ms,
	};
	if (fd < 0)
		return errno == ENOENT ? 0
				       : fail(why, "%s: cannot open: %m", path);
	if (!dir)
		mem_exhausted();
	list->rows = mem_array(max + 1, sizeof(*list->rows));
	result = walk(list, dir, path, why);
	for (size_t i = 0; i < list->count; i++)
		fill(&list->rows[i], fd);
	closedir(dir);
	return result;
}

void rejected_clear(struct rejected_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		free(list->rows[i].name);
		free(list->rows[i].code);
		free(list->rows[i].message);
		free(list->rows[i].source);
	}
	free(list->rows);
	*list = (struct rejected_list){ 0 };
}

/* ---- the page's part --------------------------------------------------- */

static void write_row(struct report *report, const struct rejected *row)
{
	struct buf *out = &report->page.text;

	buf_puts(out, "<tr><td>");
	report_time(report, row->ms);
	html_put(out,
	    "</td><th scope=\"row\">%s</th><td><span class=\"badge dead\">%s"
	    "</span></td><td class=\"n\">",
	    row->name, *row->code ? row->code : "unknown");
	if (row->line > 0)
		html_put(out, "%lld:%lld", (long long)row->line,
		    (long long)row->column);
	html_put(out,
	    "</td><td class=\"say\">%s</td><td class=\"say\">%s</td></tr>\n",
	    *row->message ? row->message : "its reason cannot be read",
	    row->source);
}

static void write_table(struct report *report)
{
	const struct rejected_list *list = &report->rejected;
	struct buf *out = &report->page.text;

	html_put(out,
	    "<p>The files themselves lie in <code>%s/rejected</code>. Put one "
	    "right, and move it into the drop box again.</p>"
	    "<div class=\"wide\" role=\"region\" aria-label=\"Rejected files\" "
	    "tabindex=\"0\"><table><thead><tr><th scope=\"col\">when</th>"
	    "<th scope=\"col\">file</th><th scope=\"col\">code</th>"
	    "<th scope=\"col\" class=\"n\">line:column</th>"
	    "<th scope=\"col\">reason</th><th scope=\"col\">dropped as</th>"
	    "</tr></thead><tbody>\n",
	    report->conf->spool_dir);
	for (size_t i = 0; i < list->count; i++) {
		write_row(report, &list->rows[i]);
		page_pass(&report->page);
	}
	buf_puts(out, "</tbody></table></div>");
}

static void write_list(struct report *report)
{
	const struct rejected_list *list = &report->rejected;

	if (!list->total) {
		buf_puts(&report->page.text,
		    "<p class=\"none\">No file was rejected in this period."
		    "</p>");
		return;
	}
	report_shown(report, list->total, "the newest first", "log --failed");
	if (list->count)
		write_table(report);
}

void report_rejected(struct report *report)
{
	struct buf *out = &report->page.text;

	buf_puts(out,
	    "<section id=\"p4\" aria-label=\"Rejected\"><h2>Rejected</h2>\n");
	if (report->webhook)
		buf_puts(out,
		    "<p class=\"none\">A rejected file belongs to no webhook; "
		    "the page of all webhooks tells of them.</p>");
	else
		write_list(report);
	buf_puts(out, "</section>\n");
}
