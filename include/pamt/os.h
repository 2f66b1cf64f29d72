/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * os.h - what libpamt, softseam and the vmm ask of the system they run in.
 *
 * Two halves.
 *
 * Primitives are static inline and chosen at compile time: this header has the atomics, which are
 * real in every port, and includes the port's "os_port.h" for what differs: yield points, waiting,
 * locks, interrupts, the identity of the CPU. The same sources are compiled once per port. They are
 * for these sources alone: os_port.h is not installed, and without one this half is not there.
 *
 * Services are a table of functions passed at run time to pamt_host_create(), seam_create() and
 * td_create(): pages, mappings, the SEAMCALL itself, other CPUs, the log.
 *
 * Contexts, as the comments below name them. "May sleep": process context, no spin lock held,
 * interrupts on. "Any": also under a spin lock and in softirq, but not in an NMI.
 */
#ifndef PAMT_OS_H
#define PAMT_OS_H

#include <pamt/status.h>
#include <pamt/tdx.h>

/*
 * OS_OWN, of atomics alone: a read of what the reader is about to write. OS_FILL, of maps alone: a
 * write of the whole page, whose contents before that may be anything.
 */
enum os_access { OS_READ, OS_WRITE, OS_OWN, OS_FILL };

#if __has_include("os_port.h")
/* ------------------------------------------------------------------------------------------- */
/* Atomics. Wrapped, so that no plain access slips in; every one is a yield point.              */

typedef struct {
	uint16_t v;
} os_a16_t;
typedef struct {
	uint32_t v;
} os_a32_t;
typedef struct {
	uint64_t v;
} os_a64_t;

/* Why an order is enough is said where it is used, not here. */
enum os_order {
	OS_RELAXED = __ATOMIC_RELAXED,
	OS_ACQUIRE = __ATOMIC_ACQUIRE,
	OS_RELEASE = __ATOMIC_RELEASE,
	OS_ACQ_REL = __ATOMIC_ACQ_REL,
	OS_SEQ_CST = __ATOMIC_SEQ_CST,
};

/*
 * os_port.h provides, inline or as functions of the port (contexts in brackets):
 *
 *   void os_point(const void *addr, enum os_access)
 *                                            a yield point before an access to addr [any]
 *   void os_relax(void)                      one step of a spin: pause, now and then yield [any]
 *   void os_resched(void)                    let others run, in a long loop [may sleep]
 *   uint32_t os_cpu(void)                    index of the CPU that runs this, 0 .. nr_cpus-1 [any]
 *   uint32_t os_node(void)                   NUMA node of that CPU [any]
 *   void os_cpu_hold(void)                   this thread runs on this CPU, and nobody else but
 *   void os_cpu_release(void)                interrupts, until the release: no sleeping [any]
 *   typedef os_irq_t
 *   os_irq_t os_irq_save(void)               interrupts off on this CPU [any]
 *   void os_irq_restore(os_irq_t)            as they were before [any]
 *   void os_wait_change16(const os_a16_t *, uint16_t old)
 *                                            returns at the latest when the word is no longer old,
 *                                            may return early; interrupts should be on [any]
 *   struct os_spin, os_spin_init(lock)       innermost, irq-safe. Each lock is initialised, which
 *                                            may be a macro: a place in the source is a class of
 *                                            locks to whoever checks them
 *   os_irq_t os_spin_lock(struct os_spin *)  interrupts off, then the lock [any]
 *   void os_spin_unlock(struct os_spin *, os_irq_t)
 *   struct os_rwlock, os_rwlock_init(lock)   the MMU lock
 *   void os_read_lock, os_read_unlock, os_write_lock, os_write_unlock(struct os_rwlock *)
 *                                            process context; must not sleep while holding it
 *   struct os_mutex, os_mutex_init(lock)
 *   void os_mutex_lock(struct os_mutex *)    [may sleep]
 *   void os_mutex_unlock(struct os_mutex *)
 *   bool os_spin_is_held, os_read_is_held, os_write_is_held, os_mutex_is_held(const lock *)
 *                                            for OS_INVARIANT(): by the caller, as far as the port
 *                                            knows; true where it cannot know [any]
 *   struct os_lock_map                       stands for a lock that is a bit of an atomic, for
 *   os_lock_map_init(map, "name")            whoever checks locks
 *   void os_lock_map_taken, os_lock_map_given(struct os_lock_map *)
 *   void os_bug(const char *what)            an invariant is broken: report and stop [any]
 */
