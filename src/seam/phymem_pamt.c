// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * phymem_pamt.c - PHYMEM.PAMT.ADD and PHYMEM.PAMT.REMOVE: a region gets its page pair, and gives
 * it back.
 */
#include "seam/dispatch.h"
#include "seam/donate.h"
#include "seam/guard.h"
#include "seam/hpa.h"

/* RCX of both: a 2M region, its size in the low bits. */
static bool region_operand(const struct call *call, tdx_hpa_t *region)
{
	*region = hpa(call->in.rcx & ~UINT64_C(7));
	return (call->in.rcx & 7) == TDX_2M && hpa_is_private(call->seam, *region, TDX_2M_SIZE);
}

/* One of the pages to be donated: format and range. */
static tdx_status_t check_page(struct call *call, tdx_hpa_t address, enum tdx_operand operand)
{
	if (!hpa_is_private(call->seam, address, TDX_PAGE_SIZE))
		return status_operand(TDX_OPERAND_INVALID, operand);
	if (!pamt_find_tdmr(call, address))
		return status_operand(TDX_OPERAND_ADDR_RANGE_ERROR, operand);
	return CALL_OK;
}

tdx_status_t tdh_phymem_pamt_add(struct call *call)
{
	const tdx_hpa_t pair[2] = { hpa(call->in.rdx), hpa(call->in.r8) };
	const struct os_services *os = call->seam->os;
	struct pamt_page page;
	tdx_status_t status;
	tdx_hpa_t region;

	if (!call->seam->dpamt)
		return status_operand(TDX_OPERAND_INVALID, TDX_OP_RAX);
	if (!region_operand(call, &region))
		return status_operand(TDX_OPERAND_INVALID, TDX_OP_RCX);
	status = check_page(call, pair[0], TDX_OP_RDX);
	if (call_failed(status))
		return status;
	status = check_page(call, pair[1], TDX_OP_R8);
	if (call_failed(status))
		return status;
	if (!pamt_find_tdmr(call, region))
		return status_operand(TDX_OPERAND_ADDR_RANGE_ERROR, TDX_OP_RCX);
	if (!pamt_walk(call, region, TDX_2M, true, &page))
		return status_operand(TDX_OPERAND_BUSY, TDX_OP_RCX);
	if (page.level != TDX_2M || pamt_type(page.head) != TDX_PT_NDA)
		return status_operand(TDX_HPA_RANGE_NOT_FREE, TDX_OP_RCX);
	status = donate_claim(call, pair, hpa_to_region(region), TDX_OP_RDX, TDX_OP_R8);
	if (call_failed(status))
		return status;

	/* 512 entries of zeros: all free. */
	os->zero(os->ctx, pair[0], TDX_PAGE_SIZE);
	os->zero(os->ctx, pair[1], TDX_PAGE_SIZE);
	pamt_make_node(page.entry, pair, 0);
	return CALL_OK;
}

/* All 256 entries of one page of a pair NDA? The node is locked exclusively. */
static bool pair_page_is_free(struct call *call, tdx_hpa_t page)
{
	const struct pamt_entry *entry = pamt_map_owned(call, page, OS_READ);
	uint64_t any = 0;

	/* Relaxed: an entry whose leaf is under way may change, and the count will tell. */
	for (uint32_t i = 0; i < 256; i += 4)
		any |= os_load64(&entry[i].head, OS_RELAXED) |
		       os_load64(&entry[i + 1].head, OS_RELAXED) |
		       os_load64(&entry[i + 2].head, OS_RELAXED) |
		       os_load64(&entry[i + 3].head, OS_RELAXED);
	return !(any & PAMT_TYPE_MASK);
}

tdx_status_t tdh_phymem_pamt_remove(struct call *call)
{
	struct pamt_page page;
	tdx_hpa_t region, pair[2];

	if (!call->seam->dpamt)
		return status_operand(TDX_OPERAND_INVALID, TDX_OP_RAX);
	if (!region_operand(call, &region))
		return status_operand(TDX_OPERAND_INVALID, TDX_OP_RCX);
	if (!pamt_find_tdmr(call, region))
		return status_operand(TDX_OPERAND_ADDR_RANGE_ERROR, TDX_OP_RCX);
	if (!pamt_walk(call, region, TDX_2M, true, &page))
		return status_operand(TDX_OPERAND_BUSY, TDX_OP_RCX);
	if (page.level != TDX_2M || pamt_type(page.head) != TDX_PT_PAMT)
		return status_operand(TDX_NO_PAMT_PAGE_PAIR, TDX_OP_RCX);
	pamt_node_pair(page.entry, pair);
	for (uint32_t i = 0; i < 2; i++)
		if (!pair_page_is_free(call, pair[i]))
			return tdx_status(TDX_PAMT_PAGE_NOT_EMPTY, i);
	/* Acquire: pairs with pamt_release(); its accesses to the pair are over. */
	if (os_load64(&page.entry->tail, OS_ACQUIRE) & PAMT_COUNT_MASK)
		return call_fatal(call, FATAL_REMOVE_COUNT, region);

	pamt_free_node(page.entry);
	guard_node_gone(call);
	donate_return(call, pair);
	call->regs->rdx = pair[0].v;
	call->regs->r8 = pair[1].v;
	return CALL_OK;
}
