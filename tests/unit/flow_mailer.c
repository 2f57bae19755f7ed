/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * The mailer against mail children of every kind. The test runs itself again
 * as the child (`flow_mailer mail --settings-on-stdin`); the server's name in
 * the job tells it how to behave: the bad ones first.
 */
#include "base/file.h"
#include "base/mem.h"
#include "flow/mailer.h"
#include "tap.h"

#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BOUND_S = 20 };
static const char password[] = "correct horse";

/* ---- the child ---------------------------------------------------------- */

static void answer(const struct mail_result *result)
{
	auto_buf struct buf line = BUF_INIT(65536);

	mail_result_print(&line, result);
	if (write(1, line.data, line.len) != (ssize_t)line.len)
		_exit(74);
}

/* Says what it got: the first recipient is served, the second left, the third
 * refused; the error tells about message and command line. */
static void report(const struct mail_job *job, const char *message)
{
	auto_buf struct buf command = BUF_INIT(65536);
	struct mail_result result = { .code = 451 };
	const char *told;

	file_read(AT_FDCWD, "/proc/self/cmdline", &command, NULL);
	told = memmem(command.data, command.len, password, strlen(password))
	    ? "password on the command line"
	    : "clean";
	result.sent = mem_strdup(job->recipients[0]);
	result.left =
	    mem_strdup(job->recipient_count > 1 ? job->recipients[1] : "");
	result.refused =
	    mem_strdup(job->recipient_count > 2 ? job->recipients[2] : "");
	snprintf(result.error, sizeof(result.error), "%s %s from %s, %zu bytes",
	    told, job->settings.password, job->from, strlen(message));
	answer(&result);
	mail_result_clear(&result);
}

static void write_pid(const char *path)
{
	auto_free char *pid = mem_printf("%d", (int)getpid());

	file_write(AT_FDCWD, path, pid, strlen(pid), 0600, NULL);
}

static int flood(void)
{
	static const char block[4096] = "{";

	while (write(1, block, sizeof(block)) > 0)
		;
	return 0;
}

static int behave(const struct mail_job *job, const char *message)
{
	const char *server = job->settings.server;

	if (strcmp(server, "silent") == 0)
		return 70;
	if (strcmp(server, "nonsense") == 0)
		return puts("hello\n") < 0;
	if (strcmp(server, "killed") == 0)
		raise(SIGKILL);
	if (strcmp(server, "flood") == 0)
		return flood();
	if (strcmp(server, "hang") == 0) {
		if (job->settings.ca_file)
			write_pid(job->settings.ca_file);
		pause();
	}
	report(job, message);
	if (strcmp(server, "farewell") == 0)
		pause();
	return 0;
}

static int child(void)
{
	auto_buf struct buf input = BUF_INIT(4 << 20);
	struct mail_job job;
	struct why why;
	size_t line;
	int status;

	if (getenv("DEAF"))
		return 5;
	file_read_fd(0, "stdin", &input, &why);
	line = strcspn(input.data, "\n");
	if (mail_job_parse(&job, input.data, line, &why) < 0)
		return 99;
	status = behave(&job, input.data + line + 1);
	mail_job_clear(&job);
	return status;
}

/* ---- the parent --------------------------------------------------------- */

static struct ev_loop *loop;
static struct mailer *mailer;
static char folder[] = "/tmp/mailer-XXXXXX";

static struct seen {
	int calls;
	bool busy;
	struct mail_result result;
} seen;

static void done_cb(void *arg, const struct mail_result *result)
{
	struct seen *into = arg;

	mail_result_clear(&into->result);
	into->result = *result;
	into->result.sent = mem_strdup(result->sent);
	into->result.left = mem_strdup(result->left);
	into->result.refused = mem_strdup(result->refused);
	into->calls++;
	into->busy = mailer_busy(mailer);
	ev_break(loop, EVBREAK_ALL);
}

static void give_up(struct ev_loop *l, ev_timer *w, int events)
{
	(void)w;
	(void)events;
	ev_break(l, EVBREAK_ALL);
}

