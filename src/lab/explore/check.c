// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * check.c - splits the work of `pamt check` into units, runs them on all cores and adds up.
 *
 * A unit is one program with a share of the schedules, and depends on the request and on its own
 * number alone. So the sum of all units' hashes is the same however many processes took part and
 * in whatever order: that is the hash of the whole.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab/explore/check.h"
#include "machine/clock.h"
#include "lab/explore/mutants.h"
#include "lab/explore/workers.h"

/* Random schedules come in units of so many, each on a random program of its own. */
#define RANDOM_UNIT  2000u
#define MAX_UNITS    (1u << 22)
#define MAX_PROGRAMS (1u << 16)

/* What a unit leaves behind. */
struct unit_result {
	uint64_t schedules, merged, steps, states, hash;
	uint32_t longest;
	bool done, complete, wrong;
	int signal;
	bool too_large; /* as in struct explore_result */
};

struct check {
	const struct check_request *request;
	struct program *program; /* of the units of a depth-first search */
	uint32_t nr_programs, room;
	uint32_t nr_units;
	struct unit_result *unit; /* shared */
	uint64_t *ticks;	  /* shared: schedules so far, roughly */
	double began;
	bool late;
};

static int fail(char *error, size_t size, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
static int fail(char *error, size_t size, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(error, size, format, args);
	va_end(args);
	return -1;
}

/* ------------------------------------------------------------------------------------------- */
/* Units                                                                                        */

static bool add_program(void *ctx, const struct program *program)
{
	struct check *check = ctx;

	if (check->nr_programs == MAX_PROGRAMS)
		return false;
	if (check->nr_programs == check->room) {
		uint32_t room = check->room ? 2 * check->room : 64;
		struct program *list = realloc(check->program, room * sizeof(*list));

		if (!list)
			return false;
		check->program = list;
		check->room = room;
	}
	check->program[check->nr_programs++] = *program;
	return true;
}

static int plan_units(struct check *check, char *error, size_t size)
{
	const struct check_request *r = check->request;
	struct program_size programs_of = { .nr_cpus = r->nr_cpus,
					    .nr_regions = r->setup.nr_regions,
					    .nr_ops = r->ops_in_all ? 0 : r->nr_ops,
					    .in_all = r->ops_in_all,
					    .kinds = r->kinds };
	uint64_t programs = 1;

	if (r->pct_depth) {
		uint64_t units = (r->schedules + RANDOM_UNIT - 1) / RANDOM_UNIT;

		/* Without a limit there is one of time. */
		check->nr_units = !r->schedules || units > MAX_UNITS ? MAX_UNITS : (uint32_t)units;
		return 0;
	}
	if (r->has_program)
		add_program(check, &r->setup.program);
	else
		programs = program_enumerate(&programs_of, add_program, check);
	if (check->nr_programs < programs)
		return fail(error, size,
			    "too many programs of this size to list; fewer operations, CPUs or "
			    "regions, or random schedules (--pct-depth)");
	check->nr_units = check->nr_programs;
	return check->nr_units ? 0 : fail(error, size, "no program of this size makes sense");
}

/* The setup of a unit, and how many schedules of which numbers. */
static void describe_unit(const struct check *check, uint32_t i, struct setup *setup,
			  struct explore_limits *limits, uint64_t *first)
{
	const struct check_request *r = check->request;

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
			program_random(r->seed, i, r->nr_cpus, r->setup.nr_regions, r->nr_ops,
				       r->kinds, &setup->program);
		return;
	}
	setup->program = check->program[i];
	if (r->schedules) {
		limits->schedules = r->schedules / check->nr_units;
		limits->schedules += i < r->schedules % check->nr_units;
	}
}

static bool out_of_time(void *ctx)
{
	const struct check *check = ctx;

	return check->request->seconds > 0 &&
	       clock_seconds() - check->began > check->request->seconds;
}

/* Explores one setup, in this process. NULL: *result is filled; else what prevented it. */
static const char *explore_setup(const struct setup *setup, const struct explore_limits *limits,
				 uint64_t first, struct explore_result *result, bool shorten)
{
	struct explore_limits all = *limits;
	struct explore_system system;
	struct explorer *explorer;
	const char *why;
	struct trial *trial = trial_create(setup, &why);

	if (!trial)
		return why;
	all.max_steps = trial_max_steps(setup);
	trial_system(trial, &system);
	explorer = explorer_create(&system);
	if (!explorer) {
		trial_destroy(trial);
		return "no memory, or more than 8 CPUs";
	}
	if (all.pct_depth)
		explore_random(explorer, &all, first, result);
	else
		explore_all(explorer, &all, result);
	if (shorten && result->violation.wrong != STAGE_OK)
		explore_minimise(explorer, result);
	explorer_destroy(explorer);
	trial_destroy(trial);
	return NULL;
}

