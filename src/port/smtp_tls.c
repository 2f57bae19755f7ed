/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * port/smtp_tls: the TLS context that libesmtp is given. It promises that the
 * server's name goes into the handshake, and that a session comes up only with
 * a certificate that is valid for that name or address; otherwise the handshake
 * itself fails and `fault` says why. TLS 1.2 and nothing else: with the session
 * tickets of TLS 1.3 the library waits for an answer to a command that it has
 * not sent.
 */
#include "port/smtp_tls.h"

#include "base/mem.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdint.h>

/* At the start of a handshake, which the library does not let us prepare: the
 * server's name goes into it (SNI) and is what the certificate must hold. */
static void prepare(const SSL *ssl, int where, int value)
{
	struct smtp_tls *tls = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
	/* The callback's SSL is const by declaration only. */
	SSL *open = (SSL *)(uintptr_t)ssl;

	(void)value;
	if (!(where & SSL_CB_HANDSHAKE_START))
		return;
	if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(open), tls->host))
		return;
	SSL_set_tlsext_host_name(open, tls->host);
	if (!SSL_set1_host(open, tls->host))
		tls->fault = X509_V_ERR_HOSTNAME_MISMATCH;
}

static int verify(int good, X509_STORE_CTX *store)
{
	const SSL *ssl = X509_STORE_CTX_get_ex_data(
	    store, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct smtp_tls *tls = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

	if (!good)
		tls->fault = X509_STORE_CTX_get_error(store);
	return good && !*tls->refuse && !tls->fault;
}

static int trust(SSL_CTX *context, const char *ca_file, struct why *why)
{
	if (!ca_file) {
		SSL_CTX_set_default_verify_paths(context);
		return 0;
	}
	if (SSL_CTX_load_verify_locations(context, ca_file, NULL) == 1)
		return 0;
	return fail(why, "%s: cannot read certificates: %s", ca_file,
	    ERR_reason_error_string(ERR_peek_error()));
}

int smtp_tls_open(struct smtp_tls *tls, const char *host, const char *ca_file,
    const bool *refuse, struct why *why)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());

	if (!context)
		mem_exhausted();
	*tls = (struct smtp_tls){ context, host, refuse, X509_V_OK };
	SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
	SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION);
	SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION);
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER, verify);
	SSL_CTX_set_info_callback(context, prepare);
	SSL_CTX_set_app_data(context, tls);
	ERR_clear_error();
	return trust(context, ca_file, why);
}

void smtp_tls_close(struct smtp_tls *tls)
{
	SSL_CTX_free(tls->context);
	*tls = (struct smtp_tls){ 0 };
}

const char *smtp_tls_fault(const struct smtp_tls *tls)
{
	return X509_verify_cert_error_string(tls->fault);
}

const char *smtp_tls_error(void)
{
	unsigned long error = ERR_peek_last_error();

	return error ? ERR_reason_error_string(error) : NULL;
}