#include "os_port.h"

#define OS_DEFINE_ATOMIC(bits)                                                                   \
	static inline uint##bits##_t os_load##bits(const os_a##bits##_t *a, enum os_order order) \
	{                                                                                        \
		os_point(a, OS_READ);                                                            \
		return __atomic_load_n(&a->v, (int)order);                                       \
	}                                                                                        \
	static inline void os_store##bits(os_a##bits##_t *a, uint##bits##_t value,               \
					  enum os_order order)                                   \
	{                                                                                        \
		os_point(a, OS_WRITE);                                                           \
		__atomic_store_n(&a->v, value, (int)order);                                      \
	}                                                                                        \
	/* Compare and swap the whole word; on failure *old is what was found (relaxed). */      \
	static inline bool os_cas##bits(os_a##bits##_t *a, uint##bits##_t *old,                  \
					uint##bits##_t value, enum os_order order)               \
	{                                                                                        \
		os_point(a, OS_WRITE);                                                           \
		return __atomic_compare_exchange_n(&a->v, old, value, false, (int)order,         \
						   __ATOMIC_RELAXED);                            \
	}                                                                                        \
	/* All of these return the value before the change. */                                   \
	static inline uint##bits##_t os_fetch_add##bits(os_a##bits##_t *a, uint##bits##_t n,     \
							enum os_order order)                     \
	{                                                                                        \
		os_point(a, OS_WRITE);                                                           \
		return __atomic_fetch_add(&a->v, n, (int)order);                                 \
	}                                                                                        \
	static inline uint##bits##_t os_fetch_or##bits(os_a##bits##_t *a, uint##bits##_t mask,   \
						       enum os_order order)                      \
	{                                                                                        \
		os_point(a, OS_WRITE);                                                           \
		return __atomic_fetch_or(&a->v, mask, (int)order);                               \
	}                                                                                        \
	static inline uint##bits##_t os_fetch_and##bits(os_a##bits##_t *a, uint##bits##_t mask,  \
							enum os_order order)                     \
	{                                                                                        \
		os_point(a, OS_WRITE);                                                           \
		return __atomic_fetch_and(&a->v, mask, (int)order);                              \
	}                                                                                        \
	static inline uint##bits##_t os_xchg##bits(os_a##bits##_t *a, uint##bits##_t value,      \
						   enum os_order order)                          \
	{                                                                                        \
		os_point(a, OS_WRITE);                                                           \
		return __atomic_exchange_n(&a->v, value, (int)order);                            \
	}

OS_DEFINE_ATOMIC(16)
OS_DEFINE_ATOMIC(32)
OS_DEFINE_ATOMIC(64)
#undef OS_DEFINE_ATOMIC

/*
 * A relaxed load that a compare-and-swap of the same word follows. The line is asked for as a write
 * would: where another CPU had it, it comes once, and not once to be read and again to be written.
 */
#if defined(__x86_64__)
#define OS_PREFETCH_OWN(a) __asm__ volatile("prefetchw %0" : : "m"((a)->v))
#else
#define OS_PREFETCH_OWN(a) __builtin_prefetch(&(a)->v, 1)
#endif
#define OS_DEFINE_LOAD_OWN(bits)                                                \
	static inline uint##bits##_t os_load_own##bits(const os_a##bits##_t *a) \
	{                                                                       \
		os_point(a, OS_OWN);                                            \
		OS_PREFETCH_OWN(a);                                             \
		return __atomic_load_n(&a->v, __ATOMIC_RELAXED);                \
	}

