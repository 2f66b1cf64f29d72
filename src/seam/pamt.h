/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * pamt.h - the page metadata: entry layouts, the walk, and the changes that leaves make.
 *
 * Every TDMR has an array of 16-byte entries for its 1G blocks and one for its 2M regions. Static
 * PAMT has a third for 4K pages. Dynamic PAMT has a bitmap instead, one bit for each 4K page, and
 * keeps the 512 entries of a region in a pair of pages that the host adds and removes.
 *
 * States of a 2M entry with Dynamic PAMT:
 *   NDA       no pair. The region may become a 2M guest page, or be given a pair.
 *   PT_PAMT   a node: a pair is there. The entry holds the two addresses and the number of the
 *             region's 4K pages that TDs use, 0..512.
 *   REG       one 2M guest page.
 * and of a 4K page: no pair for it; NDA, bit 0 (free); NDA, bit 1 (donated as half of a pair, or
 * inside a reserved area); one of the TD page types. Donated pages need no pair of their own.
 * 1G entries, and static 2M entries, are NDA or REG. Freeing changes the type alone; owner, epoch
 * and pair addresses stay as they were, and mean nothing under the type NDA.
 *
 * The walk, from the 1G entry down, locks each entry it passes shared and the one it ends at as
 * asked. It ends at the target level, or above at an entry that describes a page: the leaf. The
 * shared lock of a 1G entry that only leads on is not taken one by one, which would have all LPs
 * write to one word: whoever holds a 2M entry below has it, and who wants the 1G entry exclusively
 * locks it first and then looks at the 512 below.
 * Pages found through the S-EPT or through an owner are accessed implicitly: the leaf is locked
 * alone, since the way to it cannot change while the page is in use.
 *
 * What protects what:
 *   type, owner, pair     the entry's own lock, exclusive to change
 *   page count            atomic; changed while the page counted is locked exclusively, +1 under at
 *                         least a shared lock of the node as well
 *   BEPOCH                atomic; written for a page that the S-EPT entry's lock pins
 *   bitmap                atomic bit operations: they decide between two claims of one page, as
 *                         donated pages are locked shared only
 */
#ifndef SEAM_PAMT_H
#define SEAM_PAMT_H

#include "seam/call.h"
#include "seam/hpa.h"

struct pamt_entry {
	/*
	 * 15:0 lock, 20:16 type, 21 PAMT_ALL_FREE. A page: 63:24 owner (TDR address >> 12); a TDR
	 * has none, and counts its TD's other pages there (td.h). A node: 63:28 address of the
	 * pair's first page >> 12.
	 */
	os_a64_t head;
	/*
	 * A page: BEPOCH, the TD epoch when the page was blocked. A node: 9:0 page count, 63:28
	 * address of the pair's second page >> 12.
	 */
	os_a64_t tail;
};
_Static_assert(sizeof(struct pamt_entry) == TDX_PAMT_ENTRY_BYTES, "a PAMT entry is 16 bytes");

#define PAMT_TYPE_SHIFT 16
#define PAMT_TYPE_MASK	(UINT64_C(0x1f) << PAMT_TYPE_SHIFT)
/*
 * Static PAMT, a free 2M entry: the 512 entries below are known to be free, so that AUG need not
 * look. Set when a 2M page is given back, cleared when a 4K page is taken; without it AUG looks.
 */
#define PAMT_ALL_FREE	 (UINT64_C(1) << 21)
#define PAMT_OWNER_SHIFT 24
#define PAMT_PAIR_SHIFT	 28
#define PAMT_COUNT_MASK	 UINT64_C(0x3ff)

static inline enum tdx_page_type pamt_type(uint64_t head)
{
	return (enum tdx_page_type)((head & PAMT_TYPE_MASK) >> PAMT_TYPE_SHIFT);
}

