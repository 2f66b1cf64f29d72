// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * virtual.c - clocks, lines, queues and the heap of CPUs; virtual.h says what they stand for.
 */
#include <stdlib.h>
#include <string.h>

#include "lab/workload/virtual.h"

#define LINE_SHIFT   6
#define CACHED_LINES 32768u /* of a CPU: 2 MB, the second cache of a server */
#define FIRST_LINES  (1u << 14)
#define NOWHERE	     UINT32_MAX

struct line {
	uint64_t number;  /* address >> LINE_SHIFT; 0: unused */
	uint64_t free_at; /* when the last transfer to a writer ends */
	uint32_t serial;  /* from 1, in order of first use: its name, wherever it lies */
	uint32_t version; /* of what is in it: counts changes of owner */
	uint32_t owner;	  /* CPU that wrote last, + 1 */
	bool shared;	  /* somebody else has read it since */
};

/* What a CPU has of a line. */
struct cached {
	uint32_t serial; /* 0: nothing */
	uint32_t version;
};

struct clock {
	uint64_t now;
	uint64_t since;	 /* when it began to wait */
	uint64_t waited; /* so far, for locks and words */
	bool called;	 /* waited, and may go on: its turn is to come */
	uint32_t behind; /* next in the queue of whom it waits for, or NOWHERE */
};

/*
 * One that could go on: its clock above, its number below, so that one comparison puts turns in
 * order, equal clocks by number.
 */
typedef uint64_t turn_t;
#define TURN_ACTOR_BITS 11
#define TURN_NONE	UINT64_MAX
_Static_assert(2 * STAGE_MAX_CPUS <= 1 << TURN_ACTOR_BITS, "an actor's number fits below");

/* A node of the heap has so many children: four of a cache line, the smallest without a branch. */
#define CHILDREN 4u

/* Who waits for one address, in order of arrival. */
struct queue {
	const void *addr; /* NULL: unused */
	uint32_t first, last;
	/* Of a lock: called, and not come yet. The lock is theirs; who comes now waits. */
	uint32_t called;
};

struct virtual
{
	const struct costs *costs;
	uint32_t nr_actors;
	struct clock *clock;   /* by actor */
	struct cached *cached; /* by actor, CACHED_LINES each */
	uint32_t nr_heap;
	turn_t *heap;	   /* what is beyond nr_heap is TURN_NONE */
	struct line *line; /* by hash of the number */
	uint32_t nr_lines, room_lines;
	uint32_t nr_waiting;
	struct queue *queue; /* by hash of the address; as many as actors, twice */
	/* What the step just taken may have changed, so that who waits for it may go on. */
	const void *changed;
	uint64_t changed_at;
	uint64_t end, hash;
};

/* So many are in the table before it grows. */
static size_t most_lines(const struct virtual *v) { return v->room_lines / 2; }

void virtual_begin(struct virtual *v)
{
	memset(v->clock, 0, v->nr_actors * sizeof(*v->clock));
	memset(v->queue, 0, 2 * (size_t)v->nr_actors * sizeof(*v->queue));
	for (uint32_t i = 0; i < v->nr_actors + CHILDREN; i++)
		v->heap[i] = TURN_NONE;
	for (uint32_t i = 0; i < v->room_lines; i++)
		v->line[i].free_at = 0;
	v->nr_heap = v->nr_waiting = 0;
	v->changed = NULL;
	v->end = v->hash = 0;
}

struct virtual *virtual_create(const struct costs *costs)
{
	struct virtual *v = calloc(1, sizeof(*v));

	if (!v)
		return NULL;
	v->costs = costs;
	v->nr_actors = 2 * stage_nr_cpus();
	v->room_lines = FIRST_LINES;
	v->clock = malloc(v->nr_actors * sizeof(*v->clock));
	v->cached = calloc((size_t)v->nr_actors * CACHED_LINES, sizeof(*v->cached));
	v->heap = malloc((v->nr_actors + CHILDREN) * sizeof(*v->heap));
	v->queue = malloc(2 * (size_t)v->nr_actors * sizeof(*v->queue));
	v->line = calloc(v->room_lines, sizeof(*v->line));
	if (!v->clock || !v->cached || !v->heap || !v->queue || !v->line) {
		virtual_destroy(v);
		return NULL;
	}
	virtual_begin(v);
	return v;
}

void virtual_destroy(struct virtual *v)
{
	if (!v)
		return;
	free(v->clock);
	free(v->cached);
	free(v->heap);
	free(v->queue);
	free(v->line);
	free(v);
}

/* ------------------------------------------------------------------------------------------- */
/* The heap of those who could go on, earliest first, equal clocks by number                    */

static inline turn_t turn_of(const struct virtual *v, uint32_t actor)
{
	return v->clock[actor].now << TURN_ACTOR_BITS | actor;
}

