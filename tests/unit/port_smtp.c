/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * Mail to a server that is anything but kind: a process of our own on a free
 * loopback port, which follows a script for one session and then tells what it
 * was told. The real server is in tests/flow/mail.t.
 */
#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"
#include "port/smtp.h"
#include "tap.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* An answer, or one of these words. NULL stands for the usual answer. */
#define HANG  "hang"
#define DROP  "drop"
#define RESET "reset"

struct script {
	const char *greeting;
	const char *ehlo;
	const char *starttls;
	const char *tls_ehlo;
	const char *auth;
	const char *mail;
	const char *data;
	const char *end;
	const char *quit;
	int tls_min; /* OpenSSL's number, 0: any */
};

/* ---- certificates ------------------------------------------------------- */

static char folder[] = "/tmp/smtp-XXXXXX";
static EVP_PKEY *key;

static X509 *make_certificate(const char *names, long days)
{
	X509 *cert = X509_new();
	X509_NAME *name = X509_get_subject_name(cert);
	static const unsigned char common[] = "test server";
	X509_EXTENSION *alt =
	    X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, names);

	X509_set_version(cert, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
	X509_gmtime_adj(X509_getm_notBefore(cert), -3 * 86400);
	X509_gmtime_adj(X509_getm_notAfter(cert), days * 86400);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, common, -1, -1, 0);
	X509_set_issuer_name(cert, name);
	X509_set_pubkey(cert, key);
	X509_add_ext(cert, alt, -1);
	X509_EXTENSION_free(alt);
	X509_sign(cert, key, EVP_sha256());
	return cert;
}

static char *write_certificate(const char *file, X509 *cert)
{
	char *path = mem_printf("%s/%s", folder, file);
	FILE *out = fopen(path, "w");

	PEM_write_X509(out, cert);
	fclose(out);
	return path;
}

/* ---- the server --------------------------------------------------------- */

static struct server {
	const struct script *script;
	int fd;
	SSL *ssl;
	struct buf in;
	struct buf heard;
} server;

static void fall_silent(void)
{
	char block[512];
	ssize_t got;

	do {
		got = server.ssl ? SSL_read(server.ssl, block, sizeof(block))
				 : read(server.fd, block, sizeof(block));
	} while (got > 0);
}

