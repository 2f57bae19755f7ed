/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * The scanner against jansson: what it passes jansson takes, but for numbers
 * out of range and NUL in keys; what it calls bad jansson refuses; what it
 * calls early is refused too, for now.
 */
#include "model/scan.h"

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
	return 0;
}
