/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * port/http: libcurl behind a small door. One `struct call` is one easy handle
 * on its way; handles are used again, connections are the multi's and stay
 * open between calls. What libcurl makes of the peer is put in our terms here:
 * status, phases, the first bytes of the answer, and how it ended, which
 * model/ending judges.
 *
 * Promises: every call that was started is reaped once (or ended by
 * http_close); no more of an answer is held than ANSWER_KEEP_MAX; no sentence
 * holds a URL's path, query or user, nor a header. Never follows redirects,
 * never looks at the environment (proxies, .netrc), never logs, never decides
 * about retries. If we die in the middle, the peer may have got the request
 * and nobody here knows: it is sent again with the same webhook-id.
 */
#include "port/http.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/now.h"
#include "model/ending.h"

#include <assert.h>
#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char SYSTEM_CA_FILE[] = "/etc/ssl/certs/ca-certificates.crt";
/* Idle easy handles kept for the next calls; each holds a few KiB. */
enum { IDLE_MAX = 64 };
/* All header bytes of one call, interim answers included. */
enum { HEADERS_READ_MAX = 64 * 1024 };
/* Parsed CA certificates are used again for this long. */
enum { CA_CACHE_S = 3600 };
/* Retry-After is cut to this much; the policy has a nearer limit. */
static const int64_t RETRY_AFTER_CAP_S = 366 * 24 * 3600LL;

struct call {
	struct call *prev, *next;
	CURL *easy;
	/* What a handle that is used again has been told once. */
	bool settled; /* all that is the same for every call … */
	enum request_aim aim; /* … of this kind … */
	unsigned generation; /* … under this configuration */
	/* From here on of one call. */
	bool
	    smooth; /* it went so well that nothing of it clings to the handle */
	struct curl_slist *headers; /* with its text, one block */
	const struct request *request;
	void *token;
	struct answer answer;
	struct sockaddr_storage tried; /* the last address tried */
	socklen_t tried_len;
	int socket_errno; /* of a socket that could not be made, or 0 */
	int64_t header_bytes;
	int64_t body_bytes;
	bool cut; /* we ended it: too much was coming */
	bool endless; /* Retry-After is a number longer than any wait */
	bool in_body;
	char message[CURL_ERROR_SIZE];
};

struct http {
	CURLM *multi;
	struct http_loop loop;
	char *ca_file;
	char *proxy; /* NULL: none */
	int64_t configured_ms; /* last reload, steady time */
	unsigned generation; /* of the configuration */
	struct call *active;
	struct call *failed; /* could not start, to be reaped */
	struct call *idle;
	int idle_count;
};

/* ---- the library's callbacks ------------------------------------------- */

static int socket_changed(
    CURL *easy, curl_socket_t fd, int what, void *arg, void *slot)
{
	static const int wants[] = {
		[CURL_POLL_IN] = HTTP_READ,
		[CURL_POLL_OUT] = HTTP_WRITE,
		[CURL_POLL_INOUT] = HTTP_READ | HTTP_WRITE,
		[CURL_POLL_REMOVE] = 0,
	};
	struct http *http = arg;

	(void)easy;
	http->loop.watch(http->loop.arg, fd, wants[what], &slot);
	curl_multi_assign(http->multi, fd, slot);
	return 0;
}

static int timer_changed(CURLM *multi, long ms, void *arg)
{
	struct http *http = arg;

	(void)multi;
	http->loop.alarm(http->loop.arg, ms);
	return 0;
}

/* Every address is seen here, after its name was resolved and before the first
 * packet: the place to judge it. Also tells want of descriptors, which the
 * library would report as a refused connection. */
static curl_socket_t open_socket(
    void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct call *call = arg;
	int fd;

	(void)purpose;
	if (address->addrlen <= sizeof(call->tried)) {
		memcpy(&call->tried, &address->addr, address->addrlen);
		call->tried_len = address->addrlen;
	}
	fd = socket(address->family, address->socktype | SOCK_CLOEXEC,
	    address->protocol);
	if (fd < 0) {
		call->socket_errno = errno;
		return CURL_SOCKET_BAD;
	}
	return fd;
}

static size_t header_came(char *data, size_t size, size_t count, void *arg)
{
	struct call *call = arg;

	call->endless |= answer_asks_endlessly(data, size * count);
	call->header_bytes += (int64_t)(size * count);
	if (call->header_bytes <= HEADERS_READ_MAX)
		return size * count;
	call->cut = true;
	return 0;
}

