/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * donate.h - page pairs in the host's hands: two free 4K pages that PAMT.ADD and DEMOTE are given,
 * and that PAMT.REMOVE and PROMOTE give back.
 */
#ifndef SEAM_DONATE_H
#define SEAM_DONATE_H

#include "seam/pamt.h"

/*
 * DEMOTE: checks both pages and marks them in the bitmap. On failure neither is marked. Their 2M
 * regions are locked shared until the leaf returns.
 */
PAMT_MUST_CHECK tdx_status_t donate_pair(struct call *call, const tdx_hpa_t pair[2],
					 enum tdx_operand first, enum tdx_operand second);
/*
 * The second half of it, for PAMT.ADD, which has looked at format and range of both pages, and then
 * at its target: their metadata, and both bits. skip: region whose entry the caller has locked and
 * found free, so that its pages need no walk.
 */
PAMT_MUST_CHECK tdx_status_t donate_claim(struct call *call, const tdx_hpa_t pair[2], region_t skip,
					  enum tdx_operand first, enum tdx_operand second);
/* The two pages are the host's again. */
void donate_return(struct call *call, const tdx_hpa_t pair[2]);

#endif
