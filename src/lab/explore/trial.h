/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * trial.h - a trial: one design, one module, a machine in a box and a program for each CPU,
 * made ready to be explored; and the judge of what happens.
 *
 * Wrong is: a broken invariant of the design between two steps; any answer other than success
 * from PAMT.ADD and PAMT.REMOVE (unless the setup made it fail), so also BUSY; AUG or a control
 * page refused for lack of a pair; a module-fatal rule broken; PAMT.REMOVE of a region while a
 * leaf that frees one of its pages has not returned; a get that answers anything but 0 without a
 * reason; a page freed that is not the host's; something left over at the end; a deadlock, a
 * livelock, a sleep where none is allowed.
 */
#ifndef PAMT_LAB_EXPLORE_TRIAL_H
#define PAMT_LAB_EXPLORE_TRIAL_H

#include <stdio.h>

#include "lab/designs/design.h"
#include "lab/explore/explore.h"
#include "lab/explore/program.h"

enum trial_module { TRIAL_MODEL, TRIAL_SOFTSEAM };

/* Where single pages and small blocks come from. */
enum trial_pages {
	TRIAL_APART,   /* from regions that the run is not about */
	TRIAL_CROSSED, /* from the run's regions, last first, two pages each in turn */
};

/* A setup: all that a run depends on but the schedule. */
struct setup {
	const struct design *design;
	enum trial_module module;
	enum trial_pages pages;
	struct program program;
	uint32_t nr_regions;
	bool cached;	     /* each CPU has a cache, filled before it starts, and may not sleep */
	uint32_t idle_limit; /* regions kept installed */
	bool tiny_chunks; /* the pool of ours is so small that few operations fill and empty it */
	struct box_fault fault;
	uint64_t mutants; /* one bit for each number of mutants.h */
};

/*
 * As text, what --replay takes: "design=v6;program=gA pA/gA pA;...;schedule=0:12 1:3". Keys left
 * out are at their defaults. False: *why says what is wrong, one line. schedule may be NULL.
 */
#define SETUP_TEXT 2048
bool setup_parse(const char *text, struct setup *setup, struct explore_schedule *schedule,
		 char *why, size_t why_size);
/* The defaults: ours, softseam, pages crossed, two regions, no program. */
void setup_init(struct setup *setup);
/* One field, as between the semicolons. False: *why says what is wrong. */
bool setup_set(struct setup *setup, const char *field, const char *value, char *why,
	       size_t why_size);
const char *setup_print(const struct setup *setup, char text[SETUP_TEXT]);

struct trial;

/* Sets everything up, ready to be explored. NULL: *why says what failed. One at a time. */
struct trial *trial_create(const struct setup *setup, const char **why);
void trial_destroy(struct trial *trial);
void trial_system(struct trial *trial, struct explore_system *system);
/* From now on what happens is told line by line. NULL: not. */
void trial_tell(struct trial *trial, FILE *to);
/* For explore_watch(), ctx = the trial. */
void trial_watch(void *ctx, const struct stage_actor *actor, bool switched);
/* More steps than any run of this program takes that gets on at all. */
uint32_t trial_max_steps(const struct setup *setup);

#endif
