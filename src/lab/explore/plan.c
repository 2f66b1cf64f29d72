// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * plan.c - lists the programs of a hunt, looks at their frames, cuts large ones into parts and
 * deals the units to shards; see plan.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "machine/clock.h"
#include "lab/explore/plan.h"
#include "lab/explore/workers.h"

/* Random schedules come in units of so many. */
#define RANDOM_UNIT  2000u
#define MAX_UNITS    (1u << 22)
#define MAX_PROGRAMS (1u << 16)
/* A program that is larger than this, in steps, is cut into parts of about this size. */
#define UNIT_STEPS EXPLORE_EPOCH
#define MAX_PARTS  256u

/* ------------------------------------------------------------------------------------------- */
/* Programs                                                                                     */

static bool add_program(void *ctx, const struct program *program)
{
	struct plan *plan = ctx;

	if (plan->nr_programs == MAX_PROGRAMS)
		return false;
	if (plan->nr_programs == plan->room) {
		uint32_t room = plan->room ? 2 * plan->room : 64;
		struct program *list = realloc(plan->program, room * sizeof(*list));

		if (!list)
			return false;
		plan->program = list;
		plan->room = room;
	}
	plan->program[plan->nr_programs++] = *program;
	return true;
}

static const char *list_programs(struct plan *plan)
{
	const struct check_request *r = plan->request;
	struct program_size size = { .nr_cpus = r->nr_cpus,
				     .nr_regions = r->setup.nr_regions,
				     .nr_ops = r->ops_in_all ? 0 : r->nr_ops,
				     .in_all = r->ops_in_all,
				     .kinds = r->kinds };
	uint64_t programs = 1;

	if (r->has_program)
		add_program(plan, &r->setup.program);
	else
		programs = program_enumerate(&size, add_program, plan);
	if (plan->nr_programs < programs)
		return "too many programs of this size to list; fewer operations, CPUs or regions, "
		       "or random schedules (--pct-depth)";
	return plan->nr_programs ? NULL : "no program of this size makes sense";
}

/* ------------------------------------------------------------------------------------------- */
/* Sizes                                                                                        */

/* What is known of a program: other shards have to know the same, or their units are others. */
struct sized {
	bool known;
	const char *why; /* it is not: the same text in all processes */
	struct explore_size size;
};

struct sizing {
	const struct plan *plan;
	struct sized *program; /* shared */
	double began;
	bool killed, late;
};

static void look_at_frame(void *ctx, uint32_t i)
{
	struct sizing *sizing = ctx;
	struct sized *sized = &sizing->program[i];
	struct explore_limits limits = { .bound = sizing->plan->request->bound };
	struct setup setup = sizing->plan->request->setup;
	struct explore_system system;
	struct explorer *explorer;
	struct trial *trial;

	setup.program = sizing->plan->program[i];
	limits.max_steps = trial_max_steps(&setup);
	trial = trial_create(&setup, &sized->why);
	if (!trial)
		return;
	trial_system(trial, &system);
	explorer = explorer_create(&system);
	sized->known = explorer;
	sized->why = "no memory";
	if (explorer)
		explore_frame(explorer, &limits, &sized->size);
	explorer_destroy(explorer);
	trial_destroy(trial);
}

/* Whoever explores it will find the same, and tell. */
static void frame_crashed(void *ctx, uint32_t i, int signal)
{
	struct sizing *sizing = ctx;

	sizing->killed |= workers_outside(signal);
	sizing->program[i] = (struct sized){ .known = true };
}

static bool go_on(void *ctx, uint32_t done)
{
	struct sizing *sizing = ctx;
	const struct check_request *r = sizing->plan->request;

	sizing->late = r->seconds > 0 && clock_seconds() - sizing->began > r->seconds;
	return !sizing->killed && !sizing->late && !(r->stop && *r->stop);
}

/*
 * Steps of all schedules. Measured on the programs of three operations each on two CPUs, on model
 * and softseam: with p prefixes about p schedules have one preemption at most, p^2 / 12 two, p^3 /
 * 550 three, to within a third; from there on each further preemption is taken for one of p / 70.
 */
static uint64_t estimate(const struct explore_size *size, uint32_t bound)
{
	static const double divisor[] = { 1, 1, 12, 46, 70 };
	double steps = size->schedules ? (double)size->steps / (double)size->schedules : 0;

	for (uint32_t b = 1; b <= bound && steps < 1e15; b++) {
		double more = size->prefixes / divisor[b < 4 ? b : 4];

		steps *= more > 1 ? more : 1;
	}
	return (uint64_t)steps;
}

/* ------------------------------------------------------------------------------------------- */
/* Units                                                                                        */

static uint32_t parts_of(const struct plan *plan, const struct explore_size *size)
{
	uint64_t parts = 1 + estimate(size, plan->request->bound) / UNIT_STEPS;
	uint32_t most = MAX_UNITS / plan->nr_programs;

	most = most < MAX_PARTS ? most : MAX_PARTS;
	parts = parts < most ? parts : most;
	/* Without any, what is wrong is told once. */
	return parts < size->prefixes ? (uint32_t)parts : 1;
}

static int add_units(struct plan *plan, const struct sized *sized)
{
	uint32_t nr = 0, at = 0;

	for (uint32_t i = 0; i < plan->nr_programs; i++)
		nr += parts_of(plan, &sized[i].size);
	plan->unit = calloc(nr, sizeof(*plan->unit));
	if (!plan->unit)
		return -1;
	for (uint32_t i = 0; i < plan->nr_programs; i++) {
		uint32_t parts = parts_of(plan, &sized[i].size);

		for (uint32_t part = 0; part < parts; part++)
			plan->unit[at++] = (struct unit){
				.program = i,
				.part = (uint16_t)part,
				.parts = (uint16_t)parts,
				.steps = estimate(&sized[i].size, plan->request->bound) / parts
			};
	}
	plan->nr_units = nr;
	return 0;
}

