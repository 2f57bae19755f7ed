/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef PORT_SQL_H
#define PORT_SQL_H

#include "base/why.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The door to SQLite: one connection, statements that are prepared once, and
 * sentences in place of result codes. Only the store's files come through
 * it. A connection belongs to one thread at a time.
 */
struct sql;
struct sql_query;

/* Opens the file for reading and writing; with `make` it is made when missing,
 * mode 0640, or 0660 in a directory that its group may change. An empty file is an empty database. */
struct sql *sql_open(const char *path, bool make, struct why *why);
/* All queries must have ended. */
void sql_close(struct sql *sql);

/* What the last failure was about, for those who do more than pass the
 * sentence on. */
enum sql_trouble { SQL_FULL = 1, SQL_LOCKED, SQL_DAMAGED, SQL_OTHER };
enum sql_trouble sql_trouble(const struct sql *sql);

/* Runs statements that have no values and whose rows nobody reads. */
int sql_exec(struct sql *sql, const char *text, struct why *why);
/* The first column of the first row; 0 when there is none. */
int sql_number(
    struct sql *sql, const char *text, int64_t *out, struct why *why);

/* A transaction that writes, from its start: it waits for its turn once. */
int sql_begin(struct sql *sql, struct why *why);
/* Whether the commits from now on (outside a transaction) wait for the disk.
 * What did not wait is durable with the next one that does; a power cut before
 * that takes it back, whole and in order. They wait at first. */
int sql_wait(struct sql *sql, bool waits, struct why *why);
/* A transaction that only reads: all its answers are of one moment. */
int sql_begin_reading(struct sql *sql, struct why *why);
/* After it the transaction is on the disk. On -1 it is still open. */
int sql_commit(struct sql *sql, struct why *why);
/* Gives up what is open; without a transaction it does nothing. */
void sql_rollback(struct sql *sql);

/*
 * A query, prepared at its first use and kept with the connection. `text` must
 * be a literal: it is known by its address. One that cannot be prepared is
 * noticed when it runs. Values go in from left to right; texts and bytes are
 * lent until the query ends.
 */
struct sql_query *sql_query(struct sql *sql, const char *text);
/* The same for a text that was put together; it goes when the query ends. */
struct sql_query *sql_query_once(struct sql *sql, const char *text);
void sql_put_int(struct sql_query *query, int64_t value);
/* NULL puts null. */
void sql_put_text(struct sql_query *query, const char *value);
/* NULL puts an empty value. */
void sql_put_bytes(struct sql_query *query, const void *value, size_t len);

/* 1 there is a row, 0 there is no more, -1 it failed. */
int sql_next(struct sql_query *query, struct why *why);
/* Runs a query that yields no rows, and ends it. */
int sql_run(struct sql_query *query, struct why *why);
/* Makes it ready for its next use. NULL is fine. */
void sql_end(struct sql_query *query);
/* Ends at the end of the scope. */
#define auto_end __attribute__((cleanup(sql_cleanup)))
void sql_cleanup(struct sql_query **query);

/* Columns of the current row, from 0. Text is lent until the next row and is
 * never NULL; what is copied is the caller's. */
int64_t sql_int(struct sql_query *query, int column);
bool sql_is_null(struct sql_query *query, int column);
const char *sql_text(struct sql_query *query, int column);
const char *sql_bytes(struct sql_query *query, int column, size_t *len);
char *sql_copy_text(struct sql_query *query, int column);
char *sql_copy_bytes(struct sql_query *query, int column, size_t *len);

/* The row number that the last insert gave out. */
int64_t sql_last_row(const struct sql *sql);
/* How many rows the last statement changed. */
int64_t sql_changes(const struct sql *sql);

#endif
