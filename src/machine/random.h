/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * random.h - random numbers that are the same on every machine. The state is one word, and is the
 * seed at first.
 */
#ifndef PAMT_MACHINE_RANDOM_H
#define PAMT_MACHINE_RANDOM_H

#include <stdint.h>

/* splitmix64: 64 bits. Every seed gives a good sequence, also neighbouring ones. */
static inline uint64_t random_next(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* A linear congruence: one multiplication, for where time counts. The upper bits are good. */
static inline uint64_t random_quick(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return *state;
}

#endif