static const char *look_at_frames(struct sizing *sizing)
{
	const struct check_request *r = sizing->plan->request;
	struct workers workers = { .nr_workers = r->workers,
				   .nr_units = sizing->plan->nr_programs,
				   .unit = look_at_frame,
				   .crashed = frame_crashed,
				   .tick = go_on,
				   .ctx = sizing };

	if (workers_run(&workers))
		return workers_why();
	if (sizing->killed)
		return WORKERS_KILLED;
	if (sizing->late)
		return "the time is over, and not all programs were looked at; more --time, or "
		       "fewer "
		       "programs";
	for (uint32_t i = 0; i < sizing->plan->nr_programs; i++)
		if (!sizing->program[i].known)
			return sizing->program[i].why
				       ? sizing->program[i].why
				       : "it ended before all programs were looked at";
	return NULL;
}

/* Of limited schedules each program has its share, and is not cut. */
static const char *cut(struct plan *plan)
{
	const struct check_request *r = plan->request;
	struct sizing sizing = { .plan = plan, .began = clock_seconds() };
	size_t bytes = plan->nr_programs * sizeof(*sizing.program);
	const char *why = NULL;

	sizing.program = workers_share(bytes);
	if (!sizing.program)
		return "no memory";
	if (r->bound && !r->schedules)
		why = look_at_frames(&sizing);
	if (!why && add_units(plan, sizing.program))
		why = "no memory";
	workers_unshare(sizing.program, bytes);
	return why;
}

/* ------------------------------------------------------------------------------------------- */
/* Shards                                                                                       */

static int by_size(const void *a, const void *b, void *ctx)
{
	const struct plan *plan = ctx;
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	if (plan->unit[x].steps != plan->unit[y].steps)
		return plan->unit[x].steps < plan->unit[y].steps ? 1 : -1;
	return x < y ? -1 : 1;
}

static const char *deal(struct plan *plan)
{
	uint32_t shards = plan->request->shards ? plan->request->shards : 1;
	uint32_t shard = plan->request->shard ? plan->request->shard - 1 : 0;

	if (!plan->unit) {
		if (shard < plan->nr_units)
			plan->nr_mine = (plan->nr_units - shard - 1) / shards + 1;
		return NULL;
	}
	plan->mine = calloc(plan->nr_units, sizeof(*plan->mine));
	if (!plan->mine)
		return "no memory";
	for (uint32_t i = 0; i < plan->nr_units; i++)
		plan->mine[i] = i;
	qsort_r(plan->mine, plan->nr_units, sizeof(*plan->mine), by_size, plan);
	for (uint32_t i = 0; i < plan->nr_units; i++) {
		uint32_t at = i % shards, back = i / shards % 2;

		if ((back ? shards - 1 - at : at) == shard)
			plan->mine[plan->nr_mine++] = plan->mine[i];
	}
	return NULL;
}

int plan_make(struct plan *plan, const struct check_request *r, char *error, size_t size)
{
	uint64_t units = (r->schedules + RANDOM_UNIT - 1) / RANDOM_UNIT;
	const char *why = NULL;

	memset(plan, 0, sizeof(*plan));
	plan->request = r;
	if (r->pct_depth && units > MAX_UNITS) {
		why = "more than 8388608000 random schedules; others have another --seed";
	} else if (r->pct_depth) {
		/* Without a limit there is one of time. */
		plan->nr_units = r->schedules ? (uint32_t)units : MAX_UNITS;
	} else {
		why = list_programs(plan);
		why = why ? why : cut(plan);
	}
	why = why ? why : deal(plan);
	if (why)
		snprintf(error, size, "%s", why);
	return why ? -1 : 0;
}

void plan_free(struct plan *plan)
{
	free(plan->program);
	free(plan->unit);
	free(plan->mine);
}

uint32_t plan_mine(const struct plan *plan, uint32_t j)
{
	const struct check_request *r = plan->request;

	if (plan->mine)
		return plan->mine[j];
	return r->shards ? r->shard - 1 + j * r->shards : j;
}

uint32_t plan_program(const struct plan *plan, uint32_t unit)
{
	return plan->unit ? plan->unit[unit].program : unit;
}

void plan_unit(const struct plan *plan, uint32_t i, struct setup *setup,
	       struct explore_limits *limits, uint64_t *first)
{
	const struct check_request *r = plan->request;
	uint32_t program = plan_program(plan, i);

	*setup = r->setup;
	*limits = (struct explore_limits){ .bound = r->bound,
					   .pct_depth = r->pct_depth,
					   .seed = r->seed };
	*first = 0;
	if (r->pct_depth) {
		*first = (uint64_t)i * RANDOM_UNIT;
		limits->schedules = RANDOM_UNIT;
		if (r->schedules && r->schedules - *first < RANDOM_UNIT)
			limits->schedules = r->schedules - *first;
		if (!r->has_program)
			program_random(r->seed, i,
				       &(struct program_size){ .nr_cpus = r->nr_cpus,
							       .nr_regions = r->setup.nr_regions,
							       .nr_ops = r->nr_ops,
							       .kinds = r->kinds },
				       &setup->program);
		return;
	}
	setup->program = plan->program[program];
	if (plan->unit[i].parts > 1) {
		limits->part = plan->unit[i].part;
		limits->parts = plan->unit[i].parts;
	}
	if (r->schedules) {
		limits->schedules = r->schedules / plan->nr_programs;
		limits->schedules += program < r->schedules % plan->nr_programs;
	}
}