OS_DEFINE_LOAD_OWN(16)
OS_DEFINE_LOAD_OWN(64)
#undef OS_DEFINE_LOAD_OWN

/*
 * Adds to a counter that only this CPU writes: one instruction, so that an interrupt on this CPU
 * loses nothing, without the lock prefix that other CPUs would need. Readers elsewhere load it
 * relaxed. Not a yield point. A port whose threads of control may change CPU in the middle
 * defines its own in os_port.h.
 */
#ifndef os_count64
#if defined(__x86_64__)
#define os_count64(a, n) __asm__ volatile("addq %1, %0" : "+m"((a)->v) : "er"((uint64_t)(n)))
#else
#define os_count64(a, n) ((void)__atomic_fetch_add(&(a)->v, (uint64_t)(n), __ATOMIC_RELAXED))
#endif
#endif

/* What this CPU has counted in such a counter, and to begin anew; no yield points either. */
#define os_counted64(a) __atomic_load_n(&(a)->v, __ATOMIC_RELAXED)
#define os_uncount64(a) __atomic_store_n(&(a)->v, 0, __ATOMIC_RELAXED)

/* Freestanding memory operations: the compiler may call the environment's functions for them. */
#define os_memset(to, byte, n) __builtin_memset(to, byte, n)
#define os_memcpy(to, from, n) __builtin_memcpy(to, from, n)

/* Makes n words at to that value; on x86 without reading the cache lines first. */
static inline void os_fill64(uint64_t *to, uint64_t value, uint64_t n)
{
#if defined(__x86_64__)
	__asm__ volatile("rep stosq" : "+D"(to), "+c"(n) : "a"(value) : "memory");
#else
	while (n--)
		*to++ = value;
#endif
}

