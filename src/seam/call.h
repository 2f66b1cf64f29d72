/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * call.h - one SEAMCALL in progress: its operands, its results, and the locks it holds.
 *
 * A leaf first decodes: it takes locks and checks, in the order in which the ABI reports errors,
 * and returns the first status that is not success. Every lock goes through call_lock*(), which
 * notes it, and dispatch releases whatever is noted, in reverse order, when the leaf returns. So
 * a check may return at any point. When all checks have passed the leaf acts, and nothing in that
 * part can fail.
 *
 * Operands are read from call->in, the registers as the host gave them; results are written to
 * call->regs, which dispatch has prepared (some leaves clear registers first).
 */
#ifndef SEAM_CALL_H
#define SEAM_CALL_H

#include "seam/fault.h"
#include "seam/module.h"

enum lock_kind {
	LOCK_SHAREX_S,
	LOCK_SHAREX_X,
	LOCK_SHAREX_HP_S,
	LOCK_SHAREX_HP_X,
	LOCK_SECOND_S, /* of a pair; its first is LOCK_SHAREX_HP_* */
	LOCK_SECOND_X,
	LOCK_PAIR_S, /* both shared */
	LOCK_PAIR_X, /* the first shared, the second exclusive */
	LOCK_MUTEX,
	LOCK_SEPT_ENTRY, /* as the host takes it */
	LOCK_RELEASED,	 /* not any more */
};

struct call_lock {
	os_a64_t *word;
	/* Held shared: what is added to the word to give it back. Else 0. */
	uint64_t add;
	enum lock_kind kind;
};

/* DEMOTE takes the most: three walks of 3, a TDR walk of 3, the 2M entry, 3 locks of the TD. */
#define CALL_MAX_LOCKS 20

struct held_locks {
	uint32_t nr;
	struct call_lock lock[CALL_MAX_LOCKS];
};

struct call {
	struct seam *seam;
	uint32_t lp;
	uint32_t leaf, version;
	enum seam_debug_inject inject;
	struct tdx_regs *regs;
	struct tdx_regs in;
	struct held_locks held;
	struct fault_plan *faults; /* that apply to this call, NULL: none */
	struct lp_maps *maps;	   /* of the LP */
	bool look;		   /* no LP's, and without locks (debug.c): it ends nothing */
};

#define CALL_OK ((tdx_status_t){ TDX_SUCCESS })

static inline tdx_status_t status_operand(uint64_t code, enum tdx_operand operand)
{
	return tdx_status(code, (uint32_t)operand);
}

static inline bool call_failed(tdx_status_t status) { return status.v != TDX_SUCCESS; }

/* Inline: kind is a constant wherever this is called. *value: as found, where others use it. */
static inline bool try_lock(os_a64_t *word, enum lock_kind kind, uint64_t *value)
{
	switch (kind) {
	case LOCK_SHAREX_HP_S:
		return sharex_hp_shared(word, 0, value);
	case LOCK_SHAREX_HP_X:
		return sharex_hp_exclusive(word, 0, value);
	case LOCK_SECOND_S:
		return sharex_hp_shared(word, PAIR_SECOND, value);
	case LOCK_SECOND_X:
		return sharex_hp_exclusive(word, PAIR_SECOND, value);
	case LOCK_PAIR_S:
		return pair_lock(word, false);
	case LOCK_PAIR_X:
		return pair_lock(word, true);
	case LOCK_SEPT_ENTRY:
		return sept_lock_host(word, value);
	case LOCK_SHAREX_S:
		return sharex_shared(word);
	case LOCK_SHAREX_X:
		return sharex_exclusive(word);
	case LOCK_MUTEX:
		return mutex_word_trylock(word);
	case LOCK_RELEASED:
		break;
	}
	return false;
}

/* What gives a lock back by being added to its word; 0: something else does. */
static inline uint64_t lock_add(enum lock_kind kind)
{
	switch (kind) {
	case LOCK_SHAREX_S:
		return -LOCK_READER;
	case LOCK_SHAREX_HP_S:
		return -LOCK_HP_READER;
	case LOCK_SECOND_S:
		return -(LOCK_HP_READER << PAIR_SECOND);
	case LOCK_PAIR_S:
		return -(LOCK_HP_READER | LOCK_HP_READER << PAIR_SECOND);
	default:
		return 0;
	}
}

static inline void held_unlock(const struct call_lock *held)
{
	/* By far the most frequent first. */
	if (held->add)
		lock_unlock_shared(held->word, held->add);
	else if (held->kind == LOCK_PAIR_X)
		pair_unlock_exclusive(held->word);
	else if (held->kind == LOCK_SHAREX_HP_X)
		sharex_hp_unlock_exclusive(held->word, 0);
	else if (held->kind == LOCK_SECOND_X)
		sharex_hp_unlock_exclusive(held->word, PAIR_SECOND);
	else if (held->kind == LOCK_SEPT_ENTRY)
		sept_unlock(held->word);
	else if (held->kind == LOCK_SHAREX_X)
		sharex_unlock_exclusive(held->word);
	else if (held->kind == LOCK_MUTEX)
		mutex_word_unlock(held->word);
}

