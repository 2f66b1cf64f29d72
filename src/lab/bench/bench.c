// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * bench.c - clock, medians, and the calibration of this machine.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "lab/bench/bench.h"
#include "machine/clock.h"
#include "machine/random.h"

#define WORKING_SET (UINT64_C(512) << 10)
#define FILLS	    512 /* per round, and of those below */
#define CALLS	    4096
#define MINI_LOCKS  8
#define CHAIN_STEPS 200000
#define CAS_PAIRS   50000

uint64_t bench_thread_time(void) { return clock_ns_of(CLOCK_THREAD_CPUTIME_ID); }

static bench_watcher watcher;

void bench_watch(bench_watcher new) { watcher = new; }

bool bench_goes_on(const char *what, uint32_t done, uint32_t of)
{
	return !watcher || watcher(what, done, of);
}

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

/*
 * A call in miniature: registers in, eight places found through a table, at each a lock that is
 * looked at and taken, and all given back, newest first.
 */
static double call(struct bench_miniature *mini)
{
	uint64_t start = clock_ns(), taken = 0;

	for (uint32_t i = 0; i < CALLS; i++) {
		uint64_t *regs = mini->regs[i % BENCH_MINI_BATCH], in[BENCH_MINI_REGS];
		uint16_t *held[MINI_LOCKS];

		memcpy(in, regs, sizeof(in));
		for (uint32_t k = 0; k < MINI_LOCKS; k++) {
			uint64_t place = in[k] * UINT64_C(0x9e3779b97f4a7c15) >> 32;

			held[k] = mini->place[place % BENCH_MINI_PLACES];
			/* Orders as a lock has them, though nobody else is there. */
			taken |= __atomic_load_n(held[k], __ATOMIC_RELAXED) & 1;
			taken |= __atomic_fetch_add(held[k], 4, __ATOMIC_ACQUIRE) & 1;
		}
		for (uint32_t k = MINI_LOCKS; k--;)
			__atomic_fetch_sub(held[k], 4, __ATOMIC_RELEASE);
		regs[MINI_LOCKS] = taken;
	}
	return (double)(clock_ns() - start) / CALLS;
}

/* As many pages as a batch of calls uses, in turn: a near cache holds them. */
static double fill(uint8_t *memory)
{
	uint64_t start = clock_ns();

	for (uint32_t i = 0; i < FILLS; i++) {
		uint64_t *page = (uint64_t *)(memory + i % (WORKING_SET / 4096) * 4096);

		for (uint32_t k = 0; k < 512; k++)
			page[k] = i;
		__asm__ volatile("" : : "r"(page) : "memory");
	}
	return (double)(clock_ns() - start) / FILLS;
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
	for (uint32_t i = 0; i < BENCH_MINI_PLACES; i++)
		calibration->mini.place[i] = calibration->mini.line[i];
	for (uint32_t i = 0; i < BENCH_MINI_BATCH * BENCH_MINI_REGS; i++)
		calibration->mini.regs[i / BENCH_MINI_REGS][i % BENCH_MINI_REGS] = i;
	return true;
}

void bench_calibrate(struct bench_calibration *calibration)
{
	struct bench_series *series = calibration->series;

	bench_add(&series[BENCH_CHAIN], chain());
	bench_add(&series[BENCH_CAS], cas_pair());
	bench_add(&series[BENCH_CALL], call(&calibration->mini));
	bench_add(&series[BENCH_FILL], fill(calibration->memory));
}

void bench_calibration_end(struct bench_calibration *calibration)
{
	if (calibration->memory)
		munmap(calibration->memory, WORKING_SET);
	calibration->memory = NULL;
}
