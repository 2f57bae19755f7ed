/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef BASE_NOW_H
#define BASE_NOW_H

#include <stdint.h>

/*
 * The clocks, in milliseconds. Wall time (CLOCK_REALTIME, since 1970) is for
 * records and for due times that outlive the process; steady time
 * (CLOCK_BOOTTIME) is for waits. Only flow/ and cmd/ read them: below, time is
 * an argument.
 */
int64_t now_wall_ms(void);
int64_t now_steady_ms(void);
/* The earlier of two times, of which -1 is never. */
int64_t now_earlier(int64_t a_ms, int64_t b_ms);

#endif