static void wait_done(void)
{
	ev_timer bound;

	ev_timer_init(&bound, give_up, BOUND_S, 0.);
	ev_timer_start(loop, &bound);
	ev_run(loop, 0);
	ev_timer_stop(loop, &bound);
}

static const char three[] = "a@example.org\nb@example.org\nc@example.org";
static char secret[sizeof(password)];
static char server_name[32];
static struct mail_settings settings = { .timeout_ms = 60000,
	.password = secret };

static struct mailer_letter letter(const char *server)
{
	snprintf(server_name, sizeof(server_name), "%s", server ? server : "");
	settings.server = server ? server_name : NULL;
	return (struct mailer_letter){
		.settings = &settings,
		.from = "hooks@example.org",
		.recipients = three,
		.message = "Subject: x\r\n\r\nhello\r\n",
		.len = 21,
		.folder = folder,
		.webhook = "pager",
		.queued_ms = 1640003063110,
		.number = 17,
	};
}

/* Sends one and waits; what came of it is in `seen`. */
static void mail(const struct mailer_letter *one)
{
	struct why why = { "" };

	seen.calls = 0;
	if (mailer_send(mailer, one, done_cb, &seen, &why) < 0) {
		printf("# %s\n", why.text);
		return;
	}
	if (seen.calls || !mailer_busy(mailer))
		printf("# done came from inside mailer_send\n");
	wait_done();
}

static void all_left(const char *error, const char *name)
{
	ok(seen.calls == 1 && !seen.busy, "%s: done is called once", name);
	is_str(seen.result.left, three, "  and everybody is left to be told");
	has_str(seen.result.error, error, "  with a sentence");
	ok(!seen.result.permanent, "  and another try makes sense");
}

static void no_program(void)
{
	struct mailer_letter one = letter("good");
	struct why why = { "" };

	mailer_close(mailer);
	mailer = mailer_open(loop, "/nonexistent/spoolhook");
	seen.calls = 0;
	is_int(mailer_send(mailer, &one, done_cb, &seen, &why), -1,
	    "a program that is gone cannot be started");
	has_str(why.text, "/nonexistent/spoolhook: cannot run",
	    "the sentence names it");
	ok(!mailer_busy(mailer) && !seen.calls,
	    "the mailer stays free and done is not called");
	mailer_close(mailer);
	mailer = mailer_open(loop, "/proc/self/exe");
}

static void bad_children(void)
{
	struct mailer_letter one = letter("silent");
	auto_free char *big = mem_alloc(1000000);

	mail(&one);
	all_left("ended with status 70 and without a result", "silence");
	one = letter("nonsense");
	mail(&one);
	all_left("ended with status 0 and without a result", "nonsense");
	one = letter("killed");
	mail(&one);
	all_left("died of signal 9", "a child that is killed");
	one = letter("flood");
	mail(&one);
	all_left("died of signal 9", "a child that never stops talking");
	memset(big, 'x', 1000000);
	one = letter("deaf");
	one.message = big;
	one.len = 1000000;
	setenv("DEAF", "1", 1);
	mail(&one);
	unsetenv("DEAF");
	all_left("ended with status 5", "a child that does not read");
}

static void hanging(void)
{
	struct mailer_letter one = letter("hang");

	settings.timeout_ms = 100;
	mail(&one);
	all_left("hang: no end within 100ms, the mail process was killed",
	    "a child that hangs");
	one = letter("farewell");
	mail(&one);
	settings.timeout_ms = 60000;
	is_str(seen.result.sent, "a@example.org",
	    "who was served stays served when the child hangs afterwards");
}