/* False when the session is over. */
static bool reply(const char *answer, const char *usual)
{
	struct linger now = { .l_onoff = 1 };

	if (!answer)
		answer = usual;
	if (strcmp(answer, HANG) == 0)
		fall_silent();
	if (strcmp(answer, RESET) == 0)
		setsockopt(server.fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	if (!strchr(answer, '\n'))
		return false;
	if (server.ssl)
		return SSL_write(server.ssl, answer, (int)strlen(answer)) > 0;
	return write(server.fd, answer, strlen(answer)) > 0;
}

/* One line with its end, NULL at the end. Lent until the next call. */
static const char *next_line(void)
{
	static char line[4096];
	const char *stop;
	size_t len;

	while (!(stop = memchr(buf_text(&server.in), '\n', server.in.len))) {
		char block[4096];
		ssize_t got = server.ssl
		    ? SSL_read(server.ssl, block, sizeof(block))
		    : read(server.fd, block, sizeof(block));

		if (got <= 0)
			return NULL;
		buf_add(&server.in, block, (size_t)got);
	}
	len = (size_t)(stop + 1 - server.in.data);
	snprintf(line, sizeof(line), "%.*s", (int)len, server.in.data);
	buf_shift(&server.in, len);
	if (server.heard.len < 32768)
		buf_puts(&server.heard, line);
	return line;
}

static bool take_message(const struct script *script)
{
	const char *line;

	if (!reply(script->data, "354 go ahead\r\n"))
		return false;
	if (script->data && script->data[0] != '3')
		return true;
	while ((line = next_line())) {
		if (strcmp(line, ".\r\n") == 0)
			return reply(script->end, "250 taken\r\n");
	}
	return false;
}

static bool begin_tls(SSL_CTX *tls)
{
	const char *name;

	server.ssl = SSL_new(tls);
	SSL_set_fd(server.ssl, server.fd);
	if (SSL_accept(server.ssl) <= 0)
		return false;
	name = SSL_get_servername(server.ssl, TLSEXT_NAMETYPE_host_name);
	buf_printf(&server.heard, "(TLS for %s)\r\n", name ? name : "nobody");
	buf_reset(&server.in);
	return true;
}

static bool serve_line(
    const struct script *script, SSL_CTX *tls, const char *line)
{
	const char *at = strchr(line, '<');
	char answer[64];

	if (text_starts(line, "EHLO"))
		return reply(server.ssl ? script->tls_ehlo : script->ehlo,
		    "250-test\r\n250 PIPELINING\r\n");
	if (text_starts(line, "STARTTLS"))
		return reply(script->starttls, "220 go\r\n") && begin_tls(tls);
	if (text_starts(line, "AUTH"))
		return reply(script->auth, "235 welcome\r\n");
	if (text_starts(line, "MAIL"))
		return reply(script->mail, "250 fine\r\n");
	if (text_starts(line, "DATA"))
		return take_message(script);
	if (text_starts(line, "QUIT")) {
		reply(script->quit, "221 bye\r\n");
		return false;
	}
	/* RCPT TO:<451.joe@…> is answered with 451. */
	if (text_starts(line, "RCPT") && at && isdigit((unsigned char)at[1])) {
		snprintf(
		    answer, sizeof(answer), "%.3s not \x1b[1mhim\r\n", at + 1);
		return reply(answer, NULL);
	}
	return reply(NULL, "250 fine\r\n");
}

static void serve(const struct script *script, X509 *cert)
{
	SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
	const char *line;

	if (cert) {
		SSL_CTX_use_certificate(tls, cert);
		SSL_CTX_use_PrivateKey(tls, key);
	}
	SSL_CTX_set_min_proto_version(tls, script->tls_min);
	if (reply(script->greeting, "220 test\r\n")) {
		while ((line = next_line()) && serve_line(script, tls, line))
			;
	}
	SSL_CTX_free(tls);
}

static pid_t server_pid;
static int server_port;
static int server_tells;

static void start_server(const struct script *script, X509 *cert)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int tells[2];

	bind(listener, (struct sockaddr *)(void *)&address, size);
	listen(listener, 4);
	getsockname(listener, (struct sockaddr *)(void *)&address, &size);
	server_port = ntohs(address.sin_port);
	if (pipe(tells) < 0)
		abort();
	server_tells = tells[0];
	fflush(stdout);
	server_pid = fork();
	if (server_pid > 0) {
		close(tells[1]);
		close(listener);
		return;
	}
	/* A bound, should nobody come or nobody leave. */
	alarm(60);
	server = (struct server){ .script = script,
		.fd = accept(listener, NULL, NULL),
		.in = BUF_INIT(1 << 20),
		.heard = BUF_INIT(65536) };
	serve(script, cert);
	close(server.fd);
	if (write(tells[1], buf_text(&server.heard), server.heard.len) < 0)
		_exit(1);
	_exit(0);
}

/* What the server was told, once it has ended; the caller's. */
static char *end_server(void)
{
	auto_buf struct buf heard = BUF_INIT(65536);
	char block[4096];
	ssize_t got;

	while ((got = read(server_tells, block, sizeof(block))) > 0)
		buf_add(&heard, block, (size_t)got);
	close(server_tells);
	waitpid(server_pid, NULL, 0);
	return buf_steal(&heard);
}

/* ---- sending ------------------------------------------------------------ */

static struct mail_settings settings;
static struct smtp_target targets[4];
static struct smtp_result result;
static struct why why;
static char name_and_port[64];
static const char message[] = "From: a@b\r\nTo: c@d\r\nSubject: x\r\n"
			      "Date: Mon, 20 Dec 2021 12:24:23 +0000\r\n"
			      "Message-ID: <1@b>\r\n\r\n"
			      "hello\r\n.\r\n..two\r\nend\r\n";
