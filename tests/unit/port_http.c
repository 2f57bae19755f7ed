/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * The HTTP client against peers: dead, silent, lying and endless ones first,
 * then a real nginx, plain and with TLS. The promise: whatever a peer does,
 * the call ends in its time, with the right word, and nothing secret in it.
 */
#include "port/http.h"

#include "base/mem.h"

#include "peer.h"
#include "tap.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/resource.h>

/* ---- a loop of poll(2) ------------------------------------------------- */

enum { SOCKETS_MAX = 512, PATIENCE_MS = 20000 };

static struct {
	struct pollfd fds[SOCKETS_MAX];
	nfds_t count;
	int64_t alarm; /* steady ms, -1 none */
	int lost_slots;
} loop;

static int64_t steady_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static nfds_t place(int fd)
{
	nfds_t i = 0;

	while (i < loop.count && loop.fds[i].fd != fd)
		i++;
	return i;
}

static void watch(void *arg, int fd, int want, void **slot)
{
	nfds_t i = place(fd);

	(void)arg;
	if ((*slot != NULL) != (i < loop.count))
		loop.lost_slots++;
	if (!want) {
		if (i < loop.count)
			loop.fds[i] = loop.fds[--loop.count];
		*slot = NULL;
		return;
	}
	if (i == loop.count)
		loop.count++;
	*slot = &loop;
	loop.fds[i].fd = fd;
	loop.fds[i].events = (short)((want & HTTP_READ ? POLLIN : 0) |
	    (want & HTTP_WRITE ? POLLOUT : 0));
	loop.fds[i].revents = 0;
}

static void set_alarm(void *arg, long ms)
{
	(void)arg;
	loop.alarm = ms < 0 ? -1 : steady_ms() + ms;
}

static const struct http_loop hooks = { .watch = watch, .alarm = set_alarm };

static void serve_ready(struct http *http)
{
	struct pollfd ready[SOCKETS_MAX];
	nfds_t count = loop.count;
	nfds_t i;

	memcpy(ready, loop.fds, sizeof(ready[0]) * count);
	for (i = 0; i < count; i++) {
		int want = (ready[i].revents & POLLOUT ? HTTP_WRITE : 0) |
		    (ready[i].revents & ~POLLOUT ? HTTP_READ : 0);

		if (want)
			http_ready(http, ready[i].fd, want);
	}
}

static void turn(struct http *http)
{
	int64_t now = steady_ms();
	int wait = 100;

	if (loop.alarm >= 0)
		wait = loop.alarm > now ? (int)(loop.alarm - now) : 0;
	if (wait > 100)
		wait = 100;
	if (poll(loop.fds, loop.count, wait) > 0)
		serve_ready(http);
	if (loop.alarm >= 0 && steady_ms() >= loop.alarm) {
		loop.alarm = -1;
		http_tick(http);
	}
}

/* Runs until a call is finished; its token, NULL when patience is over. */
static void *finish(struct http *http, struct answer *answer)
{
	int64_t end = steady_ms() + PATIENCE_MS;
	void *token = NULL;

	while (!http_reap(http, &token, answer)) {
		if (steady_ms() > end) {
			ok(0, "the call came to an end at all");
			memset(answer, 0, sizeof(*answer));
			return NULL;
		}
		turn(http);
	}
	return token;
}

/* ---- one call ---------------------------------------------------------- */

static struct peer peer;
static struct http *http;
static struct answer got;
static int64_t time_limit = 5000;
static char body[] = "{\"n\": 1.10}";

static struct header headers[4];

/* For fields that are not const, though nobody writes through them. */
static char *lend(const char *text)
{
	return (char *)(uintptr_t)text;
}

static void set_header(size_t i, const char *name, const char *value)
{
	headers[i].name = lend(name);
	headers[i].value = lend(value);
}

static void set_headers(void)
{
	set_header(0, "Content-Type", "application/json");
	set_header(1, "X-Team", "sre");
	set_header(2, "X-Empty", "");
	set_header(3, "Authorization", "Bearer hunter2");
}

