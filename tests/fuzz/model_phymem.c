// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * model_phymem.c - rules of the PHYMEM leaves.
 */
#include "model_attempt.h"

/* HPA and size in RCX, of exactly that size. */
static uint64_t region_operand(struct attempt *a)
{
	uint64_t rcx = a->in->rcx;

	if ((rcx & 0xfff) != TDX_2M || bad_private(a, rcx & ~UINT64_C(0xfff), SIZE_2M))
		return OP(TDX_OPERAND_INVALID, RCX);
	return 0;
}

uint64_t pamt_add(struct attempt *a)
{
	uint64_t region = a->in->rcx & ~UINT64_C(0xfff), status;

	if (!a->m->dynamic)
		return OP(TDX_OPERAND_INVALID, RAX);
	status = region_operand(a);
	if (status)
		return status;
	if (bad_private(a, a->in->rdx, SIZE_4K))
		return OP(TDX_OPERAND_INVALID, RDX);
	if (!m_covered(a->m, a->in->rdx))
		return OP(TDX_OPERAND_ADDR_RANGE_ERROR, RDX);
	if (bad_private(a, a->in->r8, SIZE_4K))
		return OP(TDX_OPERAND_INVALID, R8);
	if (!m_covered(a->m, a->in->r8))
		return OP(TDX_OPERAND_ADDR_RANGE_ERROR, R8);
	if (!m_covered(a->m, region))
		return OP(TDX_OPERAND_ADDR_RANGE_ERROR, RCX);
	if (m_level(a->m, region) != TDX_2M || m_type(a->m, region) != TDX_PT_NDA)
		return OP(TDX_HPA_RANGE_NOT_FREE, RCX);
	status = donate(a, a->in->rdx, TDX_OP_RDX, a->in->r8, TDX_OP_R8, region, true);
	if (!status)
		set_pair(a->m, region, a->in->rdx, a->in->r8);
	return status;
}

uint64_t pamt_remove(struct attempt *a)
{
	uint64_t region_hpa = a->in->rcx & ~UINT64_C(0xfff), status;
	struct m_region *region;

	if (!a->m->dynamic)
		return OP(TDX_OPERAND_INVALID, RAX);
	status = region_operand(a);
	if (status)
		return status;
	if (!m_covered(a->m, region_hpa))
		return OP(TDX_OPERAND_ADDR_RANGE_ERROR, RCX);
	region = m_find_region(a->m, region_hpa);
	if (!region || !region->has_pair)
		return OP(TDX_NO_PAMT_PAGE_PAIR, RCX);
	for (uint64_t i = 0; i < 512; i++) {
		const struct m_page *page = m_find_page(a->m, region_hpa + i * SIZE_4K);

		if (page && page->type != TDX_PT_NDA)
			return TDX_PAMT_PAGE_NOT_EMPTY | i / 256;
	}
	a->want.rdx = region->pair[0];
	a->want.r8 = region->pair[1];
	clear_pair(a->m, region);
	return 0;
}

uint64_t page_rdmd(struct attempt *a)
{
	uint64_t rcx = a->in->rcx, at = rcx & ~UINT64_C(0xfff), size = rcx & 0xfff;
	const struct m_region *region = m_find_region(a->m, at);
	unsigned int level;

	a->want.rcx = a->want.rdx = a->want.r8 = a->want.r9 = a->want.r10 = a->want.r11 = 0;
	if (size > TDX_1G || (size && !a->m->dynamic) ||
	    bad_private(a, at, UINT64_C(1) << TDX_LEVEL_SHIFT(size)))
		return OP(TDX_OPERAND_INVALID, RCX);
	if (!m_covered(a->m, at))
		return OP(TDX_OPERAND_ADDR_RANGE_ERROR, RCX);
	level = m_level(a->m, at) > size ? m_level(a->m, at) : (unsigned int)size;
	a->want.r8 = level;
	a->loose |= REG_BIT(r9); /* the epoch */
	if (level == TDX_2M && region && region->has_pair) {
		a->want.rcx = TDX_PT_PAMT | TDX_RDMD_NODE;
		a->want.r10 = region->pair[0];
		a->want.r11 = region->pair[1];
		return 0;
	}
	if (level > m_level(a->m, at)) { /* an entry above the one that describes the page */
		a->loose |= REG_BIT(rdx);
		return 0;
	}
	a->want.rcx = (uint64_t)m_type(a->m, at);
	a->want.rdx = m_owner(a->m, at);
	if (a->want.rcx == TDX_PT_NDA) {
		a->loose |= REG_BIT(rdx);
		if (size == TDX_4K && m_donated(a->m, at)) {
			a->want.rcx = TDX_PT_PAMT;
			a->want.rdx = 0;
			a->want.r8 = 0;
		}
	}
	return 0;
}

uint64_t page_wbinvd(struct attempt *a)
{
	uint64_t at = a->in->rcx & ~m_key_mask(a->m);

	if (bad_private(a, at, SIZE_4K))
		return OP(TDX_OPERAND_INVALID, RCX);
	if (!m_covered(a->m, at))
		return OP(TDX_OPERAND_ADDR_RANGE_ERROR, RCX);
	if (m_type(a->m, at) != TDX_PT_NDA || m_donated(a->m, at))
		return OP(TDX_PAGE_METADATA_INCORRECT, RCX);
	return 0;
}

/* What a page that is no TDR gives back to its TD. */
static void reclaim_child(struct attempt *a, uint64_t at, unsigned int level)
{
	struct m_td *td = m_find_td(a->m, m_owner(a->m, at));

	td->children -= UINT64_C(1) << 9 * level;
	if (level == TDX_1G)
		m_drop_block(a->m, at);
	else if (level == TDX_2M)
		m_find_region(a->m, at)->leaf = false;
	else
		a->want.r9 = m_free_page(a->m, at) ? TDX_HINT_BIT : 0;
}

uint64_t page_reclaim(struct attempt *a)
{
	uint64_t at = a->in->rcx;
	const struct m_td *td;
	unsigned int level;
	int type;

	a->want.rcx = a->want.rdx = a->want.r8 = a->want.r9 = a->want.r10 = a->want.r11 = 0;
	if (bad_private(a, at, SIZE_4K))
		return OP(TDX_OPERAND_INVALID, RCX);
	if (!m_covered(a->m, at))
		return OP(TDX_OPERAND_ADDR_RANGE_ERROR, RCX);
	level = m_level(a->m, at);
	type = m_type(a->m, at);
	if (type == TDX_PT_NDA || type == TDX_PT_RSVD)
		return OP(TDX_PAGE_METADATA_INCORRECT, RCX);
	a->want.rcx = (uint64_t)type;
	a->want.rdx = m_owner(a->m, at);
	a->want.r8 = level;
	if (at & ((UINT64_C(1) << TDX_LEVEL_SHIFT(level)) - 1))
		return OP(TDX_OPERAND_INVALID, RCX);
	td = m_find_td(a->m, type == TDX_PT_TDR ? at : m_owner(a->m, at));
	if (td->lifecycle != TDX_TEARDOWN)
		return TDX_LIFECYCLE_STATE_INCORRECT;
	if (type != TDX_PT_TDR) {
		reclaim_child(a, at, level);
		return 0;
	}
	if (td->children)
		return TDX_TD_ASSOCIATED_PAGES_EXIST;
	m_drop_td(a->m, at);
	a->want.r9 = m_free_page(a->m, at) ? TDX_HINT_BIT : 0;
	return 0;
}
