/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * model/pretty: JSON for people. It looks at tokens only, so it neither
 * changes a value nor can refuse one; white space between tokens is its own.
 * One pass, no memory but the buffer's. Depth is bounded for the indentation
 * only: deeper levels stand as far right as the last.
 */
#include "model/pretty.h"

#include <string.h>

enum { DEPTH_MAX = 100 };

struct printer {
	struct buf *out;
	const char *at;
	const char *end;
	int depth;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static const char *skip_blanks(const char *at, const char *end)
{
	while (at < end && is_blank(*at))
		at++;
	return at;
}

static void new_line(struct printer *p)
{
	buf_putc(p->out, '\n');
	for (int i = 0; i < p->depth && i < DEPTH_MAX; i++)
		buf_puts(p->out, "  ");
}

/* Behind the token at `at`: a string with its quotes, or a run of others. */
static const char *token_end(const char *at, const char *end)
{
	if (*at != '"') {
		while (at < end && !is_blank(*at) && *at &&
		    !strchr("{}[],:\"", *at))
			at++;
		return at;
	}
	for (at++; at < end && *at != '"'; at++)
		at += *at == '\\' && at + 1 < end;
	return at < end ? at + 1 : end;
}

static void open_level(struct printer *p)
{
	char open = *p->at;
	const char *next = skip_blanks(p->at + 1, p->end);

	buf_putc(p->out, open);
	p->at = next;
	if (next < p->end && *next == (open == '{' ? '}' : ']')) {
		buf_putc(p->out, *next);
		p->at++;
		return;
	}
	p->depth++;
	new_line(p);
}

static void close_level(struct printer *p)
{
	p->depth -= p->depth > 0;
	new_line(p);
	buf_putc(p->out, *p->at++);
}

static void plain(struct printer *p)
{
	const char *end = token_end(p->at, p->end);

	/* A NUL, which JSON does not have: it goes through alone. */
	if (end == p->at)
		end++;
	buf_add(p->out, p->at, (size_t)(end - p->at));
	p->at = end;
}

static void step(struct printer *p)
{
	switch (*p->at) {
	case '{':
	case '[':
		open_level(p);
		return;
	case '}':
	case ']':
		close_level(p);
		return;
	case ',':
		buf_putc(p->out, *p->at++);
		new_line(p);
		return;
	case ':':
		buf_puts(p->out, ": ");
		p->at++;
		return;
	default:
		plain(p);
	}
}

bool pretty_json(struct buf *out, const char *json, size_t len)
{
	struct printer p = { .out = out, .at = json, .end = json + len };

	p.at = skip_blanks(p.at, p.end);
	while (p.at < p.end && !out->over) {
		step(&p);
		p.at = skip_blanks(p.at, p.end);
	}
	return !out->over;
}