static struct request request_to(char *url)
{
	return (struct request){
		.method = "POST",
		.url = url,
		.headers = headers,
		.header_count = 4,
		.body = body,
		.body_len = strlen(body),
		.timeout_ms = time_limit,
		.connect_timeout_ms = 2000,
	};
}

static void call_by(const char *method, char *url)
{
	struct request request = request_to(url);

	request.method = method;
	http_start(http, &request, &request);
	ok(finish(http, &got) == &request, "%.60s comes back", url);
	free(url);
}

static void call(char *url)
{
	call_by("POST", url);
}

/* The peer's URL with user, password and query: all of them secrets. */
static char *at(const char *path)
{
	return mem_printf(
	    "http://joe:sesame@127.0.0.1:%d%s?key=hunter2", peer.port, path);
}

static char *plain(const char *path)
{
	return mem_printf("http://127.0.0.1:%d%s", peer.port, path);
}

static void fails(const char *path, int status, enum fault fault,
    const char *part, const char *name)
{
	call(at(path));
	is_int(got.status, status, name);
	is_str(fault_word(got.fault), fault_word(fault), path);
	has_str(got.error, part, path);
	ok(!strstr(got.error, "hunter2") && !strstr(got.error, "sesame"),
	    "%s: no secret in the sentence", path);
}

static void open_http(const char *ca_file, const char *proxy)
{
	struct http_settings settings = {
		.ca_file = ca_file,
		.proxy = proxy,
		.max_connections = 256,
	};
	struct why why = { "" };

	http_close(http);
	loop.count = 0;
	loop.alarm = -1;
	http = http_open(&settings, &hooks, &why);
	ok(http != NULL, "the client opens %s", why.text);
	if (!http)
		exit(1);
}

/* ---- faults ------------------------------------------------------------ */

static void no_connection(void)
{
	int port = peer_free_port();

	call(mem_printf("http://joe:sesame@127.0.0.1:%d/?hunter2", port));
	is_int(got.status, 0, "nobody listens: no status");
	is_str(fault_word(got.fault), "connect", "it is a connect fault");
	has_str(got.error, "Connection refused", "with the system's reason");
	ok(got.dns_us >= 0 || got.dns_us == -1, "a phase is a length or -1");
	is_int(got.connect_us, -1, "no connection: no length of connecting");
	is_int(got.first_byte_us, -1, "and no first byte");
	ok(strstr(got.remote, "127.0.0.1:") == got.remote,
	    "the address that was tried is known");
	is_int(got.retry_after_ms, -1, "no Retry-After");
	call(mem_printf("http://no-such-host.invalid/"));
	is_str(fault_word(got.fault), "dns", "an unknown name is a dns fault");
	is_str(got.remote, "", "and has no address");
}

static void bad_urls(void)
{
	call(mem_printf("ftp://joe:sesame@127.0.0.1:%d/", peer.port));
	is_str(fault_word(got.fault), "local", "other protocols: our mistake");
	ok(!strstr(got.error, "sesame"), "that is told without the password");
	call(mem_printf("http://joe:sesame@[::zz/"));
	is_str(fault_word(got.fault), "local", "a broken URL: our mistake");
	ok(!strstr(got.error, "sesame"), "told without the password, too");
	call(mem_printf("file:///etc/passwd"));
	is_str(fault_word(got.fault), "local", "files are never read");
	is_int((long long)got.body_len, 0, "not a byte of them");
}

static void slow_peers(void)
{
	int64_t start = steady_ms();

	time_limit = 300;
	fails("/silent", 0, FAULT_TIMEOUT, "no answer within 300ms",
	    "a silent peer is given up");
	is_int(got.first_byte_us, -1, "with no first byte");
	ok(got.connect_us >= 0, "though it was connected");
	ok(got.duration_us >= 299000, "the duration is that of the limit");
	fails("/drip", 200, FAULT_TIMEOUT, "did not end within 300ms",
	    "a dripping peer is given up");
	ok(!answer_delivered(&got), "its 2xx is no success");
	ok(got.body_len > 0, "what came of its answer is kept");
	ok(got.first_byte_us >= 0, "it had a first byte");
	ok(steady_ms() - start < PATIENCE_MS / 2, "and both in time");
	time_limit = 5000;
}

