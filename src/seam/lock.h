/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * lock.h - the lock words of the TDX module: try-locks, never a wait.
 *
 * Every lock is the low 16 bits of a 64-bit word. In a PAMT entry the upper 48 bits are the page's
 * metadata, so that taking a lock and reading what it protects is one access, and freeing a page
 * and releasing it one more; elsewhere the upper bits are zero. No function here changes them but
 * those that are given a new value.
 *
 *   sharex      bit 0 exclusive, 15:1 number of readers.   SYS, KOT, TD epoch
 *   sharex_hp   bit 0 exclusive, bit 1 host priority, 15:2 number of readers.
 *               PAMT entries, OP_STATE, S-EPT tree
 *   pair        two sharex_hp in one word, at bits 0 and 16: OP_STATE and the S-EPT tree of a TD,
 *               which nearly every leaf takes one after the other. Where both are to be had it
 *               takes them in one step, and gives them back in one
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
 * The owner alone changes a word but for strays and HP. What is a sharex_hp it changes and leaves
 * by atomic operations, so that a HP that comes in the meantime stays for the next host to find. A
 * sharex has no HP, and its owner leaves with a store, which costs a tenth: strays go with it, as
 * they should.
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

/* One reader less: minus what a reader counts for in that lock, or in both of a pair. */
static inline void lock_unlock_shared(os_a64_t *word, uint64_t add)
{
	os_fetch_add64(word, add, OS_RELEASE);
}

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

/* Clears strays too; there is nothing else in the word. */
static inline void sharex_unlock_exclusive(os_a64_t *word) { os_store64(word, 0, OS_RELEASE); }

/* at, in all that follows: the bit of the word at which the lock begins. */
static inline bool sharex_hp_fail(os_a64_t *word, unsigned int at)
{
	os_fetch_or64(word, LOCK_HP << at, OS_RELAXED);
	return false;
}

/* *value, here and below: the word as it was found; above the lock's bits it stays so. */
static inline bool sharex_hp_shared(os_a64_t *word, unsigned int at, uint64_t *value)
{
	if (os_load64(word, OS_RELAXED) & LOCK_EXCLUSIVE << at)
		return sharex_hp_fail(word, at);
	*value = os_fetch_add64(word, LOCK_HP_READER << at, OS_ACQUIRE);
	if (*value & LOCK_EXCLUSIVE << at)
		return sharex_hp_fail(word, at);
	if (*value & LOCK_HP << at)
		os_fetch_and64(word, ~(LOCK_HP << at), OS_RELAXED);
	return true;
}

/*
 * From `readers` of the word (0: free; LOCK_HP_READER: the caller is the only one) to exclusive,
 * with or without HP, which is cleared. Tries again only where somebody changed the word in
 * between without taking the lock.
 */
static inline bool sharex_hp_to_exclusive(os_a64_t *word, unsigned int at, uint64_t readers,
					  uint64_t *value)
{
	*value = os_load64(word, OS_RELAXED);
	while ((*value >> at & (LOCK_HP_READERS | LOCK_EXCLUSIVE)) == readers)
		if (os_cas64(word, value, (*value & ~(LOCK_MASK << at)) | LOCK_EXCLUSIVE << at,
			     OS_ACQUIRE))
			return true;
	return sharex_hp_fail(word, at);
}

static inline bool sharex_hp_exclusive(os_a64_t *word, unsigned int at, uint64_t *value)
{
	return sharex_hp_to_exclusive(word, at, 0, value);
}

/* On failure the caller still holds the lock shared. */
static inline bool sharex_hp_promote(os_a64_t *word)
{
	uint64_t value;

	return sharex_hp_to_exclusive(word, 0, LOCK_HP_READER, &value);
}

/* The owner gives the word a new value, bits of the lock that are in keep as they are. */
static inline void sharex_hp_change(os_a64_t *word, uint64_t value, uint64_t keep)
{
	uint64_t old = os_load64(word, OS_RELAXED);

	/*
	 * Release: what the owner did is seen by whoever finds the new value. On failure somebody
	 * has left HP or a stray in between.
	 */
	while (!os_cas64(word, &old, value | (old & keep), OS_RELEASE))
		;
}

/* Clears strays, keeps HP. */
static inline void sharex_hp_unlock_exclusive(os_a64_t *word, unsigned int at)
{
	os_fetch_and64(word, ~((LOCK_MASK & ~LOCK_HP) << at), OS_RELEASE);
}

/* Where in a pair its second lock begins. */
#define PAIR_SECOND 16

/*
 * The first of a pair shared, the second shared or exclusive, HP of both cleared. False: one of
 * them is not to be had, and nothing has changed; the caller tries one after the other, so that
 * the one that is taken is left its HP.
 */
static inline bool pair_lock(os_a64_t *word, bool exclusive)
{
	uint64_t second = exclusive ? LOCK_EXCLUSIVE : LOCK_HP_READER;
	uint64_t busy = LOCK_EXCLUSIVE | (exclusive ? LOCK_MASK & ~LOCK_HP : LOCK_EXCLUSIVE)
						 << PAIR_SECOND;
	uint64_t old = os_load64(word, OS_RELAXED);

	while (!(old & busy))
		if (os_cas64(word, &old,
			     (old & ~(LOCK_HP | LOCK_HP << PAIR_SECOND)) + LOCK_HP_READER +
				     (second << PAIR_SECOND),
			     OS_ACQUIRE))
			return true;
	return false;
}

/* The first was shared, the second exclusive: its strays go, its HP stays. */
static inline void pair_unlock_exclusive(os_a64_t *word)
{
	const uint64_t keep = ~((LOCK_MASK & ~LOCK_HP) << PAIR_SECOND);
	uint64_t old = os_load64(word, OS_RELAXED);

	while (!os_cas64(word, &old, (old & keep) - LOCK_HP_READER, OS_RELEASE))
		;
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