static size_t body_came(char *data, size_t size, size_t count, void *arg)
{
	struct call *call = arg;
	struct answer *answer = &call->answer;
	size_t len = size * count;
	size_t room = ANSWER_KEEP_MAX - answer->body_len;
	size_t kept = len < room ? len : room;

	call->in_body = true;
	memcpy(answer->body + answer->body_len, data, kept);
	answer->body_len += kept;
	call->body_bytes += (int64_t)len;
	if (call->body_bytes <= ANSWER_READ_MAX)
		return len;
	/* What the library had taken from the socket beyond is not looked at. */
	call->body_bytes = ANSWER_READ_MAX;
	call->cut = true;
	return 0;
}

/* ---- opening and settings ---------------------------------------------- */

int http_begin(struct why *why)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN };

	sigaction(SIGPIPE, &ignore, NULL);
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return fail(why, "libcurl cannot be set up");
	return 0;
}

const char *http_library(void)
{
	return curl_version();
}

/* Only a file that was asked for: without the system's, plain HTTP works. */
int http_check(const struct http_settings *settings, struct why *why)
{
	auto_close int fd = -1;
	char byte;

	if (!settings->ca_file)
		return 0;
	fd = open(settings->ca_file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return fail(why, "%s: cannot open: %m", settings->ca_file);
	if (read(fd, &byte, 1) < 0)
		return fail(why, "%s: cannot read: %m", settings->ca_file);
	return 0;
}

int http_configure(
    struct http *http, const struct http_settings *settings, struct why *why)
{
	const char *ca_file =
	    settings->ca_file ? settings->ca_file : SYSTEM_CA_FILE;

	if (http_check(settings, why) < 0)
		return -1;
	free(http->ca_file);
	free(http->proxy);
	http->ca_file = mem_strdup(ca_file);
	http->proxy = mem_strdup(settings->proxy);
	http->configured_ms = now_steady_ms();
	http->generation++;
	/* Below the number of calls in flight, most would connect anew. */
	curl_multi_setopt(
	    http->multi, CURLMOPT_MAXCONNECTS, (long)settings->max_connections);
	return 0;
}

struct http *http_open(const struct http_settings *settings,
    const struct http_loop *loop, struct why *why)
{
	struct http *http = mem_zalloc(sizeof(*http));

	http->loop = *loop;
	http->multi = curl_multi_init();
	if (!http->multi) {
		free(http);
		fail(why, "libcurl cannot open a multi handle");
		return NULL;
	}
	curl_multi_setopt(http->multi, CURLMOPT_SOCKETFUNCTION, socket_changed);
	curl_multi_setopt(http->multi, CURLMOPT_SOCKETDATA, http);
	curl_multi_setopt(http->multi, CURLMOPT_TIMERFUNCTION, timer_changed);
	curl_multi_setopt(http->multi, CURLMOPT_TIMERDATA, http);
	if (http_configure(http, settings, why) < 0) {
		http_close(http);
		return NULL;
	}
	http->configured_ms = 0; /* nothing is cached yet */
	return http;
}

/* ---- the life of a call ------------------------------------------------ */

static void link_call(struct call **list, struct call *call)
{
	call->prev = NULL;
	call->next = *list;
	if (*list)
		(*list)->prev = call;
	*list = call;
}

static void unlink_call(struct call **list, struct call *call)
{
	if (call->prev)
		call->prev->next = call->next;
	else
		*list = call->next;
	if (call->next)
		call->next->prev = call->prev;
}

static void free_call(struct call *call)
{
	free(call->headers);
	if (call->easy)
		curl_easy_cleanup(call->easy);
	free(call);
}

static struct call *new_call(struct http *http)
{
	struct call *call = http->idle;

	if (call) {
		unlink_call(&http->idle, call);
		http->idle_count--;
		return call;
	}
	call = mem_zalloc(sizeof(*call));
	call->easy = curl_easy_init();
	return call;
}

static void retire(struct http *http, struct call *call)
{
	if (!call->easy || http->idle_count >= IDLE_MAX) {
		free_call(call);
		return;
	}
	free(call->headers);
	*call = (struct call){
		.easy = call->easy,
		.settled = call->settled && call->smooth,
		.aim = call->aim,
		.generation = call->generation,
	};
	link_call(&http->idle, call);
	http->idle_count++;
}

static void end_all(struct http *http, struct call **list, bool in_multi)
{
	while (*list) {
		struct call *call = *list;

		unlink_call(list, call);
		if (in_multi)
			curl_multi_remove_handle(http->multi, call->easy);
		free_call(call);
	}
}

void http_close(struct http *http)
{
	if (!http)
		return;
	end_all(http, &http->active, true);
	end_all(http, &http->failed, false);
	end_all(http, &http->idle, false);
	curl_multi_cleanup(http->multi);
	free(http->ca_file);
	free(http->proxy);
	free(http);
}

/* ---- starting ---------------------------------------------------------- */

/* The library takes a header without a value for one to be left out, and wants
 * a semicolon to send it empty. */
static const char *sign_for(const char *value)
{
	return value[strspn(value, " \t")] ? ": " : ";";
}

static size_t length_of(const struct request *request)
{
	size_t all = 0;
	size_t i;

	for (i = 0; i < request->header_count; i++)
		all += strlen(request->headers[i].name) +
		    strlen(request->headers[i].value) + sizeof(": ");
	return all;
}

/* The library's list, with its text behind it. No Expect: waiting for 100
 * Continue costs a second with peers that do not know it. */
static struct curl_slist *spell_headers(const struct request *request)
{
	static char no_expect[] = "Expect:";
	size_t count = request->header_count;
	struct curl_slist *list =
	    mem_alloc((count + 1) * sizeof(*list) + length_of(request));
	char *at = (char *)&list[count + 1];
	size_t i;

	list[count] = (struct curl_slist){ .data = no_expect };
	for (i = 0; i < count; i++) {
		const struct header *header = &request->headers[i];
		const char *sign = sign_for(header->value);

		list[i] = (struct curl_slist){ at, &list[i + 1] };
		at = stpcpy(stpcpy(at, header->name), sign);
		if (*sign == ':')
			at = stpcpy(at, header->value);
		at++;
	}
	return list;
}

/* What was cached before the last configuration is older than that and so is
 * not used: the file is read anew. 0 turns the cache off, for less than a
 * second after a reload. */
static long ca_cache_seconds(const struct http *http)
{
	int64_t age = (now_steady_ms() - http->configured_ms) / 1000;

	return age < CA_CACHE_S ? (long)age : CA_CACHE_S;
}

/* Setting an option fails for want of memory or a value out of range only, so
 * the results are gathered and looked at once. */
static unsigned set_request(const struct http *http, struct call *call)
{
	const struct request *request = call->request;
	CURL *easy = call->easy;
	unsigned bad = 0;

	bad |= curl_easy_setopt(easy, CURLOPT_URL, request->url);
	bad |= curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
	bad |= curl_easy_setopt(
	    easy, CURLOPT_POSTFIELDS, request->body ? request->body : "");
	bad |= curl_easy_setopt(
	    easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_len);
	bad |= curl_easy_setopt(easy, CURLOPT_HTTPHEADER, call->headers);
	bad |= curl_easy_setopt(
	    easy, CURLOPT_TIMEOUT_MS, (long)request->timeout_ms);
	bad |= curl_easy_setopt(
	    easy, CURLOPT_CONNECTTIMEOUT_MS, (long)request->connect_timeout_ms);
	bad |= curl_easy_setopt(
	    easy, CURLOPT_CA_CACHE_TIMEOUT, ca_cache_seconds(http));
	return bad;
}

/* To look only: the library stops where the first request would go out, for
 * SMTP behind EHLO and STARTTLS. */
static unsigned set_aim(struct call *call)
{
	enum request_aim aim = call->request->aim;
	CURL *easy = call->easy;
	unsigned bad = 0;

	bad |= curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR,
	    aim == AIM_CALL ? "http,https" : "http,https,smtp");
	bad |= curl_easy_setopt(
	    easy, CURLOPT_CONNECT_ONLY, (long)(aim != AIM_CALL));
	if (aim == AIM_LOOK_STARTTLS)
		bad |= curl_easy_setopt(
		    easy, CURLOPT_USE_SSL, (long)CURLUSESSL_ALL);
	return bad;
}

