/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * model/scan: one pass, no memory, bounded depth. It accepts exactly RFC 8259
 * (plus comments and trailing commas when relaxed), so what it passes jansson
 * takes too, but for numbers out of range and NUL in keys.
 */
#include "model/scan.h"

#include "base/text.h"

#include <ctype.h>
#include <endian.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct scan {
	const char *data;
	size_t len;
	size_t at;
	unsigned flags;
	unsigned depth;
	const struct scan_visitor *visitor;
	struct scan_fault *fault;
};

static enum scan_answer value(struct scan *s, const struct scan_place *place);

__attribute__((format(printf, 4, 5))) static enum scan_answer bad(
    struct scan *s, size_t at, const char *code, const char *format, ...)
{
	va_list ap;

	s->fault->at = at;
	s->fault->code = code;
	va_start(ap, format);
	vsnprintf(s->fault->message, sizeof(s->fault->message), format, ap);
	va_end(ap);
	return SCAN_BAD;
}

static enum scan_answer early(struct scan *s, const char *where)
{
	bad(s, s->len, "truncated", "the text ends inside %s", where);
	return SCAN_EARLY;
}

/* Says what stands at the current place and what should. */
static enum scan_answer unexpected(struct scan *s, const char *wanted)
{
	unsigned char c = (unsigned char)s->data[s->at];

	if (c >= 0x21 && c < 0x7f)
		return bad(
		    s, s->at, "syntax", "expected %s, found '%c'", wanted, c);
	return bad(
	    s, s->at, "syntax", "expected %s, found byte 0x%02x", wanted, c);
}

/* The offset behind a comment at `at`, `at` itself when none stands there. */
static size_t comment(const char *data, size_t len, size_t at)
{
	const char *end;

	if (len - at < 2 || data[at] != '/')
		return at;
	if (data[at + 1] == '/') {
		end = memchr(data + at, '\n', len - at);
		return end ? (size_t)(end - data) + 1 : len;
	}
	if (data[at + 1] != '*')
		return at;
	end = memmem(data + at + 2, len - at - 2, "*/", 2);
	return end ? (size_t)(end - data) + 2 : len;
}

size_t scan_blank(const char *data, size_t len, size_t at, unsigned flags)
{
	while (at < len) {
		char c = data[at];
		size_t behind;

		if (c == ' ' || c == '\n' || c == '\r' || c == '\t') {
			at++;
			continue;
		}
		if (!(flags & SCAN_RELAXED))
			break;
		behind = comment(data, len, at);
		if (behind == at)
			break;
		at = behind;
	}
	return at;
}

static void blank(struct scan *s)
{
	s->at = scan_blank(s->data, s->len, s->at, s->flags);
}

/* `\uXXXX`: four digits; a high surrogate must be followed by a low one, as
 * parsers refuse lone ones. */
static enum scan_answer unicode_escape(struct scan *s, unsigned *unit)
{
	unsigned i;

	*unit = 0;
	for (i = 0; i < 4; i++) {
		size_t at = s->at + i;
		int c;

		if (at >= s->len)
			return early(s, "a \\u escape");
		c = (unsigned char)s->data[at];
		if (!isxdigit(c))
			return bad(s, at, "syntax",
			    "a \\u escape needs four hexadecimal digits");
		*unit = *unit * 16 +
		    (unsigned)(isdigit(c) ? c - '0' : (c | 32) - 'a' + 10);
	}
	s->at += 4;
	return SCAN_WHOLE;
}

static enum scan_answer surrogates(struct scan *s)
{
	size_t start = s->at - 2;
	enum scan_answer answer;
	unsigned unit;

	answer = unicode_escape(s, &unit);
	if (answer != SCAN_WHOLE || (unit & 0xf800) != 0xd800)
		return answer;
	if (unit & 0x400)
		return bad(
		    s, start, "utf8", "a low surrogate without its high one");
	if (s->at >= s->len || (s->at + 1 >= s->len && s->data[s->at] == '\\'))
		return early(s, "a surrogate pair");
	if (s->data[s->at] != '\\' || s->data[s->at + 1] != 'u')
		return bad(
		    s, start, "utf8", "a high surrogate without its low one");
	s->at += 2;
	answer = unicode_escape(s, &unit);
	if (answer == SCAN_WHOLE && (unit & 0xfc00) != 0xdc00)
		return bad(
		    s, start, "utf8", "a high surrogate without its low one");
	return answer;
}

static enum scan_answer escape(struct scan *s)
{
	if (s->at + 1 >= s->len)
		return early(s, "a string");
	s->at += 2;
	if (s->data[s->at - 1] == 'u')
		return surrogates(s);
	if (strchr("\"\\/bfnrt", s->data[s->at - 1]) && s->data[s->at - 1])
		return SCAN_WHOLE;
	return bad(s, s->at - 2, "syntax", "unknown escape in a string");
}