static void broken_answers(void)
{
	fails("/close", 0, FAULT_RESET, "without an answer", "closed at once");
	fails("/reset", 0, FAULT_RESET, "broke off", "reset");
	fails("/garbage", 0, FAULT_RESET, "no HTTP", "garbage is no answer");
	fails("/half-status", 0, FAULT_RESET, "", "half a status line");
	fails("/short", 200, FAULT_RESET, "too early", "a body cut short");
	ok(!answer_delivered(&got), "a 2xx cut short is no success");
	is_int((long long)got.body_len, 3, "what came is kept");
	fails("/cut-chunk", 200, FAULT_RESET, "", "a chunk cut short");
	ok(!answer_delivered(&got), "is no success");
	fails("/bad-chunk", 200, FAULT_RESET, "", "a chunk that is none");
	ok(!answer_delivered(&got), "is no success either");
}

static void endless_answers(void)
{
	fails("/flood/body", 200, FAULT_TOO_LARGE, "cut off", "endless body");
	ok(answer_delivered(&got), "a 2xx that we cut off is a success");
	is_int((long long)got.body_len, ANSWER_KEEP_MAX, "1 KiB is kept");
	is_int(got.bytes_in, ANSWER_READ_MAX, "and 64 KiB are read");
	fails("/flood/error", 500, FAULT_HTTP_5XX, "answered 500",
	    "an endless error is still that error");
	fails("/flood/header", 0, FAULT_TOO_LARGE, "header", "endless header");
	ok(!answer_delivered(&got), "is no success");
	fails("/flood/status", 0, FAULT_TOO_LARGE, "header", "endless status");
	fails("/flood/headers", 0, FAULT_TOO_LARGE, "header", "many headers");
	fails("/flood/interim", 0, FAULT_TOO_LARGE, "header", "many interims");
}

static void statuses(void)
{
	fails("/status/302", 302, FAULT_HTTP_3XX, "not followed", "redirect");
	is_int((long long)got.body_len, 4, "its own body is kept");
	fails("/status/404", 404, FAULT_HTTP_4XX, "answered 404", "not found");
	fails("/status/503", 503, FAULT_HTTP_5XX, "answered 503", "busy");
	fails("/status/999", 999, FAULT_HTTP_5XX, "answered 999", "odd status");
	fails("/switch", 0, FAULT_RESET, "", "101 is no answer");
	fails("/only-interim", 0, FAULT_RESET, "", "100 alone is no answer");
	call(at("/interim"));
	is_int(got.status, 200, "interim answers are passed over");
	is_int((long long)got.body_len, 4, "and the last one is the answer");
	call(at("/ok"));
	is_int(got.status, 204, "204 is taken");
	is_str(fault_word(got.fault), "", "without a fault");
	is_str(got.error, "", "or a sentence");
	call(at("/until-close"));
	ok(answer_delivered(&got), "an answer that ends by closing is whole");
	call(at("/binary"));
	ok(answer_delivered(&got) &&
		memcmp(got.body, "\x1b[31m\xff\x01", 7) == 0,
	    "the bytes of an answer are kept as they are");
}

static void retry_after(void)
{
	call(at("/status/429/120"));
	is_int(got.retry_after_ms, 120000, "Retry-After in seconds");
	call(at("/date"));
	ok(got.retry_after_ms >= 80000 && got.retry_after_ms <= 91000,
	    "Retry-After as a date");
	call(at("/status/503/-5"));
	is_int(got.retry_after_ms, -1, "a negative one is none");
	call(at("/status/503/soon"));
	is_int(got.retry_after_ms, -1, "a word is none");
	call(at("/status/503/99999999999"));
	is_int(got.retry_after_ms, 366LL * 24 * 3600 * 1000,
	    "an endless one is bounded");
	call(at("/status/503/99999999999999999999"));
	is_int(got.retry_after_ms, 366LL * 24 * 3600 * 1000,
	    "so is one that no number holds");
	call(at("/status/503/000000000000002"));
	is_int(got.retry_after_ms, 2000, "zeros before a number are nothing");
}

