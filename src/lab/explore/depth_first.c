// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * depth_first.c - the search of all schedules within a bound of preemptions, without those that
 * lead where others have been.
 */
#include <stdlib.h>
#include <string.h>

#include "lab/explore/explore_internal.h"

#define MAX_STATES (1u << 26)
#define END_KEY	   (UINT32_MAX - 1)

/* ------------------------------------------------------------------------------------------- */
/* States seen                                                                                  */

static void grow_states(struct explorer *e)
{
	uint32_t old_nr = e->nr_states;
	struct seen *old = e->state;

	if (old_nr == MAX_STATES)
		return;
	e->state = calloc((size_t)old_nr * 4, sizeof(*e->state));
	if (!e->state) {
		/* Full is not wrong: states are then explored again. */
		e->state = old;
		return;
	}
	e->nr_states = old_nr * 4;
	for (uint32_t i = 0; i < old_nr; i++) {
		uint32_t at = (uint32_t)old[i].key % e->nr_states;

		if (!old[i].left)
			continue;
		while (e->state[at].left)
			at = (at + 1) % e->nr_states;
		e->state[at] = old[i];
	}
	free(old);
}

/* Was this state explored with at least as many preemptions left? It will have been now. */
static bool known_state(struct explorer *e, uint64_t key, uint32_t left)
{
	uint32_t at = (uint32_t)key % e->nr_states;

	/* 0 marks an empty slot. */
	left++;
	while (e->state[at].left && e->state[at].key != key)
		at = (at + 1) % e->nr_states;
	if (e->state[at].left >= left)
		return true;
	if (!e->state[at].left) {
		if (e->states_used >= e->nr_states / 4 * 3)
			return false;
		e->states_used++;
	}
	e->state[at] = (struct seen){ .key = key, .left = left };
	if (e->states_used >= e->nr_states / 2)
		grow_states(e);
	return false;
}

static uint64_t state_key(const struct explorer *e, uint32_t spinning, uint32_t helm)
{
	uint64_t key = mix(spinning, helm);

	for (uint32_t id = 0; id < e->nr_actors; id++)
		key = mix(key, e->order[id]);
	return key;
}

/* ------------------------------------------------------------------------------------------- */
/* Depth first                                                                                  */

static uint32_t lowest(uint32_t mask) { return (uint32_t)__builtin_ctz(mask); }

static struct stage_actor *decide_depth_first(struct explorer *e, struct stage_actor *self,
					      uint32_t can, uint32_t spinning)
{
	bool helm = explorer_at_helm(self, can);
	bool ahead = e->depth == e->nr_decisions; /* past what the last run decided */
	struct decision *d;

	if (!(can & (can - 1)))
		return stage_actor(lowest(can));
	if (ahead) {
		uint64_t key = state_key(e, spinning, helm ? self->id : UINT32_MAX);

		if (!e->plain && known_state(e, key, e->bound - e->preemptions)) {
			stage_end(STAGE_CUT);
			return NULL;
		}
	}
	if (helm && e->preemptions == e->bound)
		return self;
	if (ahead) {
		if (e->nr_decisions == MAX_DECISIONS)
			os_bug("a run has more decisions than the explorer can hold");
		d = &e->decision[e->nr_decisions++];
		d->left = can;
		d->chosen = helm ? self->id : lowest(can);
		d->left &= ~(1u << d->chosen);
	}
	d = &e->decision[e->depth++];
	e->preemptions += helm && d->chosen != self->id;
	return stage_actor(d->chosen);
}

/* Another answer at the deepest decision that has one. False: there is none any more. */
static bool next_schedule(struct explorer *e)
{
	while (e->nr_decisions) {
		struct decision *d = &e->decision[e->nr_decisions - 1];

		if (d->left) {
			d->chosen = lowest(d->left);
			d->left &= ~(1u << d->chosen);
			return true;
		}
		e->nr_decisions--;
	}
	return false;
}

/* One pass; false: it has to be done again, since more memory is shared than it believed. */
static bool explore_pass(struct explorer *e, const struct explore_limits *limits,
			 struct explore_result *result)
{
	memset(e->state, 0, e->nr_states * sizeof(*e->state));
	e->states_used = 0;
	e->nr_decisions = 0;
	e->grown = false;
	e->every_step = limits->plain;
	e->plain = limits->plain;
	e->ends = 0;
	e->goes_on = NULL;
	e->decide = decide_depth_first;
	do {
		explorer_run(e, result);
		if (result->violation.wrong != STAGE_OK)
			return true;
		if (explorer_stopped(limits, result))
			return true;
		if (e->grown && !e->plain)
			return false;
		/* An end is no state in which anybody could be at the helm. */
		if (e->ended && !known_state(e, state_key(e, 0, END_KEY), 0))
			e->ends++;
	} while (next_schedule(e));
	result->complete = true;
	return true;
}

void explore_all(struct explorer *e, const struct explore_limits *limits,
		 struct explore_result *result)
{
	enum { SCOUTS = 32 };
	struct explore_limits scouts = { .pct_depth = 3,
					 .schedules = SCOUTS,
					 .max_steps = limits->max_steps,
					 .ticks = limits->ticks };
	uint32_t restarts = 0;

	if (limits->schedules && limits->schedules < SCOUTS)
		scouts.schedules = limits->schedules;

	/*
	 * A few random runs first learn most of what is shared. They count: what they find is
	 * found.
	 */
	explorer_forget(e);
	explore_random(e, &scouts, 0, result);
	result->complete = false;
	if (result->violation.wrong != STAGE_OK || result->schedules == limits->schedules)
		return;
	explorer_limit(e, limits);
	while (!explore_pass(e, limits, result))
		restarts++;
	result->restarts = restarts;
	result->ends = e->ends;
	result->states = e->states_used - e->ends;
}
