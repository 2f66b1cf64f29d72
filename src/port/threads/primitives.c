// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * primitives.c - the primitives of os.h that need libc: locks that sleep, giving way, stopping.
 *
 * In a file of its own: code that is tested without a machine links only this part of the port.
 */
#include <linux/futex.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <pamt/os.h>

_Thread_local uint32_t threads_cpu;
_Thread_local uint32_t threads_node;

/* Spins before the core is given away: about a microsecond, as long as short sections take. */
#define RELAX_SPINS 32

void os_relax(void)
{
	static _Thread_local uint32_t spins;

	__builtin_ia32_pause();
	/* There may be more threads than cores: whoever is waited for may not be running. */
	if (++spins % RELAX_SPINS == 0)
		sched_yield();
}

void os_resched(void) { sched_yield(); }

void os_bug(const char *what)
{
	fprintf(stderr, "pamt: bug on CPU %u: %s\n", threads_cpu, what);
	abort();
}

#define WRITER (UINT32_C(1) << 31)

void os_read_lock(struct os_rwlock *lock)
{
	/* Relaxed: a guess, the exchange below decides. */
	uint32_t word = __atomic_load_n(&lock->word, __ATOMIC_RELAXED);

	for (;;) {
		/* Acquire: sees what the last writer did. */
		if (!(word & WRITER) &&
		    __atomic_compare_exchange_n(&lock->word, &word, word + 1, true,
						__ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
			return;
		if (word & WRITER) {
			os_relax();
			word = __atomic_load_n(&lock->word, __ATOMIC_RELAXED);
		}
	}
}

void os_read_unlock(struct os_rwlock *lock)
{
	/* Release: the next writer comes after what this reader read. */
	__atomic_fetch_sub(&lock->word, 1, __ATOMIC_RELEASE);
}

void os_write_lock(struct os_rwlock *lock)
{
	/*
	 * The bit keeps new readers out, so that a writer never starves; then the old ones leave.
	 * Acquire on the bit: sees the last writer. Acquire on the count: sees the readers go.
	 */
	while (__atomic_fetch_or(&lock->word, WRITER, __ATOMIC_ACQUIRE) & WRITER)
		os_relax();
	while (__atomic_load_n(&lock->word, __ATOMIC_ACQUIRE) != WRITER)
		os_relax();
}

void os_write_unlock(struct os_rwlock *lock)
{
	/* Release: pairs with the acquires above. No reader counts while a writer has the lock. */
	__atomic_store_n(&lock->word, 0, __ATOMIC_RELEASE);
}

void os_mutex_lock(struct os_mutex *mutex)
{
	uint32_t word = 0;

	/* Acquire, here and below: sees what the last owner did. */
	if (__atomic_compare_exchange_n(&mutex->word, &word, 1, false, __ATOMIC_ACQUIRE,
					__ATOMIC_RELAXED))
		return;
	/*
	 * From now on 2, even when it is taken: whether others sleep is not known. The kernel
	 * puts this thread to sleep only if the word is still 2.
	 */
	while (__atomic_exchange_n(&mutex->word, 2, __ATOMIC_ACQUIRE))
		syscall(SYS_futex, &mutex->word, FUTEX_WAIT_PRIVATE, 2, NULL, NULL, 0);
}

void os_mutex_unlock(struct os_mutex *mutex)
{
	/* Release: pairs with the acquires of os_mutex_lock(). */
	if (__atomic_exchange_n(&mutex->word, 0, __ATOMIC_RELEASE) == 2)
		syscall(SYS_futex, &mutex->word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}