/* ---- what is sent ------------------------------------------------------ */

static void echoed(char *text, size_t size)
{
	snprintf(text, size, "%.*s", (int)got.body_len, got.body);
}

static void what_is_sent(void)
{
	char text[ANSWER_KEEP_MAX + 1];

	call_by("PUT", plain("/echo"));
	echoed(text, sizeof(text));
	ok(strncmp(text, "PUT /echo HTTP/1.1\r\n", 20) == 0, "PUT, HTTP/1.1");
	has_str(text, "\r\nX-Team: sre\r\n", "a header");
	has_str(text, "\r\nX-Empty:", "an empty header is sent, too");
	has_str(text, "\r\nContent-Type: application/json\r\n", "the type");
	ok(!strcasestr(text, "expect"), "nothing is expected");
	ok(!strcasestr(text, "urlencoded"), "no form is claimed");
	has_str(text, "\r\n\r\n{\"n\": 1.10}", "the body, byte for byte");
	is_int(
	    got.bytes_out, (long long)strlen(body), "bytes_out is the body's");
	is_int(
	    got.bytes_in, (long long)got.body_len, "bytes_in is the answer's");
	call_by("PATCH", plain("/echo/a/../b"));
	echoed(text, sizeof(text));
	ok(strncmp(text, "PATCH /echo/a/../b HTTP/1.1", 27) == 0,
	    "PATCH, the path as it is written");
}

static void call_with_little(const char *path)
{
	static char little[] = "{}";
	char *url = plain(path);
	struct request request = request_to(url);

	request.header_count = 1;
	request.body = little;
	request.body_len = strlen(little);
	http_start(http, &request, &request);
	finish(http, &got);
	free(url);
}

/* Handles are used again: what one call was told is not another's. */
static void nothing_clings(void)
{
	char text[ANSWER_KEEP_MAX + 1];

	call_by("PUT", plain("/echo"));
	call_with_little("/echo");
	echoed(text, sizeof(text));
	ok(strncmp(text, "POST /echo", 10) == 0, "POST again after a PUT");
	has_str(text, "\r\n\r\n{}", "with the body of this call");
	ok(!strstr(text, "X-Team") && !strstr(text, "hunter2"),
	    "and none of the headers of the last one");
	call_by("GET", plain("/status/503/120"));
	call_with_little("/echo");
	echoed(text, sizeof(text));
	ok(strncmp(text, "POST /echo", 10) == 0, "POST after a failure");
	is_int(got.status, 200, "a status of its own");
	is_int(got.retry_after_ms, -1, "and no Retry-After of the last one");
	is_str(got.error, "", "nor its sentence");
}

static void empty_and_large(void)
{
	struct request request;
	char *url = plain("/ok");
	size_t size = 200 * 1024;

	request = request_to(url);
	request.body = NULL;
	request.body_len = 0;
	http_start(http, &request, &request);
	finish(http, &got);
	is_int(got.status, 204, "a request without a body is sent");
	request.body = mem_zalloc(size);
	request.body_len = size;
	http_start(http, &request, &request);
	finish(http, &got);
	is_int(got.status, 204, "a large body with NULs is taken");
	is_int(got.bytes_out, (long long)size, "and was sent whole");
	free(request.body);
	free(url);
}

static void through_a_proxy(void)
{
	char text[ANSWER_KEEP_MAX + 1];
	char *proxy = mem_printf("http://127.0.0.1:%d", peer.port);

	open_http(NULL, proxy);
	call(mem_printf("http://endpoint.invalid/hook"));
	echoed(text, sizeof(text));
	has_str(text, "POST http://endpoint.invalid/hook HTTP/1.1",
	    "a configured proxy is used");
	free(proxy);
	open_http(NULL, NULL);
}

/* ---- our own faults ---------------------------------------------------- */

/* Takes every descriptor; returns the old limit. */
static struct rlimit take_descriptors(void)
{
	struct rlimit old;
	struct rlimit none;
	int lowest = dup(0);

