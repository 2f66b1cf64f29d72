/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * explore.h - runs one small system under all schedules up to a preemption bound, or under random
 * ones, and says which of them broke it.
 *
 * WHAT A SCHEDULE IS. The stage asks at every step who goes on (stage.h). A preemption is an
 * answer that names another actor although the one that asked could have gone on; switching away
 * from an actor that is blocked, spins, yields or is done costs nothing, since it must happen; nor
 * does one where a service may sleep, as every allocation may: the system takes its time, and other
 * CPUs do anything meanwhile. A delivered softirq is a preemption. Exploration with bound b covers
 * every schedule with at most b preemptions: depth first, re-running from the start with the
 * recorded answers, and another answer at the deepest point that has one left.
 *
 * WHAT IS LEFT OUT, AND WHY NOTHING IS LOST.
 *
 * 1. Steps on memory that one actor alone ever touches are no decision points, unless they may
 *    sleep. A switch before such a step can be moved to just before that actor's next step that is
 *    one: the steps in between commute with everybody else's, so the same states are reached, with
 *    as many preemptions or one less. Which memory is shared is learnt while exploring; when a word
 * thought private turns out to be shared, everything learnt stays and the exploration starts over,
 * until a whole exploration has met no such word. That is enough: take the shortest prefix of a
 *    schedule within the bound in which a private word meets its second actor; up to that step
 *    the prefix is equivalent to an explored one, and there the step is taken, so it is noticed.
 *
 * 2. Two prefixes that order all conflicting steps alike (two steps conflict if they touch the
 *    same word and not both only read) lead to the same state, byte for byte: code under test
 *    takes its decisions from what it reads, and everything shared is read through os.h or under
 *    a lock of os.h. So a prefix is known by a hash over its partial order: each step's hash is
 *    made of the hashes of its actor's previous step, of the last write of its word, and, for a
 *    write, of the reads since. A prefix whose hash, actor at the helm and spinning actors were
 *    seen before, with at least as many preemptions left, is cut: what can follow it was explored
 *    from there. States are merged, never orders of a bound: this keeps the bound's meaning, which
 *    sleep sets and persistent sets do not.
 *
 * IN PARTS. Runs without a preemption are few; together they are the frame. Every other schedule
 * has a first preemption: a decision of the frame, and the actor that comes instead. That is its
 * prefix. The frame is explored first; it meets prefixes in an order that is the same everywhere
 * and numbers them; then each prefix is explored, the last one first. Part i of n has the i-th of n
 * stretches of these numbers, neighbours having most in common, and a table of states of its own.
 *    Between parts nothing is lost either. A run is cut at a state only if some part has arrived
 *    there with as many preemptions left, and has gone on from there or been cut in turn, at a
 *    state that lies later in every run. So who relies on whom ends somewhere.
 *    The frame must be the same in all parts. If a word turns out to be shared while a prefix is
 *    explored, it was not all there is: the part that notices explores everything, and so covers
 *    what all of them have to. That is rare: random runs and the frame have met nearly all.
 *
 * EPOCHS. After so many steps the table of states is forgotten, and all that was learnt but which
 * words turned out late to be shared; the frame is explored anew, and the search goes on where it
 * was. It costs some time, and bounds the memory. And it makes what has to be kept, so that a
 * search can go on later and elsewhere, small: the decisions it is at, some sums, some words. For
 * going on from there is what happens in any case, so that nothing differs in the end.
 *
 * Invariants are checked between any two steps of every run, so in every state that any schedule
 * within the bound reaches.
 *
 * WHAT IT DOES NOT SHOW. Memory is sequentially consistent here. Plain memory that is shared
 * without a lock or an atomic that orders it is not seen as shared; ThreadSanitizer finds that.
 * Hashes are 64 bits: of a million states, two are taken for one with probability 3e-8.
 */
#ifndef PAMT_LAB_EXPLORE_EXPLORE_H
#define PAMT_LAB_EXPLORE_EXPLORE_H

#include "port/stage/stage.h"

/* More actors than this cannot be told apart in a state. */
#define EXPLORE_MAX_ACTORS 16
/* Most changes of priority in a random schedule. */
#define EXPLORE_MAX_CHANGES 16
/* Most decisions of one run; and most words that may turn out late to be shared. */
#define EXPLORE_MAX_DECISIONS 8192
#define EXPLORE_MAX_LATE      1024

/* Some seconds of one core. */
#define EXPLORE_EPOCH (UINT64_C(1) << 26)

/* What is explored. */
struct explore_system {
	void *ctx;
	/* Everything as at the start, the actors READY. */
	void (*prepare)(void *ctx);
	/* Between two steps: NULL, or the invariant that is broken. */
	const char *(*check)(void *ctx);
	/* All actors are done: clean up, and stage_note() what is wrong. */
	void (*finish)(void *ctx);
	/* Where shared memory lies; atomics elsewhere, on stacks, are private to their actor. */
	const char *memory;
	uint64_t bytes;
	/* Does check() depend on what lies at this address? NULL: on all of it. */
	bool (*watched)(void *ctx, const void *address);
};

