/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * base/dice: chance. getrandom(2) with this size neither blocks after boot
 * nor returns short. A thread fetches some at a time: every event and every
 * attempt needs a throw.
 */
#include "base/dice.h"

#include <assert.h>
#include <sys/random.h>

/* 256 bytes: as much as getrandom(2) gives without being interrupted. */
enum { POOL = 32 };

uint64_t dice_roll(void)
{
	static _Thread_local uint64_t pool[POOL];
	static _Thread_local unsigned left;

	if (!left) {
		ssize_t got = getrandom(pool, sizeof(pool), 0);

		assert(got == (ssize_t)sizeof(pool));
		left = POOL;
	}
	return pool[--left];
}
