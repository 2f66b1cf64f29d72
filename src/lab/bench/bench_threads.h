/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * bench_threads.h - designs on as many real threads as there are processors, each thread on one of
 * its own, against softseam.
 *
 * Each thread does what a fault and its undoing do: top-up of its cache, get, put, over 8 regions
 * of its own whose neighbours are other threads'. The page itself is not given to the module.
 *
 *   hot     somebody else's page keeps each region in use: nothing has to be asked of the module
 *   edges   the region is not in use: each get is a PAMT.ADD and each put a PAMT.REMOVE
 *
 * The machine's page allocator has a lock for each node and no lists for each CPU, so that a design
 * which allocates on every get waits there as well.
 */
#ifndef PAMT_LAB_BENCH_BENCH_THREADS_H
#define PAMT_LAB_BENCH_BENCH_THREADS_H

#include <stddef.h>
#include <stdint.h>

enum bench_load { BENCH_HOT, BENCH_EDGES, BENCH_LOADS };

/* One design under one load on one number of threads; medians over rounds. */
struct bench_threads_row {
	const char *design;
	enum bench_load load;
	uint32_t threads;
	double ns;   /* of real time for each get and put and top-up of a thread */
	double rate; /* millions of these per second, all threads together */
};

/* Designs, loads, and numbers of threads: 1, 2, 4 ... and the one that is asked for. */
#define BENCH_THREADS_ROWS (3u * BENCH_LOADS * 12u)

struct bench_threads {
	uint32_t nr;
	struct bench_threads_row row[BENCH_THREADS_ROWS];
};

const char *bench_load_name(enum bench_load load);
/* Processors that this process may run on, at most 1024. */
uint32_t bench_processors(void);
/*
 * threads: 1 to bench_processors(); rounds: at most BENCH_SAMPLES. Return: 0, or -1 with one line
 * in error.
 */
int bench_threads(uint32_t threads, uint32_t rounds, struct bench_threads *result, char *error,
		  size_t size);

#endif
