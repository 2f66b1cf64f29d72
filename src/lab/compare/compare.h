/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * compare.h - a scenario's TDs on each design, in virtual time: the same TDs, vmm, software module
 * and machine, with another way to keep regions backed.
 */
#ifndef PAMT_LAB_COMPARE_COMPARE_H
#define PAMT_LAB_COMPARE_COMPARE_H

#include "lab/designs/design.h"
#include "lab/compare/meter.h"
#include "lab/explore/trial.h"
#include "lab/workload/workload.h"

struct compare_config {
	const struct design *design;
	const struct machine_map *map;
	const struct scenario *scenario;
	uint64_t bytes; /* as in struct workload_config */
};

struct compare_result {
	bool given_up;	     /* it was not run, or not to its end: somebody ended the comparison */
	char error[256];     /* of a run that came to no end; the rest says how far it came */
	uint64_t boot_bytes; /* PAMT given to the module at boot */
	uint64_t peak_bytes; /* the same and what was taken from the OS for pairs, control pages
			      * and stocks of both, at the worst moment */
	uint64_t left_bytes; /* of that, what is there with zero TDs beyond boot_bytes */
	uint64_t lost_pages; /* 4K pages of guests or control pages that will never come back */
	uint64_t adds, removes;
	uint64_t busy;	   /* OPERAND_BUSY on a PAMT operand; each is tried again */
	uint64_t missing;  /* a page refused for lack of a pair */
	uint64_t retries;  /* ordinary contention, of a TD with itself */
	uint64_t failures; /* operations: TDs that could not be built, vCPUs that had to end */
	char failure[256]; /* the first in words */
	struct meter_figure of[METER_OPS];
	uint64_t faults;     /* EPT violations served */
	double boot_seconds; /* of the slowest TD */
	double run_seconds;  /* of the rounds in which guests run */
	double seconds;	     /* of virtual time, all of it */
	uint64_t td_bytes;
	uint32_t nr_tds, nr_vcpus, cpus;
	uint64_t hash;
};

/* One at a time in a process. Return: 0, or -1 with result->error. */
int compare_run(const struct compare_config *config, struct compare_result *result);

/* What exploring a few small programs found. */
struct compare_explored {
	bool given_up;
	uint64_t schedules;
	char text[256];	   /* the first violation; empty: none */
	char command[256]; /* that shows it */
};

/* compare_explore.c; one at a time in a process. */
void compare_explore(const struct design *design, struct compare_explored *explored);

/* ------------------------------------------------------------------------------------------- */
/* Which scenario                                                                               */

/*
 * compare_matrix.c: the i-th cell of the matrix, scaled to so many mappings; its name is the
 * scenario's. Return: 0; 1: it would be the one before again; -1 with one line in error.
 */
uint32_t matrix_nr_cells(void);
int matrix_cell(uint32_t i, uint64_t pages, struct scenario *scenario, char *error,
		size_t error_size);
/*
 * compare_curve.c: each CPU has a vCPU, whose part is one 2M region in 4K pages, and flips some of
 * it.
 */
void compare_curve_scenario(struct scenario *scenario, uint32_t cpus, uint64_t seed);

#endif