/* The lock in this word is not to be had: tells who watches. Return: false. */
bool call_is_busy(const struct call *call, const os_a64_t *word, enum lock_kind kind);

/*
 * Takes a lock whose word holds what it protects, and notes it. *value: the word as it was taken;
 * what is above the lock's bits does not change from then on. False: somebody else has it, nothing
 * is noted.
 */
static inline bool call_lock_read(struct call *call, os_a64_t *word, enum lock_kind kind,
				  uint64_t *value)
{
	struct held_locks *held = &call->held;

	OS_INVARIANT(held->nr < CALL_MAX_LOCKS);
	if (call->faults && fault_happens(call->faults, SEAM_FAULT_BUSY))
		return call_is_busy(call, word, kind);
	if (!try_lock(word, kind, value))
		return call_is_busy(call, word, kind);
	held->lock[held->nr++] = (struct call_lock){ word, lock_add(kind), kind };
	return true;
}

static inline bool call_lock(struct call *call, os_a64_t *word, enum lock_kind kind)
{
	uint64_t value;

	return call_lock_read(call, word, kind, &value);
}

/*
 * Releases all locks noted after the first `keep`, newest first. The next note is read before the
 * lock at hand is released: an atomic operation holds up every load behind it.
 */
static inline void held_release(struct held_locks *held, uint32_t keep)
{
	uint32_t nr = held->nr;
	struct call_lock lock, next;

	if (nr == keep)
		return;
	next = held->lock[nr - 1];
	do {
		lock = next;
		if (--nr > keep)
			next = held->lock[nr - 1];
		held_unlock(&lock);
	} while (nr > keep);
	held->nr = keep;
}

/* A LOCK_SHAREX_HP_S that is held becomes LOCK_SHAREX_HP_X. False: it is held shared still. */
bool call_lock_promote(struct call *call, os_a64_t *word);

/* The note of a lock that is held; it is among the newest. */
static inline struct call_lock *held_find(struct call *call, const os_a64_t *word)
{
	struct call_lock *lock = &call->held.lock[call->held.nr - 1];

	while (lock->word != word) {
		OS_INVARIANT(lock > call->held.lock);
		lock--;
	}
	return lock;
}

/* Forgets a lock that the caller has released by itself, together with a change of the word. */
static inline void call_lock_forget(struct call *call, const os_a64_t *word)
{
	struct call_lock *held = held_find(call, word);

	held->kind = LOCK_RELEASED;
	held->add = 0;
}

/* Releases a lock that is held as that kind, before the others. */
static inline void call_unlock(struct call *call, const os_a64_t *word, enum lock_kind kind)
{
	struct call_lock *held = held_find(call, word);

	/* Of a pair both may be held, each for itself. */
	while (held->kind != kind || held->word != word)
		held--;
	held_unlock(held);
	held->kind = LOCK_RELEASED;
	held->add = 0;
}

/*
 * Takes down what was read of the host's memory at a shared address: up to 4K within one page,
 * which are now at bytes.
 */
void call_has_read(const struct call *call, tdx_hpa_t at, const void *bytes, uint32_t nr);

/* A bit of the random number source; false: no entropy now. */
bool call_random(struct call *call);
/* Is an interrupt pending on this LP, where the leaf looks for one? */
bool call_interrupted(struct call *call);

/* PCONFIG on this LP: success, or the status that the leaf returns. */
PAMT_MUST_CHECK tdx_status_t call_pconfig(struct call *call);

/*
 * A module-fatal condition: notes it once and for all and tells the port. Returns the status with
 * which the call, and every later one, ends.
 */
enum fatal_rule {
	FATAL_REMOVE_COUNT, /* PAMT.REMOVE: pages all free, page count not zero */
	FATAL_COUNT_BELOW,  /* page count of a region below 0 */
	FATAL_COUNT_ABOVE,  /* above 512 */
	FATAL_IMPLICIT,	    /* page found through S-EPT or OWNER has no usable metadata */
	FATAL_PROMOTE,	    /* children of a page to be merged are not what the S-EPT says */
	FATAL_WRITE,	    /* the host had a leaf write into a page that is not its own */
	FATAL_ADDRESS,	    /* module memory names a page that the module cannot have */
	FATAL_CONTROL,	    /* a TDR, TDCS or TDVPR says what the module never wrote */
};
tdx_status_t call_fatal(struct call *call, enum fatal_rule rule, tdx_hpa_t at);

#endif
