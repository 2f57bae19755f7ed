/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef MODEL_RELATION_H
#define MODEL_RELATION_H

#include "model/pattern.h"

#include <jansson.h>
#include <stdbool.h>

/*
 * The relations that a filter's field conditions name ("op"). Typed, no
 * conversion: 1 is 1.0, but "1" is not 1, and what cannot be compared does not
 * fit.
 */
enum operand_kind {
	OPERAND_SCALAR, /* string, number, true, false or null */
	OPERAND_LIST, /* a non-empty array of scalars */
	OPERAND_STRING,
	OPERAND_ORDERED, /* number or string */
	OPERAND_PATTERN,
	OPERAND_PRESENCE, /* true or false, true when not given */
};

struct operand {
	json_t *value;
	struct pattern *pattern; /* of OPERAND_PATTERN */
};

struct relation {
	const char *name;
	enum operand_kind wants;
	/* The condition holds when no value fits. Such a relation is nothing
	 * but "not" before its positive one, also for a missing field. */
	bool negated;
	bool (*fits)(const struct operand *operand, const json_t *value);
};

/* NULL when there is none of that name. */
const struct relation *relation_find(const char *name);
/* All names, NULL-ended. */
const char *const *relation_names(void);
/* What an operand of that kind is, for people: "a number or a string". */
const char *operand_wanted(enum operand_kind kind);
bool operand_fits(enum operand_kind kind, const json_t *value);
bool operand_is_scalar(const json_t *value);

/* Equal scalars; numbers by value, exactly. */
bool scalar_equal(const json_t *a, const json_t *b);

#endif