static unsigned set_callbacks(struct call *call)
{
	CURL *easy = call->easy;
	unsigned bad = 0;

	bad |= curl_easy_setopt(easy, CURLOPT_PRIVATE, call);
	bad |= curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, call->message);
	bad |= curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, header_came);
	bad |= curl_easy_setopt(easy, CURLOPT_HEADERDATA, call);
	bad |= curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, body_came);
	bad |= curl_easy_setopt(easy, CURLOPT_WRITEDATA, call);
	bad |= curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	bad |= curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, call);
	return bad;
}

/* The same for every call. HTTP/1.1, for with h2 by ALPN the library fails on
 * answers that come before the body was read. QUICK_EXIT, for a resolver that
 * hangs must not hold our end up. */
static const struct {
	CURLoption option;
	long value;
} switches[] = {
	{ CURLOPT_POST, 1 },
	{ CURLOPT_PATH_AS_IS, 1 },
	{ CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1 },
	{ CURLOPT_FOLLOWLOCATION, 0 },
	{ CURLOPT_NOSIGNAL, 1 },
	{ CURLOPT_QUICK_EXIT, 1 },
	{ CURLOPT_TCP_KEEPALIVE, 1 },
	{ CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2 },
};

enum { SWITCH_COUNT = sizeof(switches) / sizeof(switches[0]) };

