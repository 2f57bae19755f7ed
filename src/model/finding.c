/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * model/finding: the list of what is wrong with a configuration, and the three
 * ways to show one entry. It promises that every finding is kept once, that
 * one broken file cannot bury the others, and that bytes from outside leave
 * here visible. It never judges anything itself; nothing to lose when we die.
 */
#include "model/finding.h"

#include "base/jot.h"
#include "base/mem.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

const char *severity_word(enum severity severity)
{
	switch (severity) {
	case SEVERITY_ERROR:
		return "error";
	case SEVERITY_WARNING:
		return "warning";
	}
	return "";
}

static void clear(struct finding *finding)
{
	free(finding->file);
	free(finding->pointer);
	free(finding->message);
	free(finding->help);
	free(finding->source);
	*finding = (struct finding){ 0 };
}

static bool same(const struct finding *a, const struct finding *b)
{
	return a->line == b->line && a->column == b->column &&
	    strcmp(a->code, b->code) == 0 && strcmp(a->file, b->file) == 0 &&
	    strcmp(a->message, b->message) == 0;
}

static bool said(const struct findings *findings, const struct finding *finding)
{
	size_t i;

	for (i = 0; i < findings->count; i++) {
		if (same(&findings->all[i], finding))
			return true;
	}
	return false;
}

/* How many of the file are kept; *warning is its last warning among them. */
static size_t kept_of(
    const struct findings *findings, const char *file, struct finding **warning)
{
	size_t kept = 0;
	size_t i;

	*warning = NULL;
	for (i = 0; i < findings->count; i++) {
		if (strcmp(findings->all[i].file, file) != 0)
			continue;
		kept++;
		if (findings->all[i].severity == SEVERITY_WARNING)
			*warning = &findings->all[i];
	}
	return kept;
}

static void append(struct findings *findings, struct finding *finding)
{
	findings->all = mem_grow(
	    findings->all, findings->count + 1, sizeof(*findings->all));
	findings->all[findings->count++] = *finding;
	*finding = (struct finding){ 0 };
}

void findings_add(struct findings *findings, struct finding *finding)
{
	struct finding *warning;

	if (said(findings, finding)) {
		clear(finding);
		return;
	}
	if (finding->severity == SEVERITY_ERROR)
		findings->errors++;
	else
		findings->warnings++;
	if (kept_of(findings, finding->file, &warning) < FINDINGS_PER_FILE) {
		append(findings, finding);
		return;
	}
	if (finding->severity == SEVERITY_ERROR && warning) {
		struct finding *last = &findings->all[findings->count - 1];

		clear(warning);
		memmove(warning, warning + 1,
		    (size_t)(last - warning) * sizeof(*warning));
		*last = *finding;
		*finding = (struct finding){ 0 };
		return;
	}
	clear(finding);
}

void findings_add_file(struct findings *findings, enum severity severity,
    const char *file, const char *code, const char *message, const char *help)
{
	struct finding finding = { .severity = severity,
		.file = mem_strdup(file),
		.code = code,
		.pointer = mem_strdup(""),
		.message = mem_strdup(message),
		.help = mem_strdup(help) };

	findings_add(findings, &finding);
}

void findings_clear(struct findings *findings)
{
	size_t i;

	for (i = 0; i < findings->count; i++)
		clear(&findings->all[i]);
	free(findings->all);
	*findings = (struct findings){ 0 };
}

static void visible(struct buf *out, const char *text)
{
	text_visible(out, text, strlen(text));
}

static void print_place(const struct finding *finding, struct buf *out)
{
	visible(out, finding->file);
	if (finding->line)
		buf_printf(out, ":%zu:%zu", finding->line, finding->column);
}

void finding_print_short(const struct finding *finding, struct buf *out)
{
	print_place(finding, out);
	buf_printf(out, ": %s: ", severity_word(finding->severity));
	visible(out, finding->message);
	buf_printf(out, " [%s]", finding->code);
}

/* The line with its number, and below it the mark. */
static void print_source(const struct finding *finding, struct buf *out)
{
	size_t column;

	buf_printf(out, "%5zu | ", finding->line);
	visible(out, finding->source);
	buf_puts(out, "\n      | ");
	for (column = 1; column < finding->column; column++)
		buf_putc(out, ' ');
	buf_putc(out, '^');
	for (column++; column < finding->end_column; column++)
		buf_putc(out, '~');
	buf_putc(out, '\n');
}

void finding_print(const struct finding *finding, struct buf *out)
{
	finding_print_short(finding, out);
	buf_putc(out, '\n');
	if (finding->line && finding->source)
		print_source(finding, out);
	if (!finding->help)
		return;
	buf_puts(out, "      = ");
	visible(out, finding->help);
	buf_putc(out, '\n');
}

static void jot_place(struct buf *out, const char *key, size_t number)
{
	if (number)
		jot_int(out, key, (int64_t)number);
	else
		jot_null(out, key);
}

void finding_print_json(const struct finding *finding, struct buf *out)
{
	jot_open(out, NULL, '{');
	jot_str(out, "file", finding->file);
	jot_place(out, "line", finding->line);
	jot_place(out, "column", finding->column);
	jot_place(out, "end_column", finding->end_column);
	jot_str(out, "severity", severity_word(finding->severity));
	jot_str(out, "code", finding->code);
	jot_str(out, "pointer", finding->pointer);
	jot_str(out, "message", finding->message);
	jot_str(out, "help", finding->help);
	jot_close(out, '}');
}
