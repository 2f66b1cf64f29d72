// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * stage.c - actors, their steps and the switch between them; stage.h has the states.
 *
 * A step that does not switch costs the call of the policy and no more. The policy answers with
 * an actor; the switch goes straight to it, without a stop at the stack that called stage_run().
 * That one is switched to once, at the end of the run.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stage.h"

struct stage_here stage_here;

/* One stage per process; see stage.h. */
struct stage_cast stage_cast;
static struct stage {
	uint32_t nr_nodes;
	struct fiber thread; /* who called stage_run() */
	struct stage_policy policy;
	enum stage_outcome outcome;
	struct stage_violation violation;
	bool softirqs; /* expected */
} stage;

int stage_open(uint32_t nr_cpus, uint32_t nr_nodes)
{
	if (!nr_cpus || nr_cpus > STAGE_MAX_CPUS || !nr_nodes) {
		errno = EINVAL;
		return -1;
	}
	memset(&stage, 0, sizeof(stage));
	memset(&stage_cast, 0, sizeof(stage_cast));
	stage_cast.actor = calloc(2 * (size_t)nr_cpus, sizeof(*stage_cast.actor));
	if (!stage_cast.actor)
		return -1;
	stage_cast.nr_cpus = nr_cpus;
	stage.nr_nodes = nr_nodes;
	if (fiber_adopt_thread(&stage.thread)) {
		stage_close();
		return -1;
	}
	for (uint32_t id = 0; id < 2 * nr_cpus; id++) {
		struct stage_actor *actor = &stage_cast.actor[id];

		actor->id = id;
		actor->cpu = id % nr_cpus;
		actor->node = actor->cpu % nr_nodes;
		actor->softirq = id >= nr_cpus;
	}
	stage_pretend(0);
	return 0;
}

void stage_close(void)
{
	for (uint32_t id = 0; stage_cast.actor && id < 2 * stage_cast.nr_cpus; id++)
		if (stage_cast.actor[id].fiber.low)
			fiber_destroy(&stage_cast.actor[id].fiber);
	free(stage_cast.actor);
	memset(&stage, 0, sizeof(stage));
	memset(&stage_cast, 0, sizeof(stage_cast));
	memset(&stage_here, 0, sizeof(stage_here));
}

const struct stage_violation *stage_violation(void) { return &stage.violation; }

void stage_expect_softirqs(bool expected) { stage.softirqs = expected; }

void stage_pretend(uint32_t cpu)
{
	stage_here.cpu = cpu;
	stage_here.node = stage.nr_nodes ? cpu % stage.nr_nodes : 0;
	/* In a run until it is taken back: also when others have run in between. */
	if (stage_cast.now) {
		stage_cast.now->cpu = stage_here.cpu;
		stage_cast.now->node = stage_here.node;
	}
}

void stage_reset(void)
{
	for (uint32_t id = 0; id < 2 * stage_cast.nr_cpus; id++) {
		struct stage_actor *actor = &stage_cast.actor[id];

		actor->cpu = id % stage_cast.nr_cpus;
		actor->node = actor->cpu % stage.nr_nodes;
		actor->state = STAGE_IDLE;
		actor->begun = false;
		actor->irq_off = false;
		actor->atomic = 0;
		actor->spins = 0;
	}
	stage.violation.wrong = STAGE_OK;
	stage_cast.writes = 0;
}

/* ------------------------------------------------------------------------------------------- */
/* Switching                                                                                    */

static void become(struct stage_actor *actor)
{
	stage_cast.now = actor;
	actor->begun = true;
	stage_here.cpu = actor->cpu;
	stage_here.node = actor->node;
}

/* Back to the caller of stage_run(). The actor's stack is never resumed. */
static void leave_run(struct stage_actor *self)
{
	stage_here.running = false;
	stage_cast.now = NULL;
	self->fiber.abandoned = true;
	fiber_switch(&self->fiber, &stage.thread);
}

bool stage_quiet(bool quiet)
{
	bool was = !stage_here.running;

	stage_here.running = stage_cast.now && !quiet;
	return was;
}

/* self has a step pending, or is DONE: somebody goes on. */
static inline void choose(struct stage_actor *self)
{
	bool quiet = stage_quiet(true);
	struct stage_actor *next = stage.policy.next(stage.policy.ctx, self);

	if (next == self) {
		stage_quiet(quiet);
		return;
	}
	if (!next) {
		leave_run(self);
		return;
	}
	become(next);
	self->fiber.abandoned = self->state == STAGE_DONE;
	fiber_switch(&self->fiber, &next->fiber);
	/* Back again, and as quiet as before, whatever others were. */
	stage_quiet(quiet);
}

