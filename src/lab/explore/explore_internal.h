/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * explore_internal.h - the explorer's state, shared by its search, random and shortening parts.
 */
#ifndef PAMT_LAB_EXPLORE_EXPLORE_INTERNAL_H
#define PAMT_LAB_EXPLORE_EXPLORE_INTERNAL_H

#include "lab/explore/explore.h"

#define NR_LINES      8192u
#define MAX_DECISIONS EXPLORE_MAX_DECISIONS
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

/* Where a part of the search begins: see "in parts" in explore.h. */
struct prefix {
	uint32_t trail; /* in the trails of the frame */
	uint16_t nr;	/* decisions of it, before the one to preempt */
	uint8_t actor;	/* the one that comes instead */
};

/* All runs without a preemption. */
struct frame {
	bool being_made;
	uint32_t nr_prefixes, prefix_room;
	struct prefix *prefix;
	uint32_t trails_used, trails_room;
	uint8_t *trails; /* who was chosen at each decision, run after run */
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
	uint32_t nr_trail;
	uint8_t trail[MAX_DECISIONS]; /* who was chosen, wherever more than one could */
	bool look; /* the step just taken, or the one before, may have changed what check() sees */
	uint64_t log;
	uint64_t order[EXPLORE_MAX_ACTORS]; /* hash of each actor's past */
	uint32_t nr_turns;
	struct explore_turn turn[MAX_TURNS];

	/* The search. */
	bool grown;	    /* a word thought private is shared */
	uint32_t most_left; /* preemptions that the whole search has; bound: those of this stage */
	bool unfit;	    /* a decision that was kept cannot be taken */
	struct frame frame;
	bool past_frame; /* words that turn out to be shared now are late */
	uint32_t nr_late;
	uint64_t late[EXPLORE_MAX_LATE];
	uint32_t nr_decisions;
	struct explore_decision decision[MAX_DECISIONS];
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
/* Ends the process as the kernel would for want of memory: nothing that is wrong was found. */
_Noreturn void explorer_no_memory(void);
void explorer_limit(struct explorer *e, const struct explore_limits *limits);
void explorer_begin(struct explorer *e, const struct explore_limits *limits,
		    struct explore_result *result);
/* This word is shared, whoever touches it in the runs to come. */
void explorer_share(struct explorer *e, uint64_t key);
bool explorer_stopped(const struct explore_limits *limits, const struct explore_result *result);

/* depth_first.c */
enum search_end {
	SEARCH_OVER,
	SEARCH_STOPPED, /* by a limit or a violation */
	SEARCH_GROWN,	/* a word thought private is shared: the decisions are not all there are */
	SEARCH_EPOCH,	/* so many steps have been taken; the decisions are those of the next run */
	SEARCH_UNFIT,
};

/* Forgets all states. */
void depth_first_begin(struct explorer *e, const struct explore_limits *limits);
/* All that e->decision leads to; an epoch ends at so many steps of *result. */
enum search_end depth_first_search(struct explorer *e, const struct explore_limits *limits,
				   uint64_t epoch_end, struct explore_result *result);

#endif
