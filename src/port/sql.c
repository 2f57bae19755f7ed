/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * port/sql: the only file that knows SQLite's interface. It owns the
 * connection and its prepared statements, sets the connection up (write-ahead
 * log, full sync, small cache) and turns result codes into sentences that say
 * what an operator can do.
 *
 * It promises that after sql_commit the transaction survives a power cut, and
 * never deletes, repairs or replaces a file. When we die in the middle, the
 * log holds the transaction whole or SQLite passes over its remains at the
 * next open.
 */
#include "port/sql.h"

#include "base/file.h"
#include "base/mem.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* Room for every literal query of the store; a power of two. */
enum { QUERIES_MAX = 128 };
/* A verb's transaction takes milliseconds; a daemon that copies its log back
 * onto a slow disk may take seconds. */
enum { BUSY_MS = 15000 };

struct sql_query {
	struct sql *sql;
	sqlite3_stmt *statement; /* NULL: could not be prepared */
	const char *text; /* NULL: the slot is free */
	int failure; /* result code of the preparation */
	int put; /* values so far */
	bool once;
};

struct sql {
	sqlite3 *db;
	char *path;
	enum sql_trouble trouble;
	bool lazy; /* commits do not wait for the disk */
	struct sql_query queries[QUERIES_MAX];
};

/*
 * The page cache bounds memory; pages beyond it go to the log early. The log
 * is copied back every 2000 pages (16 MiB), and cut to that after a burst.
 * Cells are checked on read, for the file may have been damaged. What is deleted
 * is not overwritten with zeros, as Debian's SQLite would: nothing promises
 * that, and the pages would have to be written once more.
 */
static const char setup[] = "PRAGMA synchronous = FULL;"
			    "PRAGMA foreign_keys = ON;"
			    "PRAGMA cache_size = -8192;"
			    "PRAGMA wal_autocheckpoint = 2000;"
			    "PRAGMA journal_size_limit = 16777216;"
			    "PRAGMA cell_size_check = ON;"
			    "PRAGMA secure_delete = OFF;"
			    "PRAGMA trusted_schema = OFF;";

/* Debian's sqlite3 has no `.recover`, so the way out is our own view. */
#define ADVICE                                                            \
	"; spoolhook deleted nothing: stop it, move spool.db* to a safe " \
	"place and start it anew; there, `sqlite3 spool.db 'SELECT body " \
	"FROM unfinished' | spoolhook submit -` saves what can be read"

static const struct {
	int code;
	enum sql_trouble trouble;
	const char *before; /* of SQLite's own words; NULL: without them */
	const char *after;
} troubles[] = {
	{ SQLITE_FULL, SQL_FULL, NULL, "the disk is full" },
	{ SQLITE_BUSY, SQL_LOCKED, NULL,
	    "another process holds it locked; try again" },
	{ SQLITE_LOCKED, SQL_LOCKED, NULL,
	    "another process holds it locked; try again" },
	{ SQLITE_CORRUPT, SQL_DAMAGED, "damaged: ", ADVICE },
	{ SQLITE_NOTADB, SQL_DAMAGED, "not a spool database: ", ADVICE },
	{ SQLITE_IOERR, SQL_DAMAGED, "the disk failed: ", ADVICE },
	{ SQLITE_CANTOPEN, SQL_OTHER, "cannot open: ", "" },
	{ SQLITE_READONLY, SQL_OTHER, "cannot write: ", "" },
	{ SQLITE_PERM, SQL_OTHER, "cannot open: ", "" },
};

/* A quota and a full disk under the log's index come as general failures. */
static int refine(const struct sql *sql, int code)
{
	int error = sqlite3_system_errno(sql->db);

	if ((code & 0xff) != SQLITE_IOERR)
		return code & 0xff;
	return error == ENOSPC || error == EDQUOT ? SQLITE_FULL : SQLITE_IOERR;
}

/* The system's words; SQLite keeps them for these two failures only. */
static const char *system_words(const struct sql *sql, int code)
{
	int error = sqlite3_system_errno(sql->db);

	if (!error || (code != SQLITE_IOERR && code != SQLITE_CANTOPEN))
		return NULL;
	return strerrordesc_np(error);
}

/* Writes the sentence for a result code; returns -1. */
static int complain(struct sql *sql, int code, struct why *why)
{
	const char *words;

	code = refine(sql, code);
	words = system_words(sql, code);
	if (code == SQLITE_NOMEM)
		mem_exhausted();
	for (size_t i = 0; i < sizeof(troubles) / sizeof(*troubles); i++) {
		if (troubles[i].code != code)
			continue;
		sql->trouble = troubles[i].trouble;
		if (!troubles[i].before)
			return fail(
			    why, "%s: %s", sql->path, troubles[i].after);
		return fail(why, "%s: %s%s%s%s%s", sql->path,
		    troubles[i].before, sqlite3_errmsg(sql->db),
		    words ? ": " : "", words ? words : "", troubles[i].after);
	}
	sql->trouble = SQL_OTHER;
	return fail(why, "%s: %s", sql->path, sqlite3_errmsg(sql->db));
}

