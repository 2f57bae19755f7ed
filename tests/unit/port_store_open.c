/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/* Opening the store: new, damaged, foreign, newer, not permitted, full. */
#include "port/sql.h"
#include "store_kit.h"

#include <errno.h>
#include <sys/mount.h>

static struct store *try_open(enum store_use use)
{
	kit_why.text[0] = '\0';
	return store_open(kit_db, use, &kit_why);
}

/* Changes the database behind the store's back. */
static void edit(const char *text)
{
	struct sql *sql = sql_open(kit_db, true, &kit_why);

	if (!sql || sql_exec(sql, text, &kit_why) < 0)
		kit_die("cannot edit");
	sql_close(sql);
}

static void put_bytes(off_t at, const char *bytes, size_t len)
{
	int fd = open(kit_db, O_WRONLY | O_CREAT | O_CLOEXEC, 0640);

	if (fd < 0 || pwrite(fd, bytes, len, at) != (ssize_t)len)
		kit_die("cannot write bytes");
	close(fd);
}

static off_t size_of(const char *path)
{
	struct stat st;

	return stat(path, &st) < 0 ? -1 : st.st_size;
}

static void fresh(void)
{
	struct stat st;

	ok(!try_open(STORE_LOOK), "who only looks makes no database");
	has_str(kit_why.text, "no spool database", "and is told that none is");
	is_int(size_of(kit_db), -1, "and nothing was made");
	umask(0);
	store_close(kit_open(STORE_VERB));
	umask(022);
	stat(kit_db, &st);
	is_int(st.st_mode & 07777, 0640, "others may not read the database");
	store_close(kit_open(STORE_LOOK));
	ok(1, "then it can be looked at");
	kit_wipe();
	put_bytes(0, "", 0);
	ok(!try_open(STORE_LOOK), "an empty file is no database to look at");
	has_str(kit_why.text, "not set up", "and the sentence says so");
	store_close(kit_open(STORE_DAEMON));
	ok(1, "a daemon fills an empty file");
	kit_wipe();
	snprintf(kit_db, sizeof(kit_db), "%s/no/spool.db", kit_dir);
	ok(!try_open(STORE_DAEMON), "a missing folder is a failure");
	has_str(kit_why.text, "No such file", "whose reason is told");
	snprintf(kit_db, sizeof(kit_db), "%s/spool.db", kit_dir);
}

static void foreign(void)
{
	put_bytes(0,
	    "This is a text, and quite a long one, not a database. "
	    "It goes on for a while, to be longer than a header.",
	    100);
	ok(!try_open(STORE_DAEMON), "a text file is refused");
	has_str(kit_why.text, "not a spool database", "as what it is");
	has_str(kit_why.text, "deleted nothing", "and left alone");
	is_int(size_of(kit_db), 100, "to the byte");
	kit_wipe();

	edit("CREATE TABLE recipes (name TEXT)");
	ok(!try_open(STORE_DAEMON), "another program's database is refused");
	has_str(kit_why.text, "another program", "as what it is");
	kit_wipe();
	edit("PRAGMA application_id = 252006673");
	ok(!try_open(STORE_VERB), "also when it is empty but marked");
	kit_wipe();
}

static void versions(void)
{
	store_close(kit_open(STORE_DAEMON));
	edit("PRAGMA user_version = 999");
	for (int use = STORE_DAEMON; use <= STORE_LOOK; use++) {
		ok(!try_open((enum store_use)use),
		    "a newer version is refused");
		has_str(kit_why.text, "made by a newer spoolhook",
		    "and the sentence says by whom it was made");
		has_str(kit_why.text, "999", "and of which version it is");
	}
	edit("PRAGMA user_version = -1");
	ok(!try_open(STORE_DAEMON), "an impossible version is refused");
	edit("PRAGMA user_version = 0");
	ok(!try_open(STORE_LOOK), "who looks does not migrate");
	kit_wipe();
}