/* An invariant, checked where PAMT_DEBUG is 1 (debug builds, -Dinvariants=true). */
#define OS_INVARIANT(cond)                 \
	do {                               \
		if (PAMT_DEBUG && !(cond)) \
			os_bug(#cond);     \
	} while (0)

#endif /* primitives */

/* ------------------------------------------------------------------------------------------- */
/* Error numbers. Freestanding code has no errno.h; the values are Linux's.                     */

#define OS_EINTR   4
#define OS_EIO	   5
#define OS_EAGAIN  11
#define OS_ENOMEM  12
#define OS_EBUSY   16
#define OS_ENODEV  19
#define OS_EINVAL  22
#define OS_ENOSPC  28
#define OS_ERANGE  34
#define OS_ENOTSUP 95

/* ------------------------------------------------------------------------------------------- */
/* Services.                                                                                    */

enum os_log_level { OS_LOG_ERROR, OS_LOG_WARN, OS_LOG_INFO, OS_LOG_DEBUG };

/* "Any node": a node argument that states no preference. */
#define OS_ANY_NODE UINT32_MAX

/* A contiguous range of physical memory that is wanted, within [low, high). */
struct os_range {
	uint64_t bytes; /* a multiple of 4K */
	uint64_t align; /* a power of two; less than 4K: 4K */
	tdx_hpa_t low, high;
	uint32_t node; /* or OS_ANY_NODE */
	bool from_top; /* as high as possible, else as low as possible */
};

/*
 * Every function gets ctx as its first argument. Functions that return an tdx_hpa_t return
 * HPA_NONE, those that return a pointer NULL, those that return int -OS_ENOMEM where there is no
 * memory.
 */
struct os_services {
	void *ctx;
	uint32_t nr_cpus;  /* logical CPUs, ids 0 .. nr_cpus-1 */
	uint32_t nr_nodes; /* NUMA nodes, ids 0 .. nr_nodes-1 */

	/*
	 * A block of 2^order 4K pages (order 0..9), naturally aligned, contents undefined. From
	 * node and no other, or from any if OS_ANY_NODE. May sleep.
	 */
	tdx_hpa_t (*alloc_pages)(void *ctx, unsigned int order, uint32_t node);
	/* Gives back a block, or any naturally aligned part of one (page by page is fine). Any. */
	void (*free_pages)(void *ctx, tdx_hpa_t block, unsigned int order);
	/* Contiguous, contents undefined; HPA_NONE: there is none. May sleep. */
	tdx_hpa_t (*alloc_range)(void *ctx, const struct os_range *range);
	void (*free_range)(void *ctx, tdx_hpa_t base, uint64_t bytes);
	/*
	 * Takes a range out of the allocator for good, so that nothing of it is ever handed out.
	 * Parts that are allocated already or no RAM are passed over. May sleep.
	 */
	void (*exclude)(void *ctx, tdx_hpa_t base, uint64_t bytes);

	/* The host's own small objects: zeroed bytes, freed with free. May sleep. */
	void *(*alloc)(void *ctx, size_t bytes);
	void (*free)(void *ctx, void *object);
	/*
	 * A zeroed array of bytes of which only touched parts cost memory. Entries must be
	 * populated before they are used; reading the unpopulated part is a bug. May sleep.
	 */
	void *(*sparse_create)(void *ctx, uint64_t bytes);
	int (*sparse_populate)(void *ctx, void *array, uint64_t offset, uint64_t bytes);
	void (*sparse_destroy)(void *ctx, void *array, uint64_t bytes);

	/*
	 * The byte at an address as the host, or as the module sees it; good up to the end of its
	 * 4K page. OS_READ may give a shared page of zeros for memory never written: do not write
	 * through it. Never fails. Any context.
	 */
	void *(*map_host)(void *ctx, tdx_hpa_t at, enum os_access access);
	void *(*map_module)(void *ctx, tdx_hpa_t at, enum os_access access);

	/* Range of bytes (4K multiple) set to zero. Any context. */
	void (*zero)(void *ctx, tdx_hpa_t base, uint64_t bytes);
	/*
	 * Makes a range of bytes (4K multiple) that was TDX-private fit for ordinary use (on parts
	 * with the partial write erratum a plain store before this is a machine check). Contents:
	 * zeros. Any.
	 */
	void (*scrub)(void *ctx, tdx_hpa_t base, uint64_t bytes);
	/* Copies one 4K page. Any. */
	void (*copy)(void *ctx, tdx_hpa_t to, tdx_hpa_t from);

	/* One SEAMCALL on the current CPU; regs in and out; returns RAX. Any context. */
	tdx_status_t (*seamcall)(void *ctx, struct tdx_regs *regs);
	/* Writes back and invalidates the caches of all CPUs. May sleep. */
	void (*wbinvd_all)(void *ctx);
	/*
	 * Runs fn on every CPU, or on one CPU of each package, one after the other; stops at and
	 * returns the first value other than 0. May sleep.
	 */
	int (*on_each_cpu)(void *ctx, int (*fn)(void *arg), void *arg);
	int (*on_each_package)(void *ctx, int (*fn)(void *arg), void *arg);
	/* Makes the guest that runs on cpu leave (an interrupt to that CPU). Any. */
	void (*kick)(void *ctx, uint32_t cpu);

	/* printf-style, one line without the newline. Any. */
	void (*log)(void *ctx, enum os_log_level level, const char *format, ...)
		__attribute__((format(printf, 3, 4)));
	/* A trace event: a fixed name and two numbers. May be NULL: no tracing. Any. */
	void (*trace)(void *ctx, const char *event, uint64_t a, uint64_t b);
	/*
	 * Is the thread that runs this to come to its end (a fatal signal)? What may take long is
	 * then left where it is: -OS_EINTR. May be NULL: never. May sleep.
	 */
	bool (*stopping)(void *ctx);
};

#endif