/* Who may change the directory may change the database: SQLite needs both for
 * its log. So a directory that is the group's makes a file that is the
 * group's, whatever the umask of the first process is. */
static mode_t mode_for(const char *path)
{
	const char *slash = strrchr(path, '/');
	auto_free char *dir =
	    slash ? mem_strndup(path, (size_t)(slash - path)) : NULL;
	struct stat st;

	if (stat(dir && *dir ? dir : slash ? "/" : ".", &st) < 0)
		return 0640;
	return st.st_mode & S_IWGRP ? 0660 : 0640;
}

static int touch(const char *path, struct why *why)
{
	mode_t mode = mode_for(path);
	auto_close int fd =
	    open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode);

	if (fd >= 0) {
		fchmod(fd, mode);
		return 0;
	}
	if (errno == EEXIST)
		fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return fail(why, "%s: cannot open: %m", path);
	return 0;
}

/* Asks for the write-ahead log; *on tells whether the file has one. */
static int switch_log(struct sql *sql, bool *on, struct why *why)
{
	auto_end struct sql_query *query =
	    sql_query_once(sql, "PRAGMA journal_mode = WAL");
	int got = sql_next(query, why);

	*on = got == 1 && strcmp(sql_text(query, 0), "wal") == 0;
	return got < 0 ? -1 : 0;
}

/* Two processes that switch a new file at once: SQLite turns one away without
 * waiting. It waits for its turn by a transaction, and asks again. */
static int keep_log(struct sql *sql, struct why *why)
{
	enum { TRIES = 50 };
	bool on = false;
	int got = -1;

	for (int i = 0; got < 0 && i < TRIES; i++) {
		got = switch_log(sql, &on, why);
		if (got < 0 && sql->trouble != SQL_LOCKED)
			return -1;
		if (got < 0 &&
		    sql_exec(sql, "BEGIN IMMEDIATE; COMMIT", why) < 0)
			return -1;
	}
	if (got < 0 || on)
		return got;
	return fail(why,
	    "%s: cannot keep a write-ahead log here; the spool must lie on a "
	    "local file system",
	    sql->path);
}

/* For a file without tables; later it would have no effect. It is made ready
 * for giving space back to the disk, and three usual events share a page. */
static const char shape[] = "PRAGMA page_size = 8192;"
			    "PRAGMA auto_vacuum = INCREMENTAL;";

