/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * model/pattern: regcomp(3) behind a bound. glibc writes repetitions out, so
 * `((a{255}){255}){255}` would take all memory at load; the size is reckoned
 * before it sees the text. The reckoning needs no exact grammar: where the text
 * is wrong regcomp says so, and elsewhere it may only come out too high.
 */
#include "model/pattern.h"

#include "base/mem.h"

#include <ctype.h>
#include <regex.h>
#include <string.h>

struct pattern {
	regex_t regex;
};

struct reckoning {
	const char *at;
	bool back_reference;
};

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Sums and products stop just over the bound, so that they never overflow. */
static size_t clip(size_t size)
{
	return least(size, PATTERN_SIZE_MAX + 1);
}

/* Goes behind a bracket expression; a ']' first in it and classes such as
 * [:alpha:] do not end it. */
static void skip_bracket(struct reckoning *r)
{
	r->at++;
	if (*r->at == '^')
		r->at++;
	if (*r->at == ']')
		r->at++;
	while (*r->at && *r->at != ']') {
		char kind = r->at[1];
		const char *end = NULL;

		if (*r->at == '[' && kind && strchr(":.=", kind)) {
			const char close[] = { kind, ']', '\0' };

			end = strstr(r->at + 2, close);
		}
		r->at = end ? end + 2 : r->at + 1;
	}
	if (*r->at)
		r->at++;
}

static size_t bound(struct reckoning *r)
{
	size_t value = 0;

	for (; isdigit((unsigned char)*r->at); r->at++)
		value = clip(value * 10 + (size_t)(*r->at - '0'));
	return value;
}

/* How often a quantifier at the current place writes its atom; 0 when none
 * stands there. */
static size_t repeats(struct reckoning *r)
{
	size_t low;
	size_t high;

	if (*r->at && strchr("*+?", *r->at)) {
		r->at++;
		return r->at[-1] == '+' ? 2 : 1;
	}
	if (*r->at != '{')
		return 0;
	r->at++;
	low = bound(r);
	high = low;
	if (*r->at == ',') {
		r->at++;
		high = isdigit((unsigned char)*r->at) ? bound(r) : low + 1;
	}
	if (*r->at == '}')
		r->at++;
	high = high > low ? high : low;
	return high ? high : 1;
}

static size_t sequence(struct reckoning *r);

static size_t atom(struct reckoning *r)
{
	size_t size = 1;

	switch (*r->at) {
	case '[':
		skip_bracket(r);
		return 1;
	case '(':
		r->at++;
		size += sequence(r);
		if (*r->at)
			r->at++;
		return size;
	case '\\':
		if (r->at[1] >= '1' && r->at[1] <= '9')
			r->back_reference = true;
		r->at += r->at[1] ? 2 : 1;
		return 1;
	default:
		r->at++;
		return 1;
	}
}

/* Up to the end of the group. */
static size_t sequence(struct reckoning *r)
{
	size_t total = 0;

	while (*r->at && *r->at != ')') {
		size_t size = atom(r);
		size_t times;

		while ((times = repeats(r)))
			size = clip(size * times);
		total = clip(total + size);
	}
	return total;
}

static int check(const char *text, struct why *why)
{
	struct reckoning r = { .at = text };
	size_t size = 0;

	if (strlen(text) > PATTERN_TEXT_MAX)
		return fail(why, "the pattern is longer than %d bytes",
		    PATTERN_TEXT_MAX);
	while (*r.at) {
		size = clip(size + sequence(&r));
		if (*r.at)
			r.at++;
	}
	if (r.back_reference)
		return fail(why,
		    "the pattern holds a back-reference, which "
		    "takes too long to match");
	if (size > PATTERN_SIZE_MAX)
		return fail(why,
		    "the pattern is larger than %d characters with its "
		    "repetitions written out",
		    PATTERN_SIZE_MAX);
	return 0;
}

struct pattern *pattern_new(const char *text, struct why *why)
{
	struct pattern *pattern;
	char error[128];
	int result;

	if (check(text, why) < 0)
		return NULL;
	pattern = mem_zalloc(sizeof(*pattern));
	result = regcomp(&pattern->regex, text, REG_EXTENDED | REG_NOSUB);
	if (!result)
		return pattern;
	if (result == REG_ESPACE)
		mem_exhausted();
	regerror(result, &pattern->regex, error, sizeof(error));
	fail(why, "the pattern is no extended regular expression: %s", error);
	free(pattern);
	return NULL;
}

void pattern_free(struct pattern *pattern)
{
	if (!pattern)
		return;
	regfree(&pattern->regex);
	free(pattern);
}

bool pattern_found(
    const struct pattern *pattern, const char *subject, size_t len)
{
	/* Where the subject is cut is not its end: `$` must not match there. */
	int flags = REG_STARTEND | (len > PATTERN_SUBJECT_MAX ? REG_NOTEOL : 0);
	regmatch_t span = { .rm_so = 0,
		.rm_eo = (regoff_t)least(len, PATTERN_SUBJECT_MAX) };

	return regexec(&pattern->regex, subject, 1, &span, flags) == 0;
}
