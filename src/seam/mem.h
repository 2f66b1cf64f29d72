/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * mem.h - what the MEM leaves have in common: RCX names a guest range, RDX a TD, and the S-EPT
 * entry of the one in the other is checked and locked.
 */
#ifndef SEAM_MEM_H
#define SEAM_MEM_H

#include "seam/sept.h"

enum mem_flag {
	MEM_NO_FLAG,   /* is part of the address */
	MEM_FLAG,      /* a flag */
	MEM_DEBUG_FLAG /* a flag that makes sense for a TD with L2 VMs that is debugged */
};

/* How a leaf takes its two operands; one constant for each leaf. */
struct mem_rule {
	bool tdr_exclusive;	      /* TD, and with it the whole S-EPT, locked; no lock below */
	bool tree_exclusive;	      /* S-EPT tree; else shared */
	enum mem_flag flag;	      /* bit 0 of RDX */
	uint8_t min_level, max_level; /* MEM_ROOT: up to the level of the root */
	uint32_t states;	      /* set of SEPT_BIT in which the entry may be */
};
#define MEM_ROOT 0xff

struct mem {
	struct td td;
	tdx_gpa_t gpa;
	uint32_t level;
	bool flag;
	struct sept_pos pos; /* the entry, locked; pos.level == level */
	enum sept_state state;
};

/*
 * All checks up to and including the entry's state, in the order of the ABI. On failure the
 * status for the leaf to return, RCX and RDX filled where they carry details.
 */
PAMT_MUST_CHECK tdx_status_t mem_decode(struct call *call, const struct mem_rule *rule,
					struct mem *mem);
/* The same without the last one, the state. */
PAMT_MUST_CHECK tdx_status_t mem_decode_entry(struct call *call, const struct mem_rule *rule,
					      struct mem *mem);

/* A failure about the entry: RCX is the operand, RCX and RDX show the entry. */
PAMT_MUST_CHECK tdx_status_t mem_entry_status(struct call *call, const struct mem *mem,
					      uint64_t code);

/* Size of the page that the entry points to: a guest page, or an S-EPT page. */
static inline uint32_t mem_size(const struct mem *mem)
{
	return sept_is_leaf(mem->pos.value) ? mem->level : (uint32_t)TDX_4K;
}

/* Pages of 4K that an entry at this level stands for. */
static inline uint64_t mem_pages(uint32_t level) { return UINT64_C(1) << 9 * level; }

/* The metadata of what an entry points to, not locked: guest page, or S-EPT page. */
PAMT_MUST_CHECK tdx_status_t mem_find_page(struct call *call, const struct mem *mem,
					   struct pamt_page *page);
/* The same of an entry that is out of every vCPU's reach. */
PAMT_MUST_CHECK tdx_status_t mem_find_tracked(struct call *call, const struct mem *mem,
					      struct pamt_page *page);
/* And of such an entry the page at that address and of that size, locked exclusively. */
PAMT_MUST_CHECK tdx_status_t mem_take_tracked(struct call *call, const struct mem *mem,
					      tdx_hpa_t at, uint32_t size, struct pamt_page *page);

/*
 * For leaves that name a guest address and no level: its 4K entry or the larger page above, which
 * must be mapped. On failure RCX and RDX show where the walk ended.
 */
PAMT_MUST_CHECK tdx_status_t mem_find_mapped(struct call *call, const struct td *td, tdx_gpa_t at,
					     struct sept_pos *pos);

/* A host with priority, or an interrupt, waits: the status with which a long leaf gives way. */
PAMT_MUST_CHECK tdx_status_t mem_check_interrupt(struct call *call, const struct mem *mem);

#endif
