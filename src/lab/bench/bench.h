/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * bench.h - what all benches share: medians over rounds, and three small measurements
 * that say how fast this machine is.
 */
#ifndef PAMT_LAB_BENCH_BENCH_H
#define PAMT_LAB_BENCH_BENCH_H

#include <stdbool.h>
#include <stdint.h>

/* Nanoseconds for which the calling thread has had a processor. */
uint64_t bench_thread_time(void);

/* Samples of one figure, one per round; what comes after the first BENCH_SAMPLES is left out. */
#define BENCH_SAMPLES 256
struct bench_series {
	uint32_t nr;
	double sample[BENCH_SAMPLES];
};

/*
 * Who looks on while a bench runs: called between rounds, what is being measured, how many of how
 * many. False: it is to end with what it has. One bench at a time in a process; NULL: nobody.
 */
typedef bool (*bench_watcher)(const char *what, uint32_t done, uint32_t of);
void bench_watch(bench_watcher watcher);
bool bench_goes_on(const char *what, uint32_t done, uint32_t of);

void bench_add(struct bench_series *series, double sample);
/* 0 if there is none. */
double bench_median(const struct bench_series *series);

/* Figures that scale between machines, ns each. */
enum bench_calibrator {
	BENCH_CHAIN, /* one step of a chain of dependent 64-bit multiply-adds */
	BENCH_CAS,   /* compare-and-swap 0 -> 1 and back, one 16-bit word in cache */
	BENCH_CALL,  /* a call in miniature: registers, look-ups, eight locks and back */
	BENCH_FILL,  /* filling 4 KB, out of 512 KB that are filled in turn */
	BENCH_CALIBRATORS,
};

#define BENCH_MINI_BATCH  64
#define BENCH_MINI_REGS	  16
#define BENCH_MINI_PLACES 64
struct bench_miniature {
	uint64_t regs[BENCH_MINI_BATCH][BENCH_MINI_REGS];
	uint16_t *place[BENCH_MINI_PLACES];
	uint16_t line[BENCH_MINI_PLACES][96]; /* each lock in lines of its own */
};

struct bench_calibration {
	void *memory; /* the 512 KB */
	struct bench_miniature mini;
	struct bench_series series[BENCH_CALIBRATORS];
};

/* False: no memory. */
bool bench_calibration_begin(struct bench_calibration *calibration);
/* One round of all, some milliseconds. */
void bench_calibrate(struct bench_calibration *calibration);
void bench_calibration_end(struct bench_calibration *calibration);

#endif