static void good(void)
{
	struct mailer_letter one = letter("good");
	auto_free char *big = mem_alloc(1000000);

	mail(&one);
	ok(seen.calls == 1 && !seen.busy, "a good child: done is called once");
	is_str(seen.result.sent, "a@example.org", "who was served");
	is_str(seen.result.left, "b@example.org", "who is left");
	is_str(seen.result.refused, "c@example.org", "who was refused");
	is_int(seen.result.code, 451, "the server's code");
	is_str(seen.result.error,
	    "clean correct horse from hooks@example.org, 21 bytes",
	    "the password came over the pipe, not on the command line");
	memset(big, 'x', 1000000);
	one.message = big;
	one.len = 1000000;
	mail(&one);
	has_str(seen.result.error, ", 1000000 bytes",
	    "a message larger than a pipe arrives whole");
}

static int chain_left;

static void again(void *arg, const struct mail_result *result)
{
	struct mailer_letter one = letter("good");

	if (chain_left-- > 0) {
		mailer_send(mailer, &one, again, arg, NULL);
		return;
	}
	done_cb(arg, result);
}

static void one_after_the_other(void)
{
	struct mailer_letter one = letter("good");

	chain_left = 5;
	seen.calls = 0;
	mailer_send(mailer, &one, again, &seen, NULL);
	wait_done();
	ok(seen.calls == 1 && chain_left == -1,
	    "the next mail may be sent from done");
}

static void without_server(void)
{
	struct mailer_letter one = letter(NULL);
	auto_buf struct buf text = BUF_INIT(4096);
	auto_free char *path =
	    mem_printf("%s/20211220T122423Z-pager-17.eml", folder);
	struct stat st;

	mail(&one);
	is_str(seen.result.sent, three, "without a server all count as told");
	file_read(AT_FDCWD, path, &text, NULL);
	is_str(buf_text(&text), one.message, "the mail is a file");
	ok(stat(path, &st) == 0 && (st.st_mode & 0777) == 0640,
	    "that others cannot read");
	mail(&one);
	ok(stat(path, &st) == 0 && seen.calls == 1,
	    "written again it takes the same name");
	unlink(path);
	one.folder = "/nonexistent";
	mail(&one);
	all_left("/nonexistent/", "a folder that is not there");
	one.folder = folder;
	one.webhook = "../../etc/x";
	mail(&one);
	free(path);
	path = mem_printf("%s/20211220T122423Z-______etc_x-17.eml", folder);
	ok(unlink(path) == 0, "no name leaves the folder");
}

/* Waits for the child's own word that it runs. */
static pid_t hanging_pid(const char *path)
{
	auto_buf struct buf text = BUF_INIT(64);
	int tries;

	for (tries = 0; tries < 100 * BOUND_S; tries++) {
		ev_run(loop, EVRUN_NOWAIT);
		if (file_read(AT_FDCWD, path, &text, NULL) == 0)
			return (pid_t)strtol(buf_text(&text), NULL, 10);
		usleep(10000);
	}
	return 0;
}

static void closed_in_the_middle(void)
{
	struct mailer_letter one = letter("hang");
	auto_free char *path = mem_printf("%s/pid", folder);
	pid_t pid;
	int status = 0;

	settings.ca_file = path;
	seen.calls = 0;
	mailer_send(mailer, &one, done_cb, &seen, NULL);
	pid = hanging_pid(path);
	mailer_close(mailer);
	ok(pid > 0 && waitpid(pid, &status, 0) == pid && WIFSIGNALED(status),
	    "closing the mailer ends the child");
	is_int(seen.calls, 0, "and done is not called any more");
	settings.ca_file = NULL;
	unlink(path);
}

int main(int argc, char **argv)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN };

	if (argc == 3 && strcmp(argv[1], "mail") == 0 &&
	    strcmp(argv[2], "--settings-on-stdin") == 0)
		return child();
	memcpy(secret, password, sizeof(password));
	sigaction(SIGPIPE, &ignore, NULL);
	if (!mkdtemp(folder))
		return 1;
	loop = ev_default_loop(0);
	mailer = mailer_open(loop, "/proc/self/exe");
	no_program();
	bad_children();
	hanging();
	good();
	one_after_the_other();
	without_server();
	closed_in_the_middle();
	mail_result_clear(&seen.result);
	rmdir(folder);
	ev_loop_destroy(loop);
	return done();
}
