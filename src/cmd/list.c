/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * cmd/list: the webhooks of the configuration, a line each, for people and
 * (--json) for programs; a paragraph each on a terminal that the lines do not
 * fit on. Of an endpoint it shows method and host only: what
 * else is in a URL may be a secret. Reads the configuration and, to tell who is
 * paused, the store if there is one; changes nothing.
 */
#include "base/jot.h"
#include "base/mem.h"
#include "base/say.h"
#include "base/text.h"
#include "cmd/desk.h"
#include "cmd/verb.h"
#include "model/mask.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { CELL_MAX = 1024 * 1024, SCREEN_WIDTH = 80 };

enum column {
	COLUMN_ID,
	COLUMN_ENABLED,
	COLUMN_NAME,
	COLUMN_TRIGGERS,
	COLUMN_ENDPOINTS,
	COLUMN_MAIL,
	COLUMN_FILTER,
	COLUMN_COUNT,
};

static const char *const headings[COLUMN_COUNT] = { "ID", "ENABLED", "NAME",
	"TRIGGERS", "ENDPOINTS", "FAILURE MAIL", "FILTER" };

struct row {
	struct buf cells[COLUMN_COUNT];
};

static char *const *mail_of(
    const struct conf *conf, const struct webhook *webhook)
{
	return webhook->failure_email ? webhook->failure_email : conf->mail.to;
}

/* "" for a secret URL that we cannot read. */
static void print_host(struct buf *out, const struct endpoint *endpoint)
{
	if (*endpoint->url)
		mask_url_host(out, endpoint->url);
}

static void show(struct buf *cell, const char *text)
{
	text_visible(cell, text, strlen(text));
}

static void show_list(struct buf *cell, char *const *list)
{
	size_t i;

	for (i = 0; list && list[i]; i++) {
		buf_puts(cell, i ? ", " : "");
		show(cell, list[i]);
	}
}

static void show_endpoints(struct buf *cell, const struct webhook *webhook)
{
	size_t i;

	for (i = 0; i < webhook->endpoint_count; i++) {
		const struct endpoint *endpoint = &webhook->endpoints[i];
		auto_buf struct buf host = BUF_INIT(CELL_MAX);

		print_host(&host, endpoint);
		buf_printf(cell, "%s%s ", i ? ", " : "", endpoint->method);
		show(cell, host.len ? buf_text(&host) : mask_text);
	}
}

/* The files say what is enabled, operators what is paused. */
static const char *is_enabled(
    const struct webhook *webhook, const struct pauses *pauses)
{
	if (!webhook->enabled)
		return "no";
	return pauses_find(pauses, webhook->id) ? "paused" : "yes";
}

static void fill(struct row *row, const struct conf *conf,
    const struct webhook *webhook, const struct pauses *pauses)
{
	auto_buf struct buf filter = BUF_INIT(CELL_MAX);
	size_t i;

	for (i = 0; i < COLUMN_COUNT; i++)
		row->cells[i] = (struct buf)BUF_INIT(CELL_MAX);
	show(&row->cells[COLUMN_ID], webhook->id);
	show(&row->cells[COLUMN_ENABLED], is_enabled(webhook, pauses));
	show(&row->cells[COLUMN_NAME], webhook->name);
	show_list(&row->cells[COLUMN_TRIGGERS], webhook->triggers);
	show_endpoints(&row->cells[COLUMN_ENDPOINTS], webhook);
	show_list(&row->cells[COLUMN_MAIL], mail_of(conf, webhook));
	if (webhook->filter)
		filter_print(webhook->filter, &filter);
	show(&row->cells[COLUMN_FILTER], buf_text(&filter));
	for (i = 0; i < COLUMN_COUNT; i++) {
		if (!row->cells[i].len)
			buf_putc(&row->cells[i], '-');
	}
}

static size_t width_of(const char *text)
{
	size_t width = 0;

	for (; *text; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}

static void measure(
    const struct row *rows, size_t count, size_t widths[COLUMN_COUNT])
{
	size_t column;
	size_t i;

	for (column = 0; column < COLUMN_COUNT; column++) {
		widths[column] = strlen(headings[column]);
		for (i = 0; i < count; i++) {
			size_t width =
			    width_of(buf_text(&rows[i].cells[column]));

			if (width > widths[column])
				widths[column] = width;
		}
	}
}

/* The last column is not filled up with blanks. */
static void print_cell(const char *text, enum column column, size_t width)
{
	fputs(text, stdout);
	if (column + 1 == COLUMN_COUNT)
		return;
	printf("%*s", (int)(width - width_of(text) + 2), "");
}

static void print_table(
    const struct args *args, const struct row *rows, size_t count)
{
	size_t widths[COLUMN_COUNT];
	unsigned column;
	size_t i;

	measure(rows, count, widths);
	fputs(verb_paint(args, PAINT_BOLD), stdout);
	for (column = 0; column < COLUMN_COUNT; column++)
		print_cell(headings[column], column, widths[column]);
	printf("%s\n", verb_paint(args, PAINT_OFF));
	for (i = 0; i < count; i++) {
		for (column = 0; column < COLUMN_COUNT; column++)
			print_cell(buf_text(&rows[i].cells[column]), column,
			    widths[column]);
		putchar('\n');
	}
}

/* In a pipe lines may be as long as they are. */
static bool fits(const struct row *rows, size_t count)
{
	struct winsize screen = { 0 };
	size_t widths[COLUMN_COUNT];
	size_t whole = 0;
	unsigned column;

	if (!isatty(STDOUT_FILENO))
		return true;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &screen) < 0 || !screen.ws_col)
		screen.ws_col = SCREEN_WIDTH;
	measure(rows, count, widths);
	for (column = 0; column < COLUMN_COUNT; column++)
		whole += widths[column] + (column ? 2 : 0);
	return whole <= screen.ws_col;
}

