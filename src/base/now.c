/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * base/now: the two clocks.
 */
#include "base/now.h"

#include <time.h>

static int64_t read_ms(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t now_wall_ms(void)
{
	return read_ms(CLOCK_REALTIME);
}

int64_t now_steady_ms(void)
{
	return read_ms(CLOCK_BOOTTIME);
}

int64_t now_earlier(int64_t a_ms, int64_t b_ms)
{
	if (a_ms < 0)
		return b_ms;
	return b_ms < 0 || a_ms < b_ms ? a_ms : b_ms;
}
