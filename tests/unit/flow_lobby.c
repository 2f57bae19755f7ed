/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * What the intake remembers of files that stay. No clock and no file: times
 * and inodes are made up.
 */
#include "flow/lobby.h"

#include "base/mem.h"
#include "tap.h"

static int gone_count;
static char gone_last[64];

static void gone(void *arg, const char *told)
{
	(void)arg;
	gone_count++;
	snprintf(gone_last, sizeof(gone_last), "%s", told);
}

static void skipping(void)
{
	struct lobby *lobby = lobby_new();

	ok(!lobby_skips(lobby, 0, 7, 100, 0), "an unknown file is looked at");
	lobby_keep(lobby, 0, 7, 100, STAY_UNREADABLE, 0, 5000);
	ok(lobby_skips(lobby, 0, 7, 100, 10), "one that stays is left out");
	ok(!lobby_skips(lobby, 0, 7, 101, 10), "... but not once it changed");
	ok(!lobby_skips(lobby, 0, 7, 100, 5000), "... nor when its time came");
	ok(!lobby_skips(lobby, 1, 7, 100, 10),
	    "the same inode in another box is another file");
	lobby_keep(lobby, 0, 7, 100, STAY_BUSY, 20, 0);
	ok(lobby_skips(lobby, 0, 7, 101, 9999),
	    "a busy one is left out whatever happens");
	lobby_forget(lobby, 0, 7);
	ok(!lobby_skips(lobby, 0, 7, 100, 30), "a forgotten one is looked at");
	lobby_forget(lobby, 0, 7);
	lobby_free(lobby);
}

static void missing(void)
{
	struct lobby *lobby = lobby_new();
	struct guest *guest = lobby_keep(lobby, 0, 7, 100, STAY_BUSY, 0, 0);

	lobby_skips(lobby, 0, 7, 100, 10);
	ok(!guest->missed, "a busy file is met again, and nothing is missed");
	lobby_skips(lobby, 0, 7, 101, 10);
	ok(guest->missed, "with another change time it may be another file");
	guest->missed = false;
	guest->leaving = true;
	lobby_skips(lobby, 0, 7, 100, 10);
	ok(guest->missed, "while it leaves, it may be even with the same");
	lobby_keep(lobby, 0, 7, 100, STAY_WRITTEN, 20, 30);
	ok(!guest->leaving, "whoever stays does not leave");
	lobby_free(lobby);
}

static void times(void)
{
	struct lobby *lobby = lobby_new();
	const struct guest *guest;

	is_int(lobby_next_ms(lobby), -1, "nobody, no time");
	guest = lobby_keep(lobby, 0, 1, 100, STAY_UNREADABLE, 10, 9000);
	is_int(guest->since_ms, 10, "a new one is seen first now");
	guest = lobby_keep(lobby, 0, 1, 100, STAY_UNREADABLE, 20, 9000);
	is_int(guest->since_ms, 10, "... and stays so while it is the same");
	guest = lobby_keep(lobby, 0, 1, 101, STAY_UNREADABLE, 30, 9000);
	is_int(guest->since_ms, 30, "... until it changes");
	is_int(guest->first_ms, 10, "... when it was seen at all is kept");
	is_int(lobby_next_ms(lobby), 9000, "the next time is its time");
	lobby_keep(lobby, 0, 2, 100, STAY_LATER, 30, 700);
	is_int(lobby_next_ms(lobby), 700, "... or an earlier one's");
	lobby_keep(lobby, 0, 2, 100, STAY_BUSY, 30, 0);
	is_int(lobby_next_ms(lobby), 9000, "the busy ask for no time");
	lobby_keep(lobby, 0, 3, 100, STAY_EARLY, 40, 60000);
	is_int(lobby_next_ms(lobby), 1040,
	    "one that ends early is asked every second whether it grew");
	lobby_skips(lobby, 0, 3, 100, 1040);
	is_int(lobby_next_ms(lobby), 2040, "... and again");
	ok(lobby_skips(lobby, 0, 3, 100, 2040), "... without being read");
	lobby_free(lobby);
}

