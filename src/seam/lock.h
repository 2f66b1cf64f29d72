/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * lock.h - the lock words of the TDX module: try-locks, never a wait.
 *
 * Every lock is the low 16 bits of a 64-bit word. In a PAMT entry the upper 48 bits are the page's
 * metadata, so that taking a lock and reading what it protects is one access, and freeing a page
 * and releasing it one more; elsewhere the upper bits are zero. No function here changes them.
 *
 *   sharex      bit 0 exclusive, 15:1 number of readers.   SYS, KOT, TD epoch
 *   sharex_hp   bit 0 exclusive, bit 1 host priority, 15:2 number of readers.
 *               PAMT entries, OP_STATE, S-EPT tree
 *   mutex       bit 0 held.   TDMR, cache write-back of a package
 *
 * and one that lies elsewhere in its word, the lock of an S-EPT entry: bit 11 held, bit 52 host
 * priority.
 *
 * Host priority: a host that could not get a lock leaves HP set, and the next host that gets it
 * clears the bit. While it is set a guest does not get the lock, so that a guest cannot keep the
 * host out by taking it again and again. The only lock that guests take is that of an S-EPT entry.
 *
 * A host that adds itself to the readers of a lock held exclusively does not take itself off
 * again: the owner's release clears the reader count. As readers look before they add, at most
 * one such stray per logical processor and ownership can exist, and with 2048 of them, each with a
 * handful of holds on one word, the 14 bits never overflow.
 *
 * The owner alone changes a word but for strays and HP, neither of which anybody waits for. So it
 * ends its ownership with a store, which costs a tenth of an atomic exchange: strays go with it, as
 * they should, and so does a HP that is left between the owner's look and its store. That one is
 * not missed: no guest takes these locks, and INTERRUPTED_BUSY is asked for by those who hold them.
 * An S-EPT entry, which guests do lock, is left with a compare-and-swap.
 *
 * Memory orders: an acquisition is an acquire, a release a release; what was written under the
 * lock is thus seen by its next owner, and a try that fails needs no order since nothing is read
 * on the strength of it. HP is a hint to others and always relaxed.
 */
#ifndef SEAM_LOCK_H
#define SEAM_LOCK_H

#include <pamt/os.h>

#define LOCK_MASK	UINT64_C(0xffff)
#define LOCK_EXCLUSIVE	UINT64_C(1)
#define LOCK_HP		UINT64_C(2)
#define LOCK_READER	UINT64_C(2) /* sharex */
#define LOCK_HP_READER	UINT64_C(4) /* sharex_hp */
#define LOCK_HP_READERS UINT64_C(0xfffc)

static inline bool sharex_shared(os_a64_t *word)
{
	if (os_load64(word, OS_RELAXED) & LOCK_EXCLUSIVE)
		return false;
	return !(os_fetch_add64(word, LOCK_READER, OS_ACQUIRE) & LOCK_EXCLUSIVE);
}

static inline bool sharex_exclusive(os_a64_t *word)
{
	uint64_t old = 0;

	return os_cas64(word, &old, LOCK_EXCLUSIVE, OS_ACQUIRE);
}

static inline void sharex_unlock_shared(os_a64_t *word)
{
	os_fetch_add64(word, -LOCK_READER, OS_RELEASE);
}

/* Clears strays too; there is nothing else in the word. */
static inline void sharex_unlock_exclusive(os_a64_t *word) { os_store64(word, 0, OS_RELEASE); }

static inline bool sharex_hp_fail(os_a64_t *word)
{
	os_fetch_or64(word, LOCK_HP, OS_RELAXED);
	return false;
}

/* *value, here and below: the word as it was found; above the lock's bits it stays so. */
static inline bool sharex_hp_shared(os_a64_t *word, uint64_t *value)
{
	if (os_load64(word, OS_RELAXED) & LOCK_EXCLUSIVE)
		return sharex_hp_fail(word);
	*value = os_fetch_add64(word, LOCK_HP_READER, OS_ACQUIRE);
	if (*value & LOCK_EXCLUSIVE)
		return sharex_hp_fail(word);
	if (*value & LOCK_HP)
		os_fetch_and64(word, ~LOCK_HP, OS_RELAXED);
	return true;
}

/*
 * From `readers` of the word (0: free; LOCK_HP_READER: the caller is the only one) to exclusive,
 * with or without HP, which is cleared. Tries again only where somebody changed the word in
 * between without taking the lock.
 */
static inline bool sharex_hp_to_exclusive(os_a64_t *word, uint64_t readers, uint64_t *value)
{
	*value = os_load64(word, OS_RELAXED);
	while ((*value & (LOCK_HP_READERS | LOCK_EXCLUSIVE)) == readers)
		if (os_cas64(word, value, (*value & ~LOCK_MASK) | LOCK_EXCLUSIVE, OS_ACQUIRE))
			return true;
	return sharex_hp_fail(word);
}

static inline bool sharex_hp_exclusive(os_a64_t *word, uint64_t *value)
{
	return sharex_hp_to_exclusive(word, 0, value);
}

/* On failure the caller still holds the lock shared. */
static inline bool sharex_hp_promote(os_a64_t *word)
{
	uint64_t value;

	return sharex_hp_to_exclusive(word, LOCK_HP_READER, &value);
}

static inline void sharex_hp_unlock_shared(os_a64_t *word)
{
	os_fetch_add64(word, -LOCK_HP_READER, OS_RELEASE);
}

/* The owner gives the word a new value, bits of the lock that are in keep as they are. */
static inline void sharex_hp_store(os_a64_t *word, uint64_t value, uint64_t keep)
{
	/* Release: what the owner did is seen by whoever finds the new value. */
	os_store64(word, value | (os_load64(word, OS_RELAXED) & keep), OS_RELEASE);
}

/* Clears strays, keeps HP. */
static inline void sharex_hp_unlock_exclusive(os_a64_t *word)
{
	sharex_hp_store(word, 0, ~LOCK_MASK | LOCK_HP);
}

static inline bool mutex_word_trylock(os_a64_t *word)
{
	uint64_t old = 0;

	return os_cas64(word, &old, LOCK_EXCLUSIVE, OS_ACQUIRE);
}

static inline void mutex_word_unlock(os_a64_t *word) { os_store64(word, 0, OS_RELEASE); }

#define SEPT_LOCK (UINT64_C(1) << 11)
#define SEPT_HP	  (UINT64_C(1) << 52)

/* Host: a failure leaves HP, a success clears it. *value: the entry before, without HP. */
static inline bool sept_lock_host(os_a64_t *entry, uint64_t *value)
{
	uint64_t old = os_fetch_or64(entry, SEPT_LOCK, OS_ACQUIRE);

	if (old & SEPT_LOCK) {
		os_fetch_or64(entry, SEPT_HP, OS_RELAXED);
		return false;
	}
	if (old & SEPT_HP)
		os_fetch_and64(entry, ~SEPT_HP, OS_RELAXED);
	*value = old & ~SEPT_HP;
	return true;
}

static inline void sept_unlock(os_a64_t *entry) { os_fetch_and64(entry, ~SEPT_LOCK, OS_RELEASE); }

/* Guest: false with *value as found; a host that waits goes first, and the lock is given up. */
static inline bool sept_lock_guest(os_a64_t *entry, uint64_t *value)
{
	*value = os_fetch_or64(entry, SEPT_LOCK, OS_ACQUIRE);
	if (*value & SEPT_LOCK)
		return false;
	if (*value & SEPT_HP)
		sept_unlock(entry);
	return !(*value & SEPT_HP);
}

#endif
