// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * order_rows.c - the rows of order.h: how each thing that can be wrong comes about, and the leaves
 * with what is checked on the way.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include "machine/memory.h"
#include "order.h"
#include "seam/module.h"
#include "seam/td.h"

static uint64_t *reg(struct order *o, unsigned int operand)
{
	switch (operand) {
	case TDX_OP_RCX:
		return &o->in.rcx;
	case TDX_OP_RDX:
		return &o->in.rdx;
	case TDX_OP_R8:
		return &o->in.r8;
	case TDX_OP_R9:
		return &o->in.r9;
	case TDX_OP_R12:
		return &o->in.r12;
	default:
		assert_int_equal(operand, TDX_OP_R13);
		return &o->in.r13;
	}
}

/* ------------------------------------------------------------------------------------------- */
/* What can be wrong.                                                                           */

static void malformed(struct order *o, unsigned int r) { *reg(o, r) |= 0x800; }
static void outside(struct order *o, unsigned int r) { *reg(o, r) = RIG_PAMT | (*reg(o, r) & 7); }
/* A page that a TD uses, and which is no TDR. */
static void taken(struct order *o, unsigned int r) { *reg(o, r) = o->td.page[2]; }
static void unpaired(struct order *o, unsigned int r) { *reg(o, r) = rig_region(&o->rig); }
static void zero(struct order *o, unsigned int r) { *reg(o, r) = 0; }

static void hold(struct order *o, uint64_t pa, unsigned int level, bool exclusive)
{
	assert_int_equal(seam_debug_hold(o->rig.seam, hpa(pa & ~(TDX_PAGE_SIZE - 1)), level,
					 exclusive, ++o->id),
			 0);
}

static void held(struct order *o, unsigned int r) { hold(o, *reg(o, r), TDX_4K, true); }
static void leaf_held(struct order *o, unsigned int r) { hold(o, *reg(o, r), TDX_4K, false); }

static void lock(struct order *o, enum seam_debug_lock what)
{
	assert_int_equal(seam_debug_lock(o->rig.seam,
					 (struct seam_debug_name){ what, o->td.tdr, o->in.rcx },
					 true, ++o->id),
			 0);
}

static void op_state_locked(struct order *o, unsigned int r)
{
	(void)r;
	lock(o, SEAM_DEBUG_OPSTATE);
}

static void tree_locked(struct order *o, unsigned int r)
{
	(void)r;
	lock(o, SEAM_DEBUG_SEPT);
}

static void entry_locked(struct order *o, unsigned int r)
{
	(void)r;
	lock(o, SEAM_DEBUG_SEPTE);
}

static void epoch_locked(struct order *o, unsigned int r)
{
	(void)r;
	lock(o, SEAM_DEBUG_EPOCH);
}

static struct tdr *tdr_of(struct order *o)
{
	return memory_map(o->rig.memory, hpa(o->td.tdr), OS_WRITE);
}

static void fatal(struct order *o, unsigned int r)
{
	(void)r;
	tdr_of(o)->fatal = 1;
}

static void without_keys(struct order *o, unsigned int r)
{
	(void)r;
	tdr_of(o)->lifecycle = TDX_HKID_ASSIGNED;
}

static void without_tdcs(struct order *o, unsigned int r)
{
	(void)r;
	tdr_of(o)->nr_tdcx = TDX_MIN_TDCX - 1;
}

static void in_op_state(struct order *o, unsigned int state)
{
	assert_int_equal(seam_debug_force_td(o->rig.seam, hpa(o->td.tdr), (enum tdx_op_state)state,
					     3, false),
			 0);
}

static void in_vcpu_state(struct order *o, unsigned int state)
{
	assert_int_equal(seam_debug_vcpu_state(o->rig.seam, hpa(o->td.tdvpr[0]), state), 0);
}

/* GPAs: beyond the width, in a range without tables, one whose 4K table is there and full of 2M. */
static void wide(struct order *o, unsigned int r) { *reg(o, r) |= UINT64_C(1) << 47; }
static void unlinked(struct order *o, unsigned int r)
{
	*reg(o, r) = 3 * TDX_1G_SIZE | (*reg(o, r) & 7);
}

#define GPA_LEAF  (8 * TDX_2M_SIZE) /* a 2M page, pending */
#define GPA_TABLE (9 * TDX_2M_SIZE) /* a table of 4K entries */
#define GPA_FREE  (10 * TDX_2M_SIZE)

static void at_leaf(struct order *o, unsigned int level) { o->in.rcx = GPA_LEAF | level; }
static void at_small(struct order *o, unsigned int level)
{
	(void)level;
	o->in.rcx = GPA_TABLE;
}
static void at_free(struct order *o, unsigned int level) { o->in.rcx = GPA_FREE | level; }

static void change(struct order *o, uint64_t leaf)
{
	RIG_OK(&o->rig, 0, .rax = leaf, .rcx = o->in.rcx, .rdx = o->td.tdr);
}

static void block(struct order *o, unsigned int r)
{
	(void)r;
	change(o, TDH_MEM_RANGE_BLOCK);
}

static void unblock(struct order *o, unsigned int r)
{
	(void)r;
	RIG_OK(&o->rig, 0, .rax = TDH_MEM_TRACK, .rcx = o->td.tdr);
	change(o, TDH_MEM_RANGE_UNBLOCK);
}

/* Blocked once more, and no TRACK since. */
static void untracked(struct order *o, unsigned int r)
{
	unblock(o, r);
	block(o, r);
}

static void interrupted(struct order *o, unsigned int r)
{
	(void)r;
	seam_debug_inject(o->rig.seam, SEAM_INJECT_INTERRUPT);
}

