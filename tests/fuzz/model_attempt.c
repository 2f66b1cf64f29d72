// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * model_attempt.c - questions and changes that the rules of several leaves share.
 */
#include "model_attempt.h"

void hold(struct attempt *a, uint64_t page, bool exclusive, bool direct)
{
	a->holding[a->nr_holding++] = (struct holding){ page & ~(SIZE_4K - 1), exclusive, direct };
}

/* Does what the call holds stand in the way of a walk to this page? */
static bool in_own_way(const struct attempt *a, uint64_t page, unsigned int level, bool exclusive)
{
	for (unsigned int i = 0; i < a->nr_holding; i++) {
		const struct holding *h = &a->holding[i];
		bool same_page = h->page == (page & ~(SIZE_4K - 1));
		bool same_region = !((h->page ^ page) & ~(SIZE_2M - 1));

		if (level == TDX_2M && exclusive && same_region && !h->direct)
			return true;
		if (level == TDX_4K && same_page && (exclusive || h->exclusive))
			return true;
	}
	return false;
}

bool bad_private(const struct attempt *a, uint64_t hpa, uint64_t size)
{
	return hpa & (size - 1) || hpa & m_key_mask(a->m) || hpa >> 52;
}

bool bad_shared(const struct attempt *a, uint64_t hpa, uint64_t align)
{
	uint64_t plain = hpa & ~m_key_mask(a->m);
	uint64_t key = (hpa & m_key_mask(a->m)) >> (a->m->config.max_pa - a->m->config.hkid_bits);
	const struct tdx_cmr *own = &a->m->config.seamrr;

	return hpa & (align - 1) || hpa >> 52 || key >= a->m->config.hkid_min ||
	       (plain < own->base + own->size && plain + align > own->base);
}

uint64_t page_operand(struct attempt *a, uint64_t hpa, unsigned int op, int type, bool exclusive)
{
	if (bad_private(a, hpa, SIZE_4K))
		return TDX_OPERAND_INVALID | op;
	if (!m_covered(a->m, hpa))
		return TDX_OPERAND_ADDR_RANGE_ERROR | op;
	if (m_level(a->m, hpa) == TDX_4K && in_own_way(a, hpa, TDX_4K, exclusive))
		return TDX_OPERAND_BUSY | op;
	if (m_level(a->m, hpa) != TDX_4K || m_type(a->m, hpa) != type)
		return TDX_PAGE_METADATA_INCORRECT | op;
	hold(a, hpa, exclusive, false);
	return 0;
}

uint64_t free_page(struct attempt *a, uint64_t hpa, unsigned int op)
{
	unsigned int level;

	if (bad_private(a, hpa, SIZE_4K))
		return TDX_OPERAND_INVALID | op;
	if (!m_covered(a->m, hpa))
		return TDX_OPERAND_ADDR_RANGE_ERROR | op;
	level = m_level(a->m, hpa);
	if (in_own_way(a, hpa, level, true))
		return TDX_OPERAND_BUSY | op;
	if (level != TDX_4K)
		return (a->m->dynamic && level == TDX_2M && m_type(a->m, hpa) == TDX_PT_NDA
				? TDX_MISSING_PAMT_PAGE_PAIR
				: TDX_PAGE_METADATA_INCORRECT) |
		       op;
	if (m_type(a->m, hpa) != TDX_PT_NDA || m_donated(a->m, hpa))
		return TDX_PAGE_METADATA_INCORRECT | op;
	hold(a, hpa, true, false);
	return 0;
}

uint64_t td_operand(struct attempt *a, uint64_t hpa, unsigned int op, bool exclusive)
{
	uint64_t status = page_operand(a, hpa, op, TDX_PT_TDR, exclusive);

	if (!status)
		a->td = m_find_td(a->m, hpa);
	return status;
}

uint64_t td_built(const struct attempt *a, unsigned int states)
{
	if (a->td->fatal)
		return TDX_TD_FATAL;
	if (a->td->lifecycle != TDX_KEYS_CONFIGURED)
		return TDX_TD_KEYS_NOT_CONFIGURED;
	if (a->td->nr_tdcx < TDX_MIN_TDCX)
		return TDX_TDCS_NOT_ALLOCATED;
	if (!(states >> a->td->op_state & 1))
		return TDX_OP_STATE_INCORRECT | a->td->op_state;
	return 0;
}

uint64_t mapping_operand(struct attempt *a, unsigned int low, unsigned int high)
{
	uint64_t rcx = a->in->rcx;

	a->level = rcx & 7;
	a->gpa = rcx & UINT64_C(0x000ffffffffff000);
	if (rcx & 0xff8 || rcx >> 52 || a->level < low || a->level > high ||
	    a->gpa & ((UINT64_C(1) << TDX_LEVEL_SHIFT(a->level)) - 1))
		return OP(TDX_OPERAND_INVALID, RCX);
	return 0;
}

