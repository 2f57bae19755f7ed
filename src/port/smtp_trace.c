/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * port/smtp_trace: listens to an SMTP session. It owns no socket and changes
 * nothing; it keeps the last line of the server, the answer to AUTH, and
 * whether somebody spoke between STARTTLS and TLS. It keeps nothing of what we
 * send, for that may be a password, and every text that it gives out is on one
 * line and visible.
 */
#include "port/smtp_trace.h"

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>

static const struct {
	const char *command;
	enum smtp_step step;
	const char *name;
} steps[] = {
	{ "", STEP_GREETING, "the greeting" },
	{ "EHLO", STEP_EHLO, "EHLO" },
	{ "STARTTLS", STEP_STARTTLS, "STARTTLS" },
	{ "AUTH", STEP_AUTH, "AUTH" },
	{ "MAIL", STEP_MAIL, "MAIL FROM" },
	{ "RCPT", STEP_RCPT, "RCPT TO" },
	{ "DATA", STEP_DATA, "DATA" },
	{ "QUIT", STEP_QUIT, "QUIT" },
	{ "HELO", STEP_EHLO, "HELO" },
	{ "BDAT", STEP_DATA, "BDAT" },
};

enum { STEP_COUNT = sizeof(steps) / sizeof(steps[0]) };
const char *smtp_step_name(enum smtp_step step)
{
	return steps[step].name;
}

void smtp_trim(char *text)
{
	size_t len = strlen(text);
	size_t i = 0;
	size_t width;

	while (i < len) {
		width = text_utf8_width(text + i, len - i);
		if (!width)
			break;
		i += width;
	}
	text[i] = '\0';
}

void smtp_clean(char *out, size_t size, const char *text)
{
	auto_free char *line = mem_strdup(text ? text : "");
	auto_buf struct buf shown = BUF_INIT(65536);
	size_t len = strlen(line);
	char *c;

	for (c = line; *c; c++) {
		if (*c == '\r' || *c == '\n' || *c == '\t')
			*c = ' ';
	}
	while (len && line[len - 1] == ' ')
		len--;
	text_visible(&shown, line, len);
	snprintf(out, size, "%s", buf_text(&shown));
	smtp_trim(out);
}

static void end_line(struct smtp_trace *trace)
{
	const char *line = trace->line;
	bool last = trace->line_len < 4 || line[3] != '-';

	smtp_clean(trace->reply, sizeof(trace->reply), line);
	trace->reply_code = last ? (int)strtol(line, NULL, 10) : 0;
	if (last && trace->step == STEP_AUTH && trace->reply_code != 334) {
		trace->auth_code = trace->reply_code;
		snprintf(trace->auth_reply, sizeof(trace->auth_reply), "%s",
		    trace->reply);
	}
	trace->line_len = 0;
}

void smtp_trace_read(struct smtp_trace *trace, const char *data, size_t len)
{
	size_t i;

	for (i = 0; i < len && !trace->over; i++) {
		/* Clear text behind the answer to STARTTLS would be taken for
		 * an answer inside TLS (as in CVE-2011-0411). */
		if (trace->step == STEP_STARTTLS && trace->reply_code &&
		    !trace->secure)
			trace->injected = true;
		if (trace->line_len < sizeof(trace->line) - 1) {
			trace->line[trace->line_len++] = data[i];
			trace->line[trace->line_len] = '\0';
		}
		if (data[i] == '\n')
			end_line(trace);
	}
}

/* With pipelining several commands go at once; the last one counts. */
static size_t last_line(const char *data, size_t len)
{
	const char *before = len > 1 ? memrchr(data, '\n', len - 1) : NULL;

	return before ? (size_t)(before + 1 - data) : 0;
}

void smtp_trace_written(struct smtp_trace *trace, const char *data, size_t len)
{
	size_t start = last_line(data, len);
	size_t i;

	if (trace->step == STEP_AUTH && trace->reply_code == 334)
		return;
	for (i = 1; i < STEP_COUNT; i++) {
		size_t width = strlen(steps[i].command);

		if (len - start < width ||
		    strncmp(data + start, steps[i].command, width) != 0)
			continue;
		/* What is said after a farewell explains nothing. */
		trace->over = steps[i].step == STEP_QUIT;
		if (trace->over)
			return;
		trace->step = steps[i].step;
		trace->reply_code = 0;
	}
}

void smtp_trace_begin(struct smtp_trace *trace)
{
	*trace = (struct smtp_trace){ 0 };
}
