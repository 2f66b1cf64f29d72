// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * phymem.c - PHYMEM.PAGE.RDMD, RECLAIM, WBINVD: a page by its physical address, whoever has it.
 */
#include "seam/dispatch.h"
#include "seam/hpa.h"
#include "seam/td.h"

static void clear_results(struct tdx_regs *regs)
{
	regs->rcx = regs->rdx = regs->r8 = regs->r9 = regs->r10 = regs->r11 = 0;
}

/* Dynamic PAMT: a page that is donated or reserved has no type of its own; its bit tells. */
static bool is_marked(struct call *call, tdx_hpa_t address, const struct pamt_page *page)
{
	return call->seam->dpamt && pamt_bit_test(call, page->tdmr, address);
}

/* ------------------------------------------------------------------------------------------- */
/* RDMD: what the metadata of a page or region says.                                            */

static void rdmd_results(struct call *call, const struct pamt_page *page)
{
	enum tdx_page_type type = pamt_type(page->head);
	struct tdx_regs *regs = call->regs;
	tdx_hpa_t pair[2];

	regs->rcx = type;
	regs->r8 = page->level;
	if (type == TDX_PT_PAMT) {
		pamt_node_pair(page->entry, pair);
		regs->rcx |= TDX_RDMD_NODE;
		regs->r10 = pair[0].v;
		regs->r11 = pair[1].v;
		return;
	}
	regs->rdx = pamt_owner(page->head).v;
	if (type == TDX_PT_REG || type == TDX_PT_EPT)
		/* Relaxed: BLOCK may write it any time; either value was true at some moment. */
		regs->r9 = os_load64(&page->entry->tail, OS_RELAXED);
}

tdx_status_t tdh_phymem_page_rdmd(struct call *call)
{
	/* RCX: address and size. Sizes above 4K come with Dynamic PAMT. */
	tdx_hpa_t address = hpa(call->in.rcx & ~UINT64_C(7));
	uint32_t size = call->in.rcx & 7;
	struct pamt_page page;
	tdx_status_t status;

	clear_results(call->regs);
	if (size > TDX_1G || (size > TDX_4K && !call->seam->dpamt))
		return status_operand(TDX_OPERAND_INVALID, TDX_OP_RCX);
	status = pamt_explicit_any(call, (struct pamt_operand){ address, TDX_OP_RCX, false }, size,
				   &page);
	if (call_failed(status))
		return status;

	if (size == TDX_4K && pamt_type(page.head) == TDX_PT_NDA && is_marked(call, address, &page))
		call->regs->rcx = TDX_PT_PAMT;
	else
		rdmd_results(call, &page);
	return CALL_OK;
}

/* ------------------------------------------------------------------------------------------- */
/* RECLAIM: the pages of a TD whose KeyID is gone; the TDR last.                                */

static tdx_status_t check_owner(struct call *call, tdx_hpa_t owner, struct td *td)
{
	tdx_status_t status = td_implicit(call, owner, false, td);

	if (call_failed(status))
		return status;
	if (td->tdr->lifecycle != TDX_TEARDOWN)
		return tdx_status(TDX_LIFECYCLE_STATE_INCORRECT, 0);
	return CALL_OK;
}

static tdx_status_t check_tdr(struct call *call, const struct pamt_page *page)
{
	const struct tdr *tdr = module_map(call->seam, page->address, OS_READ);

	if (tdr->lifecycle != TDX_TEARDOWN)
		return tdx_status(TDX_LIFECYCLE_STATE_INCORRECT, 0);
	if (td_children(page->head))
		return tdx_status(TDX_TD_ASSOCIATED_PAGES_EXIST, 0);
	return CALL_OK;
}

tdx_status_t tdh_phymem_page_reclaim(struct call *call)
{
	tdx_hpa_t address = hpa(call->in.rcx);
	struct tdx_regs *regs = call->regs;
	enum tdx_page_type type;
	struct pamt_page page;
	tdx_status_t status;
	struct td td;

	clear_results(regs);
	status = pamt_explicit_any(call, (struct pamt_operand){ address, TDX_OP_RCX, true }, TDX_4K,
				   &page);
	if (call_failed(status))
		return status;
	type = pamt_type(page.head);
	if (type == TDX_PT_NDA || type == TDX_PT_RSVD)
		return status_operand(TDX_PAGE_METADATA_INCORRECT, TDX_OP_RCX);
	/* From here on the results stand, also if the call fails. */
	regs->rcx = type;
	regs->rdx = pamt_owner(page.head).v;
	regs->r8 = page.level;
	if (address.v & ((UINT64_C(1) << TDX_LEVEL_SHIFT(page.level)) - 1))
		return status_operand(TDX_OPERAND_INVALID, TDX_OP_RCX);
	if (type == TDX_PT_TDR)
		status = check_tdr(call, &page);
	else
		status = check_owner(call, hpa(regs->rdx), &td);
	if (call_failed(status))
		return status;

	if (type != TDX_PT_TDR)
		td_drop_children(call, &td, UINT64_C(1) << 9 * page.level);
	if (pamt_release(call, &page))
		regs->r9 = TDX_HINT_BIT;
	return CALL_OK;
}

/* ------------------------------------------------------------------------------------------- */
/* WBINVD: the cache lines of a free page, under the KeyID in its address.                      */

tdx_status_t tdh_phymem_page_wbinvd(struct call *call)
{
	tdx_hpa_t address = hpa_strip(call->seam, hpa(call->in.rcx));
	struct pamt_page page;
	tdx_status_t status = pamt_explicit_any(
		call, (struct pamt_operand){ address, TDX_OP_RCX, false }, TDX_4K, &page);

	if (call_failed(status))
		return status;
	if (pamt_type(page.head) != TDX_PT_NDA || is_marked(call, address, &page))
		return status_operand(TDX_PAGE_METADATA_INCORRECT, TDX_OP_RCX);
	/* There is no cache to write back. */
	return CALL_OK;
}