/* Is there a table down to the level at this GPA? */
static bool tables_reach(const struct m_td *td, uint64_t gpa, unsigned int level)
{
	for (unsigned int l = td->pwl; l > level; l--) {
		const struct m_map *map =
			m_find_map(td, gpa & ~((UINT64_C(1) << TDX_LEVEL_SHIFT(l)) - 1), l);

		if (!map || !map->table || map->blocked)
			return false;
	}
	return true;
}

static uint64_t walk(struct attempt *a)
{
	if (a->gpa >> a->td->gpa_bits)
		return OP(TDX_OPERAND_INVALID, RCX);
	a->loose |= REG_BIT(rcx) | REG_BIT(rdx); /* details of the entry on errors */
	if (!tables_reach(a->td, a->gpa, a->level))
		return OP(TDX_EPT_WALK_FAILED, RCX);
	a->map = m_find_map(a->td, a->gpa, a->level);
	return 0;
}

uint64_t mapping(struct attempt *a, uint64_t tdr, bool exclusive, unsigned int states,
		 unsigned int low, unsigned int high)
{
	uint64_t status = td_operand(a, tdr, TDX_OP_RDX, exclusive);

	if (!status)
		status = td_built(a, states);
	if (!status)
		status = mapping_operand(a, low, high > a->td->pwl ? a->td->pwl : high);
	return status ? status : walk(a);
}

/* Are all vCPUs past the time when the range was blocked? */
static bool tracked(const struct m_td *td, uint64_t bepoch)
{
	return bepoch + 1 < td->epoch || (bepoch + 1 == td->epoch && !td->inside[bepoch & 1]);
}

uint64_t out_of_reach(const struct attempt *a)
{
	if (a->td->op_state != TDX_OP_RUNNABLE)
		return 0;
	if (!a->map->blocked)
		return OP(TDX_GPA_RANGE_NOT_BLOCKED, RCX);
	return tracked(a->td, a->map->bepoch) ? 0 : OP(TDX_TLB_TRACKING_NOT_DONE, RCX);
}

uint64_t donate(struct attempt *a, uint64_t page0, unsigned int op0, uint64_t page1,
		unsigned int op1, uint64_t region, bool own_region_is_fine)
{
	const uint64_t page[2] = { page0, page1 };
	const unsigned int op[2] = { op0, op1 };

	for (int i = 0; i < 2; i++) {
		if (own_region_is_fine && !((page[i] ^ region) & ~(SIZE_2M - 1)))
			continue;
		if (!((page[i] ^ region) & ~(SIZE_2M - 1)) ||
		    in_own_way(a, page[i], m_level(a->m, page[i]), false))
			return TDX_OPERAND_BUSY | op[i];
		if (m_type(a->m, page[i]) != TDX_PT_NDA)
			return TDX_PAGE_NOT_FREE | op[i];
	}
	for (int i = 0; i < 2; i++)
		if (m_donated(a->m, page[i]) || (i && page[0] == page[1]))
			return TDX_PAGE_NOT_FREE | op[i];
	return 0;
}

uint64_t free_region(struct attempt *a, uint64_t hpa, unsigned int op)
{
	if (bad_private(a, hpa, SIZE_2M))
		return TDX_OPERAND_INVALID | op;
	if (!m_covered(a->m, hpa))
		return TDX_OPERAND_ADDR_RANGE_ERROR | op;
	if (in_own_way(a, hpa, TDX_2M, true))
		return TDX_OPERAND_BUSY | op;
	return m_region_is_free(a->m, hpa) ? 0 : TDX_PAGE_METADATA_INCORRECT | op;
}

/* ------------------------------------------------------------------------------------------- */
/* Changes.                                                                                     */

void take_page(struct attempt *a, uint64_t hpa, int type, uint64_t owner)
{
	struct m_page *page = m_page(a->m, hpa);

	page->type = type;
	page->owner = owner;
}

uint64_t give_page(struct attempt *a, uint64_t hpa)
{
	return hpa | (m_free_page(a->m, hpa) ? TDX_HINT_BIT : 0);
}

void set_pair(struct model *m, uint64_t region_hpa, uint64_t page0, uint64_t page1)
{
	struct m_region *region = m_region(m, region_hpa);

	region->has_pair = true;
	region->pair[0] = page0;
	region->pair[1] = page1;
	m_page(m, page0)->donated = true;
	m_page(m, page1)->donated = true;
}

void clear_pair(struct model *m, struct m_region *region)
{
	region->has_pair = false;
	m_page(m, region->pair[0])->donated = false;
	m_page(m, region->pair[1])->donated = false;
}