/* Several processes open a new store at once: one sets it up. */
static void racing(void)
{
	enum { RACERS = 6 };
	pid_t racers[RACERS];
	int failed = 0;

	for (int i = 0; i < RACERS; i++) {
		racers[i] = fork();
		if (racers[i] == 0) {
			struct store *store = try_open(STORE_VERB);

			store_close(store);
			_exit(store ? 0 : 1);
		}
	}
	for (int i = 0; i < RACERS; i++) {
		int status = -1;

		waitpid(racers[i], &status, 0);
		failed += status != 0;
	}
	is_int(failed, 0, "processes that open a new store at once all can");
	store_close(kit_open(STORE_LOOK));
	kit_wipe();
}

static void fill(struct store *store, int from, int to)
{
	int64_t a = kit_endpoint(store, "a", "0");

	for (int n = from; n < to; n++)
		kit_accept(store, n, "", a, n);
}

/* Every page but the first is overwritten, after a clean close. */
static void damaged(void)
{
	static const char junk[4096] = "junk";
	struct store *store = kit_open(STORE_DAEMON);
	off_t size;

	fill(store, 0, 40);
	store_close(store);
	size = size_of(kit_db);
	for (off_t at = 4096; at < size; at += 4096)
		put_bytes(at, junk, sizeof(junk));
	store = try_open(STORE_DAEMON);
	ok(!store, "a damaged database is not opened by a daemon");
	has_str(
	    kit_why.text, "FROM unfinished", "the sentence tells a way out");
	has_str(kit_why.text, "deleted nothing", "and that nothing is lost");
	is_int(size_of(kit_db), size, "the damaged file is left as it is");
	kit_wipe();

	/* Damage that shows only later: the pages behind the schema's. */
	store = kit_open(STORE_DAEMON);
	fill(store, 0, 40);
	store_close(store);
	size = size_of(kit_db);
	store = kit_open(STORE_VERB);
	for (off_t at = 8 * 4096; at < size; at += 4096)
		put_bytes(at, junk, sizeof(junk));
	{
		struct claim_wish wish = { .endpoint = 1, .room = 2 };
		struct work_claim claim = {
			.now_ms = 99, .wishes = &wish, .wish_count = 1
		};

		is_int(kit_commit(store, &claim, WORK_CLAIM), -1,
		    "damage that is met in a group refuses the group");
		has_str(kit_why.text, "damaged", "and is called by its name");
		ok(claim.work.failed && !claim.claimed,
		    "nothing is handed out of it");
	}
	store_close(store);
	kit_wipe();
}

/* The first half of a file, as a copy that was cut off leaves it. */
static void cut_off(void)
{
	struct store *store = kit_open(STORE_DAEMON);
	struct delivery_query all = { .all_states = true };
	int count = 0;

	fill(store, 0, 200);
	store_close(store);
	if (truncate(kit_db, size_of(kit_db) / 2) < 0)
		kit_die("cannot truncate");
	store = try_open(STORE_DAEMON);
	if (store) {
		is_int(store_deliveries(
			   store, &all, kit_count_row, &count, &kit_why),
		    -1, "a file that was cut off fails when it is read");
		store_close(store);
	} else {
		ok(1, "a file that was cut off is not opened");
	}
	has_str(kit_why.text, "damaged", "and is called damaged");
	kit_wipe();
}

/* Somebody deleted an event's bytes by hand: only its delivery suffers. */
static void edited(void)
{
	struct store *store = kit_open(STORE_DAEMON);
	int64_t rows[4];

	fill(store, 1, 4);
	edit("DELETE FROM payload WHERE event = 2");
	is_int(
	    kit_claim(store, kit_endpoint(store, "a", "0"), 9, 99, rows, NULL),
	    2, "a delivery that lost its event stops no other");
	is_int(kit_state(store, 2), STATE_HELD, "it is held for the operator");
	edit("UPDATE delivery SET state = 77, due_ms = -5 WHERE seq = 1");
	is_int(kit_state(store, 1), STATE_HELD,
	    "a state that nobody knows is shown as held");
	store_close(store);
	kit_wipe();
}

