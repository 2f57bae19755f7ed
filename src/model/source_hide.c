/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * model/source_hide: which bytes of a configuration's text are kept from
 * people's eyes when a line of it is shown. Doubt covers: a secret that is
 * shown cannot be taken back, a covered word is found by its line and column.
 * It promises to be total, whatever the bytes are, and never changes the text.
 */
#include "model/source_hide.h"

#include "base/mem.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

static void hide(struct source *source, size_t start, size_t end, char cover)
{
	if (start >= end)
		return;
	if (source->hidden_count == source->hidden_cap) {
		source->hidden_cap =
		    source->hidden_cap ? source->hidden_cap * 2 : 32;
		source->hidden = mem_grow(source->hidden, source->hidden_cap,
		    sizeof(*source->hidden));
	}
	source->hidden[source->hidden_count++] =
	    (struct source_span){ start, end, cover };
}

static size_t skip_string(const char *text, size_t len, size_t at)
{
	for (at++; at < len; at++) {
		if (text[at] == '"')
			return at + 1;
		if (text[at] == '\n')
			return at;
		if (text[at] == '\\' && at + 1 < len && text[at + 1] != '\n')
			at++;
	}
	return len;
}

static bool ends_word(char c)
{
	return strchr(" \t\r\n,:{}[]\"/", c) != NULL;
}

size_t source_skip(const char *text, size_t len, size_t at)
{
	size_t behind;

	if (text[at] == '"')
		return skip_string(text, len, at);
	if (text[at] == '/') {
		behind = scan_blank(text, len, at, SCAN_RELAXED);
		return behind > at ? behind : at + 1;
	}
	if (ends_word(text[at]))
		return at + 1;
	while (at < len && !ends_word(text[at]))
		at++;
	return at;
}

void source_hide_comments(struct source *source)
{
	size_t at = 0;

	while (at < source->len) {
		size_t next = source_skip(source->text, source->len, at);

		if (source->text[at] == '/')
			hide(source, at, next, next > at + 1 ? ' ' : '*');
		at = next;
	}
}

static bool is_one_of(const char *word, size_t len, const char *const *words)
{
	for (; *words; words++) {
		if (strlen(*words) == len && memcmp(*words, word, len) == 0)
			return true;
	}
	return false;
}

static const char *const secret_keys[] = { "headers", "password", NULL };
/* Longer numbers may be tokens. */
enum { PLAIN_NUMBER_MAX = 5 };
/* Inside of a secret, these name where it lies. */
static const char *const name_keys[] = { "file", "env", "credential", NULL };

/* What stands in the port's place and is no number may be a password. */
static void hide_bad_port(struct source *source, size_t start, size_t end)
{
	const char *text = source->text;
	const char *scheme = memmem(text + start, end - start, "://", 3);
	size_t at;

	if (!scheme || scheme[3] == '[')
		return;
	at = (size_t)(scheme - text) + 3;
	while (at < end && !strchr(":/", text[at]))
		at++;
	if (at >= end || text[at] != ':')
		return;
	start = ++at;
	while (at < end && isdigit((unsigned char)text[at]))
		at++;
	if (at < end && !strchr("/?#\"", text[at]))
		hide(source, start, end, '*');
}

/*
 * Of a URL, what comes before the last '@' and behind the first '?'. Written
 * with escapes, it is covered whole. What should be a URL and is none is
 * treated alike; a mail address holds no ':', a pattern (`value`) may ask.
 */
static void hide_url_parts(
    struct source *source, size_t start, size_t end, bool pattern)
{
	const char *text = source->text + start;
	size_t len = end - start;
	const char *scheme = memmem(text, len, "://", 3);
	const char *user = scheme ? scheme + 3 : text;
	const char *at = memrchr(text, '@', len);
	const char *query = memchr(text, '?', len);

	if (!pattern && memchr(text, '\\', len)) {
		hide(source, start, end, '*');
		return;
	}
	if (at && at > user &&
	    (scheme || memchr(text, ':', (size_t)(at - text))))
		hide(source, start + (size_t)(user - text),
		    start + (size_t)(at - text), '*');
	hide_bad_port(source, start, end);
	if (query && (scheme || !pattern))
		hide(source, start + (size_t)(query - text) + 1, end, '*');
}

static bool is_plain(const struct source *source, const struct map_entry *entry)
{
	return source->text[entry->start] != '"' &&
	    entry->end - entry->start <= PLAIN_NUMBER_MAX;
}

static bool is_secret(const struct source *source, size_t entry)
{
	const struct map_entry *entries = source->map.entries;
	const char *own = entries[entry].key;
	bool named = own && is_one_of(own, strlen(own), name_keys);
	bool plain = is_plain(source, &entries[entry]);
	bool secret = false;

	for (; entry != MAP_NONE; entry = entries[entry].parent) {
		const char *key = entries[entry].key;
		size_t len = key ? strlen(key) : 0;

		if (!key)
			continue;
		if (is_one_of(key, len, secret_keys))
			return !named;
		if (!is_one_of(key, len, source->known))
			secret = !plain;
	}
	return secret;
}