static void ending(void)
{
	struct lobby *lobby = lobby_new();

	ok(!lobby_moment(lobby, 0), "nobody to wait for");
	lobby_keep(lobby, 0, 1, 100, STAY_EARLY, 0, 100);
	ok(!lobby_moment(lobby, 0), "a half file is not waited for");
	lobby_keep(lobby, 0, 2, 100, STAY_QUIET, 0, 1000);
	ok(lobby_moment(lobby, 0), "one that is nearly quiet is");
	lobby_keep(lobby, 0, 2, 101, STAY_QUIET, 9000, 10000);
	ok(!lobby_moment(lobby, LOBBY_PATIENCE_MS),
	    "... but not for ever, though it changes");
	ok(!lobby_later(lobby), "no trouble of ours");
	lobby_keep(lobby, 0, 3, 100, STAY_LATER, 0, 100);
	ok(lobby_later(lobby), "trouble of ours is known");
	lobby_free(lobby);
}

static void sweeps(void)
{
	struct lobby *lobby = lobby_new();
	struct guest *guest;

	gone_count = 0;
	lobby_on_forget(lobby, gone, NULL);
	guest = lobby_keep(lobby, 0, 1, 100, STAY_UNREADABLE, 0, 100);
	guest->told = mem_strdup("/box/one");
	lobby_keep(lobby, 0, 2, 100, STAY_BUSY, 0, 0);
	lobby_keep(lobby, 0, 3, 100, STAY_EARLY, 0, 100);
	lobby_keep(lobby, 1, 4, 100, STAY_EARLY, 0, 100);
	lobby_begin_sweep(lobby, 0);
	lobby_skips(lobby, 0, 3, 100, 0);
	lobby_end_sweep(lobby, 0);
	ok(!lobby_find(lobby, 0, 1), "who was not seen by a sweep is gone");
	is_int(gone_count, 1, "... and whoever was told of it learns that");
	is_str(gone_last, "/box/one", "... by its path");
	ok(lobby_find(lobby, 0, 3), "who was seen stays");
	ok(lobby_find(lobby, 0, 2), "the busy stay");
	ok(lobby_find(lobby, 1, 4), "other boxes were not swept");
	lobby_free(lobby);
}

static void telling(void)
{
	struct lobby *lobby = lobby_new();
	struct guest *guest =
	    lobby_keep(lobby, 0, 1, 100, STAY_UNREADABLE, 0, 100);

	gone_count = 0;
	lobby_on_forget(lobby, gone, NULL);
	lobby_untell(lobby, guest);
	is_int(gone_count, 0, "nobody was told, nobody need learn");
	guest->told = mem_strdup("/box/x");
	lobby_untell(lobby, guest);
	lobby_untell(lobby, guest);
	is_int(gone_count, 1, "that it is over is told once");
	guest->told = mem_strdup("/box/x");
	lobby_free(lobby);
	is_int(gone_count, 1, "the end of the process tells nothing");
}

static void renumbering(void)
{
	struct lobby *lobby = lobby_new();
	const int to[] = { 1, LOBBY_NOWHERE, 0 };
	struct guest *guest;
	unsigned i;

	gone_count = 0;
	lobby_on_forget(lobby, gone, NULL);
	for (i = 0; i < 3000; i++)
		lobby_keep(lobby, i % 3, i, 100, STAY_EARLY, 5, 100);
	guest = lobby_find(lobby, 1, 1);
	guest->told = mem_strdup("/second/box");
	lobby_renumber(lobby, to, 3);
	ok(lobby_find(lobby, 1, 0) && !lobby_find(lobby, 0, 0),
	    "guests go with their box to its new number");
	ok(lobby_find(lobby, 0, 2999) && !lobby_find(lobby, 2, 2999),
	    "... all of them");
	is_int(lobby_find(lobby, 1, 0)->since_ms, 5,
	    "... with what is known of them");
	ok(!lobby_find(lobby, 1, 1), "those of a box that is no more are gone");
	is_int(gone_count, 1, "... and whoever was told of one learns that");
	lobby_free(lobby);
}

int main(void)
{
	skipping();
	missing();
	times();
	ending();
	sweeps();
	telling();
	renumbering();
	return done();
}