static void actor_main(void *arg)
{
	struct stage_actor *self = arg;

	fiber_entered(&self->fiber);
	stage_quiet(false);
	self->run(self->arg);
	if (self->atomic)
		stage_fail(STAGE_CONTEXT, "returns with %u locks held", self->atomic);
	if (self->irq_off)
		stage_fail(STAGE_CONTEXT, "returns with interrupts off");
	self->state = STAGE_DONE;
	choose(self);
}

static void make_ready(struct stage_actor *actor, void (*run)(void *arg), void *arg)
{
	if (!actor->fiber.low && fiber_create(&actor->fiber)) {
		fprintf(stderr, "pamt-lab: no memory for the stack of CPU %u: %s\n", actor->cpu,
			strerror(errno));
		abort();
	}
	actor->run = run;
	actor->arg = arg;
	actor->state = STAGE_READY;
	actor->begun = false;
	actor->step = (struct stage_step){ .kind = STAGE_BEGIN, .addr = &actor->irq_off };
	fiber_reset(&actor->fiber, actor_main, actor);
}

void stage_start(uint32_t cpu, void (*run)(void *arg), void *arg)
{
	make_ready(&stage_cast.actor[cpu], run, arg);
}

bool stage_softirq(uint32_t cpu, void (*run)(void *arg), void *arg)
{
	struct stage_actor *actor = &stage_cast.actor[stage_cast.nr_cpus + cpu];

	if (actor->state == STAGE_READY)
		return false;
	make_ready(actor, run, arg);
	/* It begins by finding its CPU's interrupts on: an access to that CPU's switch. */
	actor->step.addr = &stage_cast.actor[cpu].irq_off;
	return true;
}

enum stage_outcome stage_run(const struct stage_policy *policy)
{
	struct stage_actor *first;

	stage.policy = *policy;
	stage.outcome = STAGE_FINISHED;
	first = policy->next(policy->ctx, NULL);
	if (first) {
		become(first);
		stage.thread.abandoned = false;
		fiber_switch(&stage.thread, &first->fiber);
	}
	stage_pretend(0);
	return stage.outcome;
}

void stage_end(enum stage_outcome outcome) { stage.outcome = outcome; }

struct stage_actor *stage_nobody(void)
{
	uint32_t waiting = 0, first = 0;

	for (uint32_t id = 0; id < 2 * stage_cast.nr_cpus; id++) {
		if (stage_cast.actor[id].state != STAGE_READY)
			continue;
		if (!waiting++)
			first = id;
	}
	stage_end(waiting ? STAGE_FAILED : STAGE_FINISHED);
	if (waiting)
		stage_note(STAGE_DEADLOCK, "nobody can go on: %u of them wait, among them CPU %u",
			   waiting, stage_cast.actor[first].cpu);
	return NULL;
}

/* ------------------------------------------------------------------------------------------- */
/* Conditions                                                                                   */

static bool word_changed(const os_a16_t *word, uint64_t old)
{
	/* One thread runs all fibers: no order is needed. */
	return __atomic_load_n(&word->v, __ATOMIC_RELAXED) != old;
}

bool stage_lock_is_free(const void *lock, enum stage_lock how)
{
	/* All three kinds of lock begin with their word; locks.c says what it means. */
	uint32_t word = ((const struct os_spin *)lock)->word;

	return how == STAGE_READER ? !(word >> 31) : !word;
}

bool stage_can_run(const struct stage_actor *actor)
{
	const struct stage_actor *other;

	if (actor->state != STAGE_READY)
		return false;
	if (actor->softirq) {
		other = &stage_cast.actor[actor->cpu];
		if (!actor->begun && other->state == STAGE_READY && other->irq_off)
			return false;
	} else {
		other = &stage_cast.actor[stage_cast.nr_cpus + actor->cpu];
		if (other->state == STAGE_READY && other->begun)
			return false;
	}
	switch (actor->step.kind) {
	case STAGE_LOCK:
		return stage_lock_is_free(actor->step.addr, (enum stage_lock)actor->step.value);
	case STAGE_WAIT:
		return word_changed(actor->step.addr, actor->step.value);
	default:
		return true;
	}
}

/* ------------------------------------------------------------------------------------------- */
/* Steps                                                                                        */

/* Field by field: a step that is built elsewhere and copied waits for its own stores. */
void stage_announce(enum stage_kind kind, const void *addr, uint64_t value)
{
	struct stage_actor *self = stage_cast.now;

	self->step.kind = kind;
	self->step.addr = addr;
	self->step.value = value;
	stage_cast.writes += kind == STAGE_UNLOCK || (kind == STAGE_CALL && addr);
	choose(self);
}

