/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * stage.h - the stage: logical CPUs as fibers of one thread, every step of theirs decided by a
 * policy.
 *
 * Code under test is compiled against this port's os_port.h. Each of its atomics, locks, waits
 * and services announces the step that it is about to take and asks the policy who goes on. A
 * step is what runs from one announcement to the next; nothing else runs meanwhile, so memory is
 * sequentially consistent and a run is repeated exactly by repeating the policy's answers.
 *
 * An actor is one stack: CPU n has a process actor (id n) and a softirq actor (id nr_cpus + n).
 *
 *              stage_start()               chosen                    function returns
 *     IDLE ------------------> READY <----------------> running ----------------------> DONE
 *                                     announces a step
 *
 * READY actors have a step pending. A step may have a condition (a lock that must be free, a word
 * that must change): the actor can be chosen only while it holds, which is all that waiting is.
 * A softirq actor can be chosen for its first step only while interrupts are on at its CPU; from
 * then until it is DONE the process actor of that CPU cannot.
 *
 * One stage per process: a yield point has no argument to find its stage by. More cores are used
 * by more processes.
 */
#ifndef PAMT_STAGE_H
#define PAMT_STAGE_H

#include <pamt/os.h>

#include "fiber.h"

/* Most logical CPUs, and so twice as many actors. */
#define STAGE_MAX_CPUS 1024

enum stage_kind {
	STAGE_BEGIN,  /* the actor's first step */
	STAGE_READ,   /* an atomic load of addr; value: 1 if the line comes to be written */
	STAGE_WRITE,  /* any other atomic on addr */
	STAGE_LOCK,   /* takes the lock at addr; value: enum stage_lock */
	STAGE_UNLOCK, /* gives it back */
	STAGE_WAIT,   /* until the 16-bit word at addr is no longer value */
	STAGE_RELAX,  /* one turn of a spin loop; value: what the write count was */
	STAGE_YIELD,  /* lets others run */
	STAGE_IRQ,    /* interrupts go off (value 0) or on (1); addr: the CPU's switch */
	STAGE_CALL,   /* enters a service; addr: what it changes, or NULL; value: 4K pages */
	STAGE_PASS,   /* time passes: value ns */
};

enum stage_lock { STAGE_SPIN, STAGE_READER, STAGE_WRITER, STAGE_MUTEX };

struct stage_step {
	enum stage_kind kind;
	const void *addr;
	uint64_t value;
	const char *name; /* STAGE_CALL: the service */
	bool sleeps;	  /* of a call: the CPU may be given to others meanwhile */
};

enum stage_state { STAGE_IDLE, STAGE_READY, STAGE_DONE };

struct stage_actor {
	uint32_t id, cpu, node;
	bool softirq;
	enum stage_state state;
	bool begun; /* took its first step */
	bool irq_off;
	uint32_t atomic;	/* spin and reader-writer locks held: sleeping is a mistake */
	uint32_t spins;		/* of these, spin locks: waiting is one too */
	struct stage_step step; /* pending */
	struct fiber fiber;
	void (*run)(void *arg);
	void *arg;
};

/* How a run ended. */
enum stage_outcome {
	STAGE_FINISHED, /* all actors are DONE */
	STAGE_FAILED,	/* stage_violation() says why */
	STAGE_CUT,	/* the policy has seen enough */
};

/* What was wrong, in the words of a person who must find it. */
enum stage_wrong {
	STAGE_OK,
	STAGE_INVARIANT, /* a state that must not be */
	STAGE_STATUS,	 /* a call answered what the design says it never does */
	STAGE_DEADLOCK,	 /* nobody can go on */
	STAGE_LIVELOCK,	 /* everybody spins */
	STAGE_CONTEXT,	 /* sleeps where that is not allowed */
	STAGE_LEAK,	 /* something is left over */
	STAGE_BUG,	 /* os_bug(): the code under test stopped itself */
};
struct stage_violation {
	enum stage_wrong wrong;
	uint32_t actor; /* whose step it was, UINT32_MAX: found between steps */
	char text[240];
};

