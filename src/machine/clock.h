/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * clock.h - real time, from some moment on.
 */
#ifndef PAMT_MACHINE_CLOCK_H
#define PAMT_MACHINE_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t clock_ns_of(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static inline uint64_t clock_ns(void) { return clock_ns_of(CLOCK_MONOTONIC); }
static inline double clock_seconds(void) { return (double)clock_ns() / 1e9; }

#endif
