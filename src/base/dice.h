/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef BASE_DICE_H
#define BASE_DICE_H

#include <stdint.h>

/* 64 random bits from the kernel. Only flow/ and cmd/ throw dice; below,
 * chance is an argument. */
uint64_t dice_roll(void);

#endif