static void print_paragraphs(
    const struct args *args, const struct row *rows, size_t count)
{
	unsigned column;
	size_t i;

	for (i = 0; i < count; i++) {
		printf("%s%s%s%s\n", i ? "\n" : "",
		    verb_paint(args, PAINT_BOLD),
		    buf_text(&rows[i].cells[COLUMN_ID]),
		    verb_paint(args, PAINT_OFF));
		for (column = COLUMN_ID + 1; column < COLUMN_COUNT; column++)
			printf("  %-12s  %s\n", headings[column],
			    buf_text(&rows[i].cells[column]));
	}
}

static void jot_list(struct buf *out, const char *key, char *const *list)
{
	size_t i;

	jot_open(out, key, '[');
	for (i = 0; list && list[i]; i++)
		jot_str(out, NULL, list[i]);
	jot_close(out, ']');
}

static void jot_endpoints(struct buf *out, const struct webhook *webhook)
{
	size_t i;

	jot_open(out, "endpoints", '[');
	for (i = 0; i < webhook->endpoint_count; i++) {
		const struct endpoint *endpoint = &webhook->endpoints[i];
		auto_buf struct buf host = BUF_INIT(CELL_MAX);

		print_host(&host, endpoint);
		jot_open(out, NULL, '{');
		jot_str(out, "id", endpoint->id);
		jot_str(out, "method", endpoint->method);
		jot_str(out, "host", host.len ? buf_text(&host) : NULL);
		jot_close(out, '}');
	}
	jot_close(out, ']');
}

static void print_json(const struct conf *conf, const struct webhook *webhook,
    const struct pauses *pauses)
{
	auto_buf struct buf out = BUF_INIT((size_t)COLUMN_COUNT * CELL_MAX);
	auto_buf struct buf filter = BUF_INIT(CELL_MAX);

	if (webhook->filter)
		filter_print(webhook->filter, &filter);
	jot_open(&out, NULL, '{');
	jot_str(&out, "id", webhook->id);
	jot_str(&out, "name", webhook->name);
	jot_str(&out, "description", webhook->description);
	jot_bool(&out, "enabled", webhook->enabled);
	jot_bool(&out, "paused", pauses_find(pauses, webhook->id) != NULL);
	jot_list(&out, "triggers", webhook->triggers);
	jot_endpoints(&out, webhook);
	jot_str(&out, "filter", webhook->filter ? buf_text(&filter) : NULL);
	jot_list(&out, "failure_email", mail_of(conf, webhook));
	jot_close(&out, '}');
	puts(buf_text(&out));
}

static void print_all(const struct args *args, const struct conf *conf,
    const struct pauses *pauses)
{
	struct row *rows;
	size_t i;
	size_t column;

	if (!conf->webhook_count) {
		if (!args->common.quiet)
			say_info("no webhooks in %s", conf->webhooks_dir);
		return;
	}
	rows = mem_array(conf->webhook_count, sizeof(*rows));
	for (i = 0; i < conf->webhook_count; i++)
		fill(&rows[i], conf, conf->webhooks[i], pauses);
	if (fits(rows, conf->webhook_count))
		print_table(args, rows, conf->webhook_count);
	else
		print_paragraphs(args, rows, conf->webhook_count);
	for (i = 0; i < conf->webhook_count; i++) {
		for (column = 0; column < COLUMN_COUNT; column++)
			buf_clear(&rows[i].cells[column]);
	}
	free(rows);
}

static int run(const struct args *args)
{
	struct pauses pauses;
	auto_conf struct conf *conf = NULL;
	size_t i;
	int code;

	if (args->operand_count)
		return verb_usage(args, "takes no operand");
	conf = verb_conf(args, &code);
	if (!conf)
		return code;
	desk_pauses_of(conf, &pauses);
	if (!args->common.json)
		print_all(args, conf, &pauses);
	for (i = 0; args->common.json && i < conf->webhook_count; i++)
		print_json(conf, conf->webhooks[i], &pauses);
	pauses_clear(&pauses);
	return verb_finish(EXIT_OK);
}

static const struct verb_option options[] = { { .name = NULL } };

const struct verb verb_list = {
	.name = "list",
	.group = "Configuration",
	.operands = "",
	.summary = "list the webhooks",
	.options = options,
	.run = run,
};
