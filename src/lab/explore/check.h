/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * check.h - what `pamt check` does: many programs explored, on all cores; all mutants hunted.
 */
#ifndef PAMT_LAB_EXPLORE_CHECK_H
#define PAMT_LAB_EXPLORE_CHECK_H

#include <signal.h>

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
	uint64_t schedules;	/* in all; 0: no limit */
	double seconds;		/* 0: no limit */
	bool first;		/* end with the first violation; small units come first */
	uint32_t workers;	/* 0: one for each CPU */
	uint32_t shard, shards; /* this one, from 1, of so many; shards 0: all units */
	/* Where an earlier run was, and then where this one is. NULL: nothing is kept. */
	struct check_state *state;
	/* Called when there is something new to keep, not more often than every save_every seconds.
	 */
	void (*save)(void *ctx, const struct check_state *state);
	double save_every;
	/* Not 0: end as soon as possible. May be NULL. */
	const volatile sig_atomic_t *stop;
	/* Called in between; schedules so far, units done and in all. May be NULL. */
	void (*progress)(void *ctx, uint64_t schedules, uint32_t done, uint32_t units);
	void *ctx;
};

/* Over units. */
struct check_sums {
	uint64_t programs, schedules, merged, steps, states;
	uint64_t hash;	     /* of all event logs */
	uint64_t incomplete; /* units that left something out */
	uint32_t longest;
};

/* How far a hunt is: all that going on with it needs. */
enum check_mark {
	CHECK_TO_DO,
	CHECK_DONE,
	CHECK_WRONG,   /* done; there is a violation */
	CHECK_CRASHED, /* and by this signal, added, or none */
};
#define CHECK_MAX_MARK	 (CHECK_CRASHED + 64)
#define CHECK_MAX_PLACES 512u

struct check_place {
	uint32_t unit; /* that is begun */
	struct explore_progress progress;
};

struct check_state {
	uint32_t nr_units;	/* 0: nothing is kept yet */
	struct check_sums sums; /* of those that are done */
	uint8_t *mark;		/* enum check_mark, by unit */
	uint32_t nr_places;
	struct check_place *place; /* room for CHECK_MAX_PLACES */
};
void check_state_free(struct check_state *state);

/* A violation, with its schedule made short. */
struct check_found {
	uint32_t unit;
	struct setup setup;
	struct explore_schedule schedule;
	struct stage_violation violation;
	bool crashed; /* the code under test: by this signal, 0 for an exit; there is no schedule */
	int signal;
};
#define CHECK_MAX_FOUND 16

struct check_result {
	struct check_sums sums;
	uint32_t nr_units;		 /* of the hunt */
	uint32_t units_mine, units_done; /* of this shard */
	bool complete;			 /* nothing was left out for want of time or schedules */
	bool late;  /* time or request->first ended it: the hash means nothing */
	bool asked; /* it ended because of request->stop, and shows one violation at most */
	double seconds;
	uint32_t nr_wrong;
	uint32_t *wrong; /* numbers of programs that have a violation, ascending */
	uint32_t nr_found;
	struct check_found found[CHECK_MAX_FOUND]; /* of the first units that have one */
};
void check_result_free(struct check_result *result);

/* All that a hunt's units depend on as one line of text, at least CHECK_WHAT bytes. */
#define CHECK_WHAT (SETUP_TEXT + 256)
const char *check_what(const struct check_request *request, char text[CHECK_WHAT]);

/* Return: 0, or -1 with one line in error. In any case check_result_free(). */
int check_run(const struct check_request *request, struct check_result *result, char *error,
	      size_t error_size);

/*
 * Explores one setup in this process, and makes the schedule of a violation shorter if that is
 * wanted. NULL: *result is filled; else what prevented it.
 */
const char *check_setup(const struct setup *setup, const struct explore_limits *limits,
			uint64_t first, struct explore_result *result, bool shorten);

struct check_mutant {
	unsigned int number;  /* enum pamt_mutant; 0: the library as it is */
	bool found, given_up; /* given_up: request->stop came before its end */
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
