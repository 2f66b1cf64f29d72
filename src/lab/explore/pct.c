// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * pct.c - random schedules with a known chance of finding a mistake: probabilistic concurrency
 * testing, after S. Burckhardt, P. Kothari, M. Musuvathi, S. Nagarakatti, "A randomized scheduler
 * with probabilistic guarantees of finding bugs" (ASPLOS 2010).
 */
#include <string.h>

#include "lab/explore/explore_internal.h"
#include "machine/random.h"

static uint32_t below(uint64_t *state, uint32_t n)
{
	return (uint32_t)((random_next(state) >> 32) * n >> 32);
}

static struct stage_actor *decide_random(struct explorer *e, struct stage_actor *self, uint32_t can,
					 uint32_t spinning)
{
	uint32_t best = UINT32_MAX;

	while (self && e->next_change < e->nr_changes && e->steps >= e->change[e->next_change]) {
		/* Below everybody, those that were lowered before included. */
		e->priority[self->id] = -1 - (int32_t)e->next_change;
		e->next_change++;
	}
	for (uint32_t id = 0; id < e->nr_actors; id++)
		if ((can >> id & 1) && (best == UINT32_MAX || e->priority[id] > e->priority[best]))
			best = id;
	/* A spinning actor of high priority would spin for ever, were it not left out of `can`. */
	e->alone = true;
	for (uint32_t id = 0; id < e->nr_actors; id++)
		if (stage_actor(id)->state == STAGE_READY && e->priority[id] > e->priority[best])
			e->alone = false;
	return stage_actor(best);
}

/* Nobody can come before it, until priorities change or a softirq begins. */
static bool goes_on_random(struct explorer *e, const struct stage_actor *self)
{
	return e->alone && self->step.kind != STAGE_RELAX && self->step.kind != STAGE_YIELD &&
	       self->step.kind != STAGE_CALL &&
	       (e->next_change == e->nr_changes || e->steps < e->change[e->next_change]) &&
	       stage_can_run(self);
}

static void draw(struct explorer *e, uint64_t seed, uint64_t number, uint32_t changes,
		 uint32_t steps)
{
	uint64_t random = seed ^ (number + 1) * UINT64_C(0xd1342543de82ef95);

	for (uint32_t id = 0; id < e->nr_actors; id++) {
		uint32_t other = below(&random, id + 1);

		e->priority[id] = e->priority[other];
		e->priority[other] = (int32_t)id;
	}
	e->nr_changes = changes;
	e->next_change = 0;
	for (uint32_t i = 0; i < changes; i++) {
		uint32_t at = 1 + below(&random, steps), j = i;

		for (; j && e->change[j - 1] > at; j--)
			e->change[j] = e->change[j - 1];
		e->change[j] = at;
	}
}

/* How many steps a run has: of one without any change, which does not count. */
static uint32_t measure(struct explorer *e)
{
	struct explore_result ignored;

	memset(&ignored, 0, sizeof(ignored));
	draw(e, 0, 0, 0, 1);
	explorer_run(e, &ignored);
	return ignored.count.longest ? ignored.count.longest : 1;
}

void explore_random(struct explorer *e, const struct explore_limits *limits, uint64_t first,
		    struct explore_result *result)
{
	uint32_t changes = limits->pct_depth ? limits->pct_depth - 1 : 0;
	uint32_t steps;

	explorer_begin(e, limits, result);
	if (changes > EXPLORE_MAX_CHANGES)
		changes = EXPLORE_MAX_CHANGES;
	e->every_step = true;
	e->decide = decide_random;
	e->goes_on = goes_on_random;
	steps = measure(e);
	for (uint64_t i = first;; i++) {
		/* A schedule needs nothing of those before, and each touches words of its own. */
		if (e->nr_lines > NR_LINES / 2)
			explorer_forget(e);
		draw(e, limits->seed, i, changes, steps);
		explorer_run(e, result);
		if (result->violation.wrong != STAGE_OK)
			return;
		if (explorer_stopped(limits, result))
			break;
	}
	result->complete = limits->schedules && result->count.schedules == limits->schedules;
}