static void run_unit(void *ctx, uint32_t i)
{
	struct check *check = ctx;
	struct unit_result *unit = &check->unit[i];
	struct explore_result result;
	struct explore_limits limits;
	struct setup setup;
	uint64_t first;
	const char *why;

	describe_unit(check, i, &setup, &limits, &first);
	limits.stop = out_of_time;
	limits.stop_ctx = check;
	limits.ticks = check->ticks;
	if (check->request->schedules && !limits.schedules)
		return;
	why = explore_setup(&setup, &limits, first, &result, false);
	if (why) {
		fprintf(stderr, "pamt-lab: %s\n", why);
		abort();
	}
	*unit = (struct unit_result){ .schedules = result.schedules,
				      .merged = result.merged,
				      .steps = result.steps,
				      .states = result.states,
				      .hash = result.hash,
				      .longest = result.longest,
				      .done = true,
				      .complete = result.complete,
				      .too_large = result.too_large,
				      .wrong = result.violation.wrong != STAGE_OK };
}

static void unit_crashed(void *ctx, uint32_t i, int signal)
{
	struct check *check = ctx;

	check->unit[i].done = true;
	check->unit[i].wrong = true;
	check->unit[i].signal = signal ? signal : -1;
}

static bool tick(void *ctx, uint32_t done)
{
	struct check *check = ctx;
	const struct check_request *r = check->request;

	if (r->progress)
		r->progress(r->progress_ctx, *check->ticks, done, check->nr_units);
	check->late |= out_of_time(check);
	return !check->late;
}

/* ------------------------------------------------------------------------------------------- */
/* The whole                                                                                    */

static void add_up(const struct check *check, struct check_result *result, uint32_t *first_wrong)
{
	*first_wrong = UINT32_MAX;
	result->complete = !check->late;
	for (uint32_t i = 0; i < check->nr_units; i++) {
		const struct unit_result *unit = &check->unit[i];

		if (!unit->done) {
			result->complete = false;
			continue;
		}
		result->programs++;
		result->schedules += unit->schedules;
		result->merged += unit->merged;
		result->steps += unit->steps;
		result->states += unit->states;
		/* Weighed by number, so that equal units in exchanged places tell. */
		result->hash += unit->hash * (2 * (uint64_t)i + 1);
		if (unit->longest > result->longest)
			result->longest = unit->longest;
		result->complete &= unit->complete;
		result->violations += unit->wrong;
		if (unit->wrong && *first_wrong == UINT32_MAX)
			*first_wrong = i;
	}
}

/* The unit once more, here, to see what it found and by which schedule. */
static void look_again(const struct check *check, uint32_t i, struct check_result *result)
{
	struct explore_result again;
	struct explore_limits limits;
	uint64_t first;

	describe_unit(check, i, &result->setup, &limits, &first);
	result->signal = check->unit[i].signal;
	if (result->signal)
		return;
	memset(&again, 0, sizeof(again));
	if (explore_setup(&result->setup, &limits, first, &again, true))
		return;
	result->violation = again.violation;
	result->schedule = again.schedule;
}

int check_run(const struct check_request *request, struct check_result *result, char *error,
	      size_t size)
{
	struct check check = { .request = request, .began = clock_seconds() };
	struct workers workers = { .nr_workers = request->workers,
				   .unit = run_unit,
				   .crashed = unit_crashed,
				   .tick = tick,
				   .ctx = &check };
	uint32_t first_wrong;
	int code = plan_units(&check, error, size);

	memset(result, 0, sizeof(*result));
	if (!code) {
		check.unit = workers_share(check.nr_units * sizeof(*check.unit));
		check.ticks = workers_share(sizeof(*check.ticks));
		workers.nr_units = check.nr_units;
		if (!check.unit || !check.ticks || workers_run(&workers))
			code = fail(error, size, "no process to work in: %s", strerror(errno));
	}
	for (uint32_t i = 0; !code && i < check.nr_units; i++)
		if (check.unit[i].too_large)
			code = fail(
				error, size,
				"the programs touch more words than can be told apart; fewer CPUs, "
				"operations or regions");
	if (!code) {
		add_up(&check, result, &first_wrong);
		result->seconds = clock_seconds() - check.began;
		if (first_wrong != UINT32_MAX)
			look_again(&check, first_wrong, result);
	}
	workers_unshare(check.unit, check.nr_units * sizeof(*check.unit));
	workers_unshare(check.ticks, sizeof(*check.ticks));
	free(check.program);
	return code;
}

/* ------------------------------------------------------------------------------------------- */
/* Mutants                                                                                      */

struct hunt {
	const struct check_request *request;
	struct check_mutant *result; /* shared */
	uint64_t *ticks;	     /* shared */
};