static inline uint32_t turn_actor(turn_t turn)
{
	return (uint32_t)(turn & ((1u << TURN_ACTOR_BITS) - 1));
}

static void heap_push(struct virtual *v, uint32_t actor)
{
	turn_t turn = turn_of(v, actor), *heap = v->heap;
	uint32_t at = v->nr_heap++;

	for (; at && turn < heap[(at - 1) / CHILDREN]; at = (at - 1) / CHILDREN)
		heap[at] = heap[(at - 1) / CHILDREN];
	heap[at] = turn;
}

/* The earliest of the four from a place on. */
static inline uint32_t earliest(const turn_t *heap, uint32_t at)
{
	uint32_t a = at + (heap[at + 1] < heap[at]);
	uint32_t b = at + 2 + (heap[at + 3] < heap[at + 2]);

	return heap[b] < heap[a] ? b : a;
}

/* Puts it where the first was, and lets it sink. */
static void heap_sink(struct virtual *v, turn_t turn)
{
	turn_t *heap = v->heap;
	uint32_t at = 0;

	while (CHILDREN * at + 1 < v->nr_heap) {
		uint32_t child = earliest(heap, CHILDREN * at + 1);

		if (turn < heap[child])
			break;
		heap[at] = heap[child];
		at = child;
	}
	heap[at] = turn;
}

static uint32_t heap_pop(struct virtual *v)
{
	uint32_t first = turn_actor(v->heap[0]);
	turn_t last = v->heap[--v->nr_heap];

	v->heap[v->nr_heap] = TURN_NONE;
	if (v->nr_heap)
		heap_sink(v, last);
	return first;
}

/* The first, and actor in its place. */
static uint32_t heap_exchange(struct virtual *v, uint32_t actor)
{
	uint32_t first = turn_actor(v->heap[0]);

	heap_sink(v, turn_of(v, actor));
	return first;
}

/* ------------------------------------------------------------------------------------------- */
/* Lines                                                                                        */

