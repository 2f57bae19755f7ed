/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * port/store_schema: the tables, and the way from each older version to the
 * next. The version is SQLite's user_version and the number of steps taken; a
 * step that was once released is never edited, a change is one more step.
 *
 * It touches no database that is not spoolhook's own (application_id). All
 * steps are one transaction: if we die in one, none happened.
 */
#include "port/store_schema.h"

#include "port/sql.h"

#include <stdint.h>
#include <stdio.h>

/* "SpHk"; file(1) shows it. */
#define APPLICATION_ID 0x5370486b

/*
 * Version 1. Times are milliseconds since 1970.
 *
 * event    what was accepted. `routes` is the number of deliveries it was given;
 *          payload holds its bytes, apart, so that walks over events stay
 *          cheap.
 * endpoint its number for ever, and what `status` tells of it; `delivered` and
 *          `dead` count the deliveries in those states.
 * delivery state as in enum state. `lane` is the incident, null when order does
 *          not matter. Numbers are never used twice: verbs and the wire
 *          remember them.
 * unfinished (a view) the events of open deliveries, one a line, to save them
 *          from a damaged database. JSON's line breaks are only spaces.
 * attempt  one HTTP call and its answer.
 * death    a dead delivery that nobody was told of yet.
 * notice   when a webhook's people were last told.
 * mail     a notice on its way.
 * receipt  a dropped file that was accepted but may still lie there.
 * note     lines for `status`.
 * memory   one row: the last event id that was given out.
 *
 * Two indexes carry the queue. `open`: the lanes, oldest first. `runnable`:
 * what waits by due time, and what is on the wire. Final deliveries are in
 * neither, so history costs the queue nothing.
 */
