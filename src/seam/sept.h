/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * sept.h - the secure EPT: entries, their states, the walk.
 *
 * An entry is 64 bits: 2:0 and 10 access (R, W, X supervisor, X user), 5:3 memory type, 6 and 7
 * IPAT and PS (both set in a leaf, clear otherwise), 51:12 the page, 63 SVE (set but in tables).
 * State is a code of seven bits scattered over the entry; a guest can use an entry only where the
 * access bits are set.
 *
 *   FREE              nothing there
 *   NL_MAPPED         an S-EPT page one level down
 *   NL_BLOCKED        the same, closed to walks
 *   MAPPED            a guest page
 *   BLOCKED           the same, closed to the guest
 *   PENDING           a guest page that the guest has not accepted yet
 *   PENDING_BLOCKED   the same, closed to ACCEPT
 *
 *   FREE -SEPT.ADD-> NL_MAPPED -BLOCK-> NL_BLOCKED -UNBLOCK-> NL_MAPPED, -SEPT.REMOVE-> FREE
 *   FREE -PAGE.ADD-> MAPPED, FREE -AUG-> PENDING -ACCEPT-> MAPPED
 *   MAPPED -BLOCK-> BLOCKED, PENDING -BLOCK-> PENDING_BLOCKED, both -UNBLOCK-> back,
 *   -PAGE.REMOVE-> FREE; DEMOTE and PROMOTE trade a leaf for a page of leaves
 *
 * Bit 11 is the entry's lock, bit 52 its host priority. A walk reads entries with an acquire, one
 * load each; an entry that is changed gets its new value and is unlocked in one step.
 */
#ifndef SEAM_SEPT_H
#define SEAM_SEPT_H

#include "seam/td.h"

#define SEPT_ENTRIES 512u

/* SEPT_LOCK and SEPT_HP: lock.h. */
#define SEPT_RWX	(UINT64_C(0x407))
#define SEPT_WRITE_BACK (UINT64_C(6) << 3)
#define SEPT_IPAT	(UINT64_C(1) << 6)
#define SEPT_PS		(UINT64_C(1) << 7)
#define SEPT_D		(UINT64_C(1) << 9)
#define SEPT_PAGE	UINT64_C(0x000ffffffffff000)
#define SEPT_TDEX	(UINT64_C(1) << 53)
#define SEPT_TDBW	(UINT64_C(1) << 54)
#define SEPT_TDB	(UINT64_C(1) << 55)
#define SEPT_TDP	(UINT64_C(1) << 56)
#define SEPT_SVE	(UINT64_C(1) << 63)
#define SEPT_LEAF	(SEPT_WRITE_BACK | SEPT_IPAT | SEPT_PS)
/*
 * A pending 2M page keeps the number of 4K pages already accepted where its address is zero, and
 * shows it to the host. BLOCK forgets it.
 */
#define SEPT_ACCEPTED_SHIFT 12
#define SEPT_ACCEPTED	    (UINT64_C(0x1ff) << SEPT_ACCEPTED_SHIFT)

enum sept_state {
	SEPT_FREE,
	SEPT_NL_MAPPED,
	SEPT_NL_BLOCKED,
	SEPT_MAPPED,
	SEPT_BLOCKED,
	SEPT_PENDING,
	SEPT_PENDING_BLOCKED,
	SEPT_NR_STATES,
	SEPT_NO_STATE = SEPT_NR_STATES, /* bits that this module never writes */
};
#define SEPT_BIT(state) (1u << SEPT_##state)

/* What a state is, beyond its name. */
struct sept_state_info {
	uint64_t bits;	     /* the entry without page */
	uint8_t public;	     /* enum tdx_sept_state */
	uint8_t after_block; /* enum sept_state that BLOCK leads to; itself: not allowed */
	uint8_t after_unblock;
	bool blocked;
};
extern const struct sept_state_info sept_states[SEPT_NR_STATES];