	getrlimit(RLIMIT_NOFILE, &old);
	none = old;
	none.rlim_cur = (rlim_t)lowest;
	close(lowest);
	setrlimit(RLIMIT_NOFILE, &none);
	return old;
}

static void no_descriptors(void)
{
	struct rlimit old;

	open_http(NULL, NULL);
	old = take_descriptors();
	call(at("/ok"));
	is_str(fault_word(got.fault), "local", "no descriptors: our own fault");
	has_str(got.error, "Too many open files", "with its reason");
	call(mem_printf("http://localhost:%d/ok", peer.port));
	is_str(
	    fault_word(got.fault), "local", "and none for the resolver, too");
	setrlimit(RLIMIT_NOFILE, &old);
	call(at("/ok"));
	is_int(got.status, 204, "afterwards it goes on");
}

static void bad_ca_files(const char *dir)
{
	auto_free char *missing = mem_printf("%s/missing.pem", dir);
	struct http_settings settings = { .ca_file = missing };
	struct why why = { "" };

	is_int(http_check(&settings, &why), -1, "a missing CA file is refused");
	has_str(why.text, "missing.pem: cannot open", "by name");
	is_int(http_configure(http, &settings, &why), -1, "at reload, too");
	call(at("/ok"));
	is_int(got.status, 204, "and the old settings stay");
	settings.ca_file = dir;
	is_int(http_check(&settings, &why), -1, "a directory is no CA file");
}

/* ---- nginx ------------------------------------------------------------- */

static char dir[] = "/tmp/port_http.XXXXXX";
static pid_t nginx;
static int port_plain, port_good, port_name, port_expired;

/* Runs a program, its output in `log`; its status. */
static int run(const char *const argv[])
{
	posix_spawn_file_actions_t actions;
	int status = -1;
	pid_t pid;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(
	    &actions, 1, "log", O_WRONLY | O_CREAT | O_APPEND, 0600);
	posix_spawn_file_actions_adddup2(&actions, 1, 2);
	if (posix_spawnp(&pid, argv[0], &actions, NULL,
		(char **)(uintptr_t)argv, environ) == 0)
		waitpid(pid, &status, 0);
	posix_spawn_file_actions_destroy(&actions);
	return status;
}

static void make_ca(const char *key, const char *pem)
{
	const char *const argv[] = { "openssl", "req", "-x509", "-newkey", "ec",
		"-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout",
		key, "-out", pem, "-subj", "/CN=test CA", "-days", "2", NULL };

	ok(run(argv) == 0, "made %s", pem);
}

static void make_certificate(
    const char *pem, const char *name, const char *days)
{
	auto_free char *alt = mem_printf("subjectAltName=%s", name);
	const char *const ask[] = { "openssl", "req", "-new", "-newkey", "ec",
		"-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout",
		"server.key.new", "-out", "server.csr", "-subj", "/CN=test",
		"-addext", alt, NULL };
	const char *const sign[] = { "openssl", "x509", "-req", "-in",
		"server.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
		"-CAcreateserial", "-days", days, "-copy_extensions", "copy",
		"-out", pem, NULL };
	auto_free char *key = mem_printf("%s.key", pem);

	ok(run(ask) == 0 && run(sign) == 0 &&
		rename("server.key.new", key) == 0,
	    "made %s", pem);
}

static void write_tls_server(FILE *f, int port, const char *pem)
{
	fprintf(f,
	    "server { listen 127.0.0.1:%d ssl http2; ssl_certificate %s/%s; "
	    "ssl_certificate_key %s/%s.key; location / { "
	    "return 200 \"$server_protocol $connection $ssl_protocol\"; } }\n",
	    port, dir, pem, dir, pem);
}