static int prepare(struct sql *sql, struct why *why)
{
	sqlite3_busy_timeout(sql->db, BUSY_MS);
	sqlite3_db_config(sql->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	if (sql_exec(sql, shape, why) < 0 || keep_log(sql, why) < 0)
		return -1;
	return sql_exec(sql, setup, why);
}

/* SQLite would count its bytes under a lock at each allocation, and Debian's
 * goes to malloc for everything: counting was a twelfth of its work. */
static void configure(void)
{
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

struct sql *sql_open(const char *path, bool make, struct why *why)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct sql *sql;
	int code;

	pthread_once(&once, configure);
	if (make && touch(path, why) < 0)
		return NULL;
	sql = mem_zalloc(sizeof(*sql));
	sql->path = mem_strdup(path);
	code = sqlite3_open_v2(
	    path, &sql->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
	if (!sql->db)
		mem_exhausted();
	if (code != SQLITE_OK)
		complain(sql, code, why);
	if (code == SQLITE_OK && prepare(sql, why) == 0)
		return sql;
	sql_close(sql);
	return NULL;
}

void sql_close(struct sql *sql)
{
	int code;

	for (size_t i = 0; i < QUERIES_MAX; i++)
		sqlite3_finalize(sql->queries[i].statement);
	code = sqlite3_close(sql->db);
	assert(code == SQLITE_OK);
	free(sql->path);
	free(sql);
}

enum sql_trouble sql_trouble(const struct sql *sql)
{
	return sql->trouble;
}

int sql_exec(struct sql *sql, const char *text, struct why *why)
{
	int code = sqlite3_exec(sql->db, text, NULL, NULL, NULL);

	return code == SQLITE_OK ? 0 : complain(sql, code, why);
}

int sql_number(struct sql *sql, const char *text, int64_t *out, struct why *why)
{
	auto_end struct sql_query *query = sql_query_once(sql, text);
	int got = sql_next(query, why);

	*out = got == 1 ? sql_int(query, 0) : 0;
	return got < 0 ? -1 : 0;
}

int sql_begin(struct sql *sql, struct why *why)
{
	return sql_run(sql_query(sql, "BEGIN IMMEDIATE"), why);
}

int sql_begin_reading(struct sql *sql, struct why *why)
{
	return sql_run(sql_query(sql, "BEGIN"), why);
}

int sql_wait(struct sql *sql, bool waits, struct why *why)
{
	if (sql->lazy == !waits)
		return 0;
	if (sql_exec(sql,
		waits ? "PRAGMA synchronous = FULL"
		      : "PRAGMA synchronous = NORMAL",
		why) < 0)
		return -1;
	sql->lazy = !waits;
	return 0;
}

int sql_commit(struct sql *sql, struct why *why)
{
	return sql_run(sql_query(sql, "COMMIT"), why);
}

/* Some failures have rolled back already; trying again would be one more. */
void sql_rollback(struct sql *sql)
{
	enum sql_trouble trouble = sql->trouble;

	if (!sqlite3_get_autocommit(sql->db))
		sql_exec(sql, "ROLLBACK", NULL);
	sql->trouble = trouble;
}

static void compile(struct sql_query *query, const char *text)
{
	unsigned flags = query->once ? 0 : SQLITE_PREPARE_PERSISTENT;

	query->failure = sqlite3_prepare_v3(
	    query->sql->db, text, -1, flags, &query->statement, NULL);
}

/* The slot of a text, by its address: the same or the next free one. */
static struct sql_query *slot(struct sql *sql, const char *text)
{
	size_t at = (size_t)(((uintptr_t)text * 0x9e3779b97f4a7c15u) >> 32);

	for (size_t i = 0; i < QUERIES_MAX; i++) {
		struct sql_query *query = &sql->queries[(at + i) % QUERIES_MAX];

		if (!query->text || query->text == text)
			return query;
	}
	assert(!"more literal queries than QUERIES_MAX");
	return NULL;
}

struct sql_query *sql_query(struct sql *sql, const char *text)
{
	struct sql_query *query = slot(sql, text);

	if (!query->statement) {
		*query = (struct sql_query){ .sql = sql, .text = text };
		compile(query, text);
	}
	assert(!query->statement || !sqlite3_stmt_busy(query->statement));
	query->put = 0;
	return query;
}

struct sql_query *sql_query_once(struct sql *sql, const char *text)
{
	struct sql_query *query = mem_zalloc(sizeof(*query));

	query->sql = sql;
	query->once = true;
	compile(query, text);
	return query;
}

/* A value that does not fit (too many, too large) fails the query. */
static void note_put(struct sql_query *query, int code)
{
	if (code != SQLITE_OK && !query->failure)
		query->failure = code;
}

void sql_put_int(struct sql_query *query, int64_t value)
{
	if (query->statement)
		note_put(query,
		    sqlite3_bind_int64(query->statement, ++query->put, value));
}

void sql_put_text(struct sql_query *query, const char *value)
{
	if (query->statement)
		note_put(query,
		    sqlite3_bind_text(query->statement, ++query->put, value, -1,
			SQLITE_STATIC));
}

void sql_put_bytes(struct sql_query *query, const void *value, size_t len)
{
	if (query->statement)
		note_put(query,
		    sqlite3_bind_blob64(query->statement, ++query->put,
			value ? value : "", len, SQLITE_STATIC));
}

int sql_next(struct sql_query *query, struct why *why)
{
	int code = query->failure;

	if (!code)
		code = sqlite3_step(query->statement);
	if (code == SQLITE_ROW)
		return 1;
	if (code == SQLITE_DONE)
		return 0;
	return complain(query->sql, code, why);
}

int sql_run(struct sql_query *query, struct why *why)
{
	int got = sql_next(query, why);

	sql_end(query);
	return got < 0 ? -1 : 0;
}

void sql_end(struct sql_query *query)
{
	if (!query)
		return;
	if (query->once) {
		sqlite3_finalize(query->statement);
		free(query);
		return;
	}
	if (!query->statement)
		return;
	sqlite3_reset(query->statement);
	if (query->put)
		sqlite3_clear_bindings(query->statement);
	query->failure = SQLITE_OK;
}

void sql_cleanup(struct sql_query **query)
{
	sql_end(*query);
}

int64_t sql_int(struct sql_query *query, int column)
{
	return sqlite3_column_int64(query->statement, column);
}

bool sql_is_null(struct sql_query *query, int column)
{
	return sqlite3_column_type(query->statement, column) == SQLITE_NULL;
}

const char *sql_text(struct sql_query *query, int column)
{
	const unsigned char *text =
	    sqlite3_column_text(query->statement, column);

	return text ? (const char *)text : "";
}

const char *sql_bytes(struct sql_query *query, int column, size_t *len)
{
	const char *data = sqlite3_column_blob(query->statement, column);

	*len = (size_t)sqlite3_column_bytes(query->statement, column);
	return data ? data : "";
}

char *sql_copy_text(struct sql_query *query, int column)
{
	return mem_strdup(sql_text(query, column));
}

char *sql_copy_bytes(struct sql_query *query, int column, size_t *len)
{
	const char *data = sql_bytes(query, column, len);

	return mem_strndup(data, *len);
}

int64_t sql_last_row(const struct sql *sql)
{
	return sqlite3_last_insert_rowid(sql->db);
}

int64_t sql_changes(const struct sql *sql)
{
	return sqlite3_changes64(sql->db);
}
