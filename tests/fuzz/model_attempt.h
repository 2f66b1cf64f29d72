/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * model_attempt.h - one call on its way through the naive model: what it holds, the questions that
 * several leaves ask, the changes that several leaves make.
 *
 * A leaf's rule asks one thing after the other, in the order of the ABI, and returns the first
 * answer that is not 0; after the last question it makes the change. Results that it knows go to
 * `want`, which begins as a copy of the input.
 */
#ifndef TESTS_FUZZ_MODEL_ATTEMPT_H
#define TESTS_FUZZ_MODEL_ATTEMPT_H

#include "model_state.h"

/* No status of the module: the model has no rule for this call. */
#define UNKNOWN UINT64_MAX
/* Nor this: the call says that it succeeded, and what it should have written is not there. */
#define NOT_WRITTEN (UINT64_MAX - 1)

#define OP(code, operand) ((uint64_t)(code) | (uint64_t)TDX_OP_##operand)

/* What one call holds: pages that it has reached by a walk, or directly. */
struct holding {
	uint64_t page;
	bool exclusive;
	bool direct; /* found through a TD: nothing above the page itself is held */
};

struct attempt {
	struct model *m;
	uint32_t lp;
	const struct tdx_regs *in;
	const struct tdx_regs *out;
	struct tdx_regs want;
	uint16_t loose; /* registers whose value is not predicted, by place in struct tdx_regs */
	struct holding holding[8];
	unsigned int nr_holding;
	struct m_td *td;
	uint64_t gpa;
	unsigned int level;
	struct m_map *map; /* of gpa and level; NULL: free */
};

#define REG_BIT(reg) (1u << (offsetof(struct tdx_regs, reg) / sizeof(uint64_t)))

#define IN_INITIALIZED 2u
#define IN_RUNNABLE    4u
#define IN_BUILT       6u

/* Questions: 0, or the status that the leaf returns. op: enum tdx_operand. */
bool bad_private(const struct attempt *a, uint64_t hpa, uint64_t size);
bool bad_shared(const struct attempt *a, uint64_t hpa, uint64_t align);
/* A private 4K page of a type. */
uint64_t page_operand(struct attempt *a, uint64_t hpa, unsigned int op, int type, bool exclusive);
/* A free 4K page that the call takes. */
uint64_t free_page(struct attempt *a, uint64_t hpa, unsigned int op);
/* A free 2M region that it takes. */
uint64_t free_region(struct attempt *a, uint64_t hpa, unsigned int op);
/*
 * Two pages that are to become a pair; region: one that the call holds exclusively. A page in it
 * is fine for PAMT.ADD, and stands in its own way for DEMOTE.
 */
uint64_t donate(struct attempt *a, uint64_t page0, unsigned int op0, uint64_t page1,
		unsigned int op1, uint64_t region, bool own_region_is_fine);
uint64_t td_operand(struct attempt *a, uint64_t hpa, unsigned int op, bool exclusive);
/* Is the TD fit to be worked on? states: bits of OP_STATEs. */
uint64_t td_built(const struct attempt *a, unsigned int states);
/* The form of GPA and level in RCX, for levels low to high. */
uint64_t mapping_operand(struct attempt *a, unsigned int low, unsigned int high);
/* The beginning of every leaf that works on a mapping: fills td, gpa, level, map. */
uint64_t mapping(struct attempt *a, uint64_t tdr, bool exclusive, unsigned int states,
		 unsigned int low, unsigned int high);
/* A mapping may be taken apart only when nobody can be using it. */
uint64_t out_of_reach(const struct attempt *a);
static inline uint64_t wrong_state(void) { return OP(TDX_EPT_ENTRY_STATE_INCORRECT, RCX); }
/* The call has reached a page. */
void hold(struct attempt *a, uint64_t page, bool exclusive, bool direct);

/* Changes. */
void take_page(struct attempt *a, uint64_t hpa, int type, uint64_t owner);
/* Returns the address as leaves return it, with the hint. */
uint64_t give_page(struct attempt *a, uint64_t hpa);
void set_pair(struct model *m, uint64_t region_hpa, uint64_t page0, uint64_t page1);
void clear_pair(struct model *m, struct m_region *region);

/* Rules: the status; UNKNOWN if there is none. */
typedef uint64_t rule_fn(struct attempt *a);
/* model_phymem.c */
rule_fn pamt_add, pamt_remove, page_rdmd, page_wbinvd, page_reclaim;
/* model_life.c */
rule_fn mng_create, mng_key_config, mng_addcx, mng_vpflushdone, cache_wb, mng_key_freeid;
rule_fn vp_create, vp_addcx, mr_finalize, sys_shutdown;
/* model_td.c */
rule_fn mng_init;
/* model_field.c */
rule_fn sys_rd, sys_rdall, sys_info, mng_rd, mng_wr;
/* model_vcpu.c */
rule_fn vp_init, vp_flush, vp_rd, vp_wr, vp_enter;
/* VP.ENTER was busy or interrupted, which may have been behind the point of no return. */
void vp_enter_gave_way(struct attempt *a);
/* What a write-back of this package that begins now counts for; false: nothing. */
bool note_flushed(struct model *m, uint32_t package);
/* model_mem.c */
rule_fn sept_add, sept_rd, sept_remove, mr_extend, mem_rd, mem_wr, page_add, page_aug, page_remove,
	page_relocate;
rule_fn range_block, range_unblock, mem_track, page_demote, page_promote;

#endif
