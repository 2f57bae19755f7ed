/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef PORT_SMTP_TLS_H
#define PORT_SMTP_TLS_H

#include "base/why.h"

#include <stdbool.h>

/*
 * The TLS side of one SMTP session, by OpenSSL. libesmtp gets a context of
 * ours: with its own it hangs in TLS 1.3, and it knows neither SNI nor
 * addresses in certificates. Belongs to port/smtp.
 */
struct ssl_ctx_st;

struct smtp_tls {
	struct ssl_ctx_st *context; /* NULL: not open */
	const char *host; /* the server's name or address; lent */
	const bool *refuse; /* lent; once true, no certificate is good */
	int fault; /* X509_V_…: why the certificate was refused, or 0 */
};

/* `tls` must stay where it is until closed. `ca_file` NULL: the system's. */
int smtp_tls_open(struct smtp_tls *tls, const char *host, const char *ca_file,
    const bool *refuse, struct why *why);
void smtp_tls_close(struct smtp_tls *tls);
/* Why the certificate was refused. */
const char *smtp_tls_fault(const struct smtp_tls *tls);
/* The library's last complaint, or NULL. */
const char *smtp_tls_error(void);

#endif
