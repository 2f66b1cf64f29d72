/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * bench_seam.h - how fast softseam's leaves are, against the reference module's code.
 *
 * The reference module does not run here. Its figures were taken on a 2-core virtual machine, and
 * are scaled to this one by small measurements made in the same run (bench.h), so that what else
 * runs meets both: pages that are filled by the speed of filling, the rest by that of a call in
 * miniature.
 */
#ifndef PAMT_LAB_BENCH_BENCH_SEAM_H
#define PAMT_LAB_BENCH_BENCH_SEAM_H

#include "lab/bench/bench.h"

enum bench_mode { BENCH_DYNAMIC, BENCH_STATIC, BENCH_MODES };

enum bench_seam_row {
	BENCH_ADD_REMOVE,
	BENCH_SEPT_ADD,
	BENCH_SEPT_REMOVE,
	BENCH_AUG_4K,
	BENCH_BLOCK,
	BENCH_TRACK,
	BENCH_REMOVE_4K,
	BENCH_AUG_2M,
	BENCH_REMOVE_2M,
	BENCH_DEMOTE,
	BENCH_PROMOTE,
	BENCH_RDMD_4K,
	BENCH_RDMD_2M,
	BENCH_SEAM_ROWS,
};

struct bench_seam_figure {
	double ns;	  /* per call, an empty leaf subtracted; 0: there is no such call */
	double reference; /* as it was measured, ns */
	double scaled;	  /* what it would be on this machine */
	double ratio;	  /* of the two; with_entry: each with its way in and out */
	double limit;	  /* what the ratio is to be at most */
	bool with_entry;
};

struct bench_seam {
	double calibration[BENCH_CALIBRATORS]; /* of this machine, ns */
	double empty_ns;		       /* the leaf that does nothing */
	struct bench_seam_figure figure[BENCH_SEAM_ROWS][BENCH_MODES];
};

const char *bench_seam_row_name(enum bench_seam_row row);
const char *bench_calibrator_name(enum bench_calibrator calibrator);
/* Of the machine that the reference figures come from, ns: bench_seam.c says how it is known. */
double bench_reference_calibration(enum bench_calibrator calibrator);

/* Return: 0, or -1 with one line in error. Some seconds. */
int bench_seam_calls(uint32_t rounds, struct bench_seam *result, char *error, size_t error_size);

/* Two threads on TDs of their own against one. */
struct bench_seam_threads {
	double one, two; /* million calls per second, all threads together */
	double ratio;	 /* median of the rounds' ratios */
};
/* Return: 0; 1 if there is only one processor to run on; -1 with one line in error. */
int bench_seam_threads(uint32_t rounds, struct bench_seam_threads *result, char *error,
		       size_t error_size);

/* One TD, built up and torn down by a single thread. */
struct bench_seam_large {
	uint64_t bytes;	    /* the TD */
	bool huge;	    /* in 2M pages */
	double seconds;	    /* of processor time, both ways */
	uint64_t metadata;  /* bytes of PAMT, S-EPT and control pages that it needs */
	uint64_t resident;  /* bytes of real memory that the process took for it */
	uint64_t simulated; /* bytes of simulated memory that had backing */
};
int bench_seam_large(uint64_t bytes, bool huge, struct bench_seam_large *result, char *error,
		     size_t error_size);

#endif
