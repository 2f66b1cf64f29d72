/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * check.h - what `pamt check` does: many programs explored, on all cores; all mutants hunted.
 */
#ifndef PAMT_LAB_EXPLORE_CHECK_H
#define PAMT_LAB_EXPLORE_CHECK_H

#include "lab/explore/trial.h"

struct check_request {
	/* Design, module, pages and so on; the program too if has_program. */
	struct setup setup;
	bool has_program;
	/* Otherwise all programs of this size; random ones if the schedules are random. */
	uint32_t nr_cpus, nr_ops, kinds;
	uint32_t ops_in_all; /* not 0: of all CPUs together, instead of nr_ops each */
	uint32_t bound;
	uint32_t pct_depth; /* not 0: random schedules */
	uint64_t seed;
	uint64_t schedules; /* in all; 0: no limit */
	double seconds;	    /* 0: no limit */
	uint32_t workers;   /* 0: one for each CPU */
	/* Called in between; schedules so far, units done and in all. May be NULL. */
	void (*progress)(void *ctx, uint64_t schedules, uint32_t done, uint32_t units);
	void *progress_ctx;
};

struct check_result {
	uint64_t programs, schedules, merged, steps, states;
	uint32_t longest;
	uint64_t violations; /* programs that have one */
	bool complete;	     /* nothing was left out for want of time or schedules */
	uint64_t hash;	     /* of all event logs; means something unless time was limited */
	double seconds;
	/* The first violation, by the order of programs, with its schedule made short. */
	struct setup setup;
	struct explore_schedule schedule;
	struct stage_violation violation;
	int signal; /* the code under test crashed: by this signal; there is no schedule */
};

/* Return: 0, or -1 with one line in error. */
int check_run(const struct check_request *request, struct check_result *result, char *error,
	      size_t error_size);

struct check_mutant {
	unsigned int number; /* enum pamt_mutant; 0: the library as it is */
	bool found;
	uint64_t schedules;
	char setup[SETUP_TEXT]; /* in which it was found, with the schedule */
	struct stage_violation violation;
};

/*
 * The suite of mutants.h without a mistake (result 0, which must not be found wrong), then with
 * each. results: mutants_nr() entries. Return: 0, or -1 with one line in error.
 */
int check_mutants(const struct check_request *request, struct check_mutant *results, char *error,
		  size_t error_size);

/* One schedule again, told line by line. Return: was something wrong? -1: error says why not. */
int check_replay(const struct setup *setup, const struct explore_schedule *schedule, FILE *to,
		 char *error, size_t error_size);

#endif
