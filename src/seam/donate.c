// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * donate.c - checks and marks of the two pages that the host donates as a region's page pair.
 *
 * The order in which PAMT.ADD and DEMOTE report differs: ADD checks format and range page by page,
 * DEMOTE the format of both and then the range of both. From there on they are alike: each page's
 * metadata by a shared walk, then both bits. The bit decides: two calls may walk to the same page
 * at once, and only one of them finds it clear.
 */
#include "seam/donate.h"
#include "seam/guard.h"
#include "seam/hpa.h"

static bool is_page(const struct call *call, tdx_hpa_t address)
{
	return hpa_is_private(call->seam, address, TDX_PAGE_SIZE);
}

/* One page is free as far as its metadata says. */
static inline tdx_status_t check_free(struct call *call, tdx_hpa_t address, region_t skip,
				      enum tdx_operand operand)
{
	struct pamt_page page;

	if (hpa_to_region(address).v == skip.v)
		return CALL_OK;
	if (!pamt_walk(call, address, TDX_4K, false, &page))
		return status_operand(TDX_OPERAND_BUSY, operand);
	if (pamt_type(page.head) != TDX_PT_NDA)
		return status_operand(TDX_PAGE_NOT_FREE, operand);
	return CALL_OK;
}

tdx_status_t donate_claim(struct call *call, const tdx_hpa_t pair[2], region_t skip,
			  enum tdx_operand first, enum tdx_operand second)
{
	const struct tdmr *tdmr[2] = { pamt_find_tdmr(call, pair[0]),
				       pamt_find_tdmr(call, pair[1]) };
	tdx_status_t status = check_free(call, pair[0], skip, first);

	if (call_failed(status))
		return status;
	status = check_free(call, pair[1], skip, second);
	if (call_failed(status))
		return status;
	if (pamt_bit_set(call, tdmr[0], pair[0]))
		return status_operand(TDX_PAGE_NOT_FREE, first);
	if (pamt_bit_set(call, tdmr[1], pair[1])) {
		pamt_bit_clear(call, tdmr[0], pair[0]);
		return status_operand(TDX_PAGE_NOT_FREE, second);
	}
	guard_taken(call, pair[0]);
	guard_taken(call, pair[1]);
	return CALL_OK;
}

tdx_status_t donate_pair(struct call *call, const tdx_hpa_t pair[2], enum tdx_operand first,
			 enum tdx_operand second)
{
	const region_t none = { UINT64_MAX };

	if (!is_page(call, pair[0]))
		return status_operand(TDX_OPERAND_INVALID, first);
	if (!is_page(call, pair[1]))
		return status_operand(TDX_OPERAND_INVALID, second);
	if (!pamt_find_tdmr(call, pair[0]))
		return status_operand(TDX_OPERAND_ADDR_RANGE_ERROR, first);
	if (!pamt_find_tdmr(call, pair[1]))
		return status_operand(TDX_OPERAND_ADDR_RANGE_ERROR, second);
	return donate_claim(call, pair, none, first, second);
}

void donate_return(struct call *call, const tdx_hpa_t pair[2])
{
	for (int i = 0; i < 2; i++) {
		/* The module has ended when it was mapped. */
		if (!pamt_is_owned(call, pair[i], TDX_PAGE_SIZE))
			continue;
		guard_freed(call, pair[i], TDX_4K);
		pamt_bit_clear(call, pamt_find_tdmr(call, pair[i]), pair[i]);
	}
}
