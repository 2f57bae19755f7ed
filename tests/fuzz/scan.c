/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * The scanner against jansson: what it passes jansson takes, but for numbers
 * out of range and NUL in keys; what it calls bad jansson refuses; what it
 * calls early is refused too, for now. And an event that is skimmed is taken,
 * refused and read as one that is parsed.
 */
#include "model/scan.h"
#include "model/event.h"

#include <assert.h>
#include <jansson.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static bool beyond(const json_error_t *error)
{
	return json_error_code(error) == json_error_numeric_overflow ||
	    json_error_code(error) == json_error_null_byte_in_key;
}

static void read_both_ways(const char *text, size_t len)
{
	struct event whole;
	struct event skimmed;
	const char *code = "";
	const char *other = "";
	struct why why;

	if (event_parse(&whole, text, len, &code, &why) < 0) {
		assert(event_skim(&skimmed, text, len, &other, &why) < 0);
		assert(strcmp(code, other) == 0);
		return;
	}
	assert(event_skim(&skimmed, text, len, &other, &why) == 0);
	assert(strcmp(whole.type, skimmed.type) == 0);
	assert(strcmp(whole.incident, skimmed.incident) == 0);
	assert(strcmp(whole.service, skimmed.service) == 0);
	assert(strcmp(whole.alert_source, skimmed.alert_source) == 0);
	assert(strcmp(whole.message, skimmed.message) == 0);
	event_clear(&whole);
	event_clear(&skimmed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const char *text = (const char *)data;
	struct scan_fault fault = { 0 };
	size_t end = 0;
	json_error_t error;
	json_t *value;

	switch (scan_value(text, len, 0, 0, NULL, &end, &fault)) {
	case SCAN_WHOLE:
		assert(end <= len);
		value = json_loadb(
		    text, end, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
		assert(value || beyond(&error));
		json_decref(value);
		break;
	case SCAN_EARLY:
	case SCAN_BAD:
		assert(fault.code && fault.at <= len);
		value = json_loadb(text, len,
		    JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_DISABLE_EOF_CHECK,
		    &error);
		/* Deeper than we go is fine with jansson, and a NUL behind a
		 * number or a word it does not see at all. */
		assert(!value || strcmp(fault.code, "too_deep") == 0 ||
		    memchr(text, '\0', len));
		json_decref(value);
		break;
	}
	scan_value(text, len, 0, SCAN_RELAXED, NULL, &end, &fault);
	read_both_ways(text, len);
	return 0;
}
