// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * pamt_model_pair.c - leaves that install a page pair or take it back: PAMT.ADD, PAMT.REMOVE,
 * DEMOTE and PROMOTE.
 */
#include "lab/explore/pamt_model_internal.h"

/* A page that is to become part of a pair: a shared walk, unless it lies in `own`. */
static tdx_status_t walk_donated(struct pamt_model *model, uint64_t at, uint64_t own,
				 uint64_t operand)
{
	struct model_region *region = region_at(model, at);
	uint16_t entry = PAGE_FREE;
	tdx_status_t status;

	if (at >> TDX_2M_SHIFT == own >> TDX_2M_SHIFT)
		return answer(TDX_SUCCESS, 0);
	if (!lock_shared(region))
		return answer(TDX_OPERAND_BUSY, operand);
	if (region->type == TDX_PT_PAMT)
		entry = os_load16(page_at(model, at), OS_RELAXED);
	if (entry & PAGE_LOCK)
		status = answer(TDX_OPERAND_BUSY, operand);
	else if (region->type == TDX_PT_REG || PAGE_TYPE(entry) != TDX_PT_NDA)
		status = answer(TDX_PAGE_NOT_FREE, operand);
	else
		return answer(TDX_SUCCESS, 0);
	unlock_shared(region);
	return status;
}

static void unwalk_donated(struct pamt_model *model, uint64_t at, uint64_t own)
{
	if (at >> TDX_2M_SHIFT != own >> TDX_2M_SHIFT)
		unlock_shared(region_at(model, at));
}

/* Both bits of a pair, or none. */
static tdx_status_t claim_pair(struct pamt_model *model, const uint64_t pair[2],
			       const uint64_t op[2])
{
	if (!claim_bit(model, pair[0]))
		return answer(TDX_PAGE_NOT_FREE, op[0]);
	if (!claim_bit(model, pair[1])) {
		clear_bit(model, pair[0]);
		return answer(TDX_PAGE_NOT_FREE, op[1]);
	}
	return answer(TDX_SUCCESS, 0);
}

/*
 * The target's 2M entry is held exclusively: walk to both pages, claim them, install them. own:
 * the region whose pages need no walk, the target for ADD; DEMOTE has none, and so meets its own
 * lock where a page lies in what it demotes.
 */
static tdx_status_t install_pair(struct pamt_model *model, uint64_t target, uint64_t own,
				 const uint64_t pair[2], const uint64_t op[2])
{
	struct model_region *region = region_at(model, target);
	tdx_status_t status = walk_donated(model, pair[0], own, op[0]);

	if (status.v)
		return status;
	status = walk_donated(model, pair[1], own, op[1]);
	if (!status.v) {
		status = claim_pair(model, pair, op);
		unwalk_donated(model, pair[1], own);
	}
	if (!status.v) {
		region->pair[0] = hpa(pair[0]);
		region->pair[1] = hpa(pair[1]);
		region->type = TDX_PT_PAMT;
	}
	unwalk_donated(model, pair[0], own);
	return status;
}

tdx_status_t model_pamt_add(struct pamt_model *model, struct tdx_regs *regs)
{
	static const uint64_t op[2] = { TDX_OP_RDX, TDX_OP_R8 };
	uint64_t target = regs->rcx & ~UINT64_C(7), pair[2] = { regs->rdx, regs->r8 };
	struct model_region *region;
	tdx_status_t status;

	if ((regs->rcx & 7) != TDX_2M || target % TDX_2M_SIZE)
		return answer(TDX_OPERAND_INVALID, TDX_OP_RCX);
	for (unsigned int i = 0; i < 2; i++) {
		if (pair[i] % TDX_PAGE_SIZE || pair[i] >> TDX_PA_BITS)
			return answer(TDX_OPERAND_INVALID, op[i]);
		if (!is_known(model, pair[i]))
			return answer(TDX_OPERAND_ADDR_RANGE_ERROR, op[i]);
	}
	if (!is_known(model, target))
		return answer(TDX_OPERAND_ADDR_RANGE_ERROR, TDX_OP_RCX);
	region = region_at(model, target);
	if (!lock_exclusive(region))
		return answer(TDX_OPERAND_BUSY, TDX_OP_RCX);
	if (region->type != TDX_PT_NDA)
		status = answer(TDX_HPA_RANGE_NOT_FREE, TDX_OP_RCX);
	else
		status = install_pair(model, target, target, pair, op);
	unlock_exclusive(region);
	return status;
}