/* States in which each leaf takes an entry. */
#define SEPT_ALLOW_ANY	    UINT32_MAX
#define SEPT_ALLOW_ADD	    SEPT_BIT(FREE)
#define SEPT_ALLOW_SEPT_ADD (SEPT_BIT(FREE) | SEPT_BIT(NL_MAPPED))
#define SEPT_ALLOW_BLOCK    (SEPT_BIT(NL_MAPPED) | SEPT_BIT(MAPPED) | SEPT_BIT(PENDING))
#define SEPT_ALLOW_UNBLOCK  (SEPT_BIT(NL_BLOCKED) | SEPT_BIT(BLOCKED) | SEPT_BIT(PENDING_BLOCKED))
#define SEPT_ALLOW_LEAF \
	(SEPT_BIT(MAPPED) | SEPT_BIT(BLOCKED) | SEPT_BIT(PENDING) | SEPT_BIT(PENDING_BLOCKED))
#define SEPT_ALLOW_NON_LEAF (SEPT_BIT(NL_MAPPED) | SEPT_BIT(NL_BLOCKED))

/*
 * By the state bits but D, pushed together: 5:2 TDEX, TDBW, TDB, TDP, 1:0 IPAT, PS. The value is
 * the state + 1, 0: none.
 */
extern const uint8_t sept_state_by_code[64];

static inline enum sept_state sept_state(uint64_t entry)
{
	uint32_t code = (entry >> 53 & 15) << 2 | (entry >> 6 & 3);

	if (entry & SEPT_D || !sept_state_by_code[code])
		return SEPT_NO_STATE;
	return (enum sept_state)(sept_state_by_code[code] - 1);
}

static inline bool sept_is_leaf(uint64_t entry) { return entry & SEPT_PS; }
static inline tdx_hpa_t sept_page(uint64_t entry) { return hpa(entry & SEPT_PAGE); }

/* The page of a leaf at a level above 4K, without the progress of an ACCEPT. */
static inline tdx_hpa_t sept_large_page(uint64_t entry, uint32_t level)
{
	return hpa(sept_page(entry).v & ~((UINT64_C(1) << TDX_LEVEL_SHIFT(level)) - 1));
}

/* The bits that say how far an ACCEPT has come. */
static inline uint64_t sept_progress(uint64_t entry, uint32_t level)
{
	return sept_is_leaf(entry) && level ? entry & SEPT_ACCEPTED : 0;
}

/* An entry's value in a state, for a page. */
static inline uint64_t sept_entry(enum sept_state state, tdx_hpa_t page)
{
	return sept_states[state].bits | page.v;
}

/* One that points to nothing. */
#define SEPT_FREE_ENTRY (sept_states[SEPT_FREE].bits)

/* The entry to which a walk came. */
struct sept_pos {
	os_a64_t *entry;
	uint64_t value;
	uint32_t level;
};

/* Where an address is that came to this leaf. */
static inline tdx_hpa_t sept_translate(const struct sept_pos *pos, tdx_gpa_t at)
{
	uint64_t offset = at.v & ((UINT64_C(1) << TDX_LEVEL_SHIFT(pos->level)) - 1);

	return hpa(sept_large_page(pos->value, pos->level).v | offset);
}

/*
 * From the root towards level: ends there, or at a leaf, or where the access bits are clear.
 */
void sept_walk(struct call *call, const struct td *td, tdx_gpa_t gpa, uint32_t level,
	       struct sept_pos *pos);
/*
 * The same by a holder of the tree's lock, or of the whole TD: a table to which this LP came before
 * is not looked for again, as long as none was closed or taken away since.
 */
void sept_walk_locked(struct call *call, const struct td *td, tdx_gpa_t gpa, uint32_t level,
		      struct sept_pos *pos);
/* A table is closed or taken away, by a holder of the tree, exclusive; or the tree is a new one. */
void sept_new_tables(struct call *call, struct tdcs *tdcs);
/* Every entry of a page FREE. Nobody else can see the page. */
void sept_clear_page(void *entries);

/* The entry as the host may see it: RCX and RDX of leaves that return details. */
void sept_details(struct call *call, const struct sept_pos *pos);

/* A locked entry gets a new value and is unlocked; HP, which others may set any time, stays. */
void sept_set(os_a64_t *entry, uint64_t value);
/* The same for an entry that this call has locked and noted. */
void sept_commit(struct call *call, struct sept_pos *pos, uint64_t value);
/*
 * And with the tree locked exclusively: no host can leave HP, and a guest that meets the lock
 * changes nothing. A plain store, which is no barrier.
 */
void sept_commit_alone(struct call *call, struct sept_pos *pos, uint64_t value);

#endif