static void same_page(struct order *o, unsigned int r)
{
	struct tdx_regs regs = { .rax = TDH_MEM_SEPT_RD, .rcx = o->in.rcx, .rdx = o->td.tdr };

	rig_ok(&o->rig, 0, &regs);
	*reg(o, r) = regs.rcx & (((UINT64_C(1) << TDX_PA_BITS) - 1) & ~(TDX_PAGE_SIZE - 1));
}

/* Metadata of the page that the entry in RCX maps. */
static void page_held(struct order *o, unsigned int level)
{
	same_page(o, TDX_OP_R9);
	hold(o, o->in.r9, level, false);
	o->in.r9 = 0;
}

static void old_epoch_inside(struct order *o, unsigned int r)
{
	(void)r;
	assert_int_equal(seam_debug_enter(o->rig.seam, hpa(o->td.tdr), ++o->id), 0);
	RIG_OK(&o->rig, 0, .rax = TDH_MEM_TRACK, .rcx = o->td.tdr);
}

static void sys_locked(struct order *o, unsigned int r)
{
	(void)r;
	assert_int_equal(seam_debug_lock(o->rig.seam,
					 (struct seam_debug_name){ SEAM_DEBUG_SYS, 0, 0 }, false,
					 ++o->id),
			 0);
}

static void lp_uninitialised(struct order *o, unsigned int r)
{
	(void)r;
	assert_int_equal(seam_debug_lp_init(o->rig.seam, 0, false), 0);
}

static void bit(struct order *o, unsigned int b) { o->in.rdx |= UINT64_C(1) << b; }
static void chldcnt(struct order *o, unsigned int r) { *reg(o, r) = UINT64_C(0x8010000300000004); }
static void rtmr(struct order *o, unsigned int r) { *reg(o, r) = UINT64_C(0x1310000300000040); }

/* ------------------------------------------------------------------------------------------- */
/* Building blocks. The tables are read as the document is: several things a line.             */
/* clang-format off */

#define INVALID(r) (TDX_OPERAND_INVALID | TDX_OP_##r)
#define BUSY(r)	   (TDX_OPERAND_BUSY | TDX_OP_##r)
#define RANGE(r)   (TDX_OPERAND_ADDR_RANGE_ERROR | TDX_OP_##r)
#define TYPE(r)	   (TDX_PAGE_METADATA_INCORRECT | TDX_OP_##r)