static const char first[] =
    "CREATE TABLE event ("
    "  seq INTEGER PRIMARY KEY,"
    "  id TEXT NOT NULL UNIQUE,"
    "  type TEXT NOT NULL,"
    "  incident TEXT NOT NULL,"
    "  service TEXT NOT NULL,"
    "  alert_source TEXT NOT NULL,"
    "  message TEXT NOT NULL,"
    "  source TEXT NOT NULL,"
    "  accepted_ms INTEGER NOT NULL,"
    "  bytes INTEGER NOT NULL,"
    "  routes INTEGER NOT NULL"
    ") STRICT;"
    "CREATE INDEX unmatched ON event (seq) WHERE routes = 0;"
    "CREATE TABLE payload ("
    "  event INTEGER PRIMARY KEY REFERENCES event ON DELETE CASCADE,"
    "  body BLOB NOT NULL"
    ") STRICT;"
    "CREATE TABLE endpoint ("
    "  seq INTEGER PRIMARY KEY,"
    "  webhook TEXT NOT NULL,"
    "  name TEXT NOT NULL,"
    "  delivered INTEGER NOT NULL DEFAULT 0,"
    "  dead INTEGER NOT NULL DEFAULT 0,"
    "  success_ms INTEGER NOT NULL DEFAULT -1,"
    "  failure_ms INTEGER NOT NULL DEFAULT -1,"
    "  last_status INTEGER NOT NULL DEFAULT 0,"
    "  last_code TEXT NOT NULL DEFAULT '',"
    "  UNIQUE (webhook, name)"
    ") STRICT;"
    "CREATE TABLE delivery ("
    "  seq INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  event INTEGER NOT NULL REFERENCES event ON DELETE CASCADE,"
    "  endpoint INTEGER NOT NULL REFERENCES endpoint,"
    "  lane TEXT,"
    "  state INTEGER NOT NULL,"
    "  tries INTEGER NOT NULL DEFAULT 0,"
    "  accepted_ms INTEGER NOT NULL,"
    "  queued_ms INTEGER NOT NULL,"
    "  due_ms INTEGER NOT NULL,"
    "  changed_ms INTEGER NOT NULL,"
    "  UNIQUE (event, endpoint)"
    ") STRICT;"
    "CREATE INDEX open ON delivery (endpoint, lane) WHERE state < 4;"
    "CREATE INDEX runnable ON delivery (state, endpoint, due_ms)"
    "  WHERE state IN (1, 2);"
    "CREATE TRIGGER uncount AFTER DELETE ON delivery WHEN old.state >= 4 BEGIN"
    "  UPDATE endpoint SET delivered = delivered - (old.state = 4),"
    "    dead = dead - (old.state = 5) WHERE seq = old.endpoint;"
    "END;"
    "CREATE VIEW unfinished AS SELECT id, replace(replace("
    "  CAST(body AS TEXT), char(10), ' '), char(13), ' ') AS body"
    "  FROM event JOIN payload ON payload.event = event.seq"
    "  WHERE seq IN (SELECT event FROM delivery WHERE state < 4);"
    "CREATE TABLE attempt ("
    "  seq INTEGER PRIMARY KEY,"
    "  delivery INTEGER NOT NULL REFERENCES delivery ON DELETE CASCADE,"
    "  attempt INTEGER NOT NULL,"
    "  started_ms INTEGER NOT NULL,"
    "  duration_ms INTEGER NOT NULL,"
    "  status INTEGER NOT NULL,"
    "  code TEXT NOT NULL,"
    "  error TEXT NOT NULL,"
    "  remote TEXT NOT NULL,"
    "  outcome TEXT NOT NULL,"
    "  answer BLOB NOT NULL"
    ") STRICT;"
    "CREATE INDEX attempt_delivery ON attempt (delivery);"
    "CREATE TABLE death ("
    "  seq INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  webhook TEXT NOT NULL,"
    "  delivery INTEGER NOT NULL UNIQUE REFERENCES delivery ON DELETE CASCADE,"
    "  died_ms INTEGER NOT NULL"
    ") STRICT;"
    "CREATE INDEX death_webhook ON death (webhook);"
    "CREATE TABLE notice ("
    "  webhook TEXT PRIMARY KEY,"
    "  last_ms INTEGER NOT NULL"
    ") STRICT, WITHOUT ROWID;"
    "CREATE TABLE mail ("
    "  seq INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  webhook TEXT NOT NULL,"
    "  sender TEXT NOT NULL,"
    "  recipients TEXT NOT NULL,"
    "  tries INTEGER NOT NULL DEFAULT 0,"
    "  queued_ms INTEGER NOT NULL,"
    "  due_ms INTEGER NOT NULL,"
    "  message BLOB NOT NULL"
    ") STRICT;"
    "CREATE INDEX mail_due ON mail (due_ms);"
    "CREATE TABLE receipt ("
    "  device INTEGER NOT NULL,"
    "  inode INTEGER NOT NULL,"
    "  birth_ns INTEGER NOT NULL,"
    "  mtime_ns INTEGER NOT NULL,"
    "  size INTEGER NOT NULL,"
    "  done INTEGER NOT NULL,"
    "  hash INTEGER NOT NULL,"
    "  PRIMARY KEY (device, inode)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE TABLE note ("
    "  name TEXT PRIMARY KEY,"
    "  value TEXT NOT NULL,"
    "  ms INTEGER NOT NULL"
    ") STRICT, WITHOUT ROWID;"
    "CREATE TABLE memory (last_id TEXT NOT NULL) STRICT;"
    "INSERT INTO memory VALUES ('');";

/*
 * Version 2: counters that only grow, for `metrics`: what was counted stays when
 * the rows that it was counted from are pruned, and over restarts.
 *
 * meter    one row an endpoint: attempts by outcome, deliveries by how they
 *          ended, durations of attempts (le_N: at most N ms).
 * total    one row a counter of the whole spool. Event types come from outside,
 *          so only those that have a row are counted apart.
 *
 * The triggers are part of the transactions that they count.
 */