/* A schedule: who takes how many steps, in order. After the last, whoever can. */
struct explore_turn {
	uint16_t actor;
	uint32_t steps;
};
struct explore_schedule {
	uint32_t nr;
	struct explore_turn turn[256];
};

struct explore_decision {
	uint16_t chosen; /* actor */
	uint16_t left;	 /* mask: still to be tried here */
};

/* What is counted of a search. */
struct explore_counts {
	uint64_t schedules; /* runs, those that were cut included */
	uint64_t merged;    /* of these, cut: the rest was known */
	uint64_t steps;	    /* in all runs */
	uint64_t states;    /* different ones at decision points */
	uint64_t ends;	    /* different ones at the end of a run */
	uint64_t hash;	    /* of the event logs of all runs */
	uint32_t longest;   /* most steps in one run */
	uint32_t restarts;  /* explorations begun again, because more memory was shared */
};

/* How far a search has come, at the end of an epoch. */
struct explore_progress {
	struct explore_counts count; /* so far */
	bool whole;		     /* this part explores everything */
	uint32_t prefix;	     /* it is at this one */
	uint32_t nr_late, nr_decisions;
	uint64_t late[EXPLORE_MAX_LATE];
	struct explore_decision decision[EXPLORE_MAX_DECISIONS];
};

struct explore_limits {
	uint32_t bound;	    /* preemptions */
	uint64_t schedules; /* at most that many; 0: no limit */
	uint32_t pct_depth; /* points at which a random schedule changes priorities, + 1 */
	uint64_t seed;
	uint32_t max_steps;   /* of one run; more is a livelock; 0: 20,000 */
	uint32_t part, parts; /* explore_all(): part + 1 of so many; parts 0: all */
	uint64_t epoch;	      /* steps; 0: EXPLORE_EPOCH */
	/* Where an earlier search of the same was. NULL: at its beginning. */
	const struct explore_progress *from;
	/* Told at the end of each epoch. May be NULL. */
	void (*keep)(void *ctx, const struct explore_progress *progress);
	void *keep_ctx;
	/* Leave nothing out: every step is a decision, no run is cut. To test the reduction. */
	bool plain;
	/* Asked now and then: true stops the exploration. May be NULL. */
	bool (*stop)(void *ctx);
	void *stop_ctx;
	/* Counted up by one for each run, for whoever shows progress. May be NULL. */
	uint64_t *ticks;
};

struct explore_result {
	struct explore_counts count;
	bool complete;	/* no limit cut it short */
	bool unfit;	/* limits->from is none of this search's */
	bool too_large; /* more words than can be told apart: what was found may be wrong */
	uint64_t lost;	/* turns of a given schedule that could not be taken */
	struct stage_violation violation;
	uint32_t violation_cpu;
	struct explore_schedule schedule; /* of the violation */
};

struct explorer;

struct explorer *explorer_create(const struct explore_system *system);
void explorer_destroy(struct explorer *explorer);

/* How large the frame is; prefixes 0: something is wrong in it. */
struct explore_size {
	uint64_t schedules, steps;
	uint32_t prefixes;
};
void explore_frame(struct explorer *explorer, const struct explore_limits *limits,
		   struct explore_size *size);
/* Depth first, all schedules within the bound, or a part of them. Ends at the first violation. */
void explore_all(struct explorer *explorer, const struct explore_limits *limits,
		 struct explore_result *result);
/*
 * limits->schedules random schedules by PCT (Burckhardt and others, 2010): random priorities, the
 * highest runs, and at pct_depth - 1 random steps the running actor gets the lowest. A mistake
 * that needs d such steps in a run of k steps with n actors is found by one schedule with
 * probability 1 / (n * k^(d-1)) at least. Schedule i depends on seed and i alone; `first` is the i
 * of the first.
 */
void explore_random(struct explorer *explorer, const struct explore_limits *limits, uint64_t first,
		    struct explore_result *result);
/* One run of a given schedule. max_steps as in the limits. */
void explore_one(struct explorer *explorer, const struct explore_schedule *schedule,
		 uint32_t max_steps, struct explore_result *result);
/* Makes the schedule of a violation shorter, as long as the same kind of thing goes wrong. */
void explore_minimise(struct explorer *explorer, struct explore_result *result);
/* Is told of every step of explore_one(): the actor that is about to take it. NULL: nobody is. */
void explore_watch(struct explorer *explorer,
		   void (*step)(void *ctx, const struct stage_actor *actor, bool switched),
		   void *ctx);

/* "0:12 1:3 0:5"; false: not a schedule. */
bool explore_schedule_parse(const char *text, struct explore_schedule *schedule);
/* Cut where the text is full, but always terminated. */
void explore_schedule_text(const struct explore_schedule *schedule, char *text, size_t size);

#endif
