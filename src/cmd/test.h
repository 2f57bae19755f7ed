/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef CMD_TEST_H
#define CMD_TEST_H

#include "cmd/verb.h"
#include "model/suite.h"

#include <jansson.h>

enum { TEST_FILE_MAX = 16 * 1024 * 1024 };

struct bench {
	const struct args *args;
	const struct conf *conf;
	struct suite *suites;
	size_t suite_count;
	struct findings findings;
	size_t number; /* of the case, from 1 over all files */
	size_t failed;
	bool unread; /* a file could not be read */
};

/* One case while it is judged. */
struct trial {
	struct bench *bench;
	const struct suite *suite;
	const struct webhook *webhook; /* NULL: all are meant */
	json_t *test;
	char *pointer; /* of the case in its file */
	const char *endpoint; /* that a request is judged for, or NULL */
	size_t faults;
	struct buf text; /* what failed, for people */
	struct buf json; /* and for programs */
};

/* Makes the case's event and compares what would become of it with what is
 * expected; fills `faults`, `text` and `json`. False when the case could not be
 * judged: then there is a finding. */
bool test_judge(struct trial *trial);

#endif
