/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * model/ending: from the facts of a call's end to the answer that is logged
 * and judged. One table row for each way to end, so what an operator reads is
 * found in one place. It promises that bytes which a library quotes are made
 * visible and that no more than the answer's field is written.
 *
 * Whose fault it was is decided here: rows with FAULT_LOCAL spend no try of a
 * delivery. But for names: whether a name does not exist or no name server can
 * be reached is not known to the library, so flow/names looks again. Pure.
 */
#include "model/ending.h"

#include "base/buf.h"
#include "base/text.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const struct {
	enum fault fault;
	bool timed; /* the sentence ends in the limit */
	const char *sentence;
} rows[] = {
	[END_WHOLE] = { FAULT_NONE, false, "" },
	[END_NO_NAME] = { FAULT_DNS, false, "the host name does not resolve" },
	[END_SLOW_NAME] = { FAULT_DNS, true, "the host name did not resolve" },
	[END_NO_PROXY_NAME] = { FAULT_DNS, false,
	    "the proxy's name does not resolve" },
	[END_NO_CONNECTION] = { FAULT_CONNECT, false, "cannot connect" },
	[END_SLOW_CONNECTION] = { FAULT_TIMEOUT, true, "no connection" },
	[END_PROXY_REFUSES] = { FAULT_CONNECT, false, "the proxy refuses" },
	[END_UNTRUSTED] = { FAULT_TLS_VERIFY, false,
	    "the certificate is not trusted" },
	[END_NO_TLS] = { FAULT_TLS, false, "TLS failed" },
	[END_SLOW_ANSWER] = { FAULT_TIMEOUT, true, "no answer" },
	[END_SLOW_BODY] = { FAULT_TIMEOUT, true, "the answer did not end" },
	[END_SILENT] = { FAULT_RESET, false,
	    "the peer closed the connection without an answer" },
	[END_SHORT] = { FAULT_RESET, false, "the answer ended too early" },
	[END_BROKEN] = { FAULT_RESET, false, "the connection broke off" },
	[END_NO_HTTP] = { FAULT_RESET, false, "the answer is no HTTP" },
	[END_CUT_HEADER] = { FAULT_TOO_LARGE, false,
	    "the answer's header is too large" },
	[END_CUT_BODY] = { FAULT_TOO_LARGE, false,
	    "the answer is too large and was cut off" },
	[END_OTHER] = { FAULT_RESET, false, "the call failed" },
	[END_NO_SOCKET] = { FAULT_LOCAL, false, "no socket could be opened" },
	[END_NO_MEMORY] = { FAULT_LOCAL, false, "out of memory" },
	[END_BAD_URL] = { FAULT_LOCAL, false, "the URL cannot be used" },
	[END_BAD_CA] = { FAULT_LOCAL, false, "the CA file cannot be used" },
	[END_NO_START] = { FAULT_LOCAL, false,
	    "the call could not be started" },
	[END_FOUND] = { FAULT_NONE, false, "" },
	[END_NO_STARTTLS] = { FAULT_TLS, false,
	    "the server offers no STARTTLS" },
	[END_STOPPING] = { FAULT_LOCAL, false, "stopping" },
};

static void say(struct answer *answer, const char *text)
{
	size_t used = strlen(answer->error);

	snprintf(
	    answer->error + used, sizeof(answer->error) - used, "%s", text);
}

static void say_detail(struct answer *answer, const char *detail)
{
	auto_buf struct buf shown = BUF_INIT(sizeof(answer->error));

	say(answer, ": ");
	text_visible(&shown, detail, strnlen(detail, sizeof(answer->error)));
	say(answer, buf_text(&shown));
}

static void judge_status(struct answer *answer)
{
	enum fault fault = fault_of_status(answer->status);

	answer->fault = fault;
	if (fault == FAULT_NONE)
		return;
	snprintf(answer->error, sizeof(answer->error), "answered %d%s",
	    answer->status,
	    fault == FAULT_HTTP_3XX ? "; redirects are not followed" : "");
}

static bool is_success(int status)
{
	return status >= 200 && status <= 299;
}

/* A status that is no success says more than that its answer was long. Without
 * a whole header there is no status to go by. */
static bool status_decides(const struct ending *ending)
{
	if (ending->end == END_WHOLE)
		return true;
	return ending->end == END_CUT_BODY && !is_success(ending->status);
}

void ending_judge(const struct ending *ending, struct answer *answer)
{
	char limit[TEXT_DURATION_SIZE];

	assert((unsigned)ending->end < sizeof(rows) / sizeof(rows[0]));
	answer->status = ending->end == END_CUT_HEADER ? 0 : ending->status;
	answer->error[0] = '\0';
	if (status_decides(ending)) {
		judge_status(answer);
		return;
	}
	answer->fault = rows[ending->end].fault;
	say(answer, rows[ending->end].sentence);
	if (rows[ending->end].timed) {
		say(answer, " within ");
		say(answer, text_exact_duration(limit, ending->limit_ms));
	}
	if (ending->detail)
		say_detail(answer, ending->detail);
	else if (ending->os_errno)
		say_detail(answer, strerror(ending->os_errno));
}
