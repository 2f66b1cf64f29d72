// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * layout_check.c - the rules of SYS.CONFIG as plainly as they can be written.
 */
#include "layout_check.h"

#define GIB (UINT64_C(1) << 30)

static uint64_t pamt_bytes(const struct pamt_tdmr *t)
{
	return t->pamt_4k_bytes + t->pamt_2m_bytes + t->pamt_1g_bytes;
}

/* Is [base, end) inside CMRs, joined where they touch? */
static bool inside_cmrs(uint64_t base, uint64_t end, const struct tdx_cmr *cmrs, uint32_t nr)
{
	for (uint32_t i = 0; i < nr && base < end; i++)
		if (base >= cmrs[i].base && base < cmrs[i].base + cmrs[i].size)
			base = cmrs[i].base + cmrs[i].size;
	return base >= end;
}

static const char *areas_fault(const struct pamt_tdmr *t)
{
	uint64_t last = 0;

	if (t->nr_reserved > TDX_MAX_RESERVED)
		return "more than 16 reserved areas";
	for (uint32_t i = 0; i < t->nr_reserved; i++) {
		uint64_t offset = t->reserved[i].offset, size = t->reserved[i].size;

		if ((offset | size) & 4095 || !size)
			return "reserved area not a multiple of 4K";
		if (i && offset <= last)
			return "reserved areas touch, overlap or are not ascending";
		if (offset + size > t->bytes)
			return "reserved area beyond the TDMR";
		last = offset + size;
	}
	return NULL;
}

/* Checks one available (not reserved) part of a TDMR. */
static const char *available_fault(const struct pamt_layout *l, uint64_t base, uint64_t end,
				   const struct tdx_cmr *cmrs, uint32_t nr_cmrs)
{
	if (base == end)
		return NULL;
	if (!inside_cmrs(base, end, cmrs, nr_cmrs))
		return "available memory outside the CMRs";
	for (uint32_t i = 0; i < l->nr_tdmrs; i++) {
		uint64_t pamt = l->tdmr[i].pamt_base.v;

		if (pamt < end && pamt + pamt_bytes(&l->tdmr[i]) > base)
			return "PAMT in available memory";
	}
	return NULL;
}

static const char *tdmr_fault(const struct pamt_layout *l, uint32_t i, const struct tdx_cmr *cmrs,
			      uint32_t nr_cmrs)
{
	const struct pamt_tdmr *t = &l->tdmr[i];
	uint64_t pages = t->bytes / 4096, at = t->base.v;
	const char *fault = areas_fault(t);

	if (fault)
		return fault;
	if ((t->base.v | t->bytes) & (GIB - 1) || !t->bytes)
		return "TDMR not a multiple of 1G";
	if (i && t->base.v < t[-1].base.v + t[-1].bytes)
		return "TDMRs overlap";
	if (t->pamt_4k_bytes < (l->dynamic ? pages / 8 : pages * 16) ||
	    t->pamt_2m_bytes < pages / 512 * 16 || t->pamt_1g_bytes < t->bytes / GIB * 16)
		return "PAMT too small";
	if ((t->pamt_base.v | t->pamt_4k_bytes | t->pamt_2m_bytes | t->pamt_1g_bytes) & 4095)
		return "PAMT not a multiple of 4K";
	if (!inside_cmrs(t->pamt_base.v, t->pamt_base.v + pamt_bytes(t), cmrs, nr_cmrs))
		return "PAMT outside the CMRs";
	for (uint32_t j = 0; j < i; j++)
		if (l->tdmr[j].pamt_base.v < t->pamt_base.v + pamt_bytes(t) &&
		    t->pamt_base.v < l->tdmr[j].pamt_base.v + pamt_bytes(&l->tdmr[j]))
			return "PAMT chunks overlap";
	for (uint32_t j = 0; !fault && j < t->nr_reserved; j++) {
		fault = available_fault(l, at, t->base.v + t->reserved[j].offset, cmrs, nr_cmrs);
		at = t->base.v + t->reserved[j].offset + t->reserved[j].size;
	}
	return fault ? fault : available_fault(l, at, t->base.v + t->bytes, cmrs, nr_cmrs);
}

const char *layout_fault(const struct pamt_layout *l, const struct tdx_cmr *cmrs, uint32_t nr_cmrs)
{
	const char *fault = l->nr_tdmrs ? NULL : "no TDMR";

	if (l->nr_tdmrs > TDX_MAX_TDMRS)
		return "more than 64 TDMRs";
	for (uint32_t i = 0; !fault && i < l->nr_tdmrs; i++)
		fault = tdmr_fault(l, i, cmrs, nr_cmrs);
	return fault;
}
