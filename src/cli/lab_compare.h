/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * lab_compare.h - a `pamt compare`, shared by its command and by what shows its results.
 */
#ifndef PAMT_CLI_LAB_COMPARE_H
#define PAMT_CLI_LAB_COMPARE_H

#include "cli/cli.h"
#include "lab/compare/compare.h"

#define COMPARE_MAX_DESIGNS 16u
#define COMPARE_CURVE	    5u /* points */
#define COMPARE_MAX_RUNS    (COMPARE_MAX_DESIGNS * (1 + COMPARE_CURVE))

/* Shared with the processes that do the runs. */
struct compare_run_of {
	struct compare_config config;
	struct compare_result result;
	uint32_t point; /* of the curve, from 1; 0: the scenario */
};

struct comparison_table {
	struct scenario scenario, curve[COMPARE_CURVE];
	struct machine_map map, curve_map[COMPARE_CURVE];
	uint64_t bytes;	 /* for TDs with a share; 0: as the scenario says */
	uint32_t scaled; /* memory is divided by this */
	uint32_t nr_points;
	uint32_t nr_designs;
	const struct design *design[COMPARE_MAX_DESIGNS];
	double seconds; /* that it took */
	struct compare_explored explored[COMPARE_MAX_DESIGNS];
	uint32_t nr_given_up; /* runs and explorations */
	uint32_t nr;
	struct compare_run_of run[COMPARE_MAX_RUNS];
};

static const uint32_t compare_curve_cpus[COMPARE_CURVE] = { 1, 4, 16, 64, 256 };

/* Has libpamt failed, left something, met BUSY? Then one line says so. Return: an exit code. */
int compare_judge(const struct compare_result *ours, const char *title);

/* lab_matrix.c: `pamt compare --matrix`. */
#define MATRIX_MAX_SEEDS 16u
struct matrix_wishes {
	const char *cells; /* in their names; NULL: all */
	uint64_t seeds;	   /* 0: three */
	uint64_t pages;	   /* mappings of a cell; 0: the usual */
	uint32_t jobs;
	bool json, check;
};
int lab_matrix(const struct matrix_wishes *wishes);

void compare_show_text(const struct comparison_table *table);
void compare_show_json(const struct comparison_table *table);

#endif
