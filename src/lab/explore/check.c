// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * check.c - runs the units of a hunt (plan.h) on all cores and adds up.
 *
 * Sums are of units, whatever order they are done in, and each unit's hash is weighed by its
 * number: so the hash of the whole is the same however many processes, shards or starts took part.
 *
 * WHAT IS KEPT. With a state (struct check_state) a hunt goes on where an earlier one was stopped.
 * Kept are the sums over the units that are done, which these are, and of each unit that a worker
 * is in the middle of how far it was at the end of its last epoch (explore.h). Every worker writes
 * the latter into a place of its own in shared memory, under a number that is odd meanwhile; the
 * parent reads it, and if the number has moved reads again. A unit that was stopped is done anew
 * from its last epoch, so what it had found since is not in the sums that are kept.
 */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "machine/clock.h"
#include "lab/explore/check.h"
#include "lab/explore/plan.h"
#include "lab/explore/workers.h"

/* What a unit leaves behind. */
struct unit_result {
	struct explore_counts count;
	bool stopped, complete, wrong;
	int signal;
	bool too_large, unfit; /* as in struct explore_result */
	const char *why;       /* it could not be explored: the same text in all processes */
	atomic_bool done;      /* written last */
};

/* Where a worker's unit is. */
struct place {
	atomic_uint_fast64_t version; /* odd while it is written */
	uint32_t unit;
	struct explore_progress progress;
};