static int answers;

static void count_answer(void *arg)
{
	(void)arg;
	answers++;
}

/* Sends to `who` (ends with NULL) by the settings; the server's notes. */
static char *send_to(const struct script *script, X509 *cert, const char *host,
    const char *const *who)
{
	struct smtp_job job = { .settings = &settings,
		.from = "hooks@example.org",
		.message = message,
		.len = sizeof(message) - 1,
		.targets = targets,
		.answered = count_answer };

	start_server(script, cert);
	snprintf(
	    name_and_port, sizeof(name_and_port), "%s:%d", host, server_port);
	settings.server = name_and_port;
	memset(targets, 0, sizeof(targets));
	memset(&result, 0, sizeof(result));
	why.text[0] = '\0';
	answers = 0;
	for (; who[job.count]; job.count++)
		targets[job.count].address = who[job.count];
	if (smtp_send(&job, &result, &why) < 0)
		kill(server_pid, SIGKILL);
	return end_server();
}

static const char *const joe[] = { "joe@example.org", NULL };

static void expect(
    const char *name, const char *error, int code, bool permanent, bool refused)
{
	ok(!targets[0].sent && result.sent == 0, "%s: nobody counts as told",
	    name);
	has_str(result.error, error, "  the sentence says why");
	is_int(result.code, code, "  with the server's code");
	ok(result.permanent == permanent && targets[0].permanent == refused,
	    "  %s, %s",
	    permanent ? "the settings are at fault"
		      : "the settings are not at fault",
	    refused ? "the recipient is refused" : "the recipient is left");
}

static void bad_servers(void)
{
	static const struct {
		const char *name;
		struct script script;
		const char *error;
		int code;
		bool permanent, refused;
	} cases[] = {
		{ "a busy server", { .greeting = "421 too busy\r\n" },
		    "the greeting: 421 too busy", 421, false, false },
		{ "a server that wants nobody",
		    { .greeting = "554-go\r\n554 away\r\n" },
		    "the greeting: 554", 554, false, false },
		{ "no greeting", { .greeting = HANG },
		    "did not answer at the greeting", 0, false, false },
		{ "a server that closes", { .greeting = DROP },
		    "broke off or did not answer at the greeting", 0, false,
		    false },
		{ "no SMTP at all", { .greeting = "HTTP/1.1 400 Bad\r\n\r\n" },
		    "the greeting", 0, false, false },
		{ "EHLO refused", { .ehlo = "550 not you\r\n" },
		    "EHLO: 550 not you", 550, false, false },
		{ "a hang at MAIL", { .mail = HANG },
		    "did not answer at MAIL FROM", 0, false, false },
		{ "a sender refused", { .mail = "553 no such sender\r\n" },
		    "sender <hooks@example.org> refused: 553 no such sender",
		    553, true, false },
		{ "a sender deferred", { .mail = "451 later\r\n" },
		    "refused: 451 later", 451, false, false },
		{ "authentication wanted", { .mail = "530 who are you\r\n" },
		    "wants a user and a password", 530, true, false },
		{ "DATA refused", { .data = "554 no data\r\n" },
		    "message refused: 554 no data", 554, false, true },
		{ "a drop at DATA", { .data = DROP },
		    "broke off or did not answer at", 0, false, false },
		{ "a reset at DATA", { .data = RESET },
		    "broke off or did not answer at", 0, false, false },
		{ "the message refused", { .end = "552 too big\r\n" },
		    "message refused: 552 too big", 552, false, true },
		{ "the message deferred", { .end = "452 disk full\r\n" },
		    "message refused: 452 disk full", 452, false, false },
		{ "a drop after the message", { .end = DROP },
		    "broke off or did not answer at DATA", 0, false, false },
		{ "nothing but a farewell",
		    { .greeting = "421 bye\r\n", .quit = RESET },
		    "the greeting: 421 bye", 421, false, false },
		{ "a hang after the message", { .end = HANG },
		    "broke off or did not answer at DATA", 0, false, false },
	};
	size_t i;

	settings.timeout_ms = 200;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		free(send_to(&cases[i].script, NULL, "127.0.0.1", joe));
		expect(cases[i].name, cases[i].error, cases[i].code,
		    cases[i].permanent, cases[i].refused);
	}
}

