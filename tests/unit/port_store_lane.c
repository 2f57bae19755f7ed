/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * Lanes under random changes: the store against a model of a page. Besides,
 * two promises are checked without the model: never two of a lane under way,
 * and never a lane that has something to do and nobody to do it.
 */
#include "store_kit.h"

#include <stdint.h>

enum { SLOTS = 40, LANES = 3, STEPS = 4000 };

/* A delivery as it should be; lane -1: none. Slots are in order of age. */
struct image {
	int n;
	int lane;
	int state;
	int64_t row;
};

static struct image images[SLOTS];
static int image_count;
static int next_n = 1;
static int64_t endpoint;
static uint64_t chance_state = 20261123;

static int chance(int below)
{
	chance_state =
	    chance_state * 6364136223846793005u + 1442695040888963407u;
	return (int)((chance_state >> 33) % (uint64_t)below);
}

/* ---- the model --------------------------------------------------------- */

static bool is_open(const struct image *image)
{
	return image->state < STATE_DELIVERED;
}

static bool is_under_way(const struct image *image)
{
	return image->state == STATE_WAITING || image->state == STATE_ACTIVE;
}

static struct image *oldest_open(int lane)
{
	for (int i = 0; i < image_count; i++) {
		if (images[i].lane == lane && is_open(&images[i]))
			return &images[i];
	}
	return NULL;
}

static int under_way(int lane)
{
	int count = 0;

	for (int i = 0; i < image_count; i++)
		count += images[i].lane == lane && is_under_way(&images[i]);
	return count;
}

static void advance(int lane)
{
	struct image *head = oldest_open(lane);

	if (lane >= 0 && head && head->state == STATE_CHAINED &&
	    !under_way(lane))
		head->state = STATE_WAITING;
}

static void enter(struct image *image)
{
	image->state = image->lane < 0 ? STATE_WAITING : STATE_CHAINED;
	advance(image->lane);
}

static void forget(struct image *image)
{
	int lane = image->lane;
	int at = (int)(image - images);

	image_count--;
	memmove(image, image + 1, sizeof(*image) * (size_t)(image_count - at));
	advance(lane);
}

static struct image *find(int64_t row)
{
	for (int i = 0; i < image_count; i++) {
		if (images[i].row == row)
			return &images[i];
	}
	return NULL;
}

/* The model's answer to a change, and its effect. */
static enum changed expect(struct image *image, enum change change)
{
	bool final = !is_open(image);
	bool held = image->state == STATE_HELD;

	if (image->state == STATE_ACTIVE)
		return CHANGED_BUSY;
	switch (change) {
	case CHANGE_HOLD:
		if (held || final)
			return CHANGED_NOT;
		image->state = STATE_HELD;
		advance(image->lane);
		return CHANGED;
	case CHANGE_RELEASE:
		if (!held)
			return CHANGED_NOT;
		enter(image);
		return CHANGED;
	case CHANGE_RETRY:
		return image->state == STATE_WAITING ? CHANGED : CHANGED_NOT;
	case CHANGE_DELETE:
		forget(image);
		return CHANGED;
	case CHANGE_RESEND:
		if (!held && !final)
			return CHANGED_NOT;
		enter(image);
		return CHANGED;
	}
	return CHANGED_GONE;
}

/* ---- the steps --------------------------------------------------------- */

static void add(struct store *store, int64_t now_ms)
{
	static const char *const names[LANES] = { "a", "b", "c" };
	struct image *image = &images[image_count];

	image->n = next_n++;
	image->lane = chance(LANES + 1) - 1;
	kit_accept(store, image->n, image->lane < 0 ? "" : names[image->lane],
	    endpoint, now_ms);
	image->row = kit_row(store, image->n).row;
	image_count++;
	enter(image);
}

static bool claim(struct store *store, int64_t now_ms)
{
	int64_t rows[SLOTS];
	int room = 1 + chance(3);
	int waiting = 0;
	int count;

	for (int i = 0; i < image_count; i++)
		waiting += images[i].state == STATE_WAITING;
	count = kit_claim(store, endpoint, room, now_ms, rows, NULL);
	if (count != (waiting < room ? waiting : room))
		return false;
	for (int i = 0; i < count; i++) {
		struct image *image = find(rows[i]);

		if (!image || image->state != STATE_WAITING)
			return false;
		image->state = STATE_ACTIVE;
	}
	return true;
}

