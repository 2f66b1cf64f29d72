// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * bench.c - clock, medians, and the calibration of this machine.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "lab/bench.h"
#include "lab/clock.h"
#include "machine/random.h"

#define WORKING_SET  (UINT64_C(64) << 20)
#define MEMSET_PAGES 2048 /* per round */
#define CHAIN_STEPS  200000
#define CAS_PAIRS    50000

uint64_t bench_thread_time(void) { return clock_ns_of(CLOCK_THREAD_CPUTIME_ID); }

void bench_add(struct bench_series *series, double sample)
{
	if (series->nr < BENCH_SAMPLES)
		series->sample[series->nr++] = sample;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double bench_median(const struct bench_series *series)
{
	double sorted[BENCH_SAMPLES];
	uint32_t nr = series->nr;

	if (!nr)
		return 0;
	memcpy(sorted, series->sample, nr * sizeof(*sorted));
	qsort(sorted, nr, sizeof(*sorted), compare);
	return nr % 2 ? sorted[nr / 2] : (sorted[nr / 2 - 1] + sorted[nr / 2]) / 2;
}

/* ------------------------------------------------------------------------------------------- */

static double chain(void)
{
	uint64_t x = 1, start = clock_ns();

	for (uint32_t i = 0; i < CHAIN_STEPS; i++) {
		random_quick(&x);
		/* Keeps the compiler from working the loop out. */
		__asm__ volatile("" : "+r"(x));
	}
	return (double)(clock_ns() - start) / CHAIN_STEPS;
}

static double cas_pair(void)
{
	static uint16_t word;
	uint64_t start = clock_ns();

	/* Orders as a lock has them, though nobody else is there. */
	for (uint32_t i = 0; i < CAS_PAIRS; i++) {
		uint16_t free = 0, taken = 1;

		__atomic_compare_exchange_n(&word, &free, 1, false, __ATOMIC_ACQUIRE,
					    __ATOMIC_RELAXED);
		__atomic_compare_exchange_n(&word, &taken, 0, false, __ATOMIC_RELEASE,
					    __ATOMIC_RELAXED);
	}
	return (double)(clock_ns() - start) / CAS_PAIRS;
}

/* Goes on where the last round ended, so that no page is in a near cache. */
static double clear(uint8_t *memory, uint32_t round)
{
	uint64_t pages = WORKING_SET / 4096, first = (uint64_t)round * MEMSET_PAGES;
	uint64_t start = clock_ns();

	for (uint64_t i = first; i < first + MEMSET_PAGES; i++) {
		uint8_t *page = memory + i % pages * 4096;

		memset(page, 0, 4096);
		__asm__ volatile("" : : "r"(page) : "memory");
	}
	return (double)(clock_ns() - start) / MEMSET_PAGES;
}

bool bench_calibration_begin(struct bench_calibration *calibration)
{
	void *memory = mmap(NULL, WORKING_SET, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	*calibration = (struct bench_calibration){ 0 };
	if (memory == MAP_FAILED)
		return false;
	/* The first touch of memory costs the host of a virtual machine more than any later one. */
	calibration->memory = memset(memory, 0, WORKING_SET);
	return true;
}

void bench_calibrate(struct bench_calibration *calibration)
{
	struct bench_series *series = calibration->series;

	bench_add(&series[BENCH_CHAIN], chain());
	bench_add(&series[BENCH_CAS], cas_pair());
	bench_add(&series[BENCH_MEMSET], clear(calibration->memory, series[BENCH_MEMSET].nr));
}

void bench_calibration_end(struct bench_calibration *calibration)
{
	if (calibration->memory)
		munmap(calibration->memory, WORKING_SET);
	calibration->memory = NULL;
}