static void no_server(void)
{
	static const struct script script = { .greeting = DROP };
	struct smtp_job job = { .settings = &settings,
		.from = "hooks@example.org",
		.message = message,
		.len = sizeof(message) - 1,
		.targets = targets,
		.count = 1 };

	free(send_to(&script, NULL, "127.0.0.1", joe));
	smtp_send(&job, &result, &why);
	expect("nobody listens", "cannot connect: Connection refused", 0, false,
	    false);
	settings.server = (char[]){ "does-not-exist.invalid:25" };
	smtp_send(&job, &result, &why);
	expect("no such host", "cannot look up the server: ", 0, false, false);
}

static void recipients(void)
{
	static const char *const three[] = { "joe@example.org",
		"451.later@example.org", "550.gone@example.org", NULL };
	static const char *const gone[] = { "550.a@example.org",
		"421.b@example.org", NULL };
	static const struct script good = { 0 };
	static const struct script pretends = { .data = "354 go\r\n" };
	auto_free char *heard = send_to(&good, NULL, "127.0.0.1", three);

	ok(targets[0].sent && result.sent == 1,
	    "one recipient is told though others are not");
	ok(!targets[1].sent && !targets[1].permanent && targets[1].code == 451,
	    "one that is deferred is left");
	ok(!targets[2].sent && targets[2].permanent && targets[2].code == 550,
	    "one that is refused is refused for good");
	has_str(result.error, "recipient <451.later@example.org> deferred: 451",
	    "the first failure makes the sentence");
	ok(!strchr(result.error, '\x1b') && !strchr(targets[2].text, '\x1b'),
	    "escape sequences of a server are made visible");
	free(send_to(&pretends, NULL, "127.0.0.1", gone));
	ok(result.sent == 0 && !targets[0].sent && !targets[1].sent,
	    "a 250 for the message counts for nobody who was not accepted");
	ok(targets[0].permanent && !targets[1].permanent,
	    "421 for a recipient is no refusal");
}

static void refused_input(void)
{
	struct smtp_job job = { .settings = &settings,
		.from = "hooks@example.org",
		.message = message,
		.len = sizeof(message) - 1,
		.count = 1 };
	static const char *const evil[] = { "joe@example.org>\r\nRSET", NULL };
	static const struct script good = { 0 };
	auto_free char *heard = send_to(&good, NULL, "127.0.0.1", evil);

	has_str(why.text, "recipient 1 is no address",
	    "an address with a line break is never sent");
	is_str(heard, "", "the server hears nothing of it");
	free(heard);
	settings.hello = (char[]){ "me\r\nMAIL" };
	heard = send_to(&good, NULL, "127.0.0.1", joe);
	has_str(why.text, "mail.hello", "nor is such a name for ourselves");
	settings.hello = NULL;
	job.targets = targets;
	targets[0].address = "joe@example.org";
	settings.server = (char[]){ "[::1]:25" };
	ok(smtp_send(&job, &result, &why) < 0 &&
		strstr(why.text, "IPv6 server needs a name"),
	    "an address that the library would cut in two is refused");
}

