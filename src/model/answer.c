/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * model/answer: what an answer means. The words are those of the log's
 * error_code, so they are an interface: a word may be added, never changed.
 * Here, and nowhere else, is said which answers count as delivered; the retry
 * rule, the breaker and the log all ask here.
 *
 * Pure: no clock, no socket. Nothing to lose if we die.
 */
#include "model/answer.h"

#include <assert.h>
#include <ctype.h>
#include <string.h>
#include <strings.h>

/* Seconds of more digits are longer than any wait, a century and more. */
enum { RETRY_AFTER_DIGITS = 9 };

static const char *const words[] = {
	[FAULT_NONE] = "",
	[FAULT_DNS] = "dns",
	[FAULT_CONNECT] = "connect",
	[FAULT_TIMEOUT] = "timeout",
	[FAULT_TLS_VERIFY] = "tls_verify",
	[FAULT_TLS] = "tls",
	[FAULT_RESET] = "reset",
	[FAULT_HTTP_3XX] = "http_3xx",
	[FAULT_HTTP_4XX] = "http_4xx",
	[FAULT_HTTP_5XX] = "http_5xx",
	[FAULT_TOO_LARGE] = "too_large",
	[FAULT_DENIED] = "denied",
	[FAULT_LOCAL] = "local",
};

const char *fault_word(enum fault fault)
{
	assert((unsigned)fault < sizeof(words) / sizeof(words[0]));
	return words[fault];
}

enum fault fault_of_status(int status)
{
	switch (status / 100) {
	case 2:
		return FAULT_NONE;
	case 3:
		return FAULT_HTTP_3XX;
	case 4:
		return FAULT_HTTP_4XX;
	}
	return FAULT_HTTP_5XX;
}

bool answer_delivered(const struct answer *answer)
{
	if (answer->status < 200 || answer->status > 299)
		return false;
	return answer->fault == FAULT_NONE || answer->fault == FAULT_TOO_LARGE;
}

bool answer_asks_endlessly(const char *line, size_t len)
{
	static const char name[] = "retry-after:";
	size_t at = sizeof(name) - 1;
	size_t digits = 0;

	if (len < at || strncasecmp(line, name, at) != 0)
		return false;
	while (at < len && line[at] && strchr(" \t0", line[at]))
		at++;
	while (at + digits < len && isdigit((unsigned char)line[at + digits]))
		digits++;
	at += digits;
	return digits > RETRY_AFTER_DIGITS &&
	    (at == len || strchr(" \t\r\n", line[at]));
}