/* One delivered and one waiting, each with a lane of its own, as version 7 had
 * them; then one more of each lane. */
static void seventh(void)
{
	struct store *store = kit_open(STORE_DAEMON);
	int64_t a = kit_endpoint(store, "a", "0");
	int64_t row;

	kit_accept(store, 1, "over", a, 1);
	kit_claim(store, a, 1, 1, &row, NULL);
	kit_settle(store, row, OUTCOME_DELIVERED, 1, 0, 1);
	kit_accept(store, 2, "open", a, 1);
	store_close(store);
	edit("DROP INDEX open; UPDATE delivery SET due_ms = 1;"
	     "CREATE INDEX open ON delivery (endpoint, lane) WHERE state < 4;"
	     "PRAGMA user_version = 7");
	store = kit_open(STORE_DAEMON);
	kit_accept(store, 3, "over", a, 2);
	kit_accept(store, 4, "open", a, 2);
	is_int(kit_state(store, 3), STATE_WAITING,
	    "what version 7 delivered stands in nobody's way");
	is_int(kit_state(store, 4), STATE_CHAINED,
	    "what waited then keeps its lane in order");
	kit_change(store, 1, CHANGE_RESEND, 3);
	is_int(kit_state(store, 1), STATE_CHAINED,
	    "and what is sent again waits its turn");
	store_close(store);
	kit_wipe();
}

/* ---- a full disk ------------------------------------------------------- */

/* Accepts from event `n` on until the disk is full; returns where it ended. */
static int fill_up(struct store *store, int64_t endpoint, int n, bool *full)
{
	enum { MANY = 4000 };
	static char body[16384] = "{";
	struct route_row route = { endpoint, true };

	for (; n < MANY; n++) {
		struct accepted_event event = kit_event(n, "", &route);
		struct work_accept work = { .work.kind = WORK_ACCEPT,
			.source = "x",
			.events = &event,
			.count = 1 };

		event.body = body;
		event.body_len = sizeof(body);
		if (store_commit(store, &work.work, full, &kit_why) < 0)
			return n;
	}
	return MANY;
}

static void full_disk_story(void)
{
	struct store *store = kit_open(STORE_DAEMON);
	int64_t endpoint = kit_endpoint(store, "a", "0");
	bool full = false;
	int64_t rows[2];
	int count;

	count = fill_up(store, endpoint, 0, &full);
	ok(full, "a full disk is told as one");
	has_str(kit_why.text, "the disk is full", "in plain words");
	ok(count > 0, "what fitted was accepted");
	is_int(
	    kit_events(store), count, "what did not fit left nothing behind");
	full = false;
	is_int(fill_up(store, endpoint, count, &full), count,
	    "as long as it is full, groups are refused");
	ok(full, "each with the same reason");
	if (mount(NULL, kit_dir, NULL, MS_REMOUNT, "size=64m") < 0)
		kit_die("cannot make room");
	is_int(kit_try_accept(store, 999999, "", endpoint, 0), 0,
	    "when there is room again, the same store goes on");
	is_int(kit_claim(store, endpoint, 2, 9, rows, NULL), 2,
	    "and hands out what it has");
	store_close(store);
	store = kit_open(STORE_DAEMON);
	is_int(
	    kit_events(store), count + 1, "all of it is there after a restart");
	store_close(store);
}

static void full_disk(void)
{
	bool mounted = mount("tmpfs", kit_dir, "tmpfs", 0, "size=6m") == 0;

	if (!mounted) {
		ok(1, "full disk # SKIP a file system cannot be mounted: %s",
		    strerror(errno));
		return;
	}
	full_disk_story();
	kit_wipe();
	umount(kit_dir);
}

int main(void)
{
	kit_start();
	fresh();
	foreign();
	versions();
	racing();
	damaged();
	cut_off();
	edited();
	seventh();
	full_disk();
	kit_end();
	return done();
}
