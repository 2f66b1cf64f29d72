// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * explore.c - one run of a schedule: whose turn it is, what is remembered of memory, and when it
 * is over. explore.h says what is covered and why. Who decides is in depth_first.c, pct.c (random
 * schedules) and minimise.c (given ones).
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab/explore/explore_internal.h"

#define DEFAULT_MAX_STEPS 20000u
#define MAX_SPINS	  2000u /* turns of spin loops with no write by anybody between them */
#define FIRST_STATES	  (1u << 12)

struct explorer *explorer_create(const struct explore_system *system)
{
	struct explorer *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	e->system = *system;
	e->nr_actors = 2 * stage_nr_cpus();
	e->nr_states = FIRST_STATES;
	e->state = calloc(e->nr_states, sizeof(*e->state));
	if (!e->state || e->nr_actors > EXPLORE_MAX_ACTORS) {
		explorer_destroy(e);
		return NULL;
	}
	return e;
}

void explorer_destroy(struct explorer *e)
{
	if (!e)
		return;
	free(e->frame.prefix);
	free(e->frame.trails);
	free(e->state);
	free(e);
}

void explorer_no_memory(void)
{
	fputs("pamt-lab: no memory to explore in\n", stderr);
	raise(SIGKILL);
	abort();
}

/* ------------------------------------------------------------------------------------------- */
/* Words                                                                                        */

/*
 * The eight bytes of shared memory that the actor's pending step is about, as a number that is
 * the same on every machine; 0: none that anybody else could touch.
 */
static inline uint64_t step_key(const struct explorer *e, const struct stage_actor *actor)
{
	uint64_t offset = (uint64_t)((const char *)actor->step.addr - e->system.memory);

	switch (actor->step.kind) {
	case STAGE_BEGIN:
		return actor->softirq ? IRQ_KEY + actor->cpu : 0;
	case STAGE_IRQ:
		return IRQ_KEY + actor->cpu;
	case STAGE_RELAX:
	case STAGE_YIELD:
	case STAGE_PASS:
		return 0;
	default:
		return actor->step.addr && offset < e->system.bytes ? offset / 8 + 1 : 0;
	}
}

static struct line *new_line(struct explorer *e, struct line *line, uint64_t key, const void *addr)
{
	/* One place stays free, so that looking for a word ends. */
	if (e->nr_lines == NR_LINES - 1) {
		e->too_large = true;
		line = &e->line[NR_LINES];
	} else {
		e->nr_lines++;
	}
	line->key = key;
	line->watched =
		key < IRQ_KEY && (!e->system.watched || e->system.watched(e->system.ctx, addr));
	return line;
}

static inline struct line *find_line(struct explorer *e, uint64_t key, const void *addr)
{
	uint32_t at = (uint32_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> 40) % NR_LINES;

	while (e->line[at].key && e->line[at].key != key)
		at = (at + 1) % NR_LINES;
	return e->line[at].key ? &e->line[at] : new_line(e, &e->line[at], key, addr);
}

/* What is known of the word of a step. NULL: it has none. */
static inline struct line *step_line(struct explorer *e, const struct stage_actor *actor)
{
	uint64_t key = step_key(e, actor);
	struct line *line;

	if (!key)
		return NULL;
	line = find_line(e, key, actor->step.addr);
	if (line->run != e->run) {
		line->run = e->run;
		line->writes = 0;
		line->reads = 0;
	}
	return line;
}

static void grow(struct explorer *e, const struct line *line)
{
	e->grown = true;
	if (!e->past_frame)
		return;
	if (e->nr_late == EXPLORE_MAX_LATE)
		e->too_large = true;
	else
		e->late[e->nr_late++] = line->key;
}

