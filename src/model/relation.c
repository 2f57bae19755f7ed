/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * model/relation: one row of the table for each "op", one small function
 * for each comparison. They see one value at a time and never fail: a value of
 * the wrong type just does not fit. Integers and doubles are compared without
 * rounding either, for ids of 64 bits do occur in events.
 */
#include "model/relation.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

/* What a comparison says when there is no order between two values. */
enum { UNORDERED = 2 };

static int sign(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

static int compare_mixed(int64_t integer, double real)
{
	double whole = trunc(real);
	int order;

	if (real >= 0x1p63)
		return -1;
	if (real < -0x1p63)
		return 1;
	order = sign(integer, (int64_t)whole);
	return order ? order : (whole > real) - (whole < real);
}

static int compare_numbers(const json_t *a, const json_t *b)
{
	double x = json_real_value(a);
	double y = json_real_value(b);

	if (json_is_integer(a) && json_is_integer(b))
		return sign(json_integer_value(a), json_integer_value(b));
	if (json_is_integer(a))
		return compare_mixed(json_integer_value(a), y);
	if (json_is_integer(b))
		return -compare_mixed(json_integer_value(b), x);
	return (x > y) - (x < y);
}

static int compare_strings(const json_t *a, const json_t *b)
{
	size_t x = json_string_length(a);
	size_t y = json_string_length(b);
	int order =
	    memcmp(json_string_value(a), json_string_value(b), x < y ? x : y);

	return order ? (order > 0) - (order < 0) : (x > y) - (x < y);
}

/* Below zero, zero, above zero, or UNORDERED. */
static int compare(const json_t *a, const json_t *b)
{
	if (json_is_number(a) && json_is_number(b))
		return compare_numbers(a, b);
	if (json_is_string(a) && json_is_string(b))
		return compare_strings(a, b);
	return UNORDERED;
}

bool operand_is_scalar(const json_t *value)
{
	return value && !json_is_object(value) && !json_is_array(value);
}

bool scalar_equal(const json_t *a, const json_t *b)
{
	if (json_is_number(a) || json_is_string(a))
		return compare(a, b) == 0;
	return operand_is_scalar(a) && json_typeof(a) == json_typeof(b);
}

static bool among(const json_t *value, const json_t *list)
{
	size_t i;

	for (i = 0; i < json_array_size(list); i++) {
		if (scalar_equal(value, json_array_get(list, i)))
			return true;
	}
	return false;
}

static bool is(const struct operand *operand, const json_t *value)
{
	return scalar_equal(value, operand->value);
}

static bool in(const struct operand *operand, const json_t *value)
{
	return among(value, operand->value);
}

static bool contains(const struct operand *operand, const json_t *value)
{
	const char *part = json_string_value(operand->value);
	size_t len = json_string_length(operand->value);

	if (json_is_array(value))
		return among(operand->value, value);
	if (!part)
		return false;
	if (json_is_object(value))
		return json_object_getn(value, part, len) != NULL;
	return json_is_string(value) &&
	    memmem(json_string_value(value), json_string_length(value), part,
		len) != NULL;
}

static bool starts_with(const struct operand *operand, const json_t *value)
{
	size_t len = json_string_length(operand->value);

	return json_is_string(value) && json_string_length(value) >= len &&
	    memcmp(json_string_value(value), json_string_value(operand->value),
		len) == 0;
}

static bool ends_with(const struct operand *operand, const json_t *value)
{
	size_t len = json_string_length(operand->value);
	size_t have = json_string_length(value);

	return json_is_string(value) && have >= len &&
	    memcmp(json_string_value(value) + have - len,
		json_string_value(operand->value), len) == 0;
}

static bool matches(const struct operand *operand, const json_t *value)
{
	return json_is_string(value) &&
	    pattern_found(operand->pattern, json_string_value(value),
		json_string_length(value));
}

static bool gt(const struct operand *operand, const json_t *value)
{
	return compare(value, operand->value) == 1;
}

static bool gte(const struct operand *operand, const json_t *value)
{
	int order = compare(value, operand->value);

	return order == 0 || order == 1;
}

static bool lt(const struct operand *operand, const json_t *value)
{
	return compare(value, operand->value) == -1;
}

static bool lte(const struct operand *operand, const json_t *value)
{
	int order = compare(value, operand->value);

	return order == 0 || order == -1;
}

static bool exists(const struct operand *operand, const json_t *value)
{
	(void)operand;
	return value != NULL;
}

static const struct relation table[] = {
	{ "is", OPERAND_SCALAR, false, is },
	{ "is_not", OPERAND_SCALAR, true, is },
	{ "in", OPERAND_LIST, false, in },
	{ "not_in", OPERAND_LIST, true, in },
	{ "contains", OPERAND_SCALAR, false, contains },
	{ "not_contains", OPERAND_SCALAR, true, contains },
	{ "starts_with", OPERAND_STRING, false, starts_with },
	{ "ends_with", OPERAND_STRING, false, ends_with },
	{ "matches", OPERAND_PATTERN, false, matches },
	{ "not_matches", OPERAND_PATTERN, true, matches },
	{ "gt", OPERAND_ORDERED, false, gt },
	{ "gte", OPERAND_ORDERED, false, gte },
	{ "lt", OPERAND_ORDERED, false, lt },
	{ "lte", OPERAND_ORDERED, false, lte },
	{ "exists", OPERAND_PRESENCE, false, exists },
};

enum { RELATION_COUNT = sizeof(table) / sizeof(table[0]) };

static const char *const names[] = { "is", "is_not", "in", "not_in", "contains",
	"not_contains", "starts_with", "ends_with", "matches", "not_matches",
	"gt", "gte", "lt", "lte", "exists", NULL };

_Static_assert(sizeof(names) / sizeof(names[0]) == RELATION_COUNT + 1,
    "each relation is named");

const struct relation *relation_find(const char *name)
{
	size_t i;

	for (i = 0; i < RELATION_COUNT; i++) {
		if (strcmp(table[i].name, name) == 0)
			return &table[i];
	}
	return NULL;
}

const char *const *relation_names(void)
{
	return names;
}

const char *operand_wanted(enum operand_kind kind)
{
	static const char *const words[] = {
		[OPERAND_SCALAR] = "a string, a number, true, false or null",
		[OPERAND_LIST] = "a non-empty array of strings, numbers, "
				 "true, false or null",
		[OPERAND_STRING] = "a string",
		[OPERAND_ORDERED] = "a number or a string",
		[OPERAND_PATTERN] = "a string that holds a regular expression",
		[OPERAND_PRESENCE] = "true or false",
	};

	return words[kind];
}

static bool is_list(const json_t *value)
{
	size_t i;

	for (i = 0; i < json_array_size(value); i++) {
		if (!operand_is_scalar(json_array_get(value, i)))
			return false;
	}
	return i > 0;
}

bool operand_fits(enum operand_kind kind, const json_t *value)
{
	switch (kind) {
	case OPERAND_SCALAR:
		return operand_is_scalar(value);
	case OPERAND_LIST:
		return is_list(value);
	case OPERAND_STRING:
	case OPERAND_PATTERN:
		return json_is_string(value);
	case OPERAND_ORDERED:
		return json_is_string(value) || json_is_number(value);
	case OPERAND_PRESENCE:
		return json_is_boolean(value);
	}
	return false;
}