/* Address of the owner's TDR; a TDR has none. */
static inline tdx_hpa_t pamt_owner(uint64_t head)
{
	if (pamt_type(head) == TDX_PT_TDR)
		return hpa(0);
	return pfn_to_hpa(pfn(head >> PAMT_OWNER_SHIFT));
}

/* Address of a page of a node's pair, from the entry's head (first) or tail (second). */
static inline tdx_hpa_t pamt_pair_page(uint64_t word)
{
	return pfn_to_hpa(pfn(word >> PAMT_PAIR_SHIFT));
}

static inline uint64_t pamt_head(enum tdx_page_type type, tdx_hpa_t owner)
{
	return (uint64_t)type << PAMT_TYPE_SHIFT | hpa_to_pfn(owner).v << PAMT_OWNER_SHIFT;
}

/* Of a TDR, and of pages that no TD has. */
#define PAMT_NO_OWNER hpa(0)

/* The head of an entry as TDMR.INIT leaves it: free. */
#define PAMT_HEAD_NDA UINT64_C(0)

/* The entry to which a walk came, locked; or which was accessed implicitly. */
struct pamt_page {
	tdx_hpa_t address;
	const struct tdmr *tdmr;
	struct pamt_entry *entry;
	struct pamt_entry *node;     /* 2M entry above a 4K one, with Dynamic PAMT; else NULL */
	struct pamt_entry *all_free; /* 2M entry above a 4K one that has PAMT_ALL_FREE; else NULL */
	uint64_t head;		     /* of the entry, as read under the lock */
	uint32_t level;		     /* enum tdx_size reached */
};

/* An operand that names a page, and how its entry is to be locked. */
struct pamt_operand {
	tdx_hpa_t address;
	enum tdx_operand name;
	bool exclusive;
};

/*
 * The TDMR that covers the address, with usable metadata; NULL: none. In a call the second, which
 * finds quickly what the LP came through last.
 */
const struct tdmr *pamt_tdmr(const struct seam *seam, tdx_hpa_t address);
const struct tdmr *pamt_find_tdmr(struct call *call, tdx_hpa_t address);

/*
 * Addresses that were found in module memory: a TDR's pages, an S-EPT page, a page of a pair, what
 * an S-EPT entry maps. is_owned: can the module have written there that a TD has this page, of
 * bytes, since a TDMR has it to be given? map_owned: the byte there; where that cannot be it is
 * module-fatal, and what is returned is nowhere.
 */
bool pamt_is_owned(struct call *call, tdx_hpa_t page, uint64_t bytes);
void *pamt_map_owned_slowly(struct call *call, tdx_hpa_t address, enum os_access access);

/* Inline as far as nearly every call comes: the region is known and has no reserved area. */
static inline void *pamt_map_owned(struct call *call, tdx_hpa_t address, enum os_access access)
{
	uint64_t number = hpa_to_region(address).v;
	const struct region_map *map = &call->maps->owned[number % OTHER_MAPS];

	if (map->number == number + 1 && !map->reserved)
		return module_map(call->seam, address, access);
	return pamt_map_owned_slowly(call, address, access);
}

static inline bool pamt_is_nowhere(const struct call *call, const void *at)
{
	return at == call->seam->nowhere;
}

/* The entry itself, whatever the entries above it say. level 4K only with static PAMT. */
struct pamt_entry *pamt_entry_at(struct call *call, const struct tdmr *tdmr, tdx_hpa_t address,
				 uint32_t level);
/*
 * The entry at that level that covers the address, to look at without a lock; NULL: there is none
 * (outside every TDMR, or a 4K entry of a region without a pair).
 */
struct pamt_entry *pamt_peek(const struct seam *seam, tdx_hpa_t address, uint32_t level);

/*
 * The walk to target (enum tdx_size). exclusive: the lock of the entry reached. False: a lock is
 * taken; nothing of this walk is held. The address must be covered by a TDMR.
 */
bool pamt_walk(struct call *call, tdx_hpa_t address, uint32_t target, bool exclusive,
	       struct pamt_page *page);