struct check {
	const struct check_request *request;
	struct plan plan;
	struct check_state *state; /* the request's, or one that nobody keeps */
	struct unit_result *unit;  /* shared; by number */
	struct place *place;	   /* shared; by worker */
	uint64_t *ticks;	   /* shared: schedules so far, roughly */
	atomic_bool *stopping;	   /* shared: workers are to end their units as they are */
	double began, kept;	   /* when */
	bool late, killed, asked;  /* it was to end: by time, by a kill, by request->stop */
	bool was_stopped;	   /* in a worker: the unit it is at */
	uint32_t worker_unit;
	uint32_t news;
	uint64_t seen[WORKERS_MAX]; /* versions of places */
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
/* In a worker                                                                                  */

static bool out_of_time(const struct check *check)
{
	return check->request->seconds > 0 &&
	       clock_seconds() - check->began > check->request->seconds;
}

static bool should_stop(void *ctx)
{
	struct check *check = ctx;

	check->was_stopped = atomic_load(check->stopping) || out_of_time(check);
	return check->was_stopped;
}

static void keep_place(void *ctx, const struct explore_progress *progress)
{
	struct check *check = ctx;
	struct place *place = &check->place[workers_self()];

	atomic_fetch_add(&place->version, 1);
	place->unit = check->worker_unit;
	place->progress = *progress;
	atomic_fetch_add(&place->version, 1);
}

static const struct explore_progress *place_of(const struct check *check, uint32_t unit)
{
	const struct check_state *state = check->state;

	for (uint32_t i = 0; i < state->nr_places; i++)
		if (state->place[i].unit == unit)
			return &state->place[i].progress;
	return NULL;
}

/* Large ones first, so that no worker waits long for the last; or what is looked for is one. */
static uint32_t unit_at(const struct check *check, uint32_t j)
{
	return plan_mine(&check->plan, check->request->first ? check->plan.nr_mine - 1 - j : j);
}

static void run_unit(void *ctx, uint32_t j)
{
	struct check *check = ctx;
	uint32_t i = unit_at(check, j);
	struct unit_result *unit = &check->unit[i];
	struct explore_result result;
	struct explore_limits limits;
	struct setup setup;
	uint64_t first;

	if (check->state->mark[i] || atomic_load(check->stopping))
		return;
	plan_unit(&check->plan, i, &setup, &limits, &first);
	check->was_stopped = false;
	check->worker_unit = i;
	limits.stop = should_stop;
	limits.stop_ctx = check;
	limits.ticks = check->ticks;
	limits.from = place_of(check, i);
	limits.keep = check->request->state ? keep_place : NULL;
	limits.keep_ctx = check;
	if (check->request->schedules && !limits.schedules)
		return;
	unit->why = check_setup(&setup, &limits, first, &result, false);
	if (unit->why) {
		atomic_store(check->stopping, true);
		return;
	}
	unit->count = result.count;
	unit->stopped = check->was_stopped && !result.complete;
	unit->complete = result.complete;
	unit->too_large = result.too_large;
	unit->unfit = result.unfit;
	unit->wrong = result.violation.wrong != STAGE_OK;
	if (unit->wrong && check->request->first)
		atomic_store(check->stopping, true);
	/* Release: all of the above. */
	atomic_store_explicit(&unit->done, true, memory_order_release);
}

/* ------------------------------------------------------------------------------------------- */
/* In the parent, while they work                                                               */

static void unit_crashed(void *ctx, uint32_t j, int signal)
{
	struct check *check = ctx;
	struct unit_result *unit = &check->unit[plan_mine(&check->plan, j)];

	if (workers_outside(signal)) {
		check->killed = true;
		return;
	}
	unit->wrong = true;
	unit->signal = signal ? signal : -1;
	if (check->request->first)
		atomic_store(check->stopping, true);
	atomic_store(&unit->done, true);
}

static void add_unit(struct check_sums *sums, const struct plan *plan, uint32_t i,
		     const struct unit_result *unit)
{
	sums->programs += !plan->unit || !plan->unit[i].part;
	sums->schedules += unit->count.schedules;
	sums->merged += unit->count.merged;
	sums->steps += unit->count.steps;
	sums->states += unit->count.states;
	/* Weighed by number, so that equal units in exchanged places tell. */
	sums->hash += unit->count.hash * (2 * (uint64_t)i + 1);
	if (unit->count.longest > sums->longest)
		sums->longest = unit->count.longest;
	sums->incomplete += !unit->complete;
}

static uint8_t mark_of(const struct unit_result *unit)
{
	if (unit->signal)
		return (uint8_t)(CHECK_CRASHED + (unit->signal > 0 ? unit->signal : 0));
	return unit->wrong ? CHECK_WRONG : CHECK_DONE;
}

/* What the worker's place says, unless it is being written. */
static bool read_place(struct place *place, struct check_place *copy)
{
	uint64_t version = atomic_load(&place->version);

	copy->unit = place->unit;
	copy->progress = place->progress;
	/*
	 * Adds nothing, but as a release: all of the above is read before the version is, again. A
	 * fence would do, which the thread sanitizer does not know.
	 */
	return version && version % 2 == 0 && atomic_fetch_add(&place->version, 0) == version;
}

static void put_place(struct check_state *state, const struct check_place *place)
{
	uint32_t i = 0;

	while (i < state->nr_places && state->place[i].unit != place->unit)
		i++;
	if (i == CHECK_MAX_PLACES)
		return;
	if (i == state->nr_places)
		state->nr_places++;
	state->place[i] = *place;
}

/* What is done and not yet in the state. Return: how much that is. */
static uint32_t add_to_state(struct check *check)
{
	struct check_state *state = check->state;
	uint32_t news = 0, nr = 0;

	for (uint32_t j = 0; j < check->plan.nr_mine; j++) {
		uint32_t i = plan_mine(&check->plan, j);
		struct unit_result *unit = &check->unit[i];

		/* Acquire: what the unit found. */
		if (state->mark[i] || !atomic_load_explicit(&unit->done, memory_order_acquire) ||
		    unit->stopped || unit->unfit || unit->too_large)
			continue;
		add_unit(&state->sums, &check->plan, i, unit);
		state->mark[i] = mark_of(unit);
		news++;
	}
	for (uint32_t i = 0; i < state->nr_places; i++)
		if (!state->mark[state->place[i].unit])
			state->place[nr++] = state->place[i];
	state->nr_places = nr;
	return news;
}

static uint32_t add_places(struct check *check)
{
	static struct check_place copy;
	uint32_t news = 0;

	for (uint32_t w = 0; w < WORKERS_MAX; w++) {
		struct place *place = &check->place[w];

		if (atomic_load(&place->version) == check->seen[w] || !read_place(place, &copy))
			continue;
		check->seen[w] = atomic_load(&place->version);
		if (check->state->mark[copy.unit])
			continue;
		put_place(check->state, &copy);
		news++;
	}
	return news;
}

static void keep(struct check *check, bool always)
{
	const struct check_request *r = check->request;
	double now = clock_seconds();

	if (!r->save || (!always && now - check->kept < r->save_every))
		return;
	check->news += add_to_state(check);
	check->news += add_places(check);
	if (!check->news && !always)
		return;
	check->kept = now;
	check->news = 0;
	r->save(r->ctx, check->state);
}

static bool tick(void *ctx, uint32_t done)
{
	struct check *check = ctx;
	const struct check_request *r = check->request;

	if (r->progress)
		r->progress(r->ctx, *check->ticks, done, check->plan.nr_mine);
	check->late |= out_of_time(check);
	check->asked |= r->stop && *r->stop;
	if (check->asked || check->killed)
		atomic_store(check->stopping, true);
	keep(check, false);
	return !check->late && !atomic_load(check->stopping);
}

/* ------------------------------------------------------------------------------------------- */
/* The whole                                                                                    */

/* The unit once more, here, to see what it found and by which schedule. */
static void look_again(const struct check *check, uint32_t i, struct check_found *found)
{
	struct explore_result *again = calloc(1, sizeof(*again));
	struct explore_limits limits;
	uint64_t first;

	found->unit = i;
	plan_unit(&check->plan, i, &found->setup, &limits, &first);
	if (check->state->mark[i] >= CHECK_CRASHED) {
		found->crashed = true;
		found->signal = check->state->mark[i] - CHECK_CRASHED;
	} else if (again && !check_setup(&found->setup, &limits, first, again, true)) {
		found->violation = again->violation;
		found->schedule = again->schedule;
	}
	free(again);
}

/* Parts of a program are neighbours. */
static int list_wrong(const struct check *check, struct check_result *result)
{
	const struct check_state *state = check->state;

	for (uint32_t i = 0; i < state->nr_units; i++) {
		uint32_t program = plan_program(&check->plan, i);

		if (state->mark[i] < CHECK_WRONG)
			continue;
		/* Whoever ends it does not want to wait for more than one. */
		if (result->nr_found <
		    (check->asked || check->request->first ? 1 : CHECK_MAX_FOUND))
			look_again(check, i, &result->found[result->nr_found++]);
		if (result->nr_wrong && result->wrong[result->nr_wrong - 1] == program)
			continue;
		if (result->nr_wrong % 1024 == 0) {
			size_t bytes = (result->nr_wrong + 1024) * sizeof(*result->wrong);
			uint32_t *list = realloc(result->wrong, bytes);

			if (!list)
				return -1;
			result->wrong = list;
		}
		result->wrong[result->nr_wrong++] = program;
	}
	return 0;
}

/* What was done of units that were stopped is told, and not kept. */
static void add_up(struct check *check, struct check_result *result)
{
	result->sums = check->state->sums;
	result->nr_units = check->plan.nr_units;
	for (uint32_t j = 0; j < check->plan.nr_mine; j++) {
		uint32_t i = plan_mine(&check->plan, j);

		result->units_done += check->state->mark[i] != 0;
		if (check->unit[i].stopped)
			add_unit(&result->sums, &check->plan, i, &check->unit[i]);
	}
	result->units_mine = check->plan.nr_mine;
	result->late = check->late || (check->request->first && atomic_load(check->stopping));
	result->asked = check->asked;
	result->complete = result->units_done == check->plan.nr_mine && !result->sums.incomplete;
	result->seconds = clock_seconds() - check->began;
}

static int prepare(struct check *check, char *error, size_t size)
{
	struct check_state *state = check->state;
	uint32_t nr = check->plan.nr_units;

	if (state->nr_units && state->nr_units != nr)
		return fail(error, size, "what was kept has %u units, this hunt has %u",
			    state->nr_units, nr);
	if (!state->mark)
		state->mark = calloc(nr, sizeof(*state->mark));
	if (!state->place)
		state->place = calloc(CHECK_MAX_PLACES, sizeof(*state->place));
	state->nr_units = nr;
	check->unit = workers_share(nr * sizeof(*check->unit));
	check->place = workers_share(WORKERS_MAX * sizeof(*check->place));
	check->ticks = workers_share(sizeof(*check->ticks));
	check->stopping = workers_share(sizeof(*check->stopping));
	if (!state->mark || !state->place || !check->unit || !check->place || !check->ticks ||
	    !check->stopping)
		return fail(error, size, "no memory");
	return 0;
}

/* What nobody should believe the sums after. */
static int find_fault(const struct check *check, char *error, size_t size)
{
	for (uint32_t i = 0; i < check->plan.nr_units; i++) {
		if (check->unit[i].too_large)
			return fail(error, size,
				    "the programs touch more words than can be told apart; fewer "
				    "CPUs, operations or regions");
		if (check->unit[i].unfit)
			return fail(error, size, "unit %u cannot go on from what was kept of it",
				    i);
		if (check->unit[i].why)
			return fail(error, size, "%s", check->unit[i].why);
	}
	return check->killed ? fail(error, size, WORKERS_KILLED) : 0;
}

static int run(struct check *check, struct check_result *result, char *error, size_t size)
{
	struct workers workers = { .nr_workers = check->request->workers,
				   .nr_units = check->plan.nr_mine,
				   .unit = run_unit,
				   .crashed = unit_crashed,
				   .tick = tick,
				   .ctx = check };
	int code = prepare(check, error, size);

	if (code)
		return code;
	keep(check, true);
	if (workers_run(&workers) && errno != ECHILD)
		return fail(error, size, "no process to work in: %s", strerror(errno));
	check->killed |= errno == ECHILD;
	code = find_fault(check, error, size);
	add_to_state(check);
	keep(check, true);
	if (code)
		return code;
	add_up(check, result);
	if (list_wrong(check, result))
		return fail(error, size, "no memory");
	return 0;
}

int check_run(const struct check_request *request, struct check_result *result, char *error,
	      size_t size)
{
	struct check_state own = { 0 };
	struct check *check = calloc(1, sizeof(*check));
	int code = -1;

	memset(result, 0, sizeof(*result));
	if (!check)
		return fail(error, size, "no memory");
	check->request = request;
	check->state = request->state ? request->state : &own;
	check->began = check->kept = clock_seconds();
	if (!plan_make(&check->plan, request, error, size))
		code = run(check, result, error, size);
	workers_unshare(check->unit, check->plan.nr_units * sizeof(*check->unit));
	workers_unshare(check->place, WORKERS_MAX * sizeof(*check->place));
	workers_unshare(check->ticks, sizeof(*check->ticks));
	workers_unshare(check->stopping, sizeof(*check->stopping));
	check_state_free(&own);
	plan_free(&check->plan);
	free(check);
	return code;
}

const char *check_what(const struct check_request *r, char text[CHECK_WHAT])
{
	char setup[SETUP_TEXT];

	snprintf(text, CHECK_WHAT,
		 "%s;cpus=%u;ops=%u;ops-in-all=%u;kinds=%x;bound=%u;pct-depth=%u;seed=%llu;"
		 "schedules=%llu",
		 setup_print(&r->setup, setup), r->nr_cpus, r->nr_ops, r->ops_in_all, r->kinds,
		 r->bound, r->pct_depth, (unsigned long long)r->seed,
		 (unsigned long long)r->schedules);
	return text;
}

void check_state_free(struct check_state *state)
{
	free(state->mark);
	free(state->place);
}

void check_result_free(struct check_result *result) { free(result->wrong); }