/* CAPATH NULL: with it the CA cache is off, and a TLS connection costs 30 ms.
 * An empty PROXY and NOPROXY "*": the environment is not looked at. */
static unsigned set_transport(const struct http *http, CURL *easy)
{
	const char *proxy = http->proxy;
	unsigned bad = 0;
	size_t i;

	for (i = 0; i < SWITCH_COUNT; i++)
		bad |= curl_easy_setopt(
		    easy, switches[i].option, switches[i].value);
	bad |= curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	bad |= curl_easy_setopt(easy, CURLOPT_CAINFO, http->ca_file);
	bad |= curl_easy_setopt(easy, CURLOPT_PROXY, proxy ? proxy : "");
	bad |= curl_easy_setopt(easy, CURLOPT_NOPROXY, proxy ? "" : "*");
	return bad;
}

/* A handle that had a call like this one knows already. */
static bool settle(const struct http *http, struct call *call)
{
	enum request_aim aim = call->request->aim;

	if (call->settled && call->aim == aim &&
	    call->generation == http->generation)
		return true;
	curl_easy_reset(call->easy);
	call->aim = aim;
	call->generation = http->generation;
	call->settled = !set_aim(call) && !set_callbacks(call) &&
	    !set_transport(http, call->easy);
	return call->settled;
}

static bool start(struct http *http, struct call *call)
{
	if (!call->easy || !settle(http, call))
		return false;
	call->headers = spell_headers(call->request);
	if (set_request(http, call))
		return false;
	return curl_multi_add_handle(http->multi, call->easy) == CURLM_OK;
}

static void blank(struct answer *answer)
{
	*answer = (struct answer){
		.started_ms = now_wall_ms(),
		.dns_us = -1,
		.connect_us = -1,
		.tls_us = -1,
		.first_byte_us = -1,
		.retry_after_ms = -1,
	};
}

void http_start(struct http *http, const struct request *request, void *token)
{
	static const struct ending no_start = { .end = END_NO_START };
	struct call *call = new_call(http);

	call->request = request;
	call->token = token;
	blank(&call->answer);
	if (start(http, call)) {
		link_call(&http->active, call);
		return;
	}
	ending_judge(&no_start, &call->answer);
	link_call(&http->failed, call);
}

void http_ready(struct http *http, int fd, int want)
{
	int mask = 0;
	int running;

	if (want & HTTP_READ)
		mask |= CURL_CSELECT_IN;
	if (want & HTTP_WRITE)
		mask |= CURL_CSELECT_OUT;
	curl_multi_socket_action(http->multi, fd, mask, &running);
}

void http_tick(struct http *http)
{
	int running;

	curl_multi_socket_action(http->multi, CURL_SOCKET_TIMEOUT, 0, &running);
}

/* ---- what became of it ------------------------------------------------- */

static int64_t number(const struct call *call, CURLINFO info)
{
	curl_off_t value = 0;

	curl_easy_getinfo(call->easy, info, &value);
	return value;
}

static long small(const struct call *call, CURLINFO info)
{
	long value = 0;

	curl_easy_getinfo(call->easy, info, &value);
	return value;
}

/* The library's times count from the start of the call, and are 0 when a
 * phase was not reached. On a connection used again nothing was looked up or
 * connected, whatever it reports. */