static void good_mail(void)
{
	static const struct script good = { .quit = HANG };
	auto_free char *heard = NULL;

	settings.hello = (char[]){ "mon1.example.org" };
	heard = send_to(&good, NULL, "127.0.0.1", joe);
	settings.hello = NULL;
	ok(targets[0].sent && result.sent == 1 && !result.error[0],
	    "a good server takes the mail");
	is_int(answers, 1, "that is known before a farewell that hangs");
	has_str(heard, "EHLO mon1.example.org\r\n", "we say our name");
	has_str(heard, "MAIL FROM:<hooks@example.org>", "the sender");
	has_str(heard, "RCPT TO:<joe@example.org>", "the recipient");
	has_str(heard, "Subject: x\r\n", "the header");
	has_str(heard, "\r\n\r\nhello\r\n..\r\n...two\r\nend\r\n.\r\n",
	    "lone dots are doubled, line ends are kept");
	is_int(answers, 1, "the answer is told once");
}

/* ---- authentication ----------------------------------------------------- */

static void authentication(void)
{
	static const struct script wrong = {
		.ehlo = "250-x\r\n250 AUTH PLAIN LOGIN\r\n",
		.auth = "535 wrong password\r\n",
		.mail = "530 not without a password\r\n",
	};
	static const struct script relay = {
		.ehlo = "250-x\r\n250 AUTH PLAIN\r\n",
		.auth = "535 wrong password\r\n",
	};
	static const struct script down = {
		.ehlo = "250-x\r\n250 AUTH PLAIN\r\n",
		.auth = "454 directory is down\r\n",
		.mail = "530 not without a password\r\n",
	};
	static const struct script none = { .mail = "530 who\r\n" };
	static const struct script good = {
		.ehlo = "250-x\r\n250 AUTH PLAIN\r\n",
	};
	static const char *const stranger[] = { "550.relay@example.org", NULL };
	auto_free char *heard = NULL;

	settings.user = (char[]){ "hooks" };
	settings.password = (char[]){ "secret-word" };
	free(send_to(&wrong, NULL, "127.0.0.1", joe));
	expect("a wrong password", "authentication failed: 535 wrong password",
	    535, true, false);
	free(send_to(&relay, NULL, "127.0.0.1", stranger));
	expect("a wrong password, noticed at RCPT",
	    "authentication failed: 535", 535, true, false);
	free(send_to(&down, NULL, "127.0.0.1", joe));
	expect("a server that cannot check passwords",
	    "authentication failed: 454", 454, false, false);
	free(send_to(&none, NULL, "127.0.0.1", joe));
	expect("a server without AUTH", "offers no way that fits", 530, true,
	    false);
	ok(!strstr(result.error, "secret-word"), "no password in a sentence");
	heard = send_to(&good, NULL, "127.0.0.1", joe);
	ok(targets[0].sent, "with the right password the mail is taken");
	has_str(heard, "AUTH PLAIN AGhvb2tzAHNlY3JldC13b3Jk\r\n",
	    "user and password as RFC 4616 wants them");
	settings.user = settings.password = NULL;
}

/* ---- TLS ---------------------------------------------------------------- */

static const char offer[] = "250-x\r\n250 STARTTLS\r\n";