/* True when the bytes at the end may be the start of a longer character. */
static bool half_character(const struct scan *s)
{
	static const char tails[3] = "\x80\x80\x80";
	char whole[8];
	size_t left = s->len - s->at;
	size_t more;

	if (left > 3)
		return false;
	memcpy(whole, s->data + s->at, left);
	for (more = 1; left + more <= 4; more++) {
		memcpy(whole + left, tails, more);
		if (text_utf8_width(whole, left + more) == left + more)
			return true;
	}
	/* E0 and F0 want a second byte that is not 0x80. */
	if (left == 1 &&
	    ((unsigned char)whole[0] == 0xe0 ||
		(unsigned char)whole[0] == 0xf0))
		return true;
	return false;
}

/* A one in each byte, and in the top bit of each. */
#define ONES 0x0101010101010101u
#define TOPS 0x8080808080808080u

/* The top bit of each byte that is 0; what is above the first such byte, in
 * the order of value, may have it by mistake. */
static uint64_t zeros(uint64_t word)
{
	return (word - ONES) & ~word & TOPS;
}

/* The same for the bytes that plain() looks for. */
static uint64_t specials(uint64_t word)
{
	uint64_t controls = (word - ONES * 0x20) & ~word & TOPS;

	return controls | (word & TOPS) | zeros(word ^ (ONES * '"')) |
	    zeros(word ^ (ONES * '\\'));
}

/* The offset of the first byte of a string that needs a closer look: a quote,
 * an escape, a control, or the start of a longer character. */
static size_t plain(const char *data, size_t len, size_t at)
{
	static const bool special[256] = {
		[0x00 ... 0x1f] = true,
		['"'] = true,
		['\\'] = true,
		[0x80 ... 0xff] = true,
	};

	/* Most of an event is found here, eight bytes at a time. */
	for (; len - at >= sizeof(uint64_t); at += sizeof(uint64_t)) {
		uint64_t word;

		memcpy(&word, data + at, sizeof(word));
		word = specials(le64toh(word));
		if (word)
			return at + (size_t)__builtin_ctzll(word) / 8;
	}
	while (at < len && !special[(unsigned char)data[at]])
		at++;
	return at;
}

static enum scan_answer string(struct scan *s)
{
	s->at++;
	while ((s->at = plain(s->data, s->len, s->at)) < s->len) {
		unsigned char c = (unsigned char)s->data[s->at];
		size_t width;

		if (c == '"') {
			s->at++;
			return SCAN_WHOLE;
		}
		if (c == '\\') {
			enum scan_answer answer = escape(s);

			if (answer != SCAN_WHOLE)
				return answer;
			continue;
		}
		if (c < 0x20)
			return bad(s, s->at, "syntax",
			    "control character 0x%02x in a string; write it "
			    "as an escape",
			    c);
		width = text_utf8_width(s->data + s->at, s->len - s->at);
		if (!width && half_character(s))
			break;
		if (!width)
			return bad(s, s->at, "utf8",
			    "byte 0x%02x is not valid UTF-8", c);
		s->at += width;
	}
	return early(s, "a string");
}

static bool digit_at(const struct scan *s)
{
	return s->at < s->len && isdigit((unsigned char)s->data[s->at]);
}

static enum scan_answer digits(struct scan *s)
{
	if (s->at >= s->len)
		return early(s, "a number");
	if (!digit_at(s))
		return unexpected(s, "a digit");
	while (digit_at(s))
		s->at++;
	return SCAN_WHOLE;
}

static enum scan_answer number(struct scan *s)
{
	enum scan_answer answer;

	if (s->data[s->at] == '-')
		s->at++;
	if (s->at < s->len && s->data[s->at] == '0') {
		s->at++;
		if (digit_at(s))
			return bad(s, s->at, "syntax",
			    "a number does not start with 0");
	} else {
		answer = digits(s);
		if (answer != SCAN_WHOLE)
			return answer;
	}
	if (s->at < s->len && s->data[s->at] == '.') {
		s->at++;
		answer = digits(s);
		if (answer != SCAN_WHOLE)
			return answer;
	}
	if (s->at < s->len && (s->data[s->at] | 32) == 'e') {
		s->at++;
		if (s->at < s->len &&
		    (s->data[s->at] == '+' || s->data[s->at] == '-'))
			s->at++;
		return digits(s);
	}
	return SCAN_WHOLE;
}

static enum scan_answer word(struct scan *s, const char *text)
{
	size_t len = strlen(text);
	size_t left = s->len - s->at;

	if (left < len && memcmp(s->data + s->at, text, left) == 0)
		return early(s, "a word");
	if (left < len || memcmp(s->data + s->at, text, len) != 0)
		return unexpected(s, "a value");
	s->at += len;
	return SCAN_WHOLE;
}