static bool settle(struct store *store, int64_t now_ms)
{
	static const int states[] = { STATE_DELIVERED, STATE_WAITING,
		STATE_DEAD };
	int outcome = chance(3);
	int was;

	for (int i = 0; i < image_count; i++) {
		struct image *image = &images[i];
		bool unlocked;

		if (image->state != STATE_ACTIVE || chance(2))
			continue;
		unlocked = kit_settle(store, image->row, (enum outcome)outcome,
		    1, now_ms, now_ms);
		image->state = states[outcome];
		was = under_way(image->lane);
		advance(image->lane);
		return unlocked ==
		    (image->lane >= 0 && under_way(image->lane) > was);
	}
	return true;
}

static bool change(struct store *store, int64_t now_ms)
{
	enum change which = (enum change)chance(CHANGE_RESEND + 1);
	struct image *image;
	enum changed got;

	if (!image_count)
		return true;
	image = &images[chance(image_count)];
	got = kit_change(store, image->n, which, now_ms);
	return got == expect(image, which);
}

/* A full board is no reason to stand still: something is deleted. */
static bool add_or_delete(struct store *store, int64_t now_ms)
{
	struct image *image = &images[chance(SLOTS)];
	enum changed got;

	if (image_count < SLOTS) {
		add(store, now_ms);
		return true;
	}
	got = kit_change(store, image->n, CHANGE_DELETE, now_ms);
	return got == expect(image, CHANGE_DELETE);
}

static bool step(struct store *store, int64_t now_ms)
{
	switch (chance(6)) {
	case 0:
	case 1:
		return add_or_delete(store, now_ms);
	case 2:
		return claim(store, now_ms);
	case 3:
	case 4:
		return settle(store, now_ms);
	}
	return change(store, now_ms);
}

/* ---- the comparison ---------------------------------------------------- */

struct comparison {
	int at;
	int different;
	int lanes_under_way[LANES];
	int lanes_head[LANES]; /* state of the oldest open one, -1 for none */
};

static int compare_row(void *arg, const struct delivery_row *row)
{
	struct comparison *all = arg;
	int lane = *row->incident ? *row->incident - 'a' : -1;

	if (all->at >= image_count || images[all->at].row != row->row ||
	    images[all->at].state != (int)row->state)
		all->different++;
	all->at++;
	if (lane < 0 || row->state >= STATE_DELIVERED)
		return 0;
	if (all->lanes_head[lane] < 0)
		all->lanes_head[lane] = (int)row->state;
	if (row->state == STATE_WAITING || row->state == STATE_ACTIVE)
		all->lanes_under_way[lane]++;
	return 0;
}

static struct comparison compare(struct store *store)
{
	struct comparison all = { .lanes_head = { -1, -1, -1 } };
	struct delivery_query query = { .all_states = true };

	if (store_deliveries(store, &query, compare_row, &all, &kit_why) < 0)
		kit_die("cannot list");
	all.different += all.at != image_count;
	return all;
}

/* Stops at the first difference, which `at` then tells. */
static int walk(struct store *store, int *doubled, int *stuck, int *wrong)
{
	for (int at = 0; at < STEPS; at++) {
		struct comparison all;

		if (!step(store, at + 1))
			++*wrong;
		all = compare(store);
		for (int lane = 0; lane < LANES; lane++) {
			*doubled += all.lanes_under_way[lane] > 1;
			*stuck += !all.lanes_under_way[lane] &&
			    all.lanes_head[lane] >= 0 &&
			    all.lanes_head[lane] != STATE_HELD;
		}
		if (all.different || *wrong || *doubled || *stuck)
			return at;
	}
	return STEPS;
}

int main(void)
{
	struct store *store;
	int doubled = 0;
	int stuck = 0;
	int wrong = 0;

	kit_start();
	store = kit_open(STORE_DAEMON);
	endpoint = kit_endpoint(store, "w", "0");
	is_int(walk(store, &doubled, &stuck, &wrong), STEPS,
	    "thousands of random steps end where the model ends");
	is_int(wrong, 0, "every step gives the model's answer");
	is_int(doubled, 0, "never are two of a lane under way");
	is_int(stuck, 0, "never is a lane stuck but behind a held one");
	ok(next_n > STEPS / 8, "the walk was not idle");
	store_close(store);
	kit_end();
	return done();
}
