// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * hpa.c - the check of shared-address operands.
 */
#include "seam/hpa.h"

bool hpa_is_shared(const struct seam *seam, tdx_hpa_t address, uint64_t align, uint64_t bytes)
{
	const struct tdx_cmr *seamrr = &seam->config.seamrr;
	uint64_t at = hpa_strip(seam, address).v;

	if (address.v & (align - 1) || address.v >> TDX_PA_BITS)
		return false;
	if (at < seamrr->base + seamrr->size && seamrr->base < at + bytes)
		return false;
	/* The KeyID's field holds a shared KeyID. */
	return (address.v & seam->hkid_mask) >> seam->hkid_start_bit < seam->config.hkid_min;
}