/* The actor takes its pending step now: into the partial order, the log and the schedule. */
static inline void take_step(struct explorer *e, const struct stage_actor *actor, struct line *line)
{
	enum stage_kind kind = actor->step.kind;
	uint64_t *own = &e->order[actor->id];

	if (line) {
		uint32_t seen = line->actors | 1u << actor->id;
		bool reads = kind == STAGE_READ || kind == STAGE_WAIT;
		uint64_t event = mix(mix(*own, line->writes), (uint64_t)kind << 56 ^ line->key);

		if (!reads)
			event = mix(event, line->reads);
		*own = event;
		if (reads) {
			line->reads += event;
		} else {
			line->writes = event;
			line->reads = 0;
		}
		if (seen != line->actors) {
			/* Its second actor: what was skipped as private was not. */
			if (line->actors && !(line->actors & (line->actors - 1)))
				grow(e, line);
			line->actors = (uint16_t)seen;
		}
	} else if (kind == STAGE_BEGIN || kind == STAGE_CALL) {
		/* Nobody sees it, but a choice where it sleeps is not the choice before it. */
		*own = mix(*own, kind);
	}
	e->log = mix(e->log,
		     (uint64_t)actor->id << 60 ^ (uint64_t)kind << 56 ^ (line ? line->key : 0));
	e->look = line && line->watched && kind != STAGE_READ;
	if (e->nr_turns && e->turn[e->nr_turns - 1].actor == actor->id)
		e->turn[e->nr_turns - 1].steps++;
	else if (e->nr_turns < MAX_TURNS)
		e->turn[e->nr_turns++] = (struct explore_turn){ (uint16_t)actor->id, 1 };
	if (e->watch)
		e->watch(e->watch_ctx, actor, e->turn[e->nr_turns - 1].steps == 1);
}

/* ------------------------------------------------------------------------------------------- */
/* Who can go on                                                                                */

/* In a spin loop, and nothing was written since it looked. */
static bool spins_idly(const struct stage_actor *actor)
{
	return actor->step.kind == STAGE_RELAX && actor->step.value == stage_writes();
}

/*
 * Actors that can take a step, as a mask. A spinning actor is left out until somebody wrote
 * something, unless all that can run spin: it may give up after so many turns.
 */
static uint32_t who_can(struct explorer *e, uint32_t *spinning)
{
	uint32_t can = 0;

	*spinning = 0;
	for (uint32_t id = 0; id < e->nr_actors; id++) {
		const struct stage_actor *actor = stage_actor(id);

		if (actor->state != STAGE_READY || !stage_can_run(actor))
			continue;
		if (spins_idly(actor))
			*spinning |= 1u << id;
		else
			can |= 1u << id;
	}
	if (can) {
		e->spins = 0;
		return can;
	}
	return *spinning;
}

/*
 * False: the run is over. Memory that check() sees changes in the code that follows a step on
 * watched memory, or comes before one; so these are the times to look.
 */
static inline bool still_well(struct explorer *e, bool look)
{
	const char *broken;

	if (++e->steps > e->max_steps) {
		stage_note(STAGE_LIVELOCK, "no end after %u steps", e->max_steps);
	} else if (look || e->look) {
		broken = e->system.check(e->system.ctx);
		if (broken)
			stage_note(STAGE_INVARIANT, "%s", broken);
	}
	if (stage_violation()->wrong == STAGE_OK)
		return true;
	stage_end(STAGE_FAILED);
	return false;
}

/* Is it self's turn in any case, since nobody else could notice the difference? */
static inline bool is_private(const struct explorer *e, const struct stage_actor *self,
			      const struct line *line)
{
	if (e->every_step || (line && (line->actors & ~(1u << self->id))))
		return false;
	/* Here a switch costs nothing: moved to a later step it would. */
	if (self->step.kind == STAGE_CALL && self->step.sleeps)
		return false;
	/* Most steps; and who runs can take them. */
	if (self->step.kind == STAGE_READ || self->step.kind == STAGE_WRITE)
		return true;
	return self->step.kind != STAGE_RELAX && self->step.kind != STAGE_YIELD &&
	       stage_can_run(self);
}

static struct stage_actor *choose(struct explorer *e, struct stage_actor *self)
{
	uint32_t spinning, can = who_can(e, &spinning);
	struct stage_actor *actor;

	if (!can)
		return stage_nobody();
	if (can == spinning && ++e->spins > MAX_SPINS) {
		stage_note(STAGE_LIVELOCK, "everybody spins, and nobody writes");
		stage_end(STAGE_FAILED);
		return NULL;
	}
	actor = e->decide(e, self, can, spinning);
	if (actor)
		take_step(e, actor, step_line(e, actor));
	return actor;
}