/* One setup of the suite with one mistake. Return: was it found? */
static bool hunt_in(struct hunt *hunt, struct check_mutant *m, const struct mutant_setup *suite)
{
	struct explore_limits limits = { .bound = suite->bound,
					 .seed = hunt->request->seed,
					 .ticks = hunt->ticks };
	struct explore_result result;
	struct setup setup;
	char why[256];
	const char *failed;
	const char *text = suite->text;
	size_t at;

	if (!setup_parse(text, &setup, NULL, why, sizeof(why))) {
		fprintf(stderr, "pamt-lab: '%s': %s\n", text, why);
		abort();
	}
	setup.mutants = m->number ? UINT64_C(1) << m->number : 0;
	/* Should it crash, this is where. */
	setup_print(&setup, m->setup);
	failed = explore_setup(&setup, &limits, 0, &result, true);
	if (failed) {
		fprintf(stderr, "pamt-lab: '%s': %s\n", text, failed);
		abort();
	}
	m->schedules += result.schedules;
	m->violation = result.violation;
	if (result.violation.wrong == STAGE_OK)
		return false;
	at = strlen(m->setup);
	at += (size_t)snprintf(m->setup + at, SETUP_TEXT - at, ";schedule=");
	explore_schedule_text(&result.schedule, m->setup + at, SETUP_TEXT - at);
	return true;
}

static void hunt_one(void *ctx, uint32_t i)
{
	struct hunt *hunt = ctx;
	struct check_mutant *m = &hunt->result[i];
	const struct mutant_setup *suite;

	for (unsigned int s = 0; !m->found && (suite = mutant_setup(s)); s++)
		m->found = hunt_in(hunt, m, suite);
}

static void hunter_crashed(void *ctx, uint32_t i, int signal)
{
	struct hunt *hunt = ctx;
	struct check_mutant *m = &hunt->result[i];

	m->found = true;
	m->violation.wrong = STAGE_BUG;
	snprintf(m->violation.text, sizeof(m->violation.text), "it crashes (%s)",
		 signal ? strsignal(signal) : "exit");
}

static bool hunt_tick(void *ctx, uint32_t done)
{
	struct hunt *hunt = ctx;
	const struct check_request *r = hunt->request;

	if (r->progress)
		r->progress(r->progress_ctx, *hunt->ticks, done, mutants_nr());
	return true;
}

int check_mutants(const struct check_request *request, struct check_mutant *results, char *error,
		  size_t size)
{
	struct hunt hunt = { .request = request };
	struct workers workers = { .nr_workers = request->workers,
				   .nr_units = mutants_nr(),
				   .unit = hunt_one,
				   .crashed = hunter_crashed,
				   .tick = hunt_tick,
				   .ctx = &hunt };
	size_t bytes = mutants_nr() * sizeof(*results);
	int code = 0;

	hunt.result = workers_share(bytes);
	hunt.ticks = workers_share(sizeof(*hunt.ticks));
	if (!hunt.result || !hunt.ticks)
		code = fail(error, size, "no memory");
	for (unsigned int i = 0; !code && i < mutants_nr(); i++)
		hunt.result[i].number = i;
	if (!code && workers_run(&workers))
		code = fail(error, size, "no process to work in: %s", strerror(errno));
	if (!code)
		memcpy(results, hunt.result, bytes);
	workers_unshare(hunt.result, bytes);
	workers_unshare(hunt.ticks, sizeof(*hunt.ticks));
	return code;
}

/* ------------------------------------------------------------------------------------------- */

int check_replay(const struct setup *setup, const struct explore_schedule *schedule, FILE *to,
		 char *error, size_t size)
{
	struct explore_system system;
	struct explore_result result;
	struct explorer *explorer;
	const char *why;
	struct trial *trial = trial_create(setup, &why);

	if (!trial)
		return fail(error, size, "%s", why);
	trial_system(trial, &system);
	explorer = explorer_create(&system);
	if (!explorer) {
		trial_destroy(trial);
		return fail(error, size, "no memory, or more than 8 CPUs");
	}
	trial_tell(trial, to);
	explore_watch(explorer, trial_watch, trial);
	explore_one(explorer, schedule, trial_max_steps(setup), &result);
	if (result.violation.wrong != STAGE_OK)
		fprintf(to, "%s: %s\n", stage_wrong_name(result.violation.wrong),
			result.violation.text);
	explorer_destroy(explorer);
	trial_destroy(trial);
	/* Otherwise what was found once looks mended, where it was only not done again. */
	if (result.violation.wrong == STAGE_OK && result.lost)
		return fail(
			error, size,
			"the schedule does not fit: %llu of its turns could not be taken to their "
			"end",
			(unsigned long long)result.lost);
	return result.violation.wrong != STAGE_OK;
}