/*
 * A page that is in a TD's use for certain, found through the S-EPT or an owner, at that size;
 * not locked. A page that is not in use is module-fatal.
 */
PAMT_MUST_CHECK tdx_status_t pamt_find(struct call *call, tdx_hpa_t address, uint32_t size,
				       struct pamt_page *page);
/* The same, its entry locked as asked. OPERAND_BUSY with the operand: taken. */
PAMT_MUST_CHECK tdx_status_t pamt_implicit(struct call *call, struct pamt_operand operand,
					   uint32_t size, struct pamt_page *page);

/*
 * The entry at that level (2M, 1G) above pages that are in a TD's use for certain, which is to
 * become a page itself: locked exclusively, and alone. OPERAND_BUSY with the operand: taken.
 */
PAMT_MUST_CHECK tdx_status_t pamt_implicit_parent(struct call *call, tdx_hpa_t address,
						  uint32_t level, enum tdx_operand operand,
						  struct pamt_page *page);

/* Locks exclusively what pamt_find() found. */
PAMT_MUST_CHECK tdx_status_t pamt_lock_found(struct call *call, struct pamt_page *page,
					     enum tdx_operand operand);

/* Bits of the page bitmap (Dynamic PAMT); set returns the bit before. */
bool pamt_bit_test(struct call *call, const struct tdmr *tdmr, tdx_hpa_t address);
bool pamt_bit_set(struct call *call, const struct tdmr *tdmr, tdx_hpa_t address);
void pamt_bit_clear(struct call *call, const struct tdmr *tdmr, tdx_hpa_t address);

/*
 * Operands. Each returns success with the entry locked, or the status for the leaf to return,
 * with the operand in it.
 */
/*
 * A private page of that size (enum tdx_size), whatever it is and whoever has it: the walk ended
 * there or above.
 */
PAMT_MUST_CHECK tdx_status_t pamt_explicit_any(struct call *call, struct pamt_operand operand,
					       uint32_t size, struct pamt_page *page);
/* A private page of that type, reached at 4K. */
PAMT_MUST_CHECK tdx_status_t pamt_explicit(struct call *call, struct pamt_operand operand,
					   enum tdx_page_type type, struct pamt_page *page);
/* A free 4K page, locked exclusively, for the TD to use. */
PAMT_MUST_CHECK tdx_status_t pamt_free_4k(struct call *call, tdx_hpa_t address,
					  enum tdx_operand operand, struct pamt_page *page);
/* A free 2M page, none of its 4K pages used or donated, locked exclusively. */
PAMT_MUST_CHECK tdx_status_t pamt_free_2m(struct call *call, tdx_hpa_t address,
					  enum tdx_operand operand, struct pamt_page *page);

/* Changes. They cannot fail; a page count that leaves 0..512 is module-fatal. */
/*
 * A free page that is locked exclusively becomes the TD's, and its lock is released: contents
 * first, then this, then whatever makes the page reachable.
 */
void pamt_claim(struct call *call, struct pamt_page *page, enum tdx_page_type type,
		tdx_hpa_t owner);
/* The entry that is locked exclusively gets another type and owner; the lock stays. */
void pamt_set(struct pamt_entry *entry, enum tdx_page_type type, tdx_hpa_t owner);
/* The 2M entry that is locked exclusively becomes a node with this pair. */
void pamt_make_node(struct pamt_entry *entry, const tdx_hpa_t pair[2], uint32_t count);
/* The node that is locked exclusively has no pair any more. */
void pamt_free_node(struct pamt_entry *node);
/* The pair of a locked node. */
void pamt_node_pair(const struct pamt_entry *node, tdx_hpa_t pair[2]);
/*
 * A page that is locked exclusively becomes free, and its lock is released. Returns the removal
 * hint: it was the last one of its region.
 */
bool pamt_release(struct call *call, struct pamt_page *page);

#endif