static const char second[] =
    "CREATE TABLE meter ("
    "  endpoint INTEGER PRIMARY KEY REFERENCES endpoint,"
    "  attempts_delivered INTEGER NOT NULL DEFAULT 0,"
    "  attempts_deferred INTEGER NOT NULL DEFAULT 0,"
    "  attempts_dead INTEGER NOT NULL DEFAULT 0,"
    "  delivered INTEGER NOT NULL DEFAULT 0,"
    "  dead INTEGER NOT NULL DEFAULT 0,"
    "  sum_ms INTEGER NOT NULL DEFAULT 0,"
    "  le_50 INTEGER NOT NULL DEFAULT 0,"
    "  le_100 INTEGER NOT NULL DEFAULT 0,"
    "  le_250 INTEGER NOT NULL DEFAULT 0,"
    "  le_500 INTEGER NOT NULL DEFAULT 0,"
    "  le_1000 INTEGER NOT NULL DEFAULT 0,"
    "  le_2500 INTEGER NOT NULL DEFAULT 0,"
    "  le_5000 INTEGER NOT NULL DEFAULT 0,"
    "  le_15000 INTEGER NOT NULL DEFAULT 0"
    ") STRICT;"
    "INSERT INTO meter (endpoint, delivered, dead)"
    "  SELECT seq, delivered, dead FROM endpoint;"
    "CREATE TRIGGER meter_endpoint AFTER INSERT ON endpoint BEGIN"
    "  INSERT INTO meter (endpoint) VALUES (new.seq);"
    "END;"
    "CREATE TRIGGER meter_attempt AFTER INSERT ON attempt BEGIN"
    "  UPDATE meter SET"
    "    attempts_delivered = attempts_delivered +"
    "      (new.outcome = 'delivered'),"
    "    attempts_deferred = attempts_deferred + (new.outcome = 'deferred'),"
    "    attempts_dead = attempts_dead + (new.outcome = 'dead'),"
    "    sum_ms = sum_ms + new.duration_ms,"
    "    le_50 = le_50 + (new.duration_ms <= 50),"
    "    le_100 = le_100 + (new.duration_ms <= 100),"
    "    le_250 = le_250 + (new.duration_ms <= 250),"
    "    le_500 = le_500 + (new.duration_ms <= 500),"
    "    le_1000 = le_1000 + (new.duration_ms <= 1000),"
    "    le_2500 = le_2500 + (new.duration_ms <= 2500),"
    "    le_5000 = le_5000 + (new.duration_ms <= 5000),"
    "    le_15000 = le_15000 + (new.duration_ms <= 15000)"
    "  WHERE endpoint ="
    "    (SELECT endpoint FROM delivery WHERE seq = new.delivery);"
    "END;"
    "CREATE TRIGGER meter_end AFTER UPDATE OF state ON delivery"
    "  WHEN new.state >= 4 AND old.state < 4 BEGIN"
    "  UPDATE meter SET delivered = delivered + (new.state = 4),"
    "    dead = dead + (new.state = 5) WHERE endpoint = new.endpoint;"
    "END;"
    "CREATE TABLE total ("
    "  name TEXT NOT NULL,"
    "  label TEXT NOT NULL,"
    "  value INTEGER NOT NULL DEFAULT 0,"
    "  PRIMARY KEY (name, label)"
    ") STRICT, WITHOUT ROWID;"
    "INSERT INTO total (name, label) VALUES"
    "  ('accepted', 'incident_triggered'),"
    "  ('accepted', 'incident_reassigned'),"
    "  ('accepted', 'incident_acknowledged'),"
    "  ('accepted', 'incident_resolved'),"
    "  ('accepted', 'other'), ('unmatched', ''), ('mails', '');"
    "CREATE TRIGGER total_event AFTER INSERT ON event BEGIN"
    "  UPDATE total SET value = value + 1 WHERE name = 'accepted' AND"
    "    label = CASE replace(new.type, '.', '_')"
    "      WHEN 'incident_triggered' THEN 'incident_triggered'"
    "      WHEN 'incident_reassigned' THEN 'incident_reassigned'"
    "      WHEN 'incident_acknowledged' THEN 'incident_acknowledged'"
    "      WHEN 'incident_resolved' THEN 'incident_resolved'"
    "      ELSE 'other' END;"
    "  UPDATE total SET value = value + 1"
    "    WHERE new.routes = 0 AND name = 'unmatched' AND label = '';"
    "END;"
    "CREATE TRIGGER total_mail AFTER INSERT ON mail BEGIN"
    "  UPDATE total SET value = value + 1"
    "    WHERE name = 'mails' AND label = '';"
    "END;";

/*
 * Version 3. What the daemon holds because its endpoint is not configured is
 * marked by a due time of -1 (store_tend.c).
 */
static const char third[] = "CREATE INDEX parked ON delivery (endpoint)"
			    "  WHERE state = 3 AND due_ms = -1;";

/*
 * Version 4. The breaker of an endpoint (model/breaker.h): `resting` while it
 * is open, since opened_ms. `told`: its people know that it rests, and were
 * last told so at told_ms. `untold` finds what they do not know yet.
 */
static const char fourth[] =
    "ALTER TABLE endpoint ADD COLUMN resting INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE endpoint ADD COLUMN failures INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE endpoint ADD COLUMN rest_ms INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE endpoint ADD COLUMN until_ms INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE endpoint ADD COLUMN opened_ms INTEGER NOT NULL DEFAULT -1;"
    "ALTER TABLE endpoint ADD COLUMN told INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE endpoint ADD COLUMN told_ms INTEGER NOT NULL DEFAULT -1;"
    "CREATE INDEX untold ON endpoint (seq) WHERE resting <> told;";

