// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * pamt_model_page.c - leaves that give a page to a TD or take it back: 4K pages by a walk or by the
 * S-EPT, and whole regions.
 */
#include "lab/explore/pamt_model_internal.h"

/*
 * A free 4K page for a TD: a shared walk, then the leaf exclusively. On success both locks are
 * held: model_page_done() makes the page what it is to be and releases them.
 */
tdx_status_t model_claim_page(struct pamt_model *model, uint64_t at, uint64_t operand)
{
	struct model_region *region;
	uint16_t entry = PAGE_FREE;
	tdx_status_t status;

	if (at % TDX_PAGE_SIZE || !is_known(model, at))
		return answer(TDX_OPERAND_ADDR_RANGE_ERROR, operand);
	region = region_at(model, at);
	if (!lock_shared(region))
		return answer(TDX_OPERAND_BUSY, operand);
	if (region->type == TDX_PT_NDA)
		status = answer(TDX_MISSING_PAMT_PAGE_PAIR, operand);
	else if (region->type != TDX_PT_PAMT)
		status = answer(TDX_PAGE_METADATA_INCORRECT, operand);
	else if (os_cas16(page_at(model, at), &entry, PAGE_FREE | PAGE_LOCK, OS_ACQUIRE))
		status = answer(TDX_SUCCESS, 0);
	else if (entry & PAGE_LOCK)
		status = answer(TDX_OPERAND_BUSY, operand);
	else
		status = answer(TDX_PAGE_METADATA_INCORRECT, operand);
	if (!status.v && test_bit(model, at)) {
		os_store16(page_at(model, at), PAGE_FREE, OS_RELEASE);
		status = answer(TDX_PAGE_METADATA_INCORRECT, operand);
	}
	if (status.v)
		unlock_shared(region);
	return status;
}

void model_page_done(struct pamt_model *model, uint64_t at, enum tdx_page_type type)
{
	struct model_region *region = region_at(model, at);

	++*used_at(model, at);
	os_fetch_add16(&region->count, 1, OS_RELAXED);
	os_store16(page_at(model, at), PAGE(type), OS_RELEASE);
	unlock_shared(region);
}

/*
 * The page is free again. walked: the caller holds the 2M entry shared. A leaf that came by the
 * S-EPT does not: it marks the page free first and lowers the count afterwards, and its last
 * access to the pair's page is the unlock.
 */
tdx_status_t model_release_page(struct pamt_model *model, uint64_t at, bool walked, uint64_t *hint)
{
	struct model_region *region = region_at(model, at);
	os_a16_t *page = page_at(model, at);
	uint16_t count;

	os_store16(page, PAGE_FREE | PAGE_LOCK, OS_RELAXED);
	--*used_at(model, at);
	count = os_fetch_add16(&region->count, (uint16_t)-1, OS_RELAXED);
	*hint = count == 1 ? TDX_HINT_BIT : 0;
	if (!walked && region->type != TDX_PT_PAMT)
		return model_fatal(model,
				   "a pair was removed before the leaf that freed its last page "
				   "had lowered the count");
	os_store16(page, PAGE_FREE, OS_RELEASE);
	if (!walked && region->type != TDX_PT_PAMT)
		return model_fatal(model,
				   "a pair was removed before the leaf that freed its last page "
				   "returned");
	return answer(TDX_SUCCESS, 0);
}