void stage_point(const void *addr, enum os_access access)
{
	struct stage_actor *self = stage_cast.now;

	self->step.kind = access == OS_WRITE ? STAGE_WRITE : STAGE_READ;
	self->step.addr = addr;
	self->step.value = access == OS_OWN;
	stage_cast.writes += access == OS_WRITE;
	choose(self);
}

static void call(const char *name, const void *changes, uint64_t pages, bool sleeps)
{
	if (!stage_here.running)
		return;
	stage_cast.now->step.name = name;
	stage_cast.now->step.sleeps = sleeps;
	stage_announce(STAGE_CALL, changes, pages);
}

void stage_call(const char *name, const void *changes, uint64_t pages)
{
	call(name, changes, pages, false);
}

void stage_sleep(const char *name, const void *changes, uint64_t pages)
{
	stage_may_sleep(name);
	call(name, changes, pages, true);
}

/* Time passes in the quietest of places. */
void stage_pass(uint64_t ns)
{
	if (stage_cast.now)
		stage_announce(STAGE_PASS, NULL, ns);
}

void os_relax(void)
{
	if (!stage_cast.now)
		os_bug("spins although nobody else runs");
	stage_announce(STAGE_RELAX, NULL, stage_cast.writes);
}

void os_resched(void)
{
	stage_may_sleep("os_resched");
	if (stage_here.running)
		stage_announce(STAGE_YIELD, NULL, 0);
}

void os_wait_change16(const os_a16_t *a, uint16_t old)
{
	if (!stage_here.running) {
		if (word_changed(a, old))
			return;
		if (!stage_cast.now)
			os_bug("waits for a word that nobody else will change");
	}
	if (stage_cast.now->spins)
		stage_fail(STAGE_CONTEXT, "waits for a word while it holds a spin lock");
	stage_announce(STAGE_WAIT, a, old);
}

os_irq_t os_irq_save(void)
{
	struct stage_actor *self = stage_cast.now;
	bool off;

	if (!self)
		return 0;
	off = self->irq_off;
	if (!off && stage.softirqs && stage_here.running)
		stage_announce(STAGE_IRQ, &self->irq_off, 0);
	self->irq_off = true;
	return off;
}

void os_irq_restore(os_irq_t flags)
{
	struct stage_actor *self = stage_cast.now;

	if (!self || flags)
		return;
	if (stage.softirqs && stage_here.running)
		stage_announce(STAGE_IRQ, &self->irq_off, 1);
	self->irq_off = false;
}

/* ------------------------------------------------------------------------------------------- */
/* Mistakes                                                                                     */

static void note(enum stage_wrong wrong, const char *format, va_list args)
{
	struct stage_violation *violation = &stage.violation;

	if (violation->wrong != STAGE_OK)
		return;
	violation->wrong = wrong;
	violation->actor = stage_cast.now ? stage_cast.now->id : UINT32_MAX;
	vsnprintf(violation->text, sizeof(violation->text), format, args);
}

void stage_note(enum stage_wrong wrong, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	note(wrong, format, args);
	va_end(args);
}

void stage_fail(enum stage_wrong wrong, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	note(wrong, format, args);
	va_end(args);
	if (stage_cast.now) {
		stage.outcome = STAGE_FAILED;
		leave_run(stage_cast.now);
	}
}

void stage_may_sleep(const char *what)
{
	struct stage_actor *self = stage_cast.now;

	if (!self)
		return;
	if (self->softirq)
		stage_fail(STAGE_CONTEXT, "%s may sleep, but runs in a softirq", what);
	if (self->atomic)
		stage_fail(STAGE_CONTEXT, "%s may sleep, but %u locks are held", what,
			   self->atomic);
	if (self->irq_off)
		stage_fail(STAGE_CONTEXT, "%s may sleep, but interrupts are off", what);
}

void os_bug(const char *what)
{
	stage_fail(STAGE_BUG, "%s", what);
	/* Outside of a run there is no schedule to blame: set-up or tear-down is broken. */
	fprintf(stderr, "pamt-lab: bug: %s\n", what);
	abort();
}

static const char *const wrong_name[] = {
	[STAGE_OK] = "ok",
	[STAGE_INVARIANT] = "invariant",
	[STAGE_STATUS] = "status",
	[STAGE_DEADLOCK] = "deadlock",
	[STAGE_LIVELOCK] = "livelock",
	[STAGE_CONTEXT] = "context",
	[STAGE_LEAK] = "leak",
	[STAGE_BUG] = "bug",
};

const char *stage_wrong_name(enum stage_wrong wrong) { return wrong_name[wrong]; }
