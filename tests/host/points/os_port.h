/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * os_port.h - the threads port's primitives, with a hook before every access to an atomic,
 * before every lock and behind it: what another CPU does at exactly that moment is done there by
 * the test, on the same thread and as often as one likes.
 */
#ifndef PAMT_TESTS_POINTS_OS_PORT_H
#define PAMT_TESTS_POINTS_OS_PORT_H

#define os_point       threads_os_point
#define os_spin_lock   threads_os_spin_lock
#define os_spin_unlock threads_os_spin_unlock
#include "port/threads/os_port.h"
#undef os_point
#undef os_spin_lock
#undef os_spin_unlock

/* The test's; a spin lock is written when it is about to be taken, and read once it is let go. */
void test_point(const void *addr, enum os_access access);

static inline void os_point(const void *addr, enum os_access access)
{
	test_point(addr, access == OS_OWN ? OS_READ : access);
}

static inline os_irq_t os_spin_lock(struct os_spin *lock)
{
	test_point(lock, OS_WRITE);
	return threads_os_spin_lock(lock);
}

static inline void os_spin_unlock(struct os_spin *lock, os_irq_t irq)
{
	threads_os_spin_unlock(lock, irq);
	test_point(lock, OS_READ);
}

#endif