static void measure_phases(const struct call *call, struct answer *answer)
{
	int64_t name = number(call, CURLINFO_NAMELOOKUP_TIME_T);
	int64_t connect = number(call, CURLINFO_CONNECT_TIME_T);
	int64_t tls = number(call, CURLINFO_APPCONNECT_TIME_T);
	int64_t sent = number(call, CURLINFO_PRETRANSFER_TIME_T);
	int64_t first = number(call, CURLINFO_STARTTRANSFER_TIME_T);

	if (first > 0)
		answer->first_byte_us = first - sent;
	if (sent > 0 && small(call, CURLINFO_NUM_CONNECTS) == 0)
		return;
	if (name > 0)
		answer->dns_us = name;
	if (connect > 0)
		answer->connect_us = connect - name;
	if (tls > 0)
		answer->tls_us = tls - connect;
}

static void measure(const struct call *call, struct answer *answer)
{
	int64_t after = number(call, CURLINFO_RETRY_AFTER);

	measure_phases(call, answer);
	answer->duration_us = number(call, CURLINFO_TOTAL_TIME_T);
	answer->bytes_out = number(call, CURLINFO_SIZE_UPLOAD_T);
	answer->bytes_in = call->body_bytes;
	if (after > RETRY_AFTER_CAP_S || call->endless)
		after = RETRY_AFTER_CAP_S;
	if (after > 0)
		answer->retry_after_ms = after * 1000;
}

static void put_remote(
    struct answer *answer, const char *host, const char *port)
{
	snprintf(answer->remote, sizeof(answer->remote),
	    strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, port);
}

/* Who we talked to; when nobody answered, whom we tried last. */
static void find_remote(const struct call *call, struct answer *answer)
{
	const struct sockaddr *tried = (const void *)&call->tried;
	char host[INET6_ADDRSTRLEN + 16];
	char port[8];
	char *ip = NULL;

	curl_easy_getinfo(call->easy, CURLINFO_PRIMARY_IP, &ip);
	if (ip && *ip) {
		snprintf(port, sizeof(port), "%ld",
		    small(call, CURLINFO_PRIMARY_PORT) % 65536);
		put_remote(answer, ip, port);
		return;
	}
	if (call->tried_len &&
	    getnameinfo(tried, call->tried_len, host, sizeof(host), port,
		sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV) == 0)
		put_remote(answer, host, port);
}

/* What the library's codes mean; those that need a second look are below. */
static const struct {
	CURLcode code;
	enum end end;
} ends[] = {
	{ CURLE_OK, END_WHOLE },
	{ CURLE_COULDNT_RESOLVE_HOST, END_NO_NAME },
	{ CURLE_COULDNT_RESOLVE_PROXY, END_NO_PROXY_NAME },
	{ CURLE_COULDNT_CONNECT, END_NO_CONNECTION },
	{ CURLE_PROXY, END_PROXY_REFUSES },
	{ CURLE_PEER_FAILED_VERIFICATION, END_UNTRUSTED },
	{ CURLE_SSL_ISSUER_ERROR, END_UNTRUSTED },
	{ CURLE_SSL_INVALIDCERTSTATUS, END_UNTRUSTED },
	{ CURLE_SSL_CONNECT_ERROR, END_NO_TLS },
	{ CURLE_SSL_CIPHER, END_NO_TLS },
	{ CURLE_SSL_SHUTDOWN_FAILED, END_NO_TLS },
	{ CURLE_GOT_NOTHING, END_SILENT },
	{ CURLE_PARTIAL_FILE, END_SHORT },
	{ CURLE_SEND_ERROR, END_BROKEN },
	{ CURLE_RECV_ERROR, END_BROKEN },
	{ CURLE_WEIRD_SERVER_REPLY, END_NO_HTTP },
	{ CURLE_UNSUPPORTED_PROTOCOL, END_NO_HTTP },
	{ CURLE_OUT_OF_MEMORY, END_NO_MEMORY },
	{ CURLE_URL_MALFORMAT, END_BAD_URL },
	{ CURLE_SSL_CACERT_BADFILE, END_BAD_CA },
	{ CURLE_FAILED_INIT, END_NO_START },
	{ CURLE_USE_SSL_FAILED, END_NO_STARTTLS },
};

enum { END_ROWS = sizeof(ends) / sizeof(ends[0]) };

static enum end look_up(CURLcode code)
{
	size_t i;

	for (i = 0; i < END_ROWS; i++) {
		if (ends[i].code == code)
			return ends[i].end;
	}
	return END_OTHER;
}