/* Decides. Called on the stack of the actor that has just announced a step, or is DONE. */
struct stage_policy {
	/*
	 * Who goes on: an actor for which stage_can_run() is true; NULL ends the run, with
	 * stage_end() called before. self is NULL for the first choice of a run.
	 */
	struct stage_actor *(*next)(void *ctx, struct stage_actor *self);
	void *ctx;
};

/* A stage of nr_cpus; CPU i is in node i % nr_nodes. Return: 0 or -1 with errno. */
int stage_open(uint32_t nr_cpus, uint32_t nr_nodes);
void stage_close(void);

/* Read by policies at every step, so not behind a function. Changed by stage.c alone. */
struct stage_cast {
	uint32_t nr_cpus;
	struct stage_actor *actor; /* 2 * nr_cpus */
	struct stage_actor *now;   /* who runs; NULL outside a run */
	uint64_t writes;	   /* writes announced so far in this run */
};
extern struct stage_cast stage_cast __attribute__((visibility("hidden")));

static inline uint32_t stage_nr_cpus(void) { return stage_cast.nr_cpus; }
/* Actors 0 .. 2 * nr_cpus - 1. */
static inline struct stage_actor *stage_actor(uint32_t id) { return &stage_cast.actor[id]; }
static inline struct stage_actor *stage_now(void) { return stage_cast.now; }
/* What a spinning actor waits to see grow. */
static inline uint64_t stage_writes(void) { return stage_cast.writes; }

/* All actors IDLE again, no violation. Before each run. */
void stage_reset(void);
/* The CPU's process actor will run this. */
void stage_start(uint32_t cpu, void (*run)(void *arg), void *arg);
/* A softirq is pending on the CPU. Also from a running actor. False: one is pending already. */
bool stage_softirq(uint32_t cpu, void (*run)(void *arg), void *arg);
enum stage_outcome stage_run(const struct stage_policy *policy);

/* Is the pending step possible now? */
bool stage_can_run(const struct stage_actor *actor);
/* For a policy: how the run ends, before it answers NULL. */
void stage_end(enum stage_outcome outcome);
/* For a policy that finds nobody able to run: all are done, or it is a deadlock. Returns NULL. */
struct stage_actor *stage_nobody(void);
/*
 * Something is wrong. The first report of a run counts. stage_fail() on an actor ends the run and
 * does not return; stage_note(), for policies and outside a run, only records.
 */
void stage_fail(enum stage_wrong wrong, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void stage_note(enum stage_wrong wrong, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
const struct stage_violation *stage_violation(void);
const char *stage_wrong_name(enum stage_wrong wrong);

/*
 * Outside a run: be this CPU from now on (os_cpu(), os_node()). In a run: the actor acts as that
 * CPU, as an interrupt sent there would, until it takes that back; only without softirqs.
 */
void stage_pretend(uint32_t cpu);

/*
 * While quiet, nothing is announced but what would have to wait: for whoever looks at the system
 * from outside in the middle of a run, or runs alone. A policy is asked quietly. Returns what it
 * was.
 */
bool stage_quiet(bool quiet);
/* Will there be softirqs? If not, and at first, switching interrupts is no step. */
void stage_expect_softirqs(bool expected);

/*
 * For services: announce a call, which changes something that others see (or NULL) and is about so
 * many 4K pages; and refuse callers that may not sleep.
 */
void stage_call(const char *name, const void *changes, uint64_t pages);
void stage_may_sleep(const char *what);
/* Both at once: a service that takes as long as it likes, while others do anything. */
void stage_sleep(const char *name, const void *changes, uint64_t pages);
/* Virtual time passes for this CPU, also quietly. Other policies give no meaning to it. */
void stage_pass(uint64_t ns);
/* For locks.c: the general form; and can the lock of this step be had now? */
bool stage_lock_is_free(const void *lock, enum stage_lock how);
void stage_announce(enum stage_kind kind, const void *addr, uint64_t value);

#endif