tdx_status_t model_pamt_remove(struct pamt_model *model, struct tdx_regs *regs)
{
	uint64_t target = regs->rcx & ~UINT64_C(7);
	struct model_region *region;
	tdx_status_t status = answer(TDX_SUCCESS, 0);

	if ((regs->rcx & 7) != TDX_2M || target % TDX_2M_SIZE)
		return answer(TDX_OPERAND_INVALID, TDX_OP_RCX);
	if (!is_known(model, target))
		return answer(TDX_OPERAND_ADDR_RANGE_ERROR, TDX_OP_RCX);
	region = region_at(model, target);
	if (!lock_exclusive(region))
		return answer(TDX_OPERAND_BUSY, TDX_OP_RCX);
	if (region->type != TDX_PT_PAMT)
		status = answer(TDX_NO_PAMT_PAGE_PAIR, TDX_OP_RCX);
	else if (region->used[0] || region->used[1])
		/* The detail is the page of the pair, not an operand. */
		status = answer(TDX_PAMT_PAGE_NOT_EMPTY, !region->used[0]);
	else if (os_load16(&region->count, OS_ACQUIRE))
		return model_fatal(model,
				   "PAMT.REMOVE found free pages and a page count that is not 0");
	if (!status.v) {
		clear_bit(model, region->pair[0].v);
		clear_bit(model, region->pair[1].v);
		region->type = TDX_PT_NDA;
		regs->rdx = region->pair[0].v;
		regs->r8 = region->pair[1].v;
	}
	unlock_exclusive(region);
	return status;
}

static void set_pages(struct pamt_model *model, uint64_t base, enum tdx_page_type type)
{
	for (uint64_t at = base; at < base + TDX_2M_SIZE; at += TDX_PAGE_SIZE)
		page_at(model, at)->v = PAGE(type);
}

tdx_status_t model_demote(struct pamt_model *model, struct tdx_regs *regs)
{
	static const uint64_t op[2] = { TDX_OP_R12, TDX_OP_R13 };
	uint64_t target = regs->rcx & ~UINT64_C(0xfff), pair[2] = { regs->r12, regs->r13 };
	struct model_region *region = region_at(model, target);
	tdx_status_t status = model_claim_page(model, regs->r8, TDX_OP_R8);

	if (status.v)
		return status;
	if (!lock_exclusive(region))
		status = answer(TDX_OPERAND_BUSY, TDX_OP_RCX);
	else {
		for (unsigned int i = 0; i < 2 && !status.v; i++)
			if (!is_known(model, pair[i]))
				status = answer(TDX_OPERAND_ADDR_RANGE_ERROR, op[i]);
		if (!status.v)
			status = install_pair(model, target, UINT64_MAX, pair, op);
		if (!status.v) {
			set_pages(model, target, TDX_PT_REG);
			region->used[0] = region->used[1] = TDX_PAGES_PER_2M / 2;
			os_store16(&region->count, TDX_PAGES_PER_2M, OS_RELAXED);
			region->sept = hpa(regs->r8);
		}
		unlock_exclusive(region);
	}
	if (!status.v) {
		model_page_done(model, regs->r8, TDX_PT_EPT);
		return status;
	}
	os_store16(page_at(model, regs->r8), PAGE_FREE, OS_RELEASE);
	unlock_shared(region_at(model, regs->r8));
	return status;
}

tdx_status_t model_promote(struct pamt_model *model, struct tdx_regs *regs)
{
	uint64_t target = regs->rcx & ~UINT64_C(0xfff), hint = 0;
	struct model_region *region = region_at(model, target);
	uint16_t entry = PAGE(TDX_PT_EPT);
	tdx_status_t status;
	tdx_hpa_t sept;

	if (region->type != TDX_PT_PAMT || region->used[0] + region->used[1] != TDX_PAGES_PER_2M)
		return answer(TDX_EPT_INVALID_PROMOTE_CONDITIONS, TDX_OP_RCX);
	sept = region->sept;
	if (!os_cas16(page_at(model, sept.v), &entry, entry | PAGE_LOCK, OS_ACQUIRE))
		return answer(TDX_OPERAND_BUSY, TDX_OP_RCX);
	if (!lock_exclusive(region)) {
		os_store16(page_at(model, sept.v), PAGE(TDX_PT_EPT), OS_RELEASE);
		return answer(TDX_OPERAND_BUSY, TDX_OP_RCX);
	}
	set_pages(model, target, TDX_PT_NDA);
	region->used[0] = region->used[1] = 0;
	os_store16(&region->count, 0, OS_RELAXED);
	region->type = TDX_PT_REG;
	clear_bit(model, region->pair[0].v);
	clear_bit(model, region->pair[1].v);
	regs->r12 = region->pair[0].v;
	regs->r13 = region->pair[1].v;
	unlock_exclusive(region);
	status = model_release_page(model, sept.v, false, &hint);
	regs->rcx = sept.v | hint;
	return status;
}