/* Which time was over: that to connect, or that of the whole call. */
static void look_at_timeout(const struct call *call, struct ending *ending)
{
	const struct request *request = call->request;
	int64_t connect_ms = request->connect_timeout_ms;

	ending->limit_ms = request->timeout_ms;
	ending->end = call->header_bytes ? END_SLOW_BODY : END_SLOW_ANSWER;
	if (number(call, CURLINFO_PRETRANSFER_TIME_T) > 0)
		return;
	if (connect_ms < request->timeout_ms)
		ending->limit_ms = connect_ms;
	ending->end = call->tried_len ? END_SLOW_CONNECTION : END_SLOW_NAME;
}

/* Our own want of descriptors, told as if it were the peer's trouble. */
static void look_for_shortage(const struct call *call, struct ending *ending)
{
	int error = call->socket_errno;

	/* The resolver does not tell the want of them from an unknown name. */
	if (ending->end != END_NO_CONNECTION)
		error = file_try();
	if (!file_is_shortage(error))
		return;
	ending->end = END_NO_SOCKET;
	ending->os_errno = error;
}

/* A single header line past the library's own bound is told as a want of
 * memory, after the peer began to talk. */
static bool is_header_flood(const struct call *call)
{
	return !call->in_body &&
	    number(call, CURLINFO_STARTTRANSFER_TIME_T) > 0;
}

/* Codes that mean more than one thing. */
static void look_closer(
    const struct call *call, CURLcode code, struct ending *ending)
{
	if (call->cut) {
		ending->end = call->in_body ? END_CUT_BODY : END_CUT_HEADER;
		return;
	}
	if (code == CURLE_OPERATION_TIMEDOUT)
		look_at_timeout(call, ending);
	else if (ending->end == END_NO_CONNECTION || ending->end == END_NO_NAME)
		look_for_shortage(call, ending);
	else if (ending->end == END_NO_MEMORY && is_header_flood(call))
		ending->end = END_CUT_HEADER;
	else if (ending->end == END_NO_HTTP && !call->tried_len &&
	    number(call, CURLINFO_PRETRANSFER_TIME_T) == 0)
		ending->end = END_BAD_URL;
}

/* In TLS only the library's words tell a wrong name from an old certificate;
 * they quote the host, never more of the URL. Other messages may. */
static const char *detail(const struct call *call, CURLcode code, enum end end)
{
	if ((end == END_UNTRUSTED || end == END_NO_TLS) && call->message[0])
		return call->message;
	return end == END_OTHER ? curl_easy_strerror(code) : NULL;
}

/* An interim status (1xx) is no answer, unless it was taken for the last. */
static void conclude(struct call *call, CURLcode code)
{
	struct ending ending = {
		.end = look_up(code),
		.status = (int)small(call, CURLINFO_RESPONSE_CODE),
	};

	if (code != CURLE_OK && ending.status < 200)
		ending.status = 0;
	if (ending.end == END_NO_CONNECTION || ending.end == END_BROKEN)
		ending.os_errno = (int)small(call, CURLINFO_OS_ERRNO);
	look_closer(call, code, &ending);
	if (code == CURLE_OK && call->request->aim != AIM_CALL)
		ending.end = END_FOUND;
	ending.detail = detail(call, code, ending.end);
	measure(call, &call->answer);
	find_remote(call, &call->answer);
	ending_judge(&ending, &call->answer);
	call->smooth =
	    call->answer.fault == FAULT_NONE && call->answer.retry_after_ms < 0;
}

/* Takes the next finished call out of the multi; NULL when there is none. */
static struct call *next_done(struct http *http)
{
	struct call *call = NULL;
	CURLcode code;
	CURLMsg *message;
	int left;

	do {
		message = curl_multi_info_read(http->multi, &left);
		if (!message)
			return NULL;
	} while (message->msg != CURLMSG_DONE);
	code = message->data.result;
	curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &call);
	assert(call);
	conclude(call, code);
	curl_multi_remove_handle(http->multi, call->easy);
	unlink_call(&http->active, call);
	return call;
}

bool http_reap(struct http *http, void **token, struct answer *answer)
{
	struct call *call = http->failed;

	if (call)
		unlink_call(&http->failed, call);
	else
		call = next_done(http);
	if (!call)
		return false;
	*token = call->token;
	*answer = call->answer;
	retire(http, call);
	return true;
}
