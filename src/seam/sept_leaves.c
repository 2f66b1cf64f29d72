// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * sept_leaves.c - MEM.SEPT.ADD, MEM.SEPT.RD, MEM.SEPT.REMOVE: the pages of a TD's S-EPT.
 */
#include "seam/dispatch.h"
#include "seam/mem.h"

static const struct mem_rule add_rule = {
	.flag = MEM_FLAG,
	.min_level = TDX_2M,
	.max_level = MEM_ROOT,
	.states = SEPT_ALLOW_SEPT_ADD,
};

static const struct mem_rule read_rule = {
	.flag = MEM_DEBUG_FLAG,
	.max_level = MEM_ROOT,
	.states = SEPT_ALLOW_ANY,
};

static const struct mem_rule remove_rule = {
	.tree_exclusive = true,
	.min_level = TDX_2M,
	.max_level = MEM_ROOT,
	.states = SEPT_ALLOW_NON_LEAF,
};

/* Bit 63 of a page operand is a result, "not consumed"; on input it means nothing. */
#define NOT_CONSUMED (UINT64_C(1) << 63)

static uint64_t page_operand(uint64_t reg)
{
	return reg == TDX_NULL_PA ? reg : reg & ~NOT_CONSUMED;
}

/* Version 1: R9..R11 are S-EPT pages of L2 VMs, which have none here. */
static tdx_status_t check_l2_pages(const struct tdx_regs *regs)
{
	if (regs->r9 != TDX_NULL_PA)
		return status_operand(TDX_OPERAND_INVALID, TDX_OP_R9);
	if (regs->r10 != TDX_NULL_PA)
		return status_operand(TDX_OPERAND_INVALID, TDX_OP_R10);
	if (regs->r11 != TDX_NULL_PA)
		return status_operand(TDX_OPERAND_INVALID, TDX_OP_R11);
	return CALL_OK;
}

/*
 * The page operand R8: success with *add: a free page, to be linked. Version 1 takes "no page",
 * which adds the pages of L2 VMs alone.
 */
static tdx_status_t add_page_operand(struct call *call, struct mem *mem, uint64_t r8,
				     struct pamt_page *page, bool *add)
{
	*add = false;
	if (r8 == TDX_NULL_PA) {
		if (!call->version)
			return status_operand(TDX_OPERAND_INVALID, TDX_OP_R8);
		if (mem->state != SEPT_NL_MAPPED)
			return mem_entry_status(call, mem, TDX_EPT_ENTRY_STATE_INCORRECT);
		return CALL_OK;
	}
	if (mem->state != SEPT_FREE) {
		if (!mem->flag)
			return mem_entry_status(call, mem, TDX_EPT_ENTRY_STATE_INCORRECT);
		if (call->version)
			call->regs->r8 = r8 | NOT_CONSUMED;
		return CALL_OK;
	}
	*add = true;
	return pamt_free_4k(call, hpa(r8), TDX_OP_R8, page);
}

/*
 * The page that the call will fill, if it is one, is asked for before the locks are: it comes while
 * they are waited for. Mapped to be read, since nothing is written before it is known to be free.
 */
static void fetch_page(struct call *call, tdx_hpa_t page)
{
	const os_a64_t *entries;

	if (!hpa_is_private(call->seam, page, TDX_PAGE_SIZE) || !pamt_find_tdmr(call, page))
		return;
	entries = module_map(call->seam, page, OS_READ);
	for (uint32_t i = 0; i < SEPT_ENTRIES; i += 64 / sizeof(*entries))
		OS_PREFETCH_OWN(&entries[i]);
}

tdx_status_t tdh_mem_sept_add(struct call *call)
{
	uint64_t r8 = page_operand(call->in.r8);
	struct pamt_page page;
	struct mem mem;
	tdx_status_t status;
	bool add;

	if (call->version) {
		call->regs->r8 = r8;
		call->regs->r9 = page_operand(call->in.r9);
		call->regs->r10 = page_operand(call->in.r10);
		call->regs->r11 = page_operand(call->in.r11);
	}
	fetch_page(call, hpa(r8));
	status = mem_decode(call, &add_rule, &mem);
	if (call_failed(status))
		return status;
	status = add_page_operand(call, &mem, r8, &page, &add);
	if (call_failed(status))
		return status;
	if (call->version) {
		status = check_l2_pages(call->regs);
		if (call_failed(status))
			return status;
	}
	if (!add)
		return CALL_OK;

	sept_clear_page(pamt_map_owned(call, hpa(r8), OS_FILL));
	pamt_claim(call, &page, TDX_PT_EPT, mem.td.address);
	td_add_children(call, &mem.td, 1);
	sept_commit(call, &mem.pos, sept_entry(SEPT_NL_MAPPED, hpa(r8)));
	if (call->version)
		call->regs->r8 = TDX_NULL_PA;
	return CALL_OK;
}

tdx_status_t tdh_mem_sept_rd(struct call *call)
{
	struct mem mem;
	tdx_status_t status = mem_decode_entry(call, &read_rule, &mem);

	if (call_failed(status))
		return status;
	sept_details(call, &mem.pos);
	return CALL_OK;
}

/*
 * All entries of the page FREE? The tree is locked exclusively. What marks that state no other has
 * as a whole, so that one AND of all says it. Lock and HP are no part of it.
 */
static bool page_is_free(struct call *call, tdx_hpa_t page)
{
	const os_a64_t *entries = __builtin_assume_aligned(pamt_map_owned(call, page, OS_READ), 64);
	const uint32_t quarter = SEPT_ENTRIES / 4;
	const uint64_t free = SEPT_FREE_ENTRY;
	uint64_t all = free;

	/*
	 * Plain loads: the tree's lock keeps hosts away, and no vCPU has a way here any more. Four
	 * streams, for the compiler to take several entries in one step.
	 */
	for (uint32_t i = 0; i < quarter; i++)
		all &= entries[i].v & entries[i + quarter].v & entries[i + 2 * quarter].v &
		       entries[i + 3 * quarter].v;
	return all == free;
}

tdx_status_t tdh_mem_sept_remove(struct call *call)
{
	struct pamt_page page;
	struct mem mem;
	tdx_hpa_t at;
	tdx_status_t status = mem_decode(call, &remove_rule, &mem);

	if (call_failed(status))
		return status;
	at = sept_page(mem.pos.value);
	status = mem_take_tracked(call, &mem, at, TDX_4K, &page);
	if (call_failed(status))
		return status;
	if (!page_is_free(call, at))
		return mem_entry_status(call, &mem, TDX_EPT_PAGE_NOT_FREE);

	sept_new_tables(call, mem.td.tdcs);
	sept_commit_alone(call, &mem.pos, SEPT_FREE_ENTRY);
	td_drop_children(call, &mem.td, 1);
	call->regs->rcx = at.v | (pamt_release(call, &page) ? TDX_HINT_BIT : 0);
	return CALL_OK;
}
