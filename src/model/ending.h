/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef MODEL_ENDING_H
#define MODEL_ENDING_H

#include "model/answer.h"

#include <stdint.h>

/*
 * How an HTTP call ended, as plain facts that port/http gathers, and what it
 * means for the answer: its status, its fault and a sentence. Sentences hold
 * numbers and words of ours, and of a library at most `detail`; never a URL.
 */
enum end {
	END_WHOLE, /* an answer came to its end */
	END_NO_NAME, /* the host's name does not resolve */
	END_SLOW_NAME, /* it did not within the time to connect */
	END_NO_PROXY_NAME,
	END_NO_CONNECTION,
	END_SLOW_CONNECTION, /* none, TLS included, within that time */
	END_PROXY_REFUSES,
	END_UNTRUSTED, /* the certificate */
	END_NO_TLS,
	END_SLOW_ANSWER, /* nothing came within the time of the call */
	END_SLOW_BODY, /* it did not end within that time */
	END_SILENT, /* closed without an answer */
	END_SHORT, /* closed before the answer's end */
	END_BROKEN, /* reset or alike */
	END_NO_HTTP, /* what came is no HTTP/1 */
	END_CUT_HEADER, /* we cut it: header too large */
	END_CUT_BODY, /* we cut it: body longer than ANSWER_READ_MAX */
	END_OTHER,
	END_NO_SOCKET, /* the rest is our own trouble */
	END_NO_MEMORY,
	END_BAD_URL,
	END_BAD_CA,
	END_NO_START,
	END_FOUND, /* AIM_LOOK: the peer is there */
	END_NO_STARTTLS,
	END_STOPPING,
};

struct ending {
	enum end end;
	int status; /* as far as it came; 0 for none */
	int os_errno; /* that explains it, or 0 */
	const char *detail; /* words of the library, or NULL; lent */
	int64_t limit_ms; /* the time that was over, for END_SLOW_… */
};

/* Fills status, fault and error of the answer. */
void ending_judge(const struct ending *ending, struct answer *answer);

#endif