static void write_config(void)
{
	FILE *f = fopen("nginx.conf", "w");

	fprintf(f,
	    "daemon off; master_process off; pid %s/pid; error_log %s/err;\n"
	    "events { worker_connections 1024; }\n"
	    "http { access_log off; client_body_temp_path %s/b;\n"
	    "proxy_temp_path %s/p; fastcgi_temp_path %s/f;\n"
	    "uwsgi_temp_path %s/u; scgi_temp_path %s/s;\n"
	    "server { listen 127.0.0.1:%d; location / { "
	    "return 200 \"$request_method $connection\"; } }\n",
	    dir, dir, dir, dir, dir, dir, dir, port_plain);
	write_tls_server(f, port_good, "good.pem");
	write_tls_server(f, port_name, "name.pem");
	write_tls_server(f, port_expired, "expired.pem");
	fprintf(f, "}\n");
	fclose(f);
}

/* Waits until somebody listens on the port. */
static bool listens(int port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int64_t end = steady_ms() + PATIENCE_MS;

	while (steady_ms() < end) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);
		int rc =
		    connect(fd, (struct sockaddr *)&address, sizeof(address));

		close(fd);
		if (rc == 0)
			return true;
		poll(NULL, 0, 10);
	}
	return false;
}

static void start_nginx(void)
{
	auto_free char *conf = mem_printf("%s/nginx.conf", dir);
	auto_free char *err = mem_printf("%s/err", dir);
	char *argv[] = { lend("nginx"), lend("-e"), err, lend("-c"), conf,
		NULL };

	port_plain = peer_free_port();
	port_good = peer_free_port();
	port_name = peer_free_port();
	port_expired = peer_free_port();
	make_ca("ca.key", "ca.pem");
	make_ca("other.key", "other.pem");
	make_certificate("good.pem", "IP:127.0.0.1", "2");
	make_certificate("name.pem", "DNS:other.example", "2");
	make_certificate("expired.pem", "IP:127.0.0.1", "-1");
	write_config();
	fflush(stdout);
	nginx = fork();
	if (nginx == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		setenv("PATH", "/usr/sbin:/sbin:/usr/bin:/bin", 1);
		execvp("nginx", argv);
		_exit(127);
	}
	ok(listens(port_expired), "nginx listens");
}

static char *secure(int port)
{
	return mem_printf("https://joe:sesame@127.0.0.1:%d/?hunter2", port);
}

static void plain_nginx(void)
{
	char first[ANSWER_KEEP_MAX + 1];
	char second[ANSWER_KEEP_MAX + 1];

	call(mem_printf("http://127.0.0.1:%d/a", port_plain));
	is_int(got.status, 200, "nginx answers");
	ok(got.connect_us >= 0, "over a new connection");
	is_int(got.tls_us, -1, "without TLS");
	ok(got.started_ms > 1600000000000, "the start is wall time");
	ok(got.duration_us >= got.first_byte_us, "the phases are within all");
	echoed(first, sizeof(first));
	call(mem_printf("http://127.0.0.1:%d/b", port_plain));
	echoed(second, sizeof(second));
	is_str(second, first, "the next call uses the same connection");
	is_int(got.connect_us, -1, "and connects to nobody");
	is_int(got.dns_us, -1, "and looks up nothing");
	ok(strncmp(got.remote, "127.0.0.1:", 10) == 0, "the peer is known");
}

enum { CROWD = 100 };

static void crowd(void)
{
	struct request requests[CROWD];
	bool seen[CROWD] = { false };
	char *url = mem_printf("http://127.0.0.1:%d/c", port_plain);
	int good = 0;
	int i;

	for (i = 0; i < CROWD; i++) {
		requests[i] = request_to(url);
		http_start(http, &requests[i], &requests[i]);
	}
	for (i = 0; i < CROWD; i++) {
		struct request *r = finish(http, &got);

		if (!r)
			break;
		good += got.status == 200 && !seen[r - requests];
		seen[r - requests] = true;
	}
	is_int(good, CROWD, "a hundred calls at once come back once each");
	free(url);
}

