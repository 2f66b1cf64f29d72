/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * os_port.h - primitives for the stage port: every logical CPU is a fiber of one thread, and a
 * scheduler decides at each yield point which of them takes the next step (stage.h). Freestanding,
 * since host, seam and vmm include it.
 *
 * Outside a run (set-up, tear-down, the checks between two runs) no fiber exists: a point is then
 * one test, locks are taken without asking anybody, and a wait that could never end is a bug.
 */
#ifndef PAMT_OS_PORT_H
#define PAMT_OS_PORT_H

#include <stdbool.h>
#include <stdint.h>

/* What the CPU that runs now must know without a call; changed by the scheduler alone. */
struct stage_here {
	bool running;  /* a fiber runs */
	uint32_t cpu;  /* index of its logical CPU; outside a run the one set by stage_pretend() */
	uint32_t node; /* NUMA node of that CPU */
};
extern struct stage_here stage_here __attribute__((visibility("hidden")));

void stage_point(const void *addr, enum os_access access);

static inline void os_point(const void *addr, enum os_access access)
{
	if (__builtin_expect(stage_here.running, 0))
		stage_point(addr, access);
}

static inline uint32_t os_cpu(void) { return stage_here.cpu; }
static inline uint32_t os_node(void) { return stage_here.node; }
/* A fiber never changes its CPU. */
static inline void os_cpu_hold(void) {}
static inline void os_cpu_release(void) {}

/* Interrupts are real: a softirq is delivered only where they are on. 1: they were off before. */
typedef uint32_t os_irq_t;
os_irq_t os_irq_save(void);
void os_irq_restore(os_irq_t flags);

void os_relax(void);
void os_resched(void);
void os_bug(const char *what) __attribute__((noreturn));

/* The CPU is not runnable until the word is something else. */
void os_wait_change16(const os_a16_t *a, uint16_t old);

/*
 * All three: who holds it, and all zero is as good as initialised, which the lab makes use of.
 * What "held" means for each is in locks.c.
 */
struct os_spin {
	uint32_t word;
};
struct os_rwlock {
	uint32_t word;
};
struct os_mutex {
	uint32_t word;
};

static inline void os_spin_init(struct os_spin *lock) { lock->word = 0; }
static inline void os_rwlock_init(struct os_rwlock *lock) { lock->word = 0; }
static inline void os_mutex_init(struct os_mutex *mutex) { mutex->word = 0; }

/* Not steps. The readers of a lock are known by number only. */
bool os_spin_is_held(const struct os_spin *lock);
bool os_read_is_held(const struct os_rwlock *lock);
bool os_write_is_held(const struct os_rwlock *lock);
bool os_mutex_is_held(const struct os_mutex *mutex);

os_irq_t os_spin_lock(struct os_spin *lock);
void os_spin_unlock(struct os_spin *lock, os_irq_t flags);
void os_read_lock(struct os_rwlock *lock);
void os_read_unlock(struct os_rwlock *lock);
void os_write_lock(struct os_rwlock *lock);
void os_write_unlock(struct os_rwlock *lock);
void os_mutex_lock(struct os_mutex *mutex);
void os_mutex_unlock(struct os_mutex *mutex);

/* What is wrong with a word the explorer finds. */
struct os_lock_map {
};
static inline void os_lock_map_init(struct os_lock_map *map, const char *name) {}
static inline void os_lock_map_taken(struct os_lock_map *map) {}
static inline void os_lock_map_given(struct os_lock_map *map) {}

#endif