/*
 * Version 5. What was never tried and what is tried again stand in two lines, so
 * that neither waits behind all of the other.
 */
static const char fifth[] =
    "DROP INDEX runnable;"
    "CREATE INDEX runnable ON delivery (state, endpoint, tries > 0, due_ms)"
    "  WHERE state IN (1, 2);";

/*
 * Version 6. Events and attempts are counted by the group (store_tally.c), not
 * one by one.
 */
static const char sixth[] = "DROP TRIGGER IF EXISTS meter_attempt;"
			    "DROP TRIGGER IF EXISTS meter_end;"
			    "DROP TRIGGER IF EXISTS total_event;";

/*
 * Version 7. Where an endpoint is, as a number that its daemon makes of the URL;
 * 0 while that is not known. A rest is of a place, not of a name.
 */
static const char seventh[] =
    "ALTER TABLE endpoint ADD COLUMN place INTEGER NOT NULL DEFAULT 0;";

/*
 * Version 8. What is final is due at -2, and `open` goes by that: a claim changes
 * the state only, and had to take each row out of that index and put it back.
 */
static const char eighth[] =
    "DROP INDEX open;"
    "UPDATE delivery SET due_ms = -2 WHERE state >= 4;"
    "CREATE INDEX open ON delivery (endpoint, lane) WHERE due_ms > -2;";

static const char *const steps[] = { first, second, third, fourth, fifth, sixth,
	seventh, eighth };
enum { VERSION_NOW = sizeof(steps) / sizeof(*steps) };

/* Ours, or empty? */
static int recognise(
    struct sql *sql, const char *path, int64_t version, struct why *why)
{
	int64_t application;
	int64_t objects;

	if (sql_number(sql, "PRAGMA application_id", &application, why) < 0 ||
	    sql_number(
		sql, "SELECT count(*) FROM sqlite_schema", &objects, why) < 0)
		return -1;
	if (application == APPLICATION_ID)
		return 0;
	if (application == 0 && version == 0 && objects == 0)
		return 0;
	return fail(why, "%s: is a database of another program", path);
}

static int read_version(
    struct sql *sql, const char *path, int64_t *version, struct why *why)
{
	if (sql_number(sql, "PRAGMA user_version", version, why) < 0)
		return -1;
	if (recognise(sql, path, *version, why) < 0)
		return -1;
	if (*version > VERSION_NOW)
		return fail(why,
		    "%s: was made by a newer spoolhook (its version is "
		    "%lld, this program knows %d); install that one again",
		    path, (long long)*version, VERSION_NOW);
	if (*version < 0)
		return fail(why, "%s: has the impossible version %lld", path,
		    (long long)*version);
	return 0;
}

static int take_step(struct sql *sql, int64_t version, struct why *why)
{
	char mark[96];

	snprintf(mark, sizeof(mark),
	    "PRAGMA application_id = %d; PRAGMA user_version = %lld",
	    APPLICATION_ID, (long long)version + 1);
	if (sql_exec(sql, steps[version], why) < 0)
		return -1;
	return sql_exec(sql, mark, why);
}

/* The version is read again under the lock: another process may have been
 * faster. */
static int take_steps(struct sql *sql, const char *path, struct why *why)
{
	int64_t version;

	if (read_version(sql, path, &version, why) < 0)
		return -1;
	for (; version < VERSION_NOW; version++) {
		if (take_step(sql, version, why) < 0)
			return -1;
	}
	return 0;
}

/* All or none. */
static int climb(struct sql *sql, const char *path, struct why *why)
{
	if (sql_begin(sql, why) < 0)
		return -1;
	if (take_steps(sql, path, why) == 0 && sql_commit(sql, why) == 0)
		return 0;
	sql_rollback(sql);
	return -1;
}

int schema_prepare(
    struct sql *sql, const char *path, bool change, struct why *why)
{
	int64_t version;

	if (read_version(sql, path, &version, why) < 0)
		return -1;
	if (version == VERSION_NOW)
		return 0;
	if (!change)
		return fail(why,
		    "%s: is not set up for this spoolhook yet; "
		    "start the service once",
		    path);
	return climb(sql, path, why);
}
