/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef MODEL_ANSWER_H
#define MODEL_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What came of one HTTP call: plain numbers, made by port/http, judged by
 * model/retry, written down by flow/record. */

/* The log's error_code. */
enum fault {
	FAULT_NONE,
	FAULT_DNS,
	FAULT_CONNECT,
	FAULT_TIMEOUT,
	FAULT_TLS_VERIFY,
	FAULT_TLS,
	FAULT_RESET, /* the peer broke off or talked no HTTP */
	FAULT_HTTP_3XX,
	FAULT_HTTP_4XX,
	FAULT_HTTP_5XX, /* and any other status that is no success */
	FAULT_TOO_LARGE, /* the answer was cut off at ANSWER_READ_MAX */
	FAULT_DENIED, /* the address is not allowed */
	FAULT_LOCAL, /* our own trouble: no descriptors, no resolver, bad CA */
};
/* "" for FAULT_NONE, else the contract's word. */
const char *fault_word(enum fault fault);
/* FAULT_NONE for 2xx, else the FAULT_HTTP_ of the status. */
enum fault fault_of_status(int status);

/* At most this much of an answer is read, and kept. */
enum { ANSWER_READ_MAX = 64 * 1024, ANSWER_KEEP_MAX = 1024 };

struct answer {
	int status; /* HTTP status, 0 when none came */
	enum fault fault; /* FAULT_NONE for a 2xx that came whole */
	char error[200]; /* a sentence, "" when there is nothing to say */
	int64_t started_ms; /* wall clock */
	int64_t duration_us;
	int64_t dns_us; /* phases, each its own length; -1 when not reached */
	int64_t connect_us;
	int64_t tls_us;
	int64_t first_byte_us;
	int64_t bytes_out; /* of the bodies: sent, */
	int64_t bytes_in; /* and read */
	int64_t retry_after_ms; /* from the Retry-After header, -1 for none */
	char remote[72]; /* "192.0.2.1:443", "[2001:db8::1]:443" or "" */
	char body[ANSWER_KEEP_MAX]; /* the first bytes, not ended by a NUL */
	size_t body_len;
};

/* The one rule of success: a 2xx that came whole, or that
 * we ourselves cut off. A 2xx that the peer broke off, or that took too long,
 * is none. */
bool answer_delivered(const struct answer *answer);

/* True for a header's line "Retry-After: N" with so many digits that N is
 * longer than any wait; libraries take one that no integer holds for none. */
bool answer_asks_endlessly(const char *line, size_t len);

#endif
