/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * base/dice: chance. getrandom(2) with this size neither blocks after boot
 * nor returns short.
 */
#include "base/dice.h"

#include <assert.h>
#include <sys/random.h>

uint64_t dice_roll(void)
{
	uint64_t bits = 0;
	ssize_t got = getrandom(&bits, sizeof(bits), 0);

	assert(got == (ssize_t)sizeof(bits));
	return bits;
}
