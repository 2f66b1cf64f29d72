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
	/* Without, more would be explored again than elsewhere, and counts be others. */
	if (!e->state)
		explorer_no_memory();
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

static struct stage_actor *choose(struct explorer *e, uint32_t actor)
{
	e->trail[e->nr_trail++] = (uint8_t)actor;
	return stage_actor(actor);
}

static void note_prefix(struct explorer *e, uint32_t actor)
{
	struct frame *f = &e->frame;

	if (f->nr_prefixes == f->prefix_room) {
		f->prefix_room = f->prefix_room ? 2 * f->prefix_room : 256;
		f->prefix = realloc(f->prefix, f->prefix_room * sizeof(*f->prefix));
		if (!f->prefix)
			explorer_no_memory();
	}
	/* The run's trail will be where the trails end now. */
	f->prefix[f->nr_prefixes++] =
		(struct prefix){ f->trails_used, (uint16_t)e->nr_trail, (uint8_t)actor };
}

static void keep_trail(struct explorer *e)
{
	struct frame *f = &e->frame;

	if (!e->nr_trail)
		return;
	if (f->trails_used + e->nr_trail > f->trails_room) {
		f->trails_room = 2 * f->trails_room + MAX_DECISIONS;
		f->trails = realloc(f->trails, f->trails_room);
		if (!f->trails)
			explorer_no_memory();
	}
	memcpy(f->trails + f->trails_used, e->trail, e->nr_trail);
	f->trails_used += e->nr_trail;
}

/* Nobody may be preempted any more; but in the frame this is where others begin. */
static struct stage_actor *stay(struct explorer *e, const struct stage_actor *self, uint32_t can,
				bool ahead)
{
	uint32_t others = can & ~(1u << self->id);

	for (; e->frame.being_made && ahead && others; others &= others - 1)
		note_prefix(e, lowest(others));
	return choose(e, self->id);
}

static struct stage_actor *cut(void)
{
	stage_end(STAGE_CUT);
	return NULL;
}

static struct stage_actor *decide_depth_first(struct explorer *e, struct stage_actor *self,
					      uint32_t can, uint32_t spinning)
{
	bool helm = explorer_at_helm(self, can);
	bool ahead = e->depth == e->nr_decisions; /* past what the last run decided */
	struct explore_decision *d;

	if (!(can & (can - 1)))
		return stage_actor(lowest(can));
	if (e->nr_trail == MAX_DECISIONS)
		os_bug("a run has more decisions than the explorer can hold");
	if (ahead) {
		uint64_t key = state_key(e, spinning, helm ? self->id : UINT32_MAX);

		if (!e->plain && known_state(e, key, e->most_left - e->preemptions))
			return cut();
	}
	if (helm && e->preemptions == e->bound)
		return stay(e, self, can, ahead);
	if (ahead) {
		d = &e->decision[e->nr_decisions++];
		d->chosen = (uint16_t)(helm ? self->id : lowest(can));
		d->left = (uint16_t)(can & ~(1u << d->chosen));
	}
	d = &e->decision[e->depth++];
	if (!(can >> d->chosen & 1)) {
		e->unfit = true;
		return cut();
	}
	e->preemptions += helm && d->chosen != self->id;
	return choose(e, d->chosen);
}

/* Another answer at the deepest decision that has one. False: there is none any more. */
static bool next_schedule(struct explorer *e)
{
	while (e->nr_decisions) {
		struct explore_decision *d = &e->decision[e->nr_decisions - 1];

		if (d->left) {
			d->chosen = (uint16_t)lowest(d->left);
			d->left &= (uint16_t)(d->left - 1);
			return true;
		}
		e->nr_decisions--;
	}
	return false;
}

void depth_first_begin(struct explorer *e, const struct explore_limits *limits)
{
	memset(e->state, 0, e->nr_states * sizeof(*e->state));
	e->states_used = 0;
	e->ends = 0;
	e->grown = false;
	e->every_step = limits->plain;
	e->plain = limits->plain;
	e->goes_on = NULL;
	e->decide = decide_depth_first;
}

enum search_end depth_first_search(struct explorer *e, const struct explore_limits *limits,
				   uint64_t epoch_end, struct explore_result *result)
{
	do {
		if (result->count.steps >= epoch_end)
			return SEARCH_EPOCH;
		explorer_run(e, result);
		if (e->unfit)
			return SEARCH_UNFIT;
		if (e->frame.being_made)
			keep_trail(e);
		if (result->violation.wrong != STAGE_OK)
			return SEARCH_STOPPED;
		if (explorer_stopped(limits, result))
			return SEARCH_STOPPED;
		if (e->grown && !e->plain)
			return SEARCH_GROWN;
		/* An end is no state in which anybody could be at the helm. */
		if (e->ended && !known_state(e, state_key(e, 0, END_KEY), 0))
			e->ends++;
	} while (next_schedule(e));
	return SEARCH_OVER;
}
