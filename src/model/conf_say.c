/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * model/conf_say: the sentences about a configuration. Each names the key as
 * people write it, says what would be right and what stands there by its type
 * only: no sentence quotes a value, for it may be a secret. Nothing to lose
 * when we die.
 */
#include "model/conf_read.h"

#include "base/mem.h"
#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { SENTENCE_MAX = 4096 };

/* The pointer as people write it: `endpoints[1].headers.X-Team`. */
void reader_name(const struct reader *r, struct buf *out)
{
	const char *pointer = buf_text(&r->pointer);

	while (*pointer == '/') {
		size_t len = strcspn(++pointer, "/");

		if (len && strspn(pointer, "0123456789") >= len)
			buf_printf(out, "[%.*s]", (int)len, pointer);
		else
			buf_printf(out, "%s%.*s", out->len ? "." : "",
			    len > 64 ? 64 : (int)len, pointer);
		pointer += len;
	}
}

static void say(struct reader *r, enum severity severity, enum source_part part,
    const char *code, const char *help, const char *message)
{
	source_say(r->source, severity, part, buf_text(&r->pointer), code,
	    message, help);
}

static void say_value(struct reader *r, enum severity severity,
    const char *code, const char *help, const char *format, va_list ap)
{
	auto_buf struct buf name = BUF_INIT(SENTENCE_MAX);
	auto_free char *message = NULL;
	char sentence[SENTENCE_MAX];

	vsnprintf(sentence, sizeof(sentence), format, ap);
	reader_name(r, &name);
	message = name.len ? mem_printf("\"%s\" %s", buf_text(&name), sentence)
			   : mem_printf("the file %s", sentence);
	say(r, severity, SOURCE_VALUE, code, help, message);
}

void reader_say(struct reader *r, const char *code, const char *help,
    const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	say_value(r, SEVERITY_ERROR, code, help, format, ap);
	va_end(ap);
}

void reader_warn(struct reader *r, const char *code, const char *help,
    const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	say_value(r, SEVERITY_WARNING, code, help, format, ap);
	va_end(ap);
}

void reader_say_key(struct reader *r, const char *code, const char *help,
    const char *format, ...)
{
	char message[SENTENCE_MAX];
	va_list ap;

	va_start(ap, format);
	vsnprintf(message, sizeof(message), format, ap);
	va_end(ap);
	say(r, SEVERITY_ERROR, SOURCE_KEY, code, help, message);
}

const char *reader_type(json_t *json)
{
	switch (json_typeof(json)) {
	case JSON_OBJECT:
		return "an object";
	case JSON_ARRAY:
		return "a list";
	case JSON_STRING:
		return "a text";
	case JSON_INTEGER:
	case JSON_REAL:
		return "a number";
	case JSON_TRUE:
	case JSON_FALSE:
		return "true or false";
	case JSON_NULL:
		return "null";
	}
	return "something else";
}

void reader_say_type(struct reader *r, json_t *json, const char *wanted)
{
	reader_say(r, "wrong-type", NULL, "must be %s, not %s", wanted,
	    reader_type(json));
}

void reader_say_missing(struct reader *r, const char *key)
{
	reader_say(
	    r, "missing-key", NULL, "must hold \"%s\", which is missing", key);
}

char *reader_nearest(const char *word, const char *const *words)
{
	const char *nearest = text_nearest(word, words);

	return nearest ? mem_printf("did you mean \"%s\"?", nearest) : NULL;
}

void reader_words(struct buf *out, const char *const *words)
{
	size_t i;

	for (i = 0; words[i]; i++)
		buf_printf(out, "%s\"%s\"",
		    !i		       ? ""
			: words[i + 1] ? ", "
				       : " or ",
		    words[i]);
}