static void bad_tls(void)
{
	static const struct script plain = { 0 };
	static const struct script tls = { .ehlo = offer };
	static const struct script busy = { .ehlo = offer,
		.starttls = "454 not now\r\n" };
	static const struct script drop = { .ehlo = offer, .starttls = DROP };
	static const struct script inject = { .ehlo = offer,
		.starttls = "220 go\r\n250 injected\r\n" };
	static const struct script new = { .ehlo = offer,
		.tls_min = TLS1_3_VERSION };
	X509 *other = make_certificate("DNS:other.example.org", 30);
	X509 *expired = make_certificate("DNS:localhost,IP:127.0.0.1", -1);
	X509 *right = make_certificate("DNS:localhost,IP:127.0.0.1", 30);
	auto_free char *other_file = write_certificate("other.pem", other);
	auto_free char *old_file = write_certificate("old.pem", expired);
	auto_free char *right_file = write_certificate("right.pem", right);

	settings.starttls = STARTTLS_REQUIRED;
	settings.ca_file = right_file;
	free(send_to(&plain, NULL, "127.0.0.1", joe));
	expect("no STARTTLS offered", "offers no STARTTLS, which is required",
	    0, true, false);
	free(send_to(&busy, NULL, "127.0.0.1", joe));
	expect("STARTTLS refused", "STARTTLS: 454 not now", 454, false, false);
	free(send_to(&drop, NULL, "127.0.0.1", joe));
	expect("a drop at STARTTLS", "broke off or did not answer at STARTTLS",
	    0, false, false);
	free(send_to(&inject, right, "127.0.0.1", joe));
	expect("words slipped in before TLS",
	    "sent text between STARTTLS and TLS", 0, false, false);
	free(send_to(&new, right, "127.0.0.1", joe));
	expect("nothing but TLS 1.3", "TLS failed: ", 0, false, false);
	free(send_to(&tls, other, "localhost", joe));
	expect("a certificate of nobody we know", "certificate refused: self",
	    0, true, false);
	settings.ca_file = other_file;
	free(send_to(&tls, other, "localhost", joe));
	expect("a certificate for another host",
	    "certificate refused: hostname mismatch", 0, true, false);
	free(send_to(&tls, other, "127.0.0.1", joe));
	expect("a certificate for another address",
	    "certificate refused: IP address mismatch", 0, true, false);
	settings.ca_file = old_file;
	free(send_to(&tls, expired, "localhost", joe));
	expect("a certificate that has expired",
	    "certificate refused: certificate has expired", 0, true, false);
	settings.ca_file = (char[]){ "/nonexistent.pem" };
	free(send_to(&tls, right, "localhost", joe));
	has_str(why.text, "/nonexistent.pem: cannot read certificates",
	    "without its CA file nothing is sent, least of all in clear");
	X509_free(other);
	X509_free(expired);
	X509_free(right);
}

static void good_tls(void)
{
	static const struct script tls = { .ehlo = offer,
		.tls_ehlo = "250-x\r\n250 AUTH PLAIN\r\n" };
	X509 *right = make_certificate("DNS:localhost,IP:127.0.0.1", 30);
	auto_free char *file = write_certificate("right.pem", right);
	auto_free char *heard = NULL;
	int sent = 0;
	int i;

	settings.ca_file = file;
	settings.user = (char[]){ "hooks" };
	settings.password = (char[]){ "secret-word" };
	settings.timeout_ms = 5000;
	heard = send_to(&tls, right, "localhost", joe);
	ok(targets[0].sent,
	    "over TLS with a good certificate the mail is taken");
	has_str(heard, "STARTTLS\r\n(TLS for localhost)\r\nEHLO",
	    "the handshake names the server");
	ok(heard && strstr(heard, "AUTH") > strstr(heard, "(TLS"),
	    "the password goes through TLS only");
	free(send_to(&tls, right, "127.0.0.1", joe));
	ok(targets[0].sent, "a certificate may be for an address");
	for (i = 0; i < 20; i++) {
		free(send_to(&tls, right, "localhost", joe));
		sent += targets[0].sent;
	}
	is_int(sent, 20, "twenty in a row, none of them hangs");
	X509_free(right);
}

static void clean_up(void)
{
	static const char *const files[] = { "other.pem", "old.pem",
		"right.pem", NULL };
	size_t i;

	for (i = 0; files[i]; i++) {
		auto_free char *path = mem_printf("%s/%s", folder, files[i]);

		unlink(path);
	}
	rmdir(folder);
	EVP_PKEY_free(key);
}

int main(void)
{
	if (!mkdtemp(folder))
		return 1;
	key = EVP_EC_gen("P-256");
	settings.starttls = STARTTLS_OFF;
	bad_servers();
	no_server();
	settings.timeout_ms = 2000;
	recipients();
	refused_input();
	settings.timeout_ms = 300;
	good_mail();
	settings.timeout_ms = 2000;
	authentication();
	bad_tls();
	good_tls();
	has_str(smtp_library(), "libesmtp 1.", "the library has a version");
	clean_up();
	return done();
}