#define ADDRESS(block, r)                                          \
	{ block, "address", malformed, TDX_OP_##r, INVALID(r) },   \
	{ block, "address", outside, TDX_OP_##r, RANGE(r) }
#define TD(r)                                                                          \
	ADDRESS("TD(" #r ")", r),                                                      \
	{ "TD(" #r ")", "OPERAND_BUSY(*r*)", held, TDX_OP_##r, BUSY(r) },              \
	{ "TD(" #r ")", "PAGE_METADATA_INCORRECT(*r*)", taken, TDX_OP_##r, TYPE(r) }
#define FREE_PAGE(r)                                                                         \
	ADDRESS("free page(" #r ")", r),                                                     \
	{ "free page(" #r ")", "OPERAND_BUSY(*r*)", held, TDX_OP_##r, BUSY(r) },             \
	{ "free page(" #r ")", "MISSING_PAMT_PAGE_PAIR(*r*)", unpaired, TDX_OP_##r,          \
	  TDX_MISSING_PAMT_PAGE_PAIR | TDX_OP_##r },                                         \
	{ "free page(" #r ")", "PAGE_METADATA_INCORRECT(*r*)", taken, TDX_OP_##r, TYPE(r) }
#define BUILT_BUT_LOCK                                                      \
	{ "built", "TD_FATAL", fatal, 0, TDX_TD_FATAL },                    \
	{ "built", "TD_KEYS_NOT_CONFIGURED", without_keys, 0, TDX_TD_KEYS_NOT_CONFIGURED }, \
	{ "built", "TDCS_NOT_ALLOCATED", without_tdcs, 0, TDX_TDCS_NOT_ALLOCATED }
#define IN_STATE(s)                                                     \
	{ "built", "OP_STATE_INCORRECT", in_op_state, TDX_OP_##s,       \
	  TDX_OP_STATE_INCORRECT | TDX_OP_##s }
#define BUILT                                                                        \
	BUILT_BUT_LOCK,                                                              \
	{ "built", "OPERAND_BUSY(OP_STATE)", op_state_locked, 0, BUSY(OP_STATE) },   \
	IN_STATE(UNINITIALIZED)
#define MAPPING { "mapping", "OPERAND_INVALID(RCX)", malformed, TDX_OP_RCX, INVALID(RCX) }
#define WIDTH { "walk", "OPERAND_INVALID(RCX)", wide, TDX_OP_RCX, INVALID(RCX) }
#define LEVEL                                                      \
	{ "walk", "EPT_WALK_FAILED(RCX)", unlinked, TDX_OP_RCX,    \
	  TDX_EPT_WALK_FAILED | TDX_OP_RCX }
#define STATE(at, level)                                                  \
	{ "walk", "EPT_ENTRY_STATE_INCORRECT(RCX)", at, level,            \
	  TDX_EPT_ENTRY_STATE_INCORRECT | TDX_OP_RCX }
#define WALK_ANY                                                                        \
	WIDTH, { "walk", "OPERAND_BUSY(SEPT_TREE)", tree_locked, 0, BUSY(SEPT_TREE) },  \
	LEVEL, { "walk", "OPERAND_BUSY(RCX)", entry_locked, 0, BUSY(RCX) }
#define WALK(at, level) WALK_ANY, STATE(at, level)
#define TRACKED                                                                              \
	{ "tracked", "GPA_RANGE_NOT_BLOCKED(RCX)", unblock, 0,                               \
	  TDX_GPA_RANGE_NOT_BLOCKED | TDX_OP_RCX },                                          \
	{ "tracked", "TLB_TRACKING_NOT_DONE(RCX)", untracked, 0,                             \
	  TDX_TLB_TRACKING_NOT_DONE | TDX_OP_RCX }
#define FLAGS { NULL, "flag bits of RDX", malformed, TDX_OP_RDX, INVALID(RDX) }
#define ENTRY(phrase, level) { NULL, phrase, page_held, level, BUSY(RCX) }

/* ------------------------------------------------------------------------------------------- */
/* Leaves.                                                                                      */

/* A TD with a table of 4K entries, with and without a page, and a 2M page. */
static void begin(struct order *o, bool finalized, uint64_t attributes)
{
	o->id = 0;
	rig_init(&o->rig, true, 4);
	o->rig.attributes = attributes;
	rig_start(&o->rig);
	rig_td_create(&o->rig, &o->td, 1);
	for (uint32_t level = 3; level > 1; level--)
		rig_sept_add(&o->rig, &o->td, 0, level);
	rig_sept_add(&o->rig, &o->td, GPA_TABLE, TDX_2M);
	o->large = rig_region(&o->rig);
	RIG_OK(&o->rig, 0, .rax = TDH_MEM_PAGE_AUG, .rcx = GPA_LEAF | TDX_2M, .rdx = o->td.tdr,
	       .r8 = o->large);
	RIG_OK(&o->rig, 0, .rax = TDH_MEM_PAGE_AUG, .rcx = GPA_TABLE, .rdx = o->td.tdr,
	       .r8 = rig_page(&o->rig));
	if (finalized)
		rig_td_finalize(&o->rig, &o->td);
}

static void call_of(struct order *o, uint64_t leaf, uint64_t rcx)
{
	o->in = (struct tdx_regs){ .rax = leaf, .rcx = rcx, .rdx = o->td.tdr };
}

static void ready(struct order *o, uint64_t leaf, uint64_t rcx)
{
	begin(o, true, TDX_ATTR_SEPT_VE_DISABLE);
	call_of(o, leaf, rcx);
}

/* What RCX names, blocked and tracked. */
static void closed(struct order *o)
{
	block(o, 0);
	RIG_OK(&o->rig, 0, .rax = TDH_MEM_TRACK, .rcx = o->td.tdr);
}

static void sept_add(struct order *o)
{
	ready(o, TDH_MEM_SEPT_ADD, GPA_FREE | TDX_2M);
	o->in.r8 = rig_page(&o->rig);
}
static const struct step sept_add_steps[] = {
	FLAGS, TD(RDX), BUILT, MAPPING, WALK(at_leaf, TDX_2M), FREE_PAGE(R8), {}
};

static void page_add(struct order *o)
{
	begin(o, false, TDX_ATTR_SEPT_VE_DISABLE);
	call_of(o, TDH_MEM_PAGE_ADD, GPA_TABLE + TDX_PAGE_SIZE);
	o->in.r8 = rig_page(&o->rig);
	o->in.r9 = 0x300000;
}
static const struct step page_add_steps[] = {
	TD(RDX), BUILT_BUT_LOCK, IN_STATE(RUNNABLE), MAPPING, WIDTH, LEVEL, STATE(at_small, 0),
	{ NULL, "source page R9", malformed, TDX_OP_R9, INVALID(R9) }, FREE_PAGE(R8), {}
};

static void aug_4k(struct order *o)
{
	ready(o, TDH_MEM_PAGE_AUG, GPA_TABLE + TDX_PAGE_SIZE);
	o->in.r8 = rig_page(&o->rig);
}
static const struct step aug_4k_steps[] = {
	TD(RDX), BUILT, MAPPING, WALK(at_small, 0), FREE_PAGE(R8), {}
};

static void aug_2m(struct order *o)
{
	ready(o, TDH_MEM_PAGE_AUG, GPA_FREE | TDX_2M);
	o->in.r8 = rig_region(&o->rig);
}
static void paired(struct order *o, unsigned int r)
{
	rig_add(&o->rig, *reg(o, r));
}
static const struct step aug_2m_steps[] = {
	TD(RDX), BUILT, MAPPING, WALK(at_leaf, TDX_2M), ADDRESS("address(R8)", R8),
	{ NULL, "OPERAND_BUSY(R8)", leaf_held, TDX_OP_R8, BUSY(R8) },
	{ NULL, "PAGE_METADATA_INCORRECT(R8)", paired, TDX_OP_R8, TYPE(R8) }, {}
};

static void range_block(struct order *o)
{
	ready(o, TDH_MEM_RANGE_BLOCK, GPA_LEAF | TDX_2M);
}
static const struct step block_steps[] = {
	TD(RDX), BUILT, MAPPING, WALK(at_free, TDX_2M),
	{ NULL, "GPA_RANGE_ALREADY_BLOCKED(RCX)", block, 0,
	  TDX_GPA_RANGE_ALREADY_BLOCKED | TDX_OP_RCX }, {}
};

static void mem_rd(struct order *o)
{
	begin(o, false, TDX_ATTR_DEBUG);
	RIG_OK(&o->rig, 0, .rax = TDH_MEM_PAGE_ADD, .rcx = GPA_TABLE + TDX_PAGE_SIZE,
	       .rdx = o->td.tdr, .r8 = rig_page(&o->rig), .r9 = 0x300000);
	rig_td_finalize(&o->rig, &o->td);
	call_of(o, TDH_MEM_RD, GPA_TABLE + TDX_PAGE_SIZE);
}
static void not_debug(struct order *o, unsigned int r)
{
	struct tdcs *tdcs =
		memory_map(o->rig.memory, tdr_of(o)->tdcx[TDCS_PAGE], OS_WRITE);

	(void)r;
	tdcs->attributes &= ~TDX_ATTR_DEBUG;
}
static void odd(struct order *o, unsigned int r) { *reg(o, r) |= 4; }
static const struct step mem_rd_steps[] = {
	TD(RDX), BUILT, { NULL, "TD_NON_DEBUG", not_debug, 0, TDX_TD_NON_DEBUG },
	{ NULL, "OPERAND_INVALID(RCX)", odd, TDX_OP_RCX, INVALID(RCX) },
	{ NULL, "OPERAND_BUSY(SEPT_TREE)", tree_locked, 0, BUSY(SEPT_TREE) },
	{ NULL, "OPERAND_INVALID(RCX)", wide, TDX_OP_RCX, INVALID(RCX) },
	{ NULL, "EPT_ENTRY_NOT_PRESENT(RCX)", at_free, 0,
	  TDX_EPT_ENTRY_NOT_PRESENT | TDX_OP_RCX },
	{ NULL, "OPERAND_BUSY(RCX)", entry_locked, 0, BUSY(RCX) }, {}
};

static void mem_track(struct order *o)
{
	ready(o, TDH_MEM_TRACK, o->td.tdr);
}
static const struct step track_steps[] = {
	TD(RCX), BUILT, { NULL, "OPERAND_BUSY(TD_EPOCH)", epoch_locked, 0, BUSY(TD_EPOCH) },
	{ NULL, "PREVIOUS_TLB_EPOCH_BUSY", old_epoch_inside, 0, TDX_PREVIOUS_TLB_EPOCH_BUSY }, {}
};

static void page_remove(struct order *o)
{
	ready(o, TDH_MEM_PAGE_REMOVE, GPA_TABLE);
	closed(o);
}
static const struct step page_remove_steps[] = {
	TD(RDX), BUILT, MAPPING, WALK(at_free, TDX_2M),
	ENTRY("the page's entry exclusive, OPERAND_BUSY(RCX)", TDX_4K), TRACKED, {}
};

static void sept_remove(struct order *o)
{
	ready(o, TDH_MEM_SEPT_REMOVE, GPA_FREE | TDX_2M);
	rig_sept_add(&o->rig, &o->td, GPA_FREE, TDX_2M);
	closed(o);
}
/* Another table, closed and not empty. */
static void at_full(struct order *o, unsigned int level)
{
	o->in.rcx = GPA_TABLE | level;
	closed(o);
}
static void table_held(struct order *o, unsigned int r)
{
	(void)r;
	for (uint32_t i = 0; i < o->td.nr_pages; i++) {
		struct seam_debug_entry entry;

		seam_debug_pamt(o->rig.seam, hpa(o->td.page[i]), TDX_4K, &entry);
		if (entry.type == TDX_PT_EPT)
			hold(o, o->td.page[i], TDX_4K, false);
	}
}
static const struct step sept_remove_steps[] = {
	TD(RDX), BUILT, MAPPING, WALK(at_leaf, TDX_2M),
	{ NULL, "the S-EPT page's entry exclusive", table_held, 0, BUSY(RCX) }, TRACKED,
	{ NULL, "EPT_PAGE_NOT_FREE(RCX)", at_full, TDX_2M, TDX_EPT_PAGE_NOT_FREE | TDX_OP_RCX }, {}
};

static void page_relocate(struct order *o)
{
	ready(o, TDH_MEM_PAGE_RELOCATE, GPA_TABLE);
	closed(o);
	o->in.r8 = rig_page(&o->rig);
}
static void at_empty(struct order *o, unsigned int r)
{
	(void)r;
	o->in.rcx = GPA_TABLE + TDX_PAGE_SIZE;
}
static const struct step relocate_steps[] = {
	TD(RDX), BUILT, MAPPING, WALK(at_empty, 0),
	{ NULL, "OPERAND_INVALID(R8)", same_page, TDX_OP_R8, INVALID(R8) },
	ENTRY("old page's entry exclusive, OPERAND_BUSY(RCX)", TDX_4K), TRACKED, FREE_PAGE(R8), {}
};

static void page_demote(struct order *o)
{
	ready(o, TDH_MEM_PAGE_DEMOTE, GPA_LEAF | TDX_2M);
	closed(o);
	o->in.r8 = rig_page(&o->rig);
	o->in.r9 = o->in.r10 = o->in.r11 = TDX_NULL_PA;
	o->in.r12 = rig_page(&o->rig);
	o->in.r13 = rig_page(&o->rig);
}
static const struct step demote_steps[] = {
	FLAGS, TD(RDX), BUILT, MAPPING, WALK(at_free, TDX_2M), TRACKED, FREE_PAGE(R8),
	{ NULL, "interrupt", interrupted, 0, TDX_INTERRUPTED_RESTARTABLE },
	ENTRY("the page's entry exclusive, OPERAND_BUSY(RCX)", TDX_2M),
	{ NULL, "OPERAND_INVALID(R12)", malformed, TDX_OP_R12, INVALID(R12) },
	{ NULL, "OPERAND_INVALID(R13)", malformed, TDX_OP_R13, INVALID(R13) },
	{ NULL, "OPERAND_ADDR_RANGE_ERROR(R12)", outside, TDX_OP_R12, RANGE(R12) },
	{ NULL, "OPERAND_ADDR_RANGE_ERROR(R13)", outside, TDX_OP_R13, RANGE(R13) },
	{ NULL, "PAGE_NOT_FREE(R12)", taken, TDX_OP_R12, TDX_PAGE_NOT_FREE | TDX_OP_R12 },
	{ NULL, "PAGE_NOT_FREE(R13)", taken, TDX_OP_R13, TDX_PAGE_NOT_FREE | TDX_OP_R13 }, {}
};

static void page_promote(struct order *o)
{
	uint64_t region;

	ready(o, TDH_MEM_PAGE_PROMOTE, GPA_FREE | TDX_2M);
	region = rig_region(&o->rig);
	RIG_OK(&o->rig, 0, .rax = TDH_PHYMEM_PAMT_ADD, .rcx = region | TDX_2M,
	       .rdx = rig_page(&o->rig), .r8 = rig_page(&o->rig));
	rig_sept_add(&o->rig, &o->td, GPA_FREE, TDX_2M);
	for (uint64_t at = 0; at < TDX_2M_SIZE; at += TDX_PAGE_SIZE)
		RIG_OK(&o->rig, 0, .rax = TDH_MEM_PAGE_AUG, .rcx = GPA_FREE + at,
		       .rdx = o->td.tdr, .r8 = region + at);
	closed(o);
	o->in.r14 = region; /* which the call does not look at */
}
static void region_held(struct order *o, unsigned int level) { hold(o, o->in.r14, level, false); }
static const struct step promote_steps[] = {
	TD(RDX), BUILT, MAPPING, WALK(at_leaf, TDX_2M),
	{ NULL, "S-EPT page's entry exclusive, OPERAND_BUSY(RCX)", table_held, 0, BUSY(RCX) },
	TRACKED,
	{ NULL, "EPT_INVALID_PROMOTE_CONDITIONS(RCX)", at_full, TDX_2M,
	  TDX_EPT_INVALID_PROMOTE_CONDITIONS | TDX_OP_RCX },
	{ NULL, "interrupt", interrupted, 0, TDX_INTERRUPTED_RESTARTABLE },
	{ NULL, "exclusive and alone, OPERAND_BUSY(RCX)", region_held, TDX_4K, BUSY(RCX) }, {}
};

static void pamt_add(struct order *o)
{
	ready(o, TDH_PHYMEM_PAMT_ADD, 0);
	o->in.rcx = rig_region(&o->rig) | TDX_2M;
	o->in.rdx = rig_page(&o->rig);
	o->in.r8 = rig_page(&o->rig);
}
/* A region that has its pair. */
static void at_control(struct order *o, unsigned int r)
{
	*reg(o, r) = (o->td.tdr & ~(TDX_2M_SIZE - 1)) | TDX_2M;
}
static void region_held_2m(struct order *o, unsigned int r)
{
	hold(o, *reg(o, r) & ~UINT64_C(7), TDX_2M, false);
}
static const struct step pamt_add_steps[] = {
	{ NULL, "OPERAND_INVALID(RCX)", malformed, TDX_OP_RCX, INVALID(RCX) },
	{ NULL, "RDX well-formed", malformed, TDX_OP_RDX, INVALID(RDX) },
	{ NULL, "then in a TDMR", outside, TDX_OP_RDX, RANGE(RDX) },
	{ NULL, "the same for R8", malformed, TDX_OP_R8, INVALID(R8) },
	{ NULL, "the same for R8", outside, TDX_OP_R8, RANGE(R8) },
	{ NULL, "RCX in a TDMR", outside, TDX_OP_RCX, RANGE(RCX) },
	{ NULL, "OPERAND_BUSY(RCX)", region_held_2m, TDX_OP_RCX, BUSY(RCX) },
	{ NULL, "HPA_RANGE_NOT_FREE(RCX)", at_control, TDX_OP_RCX,
	  TDX_HPA_RANGE_NOT_FREE | TDX_OP_RCX }, {}
};

static void pamt_remove(struct order *o)
{
	ready(o, TDH_PHYMEM_PAMT_REMOVE, 0);
	o->in.rcx = rig_region(&o->rig) | TDX_2M;
	rig_add(&o->rig, o->in.rcx & ~UINT64_C(7));
}
static void at_region(struct order *o, unsigned int r)
{
	*reg(o, r) = rig_region(&o->rig) | TDX_2M;
}
static const struct step pamt_remove_steps[] = {
	{ NULL, "the first two checks", malformed, TDX_OP_RCX, INVALID(RCX) },
	{ NULL, "in a TDMR", outside, TDX_OP_RCX, RANGE(RCX) },
	{ NULL, "OPERAND_BUSY(RCX)", region_held_2m, TDX_OP_RCX, BUSY(RCX) },
	{ NULL, "NO_PAMT_PAGE_PAIR(RCX)", at_region, TDX_OP_RCX,
	  TDX_NO_PAMT_PAGE_PAIR | TDX_OP_RCX },
	{ NULL, "PAMT_PAGE_NOT_EMPTY", at_control, TDX_OP_RCX, TDX_PAMT_PAGE_NOT_EMPTY }, {}
};

static void rdmd(struct order *o)
{
	ready(o, TDH_PHYMEM_PAGE_RDMD, 0);
	o->in.rcx = o->td.tdr;
}
static const struct step rdmd_steps[] = {
	{ NULL, "OPERAND_INVALID(RCX)", malformed, TDX_OP_RCX, INVALID(RCX) },
	{ NULL, "range", outside, TDX_OP_RCX, RANGE(RCX) },
	{ NULL, "OPERAND_BUSY(RCX)", held, TDX_OP_RCX, BUSY(RCX) }, {}
};

static void wbinvd(struct order *o)
{
	ready(o, TDH_PHYMEM_PAGE_WBINVD, 0);
	o->in.rcx = rig_page(&o->rig);
}
static const struct step wbinvd_steps[] = {
	{ NULL, "range", malformed, TDX_OP_RCX, INVALID(RCX) },
	{ NULL, "range", outside, TDX_OP_RCX, RANGE(RCX) },
	{ NULL, "shared walk", held, TDX_OP_RCX, BUSY(RCX) },
	{ NULL, "PAGE_METADATA_INCORRECT(RCX)", taken, TDX_OP_RCX, TYPE(RCX) }, {}
};

static void reclaim(struct order *o)
{
	ready(o, TDH_PHYMEM_PAGE_RECLAIM, 0);
	RIG_OK(&o->rig, 0, .rax = TDH_VP_FLUSH, .rcx = o->td.tdvpr[0]);
	RIG_OK(&o->rig, 0, .rax = TDH_MNG_VPFLUSHDONE, .rcx = o->td.tdr);
	RIG_OK(&o->rig, 0, .rax = TDH_PHYMEM_CACHE_WB);
	RIG_OK(&o->rig, 0, .rax = TDH_MNG_KEY_FREEID, .rcx = o->td.tdr);
	o->in.rcx = o->td.page[2];
}
static void at_tdr(struct order *o, unsigned int r) { *reg(o, r) = o->td.tdr; }
static void not_torn_down(struct order *o, unsigned int r)
{
	(void)r;
	tdr_of(o)->lifecycle = TDX_BLOCKED;
}
static void tdr_held(struct order *o, unsigned int r)
{
	(void)r;
	hold(o, o->td.tdr, TDX_4K, true);
}
static void owner_held(struct order *o, unsigned int r)
{
	taken(o, r);
	tdr_held(o, r);
}
static void within_2m(struct order *o, unsigned int r) { *reg(o, r) = o->large + TDX_PAGE_SIZE; }
static void fresh(struct order *o, unsigned int r) { *reg(o, r) = rig_page(&o->rig); }
static const struct step reclaim_steps[] = {
	{ NULL, "range", malformed, TDX_OP_RCX, INVALID(RCX) },
	{ NULL, "range", outside, TDX_OP_RCX, RANGE(RCX) },
	{ NULL, "the leaf exclusive", leaf_held, TDX_OP_RCX, BUSY(RCX) },
	{ NULL, "PAGE_METADATA_INCORRECT(RCX)", fresh, TDX_OP_RCX, TYPE(RCX) },
	{ NULL, "aligned to its size", within_2m, TDX_OP_RCX, INVALID(RCX) },
	{ NULL, "OPERAND_BUSY(TDR)", owner_held, TDX_OP_RCX, BUSY(TDR) },
	{ NULL, "LIFECYCLE_STATE_INCORRECT", not_torn_down, 0, TDX_LIFECYCLE_STATE_INCORRECT },
	{ NULL, "TD_ASSOCIATED_PAGES_EXIST", at_tdr, TDX_OP_RCX, TDX_TD_ASSOCIATED_PAGES_EXIST },
	{}
};

#define FIELD_MAX_VCPUS UINT64_C(0x1110000200000002)
#define FIELD_TIMEOUT	UINT64_C(0x9110000300000011)
#define FIELD_ID \
	{ NULL, "FIELD_ID_INCORRECT", bit, 62, TDX_METADATA_FIELD_ID_INCORRECT }

static void mng_rd(struct order *o)
{
	ready(o, TDX_RAX(TDH_MNG_RD, 1), 0);
	o->in.rcx = o->td.tdr;
	o->in.rdx = FIELD_MAX_VCPUS;
}
static void version_2(struct order *o, unsigned int r)
{
	(void)r;
	o->in.rax += UINT64_C(1) << 16;
}
static const struct step mng_rd_steps[] = {
	{ NULL, "version, OPERAND_INVALID(RAX)", version_2, 0, INVALID(RAX) }, TD(RCX), BUILT,
	FIELD_ID, { NULL, "FIELD_NOT_READABLE", rtmr, TDX_OP_RDX, TDX_METADATA_FIELD_NOT_READABLE },
	{}
};

static void mng_wr(struct order *o)
{
	ready(o, TDH_MNG_WR, 0);
	o->in.rcx = o->td.tdr;
	o->in.rdx = FIELD_TIMEOUT;
	o->in.r8 = 20000;
	o->in.r9 = UINT64_MAX;
}
static void vm_ctls(struct order *o, unsigned int r)
{
	(void)r;
	o->in.rdx = UINT64_C(0x9110000300000012);
	o->in.r8 = 0x10; /* which may not be written, and is 0 */
}
static const struct step mng_wr_steps[] = {
	TD(RCX), BUILT, FIELD_ID,
	{ NULL, "FIELD_NOT_WRITABLE", chldcnt, TDX_OP_RDX, TDX_METADATA_FIELD_NOT_WRITABLE },
	{ NULL, "FIELD_VALUE_NOT_VALID", vm_ctls, 0, TDX_METADATA_FIELD_VALUE_NOT_VALID },
	{ NULL, "the field's own rule", zero, TDX_OP_R8, TDX_METADATA_FIELD_VALUE_NOT_VALID }, {}
};

/* A vCPU's field, which it is nobody's to read of a production TD. */
#define FIELD_VCPU_INDEX UINT64_C(0xa020000200000002)
#define FIELD_RAX	 UINT64_C(0x1020000300000000)
#define FIELD_NMI	 UINT64_C(0x202000000000000b)

static struct tdvps *tdvps_of(struct order *o)
{
	return memory_map(o->rig.memory, hpa(o->td.tdvpr[0]), OS_WRITE);
}
static void vcpu_short(struct order *o, unsigned int r)
{
	(void)r;
	tdvps_of(o)->nr_pages = TDX_MIN_TDVPS - 1;
}
static void vcpu_elsewhere(struct order *o, unsigned int r)
{
	(void)r;
	os_store32(&tdvps_of(o)->lp, 2, OS_RELAXED);
}
static void field_rax(struct order *o, unsigned int r) { *reg(o, r) = FIELD_RAX; }
static void field_index(struct order *o, unsigned int r) { *reg(o, r) = FIELD_VCPU_INDEX; }

#define VCPU(r)                                                                          \
	ADDRESS("vCPU(" #r ")", r),                                                      \
	{ "vCPU(" #r ")", "OPERAND_BUSY(*r*)", held, TDX_OP_##r, BUSY(r) },              \
	{ "vCPU(" #r ")", "PAGE_METADATA_INCORRECT(*r*)", taken, TDX_OP_##r, TYPE(r) },  \
	{ "vCPU(" #r ")", "OPERAND_BUSY(TDR)", tdr_held, 0, BUSY(TDR) }
#define VCPU_STATE                                                                       \
	{ NULL, "TDCX_NUM_INCORRECT", vcpu_short, 0, TDX_TDCX_NUM_INCORRECT },           \
	{ NULL, "VCPU_STATE_INCORRECT", in_vcpu_state, TDX_VCPU_UNINITIALIZED,           \
	  TDX_VCPU_STATE_INCORRECT | TDX_VCPU_UNINITIALIZED },                           \
	{ NULL, "VCPU_ASSOCIATED", vcpu_elsewhere, 0, TDX_VCPU_ASSOCIATED }

static void vp_rd(struct order *o)
{
	ready(o, TDX_RAX(TDH_VP_RD, 1), 0);
	o->in.rcx = o->td.tdvpr[0];
	o->in.rdx = FIELD_VCPU_INDEX;
}
static const struct step vp_rd_steps[] = {
	{ NULL, "version, OPERAND_INVALID(RAX)", version_2, 0, INVALID(RAX) }, VCPU(RCX), BUILT,
	VCPU_STATE, FIELD_ID,
	{ NULL, "FIELD_NOT_READABLE", field_rax, TDX_OP_RDX, TDX_METADATA_FIELD_NOT_READABLE }, {}
};

static void vp_wr(struct order *o)
{
	ready(o, TDH_VP_WR, 0);
	o->in.rcx = o->td.tdvpr[0];
	o->in.rdx = FIELD_NMI;
	o->in.r8 = 1;
	o->in.r9 = 0xff;
}
/* The posted-interrupt vector: above 255. */
static void vector(struct order *o, unsigned int r)
{
	(void)r;
	o->in.rdx = UINT64_C(0x0024000100000002);
	o->in.r8 = 0x100;
	o->in.r9 = UINT16_MAX;
}
/* Secondary controls: a bit that may not be written, and is 0. */
static void controls(struct order *o, unsigned int r)
{
	(void)r;
	o->in.rdx = UINT64_C(0x002400020000401e);
	o->in.r8 = 1;
	o->in.r9 = UINT64_C(0xc0000001);
}
static const struct step vp_wr_steps[] = {
	VCPU(RCX), BUILT, VCPU_STATE, FIELD_ID,
	{ NULL, "FIELD_NOT_WRITABLE", field_index, TDX_OP_RDX, TDX_METADATA_FIELD_NOT_WRITABLE },
	{ NULL, "FIELD_VALUE_NOT_VALID", controls, 0, TDX_METADATA_FIELD_VALUE_NOT_VALID },
	{ NULL, "the field's own rule", vector, 0, TDX_METADATA_FIELD_VALUE_NOT_VALID }, {}
};

static void sys_rd(struct order *o)
{
	begin(o, true, TDX_ATTR_SEPT_VE_DISABLE);
	o->in = (struct tdx_regs){ .rax = TDH_SYS_RD, .rdx = UINT64_C(0x9100000100000008) };
}
static void all_ones(struct order *o, unsigned int r) { *reg(o, r) = UINT64_MAX; }
static const struct step sys_rd_steps[] = {
	{ NULL, "SYS_LP_INIT_NOT_DONE", lp_uninitialised, 0, TDX_SYS_LP_INIT_NOT_DONE },
	{ NULL, "FIRST_FIELD_ID_IN_CONTEXT", all_ones, TDX_OP_RDX,
	  TDX_METADATA_FIRST_FIELD_ID_IN_CONTEXT },
	FIELD_ID, {}
};

static void sys_rdall(struct order *o)
{
	begin(o, true, TDX_ATTR_SEPT_VE_DISABLE);
	o->in = (struct tdx_regs){ .rax = TDH_SYS_RDALL, .rdx = 0x300000, .r8 = UINT64_MAX };
}
static void small_size(struct order *o, unsigned int r)
{
	*reg(o, r) = UINT64_C(0x9100000000000008);
}
static const struct step sys_rdall_steps[] = {
	{ NULL, "SYS_LP_INIT_NOT_DONE", lp_uninitialised, 0, TDX_SYS_LP_INIT_NOT_DONE },
	{ NULL, "OPERAND_INVALID(RDX)", malformed, TDX_OP_RDX, INVALID(RDX) },
	{ NULL, "FIELD_ID_INCORRECT", small_size, TDX_OP_R8, TDX_METADATA_FIELD_ID_INCORRECT }, {}
};

/* The next module, to which a SHUTDOWN has left what it needs. */
static void sys_update(struct order *o)
{
	begin(o, false, TDX_ATTR_SEPT_VE_DISABLE);
	RIG_OK(&o->rig, 0, .rax = TDH_SYS_SHUTDOWN, .rcx = 1);
	assert_int_equal(seam_reload(o->rig.seam), 0);
	RIG_OK(&o->rig, 0, .rax = TDH_SYS_INIT);
	for (uint32_t lp = 0; lp < o->rig.config.nr_lps; lp++)
		RIG_OK(&o->rig, lp, .rax = TDH_SYS_LP_INIT);
	o->in = (struct tdx_regs){ .rax = TDX_RAX(TDH_SYS_UPDATE, 1) };
}
static void nothing_left(struct order *o, unsigned int r)
{
	(void)r;
	o->rig.seam->handoff = false;
}
static void r10(struct order *o, unsigned int r)
{
	(void)r;
	o->in.r10 = 1;
}
static const struct step sys_update_steps[] = {
	{ NULL, "SYS_BUSY", sys_locked, 0, TDX_SYS_BUSY },
	{ NULL, "SYS_STATE_INCORRECT", lp_uninitialised, 0, TDX_SYS_STATE_INCORRECT },
	{ NULL, "SYS_INVALID_HANDOFF", nothing_left, 0, TDX_SYS_INVALID_HANDOFF },
	{ NULL, "OPERAND_INVALID(RAX)", version_2, 0, INVALID(RAX) },
	{ NULL, "OPERAND_INVALID(R9)", all_ones, TDX_OP_R9, INVALID(R9) },
	{ NULL, "OPERAND_INVALID(R10)", r10, 0, INVALID(R10) }, {}
};

static void shutdown(struct order *o)
{
	begin(o, false, TDX_ATTR_SEPT_VE_DISABLE);
	o->in = (struct tdx_regs){ .rax = TDH_SYS_SHUTDOWN, .rcx = 1 };
}
static void builds_matter(struct order *o, unsigned int r) { *reg(o, r) |= 1u << 16; }
static void reserved(struct order *o, unsigned int r) { *reg(o, r) |= UINT64_C(1) << 17; }
static const struct step shutdown_steps[] = {
	{ NULL, "OPERAND_INVALID(RCX)", reserved, TDX_OP_RCX, INVALID(RCX) },
	{ NULL, "SYS_BUSY", sys_locked, 0, TDX_SYS_BUSY },
	{ NULL, "UPDATE_COMPATIBILITY_SENSITIVE", builds_matter, TDX_OP_RCX,
	  TDX_UPDATE_COMPATIBILITY_SENSITIVE | 1u << 16 }, {}
};

static void sys_info(struct order *o)
{
	begin(o, true, TDX_ATTR_SEPT_VE_DISABLE);
	o->in = (struct tdx_regs){
		.rax = TDH_SYS_INFO, .rcx = 0x300000, .rdx = 1024, .r8 = 0x301000, .r9 = 32
	};
}
static const struct step sys_info_steps[] = {
	{ NULL, "SYS_LP_INIT_NOT_DONE", lp_uninitialised, 0, TDX_SYS_LP_INIT_NOT_DONE },
	{ NULL, "OPERAND_INVALID(RCX)", odd, TDX_OP_RCX, INVALID(RCX) },
	{ NULL, "OPERAND_INVALID(RDX)", zero, TDX_OP_RDX, INVALID(RDX) },
	{ NULL, "OPERAND_INVALID(R8)", odd, TDX_OP_R8, INVALID(R8) },
	{ NULL, "OPERAND_INVALID(R9)", zero, TDX_OP_R9, INVALID(R9) }, {}
};

const struct leaf order_leaves[] = {
	{ "MEM.SEPT.ADD", sept_add, sept_add_steps },
	{ "MEM.PAGE.ADD", page_add, page_add_steps },
	{ "MEM.PAGE.AUG 4K", aug_4k, aug_4k_steps },
	{ "MEM.PAGE.AUG 2M", aug_2m, aug_2m_steps },
	{ "MEM.RANGE.BLOCK", range_block, block_steps },
	{ "MEM.RD, MEM.WR", mem_rd, mem_rd_steps },
	{ "MEM.TRACK", mem_track, track_steps },
	{ "MEM.PAGE.REMOVE", page_remove, page_remove_steps },
	{ "MEM.SEPT.REMOVE", sept_remove, sept_remove_steps },
	{ "MEM.PAGE.RELOCATE", page_relocate, relocate_steps },
	{ "MEM.PAGE.DEMOTE", page_demote, demote_steps },
	{ "MEM.PAGE.PROMOTE", page_promote, promote_steps },
	{ "PHYMEM.PAMT.ADD", pamt_add, pamt_add_steps },
	{ "PHYMEM.PAMT.REMOVE", pamt_remove, pamt_remove_steps },
	{ "PHYMEM.PAGE.RDMD", rdmd, rdmd_steps },
	{ "PHYMEM.PAGE.RECLAIM", reclaim, reclaim_steps },
	{ "PHYMEM.PAGE.WBINVD", wbinvd, wbinvd_steps },
	{ "SYS.RD", sys_rd, sys_rd_steps },
	{ "SYS.RDALL", sys_rdall, sys_rdall_steps },
	{ "SYS.INFO", sys_info, sys_info_steps },
	{ "MNG.RD", mng_rd, mng_rd_steps },
	{ "MNG.WR", mng_wr, mng_wr_steps },
	{ "VP.RD", vp_rd, vp_rd_steps },
	{ "VP.WR", vp_wr, vp_wr_steps },
	{ "SYS.SHUTDOWN", shutdown, shutdown_steps },
	{ "SYS.UPDATE", sys_update, sys_update_steps },
};
const size_t order_nr_leaves = sizeof(order_leaves) / sizeof(order_leaves[0]);
/* clang-format on */
