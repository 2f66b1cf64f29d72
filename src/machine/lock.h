/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * lock.h - the spin lock of the simulated machine itself.
 *
 * Not os_spin of os.h: these locks belong to the hardware that is simulated, no code under test
 * can see or schedule around them, and the machine is compiled once for all user-space ports.
 */
#ifndef PAMT_MACHINE_LOCK_H
#define PAMT_MACHINE_LOCK_H

#include <sched.h>
#include <stdint.h>

struct lock {
	uint32_t word; /* 0 free, 1 held */
};

static inline void lock_take(struct lock *lock)
{
	/* Acquire: sees what the last holder wrote before its release. */
	while (__atomic_exchange_n(&lock->word, 1, __ATOMIC_ACQUIRE)) {
		unsigned int spins = 0;

		/* Relaxed: only a hint that the exchange is worth another try. */
		while (__atomic_load_n(&lock->word, __ATOMIC_RELAXED)) {
			__builtin_ia32_pause();
			/* With fewer cores than threads the holder may not be running. */
			if (++spins % 64 == 0)
				sched_yield();
		}
	}
}

static inline void lock_drop(struct lock *lock)
{
	/* Release: pairs with the acquire above. */
	__atomic_store_n(&lock->word, 0, __ATOMIC_RELEASE);
}

#endif
