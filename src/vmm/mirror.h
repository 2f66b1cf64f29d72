/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * mirror.h - the host's own picture of a TD's secure EPT, which it cannot read.
 *
 * One node per S-EPT page, in the same tree: 512 entries of one level, level 0 entries map 4K,
 * level 1 entries 2M. Each entry is one 64-bit atomic word: a state, and what belongs to it.
 *
 *   NONE           nothing there; a private access faults and is mapped
 *   SHARED         nothing there, and the guest wants this range shared; a private access is not
 *                  mapped before it is converted back
 *   FROZEN         a fault is issuing the SEAMCALL for this entry; everybody else steps back
 *   LINK           an S-EPT page hangs here: the node below
 *   LINK_BLOCKED   the same, blocked: on its way to be removed or merged
 *   LEAF           a page of the guest's, its HPA
 *   LEAF_BLOCKED   the same, blocked: on its way to be removed or split
 *
 * PENDING, beside LEAF: the page was added with AUG, so the guest must accept it first. Whether it
 * has, the host is not told.
 *
 * Who may change what. Faults hold the MMU lock for reading: many at once. They may take an entry
 * from NONE to FROZEN with a compare-and-swap, and from there to LINK, LEAF or back to NONE: an
 * entry is changed by the fault that froze it and by nobody else. A conversion that needs an S-EPT
 * page below a SHARED entry does the same with that. All other changes need the MMU
 * lock for writing, or, at the end of the TD, that there is no vCPU any more. The table of legal
 * steps is mirror_step_is_legal(); it is checked at every change where invariants are on.
 *
 * A node is unlinked under the MMU lock held for writing, so that no reader can be in it.
 */
#ifndef PAMT_VMM_MIRROR_H
#define PAMT_VMM_MIRROR_H

#include <pamt/os.h>

#define MIRROR_ENTRIES	  512u
#define MIRROR_MAX_LEVELS 5u /* a 5-level S-EPT: entries of level 4 in the root */

enum mirror_state {
	MIRROR_NONE,
	MIRROR_SHARED,
	MIRROR_FROZEN,
	MIRROR_LINK,
	MIRROR_LINK_BLOCKED,
	MIRROR_LEAF,
	MIRROR_LEAF_BLOCKED,
	MIRROR_STATES, /* how many */
};

/* A snapshot of an entry: state in bits 2:0, PENDING in bit 3, above them HPA or node. */
struct mirror_entry {
	uint64_t v;
};

#define MIRROR_STATE_MASK UINT64_C(7)
#define MIRROR_PENDING	  UINT64_C(8)

struct mirror_node {
	tdx_hpa_t page;	    /* the S-EPT page; HPA_NONE for the root, which is part of the TDCS */
	tdx_gpa_t base;	    /* of the first entry */
	unsigned int level; /* of the entries, 0 = 4K */
	struct mirror_node *next; /* in a stock of spare nodes */
	os_a64_t entry[MIRROR_ENTRIES];
};

struct mirror {
	struct mirror_node *root;
	unsigned int levels; /* 4 or 5 */
};

/* A place in the mirror, as a walk found it. */
struct mirror_slot {
	struct mirror_node *node;
	unsigned int index;
	struct mirror_entry seen; /* the entry as it was when the walk read it */
};

static inline enum mirror_state mirror_state(struct mirror_entry e)
{
	return (enum mirror_state)(e.v & MIRROR_STATE_MASK);
}

static inline bool mirror_is_link(struct mirror_entry e)
{
	return mirror_state(e) == MIRROR_LINK || mirror_state(e) == MIRROR_LINK_BLOCKED;
}

static inline bool mirror_is_leaf(struct mirror_entry e)
{
	return mirror_state(e) == MIRROR_LEAF || mirror_state(e) == MIRROR_LEAF_BLOCKED;
}

static inline bool mirror_is_blocked(struct mirror_entry e)
{
	return mirror_state(e) == MIRROR_LINK_BLOCKED || mirror_state(e) == MIRROR_LEAF_BLOCKED;
}

/* The page of a LEAF or LEAF_BLOCKED. */
static inline tdx_hpa_t mirror_page(struct mirror_entry e) { return TDX_PAGE_HPA(e.v); }

/* The node below a LINK or LINK_BLOCKED. */
static inline struct mirror_node *mirror_child(struct mirror_entry e)
{
	return (struct mirror_node *)(uintptr_t)(e.v & ~(MIRROR_STATE_MASK | MIRROR_PENDING));
}

static inline struct mirror_entry mirror_make(enum mirror_state state)
{
	return (struct mirror_entry){ state };
}

static inline struct mirror_entry mirror_make_leaf(tdx_hpa_t page, bool pending)
{
	return (struct mirror_entry){ page.v | (pending ? MIRROR_PENDING : 0) | MIRROR_LEAF };
}

static inline struct mirror_entry mirror_make_link(struct mirror_node *node)
{
	return (struct mirror_entry){ (uint64_t)(uintptr_t)node | MIRROR_LINK };
}

/* The same entry, blocked or not. */
struct mirror_entry mirror_blocked(struct mirror_entry e);
struct mirror_entry mirror_unblocked(struct mirror_entry e);

/* Bytes of GPA under one entry of level. */
static inline uint64_t mirror_bytes(unsigned int level)
{
	return UINT64_C(1) << TDX_LEVEL_SHIFT(level);
}

static inline unsigned int mirror_index(tdx_gpa_t at, unsigned int level)
{
	return (unsigned int)(at.v >> TDX_LEVEL_SHIFT(level)) & (MIRROR_ENTRIES - 1);
}

/* The GPA of a slot. */
static inline tdx_gpa_t mirror_gpa(const struct mirror_slot *slot)
{
	return gpa(slot->node->base.v + slot->index * mirror_bytes(slot->node->level));
}

static inline os_a64_t *mirror_word(const struct mirror_slot *slot)
{
	return &slot->node->entry[slot->index];
}

/* What the mirror allows between two states; the same state twice is no step. */
bool mirror_step_is_legal(enum mirror_state from, enum mirror_state to);

/* The root node and nothing below. -OS_ENOMEM. May sleep. */
PAMT_MUST_CHECK int mirror_create(struct mirror *mirror, const struct os_services *os,
				  unsigned int levels);
/* Frees the root; everything below has been unlinked. May sleep. */
void mirror_destroy(struct mirror *mirror, const struct os_services *os);

/*
 * mirror_walk - from the root towards the entry of level at this GPA, through LINKs. Stops where
 * there is no LINK, so slot->node->level is level or above. The caller holds the MMU lock.
 */
void mirror_walk(const struct mirror *mirror, tdx_gpa_t at, unsigned int level,
		 struct mirror_slot *slot);
/* Steps one level down from a slot whose seen entry is a LINK. */
void mirror_descend(tdx_gpa_t at, struct mirror_slot *slot);

/*
 * The entry seen, NONE or SHARED, to FROZEN. False: somebody else was faster, and seen is what
 * stands there now.
 */
bool mirror_freeze(struct mirror_slot *slot);
/* FROZEN to LINK, LEAF or back to what it was, by whoever froze it: publishes. */
void mirror_thaw(struct mirror_slot *slot, struct mirror_entry to);
/* Any other change, with the MMU lock held for writing or no vCPU left. */
void mirror_set(struct mirror_slot *slot, struct mirror_entry to);

/* Makes node (zeroed) the node of an S-EPT page below slot, every entry in state fill. */
void mirror_prepare_child(struct mirror_node *node, const struct mirror_slot *parent,
			  tdx_hpa_t page, enum mirror_state fill);

#endif
