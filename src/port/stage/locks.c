// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * locks.c - spin lock, reader-writer lock and mutex of the stage: an actor that wants one cannot
 * be chosen until it is free.
 *
 * Spin lock and mutex: 0 free, else the holder's id + 1. Reader-writer lock: readers in 30:0, a
 * writer in bit 31. Taking the lock is one step: the announcement, then the word is changed
 * before anybody else runs. Who of several gets it is the policy's choice.
 */
#include "stage.h"

#define OUTSIDE UINT32_MAX /* held outside a run, where there is no actor */
#define WRITER	(UINT32_C(1) << 31)

static void announce(enum stage_kind kind, const void *lock, enum stage_lock how)
{
	/* Quietly too, if it is not to be had: then only the policy knows what to do. */
	if (stage_here.running ||
	    (stage_now() && kind == STAGE_LOCK && !stage_lock_is_free(lock, how)))
		stage_announce(kind, lock, how);
}

static uint32_t self(void) { return stage_now() ? stage_now()->id + 1 : OUTSIDE; }

bool os_spin_is_held(const struct os_spin *lock) { return lock->word == self(); }
bool os_mutex_is_held(const struct os_mutex *mutex) { return mutex->word == self(); }
bool os_read_is_held(const struct os_rwlock *lock) { return lock->word; }
bool os_write_is_held(const struct os_rwlock *lock) { return lock->word == WRITER; }

static void take(uint32_t *word, enum stage_lock how)
{
	announce(STAGE_LOCK, word, how);
	if (*word)
		os_bug("a lock is taken that is held");
	*word = self();
}

static void give(uint32_t *word, enum stage_lock how)
{
	announce(STAGE_UNLOCK, word, how);
	if (*word != self())
		os_bug("a lock is given back by somebody who does not hold it");
	*word = 0;
}

/* The counts by which stage_may_sleep() and waits judge their callers. */
static void hold(int atomic, int spins)
{
	struct stage_actor *actor = stage_now();

	if (actor) {
		actor->atomic += (uint32_t)atomic;
		actor->spins += (uint32_t)spins;
	}
}

os_irq_t os_spin_lock(struct os_spin *lock)
{
	os_irq_t flags = os_irq_save();

	take(&lock->word, STAGE_SPIN);
	hold(1, 1);
	return flags;
}

void os_spin_unlock(struct os_spin *lock, os_irq_t flags)
{
	give(&lock->word, STAGE_SPIN);
	hold(-1, -1);
	os_irq_restore(flags);
}

void os_mutex_lock(struct os_mutex *mutex)
{
	stage_may_sleep("os_mutex_lock");
	take(&mutex->word, STAGE_MUTEX);
}

void os_mutex_unlock(struct os_mutex *mutex) { give(&mutex->word, STAGE_MUTEX); }

void os_read_lock(struct os_rwlock *lock)
{
	announce(STAGE_LOCK, &lock->word, STAGE_READER);
	if (lock->word & WRITER)
		os_bug("a lock is taken for reading that is held for writing");
	lock->word++;
	hold(1, 0);
}

void os_read_unlock(struct os_rwlock *lock)
{
	announce(STAGE_UNLOCK, &lock->word, STAGE_READER);
	if (!(lock->word & ~WRITER))
		os_bug("a lock is given back by a reader who does not hold it");
	lock->word--;
	hold(-1, 0);
}

void os_write_lock(struct os_rwlock *lock)
{
	announce(STAGE_LOCK, &lock->word, STAGE_WRITER);
	if (lock->word)
		os_bug("a lock is taken for writing that is held");
	lock->word = WRITER;
	hold(1, 0);
}

void os_write_unlock(struct os_rwlock *lock)
{
	announce(STAGE_UNLOCK, &lock->word, STAGE_WRITER);
	if (lock->word != WRITER)
		os_bug("a lock is given back by a writer who does not hold it");
	lock->word = 0;
	hold(-1, 0);
}