tdx_status_t model_aug(struct pamt_model *model, struct tdx_regs *regs)
{
	struct model_region *region;
	tdx_status_t status;

	if ((regs->rcx & 7) == TDX_4K) {
		status = model_claim_page(model, regs->r8, TDX_OP_R8);
		if (!status.v)
			model_page_done(model, regs->r8, TDX_PT_REG);
		return status;
	}
	if (regs->r8 % TDX_2M_SIZE || !is_known(model, regs->r8))
		return answer(TDX_OPERAND_INVALID, TDX_OP_R8);
	region = region_at(model, regs->r8);
	if (!lock_exclusive(region))
		return answer(TDX_OPERAND_BUSY, TDX_OP_R8);
	status = answer(TDX_SUCCESS, 0);
	if (region->type != TDX_PT_NDA)
		status = answer(TDX_PAGE_METADATA_INCORRECT, TDX_OP_R8);
	for (uint64_t at = regs->r8; !status.v && at < regs->r8 + TDX_2M_SIZE;
	     at += 64 * TDX_PAGE_SIZE) {
		uint64_t bit;

		if (os_load64(bitmap_word(model, at, &bit), OS_ACQUIRE))
			status = answer(TDX_PAGE_METADATA_INCORRECT, TDX_OP_R8);
	}
	if (!status.v)
		region->type = TDX_PT_REG;
	unlock_exclusive(region);
	return status;
}

/* By the S-EPT: no walk is made, only the entry itself is locked. why: its region has no pair. */
static tdx_status_t remove_4k(struct pamt_model *model, struct tdx_regs *regs, uint16_t entry,
			      const char *why)
{
	uint64_t at = regs->rcx & ~UINT64_C(0xfff), hint = 0;
	tdx_status_t status;

	if (region_at(model, at)->type != TDX_PT_PAMT)
		return model_fatal(model, why);
	if (!os_cas16(page_at(model, at), &entry, entry | PAGE_LOCK, OS_ACQUIRE))
		return entry & PAGE_LOCK ? answer(TDX_OPERAND_BUSY, TDX_OP_RCX)
					 : answer(TDX_EPT_ENTRY_STATE_INCORRECT, TDX_OP_RCX);
	status = model_release_page(model, at, false, &hint);
	regs->rcx = at | hint;
	return status;
}

tdx_status_t model_page_remove(struct pamt_model *model, struct tdx_regs *regs)
{
	uint64_t at = regs->rcx & ~UINT64_C(0xfff);
	struct model_region *region = region_at(model, at);

	if ((regs->rcx & 7) == TDX_2M) {
		if (!lock_exclusive(region))
			return answer(TDX_OPERAND_BUSY, TDX_OP_RCX);
		region->type = TDX_PT_NDA;
		unlock_exclusive(region);
		regs->rcx = at;
		return answer(TDX_SUCCESS, 0);
	}
	return remove_4k(model, regs, PAGE(TDX_PT_REG), "a mapped page's region has no pair");
}

tdx_status_t model_sept_add(struct pamt_model *model, struct tdx_regs *regs)
{
	tdx_status_t status = model_claim_page(model, regs->r8, TDX_OP_R8);

	if (!status.v)
		model_page_done(model, regs->r8, TDX_PT_EPT);
	return status;
}

tdx_status_t model_sept_remove(struct pamt_model *model, struct tdx_regs *regs)
{
	return remove_4k(model, regs, PAGE(TDX_PT_EPT), "a control page's region has no pair");
}

tdx_status_t model_reclaim(struct pamt_model *model, struct tdx_regs *regs)
{
	uint64_t at = regs->rcx, hint = 0;
	struct model_region *region;
	uint16_t entry;
	tdx_status_t status;

	if (at % TDX_PAGE_SIZE || !is_known(model, at))
		return answer(TDX_OPERAND_INVALID, TDX_OP_RCX);
	region = region_at(model, at);
	if (!lock_shared(region))
		return answer(TDX_OPERAND_BUSY, TDX_OP_RCX);
	entry = os_load16(page_at(model, at), OS_RELAXED);
	if (region->type != TDX_PT_PAMT || PAGE_TYPE(entry) == TDX_PT_NDA)
		status = answer(TDX_PAGE_METADATA_INCORRECT, TDX_OP_RCX);
	else if ((entry & PAGE_LOCK) ||
		 !os_cas16(page_at(model, at), &entry, entry | PAGE_LOCK, OS_ACQUIRE))
		status = answer(TDX_OPERAND_BUSY, TDX_OP_RCX);
	else
		status = model_release_page(model, at, true, &hint);
	unlock_shared(region);
	regs->r9 = hint;
	return status;
}
