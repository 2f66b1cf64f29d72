/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * os_port.h - primitives for the port "linux": the code runs in a kernel, on its CPUs.
 *
 * All locks here are good when they are all zero, as os.h asks for, and that with any configuration
 * of the kernel; so they stand on the architecture's own spin lock, on a word, or on a bit that can
 * be waited for, and not on spinlock_t, rwlock_t and struct mutex.
 *
 * Softirqs, hardirqs and IPIs may come in between any two steps, and where the kernel is built to
 * be preempted, other threads as well.
 */
#ifndef PAMT_OS_PORT_H
#define PAMT_OS_PORT_H

#include <linux/bug.h>
#include <linux/irqflags.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/smp.h>
#include <linux/spinlock.h>
#include <linux/topology.h>
#include <linux/wait_bit.h>

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

/* Not even a CPU that goes offline loses its threads before they release it. */
static inline void os_cpu_hold(void) { migrate_disable(); }
static inline void os_cpu_release(void) { migrate_enable(); }

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

struct os_spin {
	arch_spinlock_t lock;
};

static inline os_irq_t os_spin_lock(struct os_spin *lock)
{
	os_irq_t flags = os_irq_save();

	arch_spin_lock(&lock->lock);
	return flags;
}

static inline void os_spin_unlock(struct os_spin *lock, os_irq_t flags)
{
	arch_spin_unlock(&lock->lock);
	os_irq_restore(flags);
}

/*
 * The MMU lock: readers in 30:0, a writer in bit 31. Whoever has it may be preempted, and must be
 * preemptible: a writer waits for vCPUs to leave their guests, and one of them may be a thread that
 * waits for this very CPU.
 */
struct os_rwlock {
	uint32_t word;
};

#define OS_RW_WRITER (UINT32_C(1) << 31)

static inline void os_read_lock(struct os_rwlock *lock)
{
	/* Relaxed: a guess, the exchange below decides. */
	uint32_t word = __atomic_load_n(&lock->word, __ATOMIC_RELAXED);

	for (;;) {
		/* Acquire: sees what the last writer did. */
		if (!(word & OS_RW_WRITER) &&
		    __atomic_compare_exchange_n(&lock->word, &word, word + 1, true,
						__ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
			return;
		if (word & OS_RW_WRITER) {
			os_relax();
			word = __atomic_load_n(&lock->word, __ATOMIC_RELAXED);
		}
	}
}

static inline void os_read_unlock(struct os_rwlock *lock)
{
	/* Release: the next writer comes after what this reader read. */
	__atomic_fetch_sub(&lock->word, 1, __ATOMIC_RELEASE);
}

static inline void os_write_lock(struct os_rwlock *lock)
{
	/*
	 * The bit keeps new readers out, so that a writer never starves; then the old ones leave.
	 * Acquire on the bit: sees the last writer. Acquire on the count: sees the readers go.
	 */
	while (__atomic_fetch_or(&lock->word, OS_RW_WRITER, __ATOMIC_ACQUIRE) & OS_RW_WRITER)
		os_relax();
	while (__atomic_load_n(&lock->word, __ATOMIC_ACQUIRE) != OS_RW_WRITER)
		os_relax();
}

static inline void os_write_unlock(struct os_rwlock *lock)
{
	/* Release: pairs with the acquires above. No reader counts while a writer has the lock. */
	__atomic_store_n(&lock->word, 0, __ATOMIC_RELEASE);
}

struct os_mutex {
	unsigned long word;
};

#define OS_MUTEX_HELD 0

static inline void os_mutex_lock(struct os_mutex *mutex)
{
	wait_on_bit_lock(&mutex->word, OS_MUTEX_HELD, TASK_UNINTERRUPTIBLE);
}

static inline void os_mutex_unlock(struct os_mutex *mutex)
{
	clear_and_wake_up_bit(OS_MUTEX_HELD, &mutex->word);
}

static inline void __noreturn os_bug(const char *what)
{
	pr_emerg("pamt: an invariant is broken: %s\n", what);
	BUG();
}

#endif