/* After a member: a comma or the closing bracket. *more tells which. */
static enum scan_answer next_member(
    struct scan *s, char close, const char *where, bool *more)
{
	blank(s);
	if (s->at >= s->len)
		return early(s, where);
	if (s->data[s->at] == close) {
		s->at++;
		*more = false;
		return SCAN_WHOLE;
	}
	if (s->data[s->at] != ',')
		return unexpected(
		    s, close == '}' ? "',' or '}'" : "',' or ']'");
	s->at++;
	blank(s);
	if (s->at >= s->len)
		return early(s, where);
	*more = true;
	if (s->data[s->at] != close)
		return SCAN_WHOLE;
	if (!(s->flags & SCAN_RELAXED))
		return bad(s, s->at, "syntax",
		    "a comma before '%c'; JSON allows none there", close);
	s->at++;
	*more = false;
	return SCAN_WHOLE;
}

static enum scan_answer key(struct scan *s, struct scan_place *place)
{
	enum scan_answer answer;

	if (s->data[s->at] != '"')
		return unexpected(s, "a key in double quotes");
	place->key_start = s->at;
	answer = string(s);
	if (answer != SCAN_WHOLE)
		return answer;
	place->key_end = s->at;
	blank(s);
	if (s->at >= s->len)
		return early(s, "an object");
	if (s->data[s->at] != ':')
		return unexpected(s, "':' after the key");
	s->at++;
	return SCAN_WHOLE;
}

static enum scan_answer members(struct scan *s, char close, const char *where)
{
	struct scan_place place = { .in_object = close == '}' };
	bool more = true;

	s->at++;
	blank(s);
	if (s->at >= s->len)
		return early(s, where);
	if (s->data[s->at] == close) {
		s->at++;
		return SCAN_WHOLE;
	}
	for (; more; place.index++) {
		enum scan_answer answer = SCAN_WHOLE;

		if (place.in_object)
			answer = key(s, &place);
		if (answer == SCAN_WHOLE)
			answer = value(s, &place);
		if (answer == SCAN_WHOLE)
			answer = next_member(s, close, where, &more);
		if (answer != SCAN_WHOLE)
			return answer;
	}
	return SCAN_WHOLE;
}

static enum scan_answer container(struct scan *s)
{
	enum scan_answer answer;

	if (s->depth == SCAN_DEPTH_MAX)
		return bad(s, s->at, "too_deep", "nested deeper than %d levels",
		    SCAN_DEPTH_MAX);
	s->depth++;
	answer = s->data[s->at] == '{' ? members(s, '}', "an object")
				       : members(s, ']', "an array");
	s->depth--;
	return answer;
}

static enum scan_answer plain_value(struct scan *s)
{
	switch (s->data[s->at]) {
	case '{':
	case '[':
		return container(s);
	case '"':
		return string(s);
	case 't':
		return word(s, "true");
	case 'f':
		return word(s, "false");
	case 'n':
		return word(s, "null");
	default:
		if (s->data[s->at] == '-' || digit_at(s))
			return number(s);
		return unexpected(s, "a value");
	}
}

static enum scan_answer value(struct scan *s, const struct scan_place *place)
{
	enum scan_answer answer;

	blank(s);
	if (s->at >= s->len)
		return early(s, s->depth ? "a container" : "white space");
	if (s->visitor)
		s->visitor->begin(s->visitor->arg, place, s->at);
	answer = plain_value(s);
	if (answer == SCAN_WHOLE && s->visitor)
		s->visitor->end(s->visitor->arg, s->at);
	return answer;
}

enum scan_answer scan_value(const char *data, size_t len, size_t start,
    unsigned flags, const struct scan_visitor *visitor, size_t *end,
    struct scan_fault *fault)
{
	static const struct scan_place root = { 0 };
	struct scan s = { .data = data,
		.len = len,
		.at = start,
		.flags = flags,
		.visitor = visitor,
		.fault = fault };
	enum scan_answer answer = value(&s, &root);

	if (answer == SCAN_WHOLE)
		*end = s.at;
	return answer;
}

void scan_advance(const char *data, size_t len, size_t *line, size_t *column)
{
	const char *end = data + len;
	const char *newline;

	/* Before the first read there is no window, and memchr wants one. */
	if (!len)
		return;
	while ((newline = memchr(data, '\n', (size_t)(end - data)))) {
		(*line)++;
		*column = 1;
		data = newline + 1;
	}
	*column += text_characters(data, (size_t)(end - data));
}

void scan_position(
    const char *data, size_t len, size_t at, size_t *line, size_t *column)
{
	*line = 1;
	*column = 1;
	scan_advance(data, at < len ? at : len, line, column);
}