static struct stage_actor *next_step(void *ctx, struct stage_actor *self)
{
	struct explorer *e = ctx;
	struct line *line = NULL;

	if (!self)
		return choose(e, NULL);
	if (self->state == STAGE_READY)
		line = step_line(e, self);
	if (!still_well(e, !line || line->watched))
		return NULL;
	if (self->state != STAGE_READY) {
		e->order[self->id] = mix(e->order[self->id], 1);
	} else if (is_private(e, self, line) || (e->goes_on && e->goes_on(e, self))) {
		take_step(e, self, line);
		return self;
	}
	return choose(e, self);
}

bool explorer_at_helm(const struct stage_actor *self, uint32_t can)
{
	return self && self->state == STAGE_READY && (can >> self->id & 1) &&
	       self->step.kind != STAGE_RELAX && self->step.kind != STAGE_YIELD &&
	       !(self->step.kind == STAGE_CALL && self->step.sleeps);
}

/* ------------------------------------------------------------------------------------------- */
/* One run                                                                                      */

static void keep_violation(struct explorer *e, struct explore_result *result)
{
	uint32_t nr = e->nr_turns;

	result->violation = *stage_violation();
	result->violation_cpu = UINT32_MAX;
	if (result->violation.actor != UINT32_MAX)
		result->violation_cpu = stage_actor(result->violation.actor)->cpu;
	if (nr > sizeof(result->schedule.turn) / sizeof(result->schedule.turn[0]))
		nr = sizeof(result->schedule.turn) / sizeof(result->schedule.turn[0]);
	result->schedule.nr = nr;
	memcpy(result->schedule.turn, e->turn, nr * sizeof(e->turn[0]));
}

enum stage_outcome explorer_run(struct explorer *e, struct explore_result *result)
{
	struct stage_policy policy = { .next = next_step, .ctx = e };
	enum stage_outcome outcome;

	e->run++;
	e->depth = 0;
	e->nr_trail = 0;
	e->preemptions = 0;
	e->steps = 0;
	e->spins = 0;
	e->nr_turns = 0;
	e->log = 0;
	e->look = true;
	memset(e->order, 0, sizeof(e->order));
	stage_reset();
	e->system.prepare(e->system.ctx);
	outcome = stage_run(&policy);
	e->ended = outcome == STAGE_FINISHED;
	if (e->ended)
		e->system.finish(e->system.ctx);
	result->count.schedules++;
	result->too_large |= e->too_large;
	result->count.merged += outcome == STAGE_CUT;
	result->count.steps += e->steps;
	if (e->steps > result->count.longest)
		result->count.longest = e->steps;
	result->count.hash += mix(e->log, (uint64_t)outcome << 8 | stage_violation()->wrong);
	if (stage_violation()->wrong != STAGE_OK && outcome != STAGE_CUT)
		keep_violation(e, result);
	return outcome;
}

void explorer_forget(struct explorer *e)
{
	memset(e->line, 0, sizeof(e->line));
	e->nr_lines = 0;
}

void explorer_share(struct explorer *e, uint64_t key)
{
	find_line(e, key, e->system.memory + (key - 1) * 8)->actors = UINT16_MAX;
}

void explorer_limit(struct explorer *e, const struct explore_limits *limits)
{
	e->max_steps = limits->max_steps ? limits->max_steps : DEFAULT_MAX_STEPS;
	e->bound = limits->bound;
}

void explorer_begin(struct explorer *e, const struct explore_limits *limits,
		    struct explore_result *result)
{
	memset(result, 0, sizeof(*result));
	explorer_limit(e, limits);
}

bool explorer_stopped(const struct explore_limits *limits, const struct explore_result *result)
{
	if (limits->ticks)
		++*limits->ticks;
	if (limits->schedules && result->count.schedules >= limits->schedules)
		return true;
	return limits->stop && result->count.schedules % 64 == 0 && limits->stop(limits->stop_ctx);
}

void explore_watch(struct explorer *e,
		   void (*step)(void *ctx, const struct stage_actor *actor, bool switched),
		   void *ctx)
{
	e->watch = step;
	e->watch_ctx = ctx;
}