/* Objects and lists have nothing of their own to hide, nor have words. */
static bool is_scalar(
    const struct source *source, const struct map_entry *entry)
{
	return !strchr("{[tfn", source->text[entry->start]);
}

static void hide_scalar(struct source *source, const struct map_entry *entry)
{
	bool quoted = source->text[entry->start] == '"';

	hide(source, entry->start + quoted, entry->end - quoted, '*');
}

void source_hide_values(struct source *source)
{
	size_t i;

	for (i = 0; i < source->map.count; i++) {
		const struct map_entry *entry = &source->map.entries[i];

		if (!is_scalar(source, entry))
			continue;
		if (is_secret(source, i))
			hide_scalar(source, entry);
		else if (source->text[entry->start] == '"')
			hide_url_parts(source, entry->start + 1, entry->end - 1,
			    entry->key && strcmp(entry->key, "value") == 0);
	}
}

void source_hide_within(struct source *source, size_t start, size_t end)
{
	size_t i;

	for (i = 0; i < source->map.count; i++) {
		const struct map_entry *entry = &source->map.entries[i];

		if (entry->start >= start && entry->end <= end &&
		    is_scalar(source, entry) && !is_plain(source, entry))
			hide_scalar(source, entry);
	}
}

/* ---- text that is no JSON ---------------------------------------------- */

/*
 * Brackets that are open, as far as can be told. A value is shown when it
 * stands where a value should, and every key around it is known and no home
 * of secrets. After the first bracket too many nothing is shown any more.
 */
struct tokens {
	struct source *source;
	bool open[SCAN_DEPTH_MAX + 2]; /* by depth: members may be shown */
	bool list[SCAN_DEPTH_MAX + 2]; /* by depth: '[' and not '{' */
	int depth; /* -1: lost */
	bool shown; /* the next value may be */
};

/* Where brackets are lost, URLs may be cut in half, and what is put around a
 * secret may stand anywhere. */
static const char *const doubtful_keys[] = { "headers", "password", "prefix",
	"suffix", "url", "proxy", "endpoints", NULL };

static bool is_key(const struct source *source, size_t start, size_t end)
{
	size_t next = scan_blank(source->text, source->len, end, SCAN_RELAXED);

	return end - start >= 2 && source->text[start] == '"' &&
	    source->text[end - 1] == '"' && next < source->len &&
	    source->text[next] == ':';
}

static void open_bracket(struct tokens *tokens, bool list)
{
	bool shown = tokens->shown || tokens->depth == 0;

	if (tokens->depth < 0 || tokens->depth > SCAN_DEPTH_MAX) {
		tokens->depth = -1;
		return;
	}
	tokens->depth++;
	tokens->open[tokens->depth] = shown;
	tokens->list[tokens->depth] = list;
	tokens->shown = shown && list;
}

static void see_bracket(struct tokens *tokens, char c)
{
	if (c == '{' || c == '[')
		open_bracket(tokens, c == '[');
	if (tokens->depth < 0)
		return;
	if (c == '}' || c == ']') {
		tokens->shown = false;
		tokens->depth = tokens->depth ? tokens->depth - 1 : -1;
	}
	if (c == ',')
		tokens->shown =
		    tokens->list[tokens->depth] && tokens->open[tokens->depth];
}

static void see_key(struct tokens *tokens, size_t start, size_t end)
{
	struct source *source = tokens->source;
	const char *key = source->text + start + 1;
	size_t len = end - start - 2;
	bool known = is_one_of(key, len, source->known);

	tokens->shown = known && tokens->depth >= 0 &&
	    tokens->open[tokens->depth] && !is_one_of(key, len, doubtful_keys);
	if (!known)
		hide(source, start + 1, end - 1, '*');
}

static void see_value(struct tokens *tokens, size_t start, size_t end)
{
	struct source *source = tokens->source;
	bool quoted = source->text[start] == '"';

	if (tokens->shown && tokens->depth >= 0)
		hide_url_parts(source, start, end, false);
	else
		hide(source, start + quoted, end, '*');
	tokens->shown = false;
}

static void see_token(struct tokens *tokens, size_t start, size_t end)
{
	const char *text = tokens->source->text;

	if (is_key(tokens->source, start, end))
		see_key(tokens, start, end);
	else if (text[start] == '"' || !ends_word(text[start]))
		see_value(tokens, start, end);
	else
		see_bracket(tokens, text[start]);
}

void source_hide_tokens(struct source *source)
{
	struct tokens tokens = { .source = source };
	size_t at = 0;

	while (at < source->len) {
		size_t next = source_skip(source->text, source->len, at);

		see_token(&tokens, at, next);
		at = next;
	}
}
