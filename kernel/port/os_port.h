/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * os_port.h - primitives for the port "linux": the code runs in a kernel, on its CPUs.
 *
 * Softirqs, hardirqs and IPIs may come in between any two steps, and where the kernel is built to
 * be preempted, other threads as well.
 */
#ifndef PAMT_OS_PORT_H
#define PAMT_OS_PORT_H

#include <linux/bug.h>
#include <linux/irqflags.h>
#include <linux/lockdep.h>
#include <linux/mutex.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/smp.h>
#include <linux/spinlock.h>
#include <linux/topology.h>

/* Macros of Linux that the shared sources use as plain words; the modules' own files keep them. */
#ifndef PAMT_KERNEL_LINUX_H
#undef noinline
#undef round_down
#undef round_up
#undef PAGE_SHIFT
#undef PAGE_SIZE
#endif

typedef unsigned long os_irq_t;

/* Only schedulers that run this code step by step need to know. */
static inline void os_point(const void *addr, enum os_access access) {}

/* Where this may be preempted, whoever is waited for may be waiting for this CPU. */
static inline void os_relax(void)
{
	cpu_relax();
	if (preemptible())
		cond_resched();
}

static inline void os_resched(void) { cond_resched(); }

/*
 * Of the CPU that runs this now. A thread that is not bound to it may be elsewhere a moment later:
 * what libpamt keeps per CPU has locks of its own.
 */
static inline uint32_t os_cpu(void) { return raw_smp_processor_id(); }
static inline uint32_t os_node(void) { return cpu_to_node(raw_smp_processor_id()); }

static inline void os_cpu_hold(void) { preempt_disable(); }
static inline void os_cpu_release(void) { preempt_enable(); }

/* A counter "of this CPU" may be met by a thread that has moved, so one instruction is not enough.
 */
#define os_count64(a, n) ((void)__atomic_fetch_add(&(a)->v, (uint64_t)(n), __ATOMIC_RELAXED))

static inline os_irq_t os_irq_save(void)
{
	os_irq_t flags;

	local_irq_save(flags);
	return flags;
}

static inline void os_irq_restore(os_irq_t flags) { local_irq_restore(flags); }

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

/* What lockdep knows; without it whether anybody has the lock, where that can be told. */
#ifdef CONFIG_LOCKDEP
#define OS_IS_HELD(lockdep, otherwise) (lockdep)
#else
#define OS_IS_HELD(lockdep, otherwise) (otherwise)
#endif

/* Raw: innermost, held for a few instructions, and taken where interrupts are off. */
struct os_spin {
	raw_spinlock_t lock;
};

#define os_spin_init(spin) raw_spin_lock_init(&(spin)->lock)

static inline bool os_spin_is_held(const struct os_spin *spin)
{
	return OS_IS_HELD(lockdep_is_held(&spin->lock),
			  !IS_ENABLED(CONFIG_SMP) ||
				  raw_spin_is_locked((raw_spinlock_t *)&spin->lock));
}

static inline os_irq_t os_spin_lock(struct os_spin *spin)
{
	os_irq_t flags;

	raw_spin_lock_irqsave(&spin->lock, flags);
	return flags;
}

static inline void os_spin_unlock(struct os_spin *spin, os_irq_t flags)
{
	raw_spin_unlock_irqrestore(&spin->lock, flags);
}

/*
 * The MMU lock. Its writer waits for vCPUs to leave their guests, and is not preempted meanwhile;
 * nor is a vCPU that is inside (os_cpu_hold()), so neither can keep the other from this CPU.
 */
struct os_rwlock {
	rwlock_t lock;
};

#define os_rwlock_init(rwlock) rwlock_init(&(rwlock)->lock)

static inline bool os_read_is_held(const struct os_rwlock *rwlock)
{
	return OS_IS_HELD(lockdep_is_held(&rwlock->lock), true);
}

static inline bool os_write_is_held(const struct os_rwlock *rwlock)
{
	return OS_IS_HELD(lockdep_is_held_type(&rwlock->lock, 0), true);
}

static inline void os_read_lock(struct os_rwlock *rwlock) { read_lock(&rwlock->lock); }
static inline void os_read_unlock(struct os_rwlock *rwlock) { read_unlock(&rwlock->lock); }
static inline void os_write_lock(struct os_rwlock *rwlock) { write_lock(&rwlock->lock); }
static inline void os_write_unlock(struct os_rwlock *rwlock) { write_unlock(&rwlock->lock); }

struct os_mutex {
	struct mutex lock;
};

#define os_mutex_init(mutex) mutex_init(&(mutex)->lock)

static inline bool os_mutex_is_held(const struct os_mutex *mutex)
{
	return OS_IS_HELD(lockdep_is_held(&mutex->lock),
			  mutex_is_locked((struct mutex *)&mutex->lock));
}

static inline void os_mutex_lock(struct os_mutex *mutex) { mutex_lock(&mutex->lock); }
static inline void os_mutex_unlock(struct os_mutex *mutex) { mutex_unlock(&mutex->lock); }

/* lockdep's. All locks of one map are one class, of which nobody takes two. */
struct os_lock_map {
	struct lockdep_map map;
};

#define os_lock_map_init(m, name)                             \
	do {                                                  \
		static struct lock_class_key key;             \
                                                              \
		lockdep_init_map(&(m)->map, (name), &key, 0); \
	} while (0)

static inline void os_lock_map_taken(struct os_lock_map *m) { lock_map_acquire(&m->map); }
static inline void os_lock_map_given(struct os_lock_map *m) { lock_map_release(&m->map); }

static inline void __noreturn os_bug(const char *what)
{
	pr_emerg("pamt: an invariant is broken: %s\n", what);
	BUG();
}

#endif
