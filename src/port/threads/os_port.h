/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * os_port.h - primitives for the threads port: each logical CPU is a POSIX thread that has bound
 * itself with threads_bind(). Freestanding, since host, seam and vmm include it: what needs libc
 * is a function of the port.
 *
 * A thread cannot be interrupted by a softirq here, so irq save and restore do nothing; the stage
 * port delivers interrupts and is where such code is tested.
 */
#ifndef PAMT_OS_PORT_H
#define PAMT_OS_PORT_H

#include <stdbool.h>
#include <stdint.h>

typedef uint32_t os_irq_t;

/* Set by threads_bind(); the main thread starts as CPU 0 of node 0. */
extern __thread uint32_t threads_cpu __attribute__((visibility("hidden")));
extern __thread uint32_t threads_node __attribute__((visibility("hidden")));

static inline void os_point(const void *addr, enum os_access access)
{
	(void)addr;
	(void)access;
}

/* Only libpamt.so has it (bind.c): a word about a thread that was never bound, in debug builds. */
void threads_look_bound(void) __attribute__((weak, visibility("hidden")));

static inline uint32_t os_cpu(void)
{
	if (PAMT_DEBUG && threads_look_bound)
		threads_look_bound();
	return threads_cpu;
}
static inline uint32_t os_node(void) { return threads_node; }
/* A thread is its CPU here for as long as it runs. */
static inline void os_cpu_hold(void) {}
static inline void os_cpu_release(void) {}
static inline os_irq_t os_irq_save(void) { return 0; }
static inline void os_irq_restore(os_irq_t flags) { (void)flags; }

void os_relax(void);
void os_resched(void);
void os_bug(const char *what) __attribute__((noreturn));

/* A spin lock: one word, 0 free, 1 held. Contended waits go through os_relax(). */
struct os_spin {
	uint32_t word;
};

static inline void os_spin_init(struct os_spin *lock) { lock->word = 0; }
/* By whom, no lock here knows. Relaxed: the caller's own lock, or a mistake. */
static inline bool os_spin_is_held(const struct os_spin *lock)
{
	return __atomic_load_n(&lock->word, __ATOMIC_RELAXED);
}

static inline os_irq_t os_spin_lock(struct os_spin *lock)
{
	/* Acquire: what the last holder wrote is seen by this one. */
	while (__atomic_exchange_n(&lock->word, 1, __ATOMIC_ACQUIRE))
		while (__atomic_load_n(&lock->word, __ATOMIC_RELAXED))
			os_relax();
	return 0;
}

static inline void os_spin_unlock(struct os_spin *lock, os_irq_t flags)
{
	(void)flags;
	/* Release: pairs with the acquire above. */
	__atomic_store_n(&lock->word, 0, __ATOMIC_RELEASE);
}

/* Readers in 30:0, a writer in bit 31. */
struct os_rwlock {
	uint32_t word;
};
static inline void os_rwlock_init(struct os_rwlock *lock) { lock->word = 0; }
static inline bool os_read_is_held(const struct os_rwlock *lock)
{
	return __atomic_load_n(&lock->word, __ATOMIC_RELAXED);
}
static inline bool os_write_is_held(const struct os_rwlock *lock)
{
	return __atomic_load_n(&lock->word, __ATOMIC_RELAXED) >> 31;
}
void os_read_lock(struct os_rwlock *lock);
void os_read_unlock(struct os_rwlock *lock);
void os_write_lock(struct os_rwlock *lock);
void os_write_unlock(struct os_rwlock *lock);

/* 0 free, 1 held, 2 held and somebody sleeps on it. */
struct os_mutex {
	uint32_t word;
};
static inline void os_mutex_init(struct os_mutex *mutex) { mutex->word = 0; }
static inline bool os_mutex_is_held(const struct os_mutex *mutex)
{
	return __atomic_load_n(&mutex->word, __ATOMIC_RELAXED);
}
void os_mutex_lock(struct os_mutex *mutex);
void os_mutex_unlock(struct os_mutex *mutex);

/* Nobody checks. */
struct os_lock_map {
};
static inline void os_lock_map_init(struct os_lock_map *map, const char *name) {}
static inline void os_lock_map_taken(struct os_lock_map *map) {}
static inline void os_lock_map_given(struct os_lock_map *map) {}

/* Bounded, so that a caller that must give up can count its tries. */
static inline void os_wait_change16(const os_a16_t *a, uint16_t old)
{
	for (int tries = 0; tries < 1000; tries++) {
		/* Relaxed: whoever acts on the word reads it again, with an acquire. */
		if (__atomic_load_n(&a->v, __ATOMIC_RELAXED) != old)
			return;
		os_relax();
	}
}

#endif