static void tls_faults(void)
{
	auto_free char *ca = mem_printf("%s/ca.pem", dir);

	call(secure(port_good));
	is_str(fault_word(got.fault), "tls_verify", "an unknown CA");
	has_str(got.error, "certificate", "says what is wrong");
	open_http(ca, NULL);
	call(secure(port_name));
	is_str(fault_word(got.fault), "tls_verify", "a wrong name");
	has_str(got.error, "127.0.0.1", "names the name that was wanted");
	call(secure(port_expired));
	is_str(fault_word(got.fault), "tls_verify", "an old certificate");
	has_str(got.error, "expired", "is said to have expired");
	ok(!strstr(got.error, "sesame") && !strstr(got.error, "hunter2"),
	    "without secrets");
	time_limit = 300;
	call(secure(peer.port));
	is_str(fault_word(got.fault), "timeout", "a handshake never answered");
	has_str(got.error, "no connection within 300ms", "is no connection");
	time_limit = 5000;
	call(secure(port_plain));
	is_str(fault_word(got.fault), "tls", "nginx without TLS: a tls fault");
}

static void tls_works(void)
{
	char first[ANSWER_KEEP_MAX + 1];
	char second[ANSWER_KEEP_MAX + 1];

	call(secure(port_good));
	is_int(got.status, 200, "a certificate of the configured CA is good");
	ok(got.tls_us > 0, "TLS took its time");
	echoed(first, sizeof(first));
	ok(strncmp(first, "HTTP/1.1 ", 9) == 0,
	    "HTTP/1.1, though the server offers HTTP/2");
	call(secure(port_good));
	echoed(second, sizeof(second));
	is_str(second, first, "the connection is used again");
	is_int(got.tls_us, -1, "without another handshake");
}

static void point_to(const char *target)
{
	unlink("now.pem");
	ok(symlink(target, "now.pem") == 0, "the CA file is now %s", target);
}

static void ca_is_read_again(void)
{
	auto_free char *ca = mem_printf("%s/now.pem", dir);
	struct http_settings settings = { .ca_file = ca, .max_connections = 8 };
	struct why why = { "" };

	point_to("other.pem");
	open_http(ca, NULL);
	call(secure(port_good));
	is_str(fault_word(got.fault), "tls_verify", "signed by another CA");
	point_to("ca.pem");
	is_int(http_configure(http, &settings, &why), 0, "the file changed");
	call(secure(port_good));
	is_int(got.status, 200, "and is read again after a reload");
	point_to("nginx.conf");
	http_configure(http, &settings, &why);
	open_http(ca, NULL);
	call(secure(port_good));
	is_str(fault_word(got.fault), "local", "a CA file without any: ours");
}

static void closing(void)
{
	struct request silent = request_to(plain("/silent"));
	struct request nameless = request_to(mem_strdup("http://localhost/"));
	int i;

	open_http(NULL, NULL);
	for (i = 0; i < 5; i++)
		http_start(http, &silent, &silent);
	http_start(http, &nameless, &nameless);
	for (i = 0; i < 5; i++)
		turn(http);
	http_close(http);
	http = NULL;
	is_int((long long)loop.count, 0, "closing gives back all watchers");
	is_int(loop.lost_slots, 0, "a watcher's place was kept all the time");
	free(silent.url);
	free(nameless.url);
}

static void clean_up(void)
{
	const char *const argv[] = { "rm", "-rf", dir, NULL };

	kill(nginx, SIGKILL);
	waitpid(nginx, NULL, 0);
	peer_end(&peer);
	run(argv);
}

int main(void)
{
	struct why why = { "" };

	set_headers();
	setenv("http_proxy", "http://127.0.0.1:9", 1);
	setenv("ALL_PROXY", "http://127.0.0.1:9", 1);
	if (!mkdtemp(dir) || chdir(dir) < 0)
		return 1;
	peer_start(&peer);
	ok(http_begin(&why) == 0, "the library is set up");
	has_str(http_library(), "libcurl/", "and says its version");
	open_http(NULL, NULL);
	no_connection();
	bad_urls();
	slow_peers();
	broken_answers();
	endless_answers();
	statuses();
	retry_after();
	what_is_sent();
	nothing_clings();
	empty_and_large();
	through_a_proxy();
	no_descriptors();
	bad_ca_files(dir);
	start_nginx();
	plain_nginx();
	crowd();
	tls_faults();
	tls_works();
	ca_is_read_again();
	closing();
	clean_up();
	return done();
}
