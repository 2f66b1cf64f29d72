/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * hpa.h - checks of physical-address operands, as far as they need no metadata.
 */
#ifndef SEAM_HPA_H
#define SEAM_HPA_H

#include "seam/module.h"

/*
 * The address of a private page of bytes (a power of two): aligned, no KeyID bits, below 2^52.
 * Bits between the machine's address width and 52 are not looked at here: no TDMR has them.
 */
static inline bool hpa_is_private(const struct seam *seam, tdx_hpa_t address, uint64_t bytes)
{
	uint64_t bad = (bytes - 1) | seam->hkid_mask | ~((UINT64_C(1) << TDX_PA_BITS) - 1);

	return !(address.v & bad);
}

/*
 * The address of a shared buffer of bytes, aligned to align (a power of two): below 2^52, with a
 * shared KeyID, outside the module's own range.
 */
bool hpa_is_shared(const struct seam *seam, tdx_hpa_t address, uint64_t align, uint64_t bytes);

/* The address without its KeyID. */
static inline tdx_hpa_t hpa_strip(const struct seam *seam, tdx_hpa_t address)
{
	return hpa(address.v & ~seam->hkid_mask);
}

/* The address with a KeyID. */
static inline tdx_hpa_t hpa_with_key(const struct seam *seam, tdx_hpa_t address, uint16_t hkid)
{
	return hpa(address.v | (uint64_t)hkid << seam->hkid_start_bit);
}

/* The byte there, good to the end of its 4K page. */
static inline void *module_map(const struct seam *seam, tdx_hpa_t address, enum os_access access)
{
	return seam->os->map_module(seam->os->ctx, address, access);
}

#endif
