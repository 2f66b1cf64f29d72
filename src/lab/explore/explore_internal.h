/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * explore_internal.h - the explorer's state, shared by its search, random and shortening parts.
 */
#ifndef PAMT_LAB_EXPLORE_EXPLORE_INTERNAL_H
#define PAMT_LAB_EXPLORE_EXPLORE_INTERNAL_H

#include "lab/explore/explore.h"

#define NR_LINES      8192u
#define MAX_DECISIONS 8192u
#define MAX_TURNS     4096u
/* Keys of the interrupt switches, out of the way of addresses. */
#define IRQ_KEY (UINT64_C(1) << 48)

/* One word of memory: who touched it ever, and the partial order of this run. */
struct line {
	uint64_t key;	 /* 0: unused */
	uint64_t writes; /* hash of the last write */
	uint64_t reads;	 /* sum of the hashes of the reads since */
	uint32_t run;	 /* of which run these are */
	uint16_t actors; /* mask, over all runs */
	bool watched;	 /* check() depends on it */
};

/* A state that was explored; left: preemptions it had left, + 1. */
struct seen {
	uint64_t key;
	uint32_t left;
};

struct decision {
	uint32_t chosen; /* actor */
	uint32_t left;	 /* mask: still to be tried here */
};

struct explorer {
	struct explore_system system;
	uint32_t nr_actors;
	uint32_t bound, max_steps;

	/* Who goes on, among those that can: set by each kind of search. NULL ends the run. */
	struct stage_actor *(*decide)(struct explorer *e, struct stage_actor *self, uint32_t can,
				      uint32_t spinning);

	/* Optional, asked before: may self go on without a decision? */
	bool (*goes_on)(struct explorer *e, const struct stage_actor *self);
	/* Every step is a decision; else steps on private memory are none. */
	bool every_step;

	/* This run. */
	uint32_t run; /* its number */
	uint32_t depth, preemptions, steps, spins;
	bool look; /* the step just taken, or the one before, may have changed what check() sees */
	uint64_t log;
	uint64_t order[EXPLORE_MAX_ACTORS]; /* hash of each actor's past */
	uint32_t nr_turns;
	struct explore_turn turn[MAX_TURNS];

	/* The search. */
	bool grown; /* a word thought private is shared */
	uint32_t nr_decisions;
	struct decision decision[MAX_DECISIONS];
	uint32_t nr_lines;
	struct line line[NR_LINES + 1]; /* the last one for all that there is no room for */
	bool too_large;			/* it was needed */
	bool plain, ended;		/* ended: the last run came to its end */
	uint64_t ends;
	uint32_t nr_states, states_used; /* slots, and of these used */
	struct seen *state;

	/* Random schedules: pct.c. */
	uint64_t random;
	int32_t priority[EXPLORE_MAX_ACTORS]; /* the highest that can runs */
	bool alone; /* nobody of a higher priority than the one that runs is alive */
	uint32_t nr_changes, next_change;
	uint32_t change[EXPLORE_MAX_CHANGES]; /* steps, ascending */

	/* A given schedule: minimise.c. */
	const struct explore_schedule *script;
	uint32_t script_at, script_taken; /* turn, and steps taken of it */
	uint64_t script_lost;		  /* turns that could not be taken to their end */

	void (*watch)(void *ctx, const struct stage_actor *actor, bool switched);
	void *watch_ctx;
};

/*
 * a and then b: a is scrambled before b comes in, since the two are often equal (a CPU's last step
 * and the last write of a word) and must not cancel.
 */
static inline uint64_t mix(uint64_t a, uint64_t b)
{
	a = (a + UINT64_C(0x632be59bd9b4e019)) * UINT64_C(0x9e3779b97f4a7c15);
	a = (a ^ (a >> 32) ^ b) * UINT64_C(0xd6e8feb86659fd93);
	return a ^ (a >> 29);
}

/* Could self go on, so that naming another is a preemption? */
bool explorer_at_helm(const struct stage_actor *self, uint32_t can);
enum stage_outcome explorer_run(struct explorer *e, struct explore_result *result);
/* Nothing is known of any word. Between runs. */
void explorer_forget(struct explorer *e);
void explorer_limit(struct explorer *e, const struct explore_limits *limits);
void explorer_begin(struct explorer *e, const struct explore_limits *limits,
		    struct explore_result *result);
bool explorer_stopped(const struct explore_limits *limits, const struct explore_result *result);
void explorer_keep_violation(struct explorer *e, struct explore_result *result);

#endif