static uint32_t line_slot(const struct virtual *v, const struct line *lines, uint64_t number)
{
	uint32_t at = (uint32_t)(number * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (v->room_lines - 1);

	while (lines[at].number && lines[at].number != number)
		at = (at + 1) & (v->room_lines - 1);
	return at;
}

static void grow_lines(struct virtual *v)
{
	struct line *old = v->line;
	uint32_t old_room = v->room_lines;

	v->room_lines *= 4;
	v->line = calloc(v->room_lines, sizeof(*v->line));
	if (!v->line)
		os_bug("no memory for the lines of virtual time");
	for (uint32_t i = 0; i < old_room; i++)
		if (old[i].number)
			v->line[line_slot(v, v->line, old[i].number)] = old[i];
	free(old);
}

static struct line *find_line(struct virtual *v, const void *addr)
{
	uint64_t number = (uint64_t)(uintptr_t)addr >> LINE_SHIFT;
	uint32_t at = line_slot(v, v->line, number);

	if (!v->line[at].number) {
		if (v->nr_lines == most_lines(v)) {
			grow_lines(v);
			at = line_slot(v, v->line, number);
		}
		v->line[at].number = number;
		v->line[at].serial = ++v->nr_lines;
	}
	return &v->line[at];
}

static struct cached *cached_line(struct virtual *v, uint32_t actor, const struct line *line)
{
	return &v->cached[(size_t)actor * CACHED_LINES + line->serial % CACHED_LINES];
}

static bool is_cached(struct virtual *v, uint32_t actor, const struct line *line, bool write)
{
	const struct cached *cached = cached_line(v, actor, line);

	if (cached->serial != line->serial || cached->version != line->version)
		return false;
	return !write || (line->owner == stage_actor(actor)->cpu + 1 && !line->shared);
}

/* The line comes here; time passes. */
static void transfer(struct virtual *v, uint32_t actor, struct line *line, bool write)
{
	struct clock *clock = &v->clock[actor];
	uint32_t cpu = stage_actor(actor)->cpu;

	if (line->free_at > clock->now)
		clock->now = line->free_at;
	clock->now += v->costs->transfer;
	if (write) {
		line->free_at = clock->now;
		line->version++;
		line->owner = cpu + 1;
		line->shared = false;
	} else {
		line->shared |= line->owner != cpu + 1;
	}
	*cached_line(v, actor, line) = (struct cached){ line->serial, line->version };
}

static void touch(struct virtual *v, uint32_t actor, const void *addr, bool write)
{
	struct line *line = find_line(v, addr);

	if (is_cached(v, actor, line, write))
		v->clock[actor].now += v->costs->cached;
	else
		transfer(v, actor, line, write);
}

/* ------------------------------------------------------------------------------------------- */
/* Waiting                                                                                      */

/* The queue of an address, or the free place where it would be. */
static struct queue *find_queue(struct virtual *v, const void *addr)
{
	uint32_t room = 2 * v->nr_actors;
	uint32_t at =
		(uint32_t)((uint64_t)(uintptr_t)addr * UINT64_C(0x9e3779b97f4a7c15) >> 33) % room;

	while (v->queue[at].addr && v->queue[at].addr != addr)
		at = (at + 1) % room;
	return &v->queue[at];
}

/* Takes an empty queue out of the table; those behind it may have to move up. */
static void drop_queue(struct virtual *v, struct queue *queue)
{
	uint32_t room = 2 * v->nr_actors, at = (uint32_t)(queue - v->queue);

	queue->addr = NULL;
	for (at = (at + 1) % room; v->queue[at].addr; at = (at + 1) % room) {
		struct queue moved = v->queue[at];

		v->queue[at].addr = NULL;
		*find_queue(v, moved.addr) = moved;
	}
}

static void wait_in_line(struct virtual *v, uint32_t actor)
{
	const void *addr = stage_actor(actor)->step.addr;
	struct queue *queue = find_queue(v, addr);

	v->clock[actor].since = v->clock[actor].now;
	v->clock[actor].behind = NOWHERE;
	if (!queue->addr)
		*queue = (struct queue){ .addr = addr, .first = NOWHERE };
	if (queue->first == NOWHERE)
		queue->first = actor;
	else
		v->clock[queue->last].behind = actor;
	queue->last = actor;
	v->nr_waiting++;
}

static bool is_lock(const struct stage_actor *actor) { return actor->step.kind == STAGE_LOCK; }

static bool is_reader(const struct stage_actor *actor)
{
	return is_lock(actor) && actor->step.value == STAGE_READER;
}

/* The first of the queue goes on, one transfer after the change. */
static void call_first(struct virtual *v, struct queue *queue)
{
	uint32_t actor = queue->first;
	struct clock *clock = &v->clock[actor];

	if (clock->now < v->changed_at)
		clock->now = v->changed_at;
	clock->now += v->costs->transfer;
	clock->waited += clock->now - clock->since;
	clock->called = true;
	queue->called += is_lock(stage_actor(actor));
	queue->first = clock->behind;
	v->nr_waiting--;
	heap_push(v, actor);
}

static void drop_if_empty(struct virtual *v, struct queue *queue)
{
	if (queue->addr && queue->first == NOWHERE && !queue->called)
		drop_queue(v, queue);
}

/*
 * After a change: whoever can go on does. A lock goes to the first; if that is a reader, to the
 * readers behind it as well. A word that changed wakes all that waited for that.
 */
static void wake(struct virtual *v)
{
	struct queue *queue;
	const void *addr = v->changed;

	v->changed = NULL;
	if (!addr || !v->nr_waiting)
		return;
	queue = find_queue(v, addr);
	while (queue->addr && queue->first != NOWHERE) {
		const struct stage_actor *first = stage_actor(queue->first);

		if (!stage_can_run(first) || (queue->called && !is_reader(first)))
			return;
		call_first(v, queue);
		if (is_lock(first) && !is_reader(first))
			return;
	}
	drop_if_empty(v, queue);
}

/* It was called and has come. */
static void arrive(struct virtual *v, struct stage_actor *actor)
{
	struct queue *queue;

	v->clock[actor->id].called = false;
	if (!is_lock(actor))
		return;
	queue = find_queue(v, actor->step.addr);
	queue->called--;
	drop_if_empty(v, queue);
}

/* ------------------------------------------------------------------------------------------- */
/* Steps                                                                                        */

static uint64_t price_of_call(const struct virtual *v, const struct stage_step *step)
{
	/* A SEAMCALL's time passes inside, while the module holds its locks. */
	if (step->name[0] == 'S')
		return 0;
	if (!strcmp(step->name, "alloc_pages") || !strcmp(step->name, "alloc"))
		return v->costs->page_alloc;
	if (!strcmp(step->name, "scrub") || !strcmp(step->name, "zero"))
		return step->value * v->costs->page_clear;
	return 0;
}

/* Does somebody wait for what it wants, or has been called for it? */
static bool has_queue(struct virtual *v, const struct stage_actor *actor)
{
	return find_queue(v, actor->step.addr)->addr;
}

/*
 * The actor, whose clock is the earliest, takes its step. False: it must wait in line first.
 */
static bool take_step(struct virtual *v, struct stage_actor *actor)
{
	struct clock *clock = &v->clock[actor->id];
	struct stage_step *step = &actor->step;

	switch (step->kind) {
	case STAGE_READ:
		touch(v, actor->id, step->addr, step->value);
		break;
	case STAGE_WRITE:
	case STAGE_UNLOCK:
		touch(v, actor->id, step->addr, true);
		v->changed = step->addr;
		break;
	case STAGE_LOCK:
	case STAGE_WAIT:
		/* Who was called has had its transfer, and what it waited for is its own. */
		if (clock->called) {
			arrive(v, actor);
			break;
		}
		if ((step->kind == STAGE_LOCK && has_queue(v, actor)) || !stage_can_run(actor))
			return false;
		touch(v, actor->id, step->addr, step->kind == STAGE_LOCK);
		break;
	case STAGE_CALL:
		clock->now += price_of_call(v, step);
		break;
	default:
		break;
	}
	v->changed_at = clock->now;
	return true;
}

/* Can the step be noticed by nobody? Then it need not wait for its turn. */
static bool runs_ahead(struct virtual *v, const struct stage_actor *self)
{
	bool write = self->step.kind == STAGE_WRITE || self->step.kind == STAGE_UNLOCK;

	if (self->step.kind != STAGE_READ && !write)
		return false;
	/* Not where somebody waits for it to change. */
	if (write && v->nr_waiting && find_queue(v, self->step.addr)->addr)
		return false;
	return is_cached(v, self->id, find_line(v, self->step.addr), write || self->step.value);
}

/* Time that passes is over before the turn is asked for. */
static void pass_time(struct virtual *v, struct stage_actor *self)
{
	struct clock *clock = &v->clock[self->id];

	if (self->step.kind == STAGE_PASS) {
		clock->now += self->step.value;
		self->step.value = 0;
	} else if (self->step.kind == STAGE_RELAX || self->step.kind == STAGE_YIELD) {
		clock->now += v->costs->relax;
	}
}

/* Whose turn it is; if that is to wait, the next one's. first: NOWHERE, or out of the heap. */
static struct stage_actor *next_turn(struct virtual *v, uint32_t first)
{
	while (first != NOWHERE || v->nr_heap) {
		struct stage_actor *actor = stage_actor(first != NOWHERE ? first : heap_pop(v));

		first = NOWHERE;
		if (!take_step(v, actor)) {
			wait_in_line(v, actor->id);
			continue;
		}
		v->hash = virtual_mix(v->hash, v->clock[actor->id].now << 11 ^ actor->id);
		return actor;
	}
	return stage_nobody();
}

/*
 * The softirq that begins on this CPU now; or, of a softirq that is done, the CPU's own code that
 * it interrupted. NULL: neither. It comes at the CPU's next step with interrupts on.
 */
static struct stage_actor *softirq_of(struct stage_actor *self)
{
	struct stage_actor *process = stage_actor(self->cpu);
	struct stage_actor *softirq = stage_actor(stage_nr_cpus() + self->cpu);

	if (self == process)
		return stage_can_run(softirq) && !softirq->begun ? softirq : NULL;
	return self->state == STAGE_DONE && process->state == STAGE_READY ? process : NULL;
}

static struct stage_actor *next(void *ctx, struct stage_actor *self)
{
	struct virtual *v = ctx;
	struct stage_actor *other;
	struct clock *clock;

	if (!self) {
		for (uint32_t id = 0; id < stage_nr_cpus(); id++)
			if (stage_actor(id)->state == STAGE_READY)
				heap_push(v, id);
		return next_turn(v, NOWHERE);
	}
	clock = &v->clock[self->id];
	/* The step that ends here may be what others wait for. */
	wake(v);
	if (stage_violation()->wrong != STAGE_OK) {
		stage_end(STAGE_FAILED);
		return NULL;
	}
	if (self->state == STAGE_DONE && clock->now > v->end)
		v->end = clock->now;
	other = softirq_of(self);
	if (other && self->softirq) {
		/* Back to where it came in between. */
		v->clock[other->id].now = clock->now;
		self = other;
		clock = &v->clock[self->id];
	} else if (other) {
		v->clock[other->id].now = clock->now;
		return other;
	}
	if (self->state == STAGE_DONE)
		return next_turn(v, NOWHERE);
	if (runs_ahead(v, self)) {
		clock->now += v->costs->cached;
		v->changed = self->step.kind == STAGE_READ ? NULL : self->step.addr;
		v->changed_at = clock->now;
		return self;
	}
	pass_time(v, self);
	/* Still the earliest: no need to go through the heap. */
	if (!v->nr_heap || turn_of(v, self->id) < v->heap[0])
		return next_turn(v, self->id);
	return next_turn(v, heap_exchange(v, self->id));
}

void virtual_policy(struct virtual *v, struct stage_policy *policy)
{
	*policy = (struct stage_policy){ .next = next, .ctx = v };
}

uint64_t virtual_now(const struct virtual *v) { return v->clock[stage_now()->id].now; }
uint64_t virtual_waited(const struct virtual *v) { return v->clock[stage_now()->id].waited; }
uint64_t virtual_end(const struct virtual *v) { return v->end; }
uint64_t virtual_hash(const struct virtual *v) { return v->hash; }
