// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * hotplug.c - whether memory may come and go while the module is up.
 *
 * TDMRs are fixed when the module is configured. Memory that appears later and lies in none can
 * never be a TD's; an OS that hands out any page for TDs must not bring it online. Pages of the
 * pool, pairs and guest memory cannot be moved, so memory may leave when no region of it is used.
 */
#include "host/region.h"

int pamt_may_online(struct pamt_host *host, tdx_hpa_t base, uint64_t bytes)
{
	return pages_are_tdx(host, hpa_to_pfn(base), bytes >> TDX_PAGE_SHIFT) ? 0 : -OS_EINVAL;
}

static bool has_pamt(const struct pamt_host *host, struct span s)
{
	for (uint32_t i = 0; i < host->layout.nr_tdmrs; i++) {
		const struct pamt_tdmr *t = &host->layout.tdmr[i];

		if (t->pamt_base.v < s.end && t->pamt_base.v + tdmr_pamt_bytes(t) > s.base)
			return true;
	}
	return false;
}

int pamt_offline(struct pamt_host *host, tdx_hpa_t base, uint64_t bytes)
{
	struct span s = { base.v, base.v + bytes };

	if (has_pamt(host, s))
		return -OS_EBUSY;
	if (!has_regions(host) || !bytes)
		return 0;
	/* What is kept for later only must not stand in the way. */
	pamt_shrink(host, UINT64_MAX);
	for (uint64_t r = s.base >> TDX_2M_SHIFT; r <= (s.end - 1) >> TDX_2M_SHIFT; r++) {
		os_a16_t *word = region_word(host, (region_t){ r });

		if (word && region_state(region_read(host, word)) != REGION_STATE_FREE)
			return -OS_EBUSY;
		if (r % 4096 == 0)
			os_resched();
	}
	return 0;
}
