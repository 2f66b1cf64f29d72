/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * bench_host.h - what libpamt's hot path takes on real threads.
 */
#ifndef PAMT_LAB_BENCH_BENCH_HOST_H
#define PAMT_LAB_BENCH_BENCH_HOST_H

#include <stddef.h>
#include <stdint.h>

/* Medians over rounds; ns of time for which the threads had a processor. */
struct bench_host {
	uint32_t threads, rounds;
	/* A get and a put of a page whose region is in use, each thread on regions of its own. */
	double ours_ns, bare_ns;
	double ours_over_bare; /* the median of the rounds' ratios */
	/* A region that is idle, got as a whole, and page by page. */
	double range_ns, gets_ns;
	double gets_over_range;
};

/* Return: 0, or -1 with one line in error. rounds: at most BENCH_SAMPLES. */
int bench_host_threads(uint32_t rounds, struct bench_host *result, char *error, size_t size);

#endif
