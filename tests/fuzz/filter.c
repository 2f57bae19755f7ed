/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * An event and a filter, divided by the first newline: whatever they are, the
 * parser and the compiler come to an end with an answer, and a filter that was
 * taken decides and prints.
 */
#include "model/filter.h"
#include "model/event.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void add(void *arg, const char *pointer, const char *code,
    const char *message, const char *help)
{
	(void)help;
	assert(pointer[0] == '\0' || pointer[0] == '/');
	assert(code[0] && message[0]);
	++*(size_t *)arg;
}

static void ask(const json_t *json, const json_t *view)
{
	size_t faults = 0;
	struct filter_faults sink = { &faults, add };
	struct filter *filter = filter_compile(json, &sink);
	auto_buf struct buf line = BUF_INIT(1 << 16);

	assert(!filter == (faults > 0));
	if (!filter)
		return;
	assert(filter_passes(filter, view) == filter_passes(filter, view));
	filter_print(filter, &line);
	filter_free(filter);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const char *text = (const char *)data;
	const char *newline = len ? memchr(text, '\n', len) : NULL;
	size_t first = newline ? (size_t)(newline - text) : len;
	struct event event;
	const char *code = NULL;
	struct why why = { "" };
	json_t *json;

	if (event_parse(&event, text, first, &code, &why) < 0)
		assert(code && why.text[0]);
	else
		assert(event.type[0] && event.incident && event.service);
	json = newline ? json_loadb(newline + 1, len - first - 1,
			     JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL)
		       : NULL;
	if (json)
		ask(json, event.view);
	json_decref(json);
	event_clear(&event);
	return 0;
}
