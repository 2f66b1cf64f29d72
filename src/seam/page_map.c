// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * page_map.c - MEM.PAGE.ADD, AUG, REMOVE, RELOCATE: guest pages come, go and move.
 */
#include "seam/dispatch.h"
#include "seam/hpa.h"
#include "seam/mem.h"

static const struct mem_rule add_rule = {
	.tdr_exclusive = true,
	.max_level = TDX_4K,
	.states = SEPT_ALLOW_ADD,
};

static const struct mem_rule aug_rule = {
	.max_level = TDX_2M,
	.states = SEPT_ALLOW_ADD,
};

static const struct mem_rule remove_rule = {
	.max_level = TDX_1G,
	.states = SEPT_ALLOW_LEAF,
};

static const struct mem_rule relocate_rule = {
	.max_level = TDX_4K,
	.states = SEPT_ALLOW_LEAF,
};

tdx_status_t tdh_mem_page_add(struct call *call)
{
	const struct os_services *os = call->seam->os;
	struct pamt_page page;
	struct mem mem;
	tdx_status_t status = mem_decode(call, &add_rule, &mem);

	if (call_failed(status))
		return status;
	if (!hpa_is_shared(call->seam, hpa(call->in.r9), TDX_PAGE_SIZE, TDX_PAGE_SIZE))
		return status_operand(TDX_OPERAND_INVALID, TDX_OP_R9);
	status = pamt_free_4k(call, hpa(call->in.r8), TDX_OP_R8, &page);
	if (call_failed(status))
		return status;

	os->copy(os->ctx, hpa(call->in.r8), hpa_strip(call->seam, hpa(call->in.r9)));
	call_has_read(call, hpa(call->in.r9), module_map(call->seam, hpa(call->in.r8), OS_READ),
		      TDX_PAGE_SIZE);
	pamt_claim(call, &page, TDX_PT_REG, mem.td.address);
	td_add_children(call, &mem.td, 1);
	/*
	 * With the whole TD locked nobody else can want the entry, and a HP that somebody has left
	 * goes. Release: the page's contents are seen by whoever finds it.
	 */
	os_store64(mem.pos.entry, sept_entry(SEPT_MAPPED, hpa(call->in.r8)), OS_RELEASE);
	return CALL_OK;
}

tdx_status_t tdh_mem_page_aug(struct call *call)
{
	struct pamt_page page;
	struct mem mem;
	tdx_status_t status = mem_decode(call, &aug_rule, &mem);

	if (call_failed(status))
		return status;
	if (mem.level == TDX_4K)
		status = pamt_free_4k(call, hpa(call->in.r8), TDX_OP_R8, &page);
	else
		status = pamt_free_2m(call, hpa(call->in.r8), TDX_OP_R8, &page);
	if (call_failed(status))
		return status;

	/* Contents stay what they are: the guest's ACCEPT clears the page. */
	pamt_claim(call, &page, TDX_PT_REG, mem.td.address);
	td_add_children(call, &mem.td, mem_pages(mem.level));
	sept_commit(call, &mem.pos, sept_entry(SEPT_PENDING, hpa(call->in.r8)));
	return CALL_OK;
}

tdx_status_t tdh_mem_page_remove(struct call *call)
{
	struct pamt_page page;
	struct mem mem;
	tdx_hpa_t at;
	tdx_status_t status = mem_decode(call, &remove_rule, &mem);

	if (call_failed(status))
		return status;
	at = sept_large_page(mem.pos.value, mem.level);
	status = mem_take_tracked(call, &mem, at, mem.level, &page);
	if (call_failed(status))
		return status;

	sept_commit(call, &mem.pos, SEPT_FREE_ENTRY);
	td_drop_children(call, &mem.td, mem_pages(mem.level));
	call->regs->rcx = at.v | (pamt_release(call, &page) ? TDX_HINT_BIT : 0);
	return CALL_OK;
}

tdx_status_t tdh_mem_page_relocate(struct call *call)
{
	const struct os_services *os = call->seam->os;
	struct pamt_page from, to;
	enum sept_state state;
	struct mem mem;
	tdx_hpa_t at;
	tdx_status_t status = mem_decode(call, &relocate_rule, &mem);

	if (call_failed(status))
		return status;
	at = sept_large_page(mem.pos.value, mem.level);
	if ((call->in.r8 & ((UINT64_C(1) << TDX_PA_BITS) - 1)) == at.v)
		return status_operand(TDX_OPERAND_INVALID, TDX_OP_R8);
	status = mem_take_tracked(call, &mem, at, TDX_4K, &from);
	if (call_failed(status))
		return status;
	status = pamt_free_4k(call, hpa(call->in.r8), TDX_OP_R8, &to);
	if (call_failed(status))
		return status;

	/* Moving it ends the blocking: nobody has a translation to the new place. */
	state = (enum sept_state)sept_states[mem.state].after_unblock;
	if (state == SEPT_MAPPED)
		os->copy(os->ctx, hpa(call->in.r8), at);
	pamt_claim(call, &to, TDX_PT_REG, mem.td.address);
	sept_commit(call, &mem.pos, sept_entry(state, hpa(call->in.r8)));
	call->regs->rcx = at.v | (pamt_release(call, &from) ? TDX_HINT_BIT : 0);
	return CALL_OK;
}
